"""Deleting: grace periods, finalizers, propagation. An object is gone when neither holds it any longer.

Source: apiserver/pkg/registry/rest/delete.go (BeforeDelete), registry/generic/registry/store.go (Delete,
deletionFinalizersForGarbageCollection), pkg/registry/core/pod/strategy.go (CheckGracefulDelete).
"""

from __future__ import annotations

from dataclasses import dataclass

from statelab.controlplane import errors
from statelab.controlplane.apiserver.validation.custom import definitions
from statelab.controlplane.clock import seconds, timestamp
from statelab.controlplane.errors import FieldError
from statelab.controlplane.kinds import Kind, Object

_PROPAGATION = ("Background", "Foreground", "Orphan")
_DELETE_OPTIONS = Kind("", "v1", "DeleteOptions", "deleteoptions")


@dataclass(frozen=True)
class Wanted:
    """DeleteOptions, checked. `grace_period_s` None: the object's own."""

    grace_period_s: int | None = None
    propagation: str | None = None
    uid: str | None = None
    resource_version: str | None = None

    @classmethod
    def from_options(cls, kind: Kind, options: Object) -> Wanted:
        """Raises ApiError 400 or 422 where the options do not make sense."""
        grace = options.get("gracePeriodSeconds")
        if grace is not None and (not isinstance(grace, int) or isinstance(grace, bool)):
            raise errors.bad_request(
                "json: cannot unmarshal value into Go struct field DeleteOptions.gracePeriodSeconds of type int64"
            )
        propagation = options.get("propagationPolicy")
        orphan = options.get("orphanDependents")
        if orphan is not None and propagation is not None:
            message = (
                'Invalid value: "' + str(propagation) + '": orphanDependents and deletionPropagation cannot be both set'
            )
            raise errors.invalid(_DELETE_OPTIONS, "", [FieldError("propagationPolicy", "FieldValueInvalid", message)])
        if propagation is not None and propagation not in _PROPAGATION:
            known = ", ".join(f'"{each}"' for each in ("Foreground", "Background", "Orphan", "nil"))
            message = f'Unsupported value: "{propagation}": supported values: {known}'
            raise errors.invalid(
                _DELETE_OPTIONS, "", [FieldError("propagationPolicy", "FieldValueNotSupported", message)]
            )
        if orphan is not None:
            propagation = "Orphan" if orphan else "Background"
        preconditions = options.get("preconditions") or {}
        return cls(grace, propagation, preconditions.get("uid"), preconditions.get("resourceVersion"))

    def check_preconditions(self, kind: Kind, obj: Object) -> None:
        """Raises ApiError 409 where the object is not the one that was meant."""
        metadata = obj["metadata"]
        for name, expected, found in (
            ("UID", self.uid, metadata["uid"]),
            ("ResourceVersion", self.resource_version, metadata["resourceVersion"]),
        ):
            if expected and expected != found:
                why = f"Precondition failed: {name} in precondition: {expected}, {name} in object meta: {found}"
                raise errors.conflict(kind, metadata["name"], why)


def mark(kind: Kind, obj: Object, wanted: Wanted, now_s: float) -> Object:
    """The object as deletion leaves it: with timestamp, grace and finalizers. `obj` itself if nothing changes."""
    metadata = dict(obj["metadata"])
    finalizers = _finalizers(kind, metadata.get("finalizers") or [], wanted.propagation)
    is_definition = kind.plural == "customresourcedefinitions" and "deletionTimestamp" not in metadata
    if is_definition and definitions.FINALIZER not in finalizers:  # its objects go first
        finalizers = [*finalizers, definitions.FINALIZER]
    if finalizers:
        metadata["finalizers"] = finalizers
    else:
        metadata.pop("finalizers", None)
    grace_s = _grace_s(kind, obj, wanted)
    if "deletionTimestamp" not in metadata:
        metadata["deletionTimestamp"] = timestamp(now_s + grace_s)
        if not is_definition:
            metadata["deletionGracePeriodSeconds"] = grace_s
        if metadata.get("generation") and not is_definition:
            metadata["generation"] += 1
    elif grace_s < metadata.get("deletionGracePeriodSeconds", 0):
        shorter_s = metadata["deletionGracePeriodSeconds"] - grace_s
        metadata["deletionTimestamp"] = timestamp(seconds(metadata["deletionTimestamp"]) - shorter_s)
        metadata["deletionGracePeriodSeconds"] = grace_s
    if metadata == obj["metadata"]:
        return obj
    marked = {**obj, "metadata": metadata}
    if kind.plural == "namespaces":
        marked["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}
    if is_definition:
        marked["status"] = definitions.terminating(obj.get("status") or {}, timestamp(now_s))
    return marked


def is_finished(plural: str, obj: Object) -> bool:
    """Whether nothing holds the object any longer: it is being deleted, without grace and without finalizers."""
    metadata = obj["metadata"]
    if "deletionTimestamp" not in metadata or metadata.get("finalizers"):
        return False
    if plural == "namespaces" and (obj.get("spec") or {}).get("finalizers"):
        return False
    return not metadata.get("deletionGracePeriodSeconds")


def success(kind: Kind, obj: Object) -> Object:
    """The Status that answers a deletion where the object itself is not shown."""
    details = {"name": obj["metadata"]["name"], **({"group": kind.group} if kind.group else {})}
    details |= {"kind": kind.resource, "uid": obj["metadata"]["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def _finalizers(kind: Kind, present: list[str], propagation: str | None) -> list[str]:
    """Dependents are dealt with by the garbage collector, which a finalizer makes wait or not."""
    if propagation is None:
        said = "orphan" in present or "foregroundDeletion" in present
        return [*present, "orphan"] if kind.orphans_dependents and not said else list(present)
    kept = [each for each in present if each not in ("orphan", "foregroundDeletion")]
    extra = {"Orphan": ["orphan"], "Foreground": ["foregroundDeletion"], "Background": []}[propagation]
    return kept + extra


def _grace_s(kind: Kind, obj: Object, wanted: Wanted) -> int:
    metadata = obj["metadata"]
    if kind.plural != "pods":
        return 0
    if "deletionTimestamp" in metadata and wanted.grace_period_s is None:
        return int(metadata.get("deletionGracePeriodSeconds", 0))
    grace_s = wanted.grace_period_s
    if grace_s is None:
        grace_s = obj["spec"].get("terminationGracePeriodSeconds", 30)
    # Nothing runs that could stop gracefully: the Pod has no node, or it has ended.
    if not obj["spec"].get("nodeName") or obj.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    return 1 if grace_s < 0 else int(grace_s)
