"""nbgrader starts alembic by its name: it has to be found also where nobody activated the environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from grader.nbgrader import find_our_programs


def test_the_programs_beside_this_python_are_found_and_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    find_our_programs()
    find_our_programs()
    assert os.environ["PATH"].split(os.pathsep) == [str(Path(sys.executable).parent), "/usr/bin"]
