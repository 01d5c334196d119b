"""A StatefulSet's claims: each Pod's own, made before it, kept after it, and owned as the retention policy says.

`persistentVolumeClaimRetentionPolicy` works by owner references alone: a claim that the set owns goes with the set
(whenDeleted), one that a condemned Pod owns goes with that Pod (whenScaled). The garbage collector does the deleting.

Source: pkg/controller/statefulset/stateful_pod_control.go and stateful_set_utils.go; KEP-1847.
"""

from __future__ import annotations

from statelab.controlplane.controllers.common.owners import controller_reference
from statelab.controlplane.controllers.common.pods import is_terminating
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object
from statelab.controlplane.view import View


def claim_name(template: Object, stateful_set: Object, ordinal: int) -> str:
    return f"{template['metadata']['name']}-{stateful_set['metadata']['name']}-{ordinal}"


def claim_templates(stateful_set: Object) -> list[Object]:
    return stateful_set["spec"].get("volumeClaimTemplates") or []


def claim_volumes(stateful_set: Object, ordinal: int) -> list[Object]:
    """The volumes by which a Pod mounts its claims; each is named after its template."""
    return [
        {
            "name": template["metadata"]["name"],
            "persistentVolumeClaim": {"claimName": claim_name(template, stateful_set, ordinal)},
        }
        for template in claim_templates(stateful_set)
    ]


def create_missing_claims(stateful_set: Object, pod_name: str, ordinal: int, view: View) -> None:
    """Create the claims of an ordinal that are not there. Raises ApiError when one cannot be, or is being deleted."""
    problems = []
    set_name = stateful_set["metadata"]["name"]
    for template in claim_templates(stateful_set):
        claim = _claim(template, stateful_set, ordinal)
        name = claim["metadata"]["name"]
        existing = _get(stateful_set, name, view)
        if existing is not None:
            if is_terminating(existing):
                problems.append(f"pvc {name} is being deleted")
            continue
        try:
            view.create(
                "persistentvolumeclaims",
                claim,
                why=f"{pod_name} needs a claim of its own and there was none of that name",
            )
        except ApiError as error:
            problems.append(f"failed to create PVC {name}: {error.message}")
            if error.reason != "AlreadyExists":
                message = (
                    f"Create Claim {name} for Pod {pod_name} in StatefulSet {set_name} failed error: {error.message}"
                )
                view.event(stateful_set, "FailedCreate", message, type="Warning")
        else:
            message = f"Create Claim {name} Pod {pod_name} in StatefulSet {set_name} success"
            view.event(stateful_set, "SuccessfulCreate", message)
    if problems:
        text = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
        raise ApiError(500, "InternalError", text)


def _claim(template: Object, stateful_set: Object, ordinal: int) -> Object:
    labels = {
        **(template["metadata"].get("labels") or {}),
        **(stateful_set["spec"]["selector"].get("matchLabels") or {}),
    }
    metadata = {
        **template["metadata"],
        "name": claim_name(template, stateful_set, ordinal),
        "namespace": stateful_set["metadata"]["namespace"],
    }
    if labels:
        metadata["labels"] = labels
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": template["spec"],
    }


def _get(stateful_set: Object, name: str, view: View) -> Object | None:
    return view.get("persistentvolumeclaims", f"{stateful_set['metadata']['namespace']}/{name}")


def _claims(stateful_set: Object, ordinal: int, view: View) -> list[Object]:
    """Those of an ordinal that are there."""
    names = (claim_name(template, stateful_set, ordinal) for template in claim_templates(stateful_set))
    return [claim for name in names if (claim := _get(stateful_set, name, view)) is not None]


# ---- the retention policy


def _is_deleted_when(stateful_set: Object, moment: str) -> bool:
    policy = stateful_set["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    return bool(policy.get(moment, "Retain") == "Delete")


def is_blocked_by_stale_claim(stateful_set: Object, pod_name: str, ordinal: int, view: View) -> bool:
    """A claim that a former Pod of this ordinal still owns is about to be deleted: a new Pod must not get it."""
    if not _is_deleted_when(stateful_set, "whenScaled"):
        return False
    nobody: Object = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod_name, "uid": ""}}
    return any(_names_another(claim, nobody) for claim in _claims(stateful_set, ordinal, view))


def claims_are_owned_rightly(stateful_set: Object, pod: Object, ordinal: int, is_condemned: bool, view: View) -> bool:
    """Whether the owner references of the Pod's claims are what the retention policy asks for."""
    return all(
        _is_owned_rightly(claim, stateful_set, pod, is_condemned) for claim in _claims(stateful_set, ordinal, view)
    )


