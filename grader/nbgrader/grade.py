"""Every graded cell of a restored notebook gets its output and an explicit number, from text alone."""

from __future__ import annotations

import functools
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

from grader.answer import Answer
from grader.judge import judge
from grader.limits import Limits
from grader.nbgrader.cells import Notebook, SourceCell, answers, grade_id, score_output, texts
from grader.registry import NoSuchTask, task
from grader.result import Result, as_text
from grader.sandbox import Mode, NoSandbox
from grader.tasks import Task

_HINT = re.compile(r"""\bhint\(\s*["']([a-z0-9]+\.[a-z0-9-]+)["']""")
_CACHED = 2_000
NOT_RUN = "This cell has to be executed to be graded, and was not: "


@dataclass(frozen=True, slots=True)
class GradedCell:
    """A graded cell's number; `result` is None where no task of ours is behind it, `said` is what it put out then."""

    cell: str
    points: float
    max: float
    result: Result | None
    said: str = ""


JudgeText = Callable[[Task, str], Result]


class Results:
    """Results by what an answer says: equal answers (an untouched cell, a copied one) are judged once.

    `learned` and `take_over`: from one process to the next.
    """

    def __init__(
        self, limits: Limits | None = None, judge_answer: Callable[[Task, Answer], Result] | None = None
    ) -> None:
        """`judge_answer`: the embedded cluster if not given."""
        self._held: OrderedDict[tuple[str, str], Result] = OrderedDict()
        self._new: OrderedDict[tuple[str, str], Result] = OrderedDict()
        self._judge = judge_answer or partial(judge, limits=limits)

    def __call__(self, task: Task, text: str) -> Result:
        key = (task.id, text)
        found = self._held.get(key)
        if found is None:
            found = self._judge(task, Answer.of_cell(text))
            _hold(self._held, key, found)
            _hold(self._new, key, found)
        return found

    def learned(self) -> dict[tuple[str, str], Result]:
        """What was judged here since this was last asked."""
        found = dict(self._new)
        self._new.clear()
        return found

    def take_over(self, found: dict[tuple[str, str], Result]) -> None:
        """Do not judge again what another process has judged."""
        for key, result in found.items():
            _hold(self._held, key, result)


def _hold(held: OrderedDict[tuple[str, str], Result], key: tuple[str, str], result: Result) -> None:
    held[key] = result
    if len(held) > _CACHED:
        held.popitem(last=False)


@functools.cache
def _remembered(mode: Mode) -> Results:
    return Results(Limits(execute=mode))


def grade(
    notebook: Notebook,
    released: Sequence[SourceCell],
    judge_text: JudgeText | None = None,
    mode: Mode = "sandbox",
) -> list[GradedCell]:
    """Write the output of each automatically graded code cell; what they got. What people grade is left alone.

    `mode`: for cells that are no `check("…")` and have to be executed; without `judge_text` for answers that are
    programs as well.
    """
    judge_text = judge_text or _remembered(mode)
    wanted = [each for each in released if each.is_grade and not each.is_solution and each.type == "code"]
    said = answers(notebook, released)
    judged = {each.id: _judged(each, said, judge_text) for each in wanted if each.task}
    judged |= _executed(notebook, [each for each in wanted if not each.task], mode)
    for cell in notebook["cells"]:
        found = judged.get(grade_id(cell) or "")
        if found is not None:
            cell.update(outputs=[found[1]], execution_count=1)
    return [judged[each.id][0] for each in wanted]


Judged = tuple[GradedCell, dict[str, Any]]


def _judged(source: SourceCell, said: dict[str, str], judge_text: JudgeText) -> Judged:
    from grader.html import as_html

    try:
        chosen = task(source.task or "")
    except NoSuchTask as error:
        return _plain(source, 0.0, str(error))
    result = judge_text(chosen, said.get(chosen.id, ""))
    most = source.points or 0.0
    points = round(most * result.score / result.max, 2) if result.max else 0.0
    points = min(max(points, 0.0), most)
    return GradedCell(source.id, points, most, result), score_output(points, as_text(result), as_html(result))


def _executed(notebook: Notebook, cells: Sequence[SourceCell], mode: Mode) -> dict[str, Judged]:
    if not cells:
        return {}
    from grader.nbgrader.execute import execute

    try:
        found = execute(notebook, cells, mode)
    except NoSandbox as error:
        return {each.id: _plain(each, 0.0, f"{NOT_RUN}{error}.") for each in cells}
    points = {each.id: round((each.points or 0.0) * found[each.id].share, 2) for each in cells}
    return {each.id: _plain(each, points[each.id], found[each.id].text) for each in cells}


def _plain(source: SourceCell, points: float, text: str) -> Judged:
    output = score_output(points, text, f"<pre>{escape(text)}</pre>")
    return GradedCell(source.id, points, source.points or 0.0, None, text), output


def hints_asked(notebook: Notebook) -> dict[str, int]:
    """How often each task's hints were asked for, as far as the notebook's text tells."""
    counts: dict[str, int] = {}
    for found in _HINT.finditer(texts(notebook["cells"])):
        counts[found[1]] = counts.get(found[1], 0) + 1
    return counts
