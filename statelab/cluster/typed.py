"""A kubectl line as a person types it: its words, its comment, and whether only a shell can read it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from statelab.cluster.problem import Problem

_OPERATORS = "|&;<>`"


def words(line: str) -> list[str]:
    """The words of a line without `kubectl`, which who types `%kubectl kubectl get pods` means once, and without a
    comment. Raises Problem where it does not end."""
    if line.rstrip().endswith("\\") and not line.rstrip().endswith("\\\\"):
        raise Problem("The line ends with a \\ and nothing comes after it.", "Leave it out, or write on below it.")
    try:
        found = shlex.split(without_comment(line))
    except ValueError as error:
        raise Problem(f"The line cannot be read: {error}.", "Check its quotes.") from None
    return found[1:] if found[:1] == ["kubectl"] else found


def without_comment(line: str) -> str:
    """The line up to a # that begins a word, as a shell reads it."""
    for at, letter in _outside_of_quotes(line):
        if letter == "#" and (at == 0 or line[at - 1].isspace()):
            return line[:at].rstrip()
    return line


def has_operators(line: str) -> bool:
    """Whether a line has a pipe, a redirection or the like, outside of quotes: then a shell has to read it."""
    line = without_comment(line)
    return any(letter in _OPERATORS or line.startswith("$(", at) for at, letter in _outside_of_quotes(line))


def _outside_of_quotes(line: str) -> Iterator[tuple[int, str]]:
    """The letters that are neither quoted nor quotes, and where."""
    quote, escaped = "", False
    for at, letter in enumerate(line):
        if escaped:
            escaped = False
        elif letter == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        else:
            yield at, letter
