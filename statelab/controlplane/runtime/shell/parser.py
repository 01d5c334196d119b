"""How commands are read: POSIX' grammar (XCU 2.10), with bash's `[[ ]]`, `(( ))`, `function` and arrays."""

from __future__ import annotations

import re
from collections.abc import Callable

from statelab.controlplane.runtime.shell.parser_condition import read_condition
from statelab.controlplane.runtime.shell.parser_simple import read_redirections, read_simple
from statelab.controlplane.runtime.shell.source import Source
from statelab.controlplane.runtime.shell.syntax import (
    AndOr,
    ArithmeticCommand,
    Case,
    Command,
    For,
    ForArithmetic,
    Function,
    Group,
    If,
    Literal,
    Pipeline,
    Redirected,
    Redirection,
    Sequence,
    SyntaxProblem,
    While,
    Word,
)
from statelab.controlplane.runtime.shell.words import read_text, read_word

_RESERVED = re.compile(
    r"(?:if|then|elif|else|fi|while|until|for|do|done|case|esac|in|function|!|\{|\}|\[\[)(?=[ \t\n;&|<>()]|$)"
)
_CLOSING = frozenset({"then", "elif", "else", "fi", "do", "done", "esac", "}"})
_FUNCTION = re.compile(r"([A-Za-z_:.][A-Za-z0-9_:.-]*)[ \t]*\([ \t]*\)")


def parse(text: str, depth: int = 0) -> Sequence:
    """Read a whole script. Raises SyntaxProblem."""
    source = Source(text)
    source.depth = depth
    found = _sequence(source, frozenset())
    if not source.ended:
        raise source.unexpected()
    return found


def until_parenthesis(source: Source) -> Sequence:
    """The commands up to the parenthesis that closes a substitution."""
    source.deeper()
    found = _sequence(source, frozenset())
    source.skip_lines()
    source.take(")")
    source.higher()
    return found


def _reserved(source: Source) -> str:
    found = _RESERVED.match(source.text, source.at)
    return found[0] if found else ""


def _expect(source: Source, word: str) -> None:
    source.skip_lines()
    if _reserved(source) != word:
        raise source.unexpected()
    source.at += len(word)


def _sequence(source: Source, ends: frozenset[str]) -> Sequence:
    items: list[tuple[Command, bool]] = []
    while True:
        source.skip_lines()
        if source.ended or source.peek() == ")" or source.next_is(";;") or source.next_is(";&"):
            break
        word = _reserved(source)
        if word in ends:
            break
        if word in _CLOSING:
            raise source.unexpected()
        command = _and_or(source)
        source.skip_blanks()
        background = source.peek() == "&" and not source.next_is("&&")
        if background or (source.peek() == ";" and source.peek(2) not in (";;", ";&")):
            source.at += 1
            items.append((command, background))
            continue
        items.append((command, False))
        if source.peek() == "\n":
            continue
        if source.ended or source.peek() == ")" or source.next_is(";;") or source.next_is(";&"):
            break
        if _reserved(source) in ends and ends:
            break
        raise source.unexpected()
    return Sequence(tuple(items))


def _block(source: Source, *ends: str) -> Sequence:
    """A sequence that may not be empty, up to a word that is left where it is."""
    found = _sequence(source, frozenset(ends))
    if not found.items or _reserved(source) not in ends:
        raise source.unexpected()
    return found


def _and_or(source: Source) -> Command:
    first = _pipeline(source)
    rest: list[tuple[str, Command]] = []
    while True:
        source.skip_blanks()
        operator = source.peek(2)
        if operator not in ("&&", "||"):
            return AndOr(first, tuple(rest)) if rest else first
        source.at += 2
        source.skip_lines()
        rest.append((operator, _pipeline(source)))


def _pipeline(source: Source) -> Command:
    negated = False
    while _reserved(source) == "!":
        source.at += 1
        negated = not negated
        source.skip_blanks()
    commands = [_command(source)]
    while True:
        source.skip_blanks()
        if source.peek() != "|" or source.next_is("||"):
            break
        source.at += 1
        if source.peek() == "&":
            source.at += 1
            commands[-1] = Redirected(commands[-1], (Redirection(2, ">&", (Literal("1"),)),))
        source.skip_lines()
        commands.append(_command(source))
    return Pipeline(tuple(commands), negated) if negated or len(commands) > 1 else commands[0]


