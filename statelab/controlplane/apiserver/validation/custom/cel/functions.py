"""CEL's operators and functions, with those that Kubernetes adds (lists, regular expressions, URLs, IPs, quantities).

Source: cel-spec langdef.md, apiserver/pkg/cel/library (lists.go, regex.go, urls.go, quantity.go, ip.go, cidr.go).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

try:
    import re2
except ImportError:  # no wheel for this machine, or a browser
    re2 = None
from statelab.controlplane import quantity
from statelab.controlplane.clock import seconds

Spend = Callable[[int], None]
_LARGEST, _SMALLEST = 2**63 - 1, -(2**63)
_MOST_RESULT = 1_000_000
# What backtracks without end in Python's engine and is linear in RE2: a repeated group that repeats itself.
_INSIDE = r"(?:[^()\\]|\\.)*"
_NESTED_REPEAT = re.compile(rf"\({_INSIDE}(?:[+*}}]|\|){_INSIDE}\)[+*{{]|[+*}}]\)?[^()|]*\)[+*{{]")
_MOST_MATCHED = 100_000


class CelError(Exception):
    """The expression comes to nothing for these values."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A resource.Quantity, in billionths."""

    nanos: int


@dataclass(frozen=True, slots=True)
class Optional:
    """A value that need not be there: `oldSelf` of a rule with optionalOldSelf. Source: cel-go, OptionalTypes."""

    has_value: bool
    value: Any = None


class Extension:
    """A value of a library: what it is called upon it answers itself (an authorizer, say)."""

    def member(self, name: str) -> Any:
        """Raises CelError for what it does not have."""
        raise CelError(f"no such key: {name}")

    def call(self, name: str, arguments: list[Any]) -> Any:
        """Raises CelError for what it does not have."""
        raise CelError("no such overload")


_ESCAPED = {"__underscores__": "__", "__dot__": ".", "__dash__": "-", "__slash__": "/"}


def unescaped(name: str) -> str:
    """A property's name as it stands in the object: CEL names escape what they cannot hold."""
    if "__" not in name:
        return name
    reserved = re.fullmatch(r"__(\w+?)__", name)
    if reserved and name not in _ESCAPED:
        return reserved[1]
    return re.sub("__(?:underscores|dot|dash|slash)__", lambda found: _ESCAPED[found[0]], name)


def type_name(value: Any) -> str:
    for kind, name in ((bool, "bool"), (int, "int"), (float, "double"), (str, "string"), (list, "list"), (dict, "map")):
        if isinstance(value, kind):
            return name
    return "null_type" if value is None else type(value).__name__.lower()


def size_of(value: Any) -> int:
    return len(value) if isinstance(value, str | list | dict | bytes) else 1


def a_number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CelError("no such overload")
    return value


def number(value: int | float) -> int | float:
    if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
        raise CelError("integer overflow")
    return value


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


@lru_cache(maxsize=512)
def pattern(text: str) -> Any:
    """A regular expression of a stranger, to be searched with. Raises CelError for one that is none.

    RE2, as the real server's: whatever is matched takes time that grows with the text. Where there is no RE2 (in a
    browser) a pattern that might take for ever is not taken.
    """
    if len(text) > 1_000:
        raise CelError("statelab: the pattern is too long")
    if re2 is not None:
        try:
            return re2.compile(text, _quiet())
        except re2.error as error:
            raise CelError(f"error parsing regexp: {_in_go(error, text)}") from None
    if _NESTED_REPEAT.search(text) or re.search(r"\(\?[=!<]|\\[1-9]", text):
        raise CelError(f"statelab: the pattern {text[:60]!r} is not taken here: it might take for ever")
    try:
        return re.compile(re.sub(r"(?<!\\)\\z", r"\\Z", text), re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise CelError(f"error parsing regexp: {error}") from None


# RE2's words for what is wrong, and those of Go's regexp/syntax, where they differ.
_GO_WORDS = {
    "missing ]": "missing closing ]", "missing )": "missing closing )", "unexpected )": "unexpected )",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator", "invalid repetition size": "invalid repeat count",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "trailing \\": "trailing backslash at end of expression",
}  # fmt: skip


def _in_go(error: Exception, text: str) -> str:
    said = error.args[0] if error.args else ""
    words, _, where = (said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)).partition(": ")
    return f"{_GO_WORDS.get(words, words)}: `{text if words in ('missing )', 'unexpected )') else where}`"


def _quiet() -> Any:
    options = re2.Options()
    options.log_errors = False
    return options


