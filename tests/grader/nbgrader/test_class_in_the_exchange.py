"""Release → fetch → submit → collect → grade → feedback: by nbgrader and by `grader run`, the same scores."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import programs
import pytest
from once import released_course

HERE = Path(__file__).resolve().parent
CORPUS = HERE.parent / "corpus"
LEARNERS = 8
pytestmark = pytest.mark.slow


def run(course: Path, *words: str) -> None:
    done = programs.run(*words, cwd=course)
    assert done.returncode == 0, done.stderr[-3000:]


def scores(course: Path) -> list[tuple[str, str, float, str]]:
    query = """
        select s.student_id, b.name, g.auto_score, s.timestamp
        from grade g join base_cell b on b.id = g.cell_id join submitted_notebook n on n.id = g.notebook_id
        join submitted_assignment s on s.id = n.assignment_id order by 1, 2
    """
    with sqlite3.connect(course / "gradebook.db") as database:
        return database.execute(query).fetchall()


def test_both_ways_give_the_same_scores(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    course = Path(shutil.copytree(released_course(tmp_path_factory), tmp_path / "course"))
    run(course, str(HERE / "a_class_hands_in.py"), ".", str(CORPUS), str(LEARNERS))
    ours = Path(shutil.copytree(course, tmp_path / "ours"))
    run(course, "nbgrader", "autograde", "ps3")
    run(course, "nbgrader", "generate_feedback", "ps3")
    run(ours, "grader.cli", "run", "ps3")
    assert len(scores(ours)) == LEARNERS * 5
    assert scores(ours) == scores(course)
    assert len({score for _, _, score, _ in scores(ours)}) > 5
    for each in (course, ours):
        assert len(list(each.glob("feedback/*/ps3/ps3.html"))) == LEARNERS
