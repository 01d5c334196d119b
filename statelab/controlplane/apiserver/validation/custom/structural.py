"""A structural schema at work: what is unknown is pruned, what is left out is filled in. Nothing here judges.

Source: apiextensions-apiserver/pkg/apiserver/schema (structural.go, pruning, defaulting).
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

Schema = dict[str, Any]
_TYPE_META = ("apiVersion", "kind", "metadata")


def prune(value: Any, schema: Schema, path: str = "", *, is_resource: bool = False) -> list[str]:
    """Take out what the schema does not know, in place. Returns the places, as strict decoding names them."""
    unknown: list[str] = []
    _prune(value, schema, path, is_resource, unknown, 0)
    return unknown


def _prune(value: Any, schema: Schema, path: str, is_resource: bool, unknown: list[str], depth: int) -> None:
    is_resource = is_resource or bool(schema.get("x-kubernetes-embedded-resource"))
    if isinstance(value, dict):
        properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
        keeps = bool(schema.get("x-kubernetes-preserve-unknown-fields")) or others is True
        for name in list(value):
            if is_resource and name in _TYPE_META:
                continue
            below = properties.get(name, others if isinstance(others, dict) else None)
            inside = f"{path}.{name}" if path else name
            if below is not None:
                _prune(value[name], below, inside, False, unknown, depth + 1)
            elif not keeps:
                unknown.append(inside)
                del value[name]
    elif isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, dict):
            for index, each in enumerate(value):
                _prune(each, items, f"{path}[{index}]", False, unknown, depth + 1)


def has_defaults(schema: Any) -> bool:
    """Whether a default stands anywhere in it."""
    if isinstance(schema, dict):
        below = [*(schema.get("properties") or {}).values(), schema.get("items"), schema.get("additionalProperties")]
        return "default" in schema or any(map(has_defaults, below))
    return False


def embedded(value: Any, schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The resources inside a value that the schema says are some, and where."""
    if not isinstance(schema, dict):
        return
    if path and schema.get("x-kubernetes-embedded-resource") and isinstance(value, dict):
        yield path, value
    if isinstance(value, dict):
        properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
        for name, each in value.items():
            yield from embedded(each, properties.get(name, others), f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from embedded(each, schema.get("items"), f"{path}[{index}]")


def fill_in(value: Any, schema: Schema) -> None:
    """Fill in the defaults of what is there, in place. A null where none is allowed gives way to the default."""
    if isinstance(value, dict):
        properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
        for name, below in properties.items():
            if "default" in below and (name not in value or (value[name] is None and not below.get("nullable"))):
                value[name] = deepcopy(below["default"])
        for name, each in value.items():
            below = properties.get(name, others)
            if isinstance(below, dict) and isinstance(each, dict | list):
                fill_in(each, below)
    elif isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, dict):
            for each in value:
                fill_in(each, items)


def drop_nulls(value: Any, schema: Schema) -> None:
    """A null of a field that may not be null and has no value of its own is no field at all."""
    if isinstance(value, dict):
        properties = schema.get("properties") or {}
        for name in list(value):
            below = properties.get(name)
            if below is None:
                continue
            if value[name] is None and not below.get("nullable") and "default" in below:
                del value[name]
            else:
                drop_nulls(value[name], below)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for each in value:
            drop_nulls(each, schema["items"])
