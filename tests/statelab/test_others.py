"""What other users of a machine can read of a course is found by the modes of files and of every folder above."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from grader.closed import problem
from statelab import others
from statelab.cluster.paths import Home
from statelab.doctor import _others

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")


@pytest.fixture
def course() -> Iterator[Path]:
    """In the machine's own temporary folder: pytest's are closed to others, and so is everything in them."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    (folder / "solutions").mkdir()
    (folder / "gradebook.db").touch()
    (folder / "course").mkdir()
    for path in (folder, folder / "solutions"):
        path.chmod(0o755)
    (folder / "gradebook.db").chmod(0o644)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(others, "are_here", lambda: True)


def test_an_open_course_is_told_by_name(course: Path) -> None:
    assert others.readable(course) == ["solutions", "gradebook.db"]


@pytest.mark.parametrize("mode", [0o700, 0o740, 0o744])
def test_a_folder_that_nobody_else_can_enter_closes_all_that_is_in_it(course: Path, mode: int) -> None:
    course.chmod(mode)
    assert others.readable(course) == []


def test_what_is_closed_itself_is_not_told(course: Path) -> None:
    (course / "solutions").chmod(0o700)
    assert others.readable(course) == ["gradebook.db"]


def test_a_group_of_several_is_others_and_the_users_own_is_not(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import grp

    for path in (course, course / "solutions", course / "gradebook.db"):
        path.chmod(path.stat().st_mode & 0o770)
    assert others.readable(course) == []
    monkeypatch.setattr(grp, "getgrgid", lambda number: SimpleNamespace(gr_name="class", gr_mem=["anna", "ben"]))
    assert others.readable(course) == ["solutions", "gradebook.db"]


def test_people_are_those_who_can_log_in_and_a_hub_has_some(monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    def account(number: int, shell: str) -> SimpleNamespace:
        return SimpleNamespace(pw_uid=number, pw_shell=shell)

    monkeypatch.delenv("JUPYTERHUB_API_URL", raising=False)
    daemons = [account(33, "/bin/bash"), account(1001, "/usr/sbin/nologin"), account(os.getuid(), "/bin/bash")]
    monkeypatch.setattr(pwd, "getpwall", lambda: [*daemons, account(65534, "/bin/sh")])
    assert not others.are_here()
    monkeypatch.setattr(pwd, "getpwall", lambda: [*daemons, account(4242, "/bin/bash")])
    assert others.are_here()
    monkeypatch.setattr(pwd, "getpwall", lambda: daemons)
    monkeypatch.setenv("JUPYTERHUB_API_URL", "http://127.0.0.1:8081/hub/api")
    assert others.are_here()


@pytest.mark.usefixtures("somebody_else")
def test_the_sentence_says_what_is_open_how_to_close_it_and_how_to_go_on(course: Path) -> None:
    said = problem(course, "add --this")
    assert said is not None
    assert "solutions, gradebook.db" in said and f"chmod go-rwx '{course}'" in said and "add --this" in said
    course.chmod(0o700)
    assert problem(course, "add --this") is None


def test_the_doctor_looks_where_there_are_solutions(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(others, "are_here", lambda: True)
    (bad,) = _others(Home(course))
    assert not bad.is_good and "can read solutions" in bad.found and "chmod" in bad.hint
    monkeypatch.setattr(others, "are_here", lambda: False)
    (alone,) = _others(Home(course))
    assert alone.is_good
    shutil.rmtree(course / "solutions")
    assert _others(Home(course)) == []
