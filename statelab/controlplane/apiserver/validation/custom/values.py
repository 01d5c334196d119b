"""A custom object against its schema, in the words that kube-openapi has for what is wrong.

Source: k8s.io/kube-openapi/pkg/validation/validate, apiextensions-apiserver/pkg/apiserver/validation/validation.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from statelab.controlplane.apiserver.encoding.decoding import RFC3339
from statelab.controlplane.apiserver.validation.custom.cel.patterns import pattern
from statelab.controlplane.apiserver.validation.custom.cel.values import CelError
from statelab.controlplane.apiserver.validation.custom.structural import Schema
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    duplicate,
    in_order,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)
from statelab.controlplane.errors import FieldError
from statelab.controlplane.syntax import parse_cidr, parse_ip

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_LONGEST_MATCHED = 100_000


ABSENT: Any = object()


def validate(value: Any, schema: Schema, path: str = "", old: Any = ABSENT) -> Errors:
    """What is wrong with a value; empty when nothing is.

    What is wrong already and has not changed is let be: `old` is the value before the change, where there was one.
    Source: apiextensions-apiserver/pkg/apiserver/validation/ratcheting.go.
    """
    errors = _validate(value, schema, path, old)
    return [] if errors and old is not ABSENT and old == value else errors


def _validate(value: Any, schema: Schema, path: str, old: Any) -> Errors:
    if value is None and schema.get("nullable"):
        return []
    errors = _type(value, schema, path)
    if errors:
        return errors
    if isinstance(value, dict):
        errors += _object(value, schema, path, old)
    elif isinstance(value, list):
        errors += _array(value, schema, path, old)
    elif isinstance(value, str):
        errors += _text(value, schema, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        errors += _number(value, schema, path)
    allowed = schema.get("enum")
    if allowed is not None and not any(value == each and type(value) is type(each) for each in allowed):
        errors.append(not_supported(path, value, [each if isinstance(each, str) else str(each) for each in allowed]))
    return errors + _combined(value, schema, path)


def go_type(value: Any) -> str:
    """A JSON value's type, as OpenAPI names it."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, float):
        return "number"
    found = {int: "integer", str: "string", list: "array", dict: "object"}
    return next((name for kind, name in found.items() if isinstance(value, kind)), "null")


def _type(value: Any, schema: Schema, path: str) -> Errors:
    if schema.get("x-kubernetes-int-or-string"):
        fits = go_type(value) in ("integer", "string")
        return [] if fits else [_mistyped(path, go_type(value), "integer,string")]
    wanted, found = schema.get("type"), go_type(value)
    if not wanted or found == wanted or (wanted == "number" and found == "integer"):
        return []
    if wanted == "integer" and found == "number" and float(value).is_integer():
        return []
    return [_mistyped(path, found, wanted)]


def _mistyped(path: str, found: str, wanted: str) -> FieldError:
    message = f'Invalid value: "{found}": {path} in body must be of type {wanted}: "{found}"'
    return FieldError(path or "<nil>", "FieldValueTypeInvalid", message)


def _object(value: Fields, schema: Schema, path: str, old: Any) -> Errors:
    errors: Errors = []
    most, least = schema.get("maxProperties"), schema.get("minProperties")
    if most is not None and len(value) > most:
        errors.append(too_many(path, len(value), most))
    if least is not None and len(value) < least:
        errors.append(invalid(path, in_order(value), f"{path} in body should have at least {least} properties"))
    properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
    for name in sorted(value):
        below = properties.get(name, others)
        if isinstance(below, dict):
            before = old.get(name, ABSENT) if isinstance(old, dict) else ABSENT
            errors += validate(value[name], below, f"{path}.{name}" if path else name, before)
    for name in schema.get("required") or ():
        if name not in value:
            errors.append(required(f"{path}.{name}" if path else name))
    return errors


def _array(value: list[Any], schema: Schema, path: str, old: Any) -> Errors:
    errors: Errors = []
    items = schema.get("items")
    if isinstance(items, dict):
        for index, each in enumerate(value):
            errors += validate(each, items, f"{path}[{index}]", same_element(each, old, schema))
    most, least = schema.get("maxItems"), schema.get("minItems")
    if least is not None and len(value) < least:
        errors.append(invalid(path, in_order({"": value})[4:-1], f"{path} in body should have at least {least} items"))
    if most is not None and len(value) > most:
        errors.append(too_many(path, len(value), most))
    return errors


def same_element(element: Any, old: Any, schema: Schema) -> Any:
    """The old element that a new one of a keyed list is compared with; in other lists there is none: ABSENT."""
    keys = schema.get("x-kubernetes-list-map-keys")
    if schema.get("x-kubernetes-list-type") != "map" or not keys or not isinstance(old, list):
        return ABSENT
    if not isinstance(element, dict):
        return ABSENT
    wanted = [element.get(key) for key in keys]
    found = (each for each in old if isinstance(each, dict) and [each.get(key) for key in keys] == wanted)
    return next(found, ABSENT)


def repeated(value: Any, schema: Schema, path: str = "") -> Errors:
    """What is twice in lists that are sets or maps. Source: pkg/apiserver/schema/listtype/validation.go."""
    errors: Errors = []
    if isinstance(value, list):
        errors += _unique(value, schema, path)
        if isinstance(schema.get("items"), dict):
            for index, each in enumerate(value):
                errors += repeated(each, schema["items"], f"{path}[{index}]")
    elif isinstance(value, dict):
        properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
        for name in sorted(value):
            below = properties.get(name, others)
            if isinstance(below, dict):
                errors += repeated(value[name], below, f"{path}.{name}" if path else name)
    return errors


