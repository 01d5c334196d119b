"""`statelab copy`, and what `statelab lab` does where a JupyterHub runs: neither starts anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from statelab import foreground
from statelab.cli import app
from statelab.cluster import local
from statelab.cluster.my_courses import FIRST_LESSON


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object, **__: object) -> None:
        raise AssertionError("nothing is to be started")

    monkeypatch.setattr(foreground, "run", started)
    monkeypatch.setattr(local, "start", started)


def test_copy_copies_the_course_says_where_and_ends(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["copy", str(tmp_path / "mine")])
    assert (done.exit_code, str(tmp_path / "mine") in done.stdout) == (0, True)
    assert (tmp_path / "mine" / FIRST_LESSON).is_file()
    again = CliRunner().invoke(app, ["copy", str(tmp_path / "mine"), "--json"])
    said = json.loads(again.stdout)
    assert (said["new"], said["updated"], said["beside"]) == (0, 0, [])


def test_lab_on_a_hub_copies_and_starts_no_second_jupyterlab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")
    done = CliRunner().invoke(app, ["lab", "--copy-to", str(tmp_path / "mine")])
    assert done.exit_code == 0
    assert "open the folder in the JupyterLab that you have" in done.stdout
    assert (tmp_path / "mine" / FIRST_LESSON).is_file()
