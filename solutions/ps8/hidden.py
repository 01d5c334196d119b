"""Variations of ps8 that learners do not see. nbgrader's configuration keeps this file out of every release."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from grader.diagnosis import gave_up_waiting, not_there, pods_not_ready
from grader.rubrics.ps8 import backup, beside, grow, move, texts
from grader.rubrics.ps8.backups import copied
from grader.rubrics.ps8.besides import mondays_orders, old_runs_on, one_cluster
from grader.rubrics.ps8.disks import MEMBERS, begun, books_are_there, disks_are_large, nobody_noticed, the_fourth_too
from grader.rubrics.ps8.moves import all_there, has_moved, is_the_set, one_at_a_time
from grader.tasks import AT_ONCE_S, SLOW_TYPIST_S
from grader.trial import Trial
from grader.verdict import Verdict, no, yes

ELSEWHERE = "It does not hold in another namespace, or at another pace. What of your answer is about this one?"
AFTERWARDS = "What your lines leave behind does not work for what comes next. What else have they changed?"


def elsewhere(trial: Trial, pace_s: float = SLOW_TYPIST_S) -> Trial:
    """The same lines in another namespace, at another pace."""
    return Trial(trial.task, trial.answer, namespace="blue", seed=3, limits=trial.limits, pace_s=pace_s).settle()


def hold_elsewhere(trial: Trial, other: Trial, *checks: Callable[[Trial], Verdict]) -> Verdict:
    """The same lines in another trial. Those that gave up waiting, and went on, do not hold there."""
    return gave_up_waiting(trial) or all_hold(other, *checks)


def all_hold(trial: Trial, *checks: Callable[[Trial], Verdict]) -> Verdict:
    """The first of these checks that fails, with where it was seen; the others are not tried any more."""
    for check in checks:
        verdict = check(trial)
        if not verdict.passed:
            return no(f"In {trial.namespace}: {verdict.message}", verdict.evidence)
    return yes("")


@backup.check(
    points=2,
    title="It holds in another namespace",
    hidden="It does not hold in another namespace. What of your answer is about this one?",
)
def copied_elsewhere(trial: Trial) -> Verdict:
    if trial.item("CronJob", "backup") is None:
        return not_there(trial, "cronjob/backup")
    return all_hold(trial.again(namespace="blue").settle(), copied)


@beside.check(points=4, title="It holds for another Monday, in another namespace", hidden=ELSEWHERE)
def restored_elsewhere(trial: Trial) -> Verdict:
    return hold_elsewhere(trial, elsewhere(trial, AT_ONCE_S), one_cluster, mondays_orders, old_runs_on)


@grow.check(points=2, title="The next version rolls out, on the same disks", hidden=AFTERWARDS)
def the_next_version(trial: Trial) -> Verdict:
    problem = begun(trial)
    if problem is not None:
        return problem
    seen = trial.get("statefulset/ledger")
    if seen is None:
        return no("There is no StatefulSet ledger.")
    container = dict(seen.at("spec", "template", "spec", "containers", 0))
    container["image"] = "registry.k8s.io/nginx-slim:0.25"
    trial.patch("statefulset/ledger", {"spec": {"template": {"spec": {"containers": [container]}}}}).settle()
    problem = pods_not_ready(trial, "statefulset/ledger", len(MEMBERS))
    if problem is not None:
        return problem
    old = [each.name for each in trial.pods_of("statefulset/ledger") if each.images != (container["image"],)]
    return no(f"{', '.join(old)} was not replaced.") if old else all_hold(trial, books_are_there)


@grow.check(points=1, title="It holds in another namespace, and at another pace", hidden=ELSEWHERE)
def grown_elsewhere(trial: Trial) -> Verdict:
    checks = (disks_are_large, nobody_noticed, books_are_there, the_fourth_too)
    return hold_elsewhere(trial, elsewhere(trial), *checks)


@move.check(points=1, title="Scaled to two, db-1 has a disk of its own", hidden=AFTERWARDS)
def the_second_too(trial: Trial) -> Verdict:
    problem = has_moved(trial)
    if problem is not None:
        return problem
    trial.scale("statefulset/db", 2).settle()
    problem = pods_not_ready(trial, "statefulset/db", 2)
    if problem is not None:
        return problem
    volumes = [pvc.at("spec", "volumeName") for name in ("data-db-0", "data-db-1") if (pvc := trial.get(f"pvc/{name}"))]
    trial.scale("statefulset/db", 1).settle()
    return yes("") if len(set(volumes)) == 2 else no("db-0 and db-1 do not have a disk each.")


@move.check(points=2, title="It holds in another namespace, and at another pace", hidden=ELSEWHERE)
def moved_elsewhere(trial: Trial) -> Verdict:
    slow = "lifecycle: {preStop: {sleep: {seconds: 8}}}\n        volumeMounts: [{name: data"
    given = texts.DEPLOYMENT.replace("volumeMounts: [{name: data", slow, 1)
    task = replace(trial.task, id="ps8.move-elsewhere", given=given)  # its Pod takes its time to go
    other = trial.beside(task, trial.answer, namespace="blue")
    return hold_elsewhere(trial, other, is_the_set, all_there, one_at_a_time)
