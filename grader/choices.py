"""Predictions with few possible answers: held against what a run showed, so that guessing gains nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from grader.verdict import Verdict, no, partly, yes

if TYPE_CHECKING:
    from grader.trial import Trial

NO_ANSWER = "There is no answer to this question."


def agrees(trial: Trial, happened: Mapping[str, str], *, options: int = 2) -> Verdict:
    """Question by question, what the learner said beside what happened.

    `options`: how many answers a question can have. Each wrong one takes away what guessing gains on the average, so
    that yes to all of ten questions is worth about nothing.
    """
    said = {question: trial.said.text(question) for question in happened}
    wrong = [question for question, answer in said.items() if answer != happened[question]]
    if not wrong:
        return yes("")
    line = trial.said.line(wrong[0])
    open_ = [question for question in wrong if said[question] is None]
    if len(open_) == len(happened):
        return no(NO_ANSWER if len(open_) == 1 else "There are no answers to these questions.", line=line)
    if len(happened) == 1:
        return no(f"You say {said[wrong[0]]}. It was otherwise when it was run.", line=line)
    right = len(happened) - len(wrong)
    share = max(0.0, (right - (len(wrong) - len(open_)) / (options - 1)) / len(happened))
    count = f"{right} of {len(happened)} are so." if right else "None of them is so."
    return partly(share, f"{count} Look again at {', '.join(wrong)}.", line=line)


def one_of(trial: Trial, question: str, happened: str) -> Verdict:
    """One question with one answer: a word, or a number."""
    return agrees(trial, {question: happened})


__all__ = ["NO_ANSWER", "agrees", "one_of"]
