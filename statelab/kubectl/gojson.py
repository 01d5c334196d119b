"""JSON and values as Go writes them: keys sorted, <, > and & escaped; %v and %#v of a decoded object."""

from __future__ import annotations

import json
import math
from typing import Any

from statelab.kubectl.gotext import quote

_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def compact(value: Any, *, escape: bool = True, sort: bool = True) -> str:
    """As json.Marshal."""
    text = json.dumps(value, sort_keys=sort, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(_HTML) if escape else text


def indented(value: Any, *, sort: bool = True, escape: bool = True) -> str:
    """As `-o json`: four spaces, and a newline at the end."""
    text = json.dumps(value, sort_keys=sort, ensure_ascii=False, indent=4, allow_nan=False)
    return (text.translate(_HTML) if escape else text) + "\n"


def number(value: float) -> str:
    """A float as %v prints it."""
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    if math.isnan(value) or math.isinf(value):
        return {True: "NaN"}.get(math.isnan(value), "+Inf" if value > 0 else "-Inf")
    return repr(value)


def shown(value: Any) -> str:
    """As fmt's %v."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{shown(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(shown(each) for each in value) + "]"
    return str(value)


def syntax(value: Any) -> str:
    """As fmt's %#v."""
    if value is None:
        return "interface {}(nil)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return "map[string]interface {}{" + ", ".join(f"{quote(k)}:{syntax(value[k])}" for k in sorted(value)) + "}"
    if isinstance(value, list):
        return "[]interface {}{" + ", ".join(syntax(each) for each in value) + "}"
    return quote(value) if isinstance(value, str) else str(value)
