"""How a store is cared for: probed, evicted, updated, mended. What was seen of it meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from grader.behaviour import evict
from grader.diagnosis import not_there, pods_not_ready
from grader.rubrics.final import texts
from grader.rubrics.final.runs import read_everywhere, redis, roles
from grader.rubrics.final.texts import members
from grader.seen import Seen
from grader.trial import Trial
from grader.verdict import Verdict, no, yes
from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import selector_of
from statelab.controlplane.runtime.images.catalog import short_name
from statelab.manifest import read
from statelab.manifest.relations import at

# ---- probes

_CONTAINER = ("spec", "template", "spec", "containers", 0)

_LATE_S = 30.0
SILENT_S = 240.0  # a machine that is back before five minutes are over


def is_up(trial: Trial, name: str, replicas: int) -> bool:
    pods = trial.pods_of(f"statefulset/{name}")
    return len(pods) == replicas and all(each.ready and redis(trial, each.name, "ping") == "PONG" for each in pods)


def ready_after(trial: Trial, name: str, replicas: int, loading_s: float) -> Verdict:
    """Each member is Ready within half a minute after it has loaded, whatever the others do, and not before."""
    line = trial.line("StatefulSet", "spec", "template", "spec", "containers", 0)
    if trial.get(f"statefulset/{name}") is None:
        return not_there(trial, f"statefulset/{name}")
    trial.when(lambda: is_up(trial, name, replicas), timeout_s=replicas * loading_s + 80)  # one after the other, too
    began: dict[str, float] = {}
    ready: set[str] = set()
    for revision in trial.cluster.store.history:
        if revision.plural != "pods" or not revision.key.startswith(f"{trial.namespace}/{name}-"):
            continue
        pod = Seen("pods", revision.object)
        if pod.started_s is not None:
            began.setdefault(pod.name, pod.started_s)
        if not pod.ready or pod.ready_s is None or pod.name not in began:
            continue
        after_s = pod.ready_s - began[pod.name]
        if after_s < loading_s - 1:
            said = f"{pod.name} was Ready {after_s:.0f} s after its start, and it needs {loading_s:.0f} s to load."
            return no(said, trial.evidence(pod.reference), line=line)
        if pod.name not in ready and after_s - loading_s > _LATE_S:
            said = f"{pod.name} had loaded, and was Ready only {after_s - loading_s:.0f} s after that."
            return no(said, trial.evidence(pod.reference), line=line)
        ready.add(pod.name)
    restarted = [each for each in trial.pods_of(f"statefulset/{name}") if restarts(each)]
    if restarted:
        said = f"{restarted[0].name} was killed while it loaded, which takes {loading_s:.0f} s."
        return no(said, trial.evidence(restarted[0].reference), line=line)
    return pods_not_ready(trial, f"statefulset/{name}", replicas) or yes("")


def restarts(pod: Seen) -> int:
    return sum(each.get("restartCount", 0) for each in pod.at("status", "containerStatuses") or ())


def end_redis(trial: Trial, pod: str) -> None:
    """Redis ends; the container, whose script goes on, does not."""
    trial.exec(pod, "redis-cli", "shutdown", "nosave")


def script_stays(trial: Trial) -> Verdict | None:
    """Why the members do not run the script that was given; None where they do."""
    given = at(read(texts.SESSIONS).items[-1].object, *_CONTAINER, "command")
    item = trial.item("StatefulSet")
    container = at(item.object, *_CONTAINER) if item else None
    if not isinstance(container, dict) or (container.get("command") == given and not container.get("args")):
        return None
    line = trial.line("StatefulSet", *_CONTAINER, "command")
    return no("The command is another one. It was to stay as it is: who asks has to notice, not the script.").at(line)


def noticed(trial: Trial) -> Verdict:
    """Redis in sessions-0 has ended: the Pod is not Ready soon, and sessions-1 is not held responsible."""
    line = trial.line("StatefulSet", "spec", "template", "spec", "containers", 0)
    end_redis(trial, "sessions-0")
    before = len(trial.cluster.store.history)

    def has_left() -> bool:
        pod = trial.get("pod/sessions-0")
        return pod is not None and not pod.ready

    if not trial.when(has_left, timeout_s=60):
        said = "Redis in sessions-0 had ended, and a minute later the Pod was still Ready."
        return no(said, trial.evidence("pod/sessions-0"), line=line)
    trial.wait(30)
    for revision in list(trial.cluster.store.history)[before:]:
        is_other = revision.plural == "pods" and revision.key == f"{trial.namespace}/sessions-1"
        if is_other and not Seen("pods", revision.object).ready:
            said = "Redis in sessions-0 ended, and sessions-1, where nothing was wrong, was not Ready any more."
            return no(said, trial.evidence("pod/sessions-1"), line=line)
    return yes("")


def restarted_once(trial: Trial, pod: str, loading_s: float) -> Verdict:
    """Redis in this Pod ends: its container is started again within three minutes, and gets Ready after loading."""
    line = trial.line("StatefulSet", "spec", "template", "spec", "containers", 0)
    seen = trial.get(f"pod/{pod}")
    if seen is None or not seen.ready:
        return no(f"{pod} is not Ready.", trial.evidence(f"pod/{pod}"), line=line)
    end_redis(trial, pod)

    def is_restarted() -> bool:
        now = trial.get(f"pod/{pod}")
        return now is not None and restarts(now) > 0

    if not trial.when(is_restarted, timeout_s=180):
        said = f"Redis in {pod} had ended, and three minutes later its container had not been started again."
        return no(said, trial.evidence(f"pod/{pod}"), line=line)
    trial.wait(5)  # until it is not Ready any more
    trial.when(lambda: (again := trial.get(f"pod/{pod}")) is not None and again.ready, timeout_s=loading_s + 120)
    trial.wait(30)
    now = trial.get(f"pod/{pod}")
    if now is None or restarts(now) != 1 or not now.ready:
        times = restarts(now) if now else 0
        said = f"{pod} was started again {times} times and is {'' if now and now.ready else 'not '}Ready."
        return no(f"{said} It needs {loading_s:.0f} s to load.", trial.evidence(f"pod/{pod}"), line=line)
    return yes("")


# ---- evictions


def guarded(trial: Trial, name: str) -> Verdict | None:
    """Why no budget counts the Pods of this set; None when one does."""
    trial.settle()
    budgets = trial.all("poddisruptionbudget")
    if not budgets:
        if trial.refused:
            return not_there(trial, f"pdb/{name}")
        return no("There is no PodDisruptionBudget: every eviction is carried out.")
    pods = trial.pods_of(f"statefulset/{name}")
    for each in budgets:
        if pods and all(selector_of(each.at("spec", "selector"))(pod.labels) for pod in pods):
            return None
    line = trial.line("PodDisruptionBudget", "spec", "selector")
    return no(f"No budget counts the Pods of {name}: they have the label app: {name}.", line=line)


def one_goes(trial: Trial, pod: str) -> Verdict | None:
    """Why this Pod may not be evicted while all are Ready; None when it may."""
    said = evict(trial, pod)
    trial.settle()
    line = trial.line("PodDisruptionBudget", "spec")
    return no(f"All members were Ready, and {pod} could not be evicted: {said}", line=line) if said else None


def only_one_goes(trial: Trial, name: str, replicas: int) -> Verdict | None:
    """Why more than one member can be evicted at a time, or none; None when exactly one can."""
    problem = pods_not_ready(trial, f"statefulset/{name}", replicas)
    if problem is not None:
        return problem
    line = trial.line("PodDisruptionBudget", "spec")
    last = f"{name}-{replicas - 1}"
    said = evict(trial, last)
    if said:
        return no(f"All members were Ready, and {last} could not be evicted: {said}", line=line)
    gone = [each for each in range(replicas - 1) if not evict(trial, f"{name}-{each}")]
    trial.settle()
    if gone:
        also = f"{name}-{gone[0]}"
        return no(f"{last} of {replicas} was evicted, and {also} right after it: two were away at once.", line=line)
    return None


def holds_for(trial: Trial, name: str, numbers: Sequence[int]) -> Verdict | None:
    """The same budget over so many members, from the most to the fewest: why not exactly one may go; None if so.

    The budget counts Pods by their labels: members that do nothing are counted like any others, and start at once.
    """
    other = trial.beside(replace(trial.task, given=members(name, max(numbers)), before=None), trial.answer, seed=7)
    for number in sorted(numbers, reverse=True):
        other.scale(f"statefulset/{name}", number).settle()
        problem = guarded(other, name) or only_one_goes(other, name, number)
        if problem is not None:
            return no(f"With {number} members: {problem.message}", *problem.evidence)
    return None


def everyone_can_go(trial: Trial, name: str, replicas: int) -> Verdict | None:
    """Why not each member can be evicted in its turn, or the other application's Pods not at once."""
    line = trial.line("PodDisruptionBudget", "spec")
    for ordinal in reversed(range(replicas)):
        problem = pods_not_ready(trial, f"statefulset/{name}", replicas) or one_goes(trial, f"{name}-{ordinal}")
        if problem is not None:
            return problem
    for pod in trial.pods_of("deployment/front"):
        said = evict(trial, pod.name)
        if said:
            return no(f"A Pod of front could not be evicted: {said}", line=line)
    trial.settle()
    return None


