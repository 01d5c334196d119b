"""Counting Pods that ended, each exactly once, and ending the Job.

A Pod that ended is written into `status.uncountedTerminatedPods` first; only then its finalizer is taken away, and only
then it is counted. So nothing is counted twice or lost, whenever the controller dies in between.
Source: pkg/controller/job/job_controller.go (trackJobStatusAndRemoveFinalizers).
"""

from __future__ import annotations

from statelab.controlplane.clock import timestamp
from statelab.controlplane.controllers.common.pods import phase
from statelab.controlplane.controllers.common.sizes import counted
from statelab.controlplane.controllers.job.backoff import forget, remember
from statelab.controlplane.controllers.job.manage import untracked
from statelab.controlplane.controllers.job.pods import has_failed, index_of, is_indexed, is_tracked
from statelab.controlplane.controllers.job.policy import ruling_on
from statelab.controlplane.controllers.job.sync import Condition, Sync
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object, Objects

_MOST_UNCOUNTED = 500


def track(sync: Sync) -> None:
    """Count what ended, let it go, and say so; end the Job if everything is counted."""
    pods = sorted(sync.pods, key=lambda pod: index_of(pod, sync.job) or 0) if is_indexed(sync.job) else sync.pods
    waiting = {pod["metadata"]["uid"] for pod in pods if is_tracked(pod)}
    _count(sync, waiting)
    released, all_looked_at = _release(sync, pods)
    _announce(sync)
    _flush(sync)
    remember(sync.job, sync.failures, sync.view)
    for pod in released:
        _untrack(sync, pod)
        waiting.discard(pod["metadata"]["uid"])
    _count(sync, waiting)
    ended = _end(sync) if all_looked_at else None
    _flush(sync)
    if ended is not None:
        _tell(sync, ended)


def _release(sync: Sync, pods: Objects) -> tuple[Objects, bool]:
    """The Pods that need not be held any longer, their uids written down; and whether that was all of them."""
    released: Objects = []
    new_indexes: list[int] = []
    for pod in pods:
        if not is_tracked(pod) or not _may_go(sync, pod):
            continue
        released.append(pod)
        uid, index = pod["metadata"]["uid"], index_of(pod, sync.job)
        if phase(pod) == "Succeeded" and uid not in sync.uncounted("failed"):
            if is_indexed(sync.job):
                if index is not None and index not in sync.done_before:
                    new_indexes.append(index)
            else:
                _write_down(sync, "succeeded", uid)
        elif _is_lost(sync, pod) and ruling_on(pod, sync.job).counts:
            _write_down(sync, "failed", uid)
        if len(new_indexes) + len(sync.uncounted("succeeded")) + len(sync.uncounted("failed")) >= _MOST_UNCOUNTED:
            sync.look_again(0.0)
            break
    if is_indexed(sync.job):
        done = sync.done.with_more(new_indexes)
        sync.status |= {"succeeded": len(done), "completedIndexes": str(done)}
        for key in ("succeeded", "completedIndexes"):
            if not sync.status[key]:
                del sync.status[key]
        if sync.lost is not None:
            sync.status["failedIndexes"] = str(sync.lost)
        return released, sync.again_s != 0.0
    return released, sync.again_s != 0.0


def _may_go(sync: Sync, pod: Object) -> bool:
    if "deletionTimestamp" in sync.job["metadata"] or sync.finished is not None or phase(pod) == "Succeeded":
        return True
    if not has_failed(pod, sync.job):
        return False
    last = sync.last_of_index.get(index_of(pod, sync.job) or 0) if sync.per_index else None
    return last is None or last["metadata"]["uid"] != pod["metadata"]["uid"]  # the next Pod inherits its count first


def _is_lost(sync: Sync, pod: Object) -> bool:
    """It failed; or it runs while the Job ends, unless the Job ends well."""
    if is_indexed(sync.job) and index_of(pod, sync.job) is None:
        return False
    ends_badly = sync.finished is not None and sync.finished.type != "SuccessCriteriaMet"
    return has_failed(pod, sync.job) or ends_badly


def _write_down(sync: Sync, key: str, uid: str) -> None:
    found = sync.uncounted(key)
    if uid not in found:
        sync.status["uncountedTerminatedPods"][key] = [*found, uid]


def _untrack(sync: Sync, pod: Object) -> None:
    metadata = pod["metadata"]
    now = sync.view.get("pods", f"{metadata['namespace']}/{metadata['name']}")
    if now is None or now["metadata"]["uid"] != metadata["uid"]:
        return
    try:
        sync.view.update("pods", untracked(now), why=f"{sync.name} has counted it")
    except ApiError as error:
        if error.code != 404:
            raise


def _count(sync: Sync, waiting: set[str]) -> None:
    """Uids whose finalizer is gone become numbers."""
    uncounted = sync.status["uncountedTerminatedPods"]
    for key in ("succeeded", "failed"):
        found = sync.uncounted(key)
        left = [uid for uid in found if uid in waiting]
        if len(left) != len(found):
            sync.status[key] = sync.status.get(key, 0) + len(found) - len(left)
        uncounted.pop(key, None)
        if left:
            uncounted[key] = left


def _announce(sync: Sync) -> None:
    """The condition that comes before the last one: the Job is going to fail, or has succeeded."""
    finished = sync.finished
    if finished is None:
        return
    if finished.type in ("FailureTarget", "SuccessCriteriaMet") and sync.condition(finished.type) is None:
        sync.set_condition(finished.type, finished.reason, finished.message)
    last = "Failed" if finished.type in ("FailureTarget", "Failed") else "Complete"
    sync.finished = Condition(last, finished.reason, finished.message)


def _end(sync: Sync) -> Condition | None:
    """Complete or Failed, unless Pods are still uncounted or on their way out."""
    finished = sync.finished
    if finished is None or sync.terminating or sync.uncounted("succeeded") or sync.uncounted("failed"):
        return None
    sync.set_condition(finished.type, finished.reason, finished.message)
    if finished.type == "Complete":
        sync.status["completionTime"] = timestamp(sync.view.now_s)
    forget(sync.job, sync.view)
    return finished


def _flush(sync: Sync) -> None:
    if sync.status == sync.job.get("status"):
        return
    status = {**sync.status, "uncountedTerminatedPods": {**sync.status["uncountedTerminatedPods"]}}
    sync.job = sync.view.update_status("jobs", {**sync.job, "status": status}, why=_told(sync))


def _told(sync: Sync) -> str:
    for type in ("Complete", "Failed", "SuccessCriteriaMet", "FailureTarget"):
        condition = sync.condition(type)
        if condition is not None:
            return f"{type}: {condition.get('message') or condition.get('reason')}"
    status = sync.status
    if sync.suspended:
        return "it is suspended"
    told = f"{counted(status.get('active', 0), 'Pod')} active, {status.get('succeeded', 0)} succeeded"
    return f"{told}, {status['failed']} failed" if status.get("failed") else told


def _tell(sync: Sync, finished: Condition) -> None:
    if finished.type == "Failed":
        sync.view.event(sync.job, finished.reason, finished.message, type="Warning")
        return
    completions = sync.spec.get("completions")
    if completions is not None and sync.status.get("succeeded", 0) > completions:
        message = "Too many succeeded pods running after completion count reached"
        sync.view.event(sync.job, "TooManySucceededPods", message, type="Warning")
    sync.view.event(sync.job, "Completed", "Job completed")
