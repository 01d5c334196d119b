"""How words are read: quotes, `$name`, `${…}`, `$(…)`, `$((…))`, backquotes, braces."""

from __future__ import annotations

import re

from statelab.controlplane.runtime.shell.source import META, Source
from statelab.controlplane.runtime.shell.syntax import (
    Arithmetic,
    Literal,
    Parameter,
    Part,
    Sequence,
    Substitution,
    SyntaxProblem,
    Word,
)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPECIAL = "@*#?$!-0123456789"
_OPERATORS = (":-", ":=", ":?", ":+", "##", "%%", "//", "/#", "/%", "^^", ",,", "-", "=", "?", "+", "#", "%", "/", "^",
              ",", "@", ":")  # fmt: skip
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "v": "\v",
            "\\": "\\", "'": "'", '"': '"', "?": "?"}  # fmt: skip
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|U[0-9a-fA-F]{1,8}|[0-7]{1,3}|.)", re.DOTALL)


def unescape(text: str) -> str:
    """What `$'…'` stands for. A byte that is no character is kept as Python keeps such bytes (surrogateescape)."""

    def one(match: re.Match[str]) -> str:
        found = match[1]
        if found in _ESCAPES:
            return _ESCAPES[found]
        if found[0] in "uU" and len(found) > 1:
            return chr(int(found[1:], 16))
        if (found[0] == "x" and len(found) > 1) or found[0] in "01234567":
            number = int(found[1:], 16) if found[0] == "x" else int(found, 8)
            return bytes([number & 255]).decode(errors="surrogateescape")
        return match[0]

    return _ESCAPE.sub(one, text)


def read_word(source: Source, stops: str = META) -> Word:
    """A word; () where none begins."""
    return _parts(source, stops, quoted=False)


def _parts(source: Source, stops: str, *, quoted: bool) -> Word:
    """Up to one of `stops`. In `quoted` text (`"${x:-…}"`, a here document) a single quote is a character."""
    parts: list[Part] = []
    plain: list[str] = []

    def add(part: Part) -> None:
        if plain:
            parts.append(Literal("".join(plain), quoted))
            plain.clear()
        parts.append(part)

    while not source.ended:
        char = source.peek()
        if char in stops:
            if char not in "<>" or source.peek(2)[1:] != "(" or stops != META:
                break
            source.at += 2
            body = _commands(source)
            if char == ">":
                raise SyntaxProblem("process substitution >(…) is not simulated")
            add(Substitution(body, quoted, as_file=True))
        elif char == "\\":
            following = source.peek(2)[1:]
            source.at += 2
            if following == "\n":
                continue
            if quoted and following not in ("$", "`", '"', "\\", "}"):
                plain.append("\\" + following)
            else:
                add(Literal(following or "\\", True))
        elif char == "'" and not quoted:
            source.at += 1
            add(Literal(source.until("'", "`''"), True))
        elif char == '"':
            source.at += 1
            if quoted:  # inside of "${x:-"…"}": the quotes are taken away
                continue
            inside = _double_quoted(source)
            for part in inside or (Literal("", True),):
                add(part)
        elif char == "$":
            add(read_dollar(source, quoted))
        elif char == "`":
            source.at += 1
            add(_backquoted(source, quoted))
        else:
            plain.append(char)
            source.at += 1
    if plain:
        parts.append(Literal("".join(plain), quoted))
    return tuple(parts)


def _double_quoted(source: Source, closing: str = '"') -> Word:
    parts: list[Part] = []
    plain: list[str] = []
    while True:
        if source.ended:
            if not closing:
                break
            raise SyntaxProblem("unexpected end of file while looking for matching `\"'")
        char = source.peek()
        if char == closing:
            source.at += 1
            break
        if char == "\\":
            following = source.peek(2)[1:]
            source.at += 2
            if following != "\n":
                plain.append(following if following in ("$", "`", "\\") or following == closing else "\\" + following)
        elif char in "$`":
            if plain:
                parts.append(Literal("".join(plain), True))
                plain.clear()
            if char == "$":
                parts.append(read_dollar(source, True))
            else:
                source.at += 1
                parts.append(_backquoted(source, True))
        else:
            plain.append(char)
            source.at += 1
    if plain:
        parts.append(Literal("".join(plain), True))
    return tuple(parts)


def read_text(text: str) -> Word:
    """A text in which only `$`, backquotes and backslashes mean something: a here document, arithmetic."""
    return _double_quoted(Source(text), closing="")


