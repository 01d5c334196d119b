"""What a learner has done is written down, shown, carried to another machine and begun again."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from statelab.cli import app
from statelab.notebook.magics.magics import _LAST_LINE
from statelab.notebook.telling import progress
from statelab.notebook.telling.standing import how_far, when

COURSE = Path(__file__).resolve().parents[3] / "course"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATELAB_HOME", str(tmp_path))
    (tmp_path / "course").mkdir()
    for lesson in COURSE.glob("*.ipynb"):
        shutil.copy(lesson, tmp_path / "course")
    return tmp_path


def lesson(number: str):
    return next(each for each in how_far().lessons if each.number == number)


COUNT = len(list(COURSE.glob("[0-9][0-9]-*.ipynb")))


def test_who_has_done_nothing_has_all_lessons_ahead():
    found = how_far()
    assert [each.number for each in found.lessons] == [f"{number:02}" for number in range(COUNT)]
    assert found.lessons_run == 0
    assert all(each.questions > 0 and each.predictions == 0 for each in found.lessons)
    assert all(each.empty > 0 and each.tried == 0 for each in found.lessons)
    assert f"Lessons run: 0 of {COUNT}." in str(found)
    assert found.next() == ["Next: lesson 00, Start here."]


def test_a_prediction_counts_once_however_often_it_is_changed():
    progress.record("predictions", "04-kill", ["its name"])
    progress.record("predictions", "04-kill", ["its uid"])
    progress.record("predictions", "04-no-such-question", ["?"])
    assert lesson("04").predictions == 1
    assert lesson("05").predictions == 0


def test_the_last_line_of_every_lesson_ends_it():
    for file in COURSE.glob("[0-9][0-9]-*.ipynb"):
        last = json.loads(file.read_text())["cells"][-1]["source"]
        lines = [line.strip().removeprefix("%kubectl ") for line in last]
        assert [match[1] for line in lines if (match := _LAST_LINE.match(line))] == [file.name[:2]]
    progress.lesson_ended("04")
    assert lesson("04").ended
    assert how_far().lessons_run == 1


def test_a_worse_answer_does_not_undo_a_better_one():
    progress.record_best("tasks", "ps3.identity", 20, 20)
    progress.record_best("tasks", "ps3.identity", 4, 20)
    progress.record_best("tasks", "ps3.storage", 3, 10)
    assert how_far().tasks == (("ps3.identity", 20.0, 20.0), ("ps3.storage", 3.0, 10.0))
    assert how_far().tasks_passed == 1


def test_the_record_is_readable_and_goes_to_another_machine(home, tmp_path_factory, monkeypatch):
    progress.record("predictions", "04-kill", ["its name"])
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(home / "course", other / "course")
    (other / ".statelab").mkdir()
    shutil.copy(progress.path(), other / ".statelab")
    assert json.loads(progress.path().read_text()) == {"predictions": {"04-kill": ["its name"]}}
    monkeypatch.setenv("STATELAB_HOME", str(other))
    assert lesson("04").predictions == 1


@pytest.mark.parametrize("text", ["{", "[]", '"x"', "\x00"])
def test_a_broken_record_is_set_aside_and_begun_again(text):
    progress.path().parent.mkdir()
    progress.path().write_text(text)
    assert how_far().lessons_run == 0
    assert progress.path().with_suffix(".broken.json").read_text() == text
    progress.lesson_ended("00")
    assert how_far().lessons_run == 1


@pytest.mark.parametrize("text", ['{"lessons": 3, "tasks": {"a": 1}}', '{"predictions": [], "tasks": []}'])
def test_a_record_of_another_shape_is_lived_with(text):
    progress.path().parent.mkdir()
    progress.path().write_text(text)
    assert how_far().lessons_run == 0
    progress.lesson_ended("00")
    assert how_far().lessons_run == 1


def test_a_folder_that_cannot_be_written_loses_the_record_and_no_more(home):
    (home / ".statelab").write_text("a file where the folder should be")
    progress.lesson_ended("00")
    assert how_far().lessons_run == 0


def test_the_bar_says_in_words_what_it_shows():
    progress.lesson_ended("00")
    shown = how_far()._repr_html_()
    assert f'aria-label="Lessons run: 1 of {COUNT}.' in shown
    assert shown.count("<rect") == COUNT
    assert shown.count("✓") == 2  # on the bar and in the list


@pytest.fixture
def exercises(home: Path) -> Path:
    return Path(shutil.copytree(COURSE.parent / "exercises", home / "exercises"))


def test_the_map_shows_all_tasks_with_their_points_and_what_comes_next(exercises):
    found = how_far()
    tasks = {task.id: task for each in found.assignments for task in each.tasks}
    assert found.assignments[0].title == "Problem set 1: Pods that are all alike"
    assert (tasks["ps3.identity"].points, tasks["ps3.identity"].lessons) == (30, ("04", "06"))
    assert "○ ps3.identity           Write one yourself" in str(found)
    progress.lesson_ended("00")
    progress.lesson_ended("01")
    progress.record("tried", "01-try-price", True)
    progress.record_best("tasks", "ps1.shop", 3, 20)
    assert how_far().next() == [
        'Next: lesson 02, What "stateful" means.',
        "To practise: ps1.survive, What survives? (20 points).",  # ps1.shop is about lesson 03 too
    ]
    progress.record_best("tasks", "ps1.survive", 20, 20)
    assert "ps1.scale" in how_far().next()[1]
    assert lesson("01").tried == 1
    assert "1/3 written" in str(how_far())
    assert "Tasks passed: 1 of" in str(how_far())
    shown = how_far()._repr_html_()
    assert 'ps1/ps1.ipynb">A shop with three counters</a>' in shown
    assert "(1 of 5 passed)" in shown


def test_every_task_of_an_assignment_names_lessons_that_are_there(exercises):
    numbers = {each.number for each in how_far().lessons}
    for assignment in how_far().assignments:
        for task in assignment.tasks:
            assert task.lessons, task.id
            assert numbers.issuperset(task.lessons)
            assert task.points > 0


def test_every_lesson_leads_to_an_assignment_that_is_about_it(exercises):
    about = {
        number: each.file.parent.name for each in how_far().assignments for t in each.tasks for number in t.lessons
    }
    for file in COURSE.glob("[0-9][0-9]-*.ipynb"):
        if file.name[:2] in about:
            assert "../exercises/" in file.read_text(), file.name


@pytest.mark.parametrize("text", ["{", "[]", '{"cells": 3}', '{"cells": [{}]}', "\x00"])
def test_a_notebook_of_tasks_that_cannot_be_read_is_left_out(exercises, text):
    (exercises / "ps1" / "ps1.ipynb").write_text(text)
    assert how_far().assignments[0].title.startswith("Problem set 2")


def test_a_task_that_was_tried_and_is_in_no_notebook_here_is_still_told():
    progress.record_best("tasks", "mine.one", 3, 10)
    assert "mine.one" in str(how_far())
    assert "3/10" in str(how_far())


def test_moments_are_said_as_a_person_says_them():
    now = datetime.fromisoformat("2026-03-12T18:00:00").astimezone()
    assert when((now - timedelta(hours=2)).isoformat(), now) == "today, 16:00"
    assert when((now - timedelta(days=1)).isoformat(), now) == "yesterday"
    assert when((now - timedelta(days=5)).isoformat(), now) == "5 days ago"
    assert when((now - timedelta(days=50)).isoformat(), now) == "2026-01-21"
    assert when("", now) == ""
    assert when("no moment", now) == "no moment"


def test_statelab_progress_tells_a_person_and_a_program_and_begins_again():
    progress.lesson_ended("07")
    said = CliRunner().invoke(app, ["progress"])
    assert "✓ 07  Changing a StatefulSet" in said.output
    told = json.loads(CliRunner().invoke(app, ["progress", "--json"]).output)
    assert [each["number"] for each in told["lessons"] if each["ended"]] == ["07"]
    assert CliRunner().invoke(app, ["progress", "--reset"]).exit_code == 0
    assert how_far().lessons_run == 0
    assert progress.path().with_suffix(".before-reset.json").exists()
    assert "no record" in CliRunner().invoke(app, ["progress", "--reset"]).output


def test_how_far_is_a_function_however_often_it_is_imported():
    import statelab.notebook

    assert callable(statelab.notebook.how_far)
    assert callable(statelab.notebook.how_far)
