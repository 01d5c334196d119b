"""The naming, establishing and finalizing controllers of apiextensions-apiserver in one pass.

Source: apiextensions-apiserver/pkg/controller/{status,establish,finalizer}.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.clock import timestamp
from statelab.controlplane.kinds import Object
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_PLURAL = "customresourcedefinitions"
_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
_AGAIN_S = 0.5


def reconcile(name: str, view: View) -> float | None:
    """Accept a definition's names, have its kind served, or remove its objects and let it go."""
    definition = view.get(_PLURAL, name)
    if definition is None:
        return None
    if definition["metadata"].get("deletionTimestamp"):
        return _finalize(definition, view)
    accepted, reason, conflict = _names(definition, view)
    status = dict(definition.get("status") or {})
    conditions = list(status.get("conditions") or [])
    status["acceptedNames"] = accepted
    if conflict:
        _set(conditions, "NamesAccepted", "False", reason, conflict, view)
        if not _is(conditions, "Established"):
            _set(conditions, "Established", "False", "NotAccepted", "not all names are accepted", view)
    else:
        _set(conditions, "NamesAccepted", "True", "NoConflicts", "no conflicts found", view)
        if not _is(conditions, "Established"):
            words = "the initial names have been accepted"
            _set(conditions, "Established", "True", "InitialNamesAccepted", words, view)
    status["conditions"] = conditions
    why = conflict or f"{name} has names that nothing else has: its kind is served"
    if status != definition.get("status"):
        view.update_status(_PLURAL, {**definition, "status": status}, why=why)
    return None


def _finalize(definition: Object, view: View) -> float | None:
    name = definition["metadata"]["name"]
    finalizers = definition["metadata"].get("finalizers") or []
    if _FINALIZER not in finalizers:
        return None
    status = dict(definition.get("status") or {})
    conditions = list(status.get("conditions") or [])
    words = "CustomResource deletion is in progress"
    _set(conditions, "Terminating", "True", "InstanceDeletionInProgress", words, view)
    if conditions != status.get("conditions"):
        changed = {**definition, "status": {**status, "conditions": conditions}}
        definition = view.update_status(_PLURAL, changed, why=f"the objects of {name} are being deleted")
    left = view.list(name)
    for obj in left:
        view.delete(name, obj, why=f"{name}, which made its kind, is being deleted")
    if left:
        return _AGAIN_S
    rest = [each for each in finalizers if each != _FINALIZER]
    changed = {**definition, "metadata": {**definition["metadata"], "finalizers": rest}}
    view.update(_PLURAL, changed, why=f"all objects of {name} are gone")
    return None


def _names(definition: Object, view: View) -> tuple[Object, str, str]:
    """The names that are its own, and why the others are not: of all conflicts the last one found."""
    group, wanted = definition["spec"]["group"], definition["spec"]["names"]
    accepted = dict((definition.get("status") or {}).get("acceptedNames") or {})
    resources: set[str] = set()
    kinds: set[str] = set()
    for other in view.list(_PLURAL):
        if other["metadata"]["name"] != definition["metadata"]["name"] and other["spec"]["group"] == group:
            taken = (other.get("status") or {}).get("acceptedNames") or {}
            resources |= {taken.get("plural", ""), taken.get("singular", ""), *(taken.get("shortNames") or ())}
            kinds |= {taken.get("kind", ""), taken.get("listKind", "")}
    reason = words = ""
    for key, of_others, why in (
        ("plural", resources, "PluralConflict"), ("singular", resources, "SingularConflict"),
        ("shortNames", resources, "ShortNamesConflict"),
        ("kind", kinds, "KindConflict"), ("listKind", kinds, "ListKindConflict"),
    ):  # fmt: skip
        names = wanted.get(key)
        mine = accepted.get(key) or ()
        asked = names or () if key == "shortNames" else (names or "",)
        used = [
            f'"{each}" is already in use' for each in asked if each and each in of_others and each not in _several(mine)
        ]
        if used:
            reason, words = why, used[0] if len(used) == 1 else f"[{', '.join(used)}]"
        elif names:
            accepted[key] = names
        else:
            accepted.pop(key, None)
    accepted.pop("categories", None)
    if wanted.get("categories"):
        accepted["categories"] = wanted["categories"]
    return accepted, reason, words


def _several(names: str | Iterable[str]) -> Iterable[str]:
    return (names,) if isinstance(names, str) else names


def _is(conditions: list[Object], type: str) -> bool:
    return any(each["type"] == type and each["status"] == "True" for each in conditions)


def _set(conditions: list[Object], type: str, status: str, reason: str, message: str, view: View) -> None:
    """Write a condition; the time is of the last change of its status."""
    for index, each in enumerate(conditions):
        if each["type"] == type:
            if each["status"] == status and each.get("reason") == reason:
                return
            at = each["lastTransitionTime"] if each["status"] == status else timestamp(view.now_s)
            conditions[index] = _condition(type, status, at, reason, message)
            return
    conditions.append(_condition(type, status, timestamp(view.now_s), reason, message))


def _condition(type: str, status: str, at: str, reason: str, message: str) -> Object:
    return {"type": type, "status": status, "lastTransitionTime": at, "reason": reason, "message": message}


def _on_revision(revision: Revision, view: View) -> Iterable[str]:
    """A definition that goes makes its names free for others of its group."""
    if revision.type != "DELETED":
        return [revision.key]
    return [each["metadata"]["name"] for each in view.list(_PLURAL)]


CONTROLLER = Controller(name="crd-controller", reconcile=reconcile, watches={_PLURAL: _on_revision})
