"""Release → fetch → submit → collect → grade → feedback for sixty: by nbgrader and by `grader run`, the same scores."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
LEARNERS = 60
pytestmark = pytest.mark.slow


def run(course: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=course, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


def scores(course: Path) -> list[tuple[str, str, float, str]]:
    query = """
        select s.student_id, b.name, g.auto_score, s.timestamp
        from grade g join base_cell b on b.id = g.cell_id join submitted_notebook n on n.id = g.notebook_id
        join submitted_assignment s on s.id = n.assignment_id order by 1, 2
    """
    with sqlite3.connect(course / "gradebook.db") as database:
        return database.execute(query).fetchall()


def test_both_ways_give_the_same_scores(tmp_path: Path) -> None:
    course = tmp_path / "course"
    course.mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", course)
    shutil.copytree(ROOT / "solutions", course / "solutions", ignore=shutil.ignore_patterns("__pycache__"))
    run(course, "-m", "nbgrader", "generate_assignment", "ps3")
    run(course, str(HERE / "a_class_hands_in.py"), ".", str(ROOT / "tests/grader/corpus"), str(LEARNERS))
    ours = Path(shutil.copytree(course, tmp_path / "ours"))
    run(course, "-m", "nbgrader", "autograde", "ps3")
    run(course, "-m", "nbgrader", "generate_feedback", "ps3")
    run(ours, "-m", "grader.cli", "run", "ps3")
    assert len(scores(ours)) == LEARNERS * 5
    assert scores(ours) == scores(course)
    assert len({score for _, _, score, _ in scores(ours)}) > 5
    for each in (course, ours):
        assert len(list(each.glob("feedback/*/ps3/ps3.html"))) == LEARNERS
