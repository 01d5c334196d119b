"""NodeResourcesFit and NodePorts: is there room, and are the host ports free.

Source: pkg/scheduler/framework/plugins/{noderesources,nodeports}.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from statelab.controlplane.scheduling.nodeinfo import NodeInfo, PodInfo

NO_PORTS = "node(s) didn't have free ports for the requested pod ports"


def insufficient(info: PodInfo, node: NodeInfo, by_class: Collection[str] = ()) -> list[tuple[str, bool]]:
    """`(reason, resolvable)` for each resource that is short. Not resolvable: the whole node would not be enough.

    `by_class`: resources that a DeviceClass answers, on nodes that do not have them themselves.
    """
    found = []
    if len(node.pods) + 1 > node.allocatable.get("pods", 0):
        found.append(("Too many pods", node.allocatable.get("pods", 0) > 0))
    for resource, wanted in info.requests.items():
        capacity = node.allocatable.get(resource, 0)
        if resource in by_class and not capacity:
            continue
        if wanted and wanted > capacity - node.requested.get(resource, 0):
            found.append((f"Insufficient {resource}", wanted <= capacity))
    return found


def ports_conflict(wanted: list[tuple[str, str, int]], taken: Iterable[tuple[str, str, int]]) -> bool:
    """Whether one of the wanted host ports is taken: on the same address, or one of the two is for all addresses."""
    for address, protocol, port in taken:
        for own_address, own_protocol, own_port in wanted:
            same = protocol == own_protocol and port == own_port
            if same and (address == own_address or "0.0.0.0" in (address, own_address)):
                return True
    return False
