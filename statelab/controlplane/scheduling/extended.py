"""Extended resources that a DeviceClass answers: who asks for `example.com/gpu` is given devices of that class.

They are asked for in a claim of the Pod's own, which the scheduler makes when it has found a node.
Source: pkg/scheduler/framework/plugins/dynamicresources/extendeddynamicresources.go (KEP-5004).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from statelab.controlplane import quantity
from statelab.controlplane.apiserver.validation.resources import is_extended
from statelab.controlplane.controllers.common.devices import PLURAL, unprotected
from statelab.controlplane.controllers.common.owners import controller_reference
from statelab.controlplane.kinds import Object, uid_of
from statelab.controlplane.kubelet.env import Reader
from statelab.controlplane.view import View

ANNOTATION = "resource.kubernetes.io/extended-resource-claim"
_IMPLICIT = "deviceclass.resource.kubernetes.io/"


def classes_for(resources: Iterable[str], cluster: Reader) -> dict[str, str]:
    """The classes that answer some resources: the newest that names one, of equally old ones the first by name."""
    wanted = {each for each in resources if each.startswith(_IMPLICIT) or is_extended(each)}
    found: dict[str, str] = {}
    classes = cluster.list("deviceclasses") if wanted else []
    by_name = sorted(classes, key=lambda each: str(each["metadata"]["name"]), reverse=True)
    for each in sorted(by_name, key=lambda each: str(each["metadata"]["creationTimestamp"])):  # the last one stays
        name = each["metadata"]["name"]
        for resource in (each["spec"].get("extendedResourceName"), f"{_IMPLICIT}{name}"):
            if resource in wanted:
                found[resource] = name
    return found


def _asked(pod: Object, resources: Collection[str]) -> Iterator[tuple[str, str, str, str]]:
    """Each container's requests of these resources: its name, the resource, the request's name, how many."""
    for index, (container, requests) in enumerate(_requests(pod)):
        for number, resource in enumerate(sorted(each for each in requests if each in resources)):
            yield container, resource, f"container-{index}-request-{number}", requests[resource]


def claim_of(pod: Object, classes: Mapping[str, str]) -> Object:
    """The claim for some resources, as it will be made; no object that is stored has its name."""
    metadata = pod["metadata"]
    requests = [
        {
            "name": name,
            "exactly": {
                "deviceClassName": classes[resource],
                "allocationMode": "ExactCount",
                "count": quantity.whole(count),
            },
        }
        for _, resource, name, count in _asked(pod, classes)
        if quantity.whole(count)
    ]
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {
            "name": f"<extended-resources of {metadata['uid']}>",
            "namespace": metadata["namespace"],
            "uid": uid_of(metadata["uid"], ANNOTATION),
            "generateName": f"{metadata['name']}-extended-resources-",
            "annotations": {ANNOTATION: "true"},
            "ownerReferences": [controller_reference(pod)],
        },
        "spec": {"devices": {"requests": requests}},
    }


def is_one(claim: Object) -> bool:
    """Whether a claim is to be made, or was made, for extended resources."""
    return (claim["metadata"].get("annotations") or {}).get(ANNOTATION) == "true"


def make(claim: Object, pod: Object, view: View) -> None:
    """Write the claim with what it was given, and say in the Pod's status which it is. Raises ApiError."""
    why = f"{pod['metadata']['name']} asks for resources that a DeviceClass answers"
    for stale in [each for each in view.owned(PLURAL, pod) if is_one(each)]:
        _unmake(stale, view)
    metadata = {key: value for key, value in claim["metadata"].items() if key not in ("name", "uid")}
    fresh = {key: claim[key] for key in ("apiVersion", "kind", "spec")}
    made = view.create(PLURAL, {**fresh, "metadata": metadata}, why=why)
    view.update_status(PLURAL, {**made, "status": claim["status"]}, why=why)
    now = view.get("pods", f"{pod['metadata']['namespace']}/{pod['metadata']['name']}")
    if now is None:
        return
    named = {each["name"] for each in claim["spec"]["devices"]["requests"]}
    resources = {resource for _, requests in _requests(now) for resource in requests}
    mappings = [
        {"containerName": container, "resourceName": resource, "requestName": name}
        for container, resource, name, _ in _asked(now, classes_for(resources, view))
        if name in named
    ]
    told = {"requestMappings": mappings, "resourceClaimName": made["metadata"]["name"]}
    status = {**(now.get("status") or {}), "extendedResourceClaimStatus": told}
    view.update_status("pods", {**now, "status": status}, why=why)


def _requests(pod: Object) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Each container by name, with what it requests."""
    spec = pod["spec"]
    for container in [*(spec.get("initContainers") or ()), *spec["containers"]]:
        yield container["name"], (container.get("resources") or {}).get("requests") or {}


def _unmake(claim: Object, view: View) -> None:
    """One of a binding that failed: its devices are free again."""
    why = "its Pod was not bound, and is given devices anew"
    claim = view.update_status(PLURAL, {**claim, "status": {}}, why=why)
    view.delete(PLURAL, unprotected(claim, view, why=why), why=why)
