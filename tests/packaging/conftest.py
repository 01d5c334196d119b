"""Both distributions, built once from a copy of what git tracks or would track, without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_NOT_IN_A_CLONE = shutil.ignore_patterns(
    ".git", ".venv", ".statelab", "__pycache__", "*.egg-info", "build", ".*_cache", ".hypothesis", "tests", "docs"
)


@dataclass(frozen=True)
class Built:
    """A clone, and what was built in it."""

    clone: Path
    wheel: Path
    sdist: Path
    instructor: Path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("built")
    clone = Path(shutil.copytree(ROOT, folder / "clone", ignore=_NOT_IN_A_CLONE))
    for source in (clone, clone / "solutions"):
        run([sys.executable, "-m", "hatchling", "build", "-d", str(folder / "dist")], source)

    def only(pattern: str) -> Path:
        (found,) = (folder / "dist").glob(pattern)
        return found

    return Built(clone, only("statelab-*.whl"), only("statelab-*.tar.gz"), only("statelab_instructor-*.whl"))


@dataclass(frozen=True)
class Installed:
    """An environment of its own, which has StateLab from wheels, and its dependencies from ours."""

    folder: Path

    @property
    def programs(self) -> Path:
        return self.folder / ("Scripts" if sys.platform == "win32" else "bin")

    def run(self, program: str, *arguments: str, at: Path, expect: int = 0, **environment: str) -> str:
        """What a program of this environment prints, when it ends with the code that is expected."""
        return run([str(self.programs / program), *arguments], at, expect, **environment)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, built: Built) -> Installed:
    environment = Installed(tmp_path_factory.mktemp("installed"))
    run([sys.executable, "-m", "venv", "--without-pip", str(environment.folder)], environment.folder)
    paths = sysconfig.get_paths(vars={"base": str(environment.folder), "platbase": str(environment.folder)})
    # Only what lies in that folder comes with it: the .pth of an editable install is not followed from here.
    (Path(paths["purelib"]) / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
    install(built.wheel, "--python", str(environment.programs / "python"))
    return environment


@pytest.fixture(scope="session")
def instructors_part(tmp_path_factory: pytest.TempPathFactory, built: Built) -> Path:
    """A folder for PYTHONPATH that has the instructor's part."""
    folder = tmp_path_factory.mktemp("instructor")
    install(built.instructor, target=folder)
    return folder


def install(wheel: Path, *which: str, target: Path | None = None) -> None:
    command = [sys.executable, "-m", "pip", *which, "install", "--no-index", "--no-deps", "--quiet", str(wheel)]
    run([*command, "--target", str(target)] if target else command, wheel.parent)


def run(command: list[str], folder: Path, expect: int = 0, **environment: str) -> str:
    """What the program prints. It runs in `folder`, without our own settings, for two minutes at most."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STATELAB_", "PYTHONPATH"))}
    done = subprocess.run(command, cwd=folder, env={**kept, **environment}, capture_output=True, text=True, timeout=120)
    assert done.returncode == expect, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout
