"""Learners' code runs in bubblewrap or not at all, unless an instructor accepts the risk; within limits even then."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from grader import sandbox
from grader.nbgrader.cells import SourceCell, new_cell, new_notebook
from grader.nbgrader.grade import grade
from grader.sandbox import Confinement, NoSandbox, run

PYTHON = [sys.executable, "-I", "-c"]


def test_without_bubblewrap_nothing_runs_and_the_flag_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    with pytest.raises(NoSandbox, match="--unprotected"):
        run([*PYTHON, f"open({str(tmp_path / 'x')!r}, 'w')"], b"")
    assert not (tmp_path / "x").exists()
    with pytest.raises(NoSandbox, match="switched off"):
        run([*PYTHON, "print(1)"], b"", mode="never")


def test_inside_of_bubblewrap_there_is_no_network_and_nothing_of_the_course(tmp_path: Path) -> None:
    command = sandbox.bubblewrap(["python"], tmp_path)
    assert "--unshare-all" in command
    assert "--share-net" not in command
    bound = [command[i + 1] for i, word in enumerate(command) if word.startswith(("--ro-bind", "--bind"))]
    assert not any("solutions" in path or path in ("/", "/home", "/root", "/etc", "/var") for path in bound)
    writable = [command[i + 1] for i, word in enumerate(command) if word == "--bind"]
    assert writable == [str(tmp_path)]


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap (bwrap) is not on this machine")
def test_bubblewrap_confines_what_runs_in_it(tmp_path: Path) -> None:
    (tmp_path / "gradebook.db").write_text("points")
    paths = ("/etc/passwd", str(tmp_path), "/tmp/work")
    script = f"import os; print(*(os.path.exists(path) for path in {paths!r}))"
    assert run([*PYTHON, script], b"") == (0, b"False False True\n")


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap (bwrap) is not on this machine")
def test_solutions_that_are_installed_beside_the_packages_are_empty_inside(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed = tmp_path / "lib" / "statelab_instructor"
    (installed / "ps3").mkdir(parents=True)
    (installed / "ps3" / "hidden.py").touch()
    monkeypatch.setenv("STATELAB_SOLUTIONS", str(installed))
    monkeypatch.setattr(sandbox, "_SYSTEM", (*sandbox._SYSTEM, str(tmp_path / "lib")))
    script = f"import os; print(os.listdir({str(tmp_path / 'lib')!r}), os.listdir({str(installed)!r}))"
    assert run([*PYTHON, script], b"") == (0, b"['statelab_instructor'] []\n")


def test_what_never_ends_is_ended_with_everything_it_started() -> None:
    began = time.monotonic()
    script = "import subprocess, sys, time; subprocess.Popen(['sleep', '60']); print('on', flush=True); time.sleep(60)"
    code, output = run([*PYTHON, script], b"", mode="unprotected", confinement=Confinement(wall_s=1.0))
    assert (code, output) == (-9, b"on\n")
    assert time.monotonic() - began < 20


def test_memory_and_output_have_an_end() -> None:
    limits = Confinement(memory_bytes=300_000_000, output_bytes=1_000)
    code, _ = run([*PYTHON, "x = 'x' * 10**9"], b"", mode="unprotected", confinement=limits)
    assert code == 1
    _, output = run([*PYTHON, "print('x' * 10**6)"], b"", mode="unprotected", confinement=limits)
    assert len(output) == 1_000


def test_what_is_run_is_told_nothing_of_this_machines_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATELAB_SECRET", "secret")
    script = "import os; print('STATELAB_SECRET' in os.environ)"
    assert run([*PYTHON, script], b"", mode="unprotected") == (0, b"False\n")


# ---- cells that have to be executed


def python_task(*cells: tuple[str, str, float | None]) -> tuple[dict[str, Any], list[SourceCell]]:
    """(name, source, points) each; points None: the learner's own cell."""
    notebook, released = [], []
    for name, source, points in cells:
        cell = SourceCell(
            name, "code", source, "", is_locked=points is not None, is_solution=points is None, points=points
        )
        released.append(cell)
        notebook.append(new_cell("code", source, name, cell.metadata()))
    return new_notebook(notebook), released


def test_a_cell_that_has_to_be_executed_and_is_not_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    notebook, released = python_task(("mine", "x = 1", None), ("test", "assert x == 1", 3.0))
    graded = grade(notebook, released)
    assert [(each.cell, each.points) for each in graded] == [("test", 0.0)]
    assert "--unprotected" in graded[0].said
    assert notebook["cells"][1]["outputs"][0]["data"]["text/plain"] == "0.0"


@pytest.mark.slow
def test_executed_cells_get_explicit_numbers() -> None:
    notebook, released = python_task(
        ("mine", "x = 1", None),
        ("right", "assert x == 1", 3.0),
        ("wrong", "assert x == 2", 3.0),
        ("partly", "1.5", 3.0),
        ("too-much", "1e9", 3.0),
        ("loud", "import sys; print('<b>', file=sys.stderr)", 3.0),
        ("the-end", "import os; os._exit(1)", None),
        ("never", "", 3.0),
    )
    points = {each.cell: each.points for each in grade(notebook, released, mode="unprotected")}
    assert points == {"right": 3.0, "wrong": 0.0, "partly": 1.5, "too-much": 0.0, "loud": 0.0, "never": 0.0}
    shown = next(each for each in notebook["cells"] if each["id"] == "loud")["outputs"][0]["data"]["text/html"]
    assert "<b>" not in shown
