"""How many Pods a Job has at a time: makes those that are missing, removes those too many.

Source: pkg/controller/job/job_controller.go (manageJob, deleteActivePods), indexed_job_utils.go.
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane.controllers.common.owners import controller_reference
from statelab.controlplane.controllers.common.pods import first_to_remove, is_ready, pod_from_template
from statelab.controlplane.controllers.common.sizes import IN_ONE_PASS, NEXT_PASS_S, allowance_of, counted, slow_start
from statelab.controlplane.controllers.job.backoff import pause_s
from statelab.controlplane.controllers.job.indexes import INDEX, Indexes
from statelab.controlplane.controllers.job.pods import (
    FAILURES,
    IGNORED_FAILURES,
    TRACKING,
    failures_of,
    finished_at_s,
    index_of,
    is_indexed,
    is_tracked,
    replaces_only_failed,
)
from statelab.controlplane.controllers.job.policy import ruling_on
from statelab.controlplane.controllers.job.sync import Sync, all_failures
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object, Objects

_MOST_INDEXES = 500  # looked for in one pass (MaxPodCreateDeletePerSync)
_LONGEST_BASE = 58


def manage(sync: Sync) -> tuple[int, ApiError | None]:
    """Make the number right. Returns how many Pods are active then, and what was refused."""
    wanted = 0 if sync.suspended else _wanted(sync)
    active = len(sync.active)
    surplus = _some_now(sync, _surplus(sync, max(0, active - wanted)))
    if surplus or sync.suspended:
        why = f"{sync.name} is suspended" if sync.suspended else f"{sync.name} wants {counted(wanted, 'Pod')} at a time"
        removed, refusal = remove(sync, surplus, why, untrack=True)
        return active - removed, refusal
    missing = wanted - active - (sync.terminating if replaces_only_failed(sync.job) else 0)
    if missing <= 0:
        return active, None
    if not sync.per_index:
        wait_s = sync.failures.wait_s(sync.view.now_s)
        if wait_s > 0:
            sync.look_again(wait_s)
            return active, None
    indexes: list[int] | None = None
    if is_indexed(sync.job):
        indexes = _next_indexes(sync, missing)
        missing = len(indexes)
    allowance = allowance_of(sync.view)
    granted = allowance.take(missing, sync.view.now_s)
    if granted < missing:
        sync.look_again(allowance.next_pass_s)
    return _create(sync, granted, indexes)


def _wanted(sync: Sync) -> int:
    parallelism, completions = sync.spec["parallelism"], sync.spec.get("completions")
    if completions is None:  # a work queue: once a Pod has succeeded, no more are made
        return len(sync.active) if sync.succeeded else int(parallelism)
    return max(0, min(int(parallelism), int(completions) - sync.succeeded))


# ---- too many


def _some_now(sync: Sync, pods: Objects) -> Objects:
    """As many as may go at once; the rest in the next pass."""
    if len(pods) > IN_ONE_PASS:
        sync.look_again(NEXT_PASS_S)
    return pods[:IN_ONE_PASS]


def _surplus(sync: Sync, least: int) -> Objects:
    """Those that go: of an Indexed Job first those without an index of their own, then whoever has done least."""
    now_s = sync.view.now_s
    gone: Objects = []
    left = sync.active
    if is_indexed(sync.job):
        by_index: dict[int | None, Objects] = {}
        for pod in sync.active:
            by_index.setdefault(index_of(pod, sync.job), []).append(pod)
        gone = by_index.pop(None, [])
        left = []
        for pods in by_index.values():
            *doubles, kept = first_to_remove(pods, (), now_s) if len(pods) > 1 else pods
            gone += doubles
            left.append(kept)
    more = least - len(gone)
    return gone + first_to_remove(left, (), now_s)[:more] if more > 0 else gone


def remove(sync: Sync, pods: Objects, why: str, *, untrack: bool) -> tuple[int, ApiError | None]:
    """Delete Pods; with `untrack` nobody counts them. Returns how many went, and what was refused."""
    removed, refusal = 0, None
    for pod in pods:
        try:
            if untrack and is_tracked(pod):
                pod = sync.view.update("pods", untracked(pod), why=why)
            sync.view.delete("pods", pod, why=why)
        except ApiError as error:
            if error.code != 404:
                sync.view.event(sync.job, "FailedDelete", f"Error deleting: {error.message}", type="Warning")
                refusal = refusal or error
                continue
        else:
            sync.view.event(sync.job, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")
        removed += 1
        sync.terminating += 1
        sync.ready -= is_ready(pod)
    return removed, refusal


def untracked(pod: Object) -> Object:
    """A copy of the Pod without the Job's finalizer."""
    metadata = dict(pod["metadata"])
    left = [each for each in metadata.get("finalizers") or () if each != TRACKING]
    metadata.pop("finalizers", None)
    if left:
        metadata["finalizers"] = left
    metadata.pop("resourceVersion", None)  # a patch upstream: it must not fail because something else changed
    return {**pod, "metadata": metadata}


