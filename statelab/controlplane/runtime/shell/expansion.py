"""How words become arguments: parameters, substitutions, arithmetic, splitting, file names. Source: POSIX XCU 2.6."""

from __future__ import annotations

import re
from collections.abc import Sequence as Seq
from typing import Literal as OneOf

from statelab.controlplane.runtime.paths import join
from statelab.controlplane.runtime.shell import arithmetic, patterns
from statelab.controlplane.runtime.shell.parameters import ExpansionProblem, parameter
from statelab.controlplane.runtime.shell.proc import Proc, decode
from statelab.controlplane.runtime.shell.streams import WAITING, Bytes, Capture, Steps
from statelab.controlplane.runtime.shell.syntax import (
    Arithmetic,
    Literal,
    Parameter,
    Sequence,
    Simple,
    Substitution,
    Word,
)

# quoted; written, so that stars and ~ mean something; found, so that it is split too; "break": a field ends here
Kind = OneOf["quoted", "written", "found", "break"]
Piece = tuple[Kind, str]
_MOST_CAPTURED = 10_000_000
_MOST_FIELDS = 200_000
_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(-?\d+|[a-zA-Z])\.\.(-?\d+|[a-zA-Z])(?:\.\.(-?\d+))?")


def fields(proc: Proc, words: Seq[Word]) -> Steps[list[str]]:
    """Words as a command's arguments."""
    found: list[str] = []
    for word in words:
        if len(word) == 1 and isinstance(word[0], Literal) and not _special(word[0]):
            found.append(word[0].text)
            continue
        for each in _braces(word):
            made = yield pieces(proc, each, tilde=True)
            found += yield file_names(proc, split(made, proc.state.ifs()))
        if len(found) > _MOST_FIELDS:
            raise ExpansionProblem("limit exceeded: too many words")
    return found


def _special(part: Literal) -> bool:
    return not part.quoted and any(each in part.text for each in "*?[~{")


def text(proc: Proc, word: Word, *, tilde: bool = True) -> Steps[str]:
    """A word as one text: nothing is split, no file name is looked for."""
    if len(word) == 1 and isinstance(word[0], Literal) and (word[0].quoted or not word[0].text.startswith("~")):
        return word[0].text
    made: list[Piece] = yield pieces(proc, word, tilde=tilde)
    joined = (proc.state.ifs() or "")[:1]
    return "".join(joined if kind == "break" else each for kind, each in made)


def pattern(proc: Proc, word: Word) -> Steps[str]:
    """A word as a pattern: what is quoted stands for itself."""
    made: list[Piece] = yield pieces(proc, word, tilde=True)
    return "".join(escaped(each) if kind == "quoted" else each for kind, each in made if kind != "break")


def escaped(plain: str) -> str:
    return re.sub(r"([*?\[\]\\])", r"\\\1", plain)


def pieces(proc: Proc, word: Word, *, tilde: bool) -> Steps[list[Piece]]:
    found: list[Piece] = []
    for at, part in enumerate(word):
        if isinstance(part, Literal):
            plain = part.text
            if tilde and at == 0 and not part.quoted and plain.startswith("~"):
                name = plain[1:].partition("/")[0]
                if name in ("", "root") and (len(word) == 1 or "/" in plain):
                    found.append(("quoted", proc.state.get("HOME") or "/root"))
                    plain = plain[1 + len(name) :]
            found.append(("quoted" if part.quoted else "written", plain))
        elif isinstance(part, Parameter):
            found += yield parameter(proc, part)
        elif isinstance(part, Substitution):
            output = yield _process_file(proc, part) if part.as_file else substitute(proc, part.body)
            found.append(("quoted" if part.quoted else "found", output))
        elif isinstance(part, Arithmetic):
            number = yield calculate(proc, part.expression)
            found.append(("quoted" if part.quoted else "found", str(number)))
    return found


