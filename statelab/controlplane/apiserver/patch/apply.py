"""Who owns which field, and server-side apply.

`track` writes `metadata.managedFields` after a create or an update; `apply_patch` is `kubectl apply --server-side`:
merge a configuration into the live object, refuse what another manager owns, remove what is no longer applied.
Both cost what a write changes, not what the object holds, because equal parts are never entered. An object that was
created without managed fields (by a component of the control plane) is not tracked until someone applies to it, as
upstream does with objects from before managed fields.

Source: apimachinery/pkg/util/managedfields (fieldmanager.go and internal/), structured-merge-diff/merge/update.go.
"""

from __future__ import annotations

from typing import Any, Literal

from statelab.controlplane.apiserver.patch import managers as managing
from statelab.controlplane.apiserver.patch.field_sets import (
    EMPTY,
    FieldSet,
    children,
    difference,
    intersection,
    node_of,
    path_text,
    paths,
    union,
    without_below,
)
from statelab.controlplane.apiserver.patch.managers import Manager, Managers
from statelab.controlplane.apiserver.patch.typed import (
    ABSENT,
    Mistyped,
    Type,
    compare,
    empty_object,
    field_set,
    type_for,
)
from statelab.controlplane.apiserver.patch.typed_merge import merge, remove, with_named_fields
from statelab.controlplane.errors import ApiError, bad_request
from statelab.controlplane.kinds import Kind, Object
from statelab.reader import jsonbytes

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

# What the API server itself writes belongs to no manager.
_NOBODYS = (
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
)


# ---- create and update


def track(
    kind: Kind,
    old: Object | None,
    new: Object,
    manager: str,
    operation: Literal["Apply", "Update"],
    subresource: str,
    now: str,
) -> list[Object]:
    """`managedFields` after `old` became `new` by `manager`'s hand. `old` None: it was created. `now` is RFC 3339."""
    before = managing.decode_for_update(old, new, subresource)
    if old is not None and not before.entries:
        return []
    live = old if old is not None else (empty_object(kind.definition) if kind.custom is None else {})
    who = Manager(manager or "unknown", operation, kind.api_version, subresource)
    _update(type_for(kind), live, new, before, who, now, kind)
    before.cap_updaters()
    return before.encode()


def _update(
    type: Type, old: Object, new: Object, managers: Managers, who: Manager, now: str | None, kind: Kind
) -> None:
    """Everyone loses what was changed or removed; `who` gains what it changed."""
    changes = compare(type, _bare(old), _bare(new))
    lost = union(changes.changed, changes.removed)
    for each in managers.others(None):
        managers.put(each.manager, difference(each.fields, lost))
    taken = _ownable(changes.changed, who.subresource, kind)
    if taken:
        managers.put(who, union(taken, managers.fields_of(who)), now)


def _bare(obj: Object) -> Object:
    """The object without its managed fields: who manages is no change of the object."""
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict) or "managedFields" not in metadata:
        return obj
    return {**obj, "metadata": {name: value for name, value in metadata.items() if name != "managedFields"}}


def _ownable(fields: FieldSet, subresource: str, kind: Kind) -> FieldSet:
    """Without what the server writes, and what this endpoint does not: `status` here, all but it at `/status`."""
    fields = without_below(without_below(fields, "f:apiVersion"), "f:kind")
    for element in _reset(subresource, kind):
        fields = without_below(fields, element)
    metadata = fields.get("f:metadata")
    if metadata is None:
        return fields
    below = children(metadata)
    unowned: tuple[str, ...] = _NOBODYS
    if subresource == "status":
        unowned += {"deployments": ("labels",), "pods": ("deletionTimestamp", "ownerReferences")}.get(kind.plural, ())
    for name in unowned:
        below = without_below(below, f"f:{name}")
    node = node_of(False, below)
    fields = without_below(fields, "f:metadata")
    return {"f:metadata": node, **fields} if node else fields


def _reset(subresource: str, kind: Kind) -> tuple[str, ...]:
    if subresource == "status":
        return ("f:spec",)
    return ("f:status",) if "status" in kind.subresources else ()


