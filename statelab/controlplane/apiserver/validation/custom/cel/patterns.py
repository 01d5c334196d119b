"""Regular expressions in RE2's grammar and time, as Go has them. Source: apiserver/pkg/cel/library/regex.go."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

try:
    import re2
except ImportError:  # no wheel for this machine, or a browser
    re2 = None
from statelab.controlplane.apiserver.validation.custom.cel.values import CelError, Spend

# What backtracks without end in Python's engine and is linear in RE2: a repeated group that repeats itself.
_INSIDE = r"(?:[^()\\]|\\.)*"
_NESTED_REPEAT = re.compile(rf"\({_INSIDE}(?:[+*}}]|\|){_INSIDE}\)[+*{{]|[+*}}]\)?[^()|]*\)[+*{{]")
MOST_MATCHED = 100_000


@lru_cache(maxsize=512)
def pattern(text: str) -> Any:
    """A regular expression of a stranger, to be searched with. Raises CelError for one that is none.

    RE2, as the real server's: whatever is matched takes time that grows with the text. Where there is no RE2 (in a
    browser) a pattern that might take for ever is not taken.
    """
    if len(text) > 1_000:
        raise CelError("statelab: the pattern is too long")
    if re2 is not None:
        try:
            return re2.compile(text, _quiet())
        except re2.error as error:
            raise CelError(f"error parsing regexp: {_in_go(error, text)}") from None
    if _NESTED_REPEAT.search(text) or re.search(r"\(\?[=!<]|\\[1-9]", text):
        raise CelError(f"statelab: the pattern {text[:60]!r} is not taken here: it might take for ever")
    try:
        return re.compile(re.sub(r"(?<!\\)\\z", r"\\Z", text), re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise CelError(f"error parsing regexp: {error}") from None


# RE2's words for what is wrong, and those of Go's regexp/syntax, where they differ.
_GO_WORDS = {
    "missing ]": "missing closing ]", "missing )": "missing closing )", "unexpected )": "unexpected )",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator", "invalid repetition size": "invalid repeat count",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "trailing \\": "trailing backslash at end of expression",
}  # fmt: skip


def _in_go(error: Exception, text: str) -> str:
    said = error.args[0] if error.args else ""
    words, _, where = (said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)).partition(": ")
    return f"{_GO_WORDS.get(words, words)}: `{text if words in ('missing )', 'unexpected )') else where}`"


def _quiet() -> Any:
    options = re2.Options()
    options.log_errors = False
    return options


def matches(text: str, written: str, spend: Spend) -> bool:
    spend(len(text) // 10 + len(written))
    if len(text) > MOST_MATCHED:
        raise CelError("statelab: the text is too long to be matched")
    return pattern(written).search(text) is not None
