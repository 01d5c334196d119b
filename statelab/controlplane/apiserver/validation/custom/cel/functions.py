"""CEL's operators and functions, with those that Kubernetes adds (of lists, and of its types: kubernetes.py).

Source: cel-spec langdef.md, apiserver/pkg/cel/library (lists.go, regex.go, urls.go, quantity.go, ip.go, cidr.go).
"""

from __future__ import annotations

import ipaddress
import re
from itertools import pairwise
from typing import Any

from statelab.controlplane.apiserver.validation.custom.cel import kubernetes, semver
from statelab.controlplane.apiserver.validation.custom.cel.patterns import MOST_MATCHED, matches, pattern
from statelab.controlplane.apiserver.validation.custom.cel.values import (
    CelError,
    Extension,
    Optional,
    Quantity,
    Spend,
    a_number,
    number,
    size_of,
    type_name,
)
from statelab.controlplane.clock import seconds

_MOST_RESULT = 1_000_000


# ---- operators


def operate(op: str, left: Any, right: Any) -> Any:
    if op in ("==", "!="):
        return equal(left, right) is (op == "==")
    if op == "in":
        return _in(left, right)
    if op in ("<", "<=", ">", ">="):
        return _ordered(op, left, right)
    if op == "+" and type(left) is type(right) and isinstance(left, str | list | bytes):
        if len(left) + len(right) > _MOST_RESULT:
            raise CelError("result too large")
        return left + right
    one, other = a_number(left), a_number(right)
    if type(one) is not type(other):
        raise CelError("no such overload")
    if op in ("/", "%") and other == 0 and isinstance(one, int):
        raise CelError("division by zero" if op == "/" else "modulus by zero")
    if op == "+":
        return number(one + other)
    if op == "-":
        return number(one - other)
    if op == "*":
        return number(one * other)
    if isinstance(one, float):
        if op == "%":
            raise CelError("no such overload")
        return one / other if other else float("inf") * (one or float("nan"))
    whole = abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)  # towards zero, as in Go
    return number(whole if op == "/" else one - whole * other)


