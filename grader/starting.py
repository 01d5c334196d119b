"""Whether a Pod that is not Ready may become so without anything else happening: it is young, or is asked late."""

from __future__ import annotations

from random import Random

from statelab.controlplane.clock import seconds
from statelab.controlplane.kinds import Object
from statelab.manifest.relations import at

# A program that takes longer to come up, and is asked at once, has to be waited for by whoever knows of it.
_YOUNG_S = 15.0
# One that comes before the others, and has to end: so long it is waited for.
_BEFORE_S = 60.0
_MARGIN_S = 3.0
_SLOW_S = (5, 15)


def may_get_ready(pod: Object, now_s: float) -> bool:
    """A container runs that is not Ready yet, and its probes have not had the time to find it so; or one before it."""
    metadata = pod["metadata"]
    if "deletionTimestamp" in metadata:
        return False
    before = [each for each in at(pod, "spec", "initContainers") or () if each.get("restartPolicy") != "Always"]
    to_end = {each["name"] for each in before}
    for status in at(pod, "status", "initContainerStatuses") or ():
        began = at(status, "state", "running", "startedAt")
        if began is not None and status["name"] in to_end and now_s - seconds(began) < _BEFORE_S:
            return True
    specs = {each["name"]: each for each in at(pod, "spec", "containers") or ()}
    for status in at(pod, "status", "containerStatuses") or ():
        began = at(status, "state", "running", "startedAt")
        spec = specs.get(status.get("name"))
        if began is None or status.get("ready") or spec is None:
            continue
        if now_s - seconds(began) < _patience_s(spec):
            return True
    return False


def may_get_available(workload: Object) -> bool:
    """Pods of it are Ready, and have to be for `minReadySeconds` before it goes on."""
    if not at(workload, "spec", "minReadySeconds"):
        return False
    status = workload.get("status") or {}
    return (status.get("availableReplicas") or 0) < (status.get("readyReplicas") or 0)


def may_try_again(job: Object) -> bool:
    """A Job that has not ended and has no Pod: the next comes when the pause after a failure is over."""
    status = job.get("status") or {}
    if at(job, "spec", "suspend") or status.get("active") or not status.get("failed"):
        return False
    ended = ("Complete", "Failed")
    return not any(each["type"] in ended and each["status"] == "True" for each in status.get("conditions") or ())


def slow_to_be_ready(obj: Object, chance: str) -> None:
    """Have each Pod of a workload take some seconds until it is Ready; how many, `chance` decides."""
    containers = at(obj, "spec", "template", "spec", "containers")
    if not containers:
        return
    first = containers[0]
    port = at(first, "ports", 0, "containerPort")
    asks = {"tcpSocket": {"port": port}} if port else {"exec": {"command": ["true"]}}
    probe = first.get("readinessProbe") or asks
    first["readinessProbe"] = {**probe, "initialDelaySeconds": Random(chance).randint(*_SLOW_S)}


def _patience_s(container: Object) -> float:
    """How long after its start a container may be found Ready at the latest, by its own words."""
    asked = [container[each] for each in ("startupProbe", "readinessProbe") if container.get(each)]
    if not asked:
        return 0.0
    takes = sum(
        (each.get("initialDelaySeconds") or 0) + (each.get("periodSeconds") or 10) * (each.get("successThreshold") or 1)
        for each in asked
    )
    return max(_YOUNG_S, takes + _MARGIN_S)