def read_dollar(source: Source, quoted: bool) -> Part:
    if source.next_is("$(("):
        before = source.at
        found = _arithmetic(source)
        if found is not None:
            return Arithmetic(read_text(found), quoted)
        source.at = before
    if source.next_is("$("):
        source.at += 2
        return Substitution(_commands(source), quoted)
    if source.next_is("${"):
        source.at += 2
        source.deeper()
        found_parameter = _braced(source, quoted)
        source.higher()
        return found_parameter
    if source.next_is("$'") and not quoted:
        source.at += 2
        return Literal(_ansi(source), True)
    if source.next_is('$"') and not quoted:
        source.at += 1
        return Literal("", False)
    source.at += 1
    name = _NAME.match(source.text, source.at)
    if name:
        source.at = name.end()
        return Parameter(name[0], quoted=quoted)
    if source.peek() and source.peek() in _SPECIAL:
        source.at += 1
        return Parameter(source.text[source.at - 1], quoted=quoted)
    return Literal("$", quoted)


def _ansi(source: Source) -> str:
    found: list[str] = []
    while True:
        if source.ended:
            raise SyntaxProblem("unexpected end of file while looking for matching `''")
        char = source.peek()
        source.at += 1
        if char == "'":
            return unescape("".join(found))
        if char == "\\":
            char += source.peek()
            source.at += 1
        found.append(char)


def _arithmetic(source: Source) -> str | None:
    """The text of `$((…))`; None when the parentheses are those of `$( (…) )`."""
    source.at += 3
    start, depth = source.at, 0
    while not source.ended:
        char = source.peek()
        source.at += 1
        if char == "\\":
            source.at += 1
        elif char == "(":
            depth += 1
        elif char == ")":
            if depth == 0:
                if source.peek() != ")":
                    return None
                source.at += 1
                return source.text[start : source.at - 2]
            depth -= 1
    raise SyntaxProblem("unexpected end of file while looking for matching `)'")


def _backquoted(source: Source, quoted: bool) -> Part:
    found: list[str] = []
    while True:
        if source.ended:
            raise SyntaxProblem("unexpected end of file while looking for matching ``'")
        char = source.peek()
        source.at += 1
        if char == "`":
            break
        if char == "\\" and source.peek() in ("\\", "`", "$"):
            char = source.peek()
            source.at += 1
        found.append(char)
    from statelab.controlplane.runtime.shell.parser import parse  # it reads words

    return Substitution(parse("".join(found), source.depth + 1), quoted)


def _commands(source: Source) -> Sequence:
    """The commands of `$(…)`, with the parenthesis that closes it."""
    from statelab.controlplane.runtime.shell.parser import until_parenthesis  # it reads words

    return until_parenthesis(source)


def _braced(source: Source, quoted: bool) -> Part:
    """After `${`."""
    length = indirect = False
    if source.peek() == "#" and source.peek(2) != "#}" and not re.match(r"#[-+=?:%#/]", source.peek(2)):
        length = True
        source.at += 1
    elif source.peek() == "!" and source.peek(2) != "!}":
        indirect = True
        source.at += 1
    name = _NAME.match(source.text, source.at) or re.compile(r"\d+|[@*#?$!-]").match(source.text, source.at)
    if name is None:
        if source.ended:
            raise SyntaxProblem("unexpected end of file while looking for matching `}'")
        raise SyntaxProblem("bad substitution")
    source.at = name.end()
    index: Word | None = None
    if source.peek() == "[":
        source.at += 1
        index = _parts(source, "]", quoted=True)
        _expect(source, "]")
    if indirect and source.peek() in ("*", "@") and source.peek(2)[1:] == "}":
        source.at += 2
        return Parameter(name[0], operator="names", quoted=quoted)
    operator = ""
    argument: Word = ()
    replacement: Word | None = None
    if source.peek() != "}":
        operator = next((each for each in _OPERATORS if source.next_is(each)), "")
        if not operator:
            if source.ended:
                raise SyntaxProblem("unexpected end of file while looking for matching `}'")
            raise SyntaxProblem("bad substitution")
        source.at += len(operator)
        if operator.startswith("/"):
            argument = _parts(source, "/}", quoted=False)
            if source.peek() == "/":
                source.at += 1
                replacement = _parts(source, "}", quoted=quoted)
        elif operator == ":":
            argument = _parts(source, ":}", quoted=True)
            if source.peek() == ":":
                source.at += 1
                replacement = _parts(source, "}", quoted=True)
        else:
            is_pattern = operator[0] in "#%^,"
            argument = _parts(source, "}", quoted=quoted and not is_pattern)
    _expect(source, "}")
    return Parameter(name[0], index, operator, argument, replacement, quoted, length, indirect)


def _expect(source: Source, char: str) -> None:
    if source.ended:
        raise SyntaxProblem(f"unexpected end of file while looking for matching `{char}'")
    if source.peek() != char:
        raise SyntaxProblem("bad substitution")
    source.at += 1
