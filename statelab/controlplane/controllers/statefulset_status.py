"""What a StatefulSet's status says: how many Pods there are, are ready, available, of the current and the new template.

Source: pkg/controller/statefulset/stateful_set_control.go (computeReplicaStatus), stateful_set_utils.go
(completeRollingUpdate).
"""

from __future__ import annotations

from collections import Counter

from statelab.controlplane.controllers.statefulset_pods import Member
from statelab.controlplane.kinds import Object
from statelab.controlplane.view import View


def write_status(
    stateful_set: Object, members: list[Member], current: str, update: str, collisions: int, view: View
) -> None:
    """Tell the counts; once every Pod is ready and of the new template, that template is the current one.

    `current`, `update`: names of ControllerRevisions.
    """
    spec = stateful_set["spec"]
    min_ready_seconds, now_s = spec.get("minReadySeconds", 0), view.now_s
    ready = sum(member.is_ready for member in members)
    available = ready
    if min_ready_seconds:
        available = sum(member.is_available(min_ready_seconds, now_s) for member in members)
    of_revision = Counter(member.revision for member in members if not member.is_terminating)
    of_current, of_update = of_revision[current], of_revision[update]
    replicas = len(members)
    if spec["updateStrategy"]["type"] == "RollingUpdate" and of_update == ready == replicas == spec["replicas"]:
        current, of_current = update, of_update
    status: Object = {"observedGeneration": stateful_set["metadata"]["generation"], "replicas": replicas}
    counts = {"readyReplicas": ready, "currentReplicas": of_current, "updatedReplicas": of_update}
    status |= {name: count for name, count in counts.items() if count}
    status |= {"currentRevision": current, "updateRevision": update, "collisionCount": collisions}
    if stateful_set.get("status", {}).get("conditions"):
        status["conditions"] = stateful_set["status"]["conditions"]
    status["availableReplicas"] = available
    if status != stateful_set.get("status"):
        why = f"of {spec['replicas']} wanted, {replicas} exist, {ready} are ready, {of_update} of the newest template"
        view.update_status("statefulsets", {**stateful_set, "status": status}, why=why)


def next_available_s(stateful_set: Object, members: list[Member], view: View) -> float | None:
    """When the next ready Pod will have been so for minReadySeconds."""
    min_ready_seconds = stateful_set["spec"].get("minReadySeconds", 0)
    if not min_ready_seconds:
        return None
    waits = (member.ready_since_s + min_ready_seconds - view.now_s for member in members if member.is_ready)
    return min((wait for wait in waits if wait > 0), default=None)
