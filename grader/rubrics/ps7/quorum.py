"""An etcd that a learner wrote: whether it is one, what it loses, and what it says of itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from grader.behaviour import claim_at
from grader.diagnosis import names_of_pods, pods_not_ready
from grader.seen import Seen
from grader.trial import Trial
from grader.verdict import Verdict, earning, no, partly, yes
from statelab.controlplane.kinds import Object
from statelab.controlplane.quantity import whole

SET, MEMBERS = "statefulset/kv", ("kv-0", "kv-1", "kv-2")
_GI = 1024**3


def etcdctl(trial: Trial, pod: str, *words: str) -> tuple[bool, str]:
    """In a member's Pod: whether it ended well, and what it said, without its log."""
    ran = trial.exec(pod, "etcdctl", *words)
    said = [ran.out.strip(), *(each for each in ran.error.splitlines() if not each.startswith("{"))]
    return ran.code == 0, "\n".join(filter(None, said))


def endpoint(member: str) -> str:
    return f"--endpoints=http://{member}.kv:2379"


def put(trial: Trial, member: str, key: str, value: str, *, asker: str = "") -> str:
    """ "" when the write is acknowledged, else what was said."""
    ok, said = etcdctl(trial, asker or member, endpoint(member), "put", key, value)
    return "" if ok else said or "nothing"


def get(trial: Trial, member: str, key: str, *, own: bool = False) -> str:
    """What a member answers; `own`: from its own data, whatever the others have."""
    words = ["get", key, "--print-value-only", *(["--consistency=s"] if own else [])]
    return etcdctl(trial, member, endpoint(member), *words)[1]


def _line(trial: Trial, *path: str | int) -> int | None:
    spec = ("spec", "template", "spec")
    found = trial.line("StatefulSet", *spec, *path, name="kv") if path else None
    return found or trial.line("StatefulSet", *spec, "containers", 0, name="kv")


# ---- what it is


def is_there(trial: Trial) -> Verdict | None:
    """Why not three members are Ready and found by name; None when they are."""
    problem = pods_not_ready(trial, SET, 3)
    if problem is None:
        return names_of_pods(trial, "kv", "kv")
    pods, owner = trial.pods_of(SET), trial.get(SET)
    if owner is None or owner.at("spec", "replicas") != 3:
        return problem
    ended = next((each for each in pods if not each.ready and _has_ended(each)), None)
    if ended is not None:
        told = f"{ended.name} does not stay: its etcd ends."
        words = _last_words(trial, ended.name) or _why_not_started(ended)
        return no(told, *words, trial.evidence(ended.reference, most=3), line=_line(trial))
    waiting = [each for each in pods if not each.ready and each.phase == "Running" and not each.waiting_for]
    if not waiting:
        return problem
    said, seen = f"{waiting[0].name} runs, and does not get Ready.", trial.evidence(waiting[0].reference, most=3)
    if len(pods) < 3:
        said += f" {pods[-1].name} is the last there is: no later Pod is created before it is Ready."
        return no(said, seen, line=trial.line("StatefulSet", "spec", name="kv"))
    nameless = [each.name for each in pods if not trial.dns(f"{each.name}.kv").records]
    if nameless:
        named = names_of_pods(trial, "kv", "kv") or problem
        said += f" {nameless[0]}.kv is no name, so the others cannot find it: {named.message}"
        return no(said, seen, line=named.line or trial.line("Service", "spec", name="kv"))
    words = _says(trial, waiting[0].name)
    if not words:  # to itself it is healthy: whoever asks from outside is not answered
        return problem.at(_line(trial))
    return no(said, *words, *_last_words(trial, waiting[0].name), seen, line=_line(trial))


def _has_ended(pod: Seen) -> bool:
    """Whether its container has ended, of itself, since the Pod is there."""
    found = pod.at("status", "containerStatuses", 0) or {}
    return "terminated" in (found.get("state") or {}) or bool(found.get("restartCount"))


def _why_not_started(pod: Seen) -> list[str]:
    """In the container runtime's words."""
    status = pod.at("status", "containerStatuses", 0) or {}
    ended = [(status.get(each) or {}).get("terminated") or {} for each in ("state", "lastState")]
    return [f"{pod.name}: {each['message'].rpartition('init: ')[2][:200]}" for each in ended if each.get("message")][:1]


