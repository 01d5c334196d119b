"""awk's values: texts, numbers, what looks like a number, and the functions of both. Source: POSIX XCU awk."""

from __future__ import annotations

import math
import re

from statelab.controlplane.runtime.shell.patterns import regex
from statelab.controlplane.runtime.shell.texts import formatted

_NUMBER = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*\Z")
_BEGINS = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


class Input(str):
    """A text that came from outside: it is a number where it looks like one."""


Value = float | str
Array = dict[str, Value]


def number(value: Value) -> float:
    if not isinstance(value, str):
        return value
    found = _BEGINS.match(value)
    return float(found[0]) if found else 0.0


def text(value: Value, form: str = "%.6g") -> str:
    if isinstance(value, str):
        return value
    if value == int(value) if math.isfinite(value) else False:
        return str(int(value)) if abs(value) < 1e17 else form % value
    return form % value


def is_number(value: Value) -> bool:
    return not isinstance(value, str) or (isinstance(value, Input) and _NUMBER.match(value) is not None)


def truth(value: Value) -> bool:
    if isinstance(value, Input) and _NUMBER.match(value):
        return number(value) != 0
    return bool(value) if isinstance(value, str) else value != 0


def built_in(name: str, values: list[Value]) -> Value:
    numbers = [number(each) for each in values]
    if name == "substr":
        whole = text(values[0])
        start = round(numbers[1]) - 1
        stop = len(whole) if len(values) < 3 else start + round(numbers[2])
        return whole[max(start, 0) : max(stop, 0)]
    if name == "index":
        return float(text(values[0]).find(text(values[1])) + 1)
    if name in ("tolower", "toupper"):
        return text(values[0]).lower() if name == "tolower" else text(values[0]).upper()
    if name == "sprintf":
        return formatted(text(values[0]), [text(each) for each in values[1:]])[0]
    if name == "int":
        return float(int(numbers[0])) if math.isfinite(numbers[0]) else numbers[0]
    if name == "atan2":
        return math.atan2(*numbers[:2])
    try:
        return {"sin": math.sin, "cos": math.cos, "exp": math.exp, "log": math.log, "sqrt": math.sqrt}[name](numbers[0])
    except (ValueError, OverflowError):
        return math.nan


def split(line: str, separator: str) -> list[str]:
    if separator == " ":
        return line.split()
    if not line:
        return []
    if len(separator) == 1 and separator not in ".[]()*+?^$|\\":
        return line.split(separator)
    if separator == "":
        return list(line)
    if separator == "\\|" or (len(separator) == 1 and separator != "\\"):
        return line.split(separator[-1])
    found, at = [], 0
    for each in regex(separator, extended=True).finditer(line):
        if each.end() > each.start():
            found.append(line[at : each.start()])
            at = each.end()
    return [*found, line[at:]]
