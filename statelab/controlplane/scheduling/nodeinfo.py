"""What the scheduler remembers of each node: the Pods there and what they take, kept up as the store changes.

Source: pkg/scheduler/framework/types.go (NodeInfo), pkg/scheduler/backend/cache.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from statelab.controlplane import quantity
from statelab.controlplane.kinds import Object
from statelab.controlplane.kubelet.status import pod_requests

# A container that asks for nothing still counts in the scores, so that such Pods spread too.
_SCORED_CPU_MILLI = 100
_SCORED_MEMORY = 200 * 1024 * 1024


def amount(resource: str, text: str) -> int:
    return quantity.milli(text) if resource == "cpu" else quantity.whole(text)


def requests_of(pod: Object) -> dict[str, int]:
    return {resource: amount(resource, text) for resource, text in pod_requests(pod).items()}


def host_ports(pod: Object) -> list[tuple[str, str, int]]:
    """`(hostIP, protocol, port)` of each; `hostNetwork` Pods' ports were made host ports by defaulting."""
    found = []
    for container in [*pod["spec"]["containers"], *_sidecars(pod)]:
        for port in container.get("ports") or ():
            if port.get("hostPort"):
                found.append((port.get("hostIP") or "0.0.0.0", port.get("protocol") or "TCP", int(port["hostPort"])))
    return found


def _sidecars(pod: Object) -> list[Object]:
    return [each for each in pod["spec"].get("initContainers") or () if each.get("restartPolicy") == "Always"]


@dataclass(slots=True)
class PodInfo:
    pod: Object
    requests: dict[str, int]
    ports: list[tuple[str, str, int]]

    @classmethod
    def of(cls, pod: Object) -> PodInfo:
        return cls(pod, requests_of(pod), host_ports(pod))


@dataclass(slots=True)
class NodeInfo:
    """`pods` by uid, those that are assumed to come included."""

    node: Object
    allocatable: dict[str, int]
    pods: dict[str, PodInfo] = field(default_factory=dict)
    requested: dict[str, int] = field(default_factory=dict)
    scored: dict[str, int] = field(default_factory=lambda: {"cpu": 0, "memory": 0})
    by_owner: dict[str, int] = field(default_factory=dict)  # Pods of each controller, by its uid
    with_affinity: dict[str, PodInfo] = field(default_factory=dict)
    ports: dict[str, list[tuple[str, str, int]]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.node["metadata"]["name"])

    def copy(self) -> NodeInfo:
        """One to try things out on: its Pods can be added and removed, this one's stay."""
        return replace(
            self,
            pods=dict(self.pods),
            requested=dict(self.requested),
            scored=dict(self.scored),
            by_owner=dict(self.by_owner),
            with_affinity=dict(self.with_affinity),
            ports=dict(self.ports),
        )

    def add(self, info: PodInfo) -> None:
        uid = info.pod["metadata"]["uid"]
        self.pods[uid] = info
        if info.ports:
            self.ports[uid] = info.ports
        if "podAffinity" in (affinity := info.pod["spec"].get("affinity") or {}) or "podAntiAffinity" in affinity:
            self.with_affinity[uid] = info
        self._count(info, 1)

    def remove(self, uid: str) -> None:
        info = self.pods.pop(uid, None)
        self.with_affinity.pop(uid, None)
        self.ports.pop(uid, None)
        if info is not None:
            self._count(info, -1)

    def _count(self, info: PodInfo, sign: int) -> None:
        for resource, wanted in info.requests.items():
            self.requested[resource] = self.requested.get(resource, 0) + sign * wanted
        owner = owner_uid(info.pod)
        self.by_owner[owner] = self.by_owner.get(owner, 0) + sign
        if not self.by_owner[owner]:
            del self.by_owner[owner]
        for resource, taken in scored_requests(info).items():
            self.scored[resource] += sign * taken


def scored_requests(info: PodInfo) -> dict[str, int]:
    containers = len(info.pod["spec"]["containers"])
    return {
        "cpu": info.requests.get("cpu") or containers * _SCORED_CPU_MILLI,
        "memory": info.requests.get("memory") or containers * _SCORED_MEMORY,
    }


def allocatable_of(node: Object) -> dict[str, int]:
    found = (node.get("status") or {}).get("allocatable") or {}
    return {resource: amount(resource, text) for resource, text in found.items()}


def priority_of(pod: Object) -> int:
    """The priority that admission gave the Pod."""
    return int(pod["spec"].get("priority") or 0)


def owner_uid(pod: Object) -> str:
    """The uid of the Pod's controller, or "" without one."""
    references = pod["metadata"].get("ownerReferences") or ()
    return next((str(each["uid"]) for each in references if each.get("controller")), "")
