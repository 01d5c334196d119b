"""Variations of ps7 that learners do not see. nbgrader's configuration keeps this file out of every release."""

from __future__ import annotations

from dataclasses import replace

from grader.choices import one_of
from grader.diagnosis import not_there, pods_not_ready
from grader.rubrics.ps7 import archive, budget, budgets, etcd, ledger, losses, quorum, shutdown, slow, texts
from grader.rubrics.ps7.losing import formed, lose, most_that_may_go
from grader.shared import remembered
from grader.trial import Trial
from grader.verdict import Verdict, yes

ELSEWHERE = "It does not hold in another namespace. What of your answer has to change with it?"
IT_DEPENDS = "It does not hold when the number of members is another. What of your answer has to change with it?"
SEEN_LATER = "This one is looked at when you hand in; it was otherwise when it was tried."

# ---- a stop that loses nothing


@shutdown.check(
    points=3,
    title="It holds elsewhere, for three members, on a bad day",
    hidden="Nearly ten entries in memory, late writers, and an eviction, elsewhere: something is lost.",
    needs="virtual time",
)
def on_a_bad_day(trial: Trial) -> Verdict:
    if trial.get(ledger.SET) is None:
        return not_there(trial, ledger.SET)
    other = trial.again(namespace="bank-7").settle()
    if other.get(ledger.SET) is None:
        return not_there(other, ledger.SET)
    other.scale(ledger.SET, 3).settle()
    problem = pods_not_ready(other, ledger.SET, 3)
    problem = problem or ledger.keeps(other, "ledger-2", ledger.NEARLY_ALL, late=True, how="evict")
    return problem or yes("")


# ---- a probe that does not kill


@slow.check(points=3, title="It holds with a long log", hidden="A replay of nearly five minutes is too long for it.")
def long_log(trial: Trial) -> Verdict:
    given = replace(trial.task, given=texts.archive(texts.LONG_S))
    return archive.with_a_long_log(trial.beside(given, trial.answer, namespace="attic")) or yes("")


@slow.check(
    points=1,
    title="A start that never ends is given up",
    hidden="A replay that never comes to its end is not given up between five minutes and a quarter of an hour.",
)
def endless_start(trial: Trial) -> Verdict:
    problem = archive.starts(trial)  # what gives up any start is no credit to it
    if problem is not None:
        return problem
    given = replace(trial.task, given=texts.archive(texts.ENDLESS_S))
    return archive.gives_an_endless_start_up(trial.beside(given, trial.answer)) or yes("")


# ---- an etcd that forms


@etcd.check(points=2, title="It holds in another namespace", hidden=ELSEWHERE)
def formed_elsewhere(trial: Trial) -> Verdict:
    other = trial.again(namespace="vault-7").settle()
    problem = quorum.is_there(other) or quorum.is_one_cluster(other) or quorum.replicates(other, "elsewhere")
    return problem or yes("")


# ---- what is left of a quorum


@remembered
def _of_seven() -> str:
    return str(most_that_may_go(formed(7), 7))


@remembered
def _after_scaling() -> str:
    trial = formed(5)
    lose(trial, 3)
    return str(most_that_may_go(trial, 3))


@remembered
def _a_stranger() -> str:
    trial = formed(3)
    trial.delete("pvc/data-kv-2").delete("pod/kv-2")
    trial.wait(60)
    pod = trial.get("pod/kv-2")
    return "yes" if pod is not None and pod.ready else "no"


@losses.check(points=2, title="seven: how many of seven", hidden=SEEN_LATER)
def of_seven(trial: Trial) -> Verdict:
    return one_of(trial, "seven", _of_seven())


@losses.check(points=2, title="scaled: how many more, after the set of five was scaled to three", hidden=SEEN_LATER)
def after_scaling(trial: Trial) -> Verdict:
    return one_of(trial, "scaled", _after_scaling())


@losses.check(points=2, title="wiped: a member whose claim was deleted with its Pod", hidden=SEEN_LATER)
def a_stranger(trial: Trial) -> Verdict:
    return one_of(trial, "wiped", _a_stranger())


# ---- a budget


@budget.check(points=3, title="It holds for other numbers", hidden=IT_DEPENDS, needs="virtual time")
def other_numbers(trial: Trial) -> Verdict:
    return budgets.for_numbers(trial, (4, 5, 6, 7)) or yes("")
