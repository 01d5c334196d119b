"""What is done to the stores of `final`, and what was seen of them: written, killed, evicted, updated, lost."""

from __future__ import annotations

from grader.behaviour import claim_at
from grader.diagnosis import not_there, pods_not_ready
from grader.trial import Trial
from grader.verdict import Verdict, no

_SYNC_S = 5.0
_BACK_S = 30.0  # a machine is back: what was on it may have to wait before it is started again


def redis(trial: Trial, pod: str, *words: str) -> str:
    """What redis-cli answers in a Pod; its error's text where it fails."""
    ran = trial.exec(pod, "redis-cli", *words)
    return (ran.out or ran.error).strip()


def roles(trial: Trial, name: str, replicas: int) -> Verdict | None:
    """Why a set is not one primary, its first member, and replicas of it that have caught up; None when it is."""
    problem = pods_not_ready(trial, f"statefulset/{name}", replicas)
    if problem is not None:
        return problem
    trial.wait(_SYNC_S)
    line = trial.line("StatefulSet", "spec", "template", "spec", "containers", 0)
    for pod in trial.pods_of(f"statefulset/{name}"):
        said = redis(trial, pod.name, "info", "replication")
        found = dict(each.strip().split(":", 1) for each in said.splitlines() if ":" in each)
        role, wanted = found.get("role"), "master" if pod.name == f"{name}-0" else "slave"
        if role is None:
            return no(f"redis-cli in {pod.name} answers: {said[:100] or 'nothing'}", line=line)
        if role != wanted:
            is_ = {"master": "a primary", "slave": "a replica"}[role]
            return no(f"{pod.name} is {is_}.", f"{pod.name}: redis-cli info replication says role:{role}", line=line)
        if role == "slave" and found.get("master_link_status") != "up":
            host = found.get("master_host", "nobody")
            said = f"{pod.name}: master_host:{host}, master_link_status:{found.get('master_link_status')}"
            return no(f"{pod.name} wants to follow {host} and does not reach it.", said, line=line)
    followers = redis(trial, f"{name}-0", "info", "replication").count("state=online")
    if followers != replicas - 1:
        own = {0: "no replicas", 1: "1 replica"}.get(followers, f"{followers} replicas")
        said = f"{name}-0 has {own} of its own, and {replicas - 1} are wanted."
        return no(f"{said} Whom do the others follow?", line=line)
    return None


def read_everywhere(trial: Trial, name: str, key: str, value: str) -> Verdict | None:
    """Why a value is not read on every member; None when it is."""
    trial.wait(_SYNC_S)
    for pod in trial.pods_of(f"statefulset/{name}"):
        found = redis(trial, pod.name, "get", key)
        if found != value:
            return no(f"{pod.name} answers {found[:60] or 'nothing'!r} for {key}, and {value!r} was written.")
    return None


def replicates(trial: Trial, name: str, replicas: int) -> Verdict | None:
    """Why what the primary is told is not read on its replicas, or a replica takes a write itself; None when fine."""
    problem = roles(trial, name, replicas)
    if problem is not None:
        return problem
    if redis(trial, f"{name}-0", "set", "greeting", "hello") != "OK":
        return no(f"{name}-0 takes no write: {redis(trial, f'{name}-0', 'set', 'greeting', 'hello')[:100]}")
    problem = read_everywhere(trial, name, "greeting", "hello")
    if problem is not None:
        return problem
    for ordinal in range(1, replicas):
        said = redis(trial, f"{name}-{ordinal}", "set", "stray", "1")
        if not said.startswith("READONLY"):
            return no(f"{name}-{ordinal} is a replica and takes writes: nobody else will ever hear of them.")
    return None


def clients_reach_the_primary(trial: Trial, service: str, name: str) -> Verdict | None:
    """Why a write sent to the Service does not come to the primary every time; None when it does."""
    found = trial.get(f"service/{service}")
    if found is None:
        return not_there(trial, f"service/{service}")
    line = trial.line("Service", "spec", "selector", name=service) or trial.line("Service", "spec", name=service)
    asker = trial.pods_of(f"statefulset/{name}")[-1].name
    for count in range(1, 13):
        said = redis(trial, asker, "-h", service, "incr", "visits")
        if said.removeprefix("(integer) ") != str(count):
            return no(f"Write {count} of 12 sent to {service} was answered: {said[:100] or 'nothing'}", line=line)
    if redis(trial, f"{name}-0", "get", "visits").strip('"') != "12":
        return no(f"What is written to {service} does not come to {name}-0.", line=line)
    return None


