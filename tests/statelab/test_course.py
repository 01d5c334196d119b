"""A learner's own copy of the course: complete, and never written over."""

from __future__ import annotations

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
    names = [each.name for each in copied.folder.rglob("*")]
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
