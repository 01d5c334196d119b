"""Lessons are run as a learner runs them: their own folder, their own cluster, a kernel. Only time is faster."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACE = "40"  # cluster seconds per second: a rollout of a minute takes one and a half


class Desk:
    """A learner's folder with a copy of the course, and a cluster that belongs to it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(ROOT / "course", root / "course")
        self.environment = {
            **os.environ,
            "STATELAB_HOME": str(root),
            "STATELAB_PACE": PACE,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
            "IPYTHONDIR": str(root / ".ipython"),
            "JUPYTER_PLATFORM_DIRS": "1",
        }
        self.environment.pop("STATELAB_CLUSTER", None)

    def statelab(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "statelab", *arguments]
        return subprocess.run(command, env=self.environment, cwd=self.root, capture_output=True, text=True, check=False)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.statelab("down")


@pytest.fixture(scope="session")
def new_desk(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Desk]:
    """More desks, each with a cluster of its own; whoever asks for one clears it with `desk.statelab("down")`."""
    return lambda name: Desk(tmp_path_factory.mktemp(name))
