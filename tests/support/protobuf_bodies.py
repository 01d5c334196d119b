"""Objects in Kubernetes' protobuf, as a Go client writes them: the other half of apiserver/encoding/protobuf.py.

Source: gogo-protobuf's generated Marshal, runtime.Unknown of apimachinery.
"""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any

from statelab.controlplane.apiserver.encoding import protobuf
from statelab.controlplane.kinds import BY_GROUP_VERSION_KIND, OTHER_VERSIONS

_ALWAYS_THERE = ("metadata", "status", "strategy", "updateStrategy", "resources", "template")  # structs, no pointers
SERVED = {**BY_GROUP_VERSION_KIND, **{(each.api_version, each.name): each for each in OTHER_VERSIONS.values()}}


def encoded(obj: Any) -> bytes:
    """A body with `obj`, its zero values written out. Raises KeyError for a kind or a field that has no number."""
    api_version, kind = obj["apiVersion"], obj["kind"]
    found = SERVED.get((api_version, kind))
    definition = found.definition if found else protobuf._DEFINITIONS[kind]
    inside = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind")}
    raw = message(protobuf._numbers(definition), inside)
    return envelope(api_version, kind, raw)


def envelope(api_version: str, kind: str, raw: bytes) -> bytes:
    what = sized(1, api_version.encode()) + sized(2, kind.encode())
    return b"k8s\0" + sized(1, what) + sized(2, raw) + sized(3, b"") + sized(4, b"")


def sized(number: int, data: bytes) -> bytes:
    """A field of bytes: its number, its length, itself."""
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    number, found = number & (2**64 - 1), b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


def message(numbers: Any, obj: Any) -> bytes:
    """As gogo-protobuf marshals: a nil pointer, slice or map is nothing; any other field is there."""
    left = set(obj)
    found = _message(numbers, obj, left)
    if left - {"apiVersion", "kind"}:  # of a type that has them in JSON only
        raise KeyError(", ".join(sorted(left)))
    return found


def _message(numbers: Any, obj: Any, left: set[str]) -> bytes:
    found = b"".join(sized(number, _message(inner, obj, left)) for number, inner in numbers.inline.items())
    for number, field in sorted(numbers.names.items()):
        left.discard(field.json)
        value = obj.get(field.json)
        if field.kind == "slice":
            found += b"".join(_value(number, field.element_kind, field.definition, each) for each in value or ())
        elif field.kind == "map":
            for key, each in (value or {}).items():
                found += sized(number, sized(1, key.encode()) + _value(2, field.element_kind, field.definition, each))
        elif value is not None:
            found += _value(number, field.kind, field.definition, value)
        elif field.pointer:
            continue
        elif field.kind == "string":
            found += sized(number, b"")
        elif field.kind in ("bool", "int32", "int64"):
            found += _varint(number << 3) + b"\0"
        elif field.kind == "struct" and field.json in _ALWAYS_THERE:
            found += sized(number, b"")
    return found


def _value(number: int, kind: str, definition: str, value: Any) -> bytes:
    match kind:
        case "bool" | "int32" | "int64":
            return _varint(number << 3) + _varint(int(value))
        case "struct":
            return sized(number, message(protobuf._numbers(definition), value))
        case "quantity":
            return sized(number, sized(1, str(value).encode()))
        case "time" | "micro-time":
            at = datetime.fromisoformat(value)
            return sized(number, b"\x08" + _varint(int(at.timestamp())) + b"\x10" + _varint(at.microsecond * 1000))
        case "int-or-string" if isinstance(value, int):
            return sized(number, b"\x08\x00\x10" + _varint(value) + sized(3, b""))
        case "int-or-string":
            return sized(number, b"\x08\x01\x10\x00" + sized(3, value.encode()))
        case "raw":
            return sized(number, sized(1, json.dumps(value).encode()))
        case "bytes":
            return sized(number, base64.b64decode(value))
    assert kind == "string", kind
    return sized(number, value.encode())
