"""The EndpointSlice controller: for each Service with a selector, slices that tell where its Pods are.

A slice holds at most 100 endpoints; the Pods of a Service that resolve its ports alike share slices. A pass costs what
changed, not what is there. Source: pkg/controller/endpointslice, staging/src/k8s.io/endpointslice (reconciler.go,
utils.go).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from statelab.controlplane.controllers.common.memory import Memory
from statelab.controlplane.controllers.common.owners import controller_reference, title
from statelab.controlplane.controllers.common.pods import is_ready, is_terminating
from statelab.controlplane.controllers.common.services import (
    HEADLESS,
    TRIGGER_TIME,
    Backends,
    News,
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

MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
SERVICE_NAME = "kubernetes.io/service-name"
_ME = "endpointslice-controller.k8s.io"
_RESERVED = {MANAGED_BY, SERVICE_NAME, HEADLESS}
MAX_PER_SLICE = 100

_Ports = tuple[tuple[tuple[str, Any], ...], ...]  # a slice's ports, hashable
_Endpoint = tuple[_Ports, Object]


@dataclass
class _Slice:
    """One EndpointSlice as it should be. `name` "" until it is created."""

    name: str
    ports: _Ports
    endpoints: dict[str, Object]  # Pod key → endpoint
    is_touched: bool = False


@dataclass
class _Published:
    """What is published of one Service."""

    slices: list[_Slice] = field(default_factory=list)
    where: dict[str, _Slice] = field(default_factory=dict)  # Pod key → the slice that tells of it
    spec: Object | None = None  # the parts of the Service that slices depend on, when last seen


@dataclass
class _Kept:
    backends: Backends
    published: dict[str, _Published] = field(default_factory=dict)


_memory = Memory(lambda view: _Kept(Backends(view)))


def reconcile(key: str, view: View) -> float | None:
    """Make the slices of one Service tell of its Pods as they are now."""
    kept = _memory(view)
    service = view.get("services", key)
    if service is None or is_terminating(service):
        kept.published.pop(key, None)  # the slices are collected with their owner
        return None
    if not selector_of_service(service):
        return None
    published = kept.published.setdefault(key, _Published())
    seen = _what_slices_depend_on(service)
    if published.spec != seen:
        kept.backends.look_at_all(key)
        published.spec = seen
    news = kept.backends.news(service, view)
    if news.everything:
        _load(published, service, news, view)
    _place(published, news, service)
    try:
        _write(published, service, news.trigger, view)
    except ApiError:
        kept.backends.look_at_all(key)  # what was written is uncertain: the next pass starts from what is there
        raise
    return None


def _what_slices_depend_on(service: Object) -> Object:
    spec, metadata = service["spec"], service["metadata"]
    names = ("ports", "clusterIP", "publishNotReadyAddresses", "selector")
    return {"uid": metadata["uid"], "labels": metadata.get("labels"), **{name: spec.get(name) for name in names}}


# ---- from Pods to endpoints


def endpoint_of(pod: Object, service: Object) -> Object:
    """Source: podToEndpoint. A terminating Pod is never ready, unless the Service publishes whatever there is."""
    serving, terminating = is_ready(pod), is_terminating(pod)
    publish = bool(service["spec"].get("publishNotReadyAddresses"))
    endpoint: Object = {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {
            "ready": publish or (serving and not terminating),
            "serving": serving,
            "terminating": terminating,
        },
    }
    hostname = hostname_for(pod, service)
    if hostname is not None:
        endpoint["hostname"] = hostname
    endpoint["targetRef"] = target_of(pod)
    if pod["spec"].get("nodeName"):
        endpoint["nodeName"] = pod["spec"]["nodeName"]
    return endpoint


def ports_of(pod: Object, service: Object) -> _Ports:
    """The Service's ports as numbers on this Pod. A named port the Pod does not have is left out."""
    found = []
    for port in service["spec"].get("ports") or ():
        number = find_port(pod, port)
        if number is not None:
            made = {"name": port.get("name", ""), "protocol": port.get("protocol", "TCP"), "port": number}
            if port.get("appProtocol"):
                made["appProtocol"] = port["appProtocol"]
            found.append(tuple(made.items()))
    return tuple(found)


def _desired(pod: Object | None, service: Object) -> _Endpoint | None:
    if pod is None or not belongs_in_endpoints(pod, include_terminating=True):
        return None
    return ports_of(pod, service), endpoint_of(pod, service)


# ---- where each endpoint goes


def _load(published: _Published, service: Object, news: News, view: View) -> None:
    """Start from the slices that are there, whoever wrote them."""
    published.slices, published.where = [], {}
    for obj in _existing(service, view):
        ports = tuple(tuple(_in_order(port).items()) for port in obj.get("ports") or ())
        endpoints: dict[str, Object] = {}
        for endpoint in obj.get("endpoints") or ():
            target = endpoint.get("targetRef") or {}
            pod_key = f"{target.get('namespace')}/{target.get('name')}"
            if news.pods.get(pod_key) is not None and pod_key not in published.where:
                endpoints[pod_key] = endpoint
        made = _Slice(obj["metadata"]["name"], ports, endpoints, is_touched=True)
        published.slices.append(made)
        published.where.update(dict.fromkeys(endpoints, made))


def _existing(service: Object, view: View) -> list[Object]:
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    return view.list(
        "endpointslices",
        namespace,
        lambda labels: labels.get(SERVICE_NAME) == name and labels.get(MANAGED_BY) == _ME,
    )


def _in_order(port: Object) -> Object:
    return {name: port[name] for name in ("name", "protocol", "port", "appProtocol") if name in port}