# ---- an update


def _over_time(trial: Trial, name: str) -> Iterator[tuple[Object, dict[str, Object]]]:
    """The set, and its Pods by name, after each revision of one of them."""
    owner: Object = {}
    pods: dict[str, Object] = {}
    for revision in trial.cluster.store.history:
        place, _, called = revision.key.rpartition("/")
        if place != trial.namespace:
            continue
        if revision.plural == "statefulsets" and called == name:
            owner = revision.object if revision.type != "DELETED" else {}
        elif revision.plural == "pods" and called.startswith(f"{name}-"):
            pods.pop(called, None)
            if revision.type != "DELETED":
                pods[called] = revision.object
        else:
            continue
        yield owner, pods


def _runs(pod: Object | None, image: str) -> bool:
    return any(short_name(each["image"]) == image for each in at(pod or {}, "spec", "containers") or ())


def canary(trial: Trial, name: str, ordinal: int, image: str) -> Verdict:
    """Once, only this member ran the image and was Ready, and the set would not have gone on by itself."""
    first, alone = f"{name}-{ordinal}", False
    for owner, pods in _over_time(trial, name):
        new = [each for each, pod in pods.items() if _runs(pod, image)]
        if any(each != first for each in new):
            break
        if new and Seen("pods", pods[first]).ready:
            alone = True
            strategy = at(owner, "spec", "updateStrategy") or {}
            partition = at(strategy, "rollingUpdate", "partition") or 0
            if strategy.get("type") == "OnDelete" or partition == ordinal:
                return yes("")
    if alone:
        return no(f"{first} ran {image}, and nothing held the others back: the set went on by itself.")
    return no(f"{first} was never the only one to run {image}, and Ready with it.")


