"""The Job controller: so many Pods at a time until so many have succeeded, or too many have failed.

Source: pkg/controller/job/job_controller.go (syncJob); KEP-2307, KEP-3329, KEP-3850, KEP-3939, KEP-3998, KEP-4368.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.clock import seconds, timestamp
from statelab.controlplane.controllers.common.owners import claim, concerned
from statelab.controlplane.controllers.common.pods import is_news, is_terminating
from statelab.controlplane.controllers.job import sync as passes
from statelab.controlplane.controllers.job.backoff import forget
from statelab.controlplane.controllers.job.manage import manage, remove
from statelab.controlplane.controllers.job.pods import has_failed, is_indexed, restarts_of
from statelab.controlplane.controllers.job.policy import ruling_on, success_of
from statelab.controlplane.controllers.job.sync import Condition, Sync
from statelab.controlplane.controllers.job.tracking import track
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import selector_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

OURS = "kubernetes.io/job-controller"


def reconcile(key: str, view: View) -> float | None:
    """One pass: see what ended, make or remove Pods, count, and tell. Raises ApiError when a write was refused."""
    job = view.get("jobs", key)
    if job is None or is_finished(job) or not is_ours(job):
        return None
    pods = claim("pods", job, selector_of(job["spec"]["selector"]), view)
    sync = passes.read(job, pods, view)
    if not sync.suspended:
        sync.status.setdefault("startTime", timestamp(view.now_s))
    sync.finished = _why_it_ends(sync)
    refusal: ApiError | None = None
    active = len(sync.active)
    if sync.finished is not None:
        why = f"{sync.name} has ended: {sync.finished.message}"
        removed, refusal = remove(sync, sync.active, why, untrack=False)
        if refusal is not None:
            sync.finished = None
        active -= removed
    elif not is_terminating(job):
        active, refusal = manage(sync)
    if sync.finished is None and _is_complete(sync, active):
        sync.finished = Condition(
            "SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods"
        )
    elif sync.finished is None and not is_terminating(job):
        _tell_suspension(sync)
    sync.status |= {"active": active, "ready": sync.ready, "terminating": sync.terminating}
    if not active:
        del sync.status["active"]
    track(sync)
    if refusal is not None:
        raise refusal
    return sync.again_s


def is_finished(job: Object) -> bool:
    """Complete or Failed: nothing more happens to it."""
    conditions = job.get("status", {}).get("conditions") or ()
    return any(each["type"] in ("Complete", "Failed") and each["status"] == "True" for each in conditions)


def is_ours(job: Object) -> bool:
    """A Job whose managedBy names somebody else is left to them."""
    return job["spec"].get("managedBy") in (None, OURS)


# ---- the end


def _why_it_ends(sync: Sync) -> Condition | None:
    met = sync.condition("SuccessCriteriaMet")
    if met is not None:
        return Condition("SuccessCriteriaMet", met.get("reason", ""), met.get("message", ""))
    return _why_it_fails(sync) or _why_it_is_enough(sync)


def _why_it_fails(sync: Sync) -> Condition | None:
    job, spec = sync.job, sync.spec
    target = sync.condition("FailureTarget")
    if target is not None:
        return Condition("Failed", target.get("reason", ""), target.get("message", ""))
    for pod in sync.pods if spec.get("podFailurePolicy") else ():
        message = ruling_on(pod, job).fails_job if has_failed(pod, job) else None
        if message is not None:
            return Condition("FailureTarget", "PodFailurePolicy", message)
    if sync.failed > spec["backoffLimit"] or _restarted_too_often(sync):
        message = "Job has reached the specified backoff limit"
        return Condition("FailureTarget", "BackoffLimitExceeded", message)
    deadline_s = spec.get("activeDeadlineSeconds")
    if deadline_s is not None and not sync.suspended:
        left_s = seconds(sync.status["startTime"]) + deadline_s - sync.view.now_s
        if left_s <= 0:
            message = "Job was active longer than specified deadline"
            return Condition("FailureTarget", "DeadlineExceeded", message)
        sync.look_again(left_s)
    if sync.lost is not None:
        most = spec.get("maxFailedIndexes")
        if most is not None and len(sync.lost) > most:
            message = "Job has exceeded the specified maximal number of failed indexes"
            return Condition("FailureTarget", "MaxFailedIndexesExceeded", message)
        if len(sync.lost) and len(sync.lost) + len(sync.done) >= spec["completions"]:
            return Condition("FailureTarget", "FailedIndexes", "Job has failed indexes")
    return None


def _why_it_is_enough(sync: Sync) -> Condition | None:
    message = success_of(sync.job, sync.done) if is_indexed(sync.job) else None
    return Condition("SuccessCriteriaMet", "SuccessPolicy", message) if message is not None else None


def _restarted_too_often(sync: Sync) -> bool:
    """With restartPolicy OnFailure the containers' restarts count against backoffLimit."""
    if sync.spec["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    restarts, limit = restarts_of(sync.pods), sync.spec["backoffLimit"]
    return restarts >= limit if limit else restarts > 0


def _is_complete(sync: Sync, active: int) -> bool:
    completions = sync.spec.get("completions")
    if completions is None:
        return sync.succeeded > 0 and active == 0
    return bool(sync.succeeded >= completions) and active == 0


def _tell_suspension(sync: Sync) -> None:
    if sync.suspended:
        if sync.set_condition("Suspended", "JobSuspended", "Job suspended"):
            sync.status.pop("startTime", None)  # the deadline counts from when it goes on
            sync.view.event(sync.job, "Suspended", "Job suspended")
    elif sync.set_condition("Suspended", "JobResumed", "Job resumed", "False"):
        sync.status["startTime"] = timestamp(sync.view.now_s)
        sync.view.event(sync.job, "Resumed", "Job resumed")


# ---- what asks for a pass


def _on_pod(revision: Revision, view: View) -> Iterable[str]:
    if revision.type != "DELETED":
        if revision.cause.actor == view.actor:
            return ()  # the pass that wrote it knows
        before, after = revision.previous, revision.object
        if not is_news(before, after) and before is not None and restarts_of([before]) == restarts_of([after]):
            return ()
    return concerned(revision, "Job", "jobs", view)


def _on_job(revision: Revision, view: View) -> Iterable[str]:
    if revision.type == "DELETED":
        forget(revision.object, view)
        return ()
    return () if revision.cause.actor == view.actor else (revision.key,)


CONTROLLER = Controller("job-controller", reconcile, {"jobs": _on_job, "pods": _on_pod})
