"""The types of CEL, and what of a schema they are.

Source: cel-go common/types/types.go; apiserver/pkg/cel/common/schemas.go (SchemaDeclType).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from statelab.controlplane.apiserver.encoding import schemas

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Type:
    """`kind` as cel-go prints it; `args`: the types of elements, or of keys and values. `fields`: of an object."""

    kind: str
    args: tuple[Type, ...] = ()
    fields: Callable[[str], Type | None] | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.kind}({', '.join(map(str, self.args))})" if self.args else self.kind


DYN, BOOL, INT, UINT, DOUBLE = (Type(each) for each in ("dyn", "bool", "int", "uint", "double"))
STRING, BYTES, NULL = Type("string"), Type("bytes"), Type("null_type")
PRIMITIVE = frozenset(("bool", "int", "uint", "double", "string", "bytes"))
NUMBERS = frozenset(("int", "uint", "double"))


def list_of(element: Type) -> Type:
    return Type("list", (element,))


def map_of(value: Type) -> Type:
    return Type("map", (STRING, value))


def object_of(name: str, fields: Mapping[str, Type]) -> Type:
    """An object type with these fields and no others."""
    return Type(name, (), fields.get)


def of_schema(schema: Schema, name: str = "object") -> Type:
    """The type of what a schema describes, one of Kubernetes' definitions or a custom one."""
    schema = schemas.resolve(dict(schema))
    if schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields"):
        return DYN
    kind = schemas.type_of(schema)
    if kind in ("string", "integer", "number", "boolean"):
        return _scalar(kind, str(schema.get("format", "")))
    if kind == "array":
        items = schema.get("items")
        return list_of(of_schema(items, f"{name}.item") if isinstance(items, dict) else DYN)
    if isinstance(schema.get("additionalProperties"), dict):
        return map_of(of_schema(schema["additionalProperties"], f"{name}.value"))
    properties = schema.get("properties")
    if not properties:
        return DYN

    def fields(key: str) -> Type | None:
        found = properties.get(key)
        return None if found is None else of_schema(found, f"{name}.{key}")

    return Type(name, (), fields)


def _scalar(kind: str, form: str) -> Type:
    if kind == "string":
        return DYN if form in ("date-time", "duration", "int-or-string", "byte") else STRING
    return {"integer": INT, "number": DOUBLE, "boolean": BOOL}[kind]
