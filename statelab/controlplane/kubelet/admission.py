"""What a kubelet refuses to run, even if the scheduler (or a `nodeName` in the manifest) has put it on its node.

Source: pkg/kubelet/lifecycle/predicate.go (generalFilter), pkg/scheduler/eventhandlers.go (AdmissionCheck).
"""

from __future__ import annotations

from collections.abc import Sequence

from statelab.controlplane import quantity
from statelab.controlplane.kinds import Object
from statelab.controlplane.kubelet.status import pod_requests
from statelab.controlplane.scheduling import fit, nodematch
from statelab.controlplane.scheduling.nodeinfo import host_ports


def rejection(pod: Object, node: Object, others: Sequence[Object]) -> tuple[str, str] | None:
    """`(reason, message)` for a Pod that this node cannot run beside `others`, or None."""
    found = _insufficient(pod, node, others)
    if found is not None:
        return found
    if not nodematch.matches_node(pod, node):
        return _predicate("NodeAffinity", nodematch.NO_AFFINITY)
    if (ports := host_ports(pod)) and fit.ports_conflict(ports, (port for each in others for port in host_ports(each))):
        return _predicate("NodePorts", fit.NO_PORTS)
    if nodematch.untolerated(pod, node, ("NoExecute",)) is not None:
        return _predicate("TaintToleration", "node(s) had taints that the pod didn't tolerate")
    return None


def _predicate(name: str, reason: str) -> tuple[str, str]:
    return name, f"Pod was rejected: Predicate {name} failed: {reason}"


def _insufficient(pod: Object, node: Object, others: Sequence[Object]) -> tuple[str, str] | None:
    allocatable = (node.get("status") or {}).get("allocatable") or {}

    def words(resource: str, requested: int, used: int, capacity: int) -> tuple[str, str]:
        return f"OutOf{resource}", (
            f"Pod was rejected: Node didn't have enough resource: {resource}, requested: {requested}, used: {used}, "
            f"capacity: {capacity}"
        )

    pods = quantity.whole(allocatable.get("pods", "0"))
    if len(others) + 1 > pods:
        return words("pods", 1, len(others), pods)
    for resource, amount in pod_requests(pod).items():
        count = quantity.milli if resource == "cpu" else quantity.whole
        wanted, capacity = count(amount), count(allocatable.get(resource, "0"))
        used = sum(count(pod_requests(each).get(resource, "0")) for each in others)
        if wanted and used + wanted > capacity:
            return words(resource, wanted, used, capacity)
    return None
