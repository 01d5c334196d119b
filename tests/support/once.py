"""What is dear to make and never changed is made once in a run, whichever of the workers asks first."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import programs
import pytest

ROOT = Path(__file__).resolve().parents[2]


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder of that name, which `make` has filled. Nobody may change it: who needs to, copies it."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # the workers' own folders are below it
    folder, begun = shared / name, shared / f"{name} begun"
    with _alone(shared / f"{name}.lock"):
        if not folder.exists():
            shutil.rmtree(begun, ignore_errors=True)  # whoever began it has failed, and said why
            begun.mkdir()
            make(begun)
            begun.rename(folder)
    return folder


def released_course(factory: pytest.TempPathFactory) -> Path:
    """A course in which ps3 is released, with the sources of all assignments and an empty gradebook. To be copied."""

    def make(course: Path) -> None:
        shutil.copy(ROOT / "nbgrader_config.py", course)
        shutil.copytree(ROOT / "solutions", course / "solutions", ignore=shutil.ignore_patterns("__pycache__", ".*"))
        done = programs.run("nbgrader", "generate_assignment", "ps3", cwd=course)
        assert done.returncode == 0, done.stderr[-3000:]

    return once(factory, "released course", make)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # the end of a worker, too, opens it
        yield
