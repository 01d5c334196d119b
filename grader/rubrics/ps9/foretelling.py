"""ps9.next: what a loop does when it is called next."""

from __future__ import annotations

from grader.choices import in_order, one_of
from grader.rubrics.ps9 import desks
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict

following = Task(
    "ps9.next",
    points=20,
    about="Predict what a loop does when it is called next, whatever happened before.",
    answer="prediction",
    start=desks.START,
    questions=desks.QUESTIONS,
    hints=(
        "The loop knows nothing of what happened. What does it see when it is called?",
        "Go through it line by line with the number of Pods that are there, and the number that is wanted.",
        "A Pod that is stopping counts among names, and not among ready. One call does one thing.",
    ),
)


@following.check(points=2.5, title="asleep: front-1 was deleted while the loop was not running")
def after_its_sleep(trial: Trial) -> Verdict:
    return _foretold(trial, "asleep")


@following.check(points=2.5, title="again: everything is as it should be, and the loop is called again")
def called_again(trial: Trial) -> Verdict:
    return _foretold(trial, "again")


@following.check(points=2.5, title="stopping: front-1 has been asked to stop, and has not stopped yet")
def while_one_stops(trial: Trial) -> Verdict:
    return _foretold(trial, "stopping")


@following.check(points=2.5, title="stranger: somebody has made a Pod annex-0 with the label desk: front")
def with_a_stranger(trial: Trial) -> Verdict:
    return _foretold(trial, "stranger")


@following.check(points=2.5, title="who-goes: with annex-0 there, which Pod is deleted?")
def who_has_to_go(trial: Trial) -> Verdict:
    return in_order(trial, "who-goes", desks.who_goes(), share=0.25)


@following.check(points=2.5, title="by-hand: somebody has written 7 into status.ready")
def written_by_hand(trial: Trial) -> Verdict:
    return _foretold(trial, "by-hand")


def _foretold(trial: Trial, question: str) -> Verdict:
    return one_of(trial, question, desks.situations()[question])
