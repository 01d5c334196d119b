"""Decoding that finds fault as Go does: the first value that does not fit, and every unknown or repeated field.

Works on what go_json.parse gives (Pairs, Number) and on plain dicts alike. Slow and exact; decoding.py is the fast way.
Source: encoding/json decode.go, sigs.k8s.io/json.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable
from typing import Any

from statelab.controlplane import quantity
from statelab.controlplane.apiserver.encoding import go_json, go_types, json_schemas
from statelab.controlplane.apiserver.encoding.decoding import EMPTY, time_text, zero_maker
from statelab.controlplane.apiserver.encoding.go_json import Number, Pairs
from statelab.controlplane.apiserver.encoding.go_types import GoField
from statelab.reader import jsonbytes

_MOST_STRICT_ERRORS = 100  # the decoder stops collecting there
_NULL_IS_A_VALUE = frozenset({"quantity", "int-or-string", "bytes"})


class Findings:
    """What is wrong: `error`, the first value that does not fit; `strict`, unknown and repeated fields in order."""

    def __init__(self) -> None:
        self.error: str | None = None
        self.strict: list[str] = []

    def wrong(self, message: str) -> None:
        if self.error is None:
            self.error = message

    def strictly(self, what: str, path: str) -> None:
        message = f"{what} {go_json.go_quote(path)}"
        if len(self.strict) < _MOST_STRICT_ERRORS and message not in self.strict:
            self.strict.append(message)


def decode(definition: str, value: Any) -> tuple[dict[str, Any], Findings]:
    """The struct of that definition in normal form, and what is wrong with the value."""
    findings = Findings()
    walk = _Walk(findings)
    if value is None:
        value = {}
    if not isinstance(value, (Pairs, dict)):
        findings.wrong(f"json: cannot unmarshal {kind_of(value)} into Go value of type {go_types.go_name(definition)}")
        value = {}
    return walk.struct(definition, value, (), ""), findings


def kind_of(value: Any) -> str:
    """JSON's name for a value's type, as Go's messages give it."""
    if isinstance(value, (Pairs, dict)):
        return "object"
    if isinstance(value, list):
        return "array"
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, (Number, int, float)) else "string"


def _items(value: Any) -> Iterable[tuple[str, Any]]:
    return value if isinstance(value, Pairs) else value.items()


