"""What a StatefulSet's status says: how many Pods there are, are ready, available, of the current and the new template.

Source: pkg/controller/statefulset/stateful_set_control.go (computeReplicaStatus), stateful_set_utils.go
(completeRollingUpdate).
"""

from __future__ import annotations

from collections.abc import Iterator

from statelab.controlplane.controllers.statefulset.pods import Member
from statelab.controlplane.controllers.statefulset.steps import Work
from statelab.controlplane.kinds import Object


def write_status(work: Work, collisions: int) -> None:
    """Tell the counts; once every Pod is ready and of the new template, that template is the current one."""
    spec, roster = work.stateful_set["spec"], work.roster
    current, update = work.current["metadata"]["name"], work.update["metadata"]["name"]
    replicas, ready = len(roster.by_ordinal), roster.ready
    of_current, of_update = roster.living_revisions[current], roster.living_revisions[update]
    if spec["updateStrategy"]["type"] == "RollingUpdate" and of_update == ready == replicas == work.size:
        current, of_current = update, of_update
    status: Object = {"observedGeneration": work.stateful_set["metadata"]["generation"], "replicas": replicas}
    counts = {"readyReplicas": ready, "currentReplicas": of_current, "updatedReplicas": of_update}
    status |= {name: count for name, count in counts.items() if count}
    status |= {"currentRevision": current, "updateRevision": update, "collisionCount": collisions}
    before = work.stateful_set.get("status", {})
    if before.get("conditions"):
        status["conditions"] = before["conditions"]
    status["availableReplicas"] = ready - sum(1 for _ in _not_yet_available(work))
    if status != before:
        why = f"of {work.size} wanted, {replicas} exist, {ready} are ready, {of_update} of the newest template"
        work.view.update_status("statefulsets", {**work.stateful_set, "status": status}, why=why)


def next_available_s(work: Work) -> float | None:
    """When the next ready Pod will have been so for minReadySeconds."""
    min_ready_seconds, now_s = work.stateful_set["spec"].get("minReadySeconds", 0), work.view.now_s
    return min((each.ready_since_s + min_ready_seconds - now_s for each in _not_yet_available(work)), default=None)


def _not_yet_available(work: Work) -> Iterator[Member]:
    min_ready_seconds = work.stateful_set["spec"].get("minReadySeconds", 0)
    return work.roster.not_yet_available(min_ready_seconds, work.view.now_s) if min_ready_seconds else iter(())
