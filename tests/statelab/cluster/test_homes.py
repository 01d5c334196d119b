"""One learner, one cluster and one record, wherever their notebooks lie; two courses, two of each."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from statelab.cluster import local, my_courses
from statelab.cluster.paths import Home, find_home
from statelab.cluster.takeover import bring_home
from statelab.notebook.telling import progress


@pytest.fixture(autouse=True)
def learner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home, with a data folder of its own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("STATELAB_HOME", raising=False)
    home = tmp_path / "home"
    home.mkdir()
    return home


def course(folder: Path, *exercises: str, id: str = "statelab") -> Path:
    (folder / "course").mkdir(parents=True)
    (folder / "course/00-start-here.ipynb").write_text("{}")
    (folder / "course/course.json").write_text(json.dumps({"id": id}))
    for each in exercises:
        (folder / "exercises" / each).mkdir(parents=True)
    return folder


def assignment(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / f"{folder.name}.ipynb").write_text("{}")
    return folder


def test_a_fetched_assignment_counts_for_the_course_wherever_it_lies(learner, monkeypatch):
    mine, fetched = course(learner / "statelab"), assignment(learner / "somewhere/ps3")
    my_courses.opened(mine)
    monkeypatch.chdir(fetched)
    progress.record_best("tasks", "ps3.identity", 20, 20)
    assert not (fetched / ".statelab").exists()
    monkeypatch.chdir(mine / "course")
    assert progress.get("tasks", "ps3.identity") == {"score": 20, "of": 20}
    assert find_home(fetched) == find_home(mine) == Home(mine)


def test_without_a_course_there_is_one_home_all_the_same_and_the_course_takes_it_over(learner, monkeypatch):
    for each in ("ps1", "ps2"):
        monkeypatch.chdir(assignment(learner / each))
        progress.record("predictions", each, [1])
    assert len({find_home(learner / each).folder for each in ("ps1", "ps2")}) == 1
    home = find_home(learner / "ps1")
    home.state.mkdir()
    (home.state / "journal").write_text("kept")
    mine = course(learner / "statelab")
    my_courses.opened(mine)
    assert progress.read()["predictions"] == {"ps1": [1], "ps2": [1]}
    assert (Home(mine).state / "journal").read_text() == "kept"


def test_a_second_checkout_has_a_cluster_of_its_own(learner):
    first, second = course(learner / "first"), course(learner / "second")
    for each in (first, second):
        my_courses.opened(each)
    assert find_home(first / "course").folder != find_home(second / "exercises").folder
    assert find_home(learner).root == second  # elsewhere: what was opened last
    my_courses.opened(first)
    assert find_home(learner).root == first


def test_two_courses_do_not_mix(learner):
    storage = course(learner / "a", "ps1", id="storage")
    networks = course(learner / "b", "ps1", "lookup", id="networks")
    my_courses.opened(networks)
    my_courses.opened(storage)
    assert find_home(assignment(learner / "networks/ps1")).root == networks  # as nbgrader names folders by course
    assert find_home(assignment(learner / "lookup")).root == networks  # only one has it
    assert find_home(assignment(learner / "ps1")).root == storage  # both do: the last one


def test_a_course_that_is_gone_is_forgotten(learner):
    mine = course(learner / "statelab")
    my_courses.opened(mine)
    (mine / "course/00-start-here.ipynb").unlink()
    assert find_home(learner / "x").root == my_courses.data_folder() / "home"
    other = course(learner / "other")
    my_courses.opened(other)
    assert list(json.loads((my_courses.data_folder() / "courses.json").read_text())) == [str(other)]


@pytest.mark.parametrize("broken", ["", "[]", "{", '{"/x": "y"}', "\udcff"])
def test_a_list_of_courses_that_cannot_be_read_is_none(learner, broken):
    my_courses.data_folder().mkdir(parents=True)
    (my_courses.data_folder() / "courses.json").write_bytes(broken.encode("utf-8", "surrogateescape"))
    assert find_home(learner).root == my_courses.data_folder() / "home"


def test_a_folder_that_is_named_wins_and_one_with_a_cluster_made_on_purpose_is_a_home(learner, monkeypatch):
    my_courses.opened(course(learner / "statelab"))
    project = learner / "project"
    Home(project).state.mkdir(parents=True)
    assert find_home(project / "tests").root == project
    monkeypatch.setenv("STATELAB_HOME", str(learner / "named"))
    assert find_home(project).root == learner / "named"
    assert Home(learner / "named").folder == learner / "named/.statelab"


def test_where_the_folder_we_are_in_was_deleted_there_is_a_home_too(learner, monkeypatch):
    gone = learner / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert find_home().root == my_courses.data_folder() / "home"
    assert progress.read() == {}


@pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="only root can give files to others")
def test_in_a_course_of_somebody_elses_a_learners_cluster_is_in_their_own_data_folder(learner, monkeypatch):
    shared = course(learner / "shared")
    os.chown(shared, 4242, 4242)
    monkeypatch.setattr(os, "getuid", lambda: 1717)
    assert Home(shared).folder.parent == my_courses.data_folder() / "courses"
    assert Home(shared).folder != Home(course(learner / "x/shared")).folder


# ---- what earlier versions left


def stray(folder: Path, **tasks: float) -> Path:
    old = assignment(folder) / ".statelab"
    (old / "state").mkdir(parents=True)
    (old / "state/journal").write_text(folder.name)
    old.chmod(0o755)
    scores = {f"ps3.{task}": {"score": score, "of": 10} for task, score in tasks.items()}
    (old / "progress.json").write_text(json.dumps({"tasks": scores}))
    return folder


def test_a_cluster_and_a_record_in_an_assignments_folder_are_taken_over_and_nothing_is_lost(learner, monkeypatch):
    mine = course(learner / "statelab")
    home = Home(mine)
    my_courses.opened(mine)
    monkeypatch.chdir(mine)
    progress.record_best("tasks", "ps3.order", 5, 10)
    progress.record_best("tasks", "ps3.peers", 10, 10)
    for folder in (stray(learner / "ps3", order=8, peers=2, lookup=3), stray(learner / "again/ps3", lookup=1)):
        monkeypatch.chdir(folder)
        found = progress.read()["tasks"]
        assert not (folder / ".statelab").exists()
    assert {task: each["score"] for task, each in found.items()} == {"ps3.order": 8, "ps3.peers": 10, "ps3.lookup": 3}
    assert (home.state / "journal").read_text() == "ps3"
    assert (home.folder / "from-ps3-2/state/journal").read_text() == "ps3"
    modes = {stat.S_IMODE(each.stat().st_mode) & 0o077 for each in [home.folder, *home.folder.rglob("*")]}
    assert os.name == "nt" or modes == {0}


def test_a_cluster_that_still_runs_in_an_assignments_folder_goes_on_in_the_home_at_its_address(learner, monkeypatch):
    fetched = assignment(learner / "ps3")
    monkeypatch.setenv("STATELAB_HOME", str(fetched))  # so an earlier version would have started it
    before, _ = local.start(Home(fetched), pace=20)
    monkeypatch.delenv("STATELAB_HOME")
    mine = course(learner / "statelab")
    my_courses.opened(mine)
    monkeypatch.chdir(fetched)
    home = find_home()
    assert home.root == mine
    try:
        after, is_new = local.start(home, pace=20)
        assert is_new and (after.url, after.token) == (before.url, before.token)
    finally:
        local.stop(home)


def test_a_record_that_cannot_be_read_is_set_aside_and_the_learners_own_stays(learner, monkeypatch):
    mine = course(learner / "statelab")
    my_courses.opened(mine)
    monkeypatch.chdir(mine)
    progress.record("lessons", "04", "today")
    fetched = stray(learner / "ps3")
    (fetched / ".statelab/progress.json").write_text('{"lessons": [1]}')
    assert bring_home(Home(mine), fetched) == [fetched / ".statelab"]
    assert progress.read() == {"lessons": {"04": "today"}}
    assert (Home(mine).folder / "from-ps3/progress.json").is_file()
