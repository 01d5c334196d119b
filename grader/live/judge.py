"""An answer judged on a real cluster, and what is said of the points that cannot be earned there."""

from __future__ import annotations

from dataclasses import replace

from grader.answer import Answer
from grader.judge import Told, judge
from grader.limits import Limits
from grader.live.namespaces import Namespaces
from grader.live.place import LACKS, LivePlace
from grader.place import NotHere
from grader.result import CheckResult, Result
from grader.tasks import Task
from grader.trial import Trial
from statelab.manifest import ManifestError

# Everything takes its time there, and most of it is waiting.
LIMITS = Limits(cpu_s=300.0, wall_s=1800.0)
ELSEWHERE = "graded on the embedded cluster"


def judge_live(
    task: Task,
    answer: Answer,
    namespaces: Namespaces,
    *,
    visible_only: bool = False,
    complete: bool = False,
    pace: float | None = None,
    at_once: int = 1,
    told: Told = lambda done, total, title: None,
) -> Result:
    """Grade one answer on a cluster, in namespaces that are deleted before this returns.

    What a real cluster cannot grade is left out of score and maximum; with `complete` the embedded cluster grades it,
    so that the points are those of any other answer. A prediction is held against the runs that all are held against,
    which are the embedded cluster's. Raises CannotGrade when the cluster fails.
    Up to `at_once` trials of the answer go on at the same time, each in its namespace; `told` as for `judge`.
    """
    if task.answer == "prediction":
        return judge(task, answer, visible_only=visible_only)
    checks = [each for each in task.checks if not (visible_only and each.hidden)]
    if all(each.needs in LACKS for each in checks):
        found = _nowhere(task, answer, f"every check needs {checks[0].needs}")
    else:
        try:
            found = _on_cluster(task, answer, namespaces, visible_only, pace, at_once, told)
        except NotHere as refusal:
            found = _nowhere(task, answer, str(refusal))
    if complete and not all(each.graded for each in found.checks):
        return _completed(found, judge(task, answer, visible_only=visible_only))
    return found


def _on_cluster(
    task: Task,
    answer: Answer,
    namespaces: Namespaces,
    visible_only: bool,
    pace: float | None,
    at_once: int,
    told: Told,
) -> Result:
    with LivePlace(namespaces, _services(task, answer), pace, at_once) as place:

        def make_trial(task: Task, answer: Answer, limits: Limits) -> Trial:
            trial = Trial(task, answer, limits=limits, place=place)
            return trial.settle() if task.answer == "manifest" else trial

        return judge(
            task, answer, visible_only=visible_only, limits=LIMITS, make_trial=make_trial, lacks=LivePlace.lacks,
            beside=place.beside, told=told,
        )  # fmt: skip


def _services(task: Task, answer: Answer) -> list[str]:
    if task.answer != "manifest":
        return []
    try:
        return [each.name for each in answer.items if each.kind == "Service"]
    except ManifestError:
        return []


def _nowhere(task: Task, answer: Answer, why: str) -> Result:
    """Nothing of it can be graded here: no points are given, and none are taken."""
    said = f"Not graded here: {why}. The embedded cluster can grade it: `grader check {task.id}` without --cluster."
    checks = tuple(
        CheckResult(each.id, each.title, 0.0, each.points, said, is_hidden=bool(each.hidden), graded=False)
        for each in task.checks
    )
    return Result(task.id, checks, said, (), answer.sources[0])


def _completed(found: Result, embedded: Result) -> Result:
    """The checks that were not graded, as the embedded cluster graded them, saying so."""
    others = {each.id: each for each in embedded.checks}
    checks = []
    for each in found.checks:
        if each.graded or each.id not in others:
            checks.append(each)
            continue
        other = others[each.id]
        message = f"{other.message} ({ELSEWHERE})" if other.message else ELSEWHERE
        checks.append(replace(other, message=message, detail=f"{ELSEWHERE}\n{other.detail}" if other.detail else ""))
    return Result(found.task, tuple(checks), embedded.problem, found.advice or embedded.advice, found.source)


__all__ = ["ELSEWHERE", "LIMITS", "judge_live"]
