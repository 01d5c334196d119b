"""Predictions with few possible answers: held against what a run showed, so that guessing gains nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from grader.prediction import told_unread
from grader.verdict import Verdict, no, of_the_text, partly, yes

if TYPE_CHECKING:
    from grader.trial import Trial

NO_ANSWER = "There is no answer to this question."
NO_ANSWER_TO = "There is no answer to {question}."
NO_ANSWERS = "There are no answers to these questions."


def agrees(trial: Trial, happened: Mapping[str, str], *, options: int = 2) -> Verdict:
    """Question by question, what the learner said beside what happened.

    `options`: how many answers a question can have. Each wrong one takes away what guessing gains on the average, so
    that yes to all of ten questions is worth about nothing. One that is open, or cannot be read, takes nothing away.
    """
    said = {question: trial.said.read(question) for question in happened}
    wrong = [question for question, read in said.items() if read.word != happened[question]]
    if not wrong:
        return yes("") if happened else no(NO_ANSWERS)
    unread = [each for each in wrong if said[each].unread]
    open_ = [each for each in wrong if said[each].is_open]
    line = said[(unread or wrong)[0]].line
    if len(open_) == len(happened):
        return of_the_text(no(NO_ANSWER if len(open_) == 1 else NO_ANSWERS, line=line))
    told = NO_ANSWER_TO.format(question=open_[0]) if open_ else ""
    if unread:
        told = told_unread(unread[0], said[unread[0]], trial.said.kind(unread[0]))
    false = [each for each in wrong if not said[each].unread and not said[each].is_open]
    right = len(happened) - len(wrong)
    if not right and not false:
        return of_the_text(no(told, line=line))
    if len(happened) == 1:
        return no(f"You say {said[wrong[0]].word}. It was otherwise when it was run.", line=line)
    share = max(0.0, (right - len(false) / (options - 1)) / len(happened))
    count = f"{right} of {len(happened)} are so." if right else "None of them is so."
    again = f"Look again at {', '.join(false)}." if false else ""
    verdict = partly(share, " ".join(filter(None, (told, count, again))), line=line)
    return of_the_text(verdict, told, is_right=not false) if told else verdict


def one_of(trial: Trial, question: str, happened: str) -> Verdict:
    """One question with one answer: a word, or a number."""
    return agrees(trial, {question: happened})


def both(*verdicts: Verdict) -> Verdict:
    """Questions of different kinds in one check, each for an equal part of its points."""
    wrong = [each for each in verdicts if not each.passed]
    if not wrong:
        return yes("")
    told = next((each for each in wrong if each.of_text), wrong[0])
    found = partly(sum(each.share for each in verdicts) / len(verdicts), told.message, line=told.line)
    is_right = all(each.is_right for each in wrong)
    return of_the_text(found, told.of_text, is_right=is_right) if told.of_text else found


def in_order(
    trial: Trial, question: str, happened: tuple[str, ...], *, share: float, any_order: bool = False
) -> Verdict:
    """The Pods named in the answer to a question, held against those that it happened to, in order.

    `share`: of the points, for these Pods in another order. `any_order`: then it does not matter.
    """
    read = trial.said.read(question)
    if read.unread:
        return of_the_text(no(told_unread(question, read, trial.said.kind(question)), line=read.line))
    if read.words is None:
        return of_the_text(no(NO_ANSWER, line=read.line))
    said = read.words
    if said == happened or (any_order and sorted(said) == sorted(happened)):
        return yes("")
    if sorted(said) == sorted(happened):
        return partly(share, "These Pods, but not in this order.", line=read.line)
    among = len(set(said) & set(happened))
    return no(f"Not so: of the Pods you name, {among or 'none'} had a part in it.", line=read.line)


__all__ = ["NO_ANSWER", "NO_ANSWER_TO", "agrees", "both", "in_order", "one_of"]
