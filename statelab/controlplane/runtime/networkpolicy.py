"""Who may open a connection to whom: NetworkPolicies, as kindnet enforces them.

A Pod that no policy selects is open. One that policies select, for a direction, takes what any of them allows. Only new
connections are judged (their replies, and connections that are open, are not), a node always reaches its own Pods, and
Pods on the host's network are not touched. Source: kubernetes-sigs/kube-network-policies pkg/networkpolicy, KEP-2079.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from statelab.controlplane.dns_lookup import DNS_SERVICE_IP
from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import selector_of

_DNS_POD_IP = "10.244.0.2"  # where CoreDNS has its first Pod on a kind cluster
_DNS_LABELS = {"k8s-app": "kube-dns"}


class Reader(Protocol):
    def get(self, plural: str, key: str) -> Object | None: ...
    def list(self, plural: str, namespace: str = "") -> list[Object]: ...


@dataclass(frozen=True, slots=True)
class End:
    """One end of a connection: an address, and the Pod that has it if one has."""

    ip: str
    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    pod: Object | None = None

    @property
    def is_pod(self) -> bool:
        return bool(self.namespace)


def may_connect(cluster: Reader, source_ip: str, ip: str, port: int, protocol: str = "TCP") -> bool:
    """Whether the policies let a new connection from one address to another through. `port`: behind any Service."""
    policies = cluster.list("networkpolicies")
    if not policies or source_ip == ip:
        return True
    source, target = _ends(cluster, source_ip, ip)
    if target.pod is not None and (target.pod.get("status") or {}).get("hostIP") == source_ip:
        return True
    named = _named_ports(target)
    return _direction("Egress", source, target, port, protocol, named, policies, cluster) and _direction(
        "Ingress", target, source, port, protocol, named, policies, cluster
    )


def _ends(cluster: Reader, *addresses: str) -> tuple[End, End]:
    pods: dict[str, Object] = {}
    for pod in cluster.list("pods"):
        status = pod.get("status") or {}
        has_own = not pod["spec"].get("hostNetwork") and status.get("phase") not in ("Succeeded", "Failed")
        if has_own and status.get("podIP") in addresses:
            pods[status["podIP"]] = pod
    found = []
    for ip in addresses:
        if ip == DNS_SERVICE_IP:  # DNS is part of the control plane here; to a policy it is the Pod that it is on kind
            found.append(End(_DNS_POD_IP, "kube-system", _DNS_LABELS))
        elif ip in pods:
            metadata = pods[ip]["metadata"]
            found.append(End(ip, metadata["namespace"], metadata.get("labels") or {}, pods[ip]))
        else:
            found.append(End(ip))
    return found[0], found[1]


def _named_ports(target: End) -> dict[tuple[str, str], int]:
    """The target's container ports, by name and protocol."""
    if target.pod is None:
        return {("dns", "UDP"): 53, ("dns-tcp", "TCP"): 53} if target.is_pod else {}
    spec = target.pod["spec"]
    return {
        (port["name"], port.get("protocol", "TCP")): int(port["containerPort"])
        for container in (*(spec.get("initContainers") or ()), *spec["containers"])
        for port in container.get("ports") or ()
        if port.get("name")
    }


def _direction(
    type: str,
    own: End,
    other: End,
    port: int,
    protocol: str,
    named: dict[tuple[str, str], int],
    policies: Iterable[Object],
    cluster: Reader,
) -> bool:
    """Whether the policies that select `own` for this direction, if any, allow `other`."""
    if not own.is_pod:
        return True
    is_selected = False
    for policy in policies:
        spec = policy["spec"]
        if policy["metadata"]["namespace"] != own.namespace or type not in _types(spec):
            continue
        if not selector_of(spec.get("podSelector") or {})(own.labels):
            continue
        is_selected = True
        rules, peers = (spec.get("ingress"), "from") if type == "Ingress" else (spec.get("egress"), "to")
        for rule in rules or ():
            if _port_fits(rule.get("ports"), port, protocol, named) and _peer_fits(
                rule.get(peers), other, own.namespace, cluster
            ):
                return True
    return not is_selected


def _types(spec: Object) -> list[str]:
    return spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]


def _port_fits(ports: list[Object] | None, port: int, protocol: str, named: dict[tuple[str, str], int]) -> bool:
    if not ports:
        return True
    for each in ports:
        if each.get("protocol", "TCP") != protocol:
            continue
        wanted = each.get("port")
        if wanted is None:
            return True
        if isinstance(wanted, str):
            if named.get((wanted, protocol)) == port:
                return True
        elif wanted <= port <= (each.get("endPort") or wanted):
            return True
    return False


def _peer_fits(peers: list[Object] | None, other: End, namespace: str, cluster: Reader) -> bool:
    return not peers or any(_is_peer(peer, other, namespace, cluster) for peer in peers)


def _is_peer(peer: Object, other: End, namespace: str, cluster: Reader) -> bool:
    block = peer.get("ipBlock")
    if block is not None:
        address = ipaddress.ip_address(other.ip)
        inside = address in ipaddress.ip_network(block["cidr"], strict=False)
        return inside and not any(
            address in ipaddress.ip_network(each, strict=False) for each in block.get("except") or ()
        )
    if not other.is_pod:
        return False
    if peer.get("namespaceSelector") is None:
        if other.namespace != namespace:
            return False
    else:
        found = cluster.get("namespaces", other.namespace)
        labels = ((found or {}).get("metadata") or {}).get("labels") or {}
        if not selector_of(peer["namespaceSelector"])(labels):
            return False
    return peer.get("podSelector") is None or selector_of(peer["podSelector"])(other.labels)