def set_claim_owners(stateful_set: Object, pod: Object, ordinal: int, is_condemned: bool, view: View) -> None:
    """Give the Pod's claims the owners that the retention policy asks for. Raises ApiError when a write is refused."""
    for claim in _claims(stateful_set, ordinal, view):
        name = claim["metadata"]["name"]
        if _has_unexpected_controller(claim, stateful_set, pod):
            message = (
                f"PersistentVolumeClaim {name} has a conflicting OwnerReference that acts as a manging controller, "
                "the retention policy is ignored for this claim"
            )
            view.event(stateful_set, "ConflictingController", message, type="Warning")
        if _is_owned_rightly(claim, stateful_set, pod, is_condemned):
            continue
        try:
            view.update(
                "persistentvolumeclaims",
                _with_owner(claim, stateful_set, pod, is_condemned),
                why=_why(stateful_set, pod, is_condemned),
            )
        except ApiError as error:
            message = f"could not update claim {name} for delete policy ownerRefs: {error.message}"
            raise ApiError(error.code, error.reason, message) from error


def _owner(stateful_set: Object, pod: Object, is_condemned: bool) -> Object | None:
    """Who owns the claims of this Pod: nobody, the set, or the Pod that is to go."""
    if is_condemned and _is_deleted_when(stateful_set, "whenScaled"):
        return pod
    return stateful_set if _is_deleted_when(stateful_set, "whenDeleted") else None


def _why(stateful_set: Object, pod: Object, is_condemned: bool) -> str:
    owner = _owner(stateful_set, pod, is_condemned)
    if owner is None:
        return "the retention policy keeps the claim: nobody may own it"
    if owner is pod:
        return f"{pod['metadata']['name']} is scaled away and whenScaled is Delete: the claim goes with the Pod"
    return f"whenDeleted is Delete: the claim goes with statefulset/{owner['metadata']['name']}"


def _is_owned_rightly(claim: Object, stateful_set: Object, pod: Object, is_condemned: bool) -> bool:
    if _names_another(claim, stateful_set) or _names_another(claim, pod):
        return True  # it belongs to a former set or Pod of that name; its fate is the garbage collector's
    owners = {reference["uid"]: reference for reference in claim["metadata"].get("ownerReferences") or ()}
    ours = {stateful_set["metadata"]["uid"], pod["metadata"]["uid"]} & owners.keys()
    if _has_unexpected_controller(claim, stateful_set, pod):
        return not ours
    if any(not owners[uid].get("controller") for uid in ours):
        return False
    owner = _owner(stateful_set, pod, is_condemned)
    return ours == ({owner["metadata"]["uid"]} if owner is not None else set())


def _with_owner(claim: Object, stateful_set: Object, pod: Object, is_condemned: bool) -> Object:
    references = [
        reference
        for reference in claim["metadata"].get("ownerReferences") or ()
        if not _names(reference, stateful_set) and not _names(reference, pod)
    ]
    owner = _owner(stateful_set, pod, is_condemned)
    if owner is not None and not _has_unexpected_controller(claim, stateful_set, pod):
        references.append(controller_reference(owner))
    metadata = {name: value for name, value in claim["metadata"].items() if name != "ownerReferences"}
    if references:
        metadata["ownerReferences"] = references
    return {**claim, "metadata": metadata}


def _names(reference: Object, obj: Object) -> bool:
    """By kind and name; the uid may be that of another."""
    return (reference["apiVersion"], reference["kind"], reference["name"]) == (
        obj["apiVersion"],
        obj["kind"],
        obj["metadata"]["name"],
    )


def _names_another(claim: Object, obj: Object) -> bool:
    """The claim is owned by something of that kind and name, but by a former one: its uid differs."""
    for reference in claim["metadata"].get("ownerReferences") or ():
        if _names(reference, obj):
            return bool(reference["uid"] != obj["metadata"]["uid"])
    return False


def _has_unexpected_controller(claim: Object, stateful_set: Object, pod: Object) -> bool:
    """Someone else controls the claim, and a policy other than Retain would quarrel with that."""
    if not _is_deleted_when(stateful_set, "whenScaled") and not _is_deleted_when(stateful_set, "whenDeleted"):
        return False
    for reference in claim["metadata"].get("ownerReferences") or ():
        if _names(reference, stateful_set) or _names(reference, pod):
            owner = stateful_set if _names(reference, stateful_set) else pod
            if reference["uid"] != owner["metadata"]["uid"]:
                return True
        elif reference.get("controller"):
            return True
    return False
