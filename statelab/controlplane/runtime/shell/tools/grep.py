"""grep, egrep, fgrep."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from statelab.controlplane.runtime.shell.bounded import Bounded, bounded
from statelab.controlplane.runtime.shell.patterns import regex
from statelab.controlplane.runtime.shell.proc import Proc, decode, encode
from statelab.controlplane.runtime.shell.streams import Steps, Stream
from statelab.controlplane.runtime.shell.tools.common import Options, full, opened

_LONG = {
    "extended-regexp": "E", "fixed-strings": "F", "ignore-case": "i", "invert-match": "v", "count": "c", "quiet": "q",
    "silent": "q", "only-matching": "o", "line-number": "n", "recursive": "r", "files-with-matches": "l",
    "word-regexp": "w", "line-regexp": "x", "no-filename": "h", "with-filename": "H", "max-count": "m",
    "after-context": "A", "before-context": "B", "context": "C", "regexp": "e", "file": "f", "color": "y",
    "include": "I", "perl-regexp": "P", "line-buffered": "y", "no-messages": "s",
}  # fmt: skip


def _pattern(proc: Proc, options: Options, extended: bool, fixed: bool) -> Bounded:
    texts = list(options.values.get("e", []))
    for path in options.values.get("f", []):
        texts += decode(proc.files.read(full(proc, path))).removesuffix("\n").split("\n")
    if "e" not in options.values and "f" not in options.values:
        if not options.operands:
            raise ValueError("missing pattern")
        texts.append(options.operands.pop(0))
    parts = [each for text in texts for each in text.split("\n")]
    ignore = bool(options.flags & {"i", "y"} - {"y"})
    if fixed:
        found = bounded("|".join(re.escape(each) for each in parts), re.IGNORECASE if ignore else 0)
    elif "P" in options:
        found = bounded("|".join(parts), re.IGNORECASE if ignore else 0)
    else:
        found = regex(("|" if extended else r"\|").join(parts), extended=extended, ignore_case=ignore)
    if "x" in options:
        return bounded(rf"\A(?:{found.pattern})\Z", found.flags)
    return bounded(rf"(?<!\w)(?:{found.pattern})(?!\w)", found.flags) if "w" in options else found


def _grep(proc: Proc, arguments: list[str], *, extended: bool = False, fixed: bool = False) -> Steps[int]:
    words = [f"-C{each[1:]}" if re.fullmatch(r"-\d+", each) else each for each in arguments]
    try:
        options = Options(words, "EFGPivcqonrRlLwxhHsay", "efmABCI", _LONG)
        one = _pattern(proc, options, extended or "E" in options, fixed or "F" in options)
    except (ValueError, OSError) as error:
        yield from proc.error(f"grep: {error}\n")
        return 2
    paths = options.operands or ["."] * bool(options.flags & {"r", "R"}) or ["-"]
    files, code, matched = [], 1, False
    for path in paths:
        where = full(proc, path)
        if path != "-" and proc.files.is_directory(where):
            if options.flags & {"r", "R"}:
                files += _below(proc, path)
            else:
                yield from proc.error(f"grep: {path}: Is a directory\n")
        else:
            files.append(path)
    named = ("H" in options or len(files) > 1 or bool(options.flags & {"r", "R"})) and "h" not in options
    for path in files:
        try:
            stream = opened(proc, path)
        except OSError as error:
            if "s" not in options:
                yield from proc.error(f"grep: {path}: {error.strerror}\n")
            code = 2
            continue
        found = yield from _search(proc, stream, one, options, path if named else "", path)
        matched = matched or found
        if found and "q" in options:
            return 0
    return 0 if matched else code


def _below(proc: Proc, path: str) -> list[str]:
    found, waiting = [], [path]
    while waiting:
        at = waiting.pop()
        proc.shell.work(3)
        if proc.files.is_directory(full(proc, at)):
            if at.count("/") < 60:
                waiting += [f"{at.rstrip('/')}/{name}" for name in reversed(proc.files.names(full(proc, at)))]
        else:
            found.append(at)
    return found


def _search(proc: Proc, stream: Stream, one: Bounded, options: Options, shown: str, path: str) -> Steps[bool]:
    before_count = options.number("B", options.number("C", 0))
    after_count = options.number("A", options.number("C", 0))
    most, count, number, last_shown, after = options.number("m", 10**9), 0, 0, 0, 0
    earlier: list[tuple[int, str]] = []

    def row(at: int, text: str, mark: str) -> str:
        name = f"{shown}{mark}" if shown else ""
        return f"{name}{f'{at}{mark}' if 'n' in options else ''}{text}\n"

    while count < most or after:
        line = yield from stream.read_line(proc)
        if not line:
            break
        number += 1
        text = decode(line).removesuffix("\n")
        proc.shell.work(2 + len(text) // 200)
        found = one.search(text)
        if (found is not None) != ("v" in options) and count < most:
            count += 1
            if options.flags & {"q", "l"}:
                break
            if options.flags & {"c", "L"}:
                continue
            if "o" in options:
                for each in one.finditer(text):
                    if each[0]:
                        yield from proc.out(encode(row(number, each[0], ":")))
                continue
            if (before_count or after_count) and last_shown and (earlier[0][0] if earlier else number) > last_shown + 1:
                yield from proc.out("--\n")
            for at, each_text in earlier:
                yield from proc.out(encode(row(at, each_text, "-")))
            earlier = []
            yield from proc.out(encode(row(number, text, ":")))
            last_shown, after = number, after_count
        elif after:
            after -= 1
            last_shown = number
            yield from proc.out(encode(row(number, text, "-")))
        elif before_count:
            earlier = [*earlier, (number, text)][-before_count:]
    if "c" in options and "q" not in options:
        yield from proc.out(f"{shown}:{count}\n" if shown else f"{count}\n")
    if ("l" in options and count) or ("L" in options and not count):
        yield from proc.out(f"{path}\n")
    return count > 0


TOOLS: Mapping[str, Callable[[Proc, list[str]], Steps[int]]] = {
    "grep": _grep,
    "egrep": lambda proc, arguments: _grep(proc, arguments, extended=True),
    "fgrep": lambda proc, arguments: _grep(proc, arguments, fixed=True),
}
