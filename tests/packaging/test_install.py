"""`make lab` installs what a learner needs and says how far it is; `make test` adds what the tests need."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PIP = """#!/bin/sh
[ -n "$FAILS" ] && { echo "ERROR: no matching distribution"; exit 1; }
echo "$@" > asked
echo "Obtaining file:///somewhere"
echo "Collecting aiohttp<4,>=3.11 (from statelab==0.1.0)"
echo "Collecting rich>=13.9 (from statelab==0.1.0)"
echo "Collecting rich>=12 (from typer==1)"
echo "Installing collected packages: aiohttp, rich"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A clone whose environment has a pip that only says what pip says."""
    shutil.copy(ROOT / "install.py", tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PIP)
    python.chmod(0o755)
    return tmp_path


def install(folder: Path, *extras: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(folder / "install.py"), *extras]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60)


posix = pytest.mark.skipif(sys.platform == "win32", reason="pip is a shell script here")


@posix
def test_each_step_is_a_line_and_a_learner_gets_no_extra_but_kubectl(folder: Path) -> None:
    done = install(folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "[1/3] Making a Python environment in .venv",
        "[2/3] Fetching packages",
        "[3/3] Installing 2 packages",
    ]
    assert (folder / "asked").read_text().rstrip().endswith("--editable .[kubectl]")
    assert (folder / ".venv" / "ready-learner").is_file()


@posix
def test_on_a_terminal_the_packages_are_counted(folder: Path) -> None:
    from ptyprocess import PtyProcessUnicode

    process = PtyProcessUnicode.spawn([sys.executable, str(folder / "install.py"), "dev"])
    said = ""
    try:
        while True:
            said += process.read()
    except EOFError:
        assert process.wait() == 0
    assert "Fetching packages: 1 of about" in said
    assert "Fetching packages: 2 of about" in said
    assert "3 of about" not in said  # a second range for the same package is no package
    assert (folder / "asked").read_text().rstrip().endswith("--editable .[kubectl,dev]")


@posix
def test_what_pip_said_last_is_shown_when_it_fails_and_nothing_is_called_ready(folder: Path) -> None:
    done = install(folder, FAILS="yes")
    assert done.returncode == 1
    assert "ERROR: no matching distribution" in done.stderr
    assert "install.log" in done.stderr
    assert not (folder / ".venv" / "ready-learner").exists()


def test_an_extra_that_does_not_exist_is_said(folder: Path) -> None:
    done = install(folder, "devel")
    assert (done.returncode, "There is no devel to install" in done.stderr) == (2, True)


def test_make_installs_for_a_learner_what_a_learner_needs(tmp_path: Path) -> None:
    if shutil.which("make") is None:
        pytest.skip("there is no make on this machine")
    for each in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / each, tmp_path)

    def would_run(target: str) -> list[str]:
        # The make that runs the tests hands its own options down.
        kept = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "ARGS")}
        done = subprocess.run(
            ["make", "-n", target], cwd=tmp_path, env=kept, capture_output=True, text=True, check=True
        )
        return [line.strip() for line in done.stdout.splitlines()]

    assert would_run("lab") == ["python3 install.py", ".venv/bin/statelab lab"]
    assert would_run("test") == ["python3 install.py dev", ".venv/bin/python -m pytest"]
    assert would_run("docs") == ["python3 install.py docs", ".venv/bin/python docs/build.py"]


@pytest.mark.parametrize("extra", ["", "dev"])
def test_the_number_of_packages_that_is_told_is_about_right(extra: str) -> None:
    spec = importlib.util.spec_from_file_location("install", ROOT / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    options = PROJECT["optional-dependencies"]
    learner = needed(*PROJECT["dependencies"], *options["kubectl"])
    count = len(learner) if not extra else len(needed(*options[extra]) - learner)
    assert abs(count - module.PACKAGES[extra]) <= 0.1 * count + 3


def needed(*requirements: str) -> set[str]:
    """These and all they need here, by name; what is not installed here (for another system) is left out."""
    found: set[str] = set()
    waiting = [(Requirement(each), "") for each in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        name = requirement.name.lower().replace("_", "-")
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        known = name in found
        found.add(name)
        try:
            wants = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        for wanted in () if known and not requirement.extras else wants:
            waiting += [(Requirement(wanted), each) for each in (requirement.extras or {""})]
    return found
