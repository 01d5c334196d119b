"""The EndpointSliceMirroring controller: hand-made Endpoints of a Service without a selector, told as EndpointSlices.

Source: pkg/controller/endpointslicemirroring (endpointslicemirroring_controller.go, reconciler.go, utils.go).
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.controllers.common.owners import controller_reference
from statelab.controlplane.controllers.common.pods import is_terminating
from statelab.controlplane.controllers.common.services import HEADLESS, TRIGGER_TIME
from statelab.controlplane.controllers.endpoints.controller import OVER_CAPACITY
from statelab.controlplane.controllers.endpoints.slices import MANAGED_BY, MAX_PER_SLICE, SERVICE_NAME
from statelab.controlplane.kinds import Object
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_ME = "endpointslicemirroring-controller.k8s.io"
_SKIP_MIRROR = "endpointslice.kubernetes.io/skip-mirror"
_LEADER = "control-plane.alpha.kubernetes.io/leader"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_MAX_PER_SUBSET = 1000


def reconcile(key: str, view: View) -> float | None:
    """Make the slices mirrored from one Endpoints object equal to it, or none if it is not to be mirrored."""
    endpoints, service = view.get("endpoints", key), view.get("services", key)
    wanted = _wanted(endpoints) if endpoints is not None and _is_mirrored(endpoints, service) else []
    namespace, _, name = key.partition("/")
    present = view.list(
        "endpointslices",
        namespace,
        lambda labels: labels.get(SERVICE_NAME) == name and labels.get(MANAGED_BY) == _ME,
    )
    for content in wanted:
        assert endpoints is not None
        old = next((each for each in present if each.get("ports") == content["ports"]), present[0] if present else None)
        if old is not None:
            present.remove(old)
        _write(old, content, endpoints, view)
    for old in present:
        view.delete("endpointslices", old, why=f"endpoints/{name} no longer tells what it mirrored")
    return None


def _is_mirrored(endpoints: Object, service: Object | None) -> bool:
    metadata = endpoints["metadata"]
    return (
        service is not None
        and not service["spec"].get("selector")
        and service["spec"].get("type") != "ExternalName"
        and not is_terminating(endpoints)
        and (metadata.get("labels") or {}).get(_SKIP_MIRROR) != "true"
        and _LEADER not in (metadata.get("annotations") or {})
    )


def _wanted(endpoints: Object) -> list[Object]:
    """The content of each slice: the addresses of one subset, at most 100 together."""
    found = []
    for subset in endpoints.get("subsets") or ():
        addresses = [(each, True) for each in subset.get("addresses") or ()]
        addresses += [(each, False) for each in subset.get("notReadyAddresses") or ()]
        ports = [_port(each) for each in subset.get("ports") or ()]
        every = [_endpoint(address, ready) for address, ready in addresses[:_MAX_PER_SUBSET]]
        for start in range(0, len(every), MAX_PER_SLICE):
            content = {"endpoints": every[start : start + MAX_PER_SLICE], "ports": ports or None}
            found.append({"addressType": "IPv6" if ":" in every[start]["addresses"][0] else "IPv4", **content})
    return found


def _port(port: Object) -> Object:
    made = {"name": port.get("name", ""), "protocol": port.get("protocol", "TCP"), "port": port["port"]}
    return made | ({"appProtocol": port["appProtocol"]} if port.get("appProtocol") else {})


def _endpoint(address: Object, ready: bool) -> Object:
    endpoint: Object = {"addresses": [address["ip"]], "conditions": {"ready": ready}}
    for name in ("hostname", "targetRef", "nodeName"):
        if address.get(name):
            endpoint[name] = address[name]
    return endpoint


def _write(old: Object | None, content: Object, endpoints: Object, view: View) -> None:
    metadata = endpoints["metadata"]
    name = metadata["name"]
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k not in (MANAGED_BY, SERVICE_NAME, HEADLESS)}
    labels |= {MANAGED_BY: _ME, SERVICE_NAME: name}
    left_out = (_LAST_APPLIED, TRIGGER_TIME, OVER_CAPACITY)
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k not in left_out}
    head: Object = {"labels": labels, **({"annotations": annotations} if annotations else {})}
    why = f"service/{name} has no selector, so its slices mirror endpoints/{name}"
    if old is None or old["addressType"] != content["addressType"]:
        if old is not None:
            view.delete("endpointslices", old, why=f"the addresses of endpoints/{name} are of another family")
        head |= {"generateName": f"{name}-", "namespace": metadata["namespace"]}
        head["ownerReferences"] = [controller_reference({"apiVersion": "v1", "kind": "Endpoints", **endpoints})]
        view.create("endpointslices", {"metadata": head, **content}, why=why)
        return
    kept = {k: v for k, v in old["metadata"].items() if k != "annotations"}
    changed = {**old, "metadata": {**kept, **head}, **content}
    if changed != old:
        view.update("endpointslices", changed, why=why)


def _on_slice(revision: Revision, view: View) -> Iterable[str]:
    labels = (revision.previous or revision.object)["metadata"].get("labels") or {}
    if revision.cause.actor == view.actor or labels.get(MANAGED_BY) != _ME or SERVICE_NAME not in labels:
        return ()
    return (f"{revision.object['metadata']['namespace']}/{labels[SERVICE_NAME]}",)


def _on_service(revision: Revision, view: View) -> Iterable[str]:
    spec = revision.object["spec"]
    before = revision.previous["spec"] if revision.previous is not None else {}
    return () if spec.get("selector") and before.get("selector") else (revision.key,)


def _on_endpoints(revision: Revision, view: View) -> Iterable[str]:
    service = view.get("services", revision.key)
    return () if service is not None and service["spec"].get("selector") else (revision.key,)


CONTROLLER = Controller(
    name="endpointslicemirroring-controller",
    reconcile=reconcile,
    watches={"services": _on_service, "endpoints": _on_endpoints, "endpointslices": _on_slice},
    latency_s=0.02,
)
