"""How a simple command is read: assignments, words, redirections, here-documents. Source: POSIX XCU 2.9.1, 2.7."""

from __future__ import annotations

import re

from statelab.controlplane.runtime.shell.source import Source
from statelab.controlplane.runtime.shell.syntax import Assignment, HereDocument, Literal, Redirection, Simple, Word
from statelab.controlplane.runtime.shell.words import read_text, read_word

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\[[^\]\n]*\])?(\+?)=")
_REDIRECTION = re.compile(r"(\d*)(<<<|<<-|<<|<&|<>|<|>>|>&|>\||>)|(&>>|&>)")
_TAKE_ARRAYS = frozenset({"export", "local", "declare", "typeset", "readonly"})
_ARRAY_WORDS = frozenset((Literal(each),) for each in _TAKE_ARRAYS)


def read_simple(source: Source) -> Simple:
    assignments: list[Assignment] = []
    words: list[Word | Assignment] = []
    redirections: list[Redirection] = []
    source.skip_blanks()
    line = source.line
    while True:
        source.skip_blanks()
        redirection = _redirection(source)
        if redirection is not None:
            redirections.append(redirection)
            continue
        takes_arrays = bool(words) and words[0] in _ARRAY_WORDS
        if not words or takes_arrays:
            assignment = _assignment(source, arrays_only=bool(words))
            if assignment is not None:
                (words if words else assignments).append(assignment)
                continue
        word = read_word(source)
        if not word:
            break
        words.append(word)
    if not (assignments or words or redirections):
        raise source.unexpected()
    return Simple(tuple(assignments), tuple(words), tuple(redirections), line)


def _assignment(source: Source, *, arrays_only: bool) -> Assignment | None:
    found = _ASSIGNMENT.match(source.text, source.at)
    if found is None:
        return None
    is_array = source.text.startswith("(", found.end())
    if arrays_only and not is_array:
        return None
    source.at = found.end()
    index = None if found[2] is None else read_text(found[2][1:-1])
    if not is_array:
        return Assignment(found[1], read_word(source), index, bool(found[3]))
    source.at += 1
    values: list[Word] = []
    while True:
        source.skip_lines()
        if source.peek() == ")":
            source.at += 1
            return Assignment(found[1], (), index, bool(found[3]), tuple(values))
        word = read_word(source)
        if not word:
            raise source.unexpected()
        values.append(word)


def read_redirections(source: Source) -> tuple[Redirection, ...]:
    found: list[Redirection] = []
    while True:
        source.skip_blanks()
        one = _redirection(source)
        if one is None:
            return tuple(found)
        found.append(one)


def _redirection(source: Source) -> Redirection | None:
    found = _REDIRECTION.match(source.text, source.at)
    if found is None or (found[2] in ("<", ">") and source.text.startswith("(", found.end())):
        return None
    source.at = found.end()
    operator = found[2] or found[3]
    descriptor = int(found[1]) if found[1] else (0 if operator.startswith("<") else 1)
    source.skip_blanks()
    if not operator.startswith("<<") or operator == "<<<":
        word = read_word(source)
        if not word:
            raise source.unexpected()
        return Redirection(descriptor, operator, word)
    start = source.at
    delimiter = read_word(source)
    if not delimiter:
        raise source.unexpected()
    quoted = any(each in source.text[start : source.at] for each in "'\"\\")
    name = "".join(each.text for each in delimiter if isinstance(each, Literal))
    document = HereDocument(quoted, [])
    source.documents.append((name, operator == "<<-", document))
    return Redirection(descriptor, "<<", (), document)