def _unique(value: list[Any], schema: Schema, path: str) -> Errors:
    """What x-kubernetes-list-type promises."""
    kind, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or []
    if kind not in ("set", "map"):
        return []
    errors: Errors = []
    seen: list[Any] = []
    known: set[str] = set()
    for index, each in enumerate(value):
        defaults = ((schema.get("items") or {}).get("properties")) or {}
        told = each
        if kind == "map" and isinstance(each, dict):
            told = {key: each.get(key, (defaults.get(key) or {}).get("default")) for key in keys}
        mark = repr(told)
        if mark in known or told in seen:
            errors.append(duplicate(f"{path}[{index}]", told if kind == "set" else in_order(told)))
        known.add(mark)
    return errors


def _text(value: str, schema: Schema, path: str) -> Errors:
    errors: Errors = []
    most, least = schema.get("maxLength"), schema.get("minLength")
    if most is not None and len(value) > most:
        errors.append(too_long(path, most))
    if least is not None and len(value) < least:
        errors.append(invalid(path, value, f"{path} in body should be at least {least} chars long"))
    written = schema.get("pattern")
    if written and not _matches(value, written):
        errors.append(invalid(path, value, f"{path} in body should match '{written}'"))
    check = _FORMATS.get(schema.get("format") or "")
    if check is not None and not check(value):
        message = f'Invalid value: "{value}": {path} in body must be of type {schema["format"]}: "{value}"'
        errors.append(FieldError(path, "FieldValueInvalid", message))
    return errors


def _matches(value: str, written: str) -> bool:
    try:
        return len(value) <= _LONGEST_MATCHED and pattern(written).search(value) is not None
    except CelError:  # refused when the definition was made, or older than that check
        return False


def _number(value: int | float, schema: Schema, path: str) -> Errors:
    errors: Errors = []
    most, least, step = schema.get("maximum"), schema.get("minimum"), schema.get("multipleOf")
    if most is not None:
        exclusive = schema.get("exclusiveMaximum")
        if value > most or (exclusive and value == most):
            words = f"should be less than {'' if exclusive else 'or equal to '}{_shown(most)}"
            errors.append(invalid(path, value, f"{path} in body {words}"))
    if least is not None:
        exclusive = schema.get("exclusiveMinimum")
        if value < least or (exclusive and value == least):
            words = f"should be greater than {'' if exclusive else 'or equal to '}{_shown(least)}"
            errors.append(invalid(path, value, f"{path} in body {words}"))
    if step and abs(value / step - round(value / step)) > 1e-9:
        errors.append(invalid(path, value, f"{path} in body should be a multiple of {_shown(step)}"))
    if schema.get("format") in ("int32", "int64") and isinstance(value, int):
        bits = 31 if schema["format"] == "int32" else 63
        if not -(2**bits) <= value < 2**bits:
            errors.append(invalid(path, value, f'{path} in body must be of type {schema["format"]}: "{value}"'))
    return errors


def _shown(number: int | float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def _combined(value: Any, schema: Schema, path: str) -> Errors:
    """allOf, anyOf, oneOf and not."""
    errors: Errors = []
    shown = in_order(value) if isinstance(value, dict) else value
    for each in schema.get("allOf") or ():
        errors += validate(value, each, path)
    if schema.get("allOf") and errors:
        errors.append(invalid(path or "<nil>", shown, f'"{path}" must validate all the schemas (allOf)'))
    if schema.get("anyOf") and not any(not validate(value, each, path) for each in schema["anyOf"]):
        errors.append(invalid(path or "<nil>", shown, f'"{path}" must validate at least one schema (anyOf)'))
    if schema.get("oneOf"):
        count = sum(not validate(value, each, path) for each in schema["oneOf"])
        if count != 1:
            found = "Found none valid" if not count else f"Found {count} valid alternatives"
            words = f'"{path}" must validate one and only one schema (oneOf). {found}'
            errors.append(invalid(path or "<nil>", shown, words))
    if schema.get("not") and not validate(value, schema["not"], path):
        errors.append(invalid(path or "<nil>", shown, f'"{path}" must not validate the schema (not)'))
    return errors


_GO_DURATION = re.compile(r"[-+]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)")
_DURATION = re.compile(  # a number and a word that begins with a unit's last name, or is another of its names
    r"(?i)\d+\s*(?:(?:nano|micro|milli|sec|min|hour|day|wk)[a-zµ]*|(?:ns|us|µs|ms|s|m|h|hr|d|w|week)(?![a-zµ]))"
)

_FORMATS: dict[str, Callable[[str], bool]] = {
    "date-time": lambda text: RFC3339.fullmatch(text) is not None,
    "date": lambda text: re.fullmatch(r"\d{4}-\d\d-\d\d", text) is not None,
    "ipv4": lambda text: "." in text and parse_ip(text) is not None,
    "ipv6": lambda text: ":" in text and parse_ip(text) is not None,
    "cidr": lambda text: parse_cidr(text) is not None,
    "mac": lambda text: re.fullmatch(r"(?i)[0-9a-f]{2}([:-][0-9a-f]{2}){5}", text) is not None,
    "uri": lambda text: re.fullmatch(r"/[^\s]*|[A-Za-z][A-Za-z0-9+.-]*:[^\s]+", text) is not None,
    "duration": lambda text: _GO_DURATION.fullmatch(text) is not None or _DURATION.search(text) is not None,
    "uuid": lambda text: re.fullmatch(r"(?i)[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", text) is not None,
    "email": lambda text: re.fullmatch(r"[^@\s]+@[^@\s]+", text) is not None,
    "byte": lambda text: (
        re.fullmatch(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", text) is not None
    ),
}
