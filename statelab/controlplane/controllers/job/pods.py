"""What the Job controller asks of a Pod. Source: pkg/controller/job/job_controller.go, backoff_utils.go."""

from __future__ import annotations

from statelab.controlplane.clock import seconds
from statelab.controlplane.controllers.common.pods import condition, is_terminating, phase
from statelab.controlplane.controllers.job.indexes import INDEX
from statelab.controlplane.kinds import Object, Objects

TRACKING = "batch.kubernetes.io/job-tracking"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED_FAILURES = "batch.kubernetes.io/job-index-ignored-failure-count"


def is_tracked(pod: Object) -> bool:
    """Whether the Job has still to count it: its finalizer holds the Pod until then."""
    return TRACKING in (pod["metadata"].get("finalizers") or ())


def is_indexed(job: Object) -> bool:
    return bool(job["spec"].get("completionMode") == "Indexed")


def replaces_only_failed(job: Object) -> bool:
    """Whether a Pod that is going must be gone before another takes its place (podReplacementPolicy Failed)."""
    return bool(job["spec"].get("podReplacementPolicy") == "Failed")


def has_failed(pod: Object, job: Object) -> bool:
    """Failed, or on its way out without having succeeded, unless only Pods that are gone count."""
    if phase(pod) == "Failed":
        return True
    return not replaces_only_failed(job) and is_terminating(pod) and phase(pod) != "Succeeded"


def index_of(pod: Object, job: Object) -> int | None:
    """Its completion index; None where it has none that the Job still wants."""
    text = (pod["metadata"].get("annotations") or {}).get(INDEX, "")
    if not text.isdigit() or len(text) > 9:
        return None
    return int(text) if int(text) < (job["spec"].get("completions") or 0) else None


def failures_of(pod: Object, annotation: str = FAILURES) -> int:
    """How many Pods of its index had failed before it was made."""
    text = (pod["metadata"].get("annotations") or {}).get(annotation, "0")
    return int(text) if text.isdigit() and len(text) < 10 else 0


def finished_at_s(pod: Object) -> float:
    """When it ended: its last container, else when it stopped being ready, else when it was asked to go."""
    ends = [
        (each.get("state") or {}).get("terminated", {}).get("finishedAt")
        for each in pod.get("status", {}).get("containerStatuses") or ()
    ]
    if ends and all(ends):
        return max(map(seconds, ends))
    ready = condition(pod, "Ready")
    if ready is not None and ready["status"] == "False" and ready.get("lastTransitionTime"):
        return seconds(ready["lastTransitionTime"])
    metadata = pod["metadata"]
    if "deletionTimestamp" in metadata:
        return seconds(metadata["deletionTimestamp"]) - float(metadata.get("deletionGracePeriodSeconds", 0))
    return seconds(metadata["creationTimestamp"])


def restarts_of(pods: Objects) -> int:
    """How often containers of Pods that are not finished were started again."""
    return sum(
        each.get("restartCount", 0)
        for pod in pods
        if phase(pod) in ("Running", "Pending")
        for key in ("initContainerStatuses", "containerStatuses")
        for each in pod.get("status", {}).get(key) or ()
    )