def matches(text: str, written: str, spend: Spend) -> bool:
    spend(len(text) // 10 + len(written))
    if len(text) > _MOST_MATCHED:
        raise CelError("statelab: the text is too long to be matched")
    return pattern(written).search(text) is not None


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
            return _quantity(text)
        case "isQuantity", [str() as text]:
            return _is(lambda: _quantity(text))
        case "isURL", [str() as text]:
            return _is(lambda: _url(text))
        case "url", [str() as text]:
            return _url(text)
        case "isIP", [str() as text]:
            return _is(lambda: ipaddress.ip_address(text))
        case "ip", [str() as text]:
            return _or_error(lambda: ipaddress.ip_address(text), "IP Address", text)
        case "isCIDR", [str() as text]:
            return "/" in text and _is(lambda: ipaddress.ip_network(text, strict=False))
        case "cidr", [str() as text]:
            return _or_error(lambda: ipaddress.ip_network(text, strict=False), "network address", text)
        case "duration", [str() as text]:
            return _duration(text)
        case "timestamp", [str() as text]:
            return _or_error(lambda: seconds(text), "timestamp", text)
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
        return _quantity_method(name, owner, rest)
    if isinstance(owner, Optional):
        return _optional_method(name, owner, rest)
    if isinstance(owner, Extension):
        return owner.call(name, rest)
    if isinstance(owner, ipaddress.IPv4Address | ipaddress.IPv6Address) and not rest:
        return _named(
            {"family": owner.version, "isLoopback": owner.is_loopback, "isUnspecified": owner.is_unspecified}, name
        )
    if isinstance(owner, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return _network_method(name, owner, rest)
    if isinstance(owner, _Url) and not rest:
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


def _named(found: dict[str, Any], name: str) -> Any:
    if name not in found:
        raise CelError("no such overload")
    return found[name]


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
            found = pattern(written).search(owner[:_MOST_MATCHED])
            return found.group() if found else ""
        case "findAll", [str() as written]:
            spend(len(owner) // 10)
            return [each.group() for each in pattern(written).finditer(owner[:_MOST_MATCHED])]
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


# ---- Kubernetes' types


def _quantity(text: str) -> Quantity:
    try:
        return Quantity(quantity.parse(text).nanos)
    except ValueError as error:
        raise CelError(f"quantity: {error}") from None


def _quantity_method(name: str, owner: Quantity, rest: list[Any]) -> Any:
    match name, rest:
        case "sign", []:
            return (owner.nanos > 0) - (owner.nanos < 0)
        case "isInteger", []:
            return owner.nanos % 10**9 == 0
        case "asInteger", [] if owner.nanos % 10**9 == 0:
            return number(owner.nanos // 10**9)
        case "asApproximateFloat", []:
            return owner.nanos / 1e9
        case "isGreaterThan", [Quantity() as other]:
            return owner.nanos > other.nanos
        case "isLessThan", [Quantity() as other]:
            return owner.nanos < other.nanos
        case "compareTo", [Quantity() as other]:
            return (owner.nanos > other.nanos) - (owner.nanos < other.nanos)
        case "add", [Quantity() as other]:
            return Quantity(owner.nanos + other.nanos)
        case "sub", [Quantity() as other]:
            return Quantity(owner.nanos - other.nanos)
        case (("add" | "sub"), [int() as other]):
            return Quantity(owner.nanos + (other if name == "add" else -other) * 10**9)
    raise CelError("no such overload")


def _network_method(name: str, owner: Any, rest: list[Any]) -> Any:
    match name, rest:
        case "containsIP", [value]:
            address = value if not isinstance(value, str) else call("ip", [value], lambda _: None)
            return address in owner
        case "containsCIDR", [value]:
            inner = value if not isinstance(value, str) else call("cidr", [value], lambda _: None)
            return bool(owner.version == inner.version and inner.subnet_of(owner))
        case "prefixLength", []:
            return owner.prefixlen
        case "ip", []:
            return owner.network_address
        case "masked", []:
            return owner
    raise CelError("no such overload")


class _Url:
    def __init__(self, text: str) -> None:
        self._parts = urlsplit(text)

    def part(self, name: str) -> Any:
        parts = self._parts
        port = str(parts.port) if parts.port is not None else ""
        host = f"{parts.hostname or ''}{':' if port else ''}{port}"
        found = {
            "getScheme": parts.scheme, "getHost": host, "getHostname": parts.hostname or "", "getPort": port,
            "getEscapedPath": parts.path,
        }  # fmt: skip
        return _named(found, name)


def _url(text: str) -> _Url:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise CelError("URL parse error during conversion from string") from None
    if not (parts.scheme or text.startswith("/")) or " " in text:
        raise CelError("URL parse error during conversion from string")
    return _Url(text)


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


def _is(make: Callable[[], Any]) -> bool:
    try:
        make()
    except (ValueError, CelError):
        return False
    return True


def _or_error(make: Callable[[], Any], what: str, text: str) -> Any:
    try:
        return make()
    except (ValueError, LookupError):
        raise CelError(f"{what} parse error during conversion from string: {text[:60]}") from None
