"""Decoders, one per Go struct, compiled once: JSON values in, the same in the API server's normal form out.

Normal form is what Go would write after reading: empty fields left out, quantities and times canonical, `{}` and null
where a struct is never left out. This is the fast way, for input without a fault; whatever is unusual raises
`Unusual`, and decoding_slow.py, which knows Go's words for it, takes over.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

from statelab.controlplane import quantity
from statelab.controlplane.apiserver.encoding import go_types, json_schemas
from statelab.controlplane.apiserver.encoding.go_types import GoField
from statelab.reader import jsonbytes

Decoder = Callable[[Any], Any]


class Unusual(Exception):
    """The value is not what a careful client sends: wrong type, unknown field, odd number."""


class _Empty:
    """Stands for "leave this field out"."""


EMPTY = _Empty()

RFC3339 = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})T(\d{1,2}):(\d{2}):(\d{2})(?:[.,](\d+))?(?:Z|([+-])(\d{2}):(\d{2}))", re.ASCII
)


@cache
def decoder(definition: str) -> Decoder:
    """The decoder of a struct's definition. Returns a new dict; raises Unusual."""
    fields: dict[str, Decoder] = {}
    fill: list[tuple[str, Callable[[], Any]]] = []
    for field in go_types.fields_of(definition):
        fields[field.json] = _field_decoder(field)
        if not field.may_be_left_out:
            fill.append((field.json, zero_maker(field)))
    find = fields.get

    def decode(value: Any) -> Any:
        if type(value) is not dict:
            raise Unusual
        out: dict[str, Any] = {}
        for key, given in value.items():
            one = find(key)
            if one is None:
                raise Unusual
            if given is not None:
                made = one(given)
                if made is not EMPTY:
                    out[key] = made
        for key, make in fill:
            if key not in out:
                out[key] = make()
        return out

    return decode


def zero_maker(field: GoField) -> Callable[[], Any]:
    """Makes what Go writes for a field that was not given and is never left out."""
    if field.pointer or field.kind in ("slice", "map", "bytes", "time", "micro-time", "raw"):
        return lambda: None
    if field.kind == "struct":
        definition = field.definition
        return lambda: decoder(definition)({})
    zero = {"string": "", "bool": False, "quantity": "0"}.get(field.kind, 0)
    return lambda: zero


def _field_decoder(field: GoField) -> Decoder:
    drops = field.drops_empty
    if field.go_type == json_schemas.GO_TYPE:
        return _json_schema
    if field.kind == "struct":
        return _struct(field.definition)
    if field.kind == "slice":
        return _slice(field, drops)
    if field.kind == "map":
        one = _struct(field.definition) if field.element_kind == "struct" else _scalar(field.element_kind, False)
        return _map(one, field.element_kind, drops)
    return _scalar(field.kind, drops)


def _struct(definition: str) -> Decoder:
    made: list[Decoder] = []

    def struct(value: Any) -> Any:
        if not made:
            made.append(decoder(definition))
        return made[0](value)

    return struct


def _slice(field: GoField, drops: bool) -> Decoder:
    if field.element_kind == "struct":
        one_struct = _struct(field.definition)

        def structs(value: Any) -> Any:
            if type(value) is not list:
                raise Unusual
            return [one_struct(item) for item in value] if value or not drops else EMPTY

        return structs
    if field.element_kind == "string":

        def strings(value: Any) -> Any:
            if type(value) is not list:
                raise Unusual
            for item in value:
                if type(item) is not str:
                    raise Unusual
            return value[:] if value or not drops else EMPTY

        return strings
    one = _scalar(field.element_kind, False)

    def scalars(value: Any) -> Any:
        if type(value) is not list:
            raise Unusual
        return [one(item) for item in value] if value or not drops else EMPTY

    return scalars


def _map(one: Decoder, kind: str, drops: bool) -> Decoder:
    if kind == "string":

        def strings(value: Any) -> Any:
            if type(value) is not dict:
                raise Unusual
            for item in value.values():
                if type(item) is not str:
                    raise Unusual
            return dict(value) if value or not drops else EMPTY

        return strings

    def decode(value: Any) -> Any:
        if type(value) is not dict:
            raise Unusual
        return {key: one(item) for key, item in value.items()} if value or not drops else EMPTY

    return decode


def _scalar(kind: str, drops: bool) -> Decoder:
    if kind == "string":

        def string(value: Any) -> Any:
            if type(value) is not str:
                raise Unusual
            return value if value or not drops else EMPTY

        return string
    if kind == "bool":

        def boolean(value: Any) -> Any:
            if type(value) is not bool:
                raise Unusual
            return value if value or not drops else EMPTY

        return boolean
    if kind in ("int32", "int64"):
        limit = 2 ** (31 if kind == "int32" else 63)

        def integer(value: Any) -> Any:
            if type(value) is not int or not -limit <= value < limit:
                raise Unusual
            return value if value or not drops else EMPTY

        return integer
    return {
        "quantity": _quantity,
        "int-or-string": _int_or_string,
        "time": _time,
        "micro-time": _micro_time,
        "bytes": _bytes,
        "raw": _raw,
    }[kind]


def _quantity(value: Any) -> Any:
    if type(value) is int:
        value = str(value)
    if type(value) is not str:
        raise Unusual
    try:
        return quantity.parse(value).text
    except ValueError:
        raise Unusual from None


def _int_or_string(value: Any) -> Any:
    if type(value) is str or (type(value) is int and -(2**31) <= value < 2**31):
        return value
    raise Unusual


def _time(value: Any) -> Any:
    # The common case is the API server's own form, which needs a look at its numbers all the same.
    try:
        return time_text(value, 0)
    except (ValueError, TypeError, OverflowError):
        raise Unusual from None


def _micro_time(value: Any) -> Any:
    try:
        return time_text(value, 6)
    except (ValueError, TypeError, OverflowError):
        raise Unusual from None


def time_text(value: str, digits: int) -> str:
    """An RFC 3339 time as metav1.Time (`digits` 0) or MicroTime (6) writes it: in UTC. Raises ValueError."""
    if len(value) > _LONGEST_TIME:
        raise ValueError("too long for a time")
    return _time_text(value, digits)


_LONGEST_TIME = 128


@lru_cache(maxsize=1024)
def _time_text(value: str, digits: int) -> str:
    match = RFC3339.fullmatch(value)
    if match is None:
        raise ValueError(value)
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = match.groups()
    moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    if sign:
        if int(hours) > 24 or int(minutes) > 60:
            raise ValueError(value)
        offset = (int(hours) * 60 + int(minutes)) * 60 * (1 if sign == "+" else -1)
        moment = datetime.fromtimestamp(moment.timestamp() - offset, UTC)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    return f"{text}.{(fraction or '')[:digits].ljust(digits, '0')}Z" if digits else f"{text}Z"


def _bytes(value: Any) -> Any:
    if type(value) is not str:
        raise Unusual
    try:
        return binascii.b2a_base64(binascii.a2b_base64(value, strict_mode=True), newline=False).decode()
    except (binascii.Error, ValueError):
        raise Unusual from None


def _json_schema(value: Any) -> Any:
    made = json_schemas.read_faultless(_raw(value)) if type(value) is dict else None
    if made is None:
        raise Unusual
    return made


def _raw(value: Any) -> Any:
    try:
        jsonbytes.dumps(value)  # nested too deep to be stored, or not JSON
    except (TypeError, RecursionError):
        raise Unusual from None
    return value
