"""Pods and the ResourceClaims they use, what these ask for and have: shared by controllers, scheduler and kubelet.

Source: dynamic-resource-allocation/resourceclaim/claim.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from statelab.controlplane.controllers.common.owners import is_controlled_by
from statelab.controlplane.controllers.common.pods import is_finished
from statelab.controlplane.kinds import Object
from statelab.controlplane.view import View

PLURAL = "resourceclaims"
FINALIZER = "resource.kubernetes.io/delete-protection"


class NotForPod(Exception):
    """A Pod's claim that is not to be had; its text is what upstream says."""


def claim_name(pod: Object, pod_claim: Object) -> str | None:
    """The claim behind an entry of `spec.resourceClaims`; None: it was found that none is needed.

    Raises NotForPod for one that is still to be made of its template.
    """
    direct: str | None = pod_claim.get("resourceClaimName")
    if direct is not None:
        return direct
    for status in (pod.get("status") or {}).get("resourceClaimStatuses") or ():
        if status["name"] == pod_claim["name"]:
            generated: str | None = status.get("resourceClaimName")
            return generated
    metadata = pod["metadata"]
    raise NotForPod(f'pod "{metadata["namespace"]}/{metadata["name"]}": ResourceClaim not created yet')


def claim_keys(pod: Object) -> Iterator[str]:
    """The keys of the claims that a Pod uses, as far as there are some."""
    for pod_claim in pod["spec"].get("resourceClaims") or ():
        try:
            name = claim_name(pod, pod_claim)
        except NotForPod:
            continue
        if name is not None:
            yield f"{pod['metadata']['namespace']}/{name}"
    if (name := extended_claim(pod)) is not None:
        yield f"{pod['metadata']['namespace']}/{name}"


def extended_claim(pod: Object) -> str | None:
    """The claim by which a Pod has extended resources that a DeviceClass answers."""
    found: str | None = ((pod.get("status") or {}).get("extendedResourceClaimStatus") or {}).get("resourceClaimName")
    return found


def has_claims(pod: Object) -> bool:
    """Whether a Pod uses any, made already or not."""
    return bool(pod["spec"].get("resourceClaims")) or extended_claim(pod) is not None


def check_owner(pod: Object, pod_claim: Object, claim: Object) -> None:
    """Raises NotForPod where a claim of a template was not made for this very Pod."""
    if pod_claim.get("resourceClaimName") is None and not is_controlled_by(claim, pod):
        own, of = claim["metadata"], pod["metadata"]
        raise NotForPod(
            f"ResourceClaim {own['namespace']}/{own['name']} was not created for pod {of['namespace']}/{of['name']} "
            "(pod is not owner)"
        )


def asked_of(claim: Object) -> Iterator[list[tuple[str, Object]]]:
    """Each request of a claim: its alternatives, by name: `request`, or `request/subrequest`, the first best."""
    for request in (claim["spec"].get("devices") or {}).get("requests") or ():
        exactly = request.get("exactly")
        asked = [(str(request["name"]), exactly)] if exactly else []
        yield asked + [(f"{request['name']}/{each['name']}", each) for each in request.get("firstAvailable") or ()]


def allocation_of(claim: Object) -> Object:
    """What a claim was given; empty as long as it was given nothing."""
    found: Object = (claim.get("status") or {}).get("allocation") or {}
    return found


def results_of(claim: Object) -> list[Object]:
    """The devices that a claim was given, one by one."""
    return (allocation_of(claim).get("devices") or {}).get("results") or []


def newest(slices: Iterable[Object]) -> list[Object]:
    """Of a pool's slices those that count: an older generation is out of date."""
    found = [(each["spec"]["pool"].get("generation", 0), each) for each in slices]
    last = max((generation for generation, _ in found), default=0)
    return [each for generation, each in found if generation == last]


def unprotected(claim: Object, view: View, *, why: str) -> Object:
    """Write that a claim may go: it has no devices any more. Raises ApiError."""
    others = [each for each in claim["metadata"].get("finalizers") or () if each != FINALIZER]
    return view.update(PLURAL, {**claim, "metadata": {**claim["metadata"], "finalizers": others}}, why=why)


def consumers(claim: Object) -> list[Object]:
    """Whom a claim is reserved for."""
    return (claim.get("status") or {}).get("reservedFor") or []


def is_reserved_for(claim: Object, pod: Object) -> bool:
    return any(each["uid"] == pod["metadata"]["uid"] for each in consumers(claim))


def reference(pod: Object) -> Object:
    """A Pod among those that a claim is reserved for."""
    return {"resource": "pods", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}


def is_done(pod: Object) -> bool:
    """Whether it is certain that none of its containers runs, nor ever will."""
    return is_finished(pod) or bool(pod["metadata"].get("deletionTimestamp") and not pod["spec"].get("nodeName"))