def _command(source: Source) -> Command:
    source.deeper()
    word = _reserved(source)
    compound = _COMPOUND.get(word)
    found: Command
    if compound is not None:
        source.at += len(word)
        found = compound(source)
    elif source.next_is("(("):
        before = source.at
        try:
            found = ArithmeticCommand(read_text(_double_parentheses(source)))
        except SyntaxProblem:
            source.at = before
            found = _subshell(source)
    elif source.peek() == "(":
        found = _subshell(source)
    else:
        function = _FUNCTION.match(source.text, source.at)
        if function is not None and function[1] not in _COMPOUND and function[1] not in _CLOSING:
            source.at = function.end()
            source.skip_lines()
            found = Function(function[1], _command(source))
            source.higher()
            return found
        found = read_simple(source)
        source.higher()
        return found
    redirections = read_redirections(source)
    source.higher()
    return Redirected(found, redirections) if redirections else found


def _subshell(source: Source) -> Command:
    source.at += 1
    body = _sequence(source, frozenset())
    source.skip_lines()
    if not body.items:
        raise source.unexpected()
    source.take(")")
    return Group(body, subshell=True)


def _braces(source: Source) -> Command:
    body = _block(source, "}")
    _expect(source, "}")
    return Group(body)


def _if(source: Source) -> Command:
    branches = []
    while True:
        condition = _block(source, "then")
        _expect(source, "then")
        branches.append((condition, _block(source, "elif", "else", "fi")))
        word = _reserved(source)
        source.at += len(word)
        if word == "elif":
            continue
        otherwise = None
        if word == "else":
            otherwise = _block(source, "fi")
            _expect(source, "fi")
        return If(tuple(branches), otherwise)


def _do(source: Source) -> Sequence:
    _expect(source, "do")
    body = _block(source, "done")
    _expect(source, "done")
    return body


def _while(source: Source) -> Command:
    return While(_block(source, "do"), _do(source))


def _until(source: Source) -> Command:
    return While(_block(source, "do"), _do(source), until=True)


def _for(source: Source) -> Command:
    source.skip_blanks()
    if source.next_is("(("):
        parts = _double_parentheses(source).split(";")
        if len(parts) != 3:
            raise SyntaxProblem("syntax error: arithmetic for needs three expressions")
        source.skip_blanks()
        if source.peek() == ";":
            source.at += 1
        first, condition, step = (read_text(each) for each in parts)
        return ForArithmetic(first, condition, step, _do(source))
    name = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").match(source.text, source.at)
    if name is None:
        raise source.unexpected()
    source.at = name.end()
    source.skip_lines()
    words: list[Word] | None = None
    if _reserved(source) == "in":
        source.at += 2
        words = []
        while True:
            source.skip_blanks()
            word = read_word(source)
            if not word:
                break
            words.append(word)
    source.skip_blanks()
    if source.peek() == ";":
        source.at += 1
    return For(name[0], None if words is None else tuple(words), _do(source))


def _case(source: Source) -> Command:
    source.skip_blanks()
    word = read_word(source)
    if not word:
        raise source.unexpected()
    _expect(source, "in")
    branches: list[tuple[tuple[Word, ...], Sequence, str]] = []
    while True:
        source.skip_lines()
        if _reserved(source) == "esac":
            source.at += 4
            return Case(word, tuple(branches))
        if source.peek() == "(":
            source.at += 1
        patterns = []
        while True:
            source.skip_blanks()
            pattern = read_word(source)
            if not pattern:
                raise source.unexpected()
            patterns.append(pattern)
            source.skip_blanks()
            if source.peek() != "|":
                break
            source.at += 1
        source.take(")")
        body = _sequence(source, frozenset({"esac"}))
        end = next((each for each in (";;&", ";;", ";&") if source.next_is(each)), "")
        source.at += len(end)
        branches.append((tuple(patterns), body, end or ";;"))
        if not end:
            source.skip_lines()
            if _reserved(source) != "esac":
                raise source.unexpected()


def _function(source: Source) -> Command:
    source.skip_blanks()
    name = read_word(source)
    if not name or not isinstance(name[0], Literal):
        raise source.unexpected()
    source.skip_blanks()
    if source.peek() == "(":
        source.at += 1
        source.skip_blanks()
        source.take(")")
    source.skip_lines()
    return Function(name[0].text, _command(source))


def _double_parentheses(source: Source) -> str:
    """The text of `((…))`."""
    start, depth = source.at + 2, 0
    at = start
    while at < len(source.text):
        char = source.text[at]
        if char == "(":
            depth += 1
        elif char == ")":
            if depth == 0:
                if source.text[at : at + 2] != "))":
                    break
                source.at = at + 2
                return source.text[start:at]
            depth -= 1
        at += 1
    raise SyntaxProblem("syntax error: unexpected end of file")


_COMPOUND: dict[str, Callable[[Source], Command]] = {
    "{": _braces,
    "if": _if,
    "while": _while,
    "until": _until,
    "for": _for,
    "case": _case,
    "function": _function,
    "[[": read_condition,
}
