"""How bash's `[[ … ]]` is read. Source: bash's manual, conditional constructs."""

from __future__ import annotations

import re

from statelab.controlplane.runtime.shell.source import META, Source
from statelab.controlplane.runtime.shell.syntax import Command, Condition
from statelab.controlplane.runtime.shell.words import read_word

_UNARY = re.compile(r"-[abcdefghknoprstuwxzLSGOv](?=[ \t\n])")
_BINARY = re.compile(r"(==|=~|!=|=|<|>|-(?:eq|ne|lt|le|gt|ge|nt|ot|ef)(?=[ \t]))")


def read_condition(source: Source) -> Command:
    found = _or(source)
    source.skip_lines()
    if not source.next_is("]]"):
        raise source.unexpected()
    source.at += 2
    return found


def _or(source: Source) -> Condition:
    found = _and(source)
    while True:
        source.skip_lines()
        if not source.next_is("||"):
            return found
        source.at += 2
        found = Condition("or", (), (found, _and(source)))


def _and(source: Source) -> Condition:
    found = _primary(source)
    while True:
        source.skip_lines()
        if not source.next_is("&&"):
            return found
        source.at += 2
        found = Condition("and", (), (found, _primary(source)))


def _primary(source: Source) -> Condition:
    source.skip_lines()
    source.deeper()
    if re.match(r"!\s", source.peek(2)):
        source.at += 1
        found = Condition("not", (), (_primary(source),))
    elif source.peek() == "(":
        source.at += 1
        found = _or(source)
        source.skip_lines()
        source.take(")")
    else:
        found = _comparison(source)
    source.higher()
    return found


def _comparison(source: Source) -> Condition:
    unary = _UNARY.match(source.text, source.at)
    if unary is not None:
        source.at = unary.end()
        source.skip_blanks()
        word = read_word(source)
        if not word:
            raise source.unexpected()
        return Condition(unary[0], (word,))
    left = read_word(source)
    if not left or source.text[source.at - 2 : source.at] == "]]":
        raise source.unexpected()
    source.skip_blanks()
    binary = _BINARY.match(source.text, source.at)
    if binary is None:
        return Condition("", (left,))
    source.at = binary.end()
    source.skip_blanks()
    right = read_word(source, " \t\n" if binary[1] == "=~" else META)
    if not right:
        raise source.unexpected()
    return Condition(binary[1], (left, right))
