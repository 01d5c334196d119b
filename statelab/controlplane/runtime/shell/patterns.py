"""Patterns of the shell, of grep and of sed, as Python's regular expressions."""

from __future__ import annotations

import re
from functools import lru_cache

from statelab.controlplane.runtime.shell.bounded import Bounded, PatternProblem

_CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "space": r" \t\n\r\f\v",
    "blank": r" \t", "punct": r"!-/:-@\[-`{-~", "print": r" -~", "graph": r"!-~", "xdigit": "0-9A-Fa-f",
    "cntrl": r"\x00-\x1f\x7f",
}  # fmt: skip


def bracket(text: str, at: int) -> tuple[str, int]:
    """`[…]` at `at` as Python writes it, and where it ends; ("\\[", at + 1) when it does not close."""
    end = at + 1
    if text[end : end + 1] in ("!", "^"):
        end += 1
    if text[end : end + 1] == "]":
        end += 1
    inside: list[str] = []
    begins = end - 1 if text[end - 1 : end] == "]" and end - 1 > at else end
    end = begins
    first = True
    while end < len(text):
        char = text[end]
        if char == "]" and not first:
            negated = text[at + 1 : at + 2] in ("!", "^")
            body = "".join(inside)
            nothing = "." if negated else "(?!)"
            return f"[{'^' if negated else ''}{body}]" if body else nothing, end + 1
        first = False
        far = text[end + 2 : end + 3] if text[end + 1 : end + 2] == "-" and char not in "\\[" else ""
        if far not in ("", "]", "\\") and far < char:  # a range that ends before it begins holds nothing
            end += 3
            continue
        named = re.compile(r"\[:(\w+):\]").match(text, end)
        if named and named[1] in _CLASSES:
            inside.append(_CLASSES[named[1]])
            end = named.end()
            continue
        if char == "\\" and end + 1 < len(text) and text[end + 1] in "]\\^-nt":
            inside.append("\\" + text[end + 1])
            end += 2
            continue
        inside.append("\\" + char if char in "\\[]^&~|" else char)
        end += 1
    return r"\[", at + 1


@lru_cache(maxsize=500)
def glob(pattern: str) -> Bounded:
    """A pattern of the shell for a whole text. A backslash makes the next character plain."""
    try:
        return Bounded(glob_text(pattern) + r"\Z", re.DOTALL)
    except PatternProblem:  # a range of what no range is
        return Bounded("(?!)")


@lru_cache(maxsize=500)
def glob_text(pattern: str, *, lazy: bool = False) -> str:
    found: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "*":
            if not found or found[-1] not in (".*", ".*?"):
                found.append(".*?" if lazy else ".*")
            at += 1
        elif char == "?":
            found.append(".")
            at += 1
        elif char == "[":
            text, at = bracket(pattern, at)
            found.append(text)
        elif char == "\\" and at + 1 < len(pattern):
            found.append(re.escape(pattern[at + 1]))
            at += 2
        else:
            found.append(re.escape(char))
            at += 1
    if sum(each in (".*", ".*?") for each in found) > 12:
        raise PatternProblem("limit exceeded: more than 12 stars in a pattern")
    return "".join(found)


def is_pattern(text: str) -> bool:
    """Whether it stands for names: `[` alone, the command, does not."""
    return "*" in text or "?" in text or "]" in text.partition("[")[2]


@lru_cache(maxsize=500)
def regex(text: str, *, extended: bool, ignore_case: bool = False) -> Bounded:
    """A basic or extended regular expression of POSIX, with GNU's `\\w`, `\\b`, `\\+`. Raises PatternProblem."""
    return Bounded(_translate(text, extended), re.IGNORECASE if ignore_case else 0)


def _translate(text: str, extended: bool) -> str:
    found: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        following = text[at + 1 : at + 2]
        if char == "[":
            piece, at = bracket(text, at)
            found.append(piece)
            continue
        if char == "\\" and following:
            at += 2
            if not extended and following in "(){}|+?":
                found.append(following)
            elif following in "wWbBsS":
                found.append("\\" + following)
            elif following in "<>":
                found.append(r"\b(?=\w)" if following == "<" else r"\b(?<=\w)")
            elif following in "nt":
                found.append("\\" + following)
            elif following.isdigit() and following != "0":
                found.append(f"(?:\\{following})")
            elif following in "`'":
                found.append(r"\A" if following == "`" else r"\Z")
            else:
                found.append(re.escape(following))
            continue
        at += 1
        if not extended and char in "(){}|+?":
            found.append("\\" + char)
        elif char == "*" and (not found or found[-1] in ("(", "|", "^")):
            found.append(r"\*" if not extended else "")
        elif not extended and char == "^" and found and found[-1] not in ("(", "|"):
            found.append(r"\^")
        elif not extended and char == "$" and following and text[at : at + 2] not in (r"\)", r"\|"):
            found.append(r"\$")
        elif extended and char == "{" and not re.match(r"\d*,?\d*\}", text[at:]):
            found.append(r"\{")
        else:
            found.append(char)
    return "".join(found)
