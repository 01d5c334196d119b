"""Which Pods are behind which Services, and on which ports: shared by the controllers that publish endpoints.

A Pod's event must not cost a look at every Service, nor a Service's pass a look at every Pod: both are indexed here.
Source: staging/src/k8s.io/endpointslice (util/controller_utils.go, trigger_time_tracker.go), pkg/api/v1/pod/util.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from statelab.controlplane.controllers.common.pods import condition, is_finished, is_ready
from statelab.controlplane.kinds import Object, key_of, split_key
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

HEADLESS = "service.kubernetes.io/headless"
TRIGGER_TIME = "endpoints.kubernetes.io/last-change-trigger-time"


@dataclass
class News:
    """What happened to the Pods of one Service since the last pass.

    `pods`: key → the Pod, or None when it no longer belongs. `everything`: these are all, forget what you knew.
    `trigger`: when the earliest change behind this happened, or None when no condition changed.
    """

    pods: dict[str, Object | None]
    everything: bool
    trigger: str | None


@dataclass
class _Watched:
    selector: dict[str, str]
    dirty: dict[str, None] = field(default_factory=dict)
    everything: bool = True
    seen: dict[str, str] = field(default_factory=dict)  # Pod key → since when it has been ready or not
    created: str = ""  # the Service's creation, once told


class Backends:
    """The index: Services by a label they select, and per Service the Pods that changed since it was last asked."""

    def __init__(self, view: View) -> None:
        self._watched: dict[str, _Watched] = {}
        self._by_label: dict[tuple[str, str, str], dict[str, None]] = {}  # (namespace, key, value) → Service keys
        for service in view.list("services"):
            self._watch(key_of(service), service)

    # ---- revisions in, keys of Services out

    def on_service(self, revision: Revision) -> list[str]:
        if revision.type == "DELETED" or not selector_of_service(revision.object):
            self._forget(revision.key)
        else:
            self._watch(revision.key, revision.object)
        return [revision.key]

    def on_pod(self, revision: Revision) -> list[str]:
        before = revision.previous
        after = revision.object if revision.type != "DELETED" else None
        if before is not None and after is not None and _published(before) == _published(after):
            return []
        namespace = split_key(revision.key)[0]
        keys: dict[str, None] = {}
        for pod in (before, after):
            for key in self._services_of(namespace, pod) if pod is not None else ():
                self._watched[key].dirty[revision.key] = None
                keys[key] = None
        return list(keys)

    def look_at_all(self, key: str) -> None:
        """The next `news` of this Service names all its Pods: what was made of them was changed by someone else."""
        if key in self._watched:
            self._watched[key].everything = True

    # ---- a pass

    def waiting(self, key: str) -> int | None:
        """How many Pods changed since the last `news` of this Service; None when all must be looked at."""
        watched = self._watched.get(key)
        return None if watched is None or watched.everything else len(watched.dirty)

    def news(self, service: Object, view: View) -> News:
        """What changed since the last call. Marks it as told."""
        key = key_of(service)
        watched = self._watch(key, service)
        namespace = service["metadata"]["namespace"]
        everything, watched.everything = watched.everything, False
        dirty, watched.dirty = watched.dirty, {}
        pods: dict[str, Object | None]
        if everything:
            pods = {key_of(pod): pod for pod in view.list("pods", namespace) if _selects(watched.selector, pod)}
            seen = {key: since for key, since in watched.seen.items() if key in pods}
        else:
            pods = {}
            for pod_key in dirty:
                pod = view.get("pods", pod_key)
                pods[pod_key] = pod if pod is not None and _selects(watched.selector, pod) else None
            seen = watched.seen
        trigger = _trigger(pods, seen)
        watched.seen = seen
        created = service["metadata"]["creationTimestamp"]
        if created > watched.created:
            trigger = min(created, trigger) if trigger else created
            watched.created = created
        return News(pods, everything, trigger)

    # ---- the index

    def _services_of(self, namespace: str, pod: Object) -> Iterable[str]:
        for label, value in (pod["metadata"].get("labels") or {}).items():
            for key in self._by_label.get((namespace, label, value), ()):
                if _selects(self._watched[key].selector, pod):
                    yield key

    def _watch(self, key: str, service: Object) -> _Watched:
        selector = selector_of_service(service)
        watched = self._watched.get(key)
        if watched is None or watched.selector != selector:
            self._forget(key)
            watched = self._watched[key] = _Watched(selector)
            if selector:
                self._by_label.setdefault(_entry(key, selector), {})[key] = None
        return watched

    def _forget(self, key: str) -> None:
        watched = self._watched.pop(key, None)
        if watched is not None and watched.selector:
            entry = _entry(key, watched.selector)
            keys = self._by_label.get(entry, {})
            keys.pop(key, None)
            if not keys:
                self._by_label.pop(entry, None)


def selector_of_service(service: Object) -> dict[str, str]:
    """The labels by which a Service finds its Pods; none where it finds none (ExternalName, hand-made endpoints)."""
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        return {}
    selector: dict[str, str] = spec.get("selector") or {}
    return selector


def _entry(key: str, selector: dict[str, str]) -> tuple[str, str, str]:
    """A Service is found by one of its labels; the rest is compared."""
    label, value = next(iter(selector.items()))
    return split_key(key)[0], label, value


def _selects(selector: dict[str, str], pod: Object) -> bool:
    if not selector:
        return False
    labels = pod["metadata"].get("labels") or {}
    return all(labels.get(label) == value for label, value in selector.items())


def _published(pod: Object) -> tuple[object, ...]:
    """All of a Pod that its endpoints tell. Source: podEndpointsChanged."""
    metadata, spec = pod["metadata"], pod["spec"]
    return (
        metadata.get("uid"),
        metadata.get("labels"),
        spec.get("hostname"),
        spec.get("subdomain"),
        "deletionTimestamp" in metadata,
        pod.get("status", {}).get("podIP"),
        is_ready(pod),
        is_finished(pod),
    )


def _trigger(pods: dict[str, Object | None], seen: dict[str, str]) -> str | None:
    """The earliest of the changes of readiness that are new; `seen` is brought up to date.

    Times are told to the second; a Pod that became ready within one second has changed nevertheless.
    """
    earliest: str | None = None
    for key, pod in pods.items():
        ready = condition(pod, "Ready") if pod is not None else None
        since = ready.get("lastTransitionTime") if ready is not None else None
        if ready is None or not since:
            seen.pop(key, None)
            continue
        known = f"{since} {ready['status']}"
        if known != seen.get(key):
            seen[key] = known
            earliest = min(earliest, since) if earliest else since
    return earliest


# ---- what a Pod publishes


def belongs_in_endpoints(pod: Object, *, include_terminating: bool) -> bool:
    """It has an address and has not ended. Source: ShouldPodBeInEndpoints."""
    if is_finished(pod) or not pod.get("status", {}).get("podIP"):
        return False
    return include_terminating or "deletionTimestamp" not in pod["metadata"]


def hostname_for(pod: Object, service: Object) -> str | None:
    """A Pod has a name of its own in a Service that its `spec.subdomain` names. Source: ShouldSetHostname."""
    spec = pod["spec"]
    if spec.get("hostname") and spec.get("subdomain") == service["metadata"]["name"]:
        return str(spec["hostname"])
    return None


def target_of(pod: Object) -> Object:
    metadata = pod["metadata"]
    return {"kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"]}


def find_port(pod: Object, service_port: Object) -> int | None:
    """The number a Service's port means on this Pod: targetPort may name a port of a container. None: no such port."""
    target = service_port.get("targetPort", service_port["port"])
    if isinstance(target, int):
        return target or int(service_port["port"])
    protocol = service_port.get("protocol", "TCP")
    spec = pod["spec"]
    sidecars = [each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"]
    for container in [*spec["containers"], *sidecars]:
        for port in container.get("ports") or ():
            if port.get("name") == target and port.get("protocol", "TCP") == protocol:
                return int(port["containerPort"])
    return None


def is_headless(service: Object) -> bool:
    return service["spec"].get("clusterIP") in (None, "", "None")
