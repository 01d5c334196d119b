"""What a learner has done is written down, shown, carried to another machine and begun again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from statelab.cli import app
from statelab.notebook.magics.magics import _LAST_LINE
from statelab.notebook.telling import progress
from statelab.notebook.telling.standing import how_far

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


def test_who_has_done_nothing_has_ten_lessons_ahead():
    found = how_far()
    assert [each.number for each in found.lessons] == [f"{number:02}" for number in range(10)]
    assert found.lessons_run == 0
    assert all(each.questions > 0 and each.predictions == 0 for each in found.lessons)
    assert "Lessons run: 0 of 10." in str(found)


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
    assert 'aria-label="Lessons run: 1 of 10.' in shown
    assert shown.count("<rect") == 10
    assert shown.count("✓") == 1


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
