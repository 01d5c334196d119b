"""Builtins that read and print: echo, printf, read, test."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping

from statelab.controlplane.runtime.shell.conditions import TestProblem, test
from statelab.controlplane.runtime.shell.proc import Proc, decode
from statelab.controlplane.runtime.shell.state import Variable
from statelab.controlplane.runtime.shell.streams import Steps
from statelab.controlplane.runtime.shell.words import unescape

_SPEC = re.compile(r"%([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+)?)?([diouxXeEfFgGcsbq%])|%\((.*?)\)T")
_WIDEST = 100_000
_MOST_ROUNDS = 100_000


def _echo(proc: Proc, arguments: list[str]) -> Steps[int]:
    rest, newline, escapes = list(arguments), "\n", False
    while rest and re.fullmatch(r"-[neE]+", rest[0]):
        flags = rest.pop(0)
        newline = "" if "n" in flags else newline
        escapes = "e" in flags or (escapes and "E" not in flags)
    text = " ".join(rest)
    if escapes:
        before, stop, _ = text.partition("\\c")
        text, newline = unescape(re.sub(r"\\0(\d{1,3})", r"\\\1", before)), "" if stop else newline
    yield from proc.out(text + newline)
    return 0


def formatted(template: str, arguments: list[str]) -> tuple[str, list[str]]:
    """What printf prints, and what it complains about. Raises ValueError for what is too much or no directive."""
    found: list[str] = []
    problems: list[str] = []
    rest = list(arguments)
    for _ in range(_MOST_ROUNDS):
        before = len(rest)
        at = 0
        for spec in _SPEC.finditer(template):
            found.append(unescape(_octal(template[at : spec.start()])))
            at = spec.end()
            text, stops = _directive(spec, rest, problems)
            found.append(text)
            if stops:
                return "".join(found), problems
        tail = template[at:]
        if re.search(r"(?<!%)%(?!%)", tail.replace("%%", "")):
            raise ValueError(f"%{tail.partition('%')[2][:1]}: invalid directive")
        found.append(unescape(_octal(tail)))
        if not rest or len(rest) == before:
            return "".join(found), problems
    raise ValueError("limit exceeded: too many arguments")


def _octal(text: str) -> str:
    return re.sub(r"\\0(\d{1,3})", r"\\\1", text)


def _directive(spec: re.Match[str], rest: list[str], problems: list[str]) -> tuple[str, bool]:
    flags, letter = spec[1] or "", spec[4]
    if letter == "%":
        return "%", False
    width = (rest.pop(0) if rest else "0") if spec[2] == "*" else spec[2] or ""
    precision = (rest.pop(0) if rest else "0") if spec[3] == "*" else spec[3]
    if width.startswith("-"):
        flags, width = flags + "-", width[1:]
    if any(each and (not each.isdigit() or int(each) > _WIDEST) for each in (width, precision or "")):
        raise ValueError("limit exceeded: a field that wide")
    value = rest.pop(0) if rest else ""
    stops = False
    if letter in ("s", "c", "b", "q"):
        if letter == "c":
            value = value[:1]
        elif letter == "q":
            value = shlex.quote(value)
        elif letter == "b":
            value, stop, _ = value.partition("\\c")
            value, stops = unescape(_octal(value)), bool(stop)
        text = value if precision is None else value[: int(precision or 0)]
    else:
        number = _to_number(value, letter in "eEfFgG", problems)
        python = letter.replace("i", "d").replace("u", "d")
        point = "" if precision is None else f".{precision or 0}"
        if letter == "u" and number < 0:
            number += 2**64
        text = f"%{''.join(each for each in flags if each not in '0-')}{point}{python}" % number
        if "0" in flags and "-" not in flags and width and precision is None:
            sign = text[:1] if text[:1] in "+- " else ""
            text = sign + text[len(sign) :].rjust(int(width) - len(sign), "0")
    if width:
        text = text.ljust(int(width)) if "-" in flags else text.rjust(int(width))
    return text, stops


def _to_number(value: str, is_float: bool, problems: list[str]) -> float | int:
    text = value.strip()
    if text[:1] in ("'", '"'):
        return ord(text[1:2] or "\0")
    try:
        if is_float:
            return float(text or 0)
        sign, digits = (text[:1], text[1:]) if text[:1] in "+-" and text else ("", text)
        base = 16 if digits[:2].lower() == "0x" else 8 if len(digits) > 1 and digits[0] == "0" else 10
        return int(sign + digits, base) if digits else 0
    except ValueError:
        problems.append(f"{value}: invalid number")
        begins = re.match(r"[+-]?\d+", text)
        return int(begins[0]) if begins else 0


def _printf(proc: Proc, arguments: list[str]) -> Steps[int]:
    rest, name = list(arguments), ""
    if rest[:1] == ["-v"] and len(rest) > 1:
        name, rest = rest[1], rest[2:]
    if rest[:1] == ["--"]:
        rest.pop(0)
    if not rest:
        raise ValueError("usage: printf [-v var] format [arguments]")
    text, problems = formatted(rest[0], rest[1:])
    if name:
        proc.state.set(name, None, text)
    else:
        yield from proc.out(text)
    for each in problems:
        yield from proc.error(f"{proc.state.zero}: printf: {each}\n")
    return 1 if problems else 0


def _read(proc: Proc, arguments: list[str]) -> Steps[int]:
    rest, raw, array, descriptor, end, most = list(arguments), False, "", 0, b"\n", 0
    while rest and rest[0].startswith("-") and len(rest[0]) > 1:
        letters = rest.pop(0)[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in "pdtunaiN":
                value = letters or (rest.pop(0) if rest else "")
                letters = ""
                if letter == "d":
                    end = value[:1].encode() or b"\0"
                elif letter == "a":
                    array = value
                elif letter == "u":
                    descriptor = int(value)
                elif letter in "nN":
                    most = int(value)
            elif letter == "r":
                raw = True
    stream = proc.stream(descriptor)
    line = b""
    while True:
        more = yield from stream.read_line(proc, end)
        line += more
        ended = more.endswith(end)
        if raw or not ended or not line.endswith(b"\\\n"):
            break
        line = line[:-2]
    text = decode(line[: -len(end)] if ended else line)
    if most:
        text = text[:most]
    state = proc.state
    ifs = state.ifs()
    names = rest or ["REPLY"]
    if array:
        values = _split(text, ifs, 0, raw)
        state.put(array, Variable({str(at): each for at, each in enumerate(values)}))
    elif names == ["REPLY"] and not rest:
        state.set("REPLY", None, text if raw else re.sub(r"\\(.)", r"\1", text))
    else:
        values = _split(text, ifs, len(names), raw)
        for at, name in enumerate(names):
            state.set(name, None, values[at] if at < len(values) else "")
    return 0 if ended or (most and text) else 1


def _split(text: str, ifs: str, most: int, raw: bool) -> list[str]:
    """At most `most` parts (0: as many as there are); the last one has the rest."""
    blanks = "".join(each for each in ifs if each in " \t\n")
    others = [each for each in ifs if each not in " \t\n"]
    rest = text.strip(blanks) if blanks else text
    found: list[str] = []
    one = re.compile(
        rf"[{re.escape(blanks)}]*[{re.escape(''.join(others))}][{re.escape(blanks)}]*|[{re.escape(blanks)}]+"
        if blanks and others
        else f"[{re.escape(''.join(others))}]" if others else f"[{re.escape(blanks)}]+" if blanks else r"(?!)"
    )  # fmt: skip
    while rest and (not most or len(found) < most - 1):
        separator = one.search(rest)
        if separator is None:
            break
        found.append(rest[: separator.start()])
        rest = rest[separator.end() :]
    if rest or not found:
        found.append(rest)
    return found if raw else [re.sub(r"\\(.)", r"\1", each) for each in found]


def _test(proc: Proc, arguments: list[str]) -> Steps[int]:
    try:
        return int(not test(proc, arguments))
    except TestProblem as problem:
        yield from proc.error(f"{proc.speaker}: test: {problem}\n")
        return 2


def _bracket(proc: Proc, arguments: list[str]) -> Steps[int]:
    if not arguments or arguments[-1] != "]":
        yield from proc.error(f"{proc.state.zero}: [: missing `]'\n")
        return 2
    try:
        return int(not test(proc, arguments[:-1]))
    except TestProblem as problem:
        yield from proc.error(f"{proc.speaker}: [: {problem}\n")
        return 2


def _mapfile(proc: Proc, arguments: list[str]) -> Steps[int]:
    strip = "-t" in arguments
    names = [each for each in arguments if not each.startswith("-")]
    data = bytearray()
    while chunk := (yield from proc.stream(0).read(proc)):
        data += chunk
    lines = decode(bytes(data)).splitlines(keepends=not strip)
    proc.state.put(names[0] if names else "MAPFILE", Variable({str(at): each for at, each in enumerate(lines)}))
    return 0


BUILTINS: Mapping[str, Callable[[Proc, list[str]], Steps[int]]] = {
    "echo": _echo, "printf": _printf, "read": _read, "test": _test, "[": _bracket, "mapfile": _mapfile,
    "readarray": _mapfile,
}  # fmt: skip
