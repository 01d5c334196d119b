"""Regular expressions that end: Python's matcher tries one way after the other, and some patterns have more than time.

Two kinds take for ever: a repetition of what can itself be repeated in several ways, `(a+)+`, over a line of thirty
characters, and several repetitions in a row, `a*a*a*a*b`, over one of a thousand. The first is refused when it is read,
the second when it meets such a line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?(?:[:!=P]|<[=!])|.", re.DOTALL)
_VARIES = re.compile(r"[*+?]|\{\d*,\d*\}")
_REPEATED = re.compile(r"[*+]|\{\d*,\d*\}|\{(?:[5-9]|\d\d+)\}")
_QUANTIFIER = re.compile(r"(?:[*+]|\{\d*,\d*\})[?+]?")
_OPTIONAL = re.compile(r"(?<![*+?}\\(])\?")
_MOST_WAYS = 30_000_000  # about a second
_FOUND_SOONER = 64  # a plain character is looked for so much faster


class PatternProblem(ValueError):
    """A pattern that cannot be read, or that could take for ever."""


class Bounded:
    """A compiled pattern. What looks for it raises PatternProblem for a text over which it could take for ever."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        """Raises PatternProblem."""
        check(pattern)
        try:
            self._compiled = re.compile(pattern, flags)
        except (re.error, OverflowError, RecursionError) as error:
            raise PatternProblem(str(error)) from None
        self.pattern, self.flags = pattern, flags
        self._repeats = list(_repeats(pattern, flags))
        self._optional = min(len(_OPTIONAL.findall(pattern)), 30)
        first = _PIECE.match(pattern)
        is_plain = first is not None and _plain(first[0]) and not _VARIES.match(pattern, first.end())
        self._first = _plain(first[0]) if first is not None and is_plain and "|" not in pattern and not flags else ""
        self._is_anchored = pattern.startswith(("^", r"\A")) and "|" not in pattern

    def search(self, text: str) -> re.Match[str] | None:
        return self.over(text).search(text)

    def match(self, text: str) -> re.Match[str] | None:
        return self.over(text, is_anchored=True).match(text)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        return self.over(text).finditer(text)

    def sub(self, new: Callable[[re.Match[str]], str], text: str, count: int = 0) -> str:
        return self.over(text).sub(new, text, count=count)

    def over(self, text: str, *, is_anchored: bool = False) -> re.Pattern[str]:
        """What may look for it in this text, at any place or at one of its beginning. Raises PatternProblem."""
        # How many ways there are: for each repetition, where it may end, after each place where all may begin.
        starts = 1 if is_anchored or self._is_anchored else len(text) + 1
        starts <<= self._optional
        if starts * (len(text) + 1) ** len(self._repeats) > _MOST_WAYS:
            ways = min(starts, (text.count(self._first) + 1) << self._optional) if self._first else starts
            for run, following in self._repeats:
                longest = max((len(each) for each in run.findall(text)), default=0) if run is not None else len(text)
                ends = longest
                if following and not self.flags & re.IGNORECASE:  # it ends before one of these, which are soon found
                    is_within = run is None or run.match(following) is not None
                    ends = min(longest, longest // _FOUND_SOONER + (text.count(following) if is_within else 0))
                ways *= ends + 1
            if ways > _MOST_WAYS:
                raise PatternProblem("limit exceeded: a pattern with so many repetitions, and a line so long")
        return self._compiled


@lru_cache(maxsize=500)
def bounded(pattern: str, flags: int = 0) -> Bounded:
    """`Bounded`, remembered."""
    return Bounded(pattern, flags)


def _repeats(pattern: str, flags: int) -> Iterator[tuple[re.Pattern[str] | None, str]]:
    """Of each repetition: the longest that it may match, where it is of one character; and what follows, if plain."""
    pieces = list(_PIECE.finditer(pattern))
    for piece in pieces:
        quantifier = _QUANTIFIER.match(pattern, piece.end())
        if quantifier is None or piece[0] in "|*+":
            continue
        following = _PIECE.match(pattern, quantifier.end())
        if following is None or (piece[0] == "." and following[0] in ("$", r"\Z")):
            continue  # what comes last never has to end sooner
        after = "" if _VARIES.match(pattern, following.end()) else following[0]
        is_one = piece[0] not in ")" and not re.match(r"\\\d", piece[0])
        yield (re.compile(f"(?:{piece[0]})+", flags) if is_one else None), _plain(after)


def _plain(piece: str) -> str:
    """The character that a piece of a pattern stands for, or ""."""
    if len(piece) == 2 and piece[0] == "\\" and not piece[1].isalnum():
        return piece[1]
    return piece if len(piece) == 1 and piece not in ".^$*+?{}()[]|\\" else ""


def check(pattern: str) -> None:
    """Raises PatternProblem where Python's matcher would try ways without end: (a+)+ or (a|a)* against a long line."""
    # Of each open group: whether what stands before it varies; and where its alternatives begin.
    groups: list[tuple[bool, list[str]]] = [(False, [])]
    begins, varies = True, False
    for piece in _PIECE.finditer(pattern):
        found, varies_here = piece[0], _VARIES.match(pattern, piece.end()) is not None
        if begins and found != ")":  # an alternative, which must not begin as another one does
            groups[-1][1].append(found if found.isalnum() and not varies_here else "")
        begins = found[0] == "(" or found == "|"
        if found[0] == "(":
            groups.append((varies, []))
            varies = False
        elif found == ")" and len(groups) > 1:
            before, firsts = groups.pop()
            varies = varies or (len(firsts) > 1 and ("" in firsts or len(set(firsts)) < len(firsts)))
            if varies and _REPEATED.match(pattern, piece.end()):
                raise PatternProblem("limit exceeded: a repetition of a repetition")
            varies = varies or before
        varies = varies or varies_here