def _last_words(trial: Trial, pod: str) -> list[str]:
    """The last of its log that is no mere news, in etcd's words."""
    lines = [each for each in trial.log(pod) if each.strip()]
    plain = [each for each in lines if not each.startswith("{")]  # how to write a flag, after what was wrong with one
    if lines and plain and lines[-1] == plain[-1]:
        return [f"{pod} says: {plain[0][:200]}"]
    for line in reversed(lines):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("level") in ("warn", "error", "fatal", "panic"):
            more = entry.get("error")
            return [f"{pod} says: {entry.get('msg')}{f': {more}' if more else ''}"[:240]]
    return []


_HALF = "Half of the points: as soon as the members find each other, this is right."
_LESS = "A part of the points: when the members find each other, this is not all that is wrong. {problem}"
_HELPED: WeakKeyDictionary[Trial, Trial | None] = WeakKeyDictionary()


def looked_at(trial: Trial, look: Callable[[Trial], Verdict | None]) -> Verdict:
    """What is found of three members that are there. Where they do not find together, half of what is found of the
    same answer when the set is Parallel and names are published early: the rest of it may well be right.
    """
    problem = is_there(trial)
    if problem is None:
        return look(trial) or yes("")
    if trial not in _HELPED:
        _HELPED[trial] = _helped(trial)
    other = _HELPED[trial]
    if other is None:
        return problem
    return _for_half(problem, look(other))


def _for_half(problem: Verdict, found: Verdict | None) -> Verdict:
    """What members earn that do not find together, and would otherwise come to `found`."""
    share = 0.5 * (found.share if found is not None else 1.0)
    why = _HALF if found is None or found.passed else _LESS.format(problem=found.message)
    return earning(partly(share, problem.message, problem.evidence, line=problem.line), why)


def _helped(trial: Trial) -> Trial | None:
    owner, service = trial.get(SET), trial.get("service/kv")
    if owner is None or service is None:
        return None
    is_parallel = owner.at("spec", "podManagementPolicy") == "Parallel"
    if is_parallel and service.at("spec", "publishNotReadyAddresses"):
        return None
    other = trial.again(change=_found_together).settle()
    return other if is_there(other) is None else None


def _found_together(obj: Object) -> None:
    if obj["kind"] == "StatefulSet":
        obj["spec"]["podManagementPolicy"] = "Parallel"
    elif obj["kind"] == "Service":
        obj["spec"]["publishNotReadyAddresses"] = True


def _says(trial: Trial, member: str) -> list[str]:
    ok, said = etcdctl(trial, member, "endpoint", "health")
    return [] if ok else [f"{member}: etcdctl endpoint health: {said.splitlines()[0][:160] if said else 'nothing'}"]


def statuses(trial: Trial) -> dict[str, Any]:
    """Each member's own status, asked by name; those that do not answer are not there."""
    found: dict[str, Any] = {}
    for member in MEMBERS:
        ok, said = etcdctl(trial, member, endpoint(member), "endpoint", "status", "-w", "json")
        if ok:
            found[member] = json.loads(said)[0]["Status"]
    return found


def is_one_cluster(trial: Trial) -> Verdict | None:
    """Why the three are not one cluster with one leader; None when they are."""
    found = statuses(trial)
    silent = [each for each in MEMBERS if each not in found]
    if silent:
        _, said = etcdctl(trial, silent[0], endpoint(silent[0]), "endpoint", "status")
        return no(f"{silent[0]} does not answer at {silent[0]}.kv:2379: {_last(said)}", line=_line(trial))
    if len({each["header"]["cluster_id"] for each in found.values()}) > 1:
        return no(
            "The three are members of different clusters: each was told another list, or none.", line=_line(trial)
        )
    ok, said = etcdctl(trial, "kv-0", endpoint("kv-0"), "member", "list", "-w", "json")
    listed = json.loads(said)["members"] if ok else []
    if len(listed) != 3:
        return no(f"The cluster has {len(listed)} members.", line=_line(trial))
    if len({each["header"]["member_id"] for each in found.values()}) != 3:
        return no("Two of the names lead to the same member.", line=_line(trial))
    if len({each.get("leader") for each in found.values()}) != 1:
        return no("They do not agree who leads.", line=_line(trial))
    if not all(each.get("clientURLs") for each in listed):
        return no("A member has not started: it has no URL for clients.", line=_line(trial))
    return None