# ---- too few


def _next_indexes(sync: Sync, count: int) -> list[int]:
    """The lowest indexes that nobody works on; with backoffLimitPerIndex those whose pause is over."""
    busy = [index for pod in sync.active if (index := index_of(pod, sync.job)) is not None]
    if replaces_only_failed(sync.job):
        going = (pod for pod in sync.pods if "deletionTimestamp" in pod["metadata"])
        busy += [index for pod in going if (index := index_of(pod, sync.job)) is not None]
    taken = sync.done.union(sync.lost or Indexes()).with_more(busy)
    found = taken.missing(min(count, _MOST_INDEXES), sync.spec["completions"])
    if not sync.per_index:
        return found
    waits = {index: _wait_of_index(sync, index) for index in found}
    now = [index for index, wait_s in waits.items() if wait_s == 0]
    later = [wait_s for wait_s in waits.values() if wait_s > 0]
    if later:
        sync.look_again(min(later))
    return now


def _wait_of_index(sync: Sync, index: int) -> float:
    last = sync.last_of_index.get(index)
    return pause_s(all_failures(last) + 1, finished_at_s(last), sync.view.now_s) if last is not None else 0.0


def _create(sync: Sync, count: int, indexes: list[int] | None) -> tuple[int, ApiError | None]:
    why = _why(sync)
    made = 0

    def create(number: int) -> None:
        nonlocal made
        pod = _new_pod(sync, indexes[number] if indexes is not None else None)
        try:
            created = sync.view.create("pods", pod, why=why)
        except ApiError as error:
            causes = error.details.get("causes") or ()
            if any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
                return
            sync.view.event(sync.job, "FailedCreate", f"Error creating: {error.message}", type="Warning")
            raise
        made += 1
        sync.view.event(sync.job, "SuccessfulCreate", f"Created pod: {created['metadata']['name']}")

    refusal = slow_start(range(count), create)
    return len(sync.active) + made, refusal


def _why(sync: Sync) -> str:
    completions, at_a_time = sync.spec.get("completions"), counted(sync.spec["parallelism"], "Pod")
    if completions is None:
        return f"{sync.name} runs {at_a_time} at a time until one succeeds"
    told = f"{sync.name} needs {counted(completions, 'completion')} and has {sync.succeeded}"
    if sync.failures.count:
        told += f"; {sync.failures.count} failed in a row, and the pause after that is over"
    return told if completions == 1 else f"{told}; it runs {at_a_time} at a time"


def _new_pod(sync: Sync, index: int | None) -> Object:
    pod = pod_from_template(sync.spec["template"], sync.job)
    metadata: dict[str, Any] = pod["metadata"]
    metadata["ownerReferences"] = [controller_reference(sync.job)]
    finalizers = metadata.get("finalizers") or []
    metadata["finalizers"] = finalizers if TRACKING in finalizers else [*finalizers, TRACKING]
    if index is None:
        return pod
    name = sync.job["metadata"]["name"]
    suffix = f"-{index}-"
    metadata["generateName"] = name[: _LONGEST_BASE - len(suffix)] + suffix
    metadata["annotations"] = {**(metadata.get("annotations") or {}), INDEX: str(index), **_inherited(sync, index)}
    metadata["labels"] = {**(metadata.get("labels") or {}), INDEX: str(index)}
    pod["spec"]["hostname"] = f"{name}-{index}"
    for key in ("initContainers", "containers"):
        if pod["spec"].get(key):
            pod["spec"][key] = [_told_its_index(container) for container in pod["spec"][key]]
    return pod


def _told_its_index(container: Object) -> Object:
    found = container.get("env") or []
    if any(each.get("name") == "JOB_COMPLETION_INDEX" for each in found):
        return container
    source = {"fieldRef": {"fieldPath": f"metadata.labels['{INDEX}']"}}
    return {**container, "env": [*found, {"name": "JOB_COMPLETION_INDEX", "valueFrom": source}]}


def _inherited(sync: Sync, index: int) -> dict[str, str]:
    """How many of its index failed before, which the new Pod carries on."""
    if not sync.per_index:
        return {}
    last = sync.last_of_index.get(index)
    if last is None:
        return {FAILURES: "0"}
    counts = ruling_on(last, sync.job).counts
    failures, ignored = failures_of(last) + counts, failures_of(last, IGNORED_FAILURES) + (not counts)
    return {FAILURES: str(failures), **({IGNORED_FAILURES: str(ignored)} if ignored else {})}
