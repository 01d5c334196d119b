"""What "Ready", "Bound" or "Rollout" means for each kind of object: what `cluster.wait` waits for."""

from __future__ import annotations

from collections.abc import Callable

from statelab.cluster.problem import Problem
from statelab.controlplane.kinds import Kind, Object

GONE = ("deleted", "gone")
_HAVE_CONDITIONS = (
    "customresourcedefinitions", "deployments", "horizontalpodautoscalers", "jobs", "nodes", "poddisruptionbudgets",
    "replicasets", "replicationcontrollers",
)  # fmt: skip
Condition = Callable[[Object | None], bool]


def named(kind: Kind, condition: str) -> Condition:
    """The predicate of that name. Raises Problem when it says nothing about the kind."""
    wanted = condition.lower()
    if wanted in GONE:
        return lambda obj: obj is None
    if wanted == "exists":
        return lambda obj: obj is not None
    if wanted == "observed":
        return _observed
    if kind.plural in ("persistentvolumeclaims", "persistentvolumes", "namespaces") or wanted.startswith("phase="):
        phase = wanted.removeprefix("phase=")
        return lambda obj: obj is not None and (obj.get("status", {}).get("phase") or "").lower() == phase
    if "scale" in kind.subresources and wanted in ("ready", "rollout", "available"):
        return _rolled_out
    if kind.plural == "daemonsets" and wanted in ("ready", "rollout", "available"):
        return _on_every_node
    if kind.plural == "pods":
        return lambda obj: obj is not None and (_has_condition(obj, wanted) or _waits_for(obj, wanted))
    if kind.plural in _HAVE_CONDITIONS:
        return lambda obj: obj is not None and _has_condition(obj, wanted)
    raise Problem(f'A {kind.name} is never "{condition}".', 'Wait for "Exists" or "Deleted".')


def _rolled_out(obj: Object | None) -> bool:
    """Every replica is there, updated and ready, and the controller has seen the newest spec."""
    if obj is None:
        return False
    status, wanted = obj.get("status") or {}, obj["spec"].get("replicas", 1)
    if not _observed(obj):
        return False
    counts = [status.get("replicas", 0), status.get("readyReplicas", 0)]
    if obj.get("kind") not in ("ReplicaSet", "ReplicationController"):
        partition = (obj["spec"].get("updateStrategy") or {}).get("rollingUpdate", {}).get("partition", 0)
        is_on_delete = (obj["spec"].get("updateStrategy") or {}).get("type") == "OnDelete"
        if not is_on_delete and status.get("updatedReplicas", 0) < max(0, wanted - partition):
            return False
    return all(count == wanted for count in counts)


def _on_every_node(obj: Object | None) -> bool:
    """A DaemonSet's Pod is on every node that should have one, updated and available."""
    if obj is None or not _observed(obj):
        return False
    status = obj.get("status") or {}
    counts = [status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)]
    if (obj["spec"].get("updateStrategy") or {}).get("type") == "OnDelete":
        counts = counts[1:]
    return all(count == status.get("desiredNumberScheduled", 0) for count in counts)


def _observed(obj: Object | None) -> bool:
    """The controller has seen the newest spec, and its status speaks of that."""
    if obj is None:
        return False
    status = obj.get("status") or {}
    return bool(status.get("observedGeneration", 0) >= obj["metadata"].get("generation", 0))


def _has_condition(obj: Object, wanted: str) -> bool:
    for condition in obj.get("status", {}).get("conditions") or ():
        if condition["type"].lower() == wanted:
            return bool(condition["status"] == "True") and "deletionTimestamp" not in obj["metadata"]
    return False


def _waits_for(obj: Object, reason: str) -> bool:
    """Whether one of a Pod's containers waits for that reason: ImagePullBackOff, CrashLoopBackOff."""
    return any(
        (container.get("state", {}).get("waiting") or {}).get("reason", "").lower() == reason
        for container in obj.get("status", {}).get("containerStatuses") or ()
    )


def is_true(obj: Object | None, condition: str) -> bool:
    """Whether a condition of the object's status is True."""
    return obj is not None and _has_condition(obj, condition.lower())


def has_ended_otherwise(job: Object | None, condition: str) -> bool:
    """Whether a Job is over, Complete or Failed, and the other was waited for."""
    other = {"complete": "Failed", "failed": "Complete"}.get(condition.lower())
    return other is not None and is_true(job, other)


def describe(obj: Object | None) -> str:
    """How an object stands, in one line."""
    if obj is None:
        return "there is no such object"
    status = obj.get("status") or {}
    if "deletionTimestamp" in obj["metadata"]:
        return "it is being deleted"
    for container in status.get("containerStatuses") or ():
        waiting = container.get("state", {}).get("waiting")
        if waiting:
            return f"container {container['name']} waits: {waiting.get('reason')}: {waiting.get('message', '')}".rstrip(
                ": "
            )
    for condition in status.get("conditions") or ():
        if (
            condition["type"] in ("Failed", "FailureTarget", "Suspended", "Complete")
            and condition.get("status") == "True"
        ):
            return f"{condition['type']} is True: {condition.get('message', '')}".rstrip(": ")
        if condition.get("status") == "False" and condition.get("message"):
            return f"{condition['type']} is False: {condition['message']}"
    if "desiredNumberScheduled" in status:
        return f"{status.get('numberAvailable', 0)} of {status['desiredNumberScheduled']} nodes have an available Pod"
    if "uncountedTerminatedPods" in status:
        return f"{status.get('active', 0)} Pods are active, {status.get('succeeded', 0)} have succeeded"
    if "readyReplicas" in status or "replicas" in status:
        return f"{status.get('readyReplicas', 0)} of {obj['spec'].get('replicas', 1)} replicas are ready"
    return f"its phase is {status['phase']}" if "phase" in status else "its status does not say"
