"""Several instructors, learners of no list, an instructor whose files are closed: nobody's work or feedback is lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import programs
import pytest

from grader.batch.alone import alone
from grader.batch.class_list import strangers
from grader.batch.course import CourseError

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="nbgrader's exchange is not for Windows")


def run(course: Path, *words: str, umask: int = -1, student: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "JUPYTER_DATA_DIR": str(course / f"data-{student}")}
    return programs.run(*words, cwd=course, env=environment, umask=umask)


def test_a_second_run_says_who_is_at_it_and_one_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    """Nor do its workers, which end a moment later."""
    script = (
        "import os, sys, time; from pathlib import Path; from grader.batch.alone import alone\n"
        "with alone(Path(sys.argv[1]), 'ps3'):\n"
        "    worker = os.fork(); worker and print(worker, flush=True); time.sleep(600)"
    )
    first = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
    assert first.stdout is not None
    worker = int(first.stdout.readline())
    try:
        said = f"ps3 is being graded already, by process {first.pid} of "
        with pytest.raises(CourseError, match=said), alone(tmp_path, "ps3"):
            pass
        with alone(tmp_path, "ps4"):
            pass
    finally:
        first.kill()
        first.wait(60)
    try:
        os.kill(worker, 0)
        with alone(tmp_path, "ps3"):
            assert stat.S_IMODE((tmp_path / "ps3.lock").stat().st_mode) == 0o600
    finally:
        os.kill(worker, signal.SIGKILL)


def test_who_is_in_no_class_list_is_known_in_the_next_run_too_and_no_list_is_no_mark(tmp_path: Path) -> None:
    assert strangers({"anna": True, "ben": False}, tmp_path / "a", ["anna", "zoe"]) == {"zoe"}
    assert strangers({"anna": True, "zoe": False}, tmp_path / "a", ["anna", "zoe"]) == {"zoe"}
    assert strangers({"anna": True, "zoe": True}, tmp_path / "a", ["anna", "zoe"]) == frozenset()
    assert strangers({}, tmp_path / "b", ["anna", "zoe"]) == frozenset()  # nobody has made a list
    assert strangers({"anna": False, "zoe": False}, tmp_path / "b", ["anna", "zoe"]) == frozenset()
    assert strangers({"anna": False, "ben": False}, tmp_path / "c", ["anna", "zoe"]) == {"zoe"}  # a list of ids alone
    assert strangers({"anna": False, "ben": False, "zoe": False}, tmp_path / "c", ["anna", "zoe"]) == {"zoe"}


@pytest.mark.slow
def test_with_closed_files_a_whole_round_reaches_the_learner_and_a_stranger_is_marked(
    tmp_path: Path, monkeypatch
) -> None:
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    with (tmp_path / "nbgrader_config.py").open("a") as config:
        config.write(f"c.Exchange.root = {str(tmp_path / 'exchange')!r}\n")
    shutil.copytree(ROOT / "solutions/ps3", tmp_path / "solutions/ps3")
    (tmp_path / "exchange").mkdir()
    (tmp_path / "exchange").chmod(0o777)
    (tmp_path / "students.csv").write_text("id,first_name\nanna,Anna\n")
    closed = 0o077
    for words in (
        ("generate_assignment", "ps3"),
        ("db", "student", "import", "students.csv"),
        ("release_assignment", "ps3"),
    ):
        done = run(tmp_path, "nbgrader", *words, umask=closed)
        assert done.returncode == 0, done.stderr
    desk = tmp_path / "desk"
    desk.mkdir()
    shutil.copy(tmp_path / "nbgrader_config.py", desk)
    for words in (("fetch_assignment", "ps3"), ("submit", "ps3")):
        done = run(desk, "nbgrader", *words)
        assert done.returncode == 0, done.stderr
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(desk))  # as /etc/jupyter is on a hub: good in every folder
    done = run(desk / "ps3", "nbgrader", "submit", "ps3")
    assert done.returncode != 0 and "cd .. && nbgrader submit ps3" in done.stderr and "Traceback" not in done.stderr
    assert run(tmp_path, "nbgrader", "collect", "ps3", "--update", umask=closed).returncode == 0
    done = run(tmp_path, "grader.cli", "run", "ps3", umask=closed)
    who = next(each.name for each in (tmp_path / "submitted").iterdir())
    assert done.returncode == 0 and f"Not in your class list: {who}" in done.stdout, done.stderr
    body = json.loads((tmp_path / "reports/ps3.json").read_text())
    assert [each["in_class_list"] for each in body["students"]] == [False]
    assert "not in your class list" in (tmp_path / "reports/ps3.html").read_text()
    assert (tmp_path / "reports/ps3.csv").read_text().splitlines()[1].endswith(",no")
    assert run(tmp_path, "nbgrader", "release_feedback", "ps3", umask=closed).returncode == 0
    (page,) = (tmp_path / "exchange/statelab/feedback").glob("*.html")
    assert page.stat().st_mode & stat.S_IROTH
    assert all(folder.stat().st_mode & stat.S_IXOTH for folder in (page.parent, page.parent.parent))
    done = run(desk, "nbgrader", "fetch_feedback", "ps3")
    assert done.returncode == 0 and list((desk / "ps3/feedback").rglob("ps3.html")), done.stderr


def test_a_gradebook_that_somebody_writes_to_is_told_in_a_sentence(tmp_path: Path, monkeypatch) -> None:
    from grader.batch import database

    path = tmp_path / "gradebook.db"
    sqlite3.connect(path).execute("create table student (id)").connection.close()
    other = sqlite3.connect(path, isolation_level=None)
    connect = sqlite3.connect
    monkeypatch.setattr(database.sqlite3, "connect", lambda path, **more: connect(path, **{**more, "timeout": 0.0}))
    mine = database.Database(f"sqlite:///{path}")
    other.execute("begin exclusive")
    said = "somebody else writes to it: try again, with --resume"
    with pytest.raises(CourseError, match=said), mine.transaction():
        mine.execute("insert into student values (?)", ("anna",))
    other.execute("rollback")
    mine.close()
    other.close()