def only_times_differ(new: Object, old: Object) -> bool:
    """Whether a write would change nothing but when managers last wrote: then it is none.

    Source: apiserver/pkg/endpoints/handlers/fieldmanager/equality.go.
    """
    if not new["metadata"].get("managedFields") or _bare(new) != _bare(old):
        return False
    entries = [new["metadata"]["managedFields"], old["metadata"].get("managedFields") or []]
    timeless = [[{**entry, "time": ""} for entry in each] for each in entries]
    key = jsonbytes.dumps
    return sorted(timeless[0], key=key) == sorted(timeless[1], key=key)


# ---- server-side apply


def apply_patch(
    kind: Kind, live: Object | None, config: Any, manager: str, force: bool, now: str, subresource: str = ""
) -> Object:
    """The object after `manager` applied `config` to `live` (None: it is not there yet), managed fields included.

    What comes back is to be decoded like any other body: it holds the configuration's values as they were written.
    Raises ApiError: 400 for a configuration that is not one of this kind, 409 with a FieldManagerConflict for each
    field that another manager owns and `force` does not take.
    """
    if not isinstance(config, dict):
        config = _as_map(config)
    group_version_kind = _group_version_kind(config)
    if (config.get("apiVersion"), config.get("kind")) != (kind.api_version, kind.name):
        raise bad_request(f"invalid object type: {group_version_kind}")
    metadata = config["metadata"] if isinstance(config.get("metadata"), dict) else {}
    if metadata.get("managedFields") is not None:
        raise bad_request("metadata.managedFields must be nil")
    who = Manager(manager, "Apply", kind.api_version, subresource)
    type = type_for(kind)
    managers = managing.decode((live or {}).get("metadata", {}).get("managedFields"), trusted=True) or Managers()
    before = _bare(live) if live is not None else {}
    if live is not None and not managers.entries:
        _attribute(type, before, managers, now, kind)
    try:
        applied = field_set(type, config)
    except Mistyped as problem:
        name = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
        raise bad_request(f"failed to create typed patch object ({name}; {group_version_kind}): {problem}") from None
    applied = _ownable(applied, subresource, kind)
    merged = _pruned(type, merge(type, before, config), managers, who, applied)
    conflicts = _take(type, before, merged, managers, who)
    if conflicts and not force and manager == "kubectl":
        conflicts = _not_from_client_side_apply(type, before, conflicts)
    if conflicts and not force:
        raise _conflict(conflicts)
    if manager == "kubectl" and _last_applied(before):
        merged = _with_last_applied(merged, config)
    same_fields = managers.fields_of(who) == applied
    changed = not same_fields or merged != before
    managers.put(who, applied, now if changed else None)
    result = dict(merged)
    result["metadata"] = {**(merged.get("metadata") or {}), "managedFields": managers.encode()}
    return result


def _attribute(type: Type, live: Object, managers: Managers, now: str, kind: Kind) -> None:
    """Say who owns an object without managed fields: the component that made it, or "before-first-apply"."""
    fields = compare(type, (empty_object(kind.definition) if kind.custom is None else {}), live).changed
    name = managing.maker_of(kind, live)
    managers.put(Manager(name, "Update", kind.api_version), _ownable(fields, "", kind), now)
    if name != managing.UNKNOWN_MAKER and "status" in kind.subresources and "f:status" in fields:
        reporter = "kubelet" if kind.plural == "pods" else name
        managers.put(Manager(reporter, "Update", kind.api_version, "status"), {"f:status": fields["f:status"]}, now)


def _as_map(config: Any) -> Object:
    """An empty document is an empty map; anything else that is none is refused as sigs.k8s.io/yaml does."""
    if config is None:
        return {}
    kind = {list: "array", str: "string", bool: "bool"}.get(type(config), "number")
    message = f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
    raise bad_request(f"error decoding YAML: error unmarshaling JSON: while decoding JSON: {message}")


def _group_version_kind(config: Object) -> str:
    version = config.get("apiVersion") or ""
    group, _, short = str(version).rpartition("/")
    return f"{group}/{short}, Kind={config.get('kind') or ''}"


