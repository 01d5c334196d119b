"""What a kubelet refuses to run, even if the scheduler (or a `nodeName` in the manifest) has put it on its node.

Source: pkg/kubelet/lifecycle/predicate.go (generalFilter), pkg/scheduler/eventhandlers.go (AdmissionCheck).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from statelab.controlplane.kinds import Object
from statelab.controlplane.kubelet import sysctls
from statelab.controlplane.scheduling import fit, nodematch
from statelab.controlplane.scheduling.nodeinfo import allocatable_of, host_ports, requests_of


def rejection(pod: Object, node: Object, count: int, others: Iterable[Object]) -> tuple[str, str] | None:
    """`(reason, message)` for a Pod that this node cannot run beside `count` others, or None.

    `others` is gone through once at most, and only for a Pod that asks for something they may have taken.
    """
    found = sysctls.rejection(pod) or _insufficient(node, count)
    if found is not None:
        return found
    if not nodematch.matches_node(pod, node):
        return _predicate("NodeAffinity", nodematch.NO_AFFINITY)
    wanted, ports = _of_node(pod), host_ports(pod)
    if wanted or ports:
        beside = list(others)
        short = _short(wanted, node, beside)
        if short is not None:
            return short
        if fit.ports_conflict(ports, (port for each in beside for port in host_ports(each))):
            return _predicate("NodePorts", fit.NO_PORTS)
    if nodematch.untolerated(pod, node, ("NoExecute",)) is not None:
        return _predicate("TaintToleration", "node(s) had taints that the pod didn't tolerate")
    return None


def _of_node(pod: Object) -> dict[str, int]:
    """What a Pod asks of the node itself: not what a claim gives it (pod.status.extendedResourceClaimStatus)."""
    given = (pod.get("status") or {}).get("extendedResourceClaimStatus") or {}
    by_class = {each["resourceName"] for each in given.get("requestMappings") or ()}
    return {resource: amount for resource, amount in requests_of(pod).items() if resource not in by_class}


def _predicate(name: str, reason: str) -> tuple[str, str]:
    return name, f"Pod was rejected: Predicate {name} failed: {reason}"


def _insufficient(node: Object, count: int) -> tuple[str, str] | None:
    capacity = allocatable_of(node).get("pods", 0)
    return _out_of("pods", 1, count, capacity) if count + 1 > capacity else None


def _short(wanted: dict[str, int], node: Object, others: Sequence[Object]) -> tuple[str, str] | None:
    allocatable = allocatable_of(node)
    for resource, amount in wanted.items():
        used = sum(requests_of(each).get(resource, 0) for each in others)
        capacity = allocatable.get(resource, 0)
        if amount and used + amount > capacity:
            return _out_of(resource, amount, used, capacity)
    return None


def _out_of(resource: str, requested: int, used: int, capacity: int) -> tuple[str, str]:
    amounts = f"requested: {requested}, used: {used}, capacity: {capacity}"
    return f"OutOf{resource}", f"Pod was rejected: Node didn't have enough resource: {resource}, {amounts}"
