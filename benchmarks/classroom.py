"""A class's submissions: `grader run` beside nbgrader as it comes."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.grading import STOCK, make_course, measure, work

_STUDENTS = 12
_NBGRADER = "nbgrader, a kernel each"


def grading() -> Generator[Figure]:
    """Twelve submissions of ps3 to gradebook and feedback, as a class's weekly ones are; `grading.py` does more."""
    python = [sys.executable, "-m"]
    with tempfile.TemporaryDirectory() as folder:
        course = make_course(Path(folder) / "course", _STUDENTS)
        stock_course = Path(shutil.copytree(course, Path(folder) / "stock"))
        (stock_course / "nbgrader_config.py").write_text(STOCK, encoding="utf-8")
        ours = measure("grader run", course, [*python, "grader.cli", "run", "ps3"])
        autograde = [[*python, "nbgrader", each, "ps3"] for each in ("autograde", "generate_feedback")]
        stock = measure(_NBGRADER, stock_course, *autograde)
        work_ms = work(course)
    each_ms, stock_ms = (found.seconds / _STUDENTS * 1000 for found in (ours, stock))
    yield Figure("a submission of ps3, graded", each_ms, "ms", "lower", stock_ms, stock_ms / 5, _NBGRADER)
    yield Figure("the work of one, in a warm process", work_ms, "ms CPU", "lower", aim=50)
    yield Figure("memory of the largest process", ours.megabytes, "MB", "lower", stock.megabytes, beside_what=_NBGRADER)
    same = sum(ours.scores.get(student) == score for student, score in stock.scores.items())
    yield Figure("of these, with nbgrader's score", same, f"of {_STUDENTS}", aim=_STUDENTS)
