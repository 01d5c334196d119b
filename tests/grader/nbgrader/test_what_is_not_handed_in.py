"""A learner's cluster, with its token, is never handed in; and nothing is made in a folder that is open to others."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import programs
import pytest

from grader.nbgrader.submissions import without_state, without_strange_files

ROOT = Path(__file__).resolve().parents[3]
EXCHANGE = """
from pathlib import Path
import copy, logging, os, sys
from nbgrader.auth import Authenticator
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange import ExchangeFactory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

logging.basicConfig(level=logging.WARNING)
course, home, ignoring = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "ignoring"
config = Config(PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config())
config.Exchange.root, config.Exchange.cache = str(course / "exchange"), str(course / "cache")
config.CourseDirectory.assignment_id = "ps3"
factory = ExchangeFactory(config=config)
def go(make, folder, **more):
    os.chdir(folder)
    mine = copy.deepcopy(config)  # a course that ignores other files than ours
    mine.CourseDirectory.update({"root": str(course), **more})
    make(coursedir=CourseDirectory(config=mine), authenticator=Authenticator(config=mine), config=mine).start()
go(factory.ReleaseAssignment, course)
more = {} if ignoring else {"ignore": []}
go(factory.Submit, home, student_id="anna", **more)
go(factory.Collect, course, student_id="*", **more)
"""


@pytest.fixture
def course(tmp_path: Path) -> Path:
    course = tmp_path / "course"
    shutil.copytree(ROOT / "exercises" / "ps3", course / "exercises" / "ps3")
    shutil.copy(ROOT / "nbgrader_config.py", course)
    (course / "exchange").mkdir(mode=0o777)
    (course / "exchange").chmod(0o777)
    return course


@pytest.mark.slow
@pytest.mark.parametrize("submitted_by", ["ignoring", "an older configuration"])
def test_a_cluster_in_an_assignments_folder_never_reaches_the_instructor(course, tmp_path, submitted_by):
    home = tmp_path / "home"
    fetched = Path(shutil.copytree(course / "exercises" / "ps3", home / "ps3"))
    (fetched / ".statelab").mkdir()
    (fetched / ".statelab/server.json").write_text('{"token": "secret"}')
    done = programs.run("-c", EXCHANGE, str(course), str(home), submitted_by, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    inbound = list((course / "exchange/statelab/inbound").rglob("server.json"))
    assert bool(inbound) == (submitted_by != "ignoring")
    assert (course / "submitted/anna/ps3/ps3.ipynb").is_file()
    assert not list((course / "submitted").rglob(".statelab"))
    assert ("anna brought a cluster with its token" in done.stderr) == bool(inbound)


def test_what_an_earlier_version_collected_is_taken_away_and_told(tmp_path, caplog):
    for folder in (tmp_path, tmp_path / "deep/er"):
        (folder / ".statelab/state").mkdir(parents=True)
        (folder / ".statelab/state/journal").touch()
    (tmp_path / "ps3.ipynb").touch()
    assert without_state(tmp_path) == 2
    assert sorted(each.name for each in tmp_path.rglob("*") if each.is_file()) == ["ps3.ipynb"]
    assert caplog.text.count("is the learner's own cluster") == 2
    (tmp_path / ".statelab").symlink_to("/etc")
    without_strange_files(notebooks=[str(tmp_path / "ps3.ipynb")])
    assert not (tmp_path / ".statelab").is_symlink() and Path("/etc/passwd").exists()


# ---- a folder that is open to others


@pytest.fixture
def opened(course: Path) -> Iterator[Path]:
    """Not in pytest's folder, which is closed to others."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    shutil.copy(course / "nbgrader_config.py", folder)
    shutil.copytree(ROOT / "solutions" / "ps3", folder / "solutions" / "ps3")
    for each in (folder / "solutions", folder / "solutions" / "ps3"):
        each.chmod(0o755)  # whatever the umask
    yield folder
    shutil.rmtree(folder)


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "JUPYTERHUB_API_URL": "http://127.0.0.1:1/hub/api"}  # so others can log in here
    return programs.run(*words, cwd=folder, env=environment)


@pytest.mark.slow
def test_nothing_is_made_or_graded_where_others_can_read_it_but_with_one_option(opened):
    done = run(opened, "nbgrader", "generate_assignment", "ps3")
    assert done.returncode != 0 and f"chmod go-rwx '{opened}'" in done.stderr and "Traceback" not in done.stderr
    assert not (opened / "exercises").exists()
    option = "--ClosedFolder.others_may_read=True"
    assert option in done.stderr
    assert run(opened, "nbgrader", "generate_assignment", "ps3", option).returncode == 0
    folder = opened / "submitted/anna/ps3"
    folder.mkdir(parents=True)
    shutil.copy(opened / "exercises/ps3/ps3.ipynb", folder)
    done = run(opened, "grader.cli", "run", "ps3", "--json")
    assert done.returncode == 2 and "--others-may-read" in json.loads(done.stdout)["error"]
    opened.chmod(0o700)
    assert run(opened, "grader.cli", "run", "ps3", "--json").returncode == 0
    opened.chmod(0o755)
    assert run(opened, "grader.cli", "run", "ps3", "--json", "--others-may-read").returncode == 0