def all_run(trial: Trial, name: str, replicas: int, image: str) -> Verdict:
    """In the end each member runs the image, is Ready, follows or leads as before, and has the data."""
    old = [each.name for each in trial.pods_of(f"statefulset/{name}") if image not in each.images]
    if old:
        return no(f"{', '.join(old)} does not run {image}.")
    problem = roles(trial, name, replicas)
    if problem is not None:
        return problem
    owner = trial.get(f"statefulset/{name}")
    if owner is None or short_name(str(owner.at("spec", "template", "spec", "containers", 0, "image"))) != image:
        return no("The Pods run it, and the set's template does not say so.")
    return read_everywhere(trial, name, "order-1001", "paid") or yes("")


def in_order(trial: Trial, name: str, replicas: int, image: str) -> Verdict:
    """The first member ran the image last, and never were two away at once."""
    order: list[str] = []
    fewest, was_whole = replicas, False
    for _, pods in _over_time(trial, name):
        order += [each for each, pod in pods.items() if _runs(pod, image) and each not in order]
        ready = sum(Seen("pods", pod).ready for pod in pods.values())
        was_whole = was_whole or ready == replicas
        fewest = min(fewest, ready) if was_whole else fewest
    if len(order) < replicas:
        return no(f"Only {len(order)} of {replicas} ever ran {image}.")
    if order[-1] != f"{name}-0":
        return no(f"The primary was not the last: the order was {', '.join(order)}.")
    if fewest < replicas - 1:
        return no(f"For a while only {fewest} of {replicas} were Ready.")
    return yes("")


# ---- a node is lost


def replaced(trial: Trial, name: str) -> Verdict | None:
    """Why there is no new Pod of this name; None when there is one."""
    first = next(
        (each for each in trial.cluster.store.history
         if each.plural == "pods" and each.key == f"{trial.namespace}/{name}"), None
    )  # fmt: skip
    now = trial.get(f"pod/{name}")
    if now is None:
        return no(f"There is no {name} any more.", trial.evidence(f"pod/{name}", most=6))
    if first is not None and first.object["metadata"]["uid"] == now.uid:
        return no(f"The old {name} is still there, Terminating.", trial.evidence(f"pod/{name}", most=6))
    return None


def untouched(trial: Trial, name: str) -> Verdict | None:
    """Why the set, its primary and the primary's claim are not the ones they were; None when they are."""
    for reference, plural in (
        (f"statefulset/{name}", "statefulsets"),
        (f"pod/{name}-0", "pods"),
        (f"pvc/data-{name}-0", "persistentvolumeclaims"),
    ):
        key = f"{trial.namespace}/{reference.partition('/')[2]}"
        uids = [each.object["metadata"]["uid"] for each in trial.cluster.store.history
                if (each.plural, each.key) == (plural, key)]  # fmt: skip
        now = trial.get(reference)
        if now is None or not uids or now.uid != uids[0]:
            return no(f"{reference} is {'gone' if now is None else 'another now'}.", trial.evidence(reference, most=6))
        if now.at("metadata", "deletionTimestamp") is not None:
            return no(f"{reference} has been deleted, and will be gone when nobody uses it.")
    was_ready = False
    for _, pods in _over_time(trial, name):
        is_ready = f"{name}-0" in pods and Seen("pods", pods[f"{name}-0"]).ready
        if was_ready and not is_ready:
            return no(f"For a while {name}-0, the primary, was not Ready.", trial.evidence(f"pod/{name}-0", most=6))
        was_ready = is_ready
    return None


def is_whole(trial: Trial) -> Verdict:
    """orders-1 was replaced and has the data of its primary, which was not touched."""
    trial.settle(quiet_s=40)
    problem = replaced(trial, "orders-1") or roles(trial, "orders", 2) or untouched(trial, "orders")
    if problem is not None:
        return problem
    return read_everywhere(trial, "orders", "order-1001", "paid") or yes("")