def survives(trial: Trial, name: str, replicas: int) -> Verdict | None:
    """Each member is killed in turn, in three ways of dying: why an answered write is lost; None when none is."""
    problem = replicates(trial, name, replicas)
    if problem is not None:
        return problem
    reference = f"statefulset/{name}"
    for ordinal in (*range(replicas - 1, -1, -1), "crash", "all"):
        primary, value = f"{name}-0", f"before-{ordinal}"
        redis(trial, primary, "set", "last", value)
        problem = read_everywhere(trial, name, "last", value)
        if problem is not None:
            return problem
        if ordinal == "crash":
            told = f"Redis in {primary} ended without saving"
            trial.exec(primary, "redis-cli", "shutdown", "nosave")
        elif ordinal == "all":
            told = "All Pods were deleted"
            for pod in trial.pods_of(reference):
                trial.delete(pod.reference)
        else:
            told = f"{name}-{ordinal} was deleted"
            trial.delete(f"pod/{name}-{ordinal}")
        trial.wait(2).settle()
        problem = pods_not_ready(trial, reference, replicas)
        if problem is not None:
            return no(f"{told}. After that: {problem.message}", problem.evidence, line=problem.line)
        found = redis(trial, primary, "get", "last")
        if found != value:
            line = trial.line("StatefulSet", "spec", "volumeClaimTemplates")
            seen = trial.evidence(f"pod/{primary}", most=5)
            lost = f"What had been written before was gone: {primary} has {found or 'nothing'!r}."
            return no(f"{told}. {lost}", seen, line=line)
        problem = read_everywhere(trial, name, "last", value)
        if problem is not None:
            return no(f"{told}. After that: {problem.message}")
    return None


def is_taken_off(trial: Trial, name: str, silent_s: float) -> Verdict | None:
    """Why the last member does not wait for its machine, which falls silent and comes back; None where it waits."""
    pod = trial.pods_of(f"statefulset/{name}")[-1]
    kubelet = trial.cluster.kubelets[pod.node or ""]
    kubelet.stop()
    trial.wait(silent_s)
    now = trial.get(pod.reference)
    seen = trial.evidence(pod.reference, most=4)
    kubelet.start()
    trial.wait(_BACK_S).settle()
    if now is not None and now.uid == pod.uid and "deletionTimestamp" not in now.object["metadata"]:
        return None
    line = trial.line("StatefulSet", "spec", "template", "spec", "tolerations")
    return no(f"{pod.name} was deleted although its machine, {pod.node}, was only silent for a while.", seen, line=line)


def share_nothing(trial: Trial, name: str) -> Verdict | None:
    """Why two members write over each other's file on one claim; None when none do, claims or not."""
    line = trial.line("StatefulSet", "spec", "template", "spec", "volumes")
    users: dict[str, str] = {}
    for pod in trial.pods_of(f"statefulset/{name}"):
        for claim in pod.claims:
            if claim in users:
                said = f"{users[claim]} and {pod.name} write to the same claim, {claim}, over each other's file."
                return no(said, line=line)
            users[claim] = pod.name
    return None


def own_claims(trial: Trial, name: str, at_least: int) -> Verdict | None:
    """Why not every member's Redis writes to a claim of its own, of `at_least` bytes; None when each does."""
    from statelab.controlplane.quantity import whole

    line = trial.line("StatefulSet", "spec", "volumeClaimTemplates")
    seen: dict[str, str] = {}
    for pod in trial.pods_of(f"statefulset/{name}"):
        said = redis(trial, pod.name, "config", "get", "dir").splitlines()
        folder = said[-1].strip() if said else "/data"
        claim = claim_at(trial, pod.name, folder)
        if claim is None:
            return no(f"Redis in {pod.name} writes to {folder}, where no claim is mounted.", line=line)
        if claim.name in seen:
            return no(f"{seen[claim.name]} and {pod.name} write to the same claim, {claim.name}.", line=line)
        seen[claim.name] = pod.name
        size = str(claim.at("spec", "resources", "requests", "storage"))
        if whole(size) < at_least:
            return no(f"Claim {claim.name} asks for {size}.", line=line)
    return None


# ---- before the answer


def sell(trial: Trial) -> None:
    """A write is answered, before anything happens."""
    trial.wait(_SYNC_S)
    redis(trial, "orders-0", "set", "order-1001", "paid")
    trial.wait(_SYNC_S)


def lose(trial: Trial) -> None:
    """A write is answered; then the machine of orders-1 is gone, and the control plane has given it up."""
    sell(trial)
    pod = trial.get("pod/orders-1")
    if pod is not None and pod.node:
        trial.cluster.kubelets[pod.node].stop()
    trial.wait(180)
