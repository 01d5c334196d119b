"""Who owns what: controller references, and how a controller adopts what its selector matches and lets go of the rest.

Source: pkg/controller/controller_ref_manager.go.
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import Selector, label_selector_of, selector_of
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View


def controller_reference(owner: Object) -> Object:
    """The owner reference of what `owner` controls."""
    metadata = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_of(obj: Object) -> Object | None:
    """The reference to the owner that controls the object, if one does."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            found: Object = reference
            return found
    return None


def is_controlled_by(obj: Object, owner: Object) -> bool:
    reference = controller_of(obj)
    return reference is not None and reference["uid"] == owner["metadata"]["uid"]


def labels_of(obj: Object) -> dict[str, Any]:
    return obj["metadata"].get("labels") or {}


def title(obj: Object) -> str:
    """`statefulset/web`, for a `why`."""
    return f"{obj['kind'].lower()}/{obj['metadata']['name']}"


def claim(plural: str, owner: Object, selector: Selector, view: View) -> list[Object]:
    """What `owner` controls: adopts orphans that match its selector, releases what matches no longer.

    An owner that is being deleted neither adopts nor releases. Raises ApiError when a write is refused.
    """
    owned = view.owned(plural, owner)
    kept = [obj for obj in owned if selector(labels_of(obj))]
    if "deletionTimestamp" in owner["metadata"]:
        return kept
    if len(kept) != len(owned):
        for obj in owned:
            if not selector(labels_of(obj)):
                release(plural, obj, owner, view)
    for obj in view.orphans(plural, owner["metadata"]["namespace"]):
        if selector(labels_of(obj)) and "deletionTimestamp" not in obj["metadata"]:
            adopted = adopt(plural, obj, owner, view)
            if adopted is not None:
                kept.append(adopted)
    return kept


def adopt(plural: str, obj: Object, owner: Object, view: View) -> Object | None:
    """Make `owner` the controller of an orphan. None if it is gone meanwhile."""
    references = [
        reference
        for reference in obj["metadata"].get("ownerReferences") or ()
        if reference["uid"] != owner["metadata"]["uid"]
    ]
    why = f"it matches the selector of {title(owner)} and nobody controls it, so it is adopted"
    return _write_references(plural, obj, [*references, controller_reference(owner)], why, view)


def release(plural: str, obj: Object, owner: Object, view: View) -> Object | None:
    """Take `owner` from the object's owners: its labels are no longer those `owner` selects."""
    references = [
        reference
        for reference in obj["metadata"].get("ownerReferences") or ()
        if reference["uid"] != owner["metadata"]["uid"]
    ]
    why = f"it no longer matches the selector of {title(owner)}, so it is released"
    return _write_references(plural, obj, references, why, view)


def _write_references(plural: str, obj: Object, references: list[Object], why: str, view: View) -> Object | None:
    metadata = {name: value for name, value in obj["metadata"].items() if name != "ownerReferences"}
    if references:
        metadata["ownerReferences"] = references
    try:
        return view.update(plural, {**obj, "metadata": metadata}, why=why)
    except ApiError as error:
        if error.code == 404:
            return None
        raise


# ---- which owner a revision concerns


def owner_keys(revision: Revision, kind: str) -> set[str]:
    """The keys of the owners of that kind that control the object, or did before this revision."""
    keys = set()
    for obj in (revision.object, revision.previous):
        reference = controller_of(obj) if obj is not None else None
        if reference is not None and reference["kind"] == kind:
            keys.add(f"{revision.object['metadata']['namespace']}/{reference['name']}")
    return keys


def concerned(revision: Revision, kind: str, plural: str, view: View) -> set[str]:
    """Whose reconciling a dependent's revision asks for: its owner's, and if nobody controls it, who may adopt it."""
    keys = owner_keys(revision, kind)
    if revision.type != "DELETED" and controller_of(revision.object) is None and _may_be_adopted(revision):
        namespace, labels = revision.object["metadata"]["namespace"], labels_of(revision.object)
        for owner in view.list(plural, namespace):
            if selector_of(label_selector_of(owner))(labels):
                keys.add(f"{namespace}/{owner['metadata']['name']}")
    return keys


def _may_be_adopted(revision: Revision) -> bool:
    """A status write of an orphan changes nothing about who may adopt it."""
    if revision.previous is None:
        return True
    before, after = revision.previous["metadata"], revision.object["metadata"]
    return any(before.get(name) != after.get(name) for name in ("labels", "ownerReferences"))