def calculate(proc: Proc, expression: Word) -> Steps[int]:
    """Raises ExpansionProblem."""
    wanted = yield text(proc, expression, tilde=False)
    proc.shell.work(1 + len(wanted) // 20)
    try:
        return arithmetic.evaluate(wanted, proc.state)
    except arithmetic.ArithmeticProblem as problem:
        raise ExpansionProblem(str(problem)) from None


def substitute(proc: Proc, body: Sequence) -> Steps[str]:
    """What the commands print, without the ends of lines at its end."""
    from statelab.controlplane.runtime.shell.interpreter import execute, read_redirected

    if len(body.items) == 1 and isinstance(body.items[0][0], Simple):
        only = body.items[0][0]
        if not only.words and not only.assignments and [each.operator for each in only.redirections] == ["<"]:
            content = yield read_redirected(proc, only.redirections[0])
            return decode(content).replace("\0", "").rstrip("\n")
    capture = Capture(_MOST_CAPTURED)
    child = proc.fork({**proc.streams, 1: capture})
    proc.children.append(child)
    child.start(execute(child, body))
    while child.code is None:
        child.when_ended(proc)
        yield WAITING
    proc.children.remove(child)
    proc.state.substituted = child.code
    return decode(bytes(capture.data)).replace("\0", "").rstrip("\n")


def _process_file(proc: Proc, part: Substitution) -> Steps[str]:
    """`<(…)`: the commands' output as a file, made before the other command starts."""
    output = yield substitute(proc, part.body)
    descriptor = next(each for each in range(63, 0, -1) if each not in proc.streams)
    proc.open(descriptor, Bytes((output + "\n").encode(errors="surrogateescape") if output else b""))
    return f"/dev/fd/{descriptor}"


# ---- fields


def split(made: Seq[Piece], ifs: str) -> list[list[Piece]]:
    """Pieces as fields. What was found is split at the characters of IFS; blanks among them count as one."""
    found: list[list[Piece]] = []
    current: list[Piece] = []
    begun = False
    blanks = "".join(each for each in ifs if each in " \t\n")
    others = "".join(each for each in ifs if each not in " \t\n")

    def end() -> None:
        nonlocal current, begun
        if begun:
            found.append(current)
        current, begun = [], False

    for kind, content in made:
        if kind == "break":
            end()
        elif kind != "found":
            if content or kind == "quoted":
                current.append((kind, content))
                begun = True
        elif not ifs:
            if content:
                current.append(("written", content))
                begun = True
        else:
            at = 0
            while at < len(content):
                stop = at
                while stop < len(content) and content[stop] not in ifs:
                    stop += 1
                if stop > at:
                    current.append(("written", content[at:stop]))
                    begun = True
                if stop >= len(content):
                    break
                at = stop
                seen_other = False
                while at < len(content) and (content[at] in blanks or (content[at] in others and not seen_other)):
                    seen_other = seen_other or content[at] in others
                    at += 1
                if seen_other:
                    begun = True  # a separator that is no blank ends a field, even an empty one
                end()
    end()
    return found


def file_names(proc: Proc, made: Seq[list[Piece]]) -> Steps[list[str]]:
    found: list[str] = []
    for field in made:
        plain = "".join(each for _, each in field)
        if "noglob" in proc.state.options or not patterns.is_pattern(
            "".join(each for kind, each in field if kind != "quoted")
        ):
            found.append(plain)
            continue
        wanted = "".join(escaped(each) if kind == "quoted" else each for kind, each in field)
        names = matching(proc, wanted)
        found += names or [plain]
    return found
    yield


def matching(proc: Proc, wanted: str) -> list[str]:
    """Paths that a pattern stands for, sorted."""
    parts = wanted.split("/")
    paths = ["/"] if wanted.startswith("/") else [""]
    for at, part in enumerate(parts):
        if not part:
            continue
        following: list[str] = []
        for base in paths:
            proc.shell.work(5)
            folder = join(proc.state.cwd, base or ".")
            if not patterns.is_pattern(part):
                name = re.sub(r"\\(.)", r"\1", part)
                if proc.files.exists(join(folder, name)) or name in (".", ".."):
                    following.append(f"{base}{name}")
                continue
            if not proc.files.is_directory(folder):
                continue
            one = patterns.glob(part)
            for name in proc.files.names(folder):
                if one.match(name) and (not name.startswith(".") or part.startswith(".")):
                    following.append(f"{base}{name}")
        if at < len(parts) - 1:
            following = [f"{each}/" for each in following if proc.files.is_directory(join(proc.state.cwd, each))]
        paths = following
    return sorted(paths)


# ---- braces


def _braces(word: Word) -> list[Word]:
    """`a{b,c}` is `ab ac`, `{1..3}` is `1 2 3`: only in what is written and not quoted."""
    for at, part in enumerate(word):
        if not isinstance(part, Literal) or part.quoted or "{" not in part.text:
            continue
        for found in _BRACES.finditer(part.text):
            options = _options(found[1])
            if options is None:
                continue
            before, after = part.text[: found.start()], part.text[found.end() :]
            return [
                each
                for option in options
                for each in _braces((*word[:at], Literal(f"{before}{option}{after}"), *word[at + 1 :]))
            ]
    return [word]


def _options(inside: str) -> list[str] | None:
    found = _RANGE.fullmatch(inside)
    if found is None:
        return inside.split(",") if "," in inside else None
    first, last, step = found[1], found[2], abs(int(found[3] or 1)) or 1
    if first.lstrip("-").isdigit() != last.lstrip("-").isdigit():
        return None
    is_number = first.lstrip("-").isdigit()
    start, stop = (int(first), int(last)) if is_number else (ord(first), ord(last))
    if abs(stop - start) // step > 10_000:
        raise ExpansionProblem("limit exceeded: more than 10,000 words in braces")
    numbers = range(start, stop + 1, step) if start <= stop else range(start, stop - 1, -step)
    width = max(len(first), len(last)) if is_number and (first[:1] == "0" or last[:1] == "0") else 0
    return [f"{each:0{width}d}" if is_number else chr(each) for each in numbers]
