"""Objects read with their schema: which fields they have, and how two differ.

Server-side apply and managed fields stand on four questions, each answered by one function: `field_set` and `compare`
here, `merge` and `remove` in typed_merge.py. The schema says which lists are keyed or sets and which maps and lists are
atomic (owned as a whole). Source: structured-merge-diff/typed (tofieldset.go, compare.go).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from statelab.controlplane.apiserver.encoding import go_types, schemas
from statelab.controlplane.apiserver.encoding.schemas import Schema
from statelab.controlplane.apiserver.patch.field_sets import (
    EMPTY,
    MEMBER,
    FieldSet,
    children,
    field_element,
    is_member,
    key_element,
    node_of,
    path_text,
    union,
    value_element,
)
from statelab.controlplane.apiserver.patch.strategic_merge import go_text
from statelab.controlplane.kinds import Kind
from statelab.reader import jsonbytes

ABSENT: Any = object()
_KEY_DEFAULTS = {"protocol": "TCP"}  # the one default that a list's keys need: ports without a protocol are TCP


class Mistyped(Exception):
    """A value that does not fit its schema. Its text names the place: `.spec.x: field not declared in schema`."""


@dataclass(frozen=True, slots=True)
class Type:
    """How a value is owned: "leaf" as a whole, "map" by field, "list" by element."""

    kind: str
    schema: Schema
    keys: tuple[str, ...] = ()  # of a list: what tells its elements apart; none for a set of scalars
    fields: dict[str, Type] = dataclasses.field(default_factory=dict, compare=False)  # those asked for so far

    def field(self, name: str) -> Type | None:
        """The type of a field, or of a map's value; None where there is no such field."""
        declared = self.schema.get("properties")
        if declared is None:
            return _type_of_values(self)
        if name not in declared:
            return _ANYTHING if self.schema.get("x-kubernetes-preserve-unknown-fields") else None
        if name not in self.fields:
            self.fields[name] = _type_of_field(self, name)
        return self.fields[name]

    def declares(self, name: str) -> bool:
        return name in self.schema.get("properties", ())

    @property
    def element(self) -> Type:
        return _type_of_items(self)

    def element_name(self, value: Any) -> str:
        """The path element of a list's element. Raises Mistyped."""
        if not self.keys:
            if isinstance(value, dict | list):
                raise Mistyped(f"associative list without keys has an element that's a {_kind_text(value)} type")
            return value_element(value)
        if value is None:
            raise Mistyped("associative list with keys may not have a null element")
        if not isinstance(value, dict):
            raise Mistyped("associative list with keys may not have non-map elements")
        found = {key: value[key] if key in value else _KEY_DEFAULTS.get(key) for key in self.keys}
        for key, each in found.items():
            if each is None:
                raise Mistyped(
                    f'associative list with keys has an element that omits key field "{key}" '
                    "(and doesn't have default value)"
                )
        return key_element(found)


_ANYTHING = Type("leaf", {})  # what nobody declares is owned as a whole


def type_for(kind: Kind) -> Type:
    """The type of a kind's objects."""
    return type_of(kind.definition) if kind.custom is None else _type(kind.custom.typed_schema)


@lru_cache(maxsize=64)
def type_of(definition: str) -> Type:
    """The type of a kind, by the name of its definition."""
    return _type({"$ref": f"#/$defs/{definition}"})


_types: dict[int, Type] = {}  # by the schema's id: schemas are loaded once and live for ever


def _type(schema: Schema) -> Type:
    found = _types.get(id(schema))
    if found is None:
        found = _types[id(schema)] = _build(schema)
        _kept.append(schema)
    return found


_kept: list[Schema] = []


def _build(schema: Schema) -> Type:
    resolved = schemas.resolve(schema)
    kind = schemas.type_of(schema)
    if kind == "object":
        atomic = "atomic" in (schema.get("x-kubernetes-map-type"), resolved.get("x-kubernetes-map-type"))
        open_ended = "properties" not in resolved and "additionalProperties" not in resolved
        return Type("leaf" if atomic or open_ended else "map", resolved)
    if kind == "array":
        match schema.get("x-kubernetes-list-type"):
            case "map":
                return Type("list", resolved, tuple(schema["x-kubernetes-list-map-keys"]))
            case "set":
                return Type("list", resolved)
    return Type("leaf", resolved)


def _type_of_field(owner: Type, name: str) -> Type:
    return _type(owner.schema["properties"][name])


def _type_of_values(owner: Type) -> Type | None:
    values = owner.schema.get("additionalProperties")
    return _type(values) if isinstance(values, dict) else None


def _type_of_items(owner: Type) -> Type:
    return _type(owner.schema["items"])


# ---- which fields an object has


def field_set(type: Type, value: Any) -> FieldSet:
    """The fields that a configuration sets: what its applier comes to own. Raises Mistyped with all that is wrong."""
    problems: list[str] = []
    node = _set_node(type, value, "", problems)
    if problems:
        raise Mistyped(problems[0] if len(problems) == 1 else "\n  ".join(["errors:", *problems]))
    return children(node) if node else EMPTY


def _set_node(type: Type, value: Any, place: str, problems: list[str]) -> FieldSet | None:
    if type.kind == "leaf":
        problems += _leaf_problems(type, value, place)
        return MEMBER
    if value is None:
        return None
    if type.kind == "map":
        if not isinstance(value, dict):
            problems.append(f"{place}: expected map, got &{{{go_text(value)}}}")
            return None
        return _set_of_map(type, value, place, problems)
    if not isinstance(value, list):
        problems.append(f"{place}: expected list, got &{{{go_text(value)}}}")
        return None
    return _set_of_list(type, value, place, problems)


