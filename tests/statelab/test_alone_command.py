"""`statelab alone`: the word of a learner without a class is asked for once, kept, and taken back."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from statelab.cli import app
from statelab.notebook.telling import alone


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("STATELAB_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_it_is_asked_once_and_kept_in_one_file_that_nobody_else_may_read() -> None:
    said = CliRunner().invoke(app, ["alone"], input="y\n")
    assert "does nobody grade you?" in said.output
    assert alone.is_alone()
    assert alone.path().stat().st_mode & 0o077 == 0
    again = CliRunner().invoke(app, ["alone"])
    assert "?" not in again.output
    assert "statelab alone --undo" in again.output


def test_who_says_no_changes_nothing() -> None:
    said = CliRunner().invoke(app, ["alone"], input="n\n")
    assert "Nothing has changed." in said.output
    assert not alone.is_alone()


def test_it_is_taken_back() -> None:
    assert CliRunner().invoke(app, ["alone", "--yes", "--json"]).output.strip() == '{"alone": true}'
    assert "Taken back" in CliRunner().invoke(app, ["alone", "--undo"]).output
    assert not alone.is_alone()
    assert "You had not said so." in CliRunner().invoke(app, ["alone", "--undo"]).output
