"""The IPAddresses of Services, and what may not be done with them and with their range.

An IPAddress of a Service is made when somebody looks, of the Service; it can be read, not written or watched. All
others are stored. Source: pkg/registry/core/service/ipallocator/ipallocator.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from statelab.controlplane import errors
from statelab.controlplane.apiserver.encoding.request import Target
from statelab.controlplane.apiserver.serving.nonresource import not_simulated
from statelab.controlplane.kinds import KINDS, Object, Objects, uid_of

if TYPE_CHECKING:
    from statelab.controlplane.controlplane import ControlPlane

_ADDRESSES, _RANGES, _ONE_RANGE = "ipaddresses", "servicecidrs", "kubernetes"


def held(cluster: ControlPlane) -> Objects:
    """One for each address that a Service has."""
    return [_of_service(cluster, service, ip) for service, ip in _held(cluster)]


def find(cluster: ControlPlane, ip: str) -> Object | None:
    """The IPAddress of a Service that has this address."""
    return next((_of_service(cluster, service, each) for service, each in _held(cluster) if each == ip), None)


def check_create(cluster: ControlPlane, plural: str, name: str) -> None:
    """Raises ApiError 409 for the address of a Service, 404 for another range of addresses."""
    if plural == _ADDRESSES and find(cluster, name) is not None:
        raise errors.already_exists(KINDS[plural], name)
    if plural == _RANGES:
        raise not_simulated("further ranges of Services' addresses (ServiceCIDR)")


def check_change(cluster: ControlPlane, target: Target, method: str) -> None:
    """Raises ApiError 404 for a change or a deletion that is not simulated."""
    if target.kind.plural == _ADDRESSES and target.name and find(cluster, target.name) is not None:
        raise not_simulated("changes of Services' addresses (IPAddress)")
    if target.kind.plural == _RANGES and (method == "DELETE" or target.name != _ONE_RANGE):
        raise not_simulated("further ranges of Services' addresses (ServiceCIDR), or none")


def _held(cluster: ControlPlane) -> Iterator[tuple[Object, str]]:
    for service in cluster.store.list("services"):
        spec = service["spec"]
        for ip in spec.get("clusterIPs") or filter(None, [spec.get("clusterIP")]):
            if ip != "None":
                yield service, ip


def _of_service(cluster: ControlPlane, service: Object, ip: str) -> Object:
    kind, of = KINDS[_ADDRESSES], service["metadata"]
    labels = {
        "ipaddress.kubernetes.io/ip-family": "IPv6" if ":" in ip else "IPv4",
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
    }
    metadata = {
        "name": ip, "uid": uid_of(kind.plural, ip, of["creationTimestamp"]),
        "resourceVersion": str(cluster.store.revision), "creationTimestamp": of["creationTimestamp"], "labels": labels,
    }  # fmt: skip
    parent = {"resource": "services", "namespace": of["namespace"], "name": of["name"]}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": {"parentRef": parent}}
