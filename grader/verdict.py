"""What a check says: yes, no or partly; why, in the learner's terms; what was seen; and on which line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

Evidence = tuple[str, ...]  # lines of the timeline, or what was asked and answered


@dataclass(frozen=True, slots=True)
class Verdict:
    """`share` of the check's points, 0 to 1. `line`: where in the learner's text the cause is, when that is known."""

    share: float
    message: str
    evidence: Evidence = ()
    line: int | None = None
    of_text: str = ""  # what it says of how the answer is written, not of whether it is so: for all to read
    is_right: bool = False  # but for that
    earned: str = ""  # what a share of the points is for, where the message tells only what keeps the rest away

    @property
    def passed(self) -> bool:
        return self.share >= 1.0

    def at(self, line: int | None) -> Verdict:
        """The same verdict, pointing at a line (unless it points at one already)."""
        return self if self.line is not None else replace(self, line=line)


def _lines(evidence: Iterable[str | Iterable[str]]) -> Evidence:
    found: list[str] = []
    for each in evidence:
        found.extend([each] if isinstance(each, str) else each)
    return tuple(found)


def yes(message: str, *evidence: str | Iterable[str], line: int | None = None) -> Verdict:
    """All points."""
    return Verdict(1.0, message, _lines(evidence), line)


def no(message: str, *evidence: str | Iterable[str], line: int | None = None) -> Verdict:
    """No points. The message says what was seen, not what should have been written."""
    return Verdict(0.0, message, _lines(evidence), line)


def of_the_text(verdict: Verdict, said: str = "", *, is_right: bool = True) -> Verdict:
    """With what learners may read though the check is hidden: the words of it, or all, that are about the writing only.

    `is_right`: nothing else is wrong.
    """
    return replace(verdict, of_text=said or verdict.message, is_right=is_right)


def partly(share: float, message: str, *evidence: str | Iterable[str], line: int | None = None) -> Verdict:
    """A share of the points, between 0 and 1. Raises ValueError outside of that."""
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"a share lies between 0 and 1, not at {share}")
    return Verdict(share, message, _lines(evidence), line)


def earning(verdict: Verdict, why: str) -> Verdict:
    """With what its share of the points is for, in a sentence that follows the message."""
    return replace(verdict, earned=why)


def parts(results: Iterable[tuple[bool, str]], right: str) -> Verdict:
    """Equal parts: each is (passed, what to say if not). `right` is said when all are."""
    answers = list(results)
    wrong = [message for passed, message in answers if not passed]
    if not wrong:
        return yes(right)
    share = (len(answers) - len(wrong)) / len(answers)
    return partly(share, wrong[0], *filter(None, wrong[1:6]))
