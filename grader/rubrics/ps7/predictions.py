"""What is left of a quorum: the questions, and what happened when they were tried."""

from __future__ import annotations

from grader import vocabulary
from grader.choices import one_of
from grader.rubrics.ps7 import losing as runs
from grader.rubrics.ps7 import texts
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict

_NUMBERS = ("three", "four", "announced", "seven", "scaled")
_HINTS = (
    "Write down the number of members that etcd counts, and the majority of that. Who is left?",
    "A write needs a majority of the members that are counted, whether they are there or not. "
    "A member that was announced counts; one whose Pod was scaled away counts still.",
    "A majority of n is n // 2 + 1; the rest may be lost. What a majority has written, every later majority knows. "
    "Only a read that accepts old data needs nobody else. A member without its data is a stranger.",
)

losses = Task(
    "ps7.losses",
    points=16,
    about="Predict what is left of a quorum after eight losses.",
    answer="prediction",
    start=texts.QUESTIONS,
    questions={
        each: vocabulary.COUNT if each in _NUMBERS else vocabulary.STILL_SO
        for each in texts.QUESTIONS.replace(":", "").split()
    },
    hints=_HINTS,
)


@losses.check(points=2, title="three: how many of three may be lost")
def of_three(trial: Trial) -> Verdict:
    return one_of(trial, "three", runs.of_three()["three"])


@losses.check(points=2, title="four: how many of four")
def of_four(trial: Trial) -> Verdict:
    return one_of(trial, "four", runs.of_four())


@losses.check(points=2, title="stale: a read that accepts old data")
def stale_read(trial: Trial) -> Verdict:
    return one_of(trial, "stale", runs.of_three()["stale"])


@losses.check(points=2, title="leader: the last write before its leader was lost")
def after_the_leader(trial: Trial) -> Verdict:
    return one_of(trial, "leader", runs.after_the_leader())


@losses.check(points=2, title="announced: a fourth member that is not there yet")
def with_one_announced(trial: Trial) -> Verdict:
    return one_of(trial, "announced", runs.of_three()["announced"])
