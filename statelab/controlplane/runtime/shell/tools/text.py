"""Tools that pass text on: cat, head, wc, tee, tac, nl, seq, yes, sort, uniq, diff."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from itertools import pairwise

from statelab.controlplane.runtime.shell.proc import Proc, decode, encode
from statelab.controlplane.runtime.shell.redirections import open_path
from statelab.controlplane.runtime.shell.streams import Steps
from statelab.controlplane.runtime.shell.tools.common import MOST_BYTES, Lines, Options, contents, opened
from statelab.controlplane.runtime.shell.tools.files import size

_MOST_YES = 200_000  # bytes: what prints for ever is cut short


def _cat(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "nbsAetTEuv")
    code = 0
    if options.flags & {"n", "b", "A", "e", "E"}:
        lines, number = Lines(proc, "cat", options.operands), 0
        while (line := (yield from lines.next())) is not None:
            number += not ("b" in options and line == b"\n")
            before = (
                f"{number:6d}\t".encode()
                if options.flags & {"n", "b"} and not ("b" in options and line == b"\n")
                else b""
            )
            if options.flags & {"A", "e", "E"}:
                line = line.removesuffix(b"\n") + b"$\n" if line.endswith(b"\n") else line
            yield from proc.out(before + line)
        return lines.code
    for path in options.operands or ["-"]:
        try:
            stream = opened(proc, path)
            passed = 0
            while chunk := (yield from stream.read(proc)):
                passed += len(chunk)
                if passed > MOST_BYTES:
                    raise OSError(27, f"limit exceeded: more than {MOST_BYTES} bytes")
                yield from proc.out(chunk)
        except OSError as error:
            yield from proc.error(f"cat: {path}: {error.strerror}\n")
            code = 1
    return code


def _head(proc: Proc, arguments: list[str]) -> Steps[int]:
    words = [f"-n{each[1:]}" if re.fullmatch(r"-\d+", each) else each for each in arguments]
    options = Options(words, "qv", "nc", {"lines": "n", "bytes": "c", "quiet": "q"})
    code = 0
    for at, path in enumerate(options.operands or ["-"]):
        try:
            stream = opened(proc, path)
        except OSError as error:
            yield from proc.error(f"head: {path}: {error.strerror}\n")
            code = 1
            continue
        if len(options.operands) > 1 and "q" not in options:
            yield from proc.out(f"{chr(10) * bool(at)}==> {path} <==\n")
        wanted = options.value("c") or options.value("n", "10")
        if wanted.startswith("-"):
            found, _ = yield from contents(proc, "head", [path])
            data = found[0][1] if found else b""
            if "c" in options.values:
                yield from proc.out(data[: -size(wanted[1:]) or None])
            else:
                yield from proc.out(b"".join(data.splitlines(keepends=True)[: -int(wanted[1:]) or None]))
        elif "c" in options.values:
            left = size(wanted.lstrip("+"))
            passed = 0
            while left > 0 and (chunk := (yield from stream.read(proc))):
                passed += len(chunk)
                if passed > MOST_BYTES:
                    raise OSError(27, f"limit exceeded: more than {MOST_BYTES} bytes")
                yield from proc.out(chunk[:left])
                left -= len(chunk)
        else:
            for _ in range(int(wanted.lstrip("+") or 0)):
                line = yield from stream.read_line(proc)
                if not line:
                    break
                yield from proc.out(line)
    return code


def _wc(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "lwcmL", "", {"lines": "l", "words": "w", "bytes": "c", "chars": "m"})
    found, code = yield from contents(proc, "wc", options.operands)
    kinds = [each for each in "lwcmL" if each in options] or ["l", "w", "c"]
    totals = dict.fromkeys(kinds, 0)
    rows = []
    for path, data in found:
        counts = {
            "l": data.count(b"\n"), "w": len(data.split()), "c": len(data), "m": len(decode(data)),
            "L": max((len(each) for each in data.splitlines()), default=0),
        }  # fmt: skip
        for each in kinds:
            totals[each] += counts[each]
        rows.append(([counts[each] for each in kinds], path if options.operands else ""))
    if len(found) > 1:
        rows.append(([totals[each] for each in kinds], "total"))
    for numbers, path in rows:
        alone = len(numbers) == 1 and len(rows) == 1
        text = str(numbers[0]) if alone else " ".join(f"{each:9d}" for each in numbers)
        yield from proc.out(f"{text} {path}".rstrip() + "\n")
    return code


def _tee(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "ai", "", {"append": "a"})
    targets, code = [], 0
    for path in options.operands:
        try:
            targets.append(open_path(proc, path, "a" if "a" in options else "w"))
        except OSError as error:
            yield from proc.error(f"tee: {path}: {error.strerror}\n")
            code = 1
    while chunk := (yield from proc.stream(0).read(proc)):
        for target in targets:
            yield from target.write(proc, chunk)
        yield from proc.out(chunk)
    return code


def _tac(proc: Proc, arguments: list[str]) -> Steps[int]:
    found, code = yield from contents(proc, "tac", [each for each in arguments if not each.startswith("-")])
    for _, data in found:
        yield from proc.out(b"".join(reversed(data.splitlines(keepends=True))))
    return code


def _rev(proc: Proc, arguments: list[str]) -> Steps[int]:
    lines = Lines(proc, "rev", arguments)
    while (line := (yield from lines.next())) is not None:
        yield from proc.out(decode(line.removesuffix(b"\n"))[::-1] + "\n")
    return lines.code


def _nl(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "", "bnwsv")
    lines, number = Lines(proc, "nl", options.operands), options.number("v", 1)
    while (line := (yield from lines.next())) is not None:
        if line == b"\n" and options.value("b", "t") != "a":
            yield from proc.out("       \n")
            continue
        yield from proc.out(f"{number:{options.number('w', 6)}d}{options.value('s', chr(9))}".encode() + line)
        number += 1
    return lines.code


def _seq(proc: Proc, arguments: list[str]) -> Steps[int]:
    words, separator, template, wide = list(arguments), "\n", "", False
    while words and re.match(r"-[sfw]", words[0]):
        word = words.pop(0)
        if word == "-w":
            wide = True
            continue
        value = word[2:] or (words.pop(0) if words else "")
        separator, template = (value, template) if word[1] == "s" else (separator, value)
    if not 1 <= len(words) <= 3:
        raise ValueError("missing operand")
    numbers = [float(each) for each in words]
    places = max((len(each.partition(".")[2]) for each in words), default=0)
    first = numbers[0] if len(numbers) > 1 else 1.0
    step = numbers[1] if len(numbers) == 3 else 1.0
    last = numbers[-1]
    if step == 0:
        raise ValueError("zero increment")
    count = max(int((last - first) / step + 1e-9) + 1, 0)
    width = max(len(f"{first:.{places}f}"), len(f"{last:.{places}f}")) if wide else 0
    for begin in range(0, count, 1000):
        proc.shell.work(100)
        shown = [first + step * each for each in range(begin, min(begin + 1000, count))]
        texts = [template % each if template else f"{each:0{width}.{places}f}" for each in shown]
        ends = begin + 1000 >= count
        yield from proc.out(separator.join(texts) + ("\n" if ends else separator))
    return 0


def _yes(proc: Proc, arguments: list[str]) -> Steps[int]:
    block = encode((" ".join(arguments) or "y") + "\n")
    block *= max(8_192 // len(block), 1)
    for _ in range(_MOST_YES // len(block)):
        yield from proc.out(block)
    raise OSError(27, f"limit exceeded: more than {_MOST_YES} bytes")


def _sort(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(
        arguments, "nrufbhVsgdciMC", "ktoS", {"reverse": "r", "numeric-sort": "n", "unique": "u", "key": "k"}
    )
    found, code = yield from contents(proc, "sort", options.operands)
    lines = [line for _, data in found for line in decode(data).removesuffix("\n").split("\n") if data]
    proc.shell.work(len(lines) // 5)
    keys = [_sort_key(each, options) for each in options.values.get("k", [])]
    whole = _by(options.flags)

    def key(line: str) -> tuple[object, ...]:
        return tuple(take(line) for take, _ in keys) or (whole(line),)

    if "c" in options:
        return int(any(key(one) > key(two) for one, two in pairwise(lines)))
    if "s" not in options and "u" not in options:
        lines.sort(reverse="r" in options)
    for take, backwards in reversed(keys):
        lines.sort(key=take, reverse=backwards or "r" in options)  # type: ignore[arg-type]  # each key compares
    if not keys:
        lines.sort(key=whole, reverse="r" in options)  # type: ignore[arg-type]
    if "u" in options:
        kept: dict[object, str] = {}
        for line in lines:
            kept.setdefault(key(line), line)
        lines = list(kept.values())
    text = "".join(f"{each}\n" for each in lines)
    if "o" in options.values:
        yield from open_path(proc, options.value("o"), "w").write(proc, encode(text))
    else:
        yield from proc.out(text)
    return code


def _by(flags: set[str]) -> Callable[[str], object]:
    if flags & {"n", "g", "h"}:

        def number(text: str) -> float:
            found = re.match(r"\s*-?\d*\.?\d*", text)
            shown = found[0].strip() if found else ""
            value = float(shown) if re.search(r"\d", shown) else 0.0
            unit = text[found.end() : found.end() + 1] if found and "h" in flags else ""
            return value * 1024.0 ** ("KMGTP".find(unit.upper()) + 1 if unit and unit.upper() in "KMGTP" else 0)

        return number
    if "V" in flags:
        return lambda text: [(int(each), "") if each.isdigit() else (0, each) for each in re.split(r"(\d+)", text)]
    if "f" in flags:
        return lambda text: text.lower()
    if "b" in flags:
        return lambda text: text.lstrip()
    return lambda text: text


def _sort_key(text: str, options: Options) -> tuple[Callable[[str], object], bool]:
    found = re.fullmatch(r"(\d+)(?:\.(\d+))?([a-zA-Z]*)(?:,(\d+)(?:\.(\d+))?([a-zA-Z]*))?", text)
    if found is None:
        raise ValueError(f"invalid key '{text}'")
    flags = set(found[3] + (found[6] or "")) or options.flags
    take, separator = _by(flags), options.value("t")
    first, last, begin = int(found[1]) - 1, int(found[4]) if found[4] else None, int(found[2] or 1) - 1

    def value(line: str) -> object:
        parts = line.split(separator) if separator else re.findall(r"\s*\S+", line)
        joined = (separator or "").join(parts[first:last])
        return take(joined[begin:] if begin else joined)

    return value, "r" in set(found[3] + (found[6] or ""))


def _uniq(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "cdui", "fsw", {"count": "c", "repeated": "d", "unique": "u"})
    lines, groups = Lines(proc, "uniq", options.operands[:1]), list[tuple[bytes, int]]()
    skip = options.number("f", 0)

    def key(line: bytes) -> bytes:
        shown = b" ".join(line.split()[skip:]) if skip else line.removesuffix(b"\n")
        shown = shown[options.number("s", 0) :][: options.number("w", 10**9)]
        return shown.lower() if "i" in options else shown

    while (line := (yield from lines.next())) is not None:
        if groups and key(groups[-1][0]) == key(line):
            groups[-1] = (groups[-1][0], groups[-1][1] + 1)
        else:
            groups.append((line, 1))
    for line, count in groups:
        if ("d" in options and count < 2) or ("u" in options and count > 1):
            continue
        before = f"{count:7d} ".encode() if "c" in options else b""
        yield from proc.out(before + line.removesuffix(b"\n") + b"\n")
    return lines.code


def _diff(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "uqbwiNrs", "U")
    if len(options.operands) != 2:
        raise ValueError("missing operand")
    found, code = yield from contents(proc, "diff", options.operands)
    if code:
        return 2
    (one, before), (two, after) = found
    if before == after:
        return 0
    if "q" in options:
        yield from proc.out(f"Files {one} and {two} differ\n")
        return 1
    lines = (decode(before).splitlines(), decode(after).splitlines())
    proc.shell.work(len(lines[0]) * len(lines[1]) // 50)
    if "u" in options or "U" in options.values:
        rows = difflib.unified_diff(lines[0], lines[1], one, two, n=options.number("U", 3), lineterm="")
        yield from proc.out("".join(f"{each}\n" for each in rows))
        return 1
    for kind, a, b, c, d in difflib.SequenceMatcher(None, lines[0], lines[1], autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        left = f"{a + 1},{b}" if b - a > 1 else str(b if kind != "insert" else a)
        right = f"{c + 1},{d}" if d - c > 1 else str(d if kind != "delete" else c)
        yield from proc.out(f"{left}{ {'replace': 'c', 'delete': 'd', 'insert': 'a'}[kind] }{right}\n")
        yield from proc.out("".join(f"< {each}\n" for each in lines[0][a:b]))
        yield from proc.out("---\n" if kind == "replace" else "")
        yield from proc.out("".join(f"> {each}\n" for each in lines[1][c:d]))
    return 1


def _cmp(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "sl")
    found, code = yield from contents(proc, "cmp", options.operands[:2])
    if code or len(found) != 2:
        return 2
    (one, before), (two, after) = found
    if before == after:
        return 0
    if "s" not in options:
        at = next((at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), None)
        if at is None:
            yield from proc.error(f"cmp: EOF on {one if len(before) < len(after) else two}\n")
        else:
            line = before[:at].count(b"\n") + 1
            yield from proc.out(f"{one} {two} differ: byte {at + 1}, line {line}\n")
    return 1


TOOLS: Mapping[str, Callable[[Proc, list[str]], Steps[int]]] = {
    "cat": _cat, "head": _head, "wc": _wc, "tee": _tee, "tac": _tac, "rev": _rev, "nl": _nl, "seq": _seq, "yes": _yes,
    "sort": _sort, "uniq": _uniq, "diff": _diff, "cmp": _cmp, "more": _cat, "less": _cat,
}  # fmt: skip