def equal(left: Any, right: Any) -> bool:
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(equal(one, other) for one, other in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    return bool(left == right)


def _in(left: Any, right: Any) -> bool:
    if isinstance(right, list):
        return any(equal(left, each) for each in right)
    if isinstance(right, dict):
        return isinstance(left, str) and left in right
    raise CelError("no such overload")


def _ordered(op: str, left: Any, right: Any) -> bool:
    if not (isinstance(left, str) and isinstance(right, str)) and not (
        isinstance(left, bool) and isinstance(right, bool)
    ):
        left, right = a_number(left), a_number(right)
    return bool({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op])


# ---- functions


def call(name: str, arguments: list[Any], spend: Spend) -> Any:
    """A global function. Raises CelError."""
    match name, arguments:
        case "size", [str() | list() | dict() | bytes() as value]:
            return len(value)
        case "int", [bool()]:
            pass
        case "int", [int() | float() as value]:
            return number(int(value))
        case "int", [str() as text] if re.fullmatch(r"-?\d{1,19}", text):
            return number(int(text))
        case "uint", [int() as value] if value >= 0:
            return value
        case "double", [int() | float() | str() as value]:
            try:
                return float(value)
            except ValueError:
                raise CelError(f"type conversion error from 'string' to 'double': {str(value)[:40]}") from None
        case "string", [value]:
            return _text(value)
        case "bytes", [str() as text]:
            return text.encode()
        case "bool", [str() as text] if text in ("true", "false"):
            return text == "true"
        case "dyn", [value]:
            return value
        case "type", [value]:
            return type_name(value)
        case "matches", [str() as text, str() as written]:
            return matches(text, written, spend)
        case "quantity", [str() as text]:
            return kubernetes.quantity_of(text)
        case "isQuantity", [str() as text]:
            return kubernetes.is_one(lambda: kubernetes.quantity_of(text))
        case (("semver" | "isSemver"), _):
            return semver.function(name, arguments)
        case "isURL", [str() as text]:
            return kubernetes.is_one(lambda: kubernetes.url_of(text))
        case "url", [str() as text]:
            return kubernetes.url_of(text)
        case "isIP", [str() as text]:
            return kubernetes.is_one(lambda: ipaddress.ip_address(text))
        case "ip", [str() as text]:
            return kubernetes.address_of(text)
        case "isCIDR", [str() as text]:
            return "/" in text and kubernetes.is_one(lambda: ipaddress.ip_network(text, strict=False))
        case "cidr", [str() as text]:
            return kubernetes.network_of(text)
        case "duration", [str() as text]:
            return _duration(text)
        case "timestamp", [str() as text]:
            return kubernetes.or_error(lambda: seconds(text), "timestamp", text)
    raise CelError("no such overload")


def method(name: str, arguments: list[Any], spend: Spend) -> Any:
    """A member function: the first argument is its owner. Raises CelError."""
    owner, *rest = arguments
    spend(size_of(owner) // 10)
    if isinstance(owner, str):
        return _text_method(name, owner, rest, spend)
    if isinstance(owner, list):
        return _list_method(name, owner, rest)
    if name == "size" and isinstance(owner, dict | bytes) and not rest:
        return len(owner)
    if isinstance(owner, Quantity):
        return kubernetes.quantity_method(name, owner, rest)
    if isinstance(owner, Optional):
        return _optional_method(name, owner, rest)
    if isinstance(owner, Extension):
        return owner.call(name, rest)
    if isinstance(owner, kubernetes.Address) and not rest:
        return kubernetes.named(
            {"family": owner.version, "isLoopback": owner.is_loopback, "isUnspecified": owner.is_unspecified}, name
        )
    if isinstance(owner, kubernetes.Network):
        return kubernetes.network_method(name, owner, rest)
    if isinstance(owner, kubernetes.Url) and not rest:
        return owner.part(name)
    raise CelError("no such overload")


def _optional_method(name: str, owner: Optional, rest: list[Any]) -> Any:
    match name, rest:
        case "hasValue", []:
            return owner.has_value
        case "value", []:
            if not owner.has_value:
                raise CelError("optional.none() dereference")
            return owner.value
        case "orValue", [other]:
            return owner.value if owner.has_value else other
        case "or", [Optional() as other]:
            return owner if owner.has_value else other
    raise CelError("no such overload")


def _text_method(name: str, owner: str, rest: list[Any], spend: Spend) -> Any:
    match name, rest:
        case "startsWith", [str() as other]:
            return owner.startswith(other)
        case "endsWith", [str() as other]:
            return owner.endswith(other)
        case "contains", [str() as other]:
            return other in owner
        case "matches", [str() as written]:
            return matches(owner, written, spend)
        case "size", []:
            return len(owner)
        case "format", [list() as values]:
            spend(len(owner))
            return _bounded(formatted(owner, values))
        case "lowerAscii", []:
            return owner.lower()
        case "upperAscii", []:
            return owner.upper()
        case "trim", []:
            return owner.strip()
        case "indexOf", [str() as other]:
            return owner.find(other)
        case "lastIndexOf", [str() as other]:
            return owner.rfind(other)
        case "charAt", [int() as index] if 0 <= index <= len(owner):
            return owner[index : index + 1]
        case "substring", [int() as first] if 0 <= first <= len(owner):
            return owner[first:]
        case "substring", [int() as first, int() as last] if 0 <= first <= last <= len(owner):
            return owner[first:last]
        case "replace", [str() as old, str() as new]:
            return _bounded(owner.replace(old, new, _MOST_RESULT // max(1, len(new))))
        case "replace", [str() as old, str() as new, int() as count]:
            return _bounded(owner.replace(old, new, min(count, 10_000)))
        case "split", [str() as separator]:
            return owner.split(separator) if separator else list(owner)
        case "split", [str() as separator, int() as most]:
            return owner.split(separator, most - 1) if separator and most > 0 else [] if most == 0 else list(owner)
        case "find", [str() as written]:
            spend(len(owner) // 10)
            found = pattern(written).search(owner[:MOST_MATCHED])
            return found.group() if found else ""
        case "findAll", [str() as written]:
            spend(len(owner) // 10)
            return [each.group() for each in pattern(written).finditer(owner[:MOST_MATCHED])]
    raise CelError("no such overload")


def formatted(template: str, values: list[Any]) -> str:
    """`"%s of %d".format([…])`. Source: cel-go ext/formatting.go."""
    left = list(values)

    def shown(match: re.Match[str]) -> str:
        if match[2] == "%":
            return "%"
        if not left:
            raise CelError("index out of range: format has more clauses than arguments")
        return _clause(match[2], match[1], left.pop(0))

    made = re.sub(r"%(\.\d{1,3})?(.)", shown, template)
    if left:
        raise CelError("too many arguments supplied to string.format")
    return made


def _clause(verb: str, precision: str | None, value: Any) -> str:
    if verb == "s":
        return _in_text(value)
    if verb == "d" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if verb in ("f", "e") and isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:{precision or '.6'}{verb}}"
    if verb in ("b", "o", "x", "X") and isinstance(value, int):
        return f"{value:{verb}}"
    raise CelError("no such overload")


def _in_text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_in_text, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_in_text(key)}: {_in_text(value[key])}" for key in sorted(value, key=str)) + "}"
    return "null" if value is None else _text(value)


def _bounded(text: str) -> str:
    if len(text) > _MOST_RESULT:
        raise CelError("result too large")
    return text


def _list_method(name: str, owner: list[Any], rest: list[Any]) -> Any:
    match name, rest:
        case "size", []:
            return len(owner)
        case "isSorted", []:
            return all(_ordered("<=", one, other) for one, other in pairwise(owner))
        case "sum", []:
            return number(sum(a_number(each) for each in owner))
        case (("min" | "max"), []) if owner:
            best = owner[0]
            for each in owner[1:]:
                best = each if _ordered("<" if name == "min" else ">", each, best) else best
            return best
        case "indexOf", [wanted]:
            return next((at for at, each in enumerate(owner) if equal(each, wanted)), -1)
        case "lastIndexOf", [wanted]:
            return next((at for at in range(len(owner) - 1, -1, -1) if equal(owner[at], wanted)), -1)
        case "join", []:
            return _bounded("".join(_strings(owner)))
        case "join", [str() as separator]:
            return _bounded(separator.join(_strings(owner)))
        case "sort", []:
            _list_method("isSorted", owner, [])
            return sorted(owner)
    raise CelError("no such overload")


def _strings(values: list[Any]) -> list[str]:
    if not all(isinstance(each, str) for each in values):
        raise CelError("no such overload")
    return values


def _duration(text: str) -> float:
    if not re.fullmatch(r"-?(\d+(\.\d+)?(ns|us|ms|s|m|h))+", text):
        raise CelError("type conversion error from 'string' to 'google.protobuf.Duration'")
    units = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
    total = sum(float(each[0]) * units[each[2]] for each in re.findall(r"(\d+(\.\d+)?)(ns|us|ms|s|m|h)", text))
    return -total if text.startswith("-") else total


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, ipaddress.IPv4Address | ipaddress.IPv6Address | ipaddress.IPv4Network | ipaddress.IPv6Network):
        return str(value)
    raise CelError("no such overload")
