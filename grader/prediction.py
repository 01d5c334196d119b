"""A prediction: a mapping of questions to answers, read from the learner's text and held against a run."""

from __future__ import annotations

import re
from typing import Any

from grader.answer import Answer
from statelab.reader import Path_

_SPLIT = re.compile(r"\s*(?:,|->|→|;|\s)\s*")
# What follows an answer that is a word: "yes, because …", "lost (with its claim)".
_REASON = re.compile(r"(?<=\w)\s*(?:[,;(–—]|\s-\s|\bbecause\b|\bsince\b).*", re.DOTALL | re.IGNORECASE)


class Said:
    """The learner's answers. Raises ManifestError at the first question where the text cannot be read."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def _values(self) -> dict[str, tuple[Any, int]]:
        found: dict[str, tuple[Any, int]] = {}
        for manifest in self._answer.manifests:
            for document in manifest.documents:
                answers = _answers(document.value)
                if answers is None:
                    raise manifest.error(
                        "here belongs a question, a colon, a blank, and your answer",
                        document.place(()),
                        "keep the questions as they were given, each on its line; put a # before what else you write",
                    )
                for path, key, value in answers:
                    found[_plain(key)] = (value, document.place((*path, key)).line)
        return found

    def line(self, question: str) -> int | None:
        """The line of the answer to this question."""
        return self._values().get(_plain(question), (None, None))[1]

    def text(self, question: str) -> str | None:
        """One word or phrase, in lower case; None where the question is not answered."""
        value = self._values().get(_plain(question), (None, 0))[0]
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, bool):
            return "yes" if value else "no"
        if not isinstance(value, (str, int, float)):
            return None
        return _plain(_REASON.sub("", str(value))).rstrip(".!?") or None

    def names(self, question: str) -> list[str] | None:
        """Several words, in order: a list, or a line with commas, arrows or blanks between; None if unanswered."""
        value = self._values().get(_plain(question), (None, 0))[0]
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            value = [each for each in _SPLIT.split(str(value).strip(" []")) if each]
        if not isinstance(value, list):
            return None
        return [_plain(str(each)).removeprefix("pod/") for each in value if isinstance(each, (str, int, float))]


def _answers(value: Any) -> list[tuple[Path_, str, Any]] | None:
    """(where, question, answer) each, of a mapping or of a list of them, as bullets make it; None for anything else."""
    if isinstance(value, dict):
        return [((), str(key), each) for key, each in value.items()]
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        return [((place,), str(key), each) for place, found in enumerate(value) for key, each in found.items()]
    return None


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