class _Walk:
    """`fields` is the path without indices, as type errors give it; `path` the one with them, as strict errors do."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def struct(self, definition: str, value: Any, fields: tuple[str, ...], path: str) -> dict[str, Any]:
        known = {field.json: field for field in go_types.fields_of(definition)}
        owner = definition.rsplit(".", 1)[1]
        out: dict[str, Any] = {}
        seen: set[str] = set()
        for key, given in _items(value):
            here = f"{path}.{key}" if path else key
            field = known.get(key)
            if field is None:
                self.findings.strictly("unknown field", here)
                continue
            if key in seen:
                self.findings.strictly("duplicate field", here)
            seen.add(key)
            out.pop(key, None)
            made = self.field(field, given, owner, (*fields, key), here)
            if made is not EMPTY:
                out[key] = made
        for field in known.values():
            if field.json not in out and not field.may_be_left_out:
                out[field.json] = zero_maker(field)()
        return out

    def field(self, field: GoField, value: Any, owner: str, fields: tuple[str, ...], path: str) -> Any:
        where = (owner, fields)
        if value is None and (field.pointer or field.kind not in _NULL_IS_A_VALUE):
            return EMPTY
        if field.go_type == json_schemas.GO_TYPE:
            if not isinstance(value, (Pairs, dict)):
                return self.mismatch(value, field.go_type, where)
            made = self.raw(value)  # nested too deep to be stored
            return EMPTY if made is EMPTY else json_schemas.read(value, self.findings, fields, path)
        if field.kind == "struct":
            if not isinstance(value, (Pairs, dict)):
                return self.mismatch(value, field.go_type, where)
            return self.struct(field.definition, value, fields, path)
        if field.kind == "slice":
            made = self.slice(field, value, where, fields, path)
        elif field.kind == "map":
            made = self.map(field, value, where, fields, path)
        else:
            made = self.scalar(field.kind, field.go_type, value, where)
        if field.drops_empty and isinstance(made, (str, int, list, dict)) and not made:
            return made if field.kind in ("int-or-string", "quantity", "raw") else EMPTY
        return made

    def slice(self, field: GoField, value: Any, where: tuple[str, tuple[str, ...]], fields: Any, path: str) -> Any:
        if not isinstance(value, list) or isinstance(value, Pairs):
            return self.mismatch(value, field.go_type, where)
        out = []
        for index, item in enumerate(value):
            here = f"{path}[{index}]"
            if field.element_kind == "struct":
                out.append(self.element(field, item, where, fields, here))
            else:
                made = self.scalar(field.element_kind, field.element, item, where)
                out.append(_ZERO.get(field.element_kind, "") if made is EMPTY else made)
        return out

    def element(self, field: GoField, item: Any, where: tuple[str, tuple[str, ...]], fields: Any, path: str) -> Any:
        if item is not None and not isinstance(item, (Pairs, dict)):
            self.mismatch(item, field.element, where)
            item = None
        return self.struct(field.definition, item or {}, fields, path)

    def map(self, field: GoField, value: Any, where: tuple[str, tuple[str, ...]], fields: Any, path: str) -> Any:
        if not isinstance(value, (Pairs, dict)):
            return self.mismatch(value, field.go_type, where)
        out: dict[str, Any] = {}
        for key, item in _items(value):
            if key in out:
                self.findings.strictly("duplicate field", f"{path}.{key}")
            if field.element_kind == "struct":
                out[key] = self.element(field, item, where, fields, f"{path}.{key}")
                continue
            made = self.scalar(field.element_kind, field.element, item, where)
            out[key] = _ZERO.get(field.element_kind, "") if made is EMPTY else made
        return out

    def mismatch(self, value: Any, go_type: str, where: tuple[str, tuple[str, ...]], number: str = "") -> Any:
        owner, fields = where
        what = f"number {number}" if number else kind_of(value)
        self.findings.wrong(
            f"json: cannot unmarshal {what} into Go struct field {owner}.{'.'.join(fields)} of type {go_type}"
        )
        return EMPTY

    def scalar(self, kind: str, go_type: str, value: Any, where: tuple[str, tuple[str, ...]]) -> Any:
        if kind == "quantity":
            return self.quantity(value)
        if kind == "int-or-string":
            return self.int_or_string(value)
        if kind in ("time", "micro-time"):
            return EMPTY if value is None else self.time(value, 6 if kind == "micro-time" else 0)
        if kind == "raw":
            return self.raw(value)
        if value is None:
            return EMPTY
        if kind == "bytes":
            return self.bytes(value, where)
        if kind in ("int32", "int64"):
            if kind_of(value) != "number":
                return self.mismatch(value, go_type, where)
            text = _number_text(value)
            if not re.fullmatch(r"-?[0-9]{1,19}", text):
                return self.mismatch(value, go_type, where, text)
            limit = 2 ** (31 if kind == "int32" else 63)
            return int(text) if -limit <= int(text) < limit else self.mismatch(value, go_type, where, text)
        if kind_of(value) != kind:  # string, bool
            return self.mismatch(value, go_type, where)
        return value

    def quantity(self, value: Any) -> Any:
        if value is None:
            return "0"
        text = value if isinstance(value, str) else _number_text(value) if kind_of(value) == "number" else "?"
        try:
            return quantity.parse(text.strip()).text
        except ValueError as error:
            self.findings.wrong(str(error))
            return "0"

    def int_or_string(self, value: Any) -> Any:
        if value is None:
            return 0
        if isinstance(value, str) and not isinstance(value, Number):
            return value
        what = kind_of(value)
        if what == "number":
            text = _number_text(value)
            if re.fullmatch(r"-?[0-9]{1,10}", text) and -(2**31) <= int(text) < 2**31:
                return int(text)
            what = f"number {text}"
        self.findings.wrong(f"json: cannot unmarshal {what} into Go value of type int32")
        return EMPTY

    def time(self, value: Any, digits: int) -> Any:
        if not isinstance(value, str) or isinstance(value, Number):
            self.findings.wrong(f"json: cannot unmarshal {kind_of(value)} into Go value of type string")
            return EMPTY
        try:
            return time_text(value, digits)
        except (ValueError, OverflowError):
            self.findings.wrong(time_error(value, "2006-01-02T15:04:05.000000Z07:00" if digits else _LAYOUT))
            return EMPTY

    def bytes(self, value: Any, where: tuple[str, tuple[str, ...]]) -> Any:
        if kind_of(value) != "string":
            return self.mismatch(value, "[]uint8", where)
        text = value.replace("\n", "").replace("\r", "")
        try:
            return binascii.b2a_base64(binascii.a2b_base64(text, strict_mode=True), newline=False).decode()
        except (binascii.Error, ValueError):
            self.findings.wrong(f"illegal base64 data at input byte {_bad_byte(value)}")
            return EMPTY

    def raw(self, value: Any) -> Any:
        try:
            made = go_json.plain(value)
            jsonbytes.dumps(made)
        except (ValueError, TypeError, RecursionError) as error:
            self.findings.wrong(str(error))
            return EMPTY
        return EMPTY if made is None else made


_ZERO: dict[str, Any] = {"bool": False, "int32": 0, "int64": 0, "quantity": "0", "time": None}
_LAYOUT = "2006-01-02T15:04:05Z07:00"
_LAYOUT_PARTS = (
    (r"\d{4}", "2006"),
    ("-", "-"),
    (r"\d{2}", "01"),
    ("-", "-"),
    (r"\d{2}", "02"),
    ("T", "T"),
    (r"\d{1,2}", "15"),
    (":", ":"),
    (r"\d{2}", "04"),
    (":", ":"),
    (r"\d{2}", "05"),
    (r"(?:[.,]\d+)?(?:Z|[+-]\d{2}:\d{2})", "Z07:00"),
)


def time_error(text: str, layout: str) -> str:
    """Go's words for a time that is none. Source: time/format.go ParseError."""
    at = 0
    for pattern, name in _LAYOUT_PARTS:
        match = re.compile(pattern, re.ASCII).match(text, at)
        if match is None:
            rest = go_json.go_quote(text[at:])
            return (
                f'parsing time {go_json.go_quote(text)} as {go_json.go_quote(layout)}: cannot parse {rest} as "{name}"'
            )
        at = match.end()
    if at < len(text):
        return f"parsing time {go_json.go_quote(text)}: extra text: {go_json.go_quote(text[at:])}"
    parts = [int(part) for part in re.findall(r"\d+", text)[:6]]
    for value, (low, high), name in zip(
        parts[1:],
        ((1, 12), (1, 31), (0, 23), (0, 59), (0, 59)),
        ("month", "day", "hour", "minute", "second"),
        strict=True,
    ):
        if not low <= value <= high:
            return f"parsing time {go_json.go_quote(text)}: {name} out of range"
    return f"parsing time {go_json.go_quote(text)}: day out of range"


def _number_text(value: Any) -> str:
    """A number as it was written, as far as that is still known."""
    if isinstance(value, Number):
        return str(value)
    return jsonbytes.dumps(value).decode() if isinstance(value, float) else str(value)


def _bad_byte(text: str) -> int:
    """Where Go's base64 decoder stops."""
    alphabet = re.compile(r"[A-Za-z0-9+/]*")
    match = alphabet.match(text)
    at = match.end() if match else 0
    if at == len(text):
        return len(text) - len(text) % 4 if len(text) % 4 else len(text)
    if text[at] == "=" and at % 4 == 2 and text[at : at + 2] != "==":
        return at + 1 if at + 1 < len(text) else len(text)
    if text[at] == "=" and at % 4 >= 2:
        return at + (2 if at % 4 == 2 else 1)
    return at
