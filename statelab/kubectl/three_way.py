"""What `kubectl apply` sends: a strategic merge patch out of what was applied, what is to be, and what lives.

Source: apimachinery/pkg/util/strategicpatch/patch.go CreateThreeWayMergePatch; the lists' keys are the schema's. A kind
without a schema gets a JSON merge patch of the same three (jsonmergepatch.go).
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.encoding import schemas
from statelab.kubectl.api import Object

Schema = dict[str, Any]
_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"
_SAME = object()


def schema_of(api_version: str, kind: str) -> Schema | None:
    """The definition of a kind, or None where Kubernetes' own schemas have none."""
    group, _, version = api_version.rpartition("/")
    package = group.removesuffix(".k8s.io") or "core"
    package = {"rbac.authorization": "rbac", "flowcontrol.apiserver": "flowcontrol"}.get(package, package)
    try:
        return schemas.definition(f"io.k8s.api.{package}.{version}.{kind}")
    except KeyError:
        return None


def three_way(original: Object, modified: Object, current: Object, schema: Schema | None) -> Object:
    """The patch; {} when nothing is to be done. With a schema a strategic merge patch, else a JSON merge patch."""
    if schema is None:
        patch = _merge_patch(original, modified, current)
        return {} if patch is _SAME else patch
    return _map(original, modified, current, schema)


def _merge_patch(original: Any, modified: Any, current: Any) -> Any:
    if not isinstance(modified, dict):
        return _SAME if modified == current else modified
    original, live = (each if isinstance(each, dict) else {} for each in (original, current))
    patch: Object = {key: None for key in original if key not in modified and key in live}
    for key, value in modified.items():
        found = _merge_patch(original.get(key), value, live[key]) if key in live else value
        if found is not _SAME:
            patch[key] = found
    return patch or _SAME


def _map(original: Object, modified: Object, current: Object, schema: Schema) -> Object:
    fields = schemas.properties(schema)
    patch: Object = {key: None for key in original if key not in modified and key in current}
    for key, value in modified.items():
        if key not in current:
            patch[key] = value
            continue
        field = fields.get(key) or _values(schema)
        was, live = original.get(key), current[key]
        if isinstance(value, dict) and isinstance(live, dict):
            strategy = str(field.get("x-kubernetes-patch-strategy") or "")
            if "replace" in strategy.split(","):
                if value != live:
                    patch[key] = {**value, "$patch": "replace"}
                continue
            inner = _map(was if isinstance(was, dict) else {}, value, live, field)
            _retain(inner, value, live, strategy)
            if inner:
                patch[key] = inner
        elif isinstance(value, list) and isinstance(live, list):
            _list(patch, key, was if isinstance(was, list) else [], value, live, field)
        elif value != live:
            patch[key] = value
    return patch


def _retain(inner: Object, value: Object, live: Object, strategy: str) -> None:
    """Of a union, say which of its keys stay: when something else changes, or the living one has more of them."""
    if "retainKeys" in strategy and (inner or any(live[key] is not None and key not in value for key in live)):
        inner["$retainKeys"] = sorted(value)


def _values(schema: Schema) -> Schema:
    found = schemas.resolve(schema).get("additionalProperties")
    return found if isinstance(found, dict) else {}


def _list(patch: Object, name: str, was: list[Any], new: list[Any], live: list[Any], field: Schema) -> None:
    strategy = str(field.get("x-kubernetes-patch-strategy") or "").split(",")
    key = field.get("x-kubernetes-patch-merge-key")
    if "merge" not in strategy:
        if new != live:
            patch[name] = new
        return
    if not key or not all(isinstance(each, dict) for each in [*new, *live, *was]):
        added = [each for each in new if each not in live]
        gone = [each for each in was if each not in new and each in live]
        if added:
            patch[name] = added
        if gone:
            patch[_DELETE + name] = gone
        if added or gone:
            patch[_ORDER + name] = new
        return
    if not all(key in each for each in [*new, *live]):
        if new != live:
            patch[name] = new
        return
    items = schemas.resolve(field).get("items") or {}
    before = {each.get(key): each for each in was}
    lives = {each[key]: each for each in live}
    changes: list[Object] = []
    for each in new:
        there = lives.get(each[key])
        if there is None:
            changes.append(each)
            continue
        inner = _map(before.get(each[key], {}), each, there, items)
        _retain(inner, each, there, ",".join(strategy))
        inner.pop(key, None)
        if inner:
            changes.append({**inner, key: each[key]})
    kept = {each[key] for each in new}
    changes += [
        {"$patch": "delete", key: each[key]} for each in was if each.get(key) in lives and each[key] not in kept
    ]
    if changes or [each[key] for each in new] != [each[key] for each in live if each[key] in kept]:
        if changes:
            patch[name] = changes
        patch[_ORDER + name] = [{key: each[key]} for each in new]
