"""Faults of English that feedback had once, and how they are found again: for whoever renders feedback in a test."""

from __future__ import annotations

import re

from grader.result import Result, as_text

FAULTS = {
    "one of many": r"(?<![\w.-])1 (?:Pods|replicas|members|claims|fields|lines|points|files|volumes|times|nodes)\b",
    "two dots": r"(?<![./…])\.\.(?![./\w])",
    "a dot and a colon": r"\.:|:\.(?!\d)",
    "said twice": r"\b(not found|the|is|of|to|it|was|has|and)[.:]? \1\b",
    "a value of Python's": r"\b(?:spec|data|says|has|is|was|asks for|called|runs) None\b|\bTrue\b|object at 0x",
    "a name that was not filled in": r"(?<![$<{\w.])\{[a-z_]+\}(?!\})",
    "a blank before a dot": r"\w [.,;](?=\s|$)",
    "a dot alone": r"^\s*\.\s*$",
    "nothing in brackets": r"(?<=\s)\(\)",
}  # fmt: skip


def faults(result: Result) -> list[str]:
    """The lines of the feedback with what is wrong with them; what quotes the answer's own lines is the learner's."""
    shown = [each for each in as_text(result).splitlines() if "│" not in each]
    return [
        f"{what}: {line.strip()}"
        for line in shown
        for what, pattern in FAULTS.items()
        if re.search(pattern, line, re.MULTILINE)
    ]
