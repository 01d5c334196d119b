"""What an update keeps of the object that is there, and whether it was meant for that one.

Source: apiserver/pkg/registry/rest/update.go.
"""

from __future__ import annotations

from statelab.controlplane import errors
from statelab.controlplane.apiserver.registry.copying import fresh
from statelab.controlplane.kinds import Kind, Object

_OF_GARBAGE = ("ownerReferences", "finalizers", "managedFields", "resourceVersion")


def merged(body: Object, old: Object, subresource: str | None, *, is_internal: bool) -> Object:
    """A private copy of the new object, with what a client cannot change taken from the old one."""
    if subresource == "status" and is_internal:
        # Only the status is new (and annotations, which a status write may change); everything else may be shared
        # with the old object, which nobody changes.
        metadata = dict(old["metadata"])
        if body["metadata"].get("annotations"):
            metadata["annotations"] = dict(body["metadata"]["annotations"])
        return {**old, "status": fresh(body.get("status") or {}), "metadata": metadata}
    obj = fresh(body)
    obj["apiVersion"], obj["kind"] = old["apiVersion"], old["kind"]
    metadata, before = obj["metadata"], old["metadata"]
    for name in ("uid", "creationTimestamp", "namespace"):
        if not metadata.get(name) and name in before:
            metadata[name] = before[name]
    # An object can never lose its deletion timestamp (ValidateObjectMetaAccessorUpdate).
    for name in ("deletionTimestamp", "deletionGracePeriodSeconds"):
        metadata.pop(name, None)
        if name in before:
            metadata[name] = before[name]
    metadata.pop("selfLink", None)
    return obj


def check_version(kind: Kind, body: Object, old: Object) -> None:
    metadata, before = body["metadata"], old["metadata"]
    uid = metadata.get("uid")
    if uid and uid != before["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {before['uid']}"
        raise errors.conflict(kind, before["name"], why)
    version = metadata.get("resourceVersion")
    if not version or version == "0":
        if kind.needs_resource_version:
            finding = errors.FieldError(
                "metadata.resourceVersion", "FieldValueInvalid", "Invalid value: 0: must be specified for an update"
            )
            raise errors.invalid(kind, before["name"], [finding])
    elif version != before["resourceVersion"]:
        raise errors.conflict(kind, before["name"], errors.OBJECT_MODIFIED)


def only_for_garbage(obj: Object, old: Object) -> bool:
    """Whether an update changes nothing but who owns the object and what holds it. Source: IsOnlyMutatingGCFields."""
    one, other = (
        {**each, "metadata": {key: value for key, value in each["metadata"].items() if key not in _OF_GARBAGE}}
        for each in (obj, old)
    )
    return one == other


def unmarked(obj: Object, old: Object) -> Object:
    """What watchers see of an object that is deleted at once: as it was, without a grace period never waited for."""
    if "deletionTimestamp" in old["metadata"]:
        return obj
    return {**old, "metadata": dict(old["metadata"])}
