"""`grader audit ps3`: who passes what. Checks that never decide anything, and tasks that are too easy to game."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from grader.answer import Answer
from grader.judge import judge
from grader.registry import task as task_named
from grader.registry import tasks_of
from grader.result import Result
from grader.tasks import Task

# Nonsense that has to get nothing, whatever the task.
NONSENSE: Mapping[str, str] = {
    "nothing": "",
    "a comment": "# I do not know\n",
    "prose": "a StatefulSet, with a headless Service and claims for every Pod",
    "an empty mapping": "{}",
    "a ConfigMap": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n",
}


@dataclass(frozen=True, slots=True)
class Audited:
    """One answer of the corpus: what it deserves, and what it got. `passed`: ids of checks with all points."""

    task: str
    kind: str  # right | wrong | nonsense | start
    name: str
    score: float
    max: float
    passed: frozenset[str]
    broke: tuple[str, ...] = ()

    @property
    def is_misjudged(self) -> bool:
        full = self.score >= self.max
        return full != (self.kind == "right") or (self.kind in ("nonsense", "start") and self.score > 0)


@dataclass(frozen=True)
class TaskAudit:
    """What the corpus says about one task."""

    task: Task
    answers: tuple[Audited, ...]
    problems: tuple[str, ...] = field(default=())

    def passes(self, check: str, kind: str) -> tuple[int, int]:
        chosen = [each for each in self.answers if each.kind == kind]
        return sum(check in each.passed for each in chosen), len(chosen)


def audit(assignment: str, corpus: Path, *, jobs: int = 1) -> list[TaskAudit]:
    """Judge the whole corpus of an assignment. Raises NoSuchTask."""
    tasks = tasks_of(assignment)
    work = [(id, kind, name, text) for id, task in tasks.items() for kind, name, text in _answers(task, corpus / id)]
    if jobs > 1:
        with ProcessPoolExecutor(jobs, mp_context=get_context("fork")) as pool:
            found = list(pool.map(_judged, work, chunksize=4))
    else:
        found = [_judged(each) for each in work]
    audits = []
    for id, task in tasks.items():
        answers = tuple(each for each in found if each.task == id)
        audits.append(TaskAudit(task, answers, tuple(_problems(task, answers))))
    return audits


def _answers(task: Task, folder: Path) -> Iterable[tuple[str, str, str]]:
    for kind in ("right", "wrong"):
        for path in sorted((folder / kind).glob("*.yaml")):
            yield kind, path.stem, path.read_text(encoding="utf-8")
    for name, text in NONSENSE.items():
        yield "nonsense", name, text
    if task.start:
        yield "start", "the release, untouched", task.start


def _judged(work: tuple[str, str, str, str]) -> Audited:
    id, kind, name, text = work
    result: Result = judge(task_named(id), Answer.of_cell(text))
    passed = frozenset(each.id for each in result.checks if each.passed)
    broke = tuple(each.id for each in result.checks if each.broke)
    return Audited(id, kind, name, result.score, result.max, passed, broke)


def _problems(task: Task, answers: tuple[Audited, ...]) -> Iterable[str]:
    right = [each for each in answers if each.kind == "right"]
    wrong = [each for each in answers if each.kind == "wrong"]
    if len(right) < 10 or len(wrong) < 20:
        yield f"its corpus is thin: {len(right)} right, {len(wrong)} wrong (10 and 20 are wanted)"
    for each in answers:
        if each.broke:
            yield f"breaks down on {each.kind}/{each.name}: {', '.join(each.broke)}"
        elif each.is_misjudged:
            yield f"misjudges {each.kind}/{each.name}: {each.score:g} of {each.max:g}"
    for check in task.checks:
        failing = [each for each in wrong if check.id not in each.passed]
        if wrong and not failing:
            yield f"{check.id} never decides anything: every wrong answer passes it"
        others = [other.id for other in task.checks if other.id != check.id]
        alone = any(check.id not in each.passed and each.passed.issuperset(others) for each in wrong)
        twins = [
            other
            for other in others
            if failing and all((check.id in each.passed) == (other in each.passed) for each in answers)
        ]
        if twins and not alone:
            yield f"{check.id} says no more than {twins[0]}: they pass and fail together"
    cheap = [each for each in wrong if each.max and each.score >= 0.9 * each.max]
    if len(cheap) > len(wrong) / 4:
        yield f"is lenient: {len(cheap)} of {len(wrong)} wrong answers get nine tenths of the points"


def as_text(audits: Iterable[TaskAudit]) -> str:
    """The table: for each check how many right and wrong answers pass it."""
    lines = []
    for each in audits:
        lines.append(f"{each.task.id}   {each.task.points:g} points")
        lines.append(f"    {'check':<34} {'points':>6} {'right':>8} {'wrong':>8} {'nonsense':>9}")
        for check in each.task.checks:
            counts = ["{}/{}".format(*each.passes(check.id, kind)) for kind in ("right", "wrong", "nonsense")]
            hidden = " (hidden)" if check.hidden else ""
            lines.append(f"    {check.id + hidden:<34} {check.points:>6g} {counts[0]:>8} {counts[1]:>8} {counts[2]:>9}")
        wrong = sorted(answer.score / answer.max for answer in each.answers if answer.kind == "wrong" and answer.max)
        if wrong:
            middle = wrong[len(wrong) // 2]
            lines.append(
                f"    wrong answers get {wrong[0]:.0%} to {wrong[-1]:.0%} of the points, in the middle {middle:.0%}"
            )
        lines += [f"    ! {problem}" for problem in each.problems] or ["    fair on its corpus"]
        lines.append("")
    return "\n".join(lines).rstrip()


def to_json(audits: Iterable[TaskAudit]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [
        {
            "task": each.task.id,
            "points": each.task.points,
            "checks": [
                {
                    "id": check.id,
                    "points": check.points,
                    "hidden": bool(check.hidden),
                    **{kind: each.passes(check.id, kind) for kind in ("right", "wrong", "nonsense")},
                }
                for check in each.task.checks
            ],
            "answers": [
                {"kind": a.kind, "name": a.name, "score": a.score, "max": a.max, "passed": sorted(a.passed)}
                for a in each.answers
            ],
            "problems": list(each.problems),
        }
        for each in audits
    ]
