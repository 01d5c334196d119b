"""DynamicResources: can the devices that a Pod's ResourceClaims ask for be had on this node.

Source: pkg/scheduler/framework/plugins/dynamicresources/dynamicresources.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from statelab.controlplane.apiserver.validation.resource_claim_status import MOST_CONSUMERS
from statelab.controlplane.controllers.common.devices import (
    FINALIZER,
    PLURAL,
    NotForPod,
    allocation_of,
    asked_of,
    check_owner,
    claim_name,
    consumers,
    is_reserved_for,
    reference,
)
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.kubelet.env import Reader
from statelab.controlplane.scheduling import extended
from statelab.controlplane.scheduling.allocation import AllocationError, Allocator, NotOnNode
from statelab.controlplane.scheduling.assumed import Assumed
from statelab.controlplane.scheduling.nodematch import matches_selector
from statelab.controlplane.view import View

__all__ = ["PLUGIN", "AllocationError", "Claimed", "claimed", "free_one", "reason", "with_pod", "write"]

PLUGIN = "DynamicResources"
CANNOT = "cannot allocate all claims"
UNAVAILABLE = "resourceclaim not available on the node"
NOTHING_TO_FREE, STILL_NOT, FREED = (
    "no new claims to deallocate",
    "still not schedulable",
    "deallocation of ResourceClaim completed",
)


@dataclass(slots=True)
class Claimed:
    """A Pod's claims at the start of a cycle. `problem`: why it fits no node; `unavailable`: claims of other nodes.

    `extended`: the classes that answer its extended resources, by resource.
    """

    pod: Object
    cluster: Reader
    claims: list[Object] = field(default_factory=list)
    problem: str | None = None
    unavailable: list[Object] = field(default_factory=list)
    extended: dict[str, str] = field(default_factory=dict)
    allocators: dict[frozenset[str], tuple[Object | None, Allocator | None]] = field(default_factory=dict)

    def allocator(self, resources: frozenset[str]) -> tuple[Object | None, Allocator | None]:
        """For the claims without devices, and one more for these extended resources; None: for nothing."""
        if resources not in self.allocators:
            wanted = [each for each in self.claims if not allocation_of(each)]
            extra = None
            if resources:
                extra = extended.claim_of(self.pod, {each: self.extended[each] for each in resources})
                wanted.append(extra)
            self.allocators[resources] = extra, Allocator(wanted, self.cluster) if wanted else None
        return self.allocators[resources]


def claimed(pod: Object, resources: Iterable[str], cluster: Reader) -> Claimed | None:
    """Read a Pod's claims, and which of the resources it asks for are devices. None: it has to do with none."""
    found = Claimed(pod, cluster, extended=extended.classes_for(resources, cluster))
    try:
        for pod_claim in pod["spec"].get("resourceClaims") or ():
            claim = _claim(pod, pod_claim, cluster)
            if claim is not None:
                found.claims.append(claim)
        for claim in found.claims:
            if not allocation_of(claim):
                _check_classes(claim, cluster)
            elif not is_reserved_for(claim, pod) and len(consumers(claim)) >= MOST_CONSUMERS:
                raise NotForPod("resourceclaim in use")
            elif isinstance(cluster, Assumed) and cluster.is_assumed(PLURAL, claim):
                raise NotForPod(f"resource claim {key_of(claim)} is in the process of being allocated")
    except NotForPod as error:
        return Claimed(pod, cluster, problem=str(error))
    return found if found.claims or found.extended else None


def _claim(pod: Object, pod_claim: Object, cluster: Reader) -> Object | None:
    """Raises NotForPod."""
    name = claim_name(pod, pod_claim)
    if name is None:
        return None
    key = f"{pod['metadata']['namespace']}/{name}"
    claim = cluster.get(PLURAL, key)
    if claim is None:
        raise NotForPod(f'could not find ResourceClaim "{key}"')
    if claim["metadata"].get("deletionTimestamp"):
        raise NotForPod(f'resourceclaim "{name}" is being deleted')
    check_owner(pod, pod_claim, claim)
    return claim


