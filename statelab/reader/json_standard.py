"""What orjson does, by the standard library: the same bytes out, the same values in, the same refusals.

It is several times slower, and it is there for CPython in a browser, for which there is no wheel of orjson. Only what
JSON itself has is written: orjson's extras (dataclasses, dates) are refused.
"""

from __future__ import annotations

import json
import math
import re
from json import JSONDecodeError
from typing import Any

OPT_APPEND_NEWLINE = 1024  # orjson's own numbers
OPT_INDENT_2 = 1
OPT_SORT_KEYS = 32
_LARGEST = 2**64 - 1
_SMALLEST = -(2**63)
_DEEPEST_WRITTEN = 254
_DEEPEST_READ = 1024
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

JSONEncodeError = TypeError  # orjson has it so


def loads(text: bytes | bytearray | memoryview | str, /) -> Any:
    """Read JSON. Raises JSONDecodeError, also for what is not UTF-8, nested too deep, or half of a character."""
    if not isinstance(text, str):
        try:
            text = bytes(text).decode("utf-8")
        except UnicodeDecodeError as error:
            raise JSONDecodeError(f"str is not valid UTF-8: {error.reason}", "", 0) from None
    if text.count("[") + text.count("{") > _DEEPEST_READ and _depth(text) > _DEEPEST_READ:
        raise JSONDecodeError("depth limit exceeded", text, 0)
    try:
        value = json.loads(text, parse_int=_integer, parse_float=_number, parse_constant=_refused)
        if not text.isascii() or _SURROGATE.search(text):
            _whole_characters(value)
    except (UnicodeEncodeError, OverflowError) as error:
        raise JSONDecodeError(str(error), text, 0) from None
    return value


def dumps(value: Any, /, default: None = None, option: int | None = None) -> bytes:
    """Write JSON without blanks, as UTF-8. Raises JSONEncodeError for what JSON has no way to say."""
    option = option or 0
    is_sorted = bool(option & OPT_SORT_KEYS)
    if _check(value, 1) or option & OPT_INDENT_2:
        text = _text(value, is_sorted, "\n" if option & OPT_INDENT_2 else "")
    else:
        text = (_SORTED if is_sorted else _COMPACT).encode(value)
    try:
        return (text + "\n" if option & OPT_APPEND_NEWLINE else text).encode("utf-8")
    except UnicodeEncodeError:
        raise JSONEncodeError("str is not valid UTF-8: surrogates not allowed") from None


# ---- reading


def _integer(text: str) -> int | float:
    if len(text) < 19:
        return int(text)
    if len(text) < 40:
        number = int(text)
        if _SMALLEST <= number <= _LARGEST:
            return number
    return _number(text)


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise OverflowError("number is infinity when parsed as double")
    return number


def _refused(text: str) -> float:
    raise JSONDecodeError("unexpected character, expected a JSON value", text, 0)


def _depth(text: str) -> int:
    depth = deepest = 0
    for found in _BRACKETS.finditer(text):
        if found[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif found[0] in "]}":
            depth -= 1
    return deepest


def _whole_characters(value: Any) -> None:
    """Raises UnicodeEncodeError for half a pair of surrogates."""
    if isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, dict):
        for key, each in value.items():
            key.encode("utf-8")
            _whole_characters(each)
    elif isinstance(value, list):
        for each in value:
            _whole_characters(each)


# ---- writing


def _digits(number: float) -> str:
    """As orjson 3.11 writes it: no zero before an exponent's digit, and five places without an exponent."""
    if not math.isfinite(number):
        return "null"
    text = float.__repr__(number)
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return text
    power = int(exponent)
    if power == -5:
        sign = "-" if mantissa.startswith("-") else ""
        return f"{sign}0.0000{mantissa.lstrip('-').replace('.', '')}"
    return f"{mantissa}e{power:+d}" if power > 0 else f"{mantissa}e{power}"


class _Encoder(json.JSONEncoder):
    def default(self, value: object) -> object:
        raise JSONEncodeError(f"Type is not JSON serializable: {type(value).__name__}")


_COMPACT = _Encoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)
_SORTED = _Encoder(ensure_ascii=False, separators=(",", ":"), check_circular=False, sort_keys=True)


def _check(value: Any, depth: int) -> bool:
    """Refuse what orjson refuses. True where a number is in it that the standard library writes in another way."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return False
    if isinstance(value, int):
        if not _SMALLEST <= value <= _LARGEST:
            raise JSONEncodeError("Integer exceeds 64-bit range")
        return False
    if isinstance(value, float):
        return not math.isfinite(value) or "e" in float.__repr__(value)
    if isinstance(value, dict):
        if depth > _DEEPEST_WRITTEN:
            raise JSONEncodeError("Recursion limit reached")
        differs = False
        for key, each in value.items():
            if not isinstance(key, str):
                raise JSONEncodeError("Dict key must be str")
            differs |= _check(each, depth + 1)
        return differs
    if isinstance(value, list | tuple):
        if depth > _DEEPEST_WRITTEN:
            raise JSONEncodeError("Recursion limit reached")
        differs = False
        for each in value:
            differs |= _check(each, depth + 1)
        return differs
    return False


def _text(value: Any, is_sorted: bool, newline: str) -> str:
    """What the standard library's encoder writes, but for numbers' digits. `newline`: "" or a line's beginning."""
    if isinstance(value, float):
        return _digits(value)
    if isinstance(value, dict | list | tuple) and value:
        inside = newline and newline + "  "
        if isinstance(value, dict):
            found = sorted(value.items(), key=lambda item: item[0]) if is_sorted else value.items()
            colon = ": " if newline else ":"
            parts = [_COMPACT.encode(key) + colon + _text(each, is_sorted, inside) for key, each in found]
        else:
            parts = [_text(each, is_sorted, inside) for each in value]
        left, right = "{}" if isinstance(value, dict) else "[]"
        return left + inside + f",{inside}".join(parts) + newline + right
    return _COMPACT.encode(value)
