"""The node lifecycle controller: notices that a node has gone silent, says so on its Pods, and taints it.

A node that has not been heard of for 50 s is not known to be dead: its conditions become Unknown, its Pods are no
longer counted as ready, and taints keep new Pods away. What happens to its Pods then is tainteviction.py's to decide.
Source: pkg/controller/nodelifecycle/node_lifecycle_controller.go, pkg/controller/util/node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from statelab.controlplane.clock import timestamp
from statelab.controlplane.controllers.common.pods import condition
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

NAME = "node-lifecycle-controller"
UNREACHABLE = "node.kubernetes.io/unreachable"
NOT_READY = "node.kubernetes.io/not-ready"
_UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
_COMPONENT = "node-controller"
_GRACE_S = 50.0  # --node-monitor-grace-period
_PERIOD_S = 5.0  # --node-monitor-period
_HEARD_OF = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
_PRESSURES = {
    "MemoryPressure": "node.kubernetes.io/memory-pressure",
    "DiskPressure": "node.kubernetes.io/disk-pressure",
    "PIDPressure": "node.kubernetes.io/pid-pressure",
}


class NodeMonitor:
    """Looks every 5 s when each node was last heard of. `heard_s(node)`: that time, or None for a node without kubelet.

    On a real cluster the kubelet renews a Lease every 10 s; here its own word is asked, and no Lease is written.
    `view` acts as nodelifecycle.NAME.
    """

    def __init__(self, view: View, heard_s: Callable[[str], float | None]) -> None:
        self._view = view
        self._heard_s = heard_s

    def start(self) -> None:
        """Look now, and from now on. The timer is housekeeping: a cluster that is well is idle."""
        self.look()
        self._view.loop.call_later(_PERIOD_S, self.start, housekeeping=True)

    def look(self) -> None:
        """One round: nodes that have been silent for too long become Unknown."""
        now_s = self._view.now_s
        for node in self._view.list("nodes"):
            heard_s = self._heard_s(node["metadata"]["name"])
            if heard_s is not None and now_s - heard_s <= _GRACE_S:
                continue
            try:
                _mark_unknown(node, self._view)
            except ApiError:
                continue  # someone wrote it at this moment; the next round sees it


def _mark_unknown(node: Object, view: View) -> None:
    status = node.get("status") or {}
    before = {each["type"]: each for each in status.get("conditions") or ()}
    if all(before.get(type, {}).get("status") == "Unknown" for type in _HEARD_OF):
        return
    was_ready = before.get("Ready", {}).get("status") == "True"
    conditions = [*(status.get("conditions") or ())]
    for type in _HEARD_OF:
        unknown = _unknown(type, before.get(type), node, view.now_s)
        if type in before:
            conditions[conditions.index(before[type])] = unknown
        else:
            conditions.append(unknown)
    name = node["metadata"]["name"]
    why = f"{name} has not been heard of for {_GRACE_S:.0f} s"
    marked = view.update_status("nodes", {**node, "status": {**status, "conditions": conditions}}, why=why)
    if was_ready:
        message = f"Node {name} status is now: NodeNotReady"
        view.event(marked, "NodeNotReady", message, component=_COMPONENT)
        _mark_pods(name, view)


def _unknown(type: str, before: Object | None, node: Object, now_s: float) -> Object:
    if before is None:
        reason, message = "NodeStatusNeverUpdated", "Kubelet never posted node status."
        heartbeat = node["metadata"]["creationTimestamp"]
    else:
        reason, message = "NodeStatusUnknown", "Kubelet stopped posting node status."
        heartbeat = before.get("lastHeartbeatTime")
        if before["status"] == "Unknown":
            return before
    times = {"lastHeartbeatTime": heartbeat, "lastTransitionTime": timestamp(now_s)}
    return {"type": type, "status": "Unknown", **times, "reason": reason, "message": message}


def _mark_pods(node_name: str, view: View) -> None:
    """The Pods of a silent node are not ready: Services must not send anyone there. Source: MarkPodsNotReady."""
    for pod in view.list("pods"):
        ready = condition(pod, "Ready")
        if pod["spec"].get("nodeName") != node_name or ready is None or ready["status"] != "True":
            continue
        changed = {**ready, "status": "False", "lastTransitionTime": timestamp(view.now_s)}
        conditions = [changed if each is ready else each for each in pod["status"]["conditions"]]
        status = {**pod["status"], "conditions": conditions}
        marked = view.update_status("pods", {**pod, "status": status}, why=f"its node {node_name} is silent")
        view.event(marked, "NodeNotReady", "Node is not ready", type="Warning", component=_COMPONENT)


# ---- taints


def reconcile(key: str, view: View) -> float | None:
    """Make one node's taints tell of its conditions."""
    node = view.get("nodes", key)
    if node is None:
        return None
    ready = (condition(node, "Ready") or {}).get("status", "Unknown")
    wanted: list[tuple[str, str]] = []
    if ready != "True":
        name = UNREACHABLE if ready == "Unknown" else NOT_READY
        wanted = [(name, "NoSchedule")]
        if _some_node_is_ready(view):  # when all are silent it is more likely the control plane that is cut off
            wanted.append((name, "NoExecute"))
    for type, name in _PRESSURES.items():
        if (condition(node, type) or {}).get("status") == "True":
            wanted.append((name, "NoSchedule"))
    if node["spec"].get("unschedulable"):
        wanted.append((_UNSCHEDULABLE, "NoSchedule"))
    _write_taints(node, wanted, ready, view)
    return None


def _some_node_is_ready(view: View) -> bool:
    return any((condition(node, "Ready") or {}).get("status") == "True" for node in view.list("nodes"))


def _write_taints(node: Object, wanted: list[tuple[str, str]], ready: str, view: View) -> None:
    ours = {UNREACHABLE, NOT_READY, _UNSCHEDULABLE, *_PRESSURES.values()}
    taints = list(node["spec"].get("taints") or ())
    present = {(each["key"], each["effect"]) for each in taints}
    kept = [each for each in taints if each["key"] not in ours or (each["key"], each["effect"]) in wanted]
    now = timestamp(view.now_s)
    added = [{"key": key, "effect": effect, "timeAdded": now} for key, effect in wanted if (key, effect) not in present]
    if len(kept) == len(taints) and not added:
        return
    spec = {name: value for name, value in node["spec"].items() if name != "taints"}
    if kept or added:
        spec["taints"] = [*kept, *added]
    view.update("nodes", {**node, "spec": spec}, why=f"its condition Ready is {ready}")


def _on_node(revision: Revision, view: View) -> Iterable[str]:
    if revision.type == "DELETED":
        message = f"Node {revision.key} event: Removing Node {revision.key} from Controller"
        view.event(revision.object, "RemovingNode", message, component=_COMPONENT)
        return ()
    if revision.type == "ADDED" and revision.number:
        message = f"Node {revision.key} event: Registered Node {revision.key} in Controller"
        view.event(revision.object, "RegisteredNode", message, component=_COMPONENT)
    before, ready = revision.previous, (condition(revision.object, "Ready") or {}).get("status")
    if before is not None and ready == (condition(before, "Ready") or {}).get("status"):
        return (revision.key,)
    return [key_of(node) for node in view.list("nodes")]  # whether any node is ready may have changed


CONTROLLER = Controller(name=NAME, reconcile=reconcile, watches={"nodes": _on_node})
