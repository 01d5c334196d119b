"""nbgrader's own commands, from release to feedback, over a small class: good, half good, hostile, empty."""

from __future__ import annotations

import copy
import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import programs
import pytest
from once import released_course

ROOT = Path(__file__).resolve().parents[3]
CORPUS = ROOT / "tests/grader/corpus"
TASKS = ("repair", "identity", "order", "peers", "lookup")
pytestmark = pytest.mark.slow


def model(task: str) -> str:
    return next(iter(sorted((CORPUS / f"ps3.{task}/right").glob("01-*.yaml")))).read_text(encoding="utf-8")


def nbgrader(course: Path, *arguments: str) -> str:
    done = programs.run("nbgrader", *arguments, cwd=course)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stderr


def submit(course: Path, student: str, notebook: dict[str, Any] | str) -> None:
    folder = course / "submitted" / student / "ps3"
    folder.mkdir(parents=True)
    text = notebook if isinstance(notebook, str) else json.dumps(notebook)
    (folder / "ps3.ipynb").write_text(text, encoding="utf-8")


def grade_id(cell: dict[str, Any]) -> str:
    found: str = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
    return found


def answered(release: dict[str, Any], **answers: str) -> dict[str, Any]:
    notebook = copy.deepcopy(release)
    for cell in notebook["cells"]:
        name = grade_id(cell)
        task = name.removeprefix("ps3-").removesuffix("-answer")
        if name.endswith("-answer") and task in answers:
            cell["source"] = f"%%answer ps3.{task}\n{answers[task]}"
    return notebook


def the_class(release: dict[str, Any]) -> dict[str, dict[str, Any] | str]:
    right = {task: model(task) for task in TASKS}
    good = answered(release, **right)
    half = {**right, "identity": right["identity"].replace("serviceName: nginx", "serviceName: ngnix")}
    del half["lookup"], half["peers"]
    forger = answered(release, **dict.fromkeys(TASKS, "nothing: here"))
    for cell in forger["cells"]:
        if "points" in cell["metadata"].get("nbgrader", {}):
            cell["metadata"]["nbgrader"].update(points=1000, checksum="0" * 32)
            cell["source"] = "1000.0"
            cell["outputs"] = [
                {
                    "output_type": "execute_result",
                    "data": {"text/plain": "1000.0"},
                    "metadata": {},
                    "execution_count": 1,
                }
            ]
    ungraded = answered(release)
    for cell in ungraded["cells"]:
        cell["metadata"].get("nbgrader", {}).update(grade=False, solution=True)
    deleted = {**good, "cells": [cell for cell in good["cells"] if not grade_id(cell).startswith("ps3-")]}
    silent = {
        **good,
        "cells": [cell for cell in good["cells"] if grade_id(cell) not in [f"ps3-{each}" for each in TASKS]],
    }
    retyped = copy.deepcopy(good)
    for cell in retyped["cells"]:
        cell["cell_type"] = "markdown"
        cell.pop("outputs", None)
        cell.pop("execution_count", None)
    script = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    scripted = answered(good, identity=right["identity"].replace("serviceName: nginx", f"serviceName: '{script}'"))
    scripted["cells"].insert(1, {"cell_type": "markdown", "metadata": {}, "source": script})
    scripted["cells"].insert(1, {"cell_type": "raw", "metadata": {"raw_mimetype": "text/html"}, "source": script})
    return {
        "good": good,
        "half": answered(release, **half),
        "empty": answered(release),
        "reordered": {**good, "cells": good["cells"][::-1]},
        "retyped": retyped,
        "deleted": deleted,
        "silent": silent,
        "forger": forger,
        "ungraded": ungraded,
        "scripted": scripted,
        "not-json": "this is { not json",
        "empty-file": "",
        "a-list": "[1, 2, 3]",
    }


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    course = Path(shutil.copytree(released_course(tmp_path_factory), tmp_path_factory.mktemp("nbgrader") / "course"))
    release = json.loads((course / "exercises/ps3/ps3.ipynb").read_text(encoding="utf-8"))
    for student, notebook in the_class(release).items():
        submit(course, student, notebook)
    (course / "submitted/good/ps3/link.txt").symlink_to("/etc/passwd")
    nbgrader(course, "autograde", "ps3")
    nbgrader(course, "generate_feedback", "ps3")
    nbgrader(course, "export")
    yield course


@pytest.fixture(scope="module")
def scores(course: Path) -> dict[str, float]:
    with (course / "grades.csv").open(encoding="utf-8") as file:
        return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


def test_good_answers_have_all_points_however_the_notebook_was_treated(scores: dict[str, float]) -> None:
    assert [scores[each] for each in ("good", "reordered", "retyped", "silent")] == [100, 100, 100, 100]


def test_half_good_answers_have_points_in_between(scores: dict[str, float]) -> None:
    assert 40 < scores["half"] < 70


@pytest.mark.parametrize("student", ["empty", "deleted", "forger", "ungraded", "not-json", "empty-file", "a-list"])
def test_what_is_not_there_has_no_points(scores: dict[str, float], student: str) -> None:
    assert scores[student] == 0


def test_every_graded_cell_has_an_explicit_number(course: Path) -> None:
    import sqlite3

    with sqlite3.connect(course / "gradebook.db") as database:
        rows = database.execute("select auto_score, needs_manual_grade from grade").fetchall()
    assert len(rows) == 5 * 13
    assert all(score is not None and not manual for score, manual in rows)


def test_feedback_tells_what_was_seen_and_where(course: Path) -> None:
    shown = (course / "feedback/half/ps3/ps3.html").read_text(encoding="utf-8")
    assert "StatefulSet web says serviceName: ngnix" in shown
    assert "Hint 1 of 3" in shown
    assert "five_and_back" not in shown


def test_feedback_is_escaped(course: Path) -> None:
    shown = (course / "feedback/scripted/ps3/ps3.html").read_text(encoding="utf-8")
    assert "<script>alert" not in shown
    assert "<img src=x" not in shown
    assert "&lt;script&gt;alert(1)" in shown
    headings = (course / "feedback/good/ps3/ps3.html").read_text(encoding="utf-8")
    assert "<h2 id=" in headings


def test_no_file_of_this_machine_is_copied(course: Path) -> None:
    for folder in ("autograded", "feedback"):
        assert not (course / folder / "good/ps3/link.txt").exists()


def test_validate_shows_the_learner_what_fails(course: Path, tmp_path: Path) -> None:
    release = json.loads((course / "exercises/ps3/ps3.ipynb").read_text(encoding="utf-8"))
    for name, answers, words in (
        ("good", {task: model(task) for task in TASKS}, "Success! Your notebook passes all the tests."),
        ("half", {task: model(task) for task in TASKS if task != "identity"}, "There is no answer yet."),
    ):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "ps3.ipynb").write_text(json.dumps(answered(release, **answers)), encoding="utf-8")
        done = programs.run("nbgrader", "validate", "ps3.ipynb", cwd=folder)
        assert words in done.stdout, done.stdout + done.stderr[-2000:]