def are_reached(trial: Trial) -> Verdict | None:
    """Why who asks the cluster for its members does not reach each at what it says of itself; None when they do."""
    problem = is_one_cluster(trial)
    if problem is not None:
        return problem
    _, text = etcdctl(trial, "kv-0", endpoint("kv-0"), "member", "list", "-w", "json")
    for each in json.loads(text)["members"]:
        url = each["clientURLs"][0]
        others = [name for name in MEMBERS if name != each.get("name")]
        ok, said = etcdctl(trial, others[0], f"--endpoints={url}", "endpoint", "health")
        if not ok or re.search(r"//(?:localhost|127\.|0\.0\.0\.0)", url):
            told = f"{each.get('name')} says of itself that clients find it at {url}, and {others[0]} does not."
            return partly(0.5, told, *([_last(said)] if not ok else []), line=_line(trial))
        ok, said = etcdctl(trial, others[0], f"--endpoints={url}", "endpoint", "status", "-w", "json")
        if not ok or json.loads(said)[0]["Status"]["header"]["member_id"] != each["ID"]:
            told = f"{each.get('name')} says of itself that clients find it at {url}, and there another one answers."
            return partly(0.5, told, line=_line(trial))
    return None


def _last(said: str) -> str:
    return (said.splitlines() or ["nothing"])[-1][:160]


def replicates(trial: Trial, value: str) -> Verdict | None:
    """Why a write to one member is not read on each; None when it is."""
    said = put(trial, "kv-0", "greeting", value)
    if said:
        return no(f"A write to kv-0 was answered: {_last(said)}", line=_line(trial))
    for member in MEMBERS:
        found = get(trial, member, "greeting")
        if found != value:
            return no(f"{value!r} was written to kv-0, and {member} answers {found[:60]!r}.", line=_line(trial))
    return None


# ---- its disks


def have_claims(trial: Trial) -> Verdict | None:
    """Why not each member has a claim of its own, of a gibibyte, for its data; None when each does."""
    line = trial.line("StatefulSet", "spec", "volumeClaimTemplates", name="kv")
    taken: dict[str, str] = {}
    for pod in trial.pods_of(SET):
        folder = data_dir(pod)
        claim = claim_at(trial, pod.name, folder) if folder else next(iter(_claims(trial, pod)), None)
        if claim is None:
            where = f"in {folder}, where no claim is mounted" if folder else "on no claim"
            return no(f"{pod.name} keeps its data {where}.", line=line or _line(trial))
        if claim.name in taken:
            return no(f"{taken[claim.name]} and {pod.name} are on the same claim, {claim.name}.", line=line)
        taken[claim.name] = pod.name
        size = str(claim.at("spec", "resources", "requests", "storage"))
        if whole(size) < _GI:
            return partly(0.5, f"Claim {claim.name} asks for {size}.", line=line)
    return None


def have_claims_at_least(trial: Trial) -> Verdict:
    """The same of members that are there; of those that do not find together, for half of the points."""
    problem = is_there(trial)
    found = have_claims(trial) if trial.pods_of(SET) else problem
    if problem is None or found is problem:
        return found or yes("")
    return _for_half(problem, found)


def _claims(trial: Trial, pod: Seen) -> list[Seen]:
    found = (trial.get(f"pvc/{each}") for each in pod.claims)
    return [each for each in found if each is not None]


def data_dir(pod: Seen) -> str | None:
    """Where this member's etcd keeps its data, as its command and environment say; None where that is not plain."""
    container = pod.at("spec", "containers", 0) or {}
    env = {each["name"]: str(each.get("value") or "") for each in container.get("env") or () if "name" in each}
    env |= {
        each["name"]: pod.name
        for each in container.get("env") or ()
        if (each.get("valueFrom") or {}).get("fieldRef", {}).get("fieldPath") == "metadata.name"
    }
    words = " ".join(str(each) for each in (*(container.get("command") or ()), *(container.get("args") or ())))
    said = re.search(r"--?data-dir[= ]+['\"]?([^\s'\"]+)", words)
    path = said[1] if said else env.get("ETCD_DATA_DIR", "")
    path = re.sub(r"\$[({](\w+)[)}]|\$(\w+)", lambda each: env.get(each[1] or each[2], ""), path)
    return path.rstrip("/") if path.startswith("/") else None


