"""The exchange on a bad day: full disks, links, what is too large or another's. Nothing half, nothing lost, no leak."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import programs
import pytest

ROOT = Path(__file__).resolve().parents[3]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="the exchange is not for Windows")]
# One process for all commands of nbgrader: each would take seconds to begin. `small` lets no file grow beyond 2,000
# bytes, which is a disk that takes no more: the notebook is larger.
STEPS = """
import copy, json, logging, os, resource, signal, sys
from pathlib import Path
from nbgrader.api import Gradebook
from nbgrader.auth import Authenticator
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange import ExchangeError, ExchangeFactory
from traitlets.config import Config
from traitlets.log import get_logger
from traitlets.config.loader import PyFileConfigLoader

course, desk = Path(sys.argv[1]), Path(sys.argv[2])
config = Config(PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config())
config.Exchange.root, config.Exchange.cache = str(course.parent / "exchange"), str(course.parent / "cache")
config.CourseDirectory.assignment_id = "ps3"
make = ExchangeFactory(config=config)
inbound = course.parent / "exchange/statelab/inbound"
get_logger().addHandler(logging.StreamHandler())
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

def go(kind, folder, small=False, **more):
    os.chdir(folder)
    mine = copy.deepcopy(config)
    mine.CourseDirectory.update({"root": str(course), **more})
    limits = (2_000 if small else resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    try:
        kind(coursedir=CourseDirectory(config=mine), authenticator=Authenticator(config=mine), config=mine).start()
    except ExchangeError as error:
        return str(error)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

def submit(small=False):
    return go(make.Submit, desk, small, student_id="anna")

def names(folder):
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())

with Gradebook(f"sqlite:///{course}/gradebook.db", config.CourseDirectory.course_id) as gradebook:
    gradebook.add_assignment("ps3")
go(make.ReleaseAssignment, course)
found = {}
"""


def steps(tmp_path: Path, more: str) -> tuple[dict[str, Any], str]:
    """Run these after a release: what they put into `found`, and what was logged."""
    course, desk = tmp_path / "course", tmp_path / "desk"
    shutil.copytree(ROOT / "exercises/ps3", course / "exercises/ps3")
    shutil.copy(ROOT / "nbgrader_config.py", course)
    (tmp_path / "exchange").mkdir()
    (tmp_path / "exchange").chmod(0o777)
    desk.mkdir()
    code = f"{STEPS}{more}\nprint(json.dumps(found))"
    done = programs.run("-c", code, str(course), str(desk), cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout), done.stderr


def test_what_was_begun_goes_again_and_what_was_there_stays(tmp_path: Path) -> None:
    found, _ = steps(
        tmp_path,
        """
found["fetch"] = go(make.FetchAssignment, desk, small=True), names(desk)
found["fetch again"] = go(make.FetchAssignment, desk)
found["first"] = submit(), names(inbound)
found["full"] = submit(small=True), names(inbound)
found["collect"] = go(make.Collect, course, small=True, student_id="*"), names(course / "submitted")
found["collect again"] = go(make.Collect, course, student_id="*"), names(course / "submitted")
""",
    )
    problem, there = found["fetch"]
    assert problem.startswith("Nothing was fetched: ") and there == []
    assert found["fetch again"] is None
    _, handed_in = found["first"]
    assert len(handed_in) == 3  # the notebook and its receipt
    problem, there = found["full"]
    assert problem.startswith("Nothing was handed in: ") and there == handed_in
    problem, there = found["collect"]
    assert problem.startswith("What anna handed in could not be collected: ") and there == []
    assert found["collect again"] == [
        None, [f"anna/ps3/{name}" for name in ("ps3.ipynb", "submission_secret.txt", "timestamp.txt")],
    ]  # fmt: skip


def test_one_hand_in_that_is_too_large_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    found, said = steps(
        tmp_path,
        """
go(make.FetchAssignment, desk)
submit()
(mine,) = inbound.iterdir()
large = inbound / f"aaa+{mine.name.partition('+')[2]}"
large.mkdir()
with (large / "film.mp4").open("wb") as film:
    film.truncate(101 * 1000**2)  # nbgrader takes 100 MB
found["collect"] = go(make.Collect, course, student_id="*"), names(course / "submitted")
""",
    )
    problem, there = found["collect"]
    assert problem is None and [each.partition("/")[0] for each in there] == ["anna"] * 3
    assert "What aaa handed in was not collected: " in said


def test_a_link_in_a_hand_in_shows_nothing_of_the_instructors(tmp_path: Path) -> None:
    """A learner still owns the folder when it is collected, and collecting reads with the instructor's rights."""
    (tmp_path / "hidden.py").write_text("the hidden checks")
    found, said = steps(
        tmp_path,
        """
go(make.FetchAssignment, desk)
submit()
(mine,) = inbound.iterdir()
(mine / "x.html").symlink_to(course.parent / "hidden.py")
(mine / "folder").symlink_to(course.parent)
(mine / "ps3.ipynb").unlink()
(mine / "ps3.ipynb").symlink_to(course.parent / "hidden.py")
os.mkfifo(mine / "pipe")
(mine / "notes").mkdir()
(mine / "notes/mine.txt").write_text("kept")
found["collect"] = go(make.Collect, course, student_id="*"), names(course / "submitted")
""",
    )
    problem, there = found["collect"]
    assert problem is None
    assert there == [f"anna/ps3/{name}" for name in ("notes/mine.txt", "submission_secret.txt", "timestamp.txt")]
    assert said.count("is no file of its own") == 4


@pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="only root can hand in as somebody else")
def test_what_somebody_else_hands_in_under_a_name_does_not_stand_in_the_way(tmp_path: Path) -> None:
    found, said = steps(
        tmp_path,
        """
import pwd, shutil
anna, ben = pwd.getpwnam("nobody"), pwd.getpwnam("daemon")
go(make.FetchAssignment, desk)
go(make.Submit, desk, student_id=anna.pw_name)
(own,) = inbound.iterdir()
os.chown(own, anna.pw_uid, anna.pw_gid)
forged = shutil.copytree(own, inbound / f"{anna.pw_name}+ps3+2036-01-01 00:00:00.000000 UTC+forged")
os.chown(forged, ben.pw_uid, ben.pw_gid)
(forged / "ps3.ipynb").chmod(0o644)
(forged / "ps3.ipynb").write_text("forged")
found["collect"] = go(make.Collect, course, student_id="*"), names(course / "submitted")
found["mine"] = (course / "submitted" / anna.pw_name / "ps3/ps3.ipynb").read_text() != "forged"
""",
    )
    assert found["collect"][0] is None and found["mine"]
    assert "+forged was not handed in by nobody: it was left" in said