def _pruned(type: Type, merged: Object, managers: Managers, who: Manager, applied: FieldSet) -> Object:
    """Without the fields that `who` applied last time, does not apply now, and nobody else manages."""
    last = managers.fields_of(who)
    if not last:
        return merged
    everything = with_named_fields(type, field_set_of_live(type, merged))
    pruned = remove(type, merged, with_named_fields(type, last))
    owned = applied
    for each in managers.others(who):
        owned = union(owned, each.fields)
    kept = union(_fields_after(type, pruned), with_named_fields(type, owned))
    pruned = remove(type, merged, difference(everything, kept))
    gone = difference(everything, _fields_after(type, pruned))
    result = remove(type, merged, intersection(gone, with_named_fields(type, last)))
    return {} if result is ABSENT else result


def _fields_after(type: Type, value: Any) -> FieldSet:
    return EMPTY if value is ABSENT else with_named_fields(type, field_set_of_live(type, value))


def field_set_of_live(type: Type, value: Any) -> FieldSet:
    """As `field_set`, of an object that is stored already: what does not fit the schema there is nobody's."""
    try:
        return field_set(type, value)
    except Mistyped:
        return compare(type, {}, value).added


def _take(
    type: Type, before: Object, merged: Object, managers: Managers, who: Manager
) -> list[tuple[Manager, FieldSet]]:
    """What each other manager would lose. They lose it here; the caller refuses the whole when it may not be."""
    changes = compare(type, before, merged)
    conflicts: list[tuple[Manager, FieldSet]] = []
    for each in managers.others(who):
        contested = intersection(each.fields, changes.changed)
        if contested:
            conflicts.append((each.manager, contested))
        managers.put(each.manager, difference(difference(each.fields, contested), changes.removed))
    return sorted(conflicts, key=lambda conflict: conflict[0].identity)


def _conflict(conflicts: list[tuple[Manager, FieldSet]]) -> ApiError:
    found = [(manager, path_text(path)) for manager, fields in conflicts for path in paths(fields)]
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": field}
        for manager, field in found
    ]
    if len(found) == 1:
        message = f"Apply failed with 1 conflict: conflict with {found[0][0]}: {found[0][1]}"
    else:
        lines: list[str] = []
        for manager, fields in conflicts:
            lines.append(f"conflicts with {manager}:")
            lines += [f"- {path_text(path)}" for path in paths(fields)]
        message = f"Apply failed with {len(found)} conflicts: " + "\n".join(lines)
    return ApiError(409, "Conflict", message, {"causes": causes})


# ---- moving from client-side apply


def _last_applied(obj: Object) -> str:
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    found = annotations.get(LAST_APPLIED)
    return found if isinstance(found, str) else ""


def _not_from_client_side_apply(
    type: Type, live: Object, conflicts: list[tuple[Manager, FieldSet]]
) -> list[tuple[Manager, FieldSet]]:
    """Without the fields that `kubectl apply` set itself, and which still are as it set them."""
    try:
        config = jsonbytes.loads(_last_applied(live))
        own = field_set(type, config)
    except (jsonbytes.JSONDecodeError, Mistyped):
        return conflicts
    changes = compare(type, live, config)
    for fields in (changes.modified, changes.added, changes.removed):
        own = difference(own, fields)
    remaining = [(manager, difference(fields, own)) for manager, fields in conflicts]
    return [(manager, fields) for manager, fields in remaining if fields]


def _with_last_applied(merged: Object, config: Object) -> Object:
    """`kubectl apply` may be used again later: what it last applied is kept up to date."""
    shown = {**config, "metadata": dict(config.get("metadata") or {})}
    annotations = {
        name: each for name, each in (shown["metadata"].get("annotations") or {}).items() if name != LAST_APPLIED
    }
    shown["metadata"]["annotations"] = annotations
    text = jsonbytes.dumps(shown, option=jsonbytes.OPT_SORT_KEYS | jsonbytes.OPT_APPEND_NEWLINE).decode()
    metadata = merged["metadata"]
    return {
        **merged,
        "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), LAST_APPLIED: text}},
    }
