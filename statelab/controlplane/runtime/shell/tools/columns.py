"""Tools that look at characters and columns: cut, tr, paste, fold, comm, join, column, expand, split, strings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from statelab.controlplane.runtime.shell.patterns import _CLASSES
from statelab.controlplane.runtime.shell.proc import Proc, decode, encode
from statelab.controlplane.runtime.shell.streams import Steps
from statelab.controlplane.runtime.shell.tools.common import Lines, Options, contents, full
from statelab.controlplane.runtime.shell.words import unescape


def _ranges(text: str) -> list[tuple[int, int]]:
    """`1,3-5,7-` as (first, last), counted from 1."""
    found = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d*)(-?)(\d*)", part)
        if match is None or part in ("", "-"):
            raise ValueError(f"invalid list '{text}'")
        first = int(match[1] or 1)
        found.append((first, int(match[3]) if match[3] else 10**9 if match[2] else first))
    return sorted(found)


def _cut(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "sn", "dfcb", {"delimiter": "d", "fields": "f", "characters": "c", "bytes": "b",
                                                "only-delimited": "s", "output-delimiter": "d"})  # fmt: skip
    kind = next((each for each in "fcb" if each in options.values), "")
    if not kind:
        raise ValueError("you must specify a list of bytes, characters, or fields")
    ranges, delimiter = _ranges(options.value(kind)), options.value("d", "\t")
    lines = Lines(proc, "cut", options.operands)
    while (line := (yield from lines.next())) is not None:
        text = decode(line.removesuffix(b"\n"))
        if kind == "f":
            if delimiter not in text:
                if "s" not in options:
                    yield from proc.out(text + "\n")
                continue
            parts = text.split(delimiter)
            chosen = [each for at, each in enumerate(parts, 1) if any(a <= at <= b for a, b in ranges)]
            yield from proc.out(delimiter.join(chosen) + "\n")
        else:
            chosen = [each for at, each in enumerate(text, 1) if any(a <= at <= b for a, b in ranges)]
            yield from proc.out("".join(chosen) + "\n")
    return lines.code


def _set(text: str) -> list[str]:
    """The characters of `a-z`, `[:upper:]`, `\\n`."""
    found: list[str] = []
    text = re.sub(r"\[:(\w+):\]", lambda each: _CLASSES.get(each[1], "").replace("\\", ""), text)
    text = unescape(text)
    at = 0
    while at < len(text):
        if text[at + 1 : at + 2] == "-" and at + 2 < len(text) and ord(text[at]) <= ord(text[at + 2]):
            found += [chr(each) for each in range(ord(text[at]), ord(text[at + 2]) + 1)]
            at += 3
        else:
            found.append(text[at])
            at += 1
    return found


def _tr(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "dscCt", "", {"delete": "d", "squeeze-repeats": "s", "complement": "c"})
    if not options.operands:
        raise ValueError("missing operand")
    first = _set(options.operands[0])
    second = _set(options.operands[1]) if len(options.operands) > 1 else []
    complement = bool(options.flags & {"c", "C"})
    one = set(first)
    squeezed = set(second if second else first) if "s" in options else set()
    table = dict(zip(first, second + second[-1:] * (len(first) - len(second)), strict=False)) if second else {}
    previous = ""
    while chunk := (yield from proc.stream(0).read(proc)):
        made: list[str] = []
        proc.shell.work(len(chunk) // 200)
        for char in decode(chunk):
            inside = (char in one) != complement
            if "d" in options:
                if inside:
                    continue
            elif second and inside:
                char = second[-1] if complement else table.get(char, char)
            if "s" in options and char == previous and (char in squeezed) != (complement and not second):
                continue
            previous = char
            made.append(char)
        yield from proc.out("".join(made))
    return 0


def _paste(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "s", "d", {"serial": "s", "delimiters": "d"})
    found, code = yield from contents(proc, "paste", options.operands)
    delimiters = unescape(options.value("d", "\t")) or "\0"
    columns = [decode(data).splitlines() for _, data in found]
    rows: list[list[str]] = columns
    if "s" not in options:
        most = max((len(each) for each in columns), default=0)
        rows = [[each[at] if at < len(each) else "" for each in columns] for at in range(most)]
    for row in rows:
        text = row[0] if row else ""
        for at, each in enumerate(row[1:]):
            text += delimiters[at % len(delimiters)].replace("\0", "") + each
        yield from proc.out(text + "\n")
    return code


def _fold(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "sb", "w", {"width": "w"})
    width = max(options.number("w", 80), 1)
    lines = Lines(proc, "fold", options.operands)
    while (line := (yield from lines.next())) is not None:
        text = decode(line.removesuffix(b"\n"))
        while len(text) > width:
            at = text.rfind(" ", 0, width) + 1 if "s" in options else 0
            at = at or width
            yield from proc.out(text[:at] + "\n")
            text = text[at:]
        yield from proc.out(text + "\n")
    return lines.code


def _comm(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "123")
    found, code = yield from contents(proc, "comm", options.operands)
    if code or len(found) != 2:
        return 1
    one, two = (decode(data).splitlines() for _, data in found)
    while one or two:
        if one and two and one[0] == two[0]:
            column, text = 3, one.pop(0)
            two.pop(0)
        elif one and (not two or one[0] < two[0]):
            column, text = 1, one.pop(0)
        else:
            column, text = 2, two.pop(0)
        if str(column) not in options:
            before = sum(str(each) not in options for each in range(1, column))
            yield from proc.out("\t" * before + text + "\n")
    return 0


def _join(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "", "t12ja")
    found, code = yield from contents(proc, "join", options.operands)
    if code or len(found) != 2:
        return 1
    separator = options.value("t")
    tables = [[each.split(separator or None) for each in decode(data).splitlines()] for _, data in found]
    one, two = (options.number(side, options.number("j", 1)) - 1 for side in "12")
    for row in tables[0]:
        for other in tables[1]:
            if row[one : one + 1] == other[two : two + 1]:
                rest = [*row[:one], *row[one + 1 :], *other[:two], *other[two + 1 :]]
                yield from proc.out((separator or " ").join([row[one], *rest]) + "\n")
    return 0


def _column(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "tx", "scno")
    found, code = yield from contents(proc, "column", options.operands)
    rows = [each.split(options.value("s") or None) for _, data in found for each in decode(data).splitlines()]
    if "t" not in options:
        yield from proc.out("".join("  ".join(row) + "\n" for row in rows))
        return code
    widths: dict[int, int] = {}
    for row in rows:
        for at, each in enumerate(row):
            widths[at] = max(widths.get(at, 0), len(each))
    for row in rows:
        yield from proc.out("  ".join(each.ljust(widths[at]) for at, each in enumerate(row)).rstrip() + "\n")
    return code


def _expand(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "i", "t", {"tabs": "t"})
    lines = Lines(proc, "expand", options.operands)
    while (line := (yield from lines.next())) is not None:
        yield from proc.out(decode(line).expandtabs(options.number("t", 8)))
    return lines.code


def _split(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "d", "lba")
    found, code = yield from contents(proc, "split", options.operands[:1])
    prefix = options.operands[1] if len(options.operands) > 1 else "x"
    data = found[0][1] if found else b""
    if "b" in options.values:
        count = options.number("b", 1000)
        parts = [data[at : at + count] for at in range(0, len(data), count)]
    else:
        count, lines = options.number("l", 1000), data.splitlines(keepends=True)
        parts = [b"".join(lines[at : at + count]) for at in range(0, len(lines), count)]
    for at, part in enumerate(parts[: 26 * 26]):
        proc.files.write(full(proc, f"{prefix}{chr(97 + at // 26)}{chr(97 + at % 26)}"), part)
    return code


def _strings(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "a", "n")
    found, code = yield from contents(proc, "strings", options.operands)
    for _, data in found:
        for each in re.findall(rb"[\x20-\x7e\t]{%d,}" % options.number("n", 4), data):
            yield from proc.out(each + b"\n")
    return code


def _envsubst(proc: Proc, arguments: list[str]) -> Steps[int]:
    lines = Lines(proc, "envsubst", [])
    names = set(re.findall(r"\$\{?(\w+)", " ".join(arguments)))

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return found[0] if names and name not in names else proc.state.get(name)

    while (line := (yield from lines.next())) is not None:
        yield from proc.out(encode(re.sub(r"\$(?:\{(\w+)\}|([A-Za-z_]\w*))", value, decode(line))))
    return 0


TOOLS: Mapping[str, Callable[[Proc, list[str]], Steps[int]]] = {
    "cut": _cut, "tr": _tr, "paste": _paste, "fold": _fold, "comm": _comm, "join": _join, "column": _column,
    "expand": _expand, "split": _split, "strings": _strings, "envsubst": _envsubst,
}  # fmt: skip