def _check_classes(claim: Object, cluster: Reader) -> None:
    for asked in asked_of(claim):
        for name, each in asked:
            if cluster.get("deviceclasses", each["deviceClassName"]) is None:
                raise NotForPod(f"request {name}: device class {each['deviceClassName']} does not exist")


def reason(found: Claimed, node: Object) -> tuple[str | None, list[Object]]:
    """Why the claims cannot be had on this node, and, where they can, the claims as they must be written first.

    Raises AllocationError.
    """
    elsewhere = [
        claim
        for claim in found.claims
        if (selector := allocation_of(claim).get("nodeSelector")) is not None and not matches_selector(selector, node)
    ]
    has = (node.get("status") or {}).get("allocatable") or {}
    extra, allocator = found.allocator(frozenset(each for each in found.extended if each not in has))
    allocations: dict[str, Object] = {}
    if allocator is not None:
        try:
            made = allocator.allocate(node)
        except NotOnNode as error:
            return str(error), []
        if made is None:
            return CANNOT, []
        allocations = made
    if elsewhere:
        found.unavailable += [each for each in elsewhere if each not in found.unavailable]
        return UNAVAILABLE, []
    return None, [
        with_pod(claim, found.pod, allocations.get(key_of(claim)))
        for claim in [*found.claims, *([extra] if extra is not None else [])]
        if not is_reserved_for(claim, found.pod)
    ]


def with_pod(claim: Object, pod: Object, allocation: Object | None) -> Object:
    """A claim reserved for a Pod, too; `allocation`: what it is given now, None if it has something already."""
    status, metadata = dict(claim.get("status") or {}), claim["metadata"]
    if allocation is not None:
        status["allocation"] = allocation
        finalizers = metadata.get("finalizers") or []
        if FINALIZER not in finalizers:
            metadata = {**metadata, "finalizers": [*finalizers, FINALIZER]}
    status["reservedFor"] = [*consumers(claim), reference(pod)]
    return {**claim, "metadata": metadata, "status": status}


def write(claims: list[Object], pod: Object, view: View) -> None:
    """Write what was decided: the devices a claim has, and that the Pod uses it. Raises ApiError."""
    why = f"{pod['metadata']['name']} is going to use it"
    for claim in claims:
        if extended.is_one(claim):
            extended.make(claim, pod, view)
            continue
        now = view.get(PLURAL, key_of(claim))
        if now is None or now["metadata"]["uid"] != claim["metadata"]["uid"]:
            raise ApiError(404, "NotFound", f'resourceclaims.resource.k8s.io "{claim["metadata"]["name"]}" not found')
        wanted, has = claim["status"]["allocation"], (now.get("status") or {}).get("allocation")
        if has and has != wanted:
            raise ApiError(409, "Conflict", f"claim {key_of(claim)} got allocated elsewhere in the meantime")
        fresh = with_pod(now, pod, None if has else wanted)
        if fresh["metadata"] != now["metadata"]:
            now = view.update(PLURAL, {**now, "metadata": fresh["metadata"]}, why=why)
        view.update_status(PLURAL, {**now, "status": fresh["status"]}, why=why)


def free_one(found: Claimed, view: View) -> str:
    """After a failure: deallocate a claim that nobody else uses and whose devices are elsewhere. What upstream says."""
    if not found.claims and not found.extended:
        return NOTHING_TO_FREE
    for claim in found.unavailable:
        if any(each["uid"] != found.pod["metadata"]["uid"] for each in consumers(claim)):
            continue
        status = {name: value for name, value in claim["status"].items() if name not in ("allocation", "reservedFor")}
        why = f"{found.pod['metadata']['name']} cannot go where its devices are, and nobody else uses it"
        view.update_status(PLURAL, {**claim, "status": status}, why=why)
        return FREED
    return STILL_NOT
