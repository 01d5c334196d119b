"""A Pod's claims: made of their templates, and reserved for a Pod that was put on its node by hand.

Source: pkg/controller/resourceclaim/controller.go (syncPod, handleClaim).
"""

from __future__ import annotations

from statelab.controlplane.apiserver.validation.resource_claim_status import MOST_CONSUMERS
from statelab.controlplane.controllers.common.devices import (
    PLURAL,
    NotForPod,
    allocation_of,
    check_owner,
    claim_keys,
    claim_name,
    consumers,
    is_reserved_for,
    reference,
)
from statelab.controlplane.controllers.common.owners import controller_reference
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object
from statelab.controlplane.view import View

ANNOTATION = "resource.kubernetes.io/pod-claim-name"
_COMPONENT = "resource_claim"
_LONGEST_BASE = 57  # a hyphen and five random characters still fit behind it


def reconcile(key: str, view: View) -> None:
    """Make what a Pod lacks. Raises ApiError where something is missing that may come."""
    pod = view.get("pods", key)
    if pod is None or pod["metadata"].get("deletionTimestamp"):
        return
    made: dict[str, str] = {}
    for pod_claim in pod["spec"].get("resourceClaims") or ():
        try:
            name = _made(pod, pod_claim, view)
        except ApiError as error:
            words = f"PodResourceClaim {pod_claim['name']}: {error.message}"
            view.event(pod, "FailedResourceClaimCreation", words, type="Warning", component=_COMPONENT)
            raise
        if name is not None:
            made[pod_claim["name"]] = name
    if made:
        pod = _tell(pod, made, view)
    if pod["spec"].get("nodeName"):
        _reserve(pod, view)


def _made(pod: Object, pod_claim: Object, view: View) -> str | None:
    """The name of a claim that was made (or found again) for the Pod; None where nothing was to be done."""
    template_name = pod_claim.get("resourceClaimTemplateName")
    if template_name is None:
        return None
    metadata = pod["metadata"]
    namespace = metadata["namespace"]
    try:
        name = claim_name(pod, pod_claim)
        claim = view.get(PLURAL, f"{namespace}/{name}")
        if name is None:
            return None
        if claim is not None:
            check_owner(pod, pod_claim, claim)
            return None
    except NotForPod:
        pass  # none yet, or one of somebody else's that has its name
    for orphan in view.owned(PLURAL, pod):
        if (orphan["metadata"].get("annotations") or {}).get(ANNOTATION) == pod_claim["name"]:
            return str(orphan["metadata"]["name"])
    template = view.get("resourceclaimtemplates", f"{namespace}/{template_name}")
    if template is None:
        missing = f'resourceclaimtemplate.resource.k8s.io "{template_name}" not found'
        raise ApiError(404, "NotFound", f'resource claim template "{template_name}": {missing}')
    why = f"{metadata['name']} asks for one of template {template_name}"
    try:
        created = view.create(PLURAL, _claim(pod, pod_claim, template), why=why)
    except ApiError as error:
        raise ApiError(error.code, error.reason, f"create ResourceClaim : {error.message}") from None
    return str(created["metadata"]["name"])


def _claim(pod: Object, pod_claim: Object, template: Object) -> Object:
    spec, metadata = template["spec"], pod["metadata"]
    own = spec.get("metadata") or {}
    found: Object = {
        "generateName": _generate_name(metadata["name"], pod_claim["name"]),
        "namespace": metadata["namespace"],
        "annotations": {**(own.get("annotations") or {}), ANNOTATION: pod_claim["name"]},
        "ownerReferences": [controller_reference(pod)],
    }
    if own.get("labels"):
        found["labels"] = dict(own["labels"])
    return {"apiVersion": template["apiVersion"], "kind": "ResourceClaim", "metadata": found, "spec": spec["spec"]}


def _generate_name(pod: str, claim: str) -> str:
    """Both names, each shortened by the same measure where they are too long together."""
    whole = f"{pod}-{claim}-"
    if len(whole) <= _LONGEST_BASE:
        return whole
    return "-".join(text[: len(text) * _LONGEST_BASE // len(whole)] for text in (pod, claim))


def _tell(pod: Object, made: dict[str, str], view: View) -> Object:
    status = pod.get("status") or {}
    others = [each for each in status.get("resourceClaimStatuses") or () if each["name"] not in made]
    told = [*others, *({"name": name, "resourceClaimName": made[name]} for name in made)]
    changed = {**pod, "status": {**status, "resourceClaimStatuses": told}}
    return view.update_status("pods", changed, why=f"{', '.join(made.values())} was made for it")


def _reserve(pod: Object, view: View) -> None:
    """The scheduler did not: the Pod came to its node without it."""
    for key in claim_keys(pod):
        claim = view.get(PLURAL, key)
        if claim is None or not allocation_of(claim) or is_reserved_for(claim, pod):
            continue
        if len(consumers(claim)) < MOST_CONSUMERS:
            status = {**claim["status"], "reservedFor": [*consumers(claim), reference(pod)]}
            view.update_status(PLURAL, {**claim, "status": status}, why=f"{pod['metadata']['name']} uses it")
