"""One pass over a Job: its Pods as they are, and the status that is being made.

Source: pkg/controller/job/job_controller.go (syncJobCtx), indexed_job_utils.go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from statelab.controlplane.clock import timestamp
from statelab.controlplane.controllers.common.pods import is_active, is_finished, is_ready, is_terminating, phase
from statelab.controlplane.controllers.job.backoff import Failures, failures_of
from statelab.controlplane.controllers.job.indexes import Indexes
from statelab.controlplane.controllers.job.pods import (
    IGNORED_FAILURES,
    finished_at_s,
    has_failed,
    index_of,
    is_indexed,
    is_tracked,
)
from statelab.controlplane.controllers.job.pods import failures_of as failures_of_index
from statelab.controlplane.controllers.job.policy import ruling_on
from statelab.controlplane.kinds import Object, Objects
from statelab.controlplane.view import View


@dataclass(slots=True)
class Condition:
    """A condition that ends a Job, or says that it is going to."""

    type: str
    reason: str
    message: str


@dataclass(slots=True)
class Sync:
    """What one pass knows. `status` is private to it; `finished` is what ends the Job, once something does."""

    job: Object
    view: View
    pods: Objects
    status: Object
    active: Objects = field(default_factory=list)
    ready: int = 0
    terminating: int = 0
    succeeded: int = 0
    failed: int = 0
    failures: Failures = field(default_factory=Failures)
    done: Indexes = field(default_factory=Indexes)  # of an Indexed Job: what succeeded, what failed for good
    done_before: Indexes = field(default_factory=Indexes)
    lost: Indexes | None = None
    last_of_index: dict[int, Object] = field(default_factory=dict)  # failed Pods whose count the next one inherits
    finished: Condition | None = None
    again_s: float | None = None

    @property
    def spec(self) -> Any:
        return self.job["spec"]

    @property
    def suspended(self) -> bool:
        return bool(self.spec.get("suspend"))

    @property
    def per_index(self) -> bool:
        return self.spec.get("backoffLimitPerIndex") is not None

    @property
    def name(self) -> str:
        return f"job/{self.job['metadata']['name']}"

    def look_again(self, after_s: float) -> None:
        self.again_s = after_s if self.again_s is None else min(self.again_s, after_s)

    def uncounted(self, key: str) -> list[str]:
        found: list[str] = self.status["uncountedTerminatedPods"].get(key) or []
        return found

    def condition(self, type: str) -> Object | None:
        found = (each for each in self.status.get("conditions") or () if each["type"] == type)
        return next((each for each in found if each["status"] == "True"), None)

    def set_condition(self, type: str, reason: str, message: str, status: str = "True") -> bool:
        """Whether that changed anything; one that was never there does not become False."""
        conditions = self.status.get("conditions") or []
        now = timestamp(self.view.now_s)
        made = {"type": type, "status": status, "lastProbeTime": now, "lastTransitionTime": now}
        made |= {"reason": reason, "message": message}
        for index, each in enumerate(conditions):
            if each["type"] == type:
                if all(each.get(key) == made[key] for key in ("status", "reason", "message")):
                    return False
                self.status["conditions"] = [*conditions[:index], made, *conditions[index + 1 :]]
                return True
        if status == "False":
            return False
        self.status["conditions"] = [*conditions, made]
        return True


def read(job: Object, pods: Objects, view: View) -> Sync:
    """Look at the Pods and count what is new about them."""
    status = dict(job.get("status") or {})
    uncounted = status.get("uncountedTerminatedPods") or {}
    status["uncountedTerminatedPods"] = {key: list(uncounted[key]) for key in uncounted}
    sync = Sync(job, view, pods, status)
    sync.active = [pod for pod in pods if is_active(pod)]
    sync.ready = sum(map(is_ready, sync.active))
    sync.terminating = sum(is_terminating(pod) and not is_finished(pod) for pod in pods)
    counted = {*sync.uncounted("succeeded"), *sync.uncounted("failed")}
    new = [pod for pod in pods if is_tracked(pod) and pod["metadata"]["uid"] not in counted]
    if is_indexed(job):
        new = [pod for pod in new if index_of(pod, job) is not None]
    new_succeeded = [pod for pod in new if phase(pod) == "Succeeded"]
    new_failed = [pod for pod in new if has_failed(pod, job)]
    sync.succeeded = status.get("succeeded", 0) + len(new_succeeded) + len(sync.uncounted("succeeded"))
    sync.failed = status.get("failed", 0) + len(sync.uncounted("failed"))
    sync.failed += sum(ruling_on(pod, job).counts for pod in new_failed)
    sync.failures = failures_of(job, view).with_more(new_succeeded, new_failed)
    if is_indexed(job):
        _read_indexes(sync, new)
    return sync


def _read_indexes(sync: Sync, new: Objects) -> None:
    job, completions = sync.job, sync.spec["completions"]
    sync.done_before = Indexes.parse(sync.status.get("completedIndexes"), completions)
    ended = [pod for pod in sync.pods if is_tracked(pod) and index_of(pod, job) is not None]
    sync.done = sync.done_before.with_more(_indexes(job, [pod for pod in ended if phase(pod) == "Succeeded"]))
    sync.succeeded = len(sync.done)
    if not sync.per_index:
        return
    lost = Indexes.parse(sync.status.get("failedIndexes"), completions)
    sync.lost = lost.with_more(_indexes(job, [pod for pod in ended if _loses_index(pod, job)]))
    running = set(_indexes(job, sync.active))
    for pod in new:
        index = index_of(pod, job)
        if index is None or not has_failed(pod, job) or index in running or index in sync.done or index in sync.lost:
            continue
        last = sync.last_of_index.get(index)
        if last is None or (all_failures(last), finished_at_s(last)) <= (all_failures(pod), finished_at_s(pod)):
            sync.last_of_index[index] = pod


def _indexes(job: Object, pods: Objects) -> list[int]:
    return [index for pod in pods if (index := index_of(pod, job)) is not None]


def _loses_index(pod: Object, job: Object) -> bool:
    if not has_failed(pod, job):
        return False
    ruling = ruling_on(pod, job)
    if ruling.action == "FailIndex":
        return True
    return ruling.counts and failures_of_index(pod) >= job["spec"]["backoffLimitPerIndex"]


def all_failures(pod: Object) -> int:
    """How many Pods of its index had failed before it, those that do not count included."""
    return failures_of_index(pod) + failures_of_index(pod, IGNORED_FAILURES)