def _set_of_map(type: Type, value: dict[str, Any], place: str, problems: list[str]) -> FieldSet | None:
    below: FieldSet = {}
    for name, each in value.items():
        field = type.field(name)
        if field is None:
            problems.append(f"{place}.{name}: field not declared in schema")
            continue
        found = _set_node(field, each, f"{place}.{name}", problems)
        member = each is None or each == {} or not type.declares(name) or (found is not None and is_member(found))
        node = node_of(member, children(found) if found else EMPTY)
        if node is not None:
            below[field_element(name)] = node
    return below or None


def _set_of_list(type: Type, value: list[Any], place: str, problems: list[str]) -> FieldSet | None:
    below: FieldSet = {}
    for index, each in enumerate(value):
        try:
            element = type.element_name(each)
        except Mistyped as problem:
            problems.append(f"{place}: element {index}: {problem}")
            continue
        key = path_text((element,))
        if element in below:
            problems.append(f"{place}: duplicate entries for key {key}")
        found = _set_node(type.element, each, f"{place}{key}", problems)
        below[element] = node_of(True, children(found) if found else EMPTY) or MEMBER
    return below or None


def _leaf_problems(type: Type, value: Any, place: str) -> list[str]:
    """Enough of a check that what is merged can be decoded; decoding says the rest."""
    wanted = schemas.type_of(type.schema)  # "" for a Quantity and whatever else may be text or number
    number = isinstance(value, int | float) and not isinstance(value, bool)
    expected, fits = {
        "string": ("string", isinstance(value, str)),
        "integer": ("numeric (int or float)", number),
        "number": ("numeric (int or float)", number),
        "boolean": ("boolean", isinstance(value, bool)),
        "array": ("list", isinstance(value, list)),
        "object": ("map", isinstance(value, dict)),
    }.get(wanted, ("", True))
    if value is None or fits:
        return []
    if wanted in ("array", "object"):
        return [f"{place}: expected {expected}, got &{{{go_text(value)}}}"]
    text = jsonbytes.dumps(value).decode() if isinstance(value, str) else go_text(value)
    return [f"{place}: expected {expected}, got &value.valueUnstructured{{Value:{text}}}"]


def _kind_text(value: Any) -> str:
    return "map" if isinstance(value, dict) else "list"


# ---- how two objects differ


@dataclass(frozen=True, slots=True)
class Difference:
    added: FieldSet
    removed: FieldSet
    modified: FieldSet

    @property
    def changed(self) -> FieldSet:
        return union(self.added, self.modified)


def compare(type: Type, old: Any, new: Any) -> Difference:
    """Which fields are new, gone or different. Costs what differs, not what there is: equal parts are not entered."""
    found = _compare(type, old, new)
    added, removed, modified = (children(node) if node else EMPTY for node in found)
    return Difference(added, removed, modified)


_Nodes = tuple[FieldSet | None, FieldSet | None, FieldSet | None]  # added, removed, modified
_SAME: _Nodes = (None, None, None)


def _compare(type: Type, old: Any, new: Any) -> _Nodes:
    if old is ABSENT:
        return (_everything(type, new), None, None)
    if new is ABSENT:
        return (None, _everything(type, old), None)
    if old is new or old == new:
        return _SAME
    if type.kind == "leaf" or (not old and not new):
        return (None, None, MEMBER)
    if type.kind == "map":
        before, after = _parts_of_map(old), _parts_of_map(new)
    else:
        before, after = parts_of_list(type, old), parts_of_list(type, new)
    added: FieldSet = {}
    removed: FieldSet = {}
    modified: FieldSet = {}
    for element in {**before, **after}:
        below = type.element if type.kind == "list" else type.field(element[2:])
        if below is None:
            continue
        found = _compare(below, before.get(element, ABSENT), after.get(element, ABSENT))
        for node, target in zip(found, (added, removed, modified), strict=True):
            if node is not None:
                target[element] = node
    return (added or None, removed or None, modified or None)


def _everything(type: Type, value: Any) -> FieldSet:
    """All fields of a value that is on one side only: with the maps and lists that hold them."""
    if type.kind == "leaf" or not value:
        return MEMBER
    below: FieldSet = {}
    parts = _parts_of_map(value) if type.kind == "map" else parts_of_list(type, value)
    for element, each in parts.items():
        inner = type.element if type.kind == "list" else type.field(element[2:])
        if inner is not None:
            below[element] = _everything(inner, each)
    return node_of(True, below) or MEMBER


def _parts_of_map(value: Any) -> dict[str, Any]:
    return {field_element(name): each for name, each in value.items()} if isinstance(value, dict) else {}


def parts_of_list(type: Type, value: Any) -> dict[str, Any]:
    """The elements by their path elements; of two alike, the first."""
    parts: dict[str, Any] = {}
    for each in value or () if isinstance(value, list) else ():
        try:
            parts.setdefault(type.element_name(each), each)
        except Mistyped:
            continue  # an element without its key, from before the key was needed: nobody's
    return parts


# ---- the empty object


@lru_cache(maxsize=64)
def empty_object(definition: str) -> Any:
    """A new object of a Go type as JSON: structs are there though nothing was said, `containers` is null.

    It is what a created object is compared with, and why nobody owns `f:spec` itself.
    """
    empty: dict[str, Any] = {}
    for field in go_types.fields_of(definition) if go_types.is_struct(definition) else ():
        if field.may_be_left_out:
            continue
        if field.kind == "struct" and go_types.is_struct(field.definition):
            empty[field.json] = empty_object(field.definition)
        else:
            empty[field.json] = {"string": "", "int32": 0, "int64": 0, "bool": False}.get(field.kind)
    return empty