# ---- what it loses


def survives_each(trial: Trial) -> Verdict | None:
    """Each member is lost in turn, a follower first and the leader, whoever it is: why something is amiss; or None."""
    first = replicates(trial, "before")
    if first is not None:
        return first
    followers = [each for each in MEMBERS if each != leader(trial)]
    for what in ("a follower", "the leader"):
        lost = leader(trial) if what == "the leader" else followers[0]
        if lost is None:
            return no("There is no leader.", line=_line(trial))
        problem = _loses_one(trial, lost, what)
        if problem is not None:
            return problem
    return None


def _loses_one(trial: Trial, lost: str, what: str) -> Verdict | None:
    told = f"{lost}, {what}, was deleted."
    before = {name: each["header"]["member_id"] for name, each in statuses(trial).items()}
    other = next(each for each in MEMBERS if each != lost)
    value = f"while-{lost}-is-away"
    trial.delete(f"pod/{lost}")
    answers: list[str] = []
    for _ in range(6):  # perhaps they have to elect first
        answers.append(put(trial, other, "greeting", value))
        if not answers[-1]:
            break
        trial.wait(2)
    if answers[-1]:
        return no(f"{told} A write to {other} was answered: {_last(answers[-1])}", line=_line(trial))
    trial.settle()
    problem = pods_not_ready(trial, SET, 3) or is_one_cluster(trial)
    if problem is not None:
        cause = have_claims(trial) or problem
        seen = f"{told} After that: {problem.message}"
        return no(seen, *([cause.message] if cause is not problem else []), problem.evidence, line=cause.line)
    after = {name: each["header"]["member_id"] for name, each in statuses(trial).items()}
    if after.get(lost) != before.get(lost):
        return no(f"{told} It came back as another member.", line=_line(trial))
    found = get(trial, lost, "greeting", own=True)
    if found != value:
        said = f"{told} What was written meanwhile, {value!r}, is not on it: it has {found[:40]!r}."
        return no(said, line=_line(trial))
    return None


def leader(trial: Trial) -> str | None:
    """The member that leads, by its own word."""
    for name, each in statuses(trial).items():
        if each.get("leader") == each["header"]["member_id"]:
            return name
    return None


def survives_all(trial: Trial) -> Verdict | None:
    """All are deleted at once: why the cluster or its data are not there again; None when they are."""
    problem = replicates(trial, "kept")
    if problem is not None:
        return problem
    for pod in trial.pods_of(SET):
        trial.delete(pod.reference)
    trial.settle()
    problem = pods_not_ready(trial, SET, 3)
    if problem is not None:
        cause = have_claims(trial) or problem
        return no(f"All were deleted. After that: {problem.message}", problem.evidence, line=cause.line)
    for member in MEMBERS:
        found = get(trial, member, "greeting")
        if found != "kept":
            line = trial.line("StatefulSet", "spec", "volumeClaimTemplates", name="kv") or _line(trial)
            return no(f"All were deleted. {member} has {found[:40] or 'nothing'!r} in place of 'kept'.", line=line)
    return None


def alone_is_not_ready(trial: Trial) -> Verdict | None:
    """Why a member without a quorum is Ready all the same; None when it is not, and gets so again with the others."""
    if trial.get("pod/kv-0") is None:
        return no("There is no kv-0.")
    trial.scale(SET, 1)
    noticed = trial.when(lambda: _is_not_ready(trial), timeout_s=90)
    trial.scale(SET, 3).settle()
    if not noticed:
        said = "Two of three were gone, so that kv-0 could acknowledge nothing, and it was Ready."
        return no(said, trial.evidence("pod/kv-0", most=4), line=_line(trial, "containers", 0, "readinessProbe"))
    return pods_not_ready(trial, SET, 3)


def _is_not_ready(trial: Trial) -> bool:
    pod = trial.get("pod/kv-0")
    return pod is not None and not pod.ready
