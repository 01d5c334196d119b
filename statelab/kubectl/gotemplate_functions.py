"""What a Go template can call. Source: text/template/funcs.go, and kubectl's exists and base64decode."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote as url_quote

from statelab.kubectl import gojson
from statelab.kubectl.gotext import quote

NOTHING = object()  # what a map has not: printed as <no value>


class TemplateError(Exception):
    """A template that cannot be parsed or carried out; `str()` is Go's words."""


def is_true(value: Any) -> bool:
    return value is not NOTHING and value is not None and value not in (False, 0, "") and value != {} and value != []


def shown(value: Any) -> str:
    return "<no value>" if value is None or value is NOTHING else gojson.shown(value)


def call(name: str, arguments: list[Any]) -> Any:
    try:
        return FUNCTIONS[name](*arguments)
    except TemplateError:
        raise
    except (TypeError, ValueError, IndexError, KeyError, AttributeError, OverflowError):
        raise TemplateError(f'template: output:1:2: executing "output" at <{name}>: error calling {name}') from None


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, list):
            if not isinstance(key, int) or not 0 <= key < len(value):
                raise TemplateError(
                    'template: output:1:2: executing "output" at <index>: error calling index: reflect: slice index '
                    "out of range"
                )
            value = value[key]
        elif isinstance(value, dict):
            value = value.get(key, NOTHING)
        else:
            raise TemplateError(
                'template: output:1:2: executing "output" at <index>: error calling index: can\'t index item of type '
                + ("nil" if value is None or value is NOTHING else type(value).__name__)
            )
    return value


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    return len(value)


def _printf(form: Any, *values: Any) -> str:
    left = list(values)

    def filled(found: re.Match[str]) -> str:
        flags, width, precision, verb = found.groups()
        if verb == "%":
            return "%"
        if not left:
            return f"%!{verb}(MISSING)"
        value = left.pop(0)
        if int(width or 0) > 1_000 or int((precision or ".0")[1:] or 0) > 1_000:
            raise TemplateError("printf: a width of more than 1,000")
        return _formatted(value, flags, width, precision, verb)

    text = re.sub(r"%([-+# 0]*)(\d*)(\.\d*)?([a-zA-Z%])", filled, str(form))
    if left:
        text += "%!(EXTRA " + ", ".join(f"{type(each).__name__}={shown(each)}" for each in left) + ")"
    return text


def _formatted(value: Any, flags: str, width: str, precision: str | None, verb: str) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if verb in "vs":
        text = shown(value) if verb == "v" or isinstance(value, str) else f"%!s({type(value).__name__}={shown(value)})"
        if verb == "s" and precision:
            text = text[: int(precision[1:] or 0)]
    elif verb == "q":
        text = quote(str(value))
    elif verb == "d" and isinstance(value, int) and not isinstance(value, bool):
        text = str(value)
    elif verb in "xX" and isinstance(value, int):
        text = format(value, verb)
    elif verb in "feg" and is_number:
        text = format(float(value), f"{precision or '.6'}{verb}")
    elif verb == "t" and isinstance(value, bool):
        text = "true" if value else "false"
    else:
        text = f"%!{verb}({type(value).__name__}={shown(value)})"
    size = int(width or 0)
    if "-" in flags:
        return text.ljust(size)
    return text.rjust(size, "0" if "0" in flags and is_number else " ")


def _slice(value: Any, *bounds: Any) -> Any:
    return value[slice(*bounds)] if bounds else value


def _exists(value: Any, *keys: Any) -> bool:
    for key in keys:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _equal(first: Any, *others: Any) -> bool:
    if not others:
        raise TemplateError(
            'template: output:1:2: executing "output" at <eq>: error calling eq: missing argument for comparison'
        )
    first = None if first is NOTHING else first
    return any(
        (type(first) is type(each) and first == each)
        or (isinstance(first, int | float) and isinstance(each, int | float) and first == each)
        for each in others
    )


def _and(*values: Any) -> Any:
    return next((each for each in values if not is_true(each)), values[-1])


def _or(*values: Any) -> Any:
    return next((each for each in values if is_true(each)), values[-1])


def _print(*values: Any) -> str:
    out = ""
    for number, each in enumerate(values):
        if number and not isinstance(each, str) and not isinstance(values[number - 1], str):
            out += " "
        out += shown(each)
    return out


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "and": _and,
    "or": _or,
    "not": lambda value: not is_true(value),
    "len": _length,
    "index": _index,
    "slice": _slice,
    "print": _print,
    "println": lambda *values: " ".join(shown(each) for each in values) + "\n",
    "printf": _printf,
    "html": lambda value: html.escape(shown(value)).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
    "js": lambda value: json.dumps(shown(value))[1:-1],
    "urlquery": lambda value: url_quote(shown(value), safe="").replace("%20", "+"),
    "eq": _equal,
    "ne": lambda left, right: not _equal(left, right),
    "lt": lambda left, right: left < right,
    "le": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "ge": lambda left, right: left >= right,
    "exists": _exists,
    "base64decode": lambda value: base64.b64decode(value).decode(),
}
