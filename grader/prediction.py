"""A prediction: answers to questions, read from the learner's text in the ways people write them.

What cannot be read is no wrong answer: it is named, and so are the words that can be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from grader.answer import Answer
from grader.vocabulary import DASHES, NOBODY, NUMBERS, Kind
from statelab.reader import Path_

# What follows an answer: "yes, because …", "lost (with its claim)".
_REASON = re.compile(
    r"\s*(?:[,;(（，；–—#]|\s-\s|[.:]\s|\b(?:because|since|as|with|so|due to)\b).*", re.DOTALL | re.IGNORECASE
)
_WHY = re.compile(r"\s*(?:[(（#]|\bbecause\b|\bsince\b|\.\s(?=[A-Za-z]+ )).*", re.DOTALL | re.IGNORECASE)
_THEN = re.compile(r"\s*(?:and|but|later|or|then)\b(?:\s+(?:later|then))?")
_MARKUP = re.compile(r"[`*\"'“”‘’„]|(?<![a-z0-9])_|_(?![a-z0-9])")
_QUESTION = re.compile(
    r"[\s>|]*(?:[-*•+]\s+|\d+[.)]\s+)?[`*\"'_]*([A-Za-z0-9][\w.-]*)[`*\"'_]*(?:\s*(?:[:=|→：]|->|=>)|\s[-–—]\s)(.*)"
)
_ITEM = re.compile(r"\s*(?:[-*•+]\s+|\d+[.)]\s+)(.+)")
_BETWEEN = re.compile(r"(?<=\d)\s*/\s*|\s*(?:[,;|&+<>，、]|->|=>|→|⇒|-->|\s)\s*")
_AMONG_NAMES = frozenset(
    "and then first second third next last lastly finally before pod pods the of only just it is are in order this all "  # noqa: SIM905
    "them afterwards that followed by follows follow comes come new goes go".split()
)
_RANGE = re.compile(r"(\d+)\s*(?:…|\bto\b|\bthrough\b|–|—)\s*(?:[a-z][a-z0-9-]*-)?(\d+)\b")
_ASIDE = re.compile(r"\(([^()]*)\)")
# "db-0, the others never start": such a part names nobody, and no part of an order.
_PART = re.compile(r"[,;.]\s+(?=[a-z])")
_NO_NAME = re.compile(
    r"(?:the (?:last|first|highest|lowest|only)|it is|it's|that is|which is) (?!.*\b(?:others?|rest|all|then|and)\b).*|"
    r".*(?:\b(?:not|never|no|none|cannot|nobody|nothing|waits?|stays?)\b|n't\b).*",
    re.DOTALL,
)
_SEVERAL = re.compile(r"\s*(?:,|&|\+|\band\b)\s*")
_QUESTIONS = re.compile(r"([A-Za-z0-9][\w.-]*(?:\s*(?:,|&|\+|\band\b)\s*[A-Za-z0-9][\w.-]*)+)\s*[:=]\s*(.+)")
_DOTS = re.compile(r"\s*,?\s*(?:\.{2,}|…)\s*,?\s*")
_MOST_NAMES = 20
UNREAD = "“{text}” cannot be read as an answer to {question}: write {choices}."


@dataclass(frozen=True, slots=True)
class Read:
    """One answer: `words`, or why there are none: `unread` is what was written and cannot be read; else it is open."""

    words: tuple[str, ...] | None = None
    unread: str = ""
    line: int | None = None

    @property
    def word(self) -> str | None:
        return self.words[0] if self.words else None

    @property
    def is_open(self) -> bool:
        """Nothing has been written."""
        return self.words is None and not self.unread


class Said:
    """The learner's answers. Raises ManifestError at the first question where the text is no list of answers."""

    def __init__(self, answer: Answer, questions: Mapping[str, Kind], start: str = "") -> None:
        self._answer = answer
        self._questions = {_plain(each): kind for each, kind in questions.items()}
        self._start = {line.strip() for line in start.splitlines()}

    @cached_property
    def _values(self) -> dict[str, tuple[Any, int]]:
        lines = self._by_lines()
        if lines is not None:
            return lines
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

    def _by_lines(self) -> dict[str, tuple[Any, int]] | None:
        """Each line a question and its answer, however they are marked; None where some line is neither."""
        found: dict[str, tuple[Any, int]] = {}
        now = ""
        for number, line in enumerate(self._answer.text.replace("\t", " ").splitlines(), 1):
            text = line.partition(" #")[0].strip()
            if not text or text.startswith("#") or set(text) <= set("-|: =+"):
                continue
            question = _QUESTION.fullmatch(text)
            if question and _plain(question[1]) in self._questions:
                now = _plain(question[1])
                value = "" if text in self._start else question[2].strip().rstrip("|").strip()
                before = found.get(now, ("", 0))[0]
                if before and value and before != value:
                    found[now] = (f"{before[:60]} / {value}", number)  # two answers are none, and are named
                elif value or now not in found:  # what is written twice, once empty, is written
                    found[now] = (value, number)
            elif (several := _QUESTIONS.fullmatch(_MARKUP.sub("", text))) and self._are_asked(several[1]):
                for each in _SEVERAL.split(several[1]):
                    before = found.get(_plain(each), ("", 0))[0]
                    both = before and before != several[2]
                    found[_plain(each)] = (f"{before[:60]} / {several[2]}" if both else several[2], number)
            elif now and (item := _ITEM.fullmatch(line)):
                value, at_line = found[now]
                found[now] = (f"{value}, {item[1]}".strip(", "), at_line)
            elif not text.startswith("|"):  # a table's heading
                return None
        return found or None

    def _are_asked(self, names: str) -> bool:
        return all(_plain(each) in self._questions for each in _SEVERAL.split(names))

    def read(self, question: str) -> Read:
        """What was answered to this question."""
        kind = self._questions[_plain(question)]
        value, line = self._values.get(_plain(question), (None, None))
        if isinstance(value, list):
            value = ", ".join("?" if isinstance(each, (dict, list)) else str(each) for each in value)
        if isinstance(value, bool):
            value = "yes" if value else "no"
        if value is None:
            return Read(line=line)
        written = " ".join(str(value)[:1000].split())
        text = _MARKUP.sub("", written).lower().strip()
        text = text.strip("[]").strip() if kind.stem else text.strip("[]{}").strip()
        is_dash = text in DASHES and not self._says_nothing(kind)
        if is_dash or text in ("~", "null") or not text.strip("?.…_ "):
            return Read(line=line)
        if kind.stem and re.fullmatch(rf"(?:{re.escape(kind.stem)}-\?[\s,]*)+", text):
            return Read(line=line)
        words = _names(text, kind.stem) if kind.stem else _word(text, kind)
        return Read(words, "" if words is not None else written[:60], line)

    def _says_nothing(self, kind: Kind) -> bool:
        """Whether a dash is an answer: it can be one here, and not every place that was empty has one."""
        return kind.has_nothing and any(str(value or "-") not in DASHES for value, _ in self._values.values())

    def unread(self) -> list[tuple[int, str]]:
        """By line, what was written and cannot be read as an answer; and questions that nobody has asked."""
        found = []
        for question, kind in self._questions.items():
            read = self.read(question)
            if read.unread:
                found.append((read.line or 1, told_unread(question, read, kind)))
        for key, (value, line) in self._values.items():
            if key not in self._questions and value not in (None, ""):
                found.append((line, f"“{key[:60]}” is none of the questions."))
        return sorted(found)

    def kind(self, question: str) -> Kind:
        """How this question may be answered."""
        return self._questions[_plain(question)]


