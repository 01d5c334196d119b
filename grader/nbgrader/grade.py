"""Every graded cell of a restored notebook gets its output and an explicit number, from text alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from grader.answer import Answer
from grader.judge import judge
from grader.nbgrader.cells import Notebook, SourceCell, answers, grade_id, score_output, texts
from grader.registry import NoSuchTask, task
from grader.result import Result, as_text
from grader.tasks import Task

_HINT = re.compile(r"""\bhint\(\s*["']([a-z0-9]+\.[a-z0-9-]+)["']""")
NOT_RUN = (
    "This cell would have to be executed to be graded. Kernel-free grading executes nothing, so it has 0 points "
    "until an instructor grades it by hand or allows execution in the sandbox."
)


@dataclass(frozen=True, slots=True)
class GradedCell:
    """A graded cell's number; `result` is None where no task of ours is behind it."""

    cell: str
    points: float
    max: float
    result: Result | None


JudgeText = Callable[[Task, str], Result]


def _judge(task: Task, text: str) -> Result:
    return judge(task, Answer.of_cell(text))


def grade(notebook: Notebook, released: Sequence[SourceCell], judge_text: JudgeText = _judge) -> list[GradedCell]:
    """Write the output of each automatically graded code cell; what they got. What people grade is left alone."""
    said = answers(notebook, released)
    graded: list[GradedCell] = []
    outputs: dict[str, dict[str, Any]] = {}
    for source in released:
        if not source.is_grade or source.is_solution or source.type != "code":
            continue
        cell, output = _grade_cell(source, said, judge_text)
        graded.append(cell)
        outputs[source.id] = output
    for each in notebook["cells"]:
        written = outputs.get(grade_id(each) or "")
        if written is not None:
            each.update(outputs=[written], execution_count=1)
    return graded


def _grade_cell(source: SourceCell, said: dict[str, str], judge_text: JudgeText) -> tuple[GradedCell, dict[str, Any]]:
    from grader.html import as_html

    most = source.points or 0.0
    try:
        chosen = task(source.task) if source.task else None
    except NoSuchTask as error:
        return GradedCell(source.id, 0.0, most, None), score_output(0.0, str(error), f"<p>{escape(str(error))}</p>")
    if chosen is None:
        return GradedCell(source.id, 0.0, most, None), score_output(0.0, NOT_RUN, f"<p>{escape(NOT_RUN)}</p>")
    result = judge_text(chosen, said.get(chosen.id, ""))
    points = round(most * result.score / result.max, 2) if result.max else 0.0
    points = min(max(points, 0.0), most)
    return GradedCell(source.id, points, most, result), score_output(points, as_text(result), as_html(result))


def hints_asked(notebook: Notebook) -> dict[str, int]:
    """How often each task's hints were asked for, as far as the notebook's text tells."""
    counts: dict[str, int] = {}
    for found in _HINT.finditer(texts(notebook["cells"])):
        counts[found[1]] = counts.get(found[1], 0) + 1
    return counts
