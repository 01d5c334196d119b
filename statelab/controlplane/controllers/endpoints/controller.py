"""The Endpoints controller: the older form of what EndpointSlices tell, one object a Service.

Source: pkg/controller/endpoint/endpoints_controller.go, pkg/api/v1/endpoints/util.go (RepackSubsets).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from statelab.controlplane.controllers.common.memory import Memory
from statelab.controlplane.controllers.common.owners import title
from statelab.controlplane.controllers.common.pods import is_ready, is_terminating
from statelab.controlplane.controllers.common.services import (
    HEADLESS,
    TRIGGER_TIME,
    Backends,
    belongs_in_endpoints,
    find_port,
    hostname_for,
    is_headless,
    selector_of_service,
    target_of,
)
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

MANAGED_BY = "endpoints.kubernetes.io/managed-by"
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
_ME = "endpoint-controller"
_MAX_ADDRESSES = 1000
# One object tells of all Pods, so for a big Service changes are gathered until none came for a while, but not for ever.
_BIG = 100
_QUIET_S, _LONGEST_S = 4.0, 30.0

_Port = tuple[tuple[str, Any], ...]
# One Pod's part: its address object, its ports, whether it counts as ready, and (ip, uid) to sort by.
_Part = tuple[Object, tuple[_Port, ...], bool, tuple[str, str]]


@dataclass
class _Published:
    parts: dict[str, _Part] = field(default_factory=dict)  # Pod key → its part
    spec: Object | None = None
    waiting: int = 0  # Pods that changed since the last write
    first_s: float = 0.0  # when the first of them did, and the last
    last_s: float = 0.0


@dataclass
class _Kept:
    backends: Backends
    published: dict[str, _Published] = field(default_factory=dict)


_memory = Memory(lambda view: _Kept(Backends(view)))


def reconcile(key: str, view: View) -> float | None:
    """Make the Endpoints object of one Service tell of its Pods as they are now."""
    kept = _memory(view)
    service = view.get("services", key)
    if service is None or is_terminating(service):
        kept.published.pop(key, None)
        if service is None:
            _delete(key, view)
        return None
    if not selector_of_service(service):
        return None
    published = kept.published.setdefault(key, _Published())
    spec = service["spec"]
    seen = {name: spec.get(name) for name in ("ports", "clusterIP", "publishNotReadyAddresses", "selector")}
    if published.spec != seen:
        kept.backends.look_at_all(key)
        published.spec = seen
    gather_s = _gather_s(published, kept.backends.waiting(key), view.now_s)
    if gather_s > 0:
        return gather_s
    news = kept.backends.news(service, view)
    if news.everything:
        published.parts = {}
    for pod_key, pod in news.pods.items():
        part = _part(pod, service)
        if part is None:
            published.parts.pop(pod_key, None)
        else:
            published.parts[pod_key] = part
    try:
        _write(key, service, published.parts, news.trigger, view)
    except ApiError:
        kept.backends.look_at_all(key)
        raise
    published.waiting = 0
    return None


def _gather_s(published: _Published, waiting: int | None, now_s: float) -> float:
    """How long to wait for more changes; 0 to write now."""
    if waiting is None or len(published.parts) <= _BIG:
        return 0.0
    if waiting != published.waiting:
        if not published.waiting:
            published.first_s = now_s
        published.waiting, published.last_s = waiting, now_s
    return min(published.last_s + _QUIET_S, published.first_s + _LONGEST_S) - now_s


def _delete(key: str, view: View) -> None:
    """The Service is gone; its Endpoints go with it, whoever made them."""
    endpoints = view.get("endpoints", key)
    if endpoints is not None:
        view.delete("endpoints", endpoints, why="the Service of this name is gone")


# ---- from Pods to addresses


def _part(pod: Object | None, service: Object) -> _Part | None:
    publish = bool(service["spec"].get("publishNotReadyAddresses"))
    if pod is None or not belongs_in_endpoints(pod, include_terminating=publish):
        return None
    if service["spec"].get("ports"):
        ports = _ports(pod, service)
        if not ports:
            return None
    elif service["spec"].get("clusterIP") == "None":
        ports = ()
    else:
        return None
    address: Object = {"ip": pod["status"]["podIP"]}
    hostname = hostname_for(pod, service)
    if hostname is not None:
        address["hostname"] = hostname
    if pod["spec"].get("nodeName"):
        address["nodeName"] = pod["spec"]["nodeName"]
    address["targetRef"] = target_of(pod)
    return address, ports, publish or is_ready(pod), (address["ip"], pod["metadata"]["uid"])


def _ports(pod: Object, service: Object) -> tuple[_Port, ...]:
    found: dict[_Port, None] = {}
    for port in service["spec"]["ports"]:
        number = find_port(pod, port)
        if number is None:
            continue
        made: Object = {"name": port["name"]} if port.get("name") else {}
        made |= {"port": number, "protocol": port.get("protocol", "TCP")}
        if port.get("appProtocol"):
            made["appProtocol"] = port["appProtocol"]
        found[tuple(made.items())] = None
    return tuple(sorted(found, key=_go_hash))


def _go_hash(port: _Port) -> bytes:
    """Ports are sorted by the hash of how spew, a Go library, prints them (hashutil.DeepHashObject)."""
    values = dict(port)
    protocol = f"(*string){values['appProtocol']}" if "appProtocol" in values else "(*string)<nil>"
    text = (
        f"(v1.EndpointPort){{Name:(string){values.get('name', '')} Port:(int32){values['port']} "
        f"Protocol:(v1.Protocol){values['protocol']} AppProtocol:{protocol}}}"
    )
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()


def _subsets(parts: Iterable[_Part]) -> tuple[list[Object], bool]:
    """Addresses with equal ports together, by address. Also whether there were too many for one object."""
    in_order = sorted(parts, key=lambda part: part[3])
    ready = [part for part in in_order if part[2]]
    truncated = len(in_order) > _MAX_ADDRESSES
    if truncated:  # ready ones matter more
        in_order = (ready + [part for part in in_order if not part[2]])[:_MAX_ADDRESSES]
    by_ports: dict[tuple[_Port, ...], Object] = {}
    for address, ports, is_ready_, _ in in_order:
        subset = by_ports.setdefault(ports, {})
        subset.setdefault("addresses" if is_ready_ else "notReadyAddresses", []).append(address)
    subsets = []
    for ports, found in by_ports.items():
        subset = {name: found[name] for name in ("addresses", "notReadyAddresses") if name in found}
        if ports:
            subset["ports"] = [dict(port) for port in ports]
        subsets.append(subset)
    return subsets, truncated


# ---- writing


def _write(key: str, service: Object, parts: dict[str, _Part], trigger: str | None, view: View) -> None:
    subsets, truncated = _subsets(parts.values())
    labels = dict(service["metadata"].get("labels") or {})
    labels[MANAGED_BY] = _ME
    if is_headless(service):
        labels[HEADLESS] = ""
    old = view.get("endpoints", key)
    annotations = dict((old["metadata"].get("annotations") or {}) if old is not None else {})
    is_marked = annotations.get(OVER_CAPACITY) == "truncated"
    if old is not None and (old.get("subsets") or []) == subsets and is_marked == truncated:
        # A label of ours that an older object lacks is no reason to write: upstream does not compare those either.
        ours = (MANAGED_BY, HEADLESS)
        before = {k: v for k, v in (old["metadata"].get("labels") or {}).items() if k not in ours}
        if before == {k: v for k, v in labels.items() if k not in ours}:
            return
    for name, value in ((TRIGGER_TIME, trigger), (OVER_CAPACITY, "truncated" if truncated else None)):
        if value:
            annotations[name] = value
        else:
            annotations.pop(name, None)
    metadata: Object = dict(old["metadata"]) if old is not None else _named(service)
    metadata["labels"] = labels
    metadata.pop("annotations", None)
    if annotations:
        metadata["annotations"] = annotations
    obj: Object = {"metadata": metadata} | ({"subsets": subsets} if subsets else {})
    ready = sum(part[2] for part in parts.values())
    why = f"the Pods behind {title(service)} have changed: {ready} ready of {len(parts)}"
    if old is None:
        view.create("endpoints", obj, why=why)
    else:
        view.update("endpoints", obj, why=why)


def _named(service: Object) -> Object:
    return {"name": service["metadata"]["name"], "namespace": service["metadata"]["namespace"]}


# ---- which revisions concern which Service


def _on_service(revision: Revision, view: View) -> Iterable[str]:
    return _memory(view).backends.on_service(revision)


def _on_pod(revision: Revision, view: View) -> Iterable[str]:
    return _memory(view).backends.on_pod(revision)


def _on_endpoints(revision: Revision, view: View) -> Iterable[str]:
    """One that someone else changed is made right; one that never had a Service is its maker's."""
    return () if revision.cause.actor == view.actor or view.get("services", revision.key) is None else (revision.key,)


CONTROLLER = Controller(
    name="endpoint-controller",
    reconcile=reconcile,
    watches={"services": _on_service, "pods": _on_pod, "endpoints": _on_endpoints},
    latency_s=0.001,  # before the next step of a rollout, as on a real cluster
)
