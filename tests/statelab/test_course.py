"""A learner's own copy of the course: complete, and never written over."""

from __future__ import annotations

import json
import os

import pytest

from statelab import course
from statelab.cluster.problem import Problem


def test_a_copy_has_the_lessons_their_manifests_and_pictures_and_the_exercises(tmp_path):
    copied = course.copy_to(tmp_path / "deep" / "mine")
    assert (copied.kept, copied.new > 60) == (0, True)
    for each in ("00-start-here.ipynb", "manifests/04-web.yaml", "pictures/04-web.svg", "glossary.md"):
        assert (copied.folder / "course" / each).is_file()
    assert (copied.folder / "exercises/final/final.ipynb").is_file()
    names = [each.name for each in copied.folder.rglob("*") if each.name != course.RECORD]
    assert not [each for each in names if each.endswith((".py", ".pyc")) or each.startswith(".")]


def test_what_a_learner_wrote_is_never_written_over(tmp_path):
    course.copy_to(tmp_path)
    mine = tmp_path / "exercises/ps1/ps1.ipynb"
    mine.write_text("my answer")
    (tmp_path / "course/glossary.md").unlink()
    again = course.copy_to(tmp_path)
    assert mine.read_text() == "my answer"
    assert again.new == 1
    assert (tmp_path / "course/glossary.md").is_file()
    assert "as you left them" in str(again)
    assert "complete" in str(course.copy_to(tmp_path))


def test_a_link_that_leads_nowhere_is_left_alone(tmp_path):
    (tmp_path / "course").mkdir()
    (tmp_path / "course/glossary.md").symlink_to(tmp_path / "elsewhere.md")
    course.copy_to(tmp_path)
    assert not (tmp_path / "elsewhere.md").exists()


def test_an_interrupted_copy_leaves_nothing_half_and_is_completed_by_the_next(tmp_path, monkeypatch):
    replace, done = os.replace, []

    def interrupted(source, to):
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(to)
        replace(source, to)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            course.copy_to(tmp_path)
    assert sorted(each for each in tmp_path.rglob("*") if each.is_file()) == sorted(done)
    assert course.copy_to(tmp_path).kept == 5


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Problem, match="cannot be copied to"):
        course.copy_to(tmp_path / "file")


def test_copying_onto_the_source_changes_nothing():
    assert course.copy_to(course.checkout()).new == 0
    assert not course.is_copy(course.checkout())


@pytest.fixture
def newer(tmp_path, monkeypatch):
    """`newer(name, text)`: the course has a new version of a file. Its source is a copy, which a test may change."""
    source = tmp_path / "source"
    course.copy_to(source)
    (source / course.RECORD).unlink()
    monkeypatch.setattr(course, "checkout", lambda: source)

    def change(name, text):
        (source / name).write_text(text)

    return change


LESSON, BESIDE = "course/04-statefulset-names-that-stay.ipynb", "course/04-statefulset-names-that-stay.new.ipynb"


def test_what_a_learner_did_not_touch_follows_the_course(tmp_path, newer):
    mine = tmp_path / "mine"
    course.copy_to(mine)
    newer(LESSON, "second edition")
    copied = course.copy_to(mine)
    assert (copied.new, copied.updated, copied.beside) == (0, 1, ())
    assert (mine / LESSON).read_text() == "second edition"
    assert course.copy_to(mine).updated == 0


def test_what_a_learner_changed_stays_and_the_newer_one_lies_beside_it(tmp_path, newer):
    mine = tmp_path / "mine"
    course.copy_to(mine)
    (mine / LESSON).write_text("with my answers")
    newer(LESSON, "second edition")
    copied = course.copy_to(mine)
    assert [each.as_posix() for each in copied.beside] == [BESIDE]
    assert BESIDE in str(copied)
    assert ((mine / LESSON).read_text(), (mine / BESIDE).read_text()) == ("with my answers", "second edition")
    assert course.copy_to(mine).beside == ()  # said once
    newer(LESSON, "third edition")
    course.copy_to(mine)
    assert ((mine / LESSON).read_text(), (mine / BESIDE).read_text()) == ("with my answers", "third edition")


def test_who_works_in_the_newer_one_keeps_that_too(tmp_path, newer):
    mine = tmp_path / "mine"
    course.copy_to(mine)
    (mine / LESSON).write_text("with my answers")
    newer(LESSON, "second edition")
    course.copy_to(mine)
    (mine / BESIDE).write_text("my second answers")
    newer(LESSON, "third edition")
    copied = course.copy_to(mine)
    assert (mine / BESIDE).read_text() == "my second answers"
    [third] = copied.beside
    assert third.name == "04-statefulset-names-that-stay.new-2.ipynb"
    assert (mine / third).read_text() == "third edition"


def test_a_copy_of_which_nothing_is_remembered_is_taken_for_the_learner_s(tmp_path, newer):
    mine = tmp_path / "mine"
    course.copy_to(mine)
    (mine / course.RECORD).write_text("[not what it was")
    newer(LESSON, "second edition")
    copied = course.copy_to(mine)
    assert (copied.updated, [each.as_posix() for each in copied.beside]) == (0, [BESIDE])


def test_a_lesson_that_was_only_opened_and_saved_still_follows_the_course(tmp_path, newer):
    mine = tmp_path / "mine"
    course.copy_to(mine)
    opened = json.loads((mine / LESSON).read_text())
    opened["metadata"]["language_info"] = {"version": "3.11.2"}
    (mine / LESSON).write_text(json.dumps(opened))
    newer(LESSON, "second edition")
    assert course.copy_to(mine).updated == 1


def test_a_lesson_that_was_run_is_the_learner_s(tmp_path, newer):
    mine = tmp_path / "mine"
    course.copy_to(mine)
    run = json.loads((mine / LESSON).read_text())
    next(each for each in run["cells"] if each["cell_type"] == "code")["outputs"] = [{"output_type": "stream"}]
    (mine / LESSON).write_text(json.dumps(run))
    newer(LESSON, "second edition")
    assert len(course.copy_to(mine).beside) == 1


def test_an_empty_cell_is_filled_in_for_who_has_no_learner_and_nothing_else_is_changed():
    cells = [
        {"source": "1", "metadata": {}},
        {"source": "# here", "metadata": {"statelab": {"solution": "%kubectl get pods"}}},
    ]
    assert [each["source"] for each in course.solved({"cells": cells})["cells"]] == ["1", "%kubectl get pods"]
