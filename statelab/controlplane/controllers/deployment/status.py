"""What a Deployment's status says: counts, and the conditions Available, Progressing and ReplicaFailure.

Source: pkg/controller/deployment/progress.go, sync.go (calculateStatus), util/deployment_util.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from statelab.controlplane.clock import seconds, timestamp
from statelab.controlplane.controllers.common.pods import condition
from statelab.controlplane.controllers.deployment.family import Family, told, told_in_all, wanted, wanted_in_all
from statelab.controlplane.controllers.deployment.scaling import max_unavailable
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.view import View

_NO_DEADLINE = 2**31 - 1
_COMPLETE = "NewReplicaSetAvailable"
_TIMED_OUT = "ProgressDeadlineExceeded"


def has_progress_deadline(deployment: Object) -> bool:
    return bool(deployment["spec"].get("progressDeadlineSeconds", _NO_DEADLINE) != _NO_DEADLINE)


# ---- conditions


def with_condition(status: Object, type: str, value: str, reason: str, message: str, view: View) -> Object:
    """The status with that condition, as the last one; unchanged if it says the same for the same reason already.

    Its lastTransitionTime is that of the last change of its value.
    """
    before = condition({"status": status}, type)
    if before is not None and before["status"] == value and before["reason"] == reason:
        return status
    now = timestamp(view.now_s)
    since = before["lastTransitionTime"] if before is not None and before["status"] == value else now
    return _appended(status, _condition(type, value, reason, message, now, since))


def without_condition(status: Object, type: str) -> Object:
    conditions = [each for each in status.get("conditions") or () if each["type"] != type]
    rest = {name: value for name, value in status.items() if name != "conditions"}
    return {**rest, "conditions": conditions} if conditions else rest


def _condition(type: str, value: str, reason: str, message: str, now: str, since: str) -> Object:
    return {
        "type": type,
        "status": value,
        "lastUpdateTime": now,
        "lastTransitionTime": since,
        "reason": reason,
        "message": message,
    }


def _appended(status: Object, new: Object) -> Object:
    others = [each for each in status.get("conditions") or () if each["type"] != new["type"]]
    return {**status, "conditions": [*others, new]}


def note_pause(deployment: Object, view: View) -> Object:
    """Tell under Progressing that the rollout is paused, or goes on; the deadline does not run meanwhile."""
    progressing = condition(deployment, "Progressing")
    if not has_progress_deadline(deployment) or (progressing or {}).get("reason") == _TIMED_OUT:
        return deployment
    is_paused = bool(deployment["spec"].get("paused"))
    was_paused = progressing is not None and progressing["reason"] == "DeploymentPaused"
    if is_paused == was_paused:
        return deployment
    reason, message = (
        ("DeploymentPaused", "Deployment is paused") if is_paused else ("DeploymentResumed", "Deployment is resumed")
    )
    status = with_condition(deployment.get("status", {}), "Progressing", "Unknown", reason, message, view)
    return view.update_status("deployments", {**deployment, "status": status}, why=message)


# ---- counts


def _counted(family: Family, view: View) -> Object:
    """The status by what the ReplicaSets tell, with the condition Available."""
    deployment = family.deployment
    before = deployment.get("status", {})
    available = told_in_all(family.all, "availableReplicas")
    counts = {
        "replicas": told_in_all(family.all, "replicas"),
        "updatedReplicas": told(family.new, "replicas"),
        "readyReplicas": told_in_all(family.all, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, wanted_in_all(family.all) - available),
    }
    status: Object = {"observedGeneration": deployment["metadata"]["generation"]}
    status |= {name: count for name, count in counts.items() if count}
    if all("terminatingReplicas" in each.get("status", {}) for each in family.all):
        status["terminatingReplicas"] = told_in_all(family.all, "terminatingReplicas")
    if before.get("conditions"):
        status["conditions"] = before["conditions"]
    if "collisionCount" in before:
        status["collisionCount"] = before["collisionCount"]
    if available >= wanted(deployment) - max_unavailable(deployment):
        message = "Deployment has minimum availability."
        return with_condition(status, "Available", "True", "MinimumReplicasAvailable", message, view)
    message = "Deployment does not have minimum availability."
    return with_condition(status, "Available", "False", "MinimumReplicasUnavailable", message, view)


def is_complete(deployment: Object, status: Object) -> bool:
    """All Pods are of the new ReplicaSet, and available."""
    counts = ("updatedReplicas", "replicas", "availableReplicas")
    is_observed = bool(status.get("observedGeneration", 0) >= deployment["metadata"]["generation"])
    return is_observed and all(status.get(count, 0) == wanted(deployment) for count in counts)


# ---- progress


def write_status(family: Family, view: View) -> None:
    """Tell the counts; progress is not judged (while paused, while scaling)."""
    _write(family, _counted(family, view), view)


def write_status_of_rollout(family: Family, view: View) -> float | None:
    """Tell the counts and judge the progress. Returns after how many seconds the deadline has passed, if it runs."""
    deployment = family.deployment
    status = _counted(family, view)
    if not has_progress_deadline(deployment):
        status = without_condition(status, "Progressing")
    else:
        status = _judged(family, status, view)
    failure = _replica_failure(family)
    status = without_condition(status, "ReplicaFailure") if failure is None else _failing(status, failure)
    _write(family, status, view)
    return _deadline_in_s(deployment, status, view)


def _judged(family: Family, status: Object, view: View) -> Object:
    """The condition Progressing: complete, moving, or too long without a move."""
    deployment = family.deployment
    current = condition(deployment, "Progressing")
    all_updated = status.get("replicas", 0) == status.get("updatedReplicas", 0)
    if all_updated and current is not None and current["reason"] == _COMPLETE:
        return status  # an old rollout is over; that Pods come and go now is no new one
    subject = f'Deployment "{deployment["metadata"]["name"]}"'
    if family.new is not None:
        subject = f'ReplicaSet "{family.new["metadata"]["name"]}"'
    if is_complete(deployment, status):
        message = f"{subject} has successfully progressed."
        return with_condition(status, "Progressing", "True", _COMPLETE, message, view)
    if _has_moved(deployment.get("status", {}), status):
        now = timestamp(view.now_s)
        since = current["lastTransitionTime"] if current is not None and current["status"] == "True" else now
        message = f"{subject} is progressing."
        return _appended(status, _condition("Progressing", "True", "ReplicaSetUpdated", message, now, since))
    if _has_timed_out(deployment, status, view):
        message = f"{subject} has timed out progressing."
        return with_condition(status, "Progressing", "False", _TIMED_OUT, message, view)
    return status


def _has_moved(before: Object, after: Object) -> bool:
    def old_replicas(status: Object) -> int:
        return int(status.get("replicas", 0) - status.get("updatedReplicas", 0))

    grown = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return old_replicas(after) < old_replicas(before) or any(
        after.get(count, 0) > before.get(count, 0) for count in grown
    )


def _has_timed_out(deployment: Object, status: Object, view: View) -> bool:
    progressing = condition({"status": status}, "Progressing")
    if progressing is None or progressing["reason"] == _COMPLETE:
        return False
    if progressing["reason"] == _TIMED_OUT:
        return True
    deadline_s = seconds(progressing["lastUpdateTime"]) + deployment["spec"]["progressDeadlineSeconds"]
    return bool(deadline_s < view.now_s)


def _deadline_in_s(deployment: Object, status: Object, view: View) -> float | None:
    progressing = condition({"status": status}, "Progressing")
    if not has_progress_deadline(deployment) or progressing is None:
        return None
    if is_complete(deployment, status) or progressing["reason"] in (_COMPLETE, _TIMED_OUT):
        return None
    deadline_s = seconds(progressing["lastUpdateTime"]) + deployment["spec"]["progressDeadlineSeconds"]
    return float(max(0.0, deadline_s - view.now_s) + 1.0)


def _replica_failure(family: Family) -> Object | None:
    """The new ReplicaSet's failure to make Pods, or an old one's."""
    replica_sets: Iterable[Object] = family.old if family.new is None else (family.new, *family.old)
    return next((found for each in replica_sets if (found := condition(each, "ReplicaFailure")) is not None), None)


def _failing(status: Object, failure: Object) -> Object:
    before = condition({"status": status}, "ReplicaFailure")
    if before is not None and (before["status"], before["reason"]) == (failure["status"], failure["reason"]):
        return status
    at = failure["lastTransitionTime"]
    since = before["lastTransitionTime"] if before is not None and before["status"] == failure["status"] else at
    return _appended(
        status, _condition("ReplicaFailure", failure["status"], failure["reason"], failure["message"], at, since)
    )


def _write(family: Family, status: Object, view: View) -> None:
    stored = view.get("deployments", key_of(family.deployment))
    if stored is None or stored.get("status") == status:
        return
    told_now = f"of {wanted(family.deployment)} wanted, {status.get('updatedReplicas', 0)} are of the new template and "
    told_now += f"{status.get('availableReplicas', 0)} available"
    view.update_status("deployments", {**family.deployment, "status": status}, why=told_now)


def with_status(family: Family, status: Object) -> Family:
    """The same with a status to be written at the end of the pass."""
    return replace(family, deployment={**family.deployment, "status": status})