def _place(published: _Published, news: News, service: Object) -> None:
    """Put each changed Pod where it was, or into the fullest slice with room. Source: reconcileByPortMapping."""
    homeless: list[tuple[str, _Endpoint]] = []
    for pod_key, pod in news.pods.items():
        desired = _desired(pod, service)
        home = published.where.get(pod_key)
        if home is not None and (desired is None or desired[0] != home.ports):
            del home.endpoints[pod_key], published.where[pod_key]
            home.is_touched, home = True, None
        if desired is None:
            continue
        if home is None:
            homeless.append((pod_key, desired))
        elif home.endpoints[pod_key] != desired[1]:
            home.endpoints[pod_key] = desired[1]
            home.is_touched = True
    for pod_key, (ports, endpoint) in homeless:
        home = _room(published.slices, ports)
        home.endpoints[pod_key] = endpoint
        home.is_touched = True
        published.where[pod_key] = home


def _room(slices: list[_Slice], ports: _Ports) -> _Slice:
    """A slice with these ports and room: one that is written anyway, else the fullest; an empty one is taken over."""
    fitting = [each for each in slices if each.ports == ports and 0 < len(each.endpoints) < MAX_PER_SLICE]
    if fitting:
        return max(fitting, key=lambda each: (each.is_touched, len(each.endpoints)))
    for each in slices:
        if not each.endpoints:
            each.ports = ports
            return each
    made = _Slice("", ports, {})
    slices.append(made)
    return made


# ---- writing


def _write(published: _Published, service: Object, trigger: str | None, view: View) -> None:
    """Create, update and delete slices. An empty one stays when it is the only one: the Service is known, and empty."""
    filled = [each for each in published.slices if each.endpoints]
    empty = [each for each in published.slices if not each.endpoints]
    if not filled:
        kept = empty.pop(0) if empty else _Slice("", (), {})
        kept.is_touched, kept.ports = kept.is_touched or kept.ports != (), ()
        filled = [kept]
    for each in empty:
        obj = view.get("endpointslices", f"{service['metadata']['namespace']}/{each.name}")
        if obj is not None:
            view.delete("endpointslices", obj, why=f"{title(service)} has no endpoints left for it")
    published.slices = filled
    for each in filled:
        if each.name and not each.is_touched:
            continue
        _write_one(each, service, trigger, view)
        each.is_touched = False


def _write_one(wanted: _Slice, service: Object, trigger: str | None, view: View) -> None:
    namespace = service["metadata"]["namespace"]
    old = view.get("endpointslices", f"{namespace}/{wanted.name}") if wanted.name else None
    content: Object = {
        "addressType": "IPv4",
        # A list that is empty comes out of etcd as null: it went in as protobuf.
        "endpoints": list(wanted.endpoints.values()) or None,
        "ports": [dict(port) for port in wanted.ports] or None,
    }
    labels = _labels(service)
    if old is None:
        name = service["metadata"]["name"]
        metadata: Object = {"generateName": f"{name}-", "namespace": namespace, "labels": labels}
        if trigger:
            metadata["annotations"] = {TRIGGER_TIME: trigger}
        metadata["ownerReferences"] = [controller_reference(service)]
        why = f"{title(service)} needs a slice to tell of its Pods: {_count(wanted)}"
        wanted.name = view.create("endpointslices", {"metadata": metadata, **content}, why=why)["metadata"]["name"]
        return
    same = all(old.get(name) == value for name, value in content.items())
    if same and old["metadata"].get("labels") == labels:
        return
    metadata = {**old["metadata"], "labels": labels}
    annotations = {k: v for k, v in (metadata.pop("annotations", None) or {}).items() if k != TRIGGER_TIME}
    if trigger:
        annotations[TRIGGER_TIME] = trigger
    if annotations:
        metadata["annotations"] = annotations
    why = f"the Pods behind {title(service)} have changed: {_count(wanted)}"
    view.update("endpointslices", {**old, "metadata": metadata, **content}, why=why)


def _labels(service: Object) -> Object:
    labels = {k: v for k, v in (service["metadata"].get("labels") or {}).items() if k not in _RESERVED}
    labels[MANAGED_BY] = _ME
    labels[SERVICE_NAME] = service["metadata"]["name"]
    if is_headless(service):
        labels[HEADLESS] = ""
    return labels


def _count(wanted: _Slice) -> str:
    ready = sum(bool(each["conditions"]["ready"]) for each in wanted.endpoints.values())
    return f"{ready} ready of {len(wanted.endpoints)}"


# ---- which revisions concern which Service


def _on_service(revision: Revision, view: View) -> Iterable[str]:
    return _memory(view).backends.on_service(revision)


def _on_pod(revision: Revision, view: View) -> Iterable[str]:
    return _memory(view).backends.on_pod(revision)


def _on_slice(revision: Revision, view: View) -> Iterable[str]:
    """A slice of ours that someone else changed or deleted is made right again."""
    labels = revision.object["metadata"].get("labels") or {}
    was = (revision.previous or revision.object)["metadata"].get("labels") or {}
    if revision.cause.actor == view.actor or _ME not in (labels.get(MANAGED_BY), was.get(MANAGED_BY)):
        return ()
    namespace = revision.object["metadata"]["namespace"]
    keys = {f"{namespace}/{each[SERVICE_NAME]}" for each in (labels, was) if SERVICE_NAME in each}
    for key in keys:
        _memory(view).backends.look_at_all(key)
    return sorted(keys)


CONTROLLER = Controller(
    name="endpointslice-controller",
    reconcile=reconcile,
    watches={"services": _on_service, "pods": _on_pod, "endpointslices": _on_slice},
    latency_s=0.001,  # before the next step of a rollout, as on a real cluster
)
