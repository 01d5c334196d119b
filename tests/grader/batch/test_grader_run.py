"""A class at once: the same gradebook as nbgrader's, whatever is killed in between."""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import programs
import pytest
from once import released_course

ROOT = Path(__file__).resolve().parents[3]
CORPUS = ROOT / "tests/grader/corpus"
KILLED = 12  # submissions of the class whose grading is killed three times
TASKS = ("repair", "identity", "order", "peers", "lookup")
pytestmark = pytest.mark.slow


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


def grader_run(course: Path, *arguments: str) -> dict[str, Any]:
    done = programs.run("grader.cli", "run", "ps3", "--json", *arguments, cwd=course)
    assert done.returncode in (0, 1), done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def course(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    """A course with a release and an empty gradebook."""
    return Path(shutil.copytree(released_course(tmp_path_factory), tmp_path / "course"))


def hand_in(course: Path, students: int, seed: int = 1) -> None:
    """A class: each answers each task with something from the corpora, right or wrong."""
    chance = random.Random(seed)
    notebook = json.loads((course / "exercises/ps3/ps3.ipynb").read_text(encoding="utf-8"))
    answers = {task: sorted((CORPUS / f"ps3.{task}").glob("*/*.yaml")) for task in TASKS}
    for number in range(students):
        mine = copy.deepcopy(notebook)
        for cell in mine["cells"]:
            name = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
            if name.endswith("-answer"):
                task = name.removeprefix("ps3-").removesuffix("-answer")
                text = chance.choice(answers[task]).read_text(encoding="utf-8")
                cell["source"] = f"%%answer ps3.{task}\n# {number}\n{text}"
        folder = course / "submitted" / f"student-{number:03}" / "ps3"
        folder.mkdir(parents=True)
        (folder / "ps3.ipynb").write_text(json.dumps(mine), encoding="utf-8")


def rows(course: Path) -> list[tuple[Any, ...]]:
    query = """
        select s.student_id, b.name, g.auto_score, g.manual_score, g.needs_manual_grade
        from grade g join base_cell b on b.id = g.cell_id join submitted_notebook n on n.id = g.notebook_id
        join submitted_assignment s on s.id = n.assignment_id order by 1, 2
    """
    with sqlite3.connect(course / "gradebook.db") as database:
        return database.execute(query).fetchall()


def comments(course: Path) -> list[tuple[Any, ...]]:
    query = """
        select s.student_id, b.name, c.auto_comment from comment c join base_cell b on b.id = c.cell_id
        join submitted_notebook n on n.id = c.notebook_id
        join submitted_assignment s on s.id = n.assignment_id order by 1, 2
    """
    with sqlite3.connect(course / "gradebook.db") as database:
        return database.execute(query).fetchall()


def test_it_leaves_the_gradebook_that_nbgrader_leaves(course: Path, tmp_path: Path) -> None:
    hand_in(course, 6)
    for student, text in (("empty", (course / "exercises/ps3/ps3.ipynb").read_text(encoding="utf-8")), ("broken", "{")):
        folder = course / "submitted" / student / "ps3"
        folder.mkdir(parents=True)
        (folder / "ps3.ipynb").write_text(text, encoding="utf-8")
        (folder / "timestamp.txt").write_text("2026-01-10 10:00:00 UTC", encoding="utf-8")
    theirs = Path(shutil.copytree(course, tmp_path / "theirs"))
    done = programs.run("nbgrader", "autograde", "ps3", cwd=theirs)
    assert done.returncode == 0, done.stderr[-3000:]
    body = grader_run(course)
    assert rows(course) == rows(theirs)
    assert comments(course) == comments(theirs)
    assert [each["student"] for each in body["students"] if each["problem"]] == ["broken"]
    again = programs.run("nbgrader", "autograde", "ps3", cwd=course)
    assert again.returncode == 0
    assert rows(course) == rows(theirs)


def test_killed_at_any_moment_it_goes_on_and_grades_nothing_twice(course: Path, tmp_path: Path) -> None:
    hand_in(course, KILLED)
    whole = Path(shutil.copytree(course, tmp_path / "whole"))
    grader_run(whole)
    journal = course / ".statelab/grading/ps3.jsonl"
    arguments: list[str] = []
    for _ in range(3):
        process = subprocess.Popen(
            command("grader.cli", "run", "ps3", *arguments), cwd=course, stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        size = journal.stat().st_size if journal.exists() else 0
        while process.poll() is None and time.monotonic() < deadline:
            if journal.exists() and journal.stat().st_size > max(size, 200):
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        with sqlite3.connect(course / "gradebook.db") as database:
            assert database.execute("pragma integrity_check").fetchone() == ("ok",)
        arguments = ["--resume"]
    with journal.open("ab") as file:
        file.write(b'{"student": "torn')
    before = sum(1 for line in journal.read_bytes().split(b"\n") if line.endswith(b"}")) - 1
    body = grader_run(course, "--resume")
    assert body["taken_over"] >= before > 0
    assert body["graded"] == KILLED - body["taken_over"]
    assert rows(course) == rows(whole)


def test_what_a_person_gave_stays_when_it_is_graded_again(course: Path) -> None:
    hand_in(course, 1)
    grader_run(course)
    with sqlite3.connect(course / "gradebook.db") as database:
        database.execute("update grade set manual_score = 7")
    grader_run(course)
    assert all(manual == 7 and needs for _, _, _, manual, needs in rows(course))


def test_a_changed_submission_is_graded_again_and_no_other(course: Path) -> None:
    hand_in(course, 3)
    grader_run(course)
    changed = course / "submitted/student-001/ps3/ps3.ipynb"
    changed.write_text((course / "exercises/ps3/ps3.ipynb").read_text(encoding="utf-8"), encoding="utf-8")
    body = grader_run(course, "--resume")
    assert (body["graded"], body["taken_over"]) == (1, 2)
    assert next(each["score"] for each in body["students"] if each["student"] == "student-001") == 0


def test_the_report_names_what_the_class_found_hard(course: Path) -> None:
    hand_in(course, 12)
    twin = course / "submitted/student-000/ps3/ps3.ipynb"
    shutil.copy(twin, course / "submitted/student-001/ps3/ps3.ipynb")
    body = grader_run(course)
    assert sum(body["distribution"]) == 12
    assert body["checks"][0]["passed"] <= body["checks"][-1]["passed"]
    assert body["mistakes"]
    assert ["student-000", "student-001"] in [each["students"] for each in body["equal"]]
    page = (course / "reports/ps3.html").read_text(encoding="utf-8")
    assert "Hardest checks" in page
    assert len((course / "reports/ps3.csv").read_text(encoding="utf-8").splitlines()) == 13


def test_feedback_carries_what_nbgraders_exchange_finds_its_way_by(course: Path) -> None:
    hand_in(course, 1)
    handed_in = course / "submitted/student-000/ps3"
    (handed_in / "timestamp.txt").write_text("2026-11-23 11:27:27.875283 UTC")
    (handed_in / "submission_secret.txt").write_text("s3cret")
    grader_run(course)
    for folder in ("autograded", "feedback"):
        there = course / folder / "student-000/ps3"
        assert (there / "timestamp.txt").read_text() == "2026-11-23 11:27:27.875283 UTC"
        assert (there / "submission_secret.txt").read_text() == "s3cret"


LATE = """
from nbgrader.plugins import BasePlugin


class TenPoints(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return 10
"""


def test_a_late_rule_of_the_course_is_a_file_beside_its_configuration(course: Path) -> None:
    with (course / "nbgrader_config.py").open("a") as config:
        config.write('c.AssignLatePenalties.plugin_class = "late_here.TenPoints"\n')
    hand_in(course, 2)
    missing = programs.run("grader.cli", "run", "ps3", cwd=course)
    assert missing.returncode == 2
    assert "No module named 'late_here'" in missing.stderr
    assert "Traceback" not in missing.stderr
    (course / "late_here.py").write_text(LATE)
    for student, day in (("student-000", 1), ("student-001", 3)):
        (course / "submitted" / student / "ps3/timestamp.txt").write_text(f"2026-12-0{day} 08:00:00 UTC")
    with sqlite3.connect(course / "gradebook.db") as database:
        database.execute("update assignment set duedate = '2026-12-02 00:00:00.000000' where name = 'ps3'")
    grader_run(course)
    query = "select sum(late_submission_penalty) from submitted_notebook group by assignment_id"
    with sqlite3.connect(course / "gradebook.db") as database:
        assert sorted(row[0] or 0 for row in database.execute(query)) == [0, 10]


def test_one_student_only(course: Path) -> None:
    hand_in(course, 3)
    assert grader_run(course, "--student", "student-002")["graded"] == 1
    assert {student for student, *_ in rows(course)} == {"student-002"}


def test_a_course_that_is_none_is_refused_with_what_to_do(tmp_path: Path) -> None:
    done = programs.run("grader.cli", "run", "ps3", cwd=tmp_path)
    assert done.returncode == 2
    assert "nbgrader_config.py" in done.stderr


def test_the_environment_is_left_alone() -> None:
    assert "NBGRADER_EXECUTION" not in os.environ