def told_unread(question: str, read: Read, kind: Kind) -> str:
    """What is said of an answer that cannot be read."""
    return UNREAD.format(text=read.unread, question=question, choices=kind.choices)


def read_all(answer: Answer, questions: Mapping[str, Kind], start: str) -> list[tuple[int, str]]:
    """What of a prediction cannot be read, by line. Raises ManifestError where it is no list of answers at all."""
    return Said(answer, questions, start).unread()


def _word(text: str, kind: Kind) -> tuple[str, ...] | None:
    bare = _REASON.sub("", text)
    found = kind.word(text) or kind.word(bare) or kind.nearly(text) or kind.nearly(bare)
    others = [_THEN.sub("", each) for each in re.split(r"[,;]", text)] + _ASIDE.findall(text)
    if kind.is_number:  # "3, four are left" gives a reason, "3, or 4" does not
        others = [each for each in others if kind.is_plain(each)]
    also = {kind.word(each) for each in others} - {None, found}
    return (found,) if found is not None and not also else None


def _names(text: str, stem: str) -> tuple[str, ...] | None:
    """Names of Pods, in order. Numbers alone are ordinals; beside names they are those of a list. None: unreadable."""
    text = _WHY.sub(lambda why: "" if stem not in why[0] or why[0].strip()[0] != "." else why[0], _ASIDE.sub(" ", text))
    first, *more = _PART.split(text)
    text = ", ".join([first, *(each for each in more if stem in each or not _NO_NAME.fullmatch(each))])
    if text.strip(" .!") in NOBODY:
        return ()
    text = _DOTS.sub(" … ", re.sub(r"\b(?:down|up) to\b", "to", text.removeprefix("from ")))
    for _ in range(_MOST_NAMES):
        text = _RANGE.sub(_spelt_out, text)
    tokens = [each.strip(".:!()") for each in _BETWEEN.split(text)]
    raw = [each for each in tokens if each and each not in _AMONG_NAMES]
    has_names = any(each.removeprefix("pod/").startswith(f"{stem}-") for each in raw)
    found = []
    for each in raw:
        ordinal = str(NUMBERS.index(each)) if each in NUMBERS else each
        if ordinal.isascii() and ordinal.isdigit():
            if not has_names:
                found.append(f"{stem}-{int(ordinal[:6])}")
            continue
        name = each.removeprefix("pods/").removeprefix("pod/").partition(".")[0]
        if not re.fullmatch(r"[a-z][a-z0-9-]*-\d{1,6}", name):
            return None
        found.append(name)
    return tuple(found[:_MOST_NAMES]) if found else None


def _spelt_out(found: re.Match[str]) -> str:
    first, last = int(found[1]), int(found[2])
    if abs(last - first) > _MOST_NAMES:
        return found[0]
    stem = found.string[: found.start()].rpartition(" ")[2].rpartition(",")[2]  # db- before the first number
    way = range(first, last + 1) if last >= first else range(first, last - 1, -1)
    return f", {stem}".join(str(each) for each in way)


def _answers(value: Any) -> list[tuple[Path_, str, Any]] | None:
    """(where, question, answer) each, of a mapping or of a list of them, as bullets make it; None for anything else."""
    if isinstance(value, dict):
        return [((), str(key), each) for key, each in value.items()]
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        return [((place,), str(key), each) for place, found in enumerate(value) for key, each in found.items()]
    return None


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


__all__ = ["Read", "Said", "read_all", "told_unread"]
