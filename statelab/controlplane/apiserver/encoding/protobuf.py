"""Bodies in Kubernetes' protobuf, which `kubectl create configmap` and every other typed Go client sends.

Only read, never written: a client that sends protobuf takes JSON for an answer. What comes out is what the same object
would be as JSON; decoding, strictness and defaults come after, as for any body. Field numbers are in protobuf.tsv.
Source: apimachinery/pkg/runtime/serializer/protobuf, the generated.proto files of k8s.io/api.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from statelab.controlplane.apiserver.encoding import go_types
from statelab.controlplane.apiserver.encoding.go_types import GoField
from statelab.controlplane.apiserver.encoding.negotiation import MEDIA_TYPES, unsupported_media_type
from statelab.controlplane.clock import micro_timestamp, timestamp
from statelab.controlplane.errors import bad_request
from statelab.controlplane.kinds import BY_GROUP_VERSION_KIND, OTHER_VERSIONS, REVIEWS
from statelab.reader import jsonbytes

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"

_PREFIX = b"k8s\x00"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DEFINITIONS = {
    "DeleteOptions": "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
    "Eviction": "io.k8s.api.policy.v1.Eviction",
    "Scale": "io.k8s.api.autoscaling.v1.Scale",
    "Binding": "io.k8s.api.core.v1.Binding",
    "TokenRequest": "io.k8s.api.authentication.v1.TokenRequest",
    **{kind.name: kind.definition for kind in REVIEWS.values()},
}
_OTHER_VERSIONS = {(kind.api_version, kind.name): kind for kind in OTHER_VERSIONS.values()}


class _Malformed(Exception):
    pass


def decode(raw: bytes) -> dict[str, Any]:
    """The object in a body, as JSON would say it. Raises ApiError 400, 415 where its fields have no numbers here.

    Of a kind that is not served here, only apiVersion and kind come back: it is refused by them.
    """
    if not raw.startswith(_PREFIX):
        shown = " ".join(map(str, _PREFIX))
        raise bad_request(f"provided data does not appear to be a protobuf message, expected prefix [{shown}]")
    try:
        envelope = {number: value for number, value in _fields(raw[len(_PREFIX) :]) if isinstance(value, bytes)}
        what = {number: _text(value) for number, value in _fields(envelope.get(1, b"")) if isinstance(value, bytes)}
        api_version, kind = what.get(1, ""), what.get(2, "")
        served = BY_GROUP_VERSION_KIND.get((api_version, kind)) or _OTHER_VERSIONS.get((api_version, kind))
        definition = served.definition if served else _DEFINITIONS.get(kind, "")
        if definition and definition not in _rows():
            raise unsupported_media_type(MEDIA_TYPES)
        found = _message(_numbers(definition), envelope.get(2, b"")) if definition else {}
    except (_Malformed, jsonbytes.JSONDecodeError) as problem:
        raise bad_request(f"proto: {problem}") from None
    return {**found, "apiVersion": api_version, "kind": kind}


# ---- the wire


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and values, in the order in which they stand. Raises _Malformed."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        if wire_type == _BYTES:
            size, position = _varint(data, position)
        elif wire_type in (_FIXED64, _FIXED32):
            size = 8 if wire_type == _FIXED64 else 4
        else:
            raise _Malformed(f"illegal wireType {wire_type}")
        if position + size > len(data):
            raise _Malformed("unexpected EOF")
        yield number, data[position : position + size]
        position += size


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise _Malformed("unexpected EOF")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (2**64 - 1), position
    raise _Malformed("integer overflow")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _signed(value: int, bits: int) -> int:
    value &= 2**bits - 1
    return value - 2**bits if value >> (bits - 1) else value


# ---- messages


@dataclass(slots=True)
class _Numbers:
    """The fields of a message by number: what JSON calls them, and messages whose fields JSON shows inline."""

    names: dict[int, GoField] = field(default_factory=dict)
    inline: dict[int, _Numbers] = field(default_factory=dict)


@lru_cache(maxsize=1)
def _rows() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    name = ""
    for line in files(__package__).joinpath("protobuf.tsv").read_text().splitlines():
        if line.startswith("\t"):
            found[name].append(line[1:])
        elif not line.startswith("#"):
            name = line
            found[name] = []
    return found


@cache
def _numbers(definition: str) -> _Numbers:
    found = _Numbers()
    known = {each.json: each for each in go_types.fields_of(definition)}
    for row in _rows()[definition]:
        path, json_name = row.split("\t")
        *outer, last = map(int, path.split("."))
        target = found
        for number in outer:
            target = target.inline.setdefault(number, _Numbers())
        target.names[last] = known[json_name]
    return found


def _message(numbers: _Numbers, data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, value in _fields(data):
        if number in numbers.inline:
            found |= _message(numbers.inline[number], _bytes(value))
            continue
        what = numbers.names.get(number)
        if what is None:
            continue  # a field of a newer Kubernetes
        if what.kind == "slice":
            found.setdefault(what.json, []).extend(_elements(what, value))
        elif what.kind == "map":
            key, each = _map_entry(what, _bytes(value))
            found.setdefault(what.json, {})[key] = each
        else:
            found[what.json] = _value(what.kind, what.definition, value)
    return found


def _elements(what: GoField, value: int | bytes) -> list[Any]:
    if isinstance(value, bytes) and what.element_kind in ("int32", "int64", "bool"):  # packed
        packed, position = [], 0
        while position < len(value):
            number, position = _varint(value, position)
            packed.append(_value(what.element_kind, "", number))
        return packed
    return [_value(what.element_kind, what.definition, value)]


def _map_entry(what: GoField, data: bytes) -> tuple[str, Any]:
    entry = dict(_fields(data))
    value = entry.get(2, b"")
    return _text(_bytes(entry.get(1, b""))), _value(what.element_kind, what.definition, value)


def _value(kind: str, definition: str, value: int | bytes) -> Any:
    match kind:
        case "bool":
            return bool(_integer(value))
        case "int32" | "int64":
            return _signed(_integer(value), int(kind[3:]))
        case "struct":
            return _message(_numbers(definition), _bytes(value))
        case "quantity":
            return _text(_bytes(dict(_fields(_bytes(value))).get(1, b"0")))
        case "int-or-string":
            return _int_or_string(_bytes(value))
        case "time" | "micro-time":
            return _time(_bytes(value), kind)
        case "raw":
            raw = _bytes(dict(_fields(_bytes(value))).get(1, b""))
            return jsonbytes.loads(raw) if raw else None
        case "bytes":
            return base64.b64encode(_bytes(value)).decode()
    return _text(_bytes(value))


def _integer(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise _Malformed("wrong wireType = 2")
    return value


def _bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise _Malformed("wrong wireType = 0")
    return value


def _int_or_string(data: bytes) -> int | str:
    parts = dict(_fields(data))
    if _integer(parts.get(1, 0)) == 1:
        return _text(_bytes(parts.get(3, b"")))
    return _signed(_integer(parts.get(2, 0)), 32)


def _time(data: bytes, kind: str) -> str | None:
    """An empty message is the zero time, which JSON writes as null."""
    if not data:
        return None
    parts = dict(_fields(data))
    at_s = _signed(_integer(parts.get(1, 0)), 64)
    nanos = _signed(_integer(parts.get(2, 0)), 32)
    if not -62135596800 <= at_s < 253402300800:  # years 1 to 9999
        raise _Malformed("timestamp out of range")
    return timestamp(at_s) if kind == "time" else micro_timestamp(at_s + nanos / 1e9)
