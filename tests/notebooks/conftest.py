"""Lessons are run as a learner runs them: their own folder, their own cluster, a kernel. Only time is faster."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import nbformat
import programs
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from traitlets import default

from statelab.cluster import Home, local

ROOT = Path(__file__).resolve().parents[2]
PACE = "40"  # cluster seconds per second: a rollout of a minute takes one and a half
_CELL_S = 150  # longer than cluster.wait(), which then says how it stood
_COMMAND_S = 60
_LOG = 6_000  # characters
_FORKS = sys.platform != "win32"


@lru_cache
def kernels() -> str:
    """The folder with the kernel that notebooks are run in."""
    folder = tempfile.mkdtemp(prefix="kernels-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return str(programs.kernels(Path(folder)))


class _Kernels(AsyncKernelManager):
    """Kernels that have imported StateLab before they begin: forty lessons would spend half a minute on that.

    Where nothing can be forked they are started as everywhere.
    """

    @default("kernel_spec_manager")
    def _forked(self) -> KernelSpecManager:
        return KernelSpecManager(parent=self, **({"kernel_dirs": [kernels()]} if _FORKS else {}))


class Desk:
    """A learner's folder with a copy of the course, and a cluster that belongs to it.

    `at` says what is being done there, since `at_s`: for whoever waits and must say what hung.
    """

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
        if _FORKS:
            kernels()  # once, and not in each of the threads that run lessons
        self.at, self.at_s = "", time.monotonic()
        self._client: NotebookClient | None = None

    def statelab(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of statelab's, as in a terminal. Raises subprocess.TimeoutExpired, which names it."""
        self._begins(f"statelab {' '.join(arguments)}")
        command = [sys.executable, "-m", "statelab", *arguments]
        return subprocess.run(
            command,
            env=self.environment,
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_S,
        )

    def end(self) -> None:
        """End its cluster, as `statelab down` does, without another Python for that."""
        self._begins("the end of its cluster")
        local.stop(Home(self.root))

    def run(self, notebook: nbformat.NotebookNode, name: str = "the notebook") -> nbformat.NotebookNode:
        """Run all cells in a kernel of their own; what a cell raises is below it. Raises CellTimeoutError."""
        client = NotebookClient(
            notebook,
            timeout=_CELL_S,
            startup_timeout=_COMMAND_S,
            allow_errors=True,
            kernel_name="forked" if _FORKS else "python3",
            kernel_manager_class=_Kernels,
        )
        last = notebook.cells[-1].id
        client.on_cell_start = lambda cell, cell_index: self._begins(f"{name}, cell {cell.id}")
        client.on_cell_complete = lambda cell, cell_index: (
            self._begins(f"{name}, the end of its kernel") if cell.id == last else None
        )
        self._begins(f"{name}, the start of its kernel")
        self._client = client
        client.execute(cwd=str(self.root / "course"), env=self.environment)
        self._client = None
        return notebook

    def log(self) -> str:
        """The end of what its server has said; where its loop was blocked, what its threads were doing."""
        log = self.root / ".statelab" / "server.log"
        return log.read_text(errors="replace")[-_LOG:] if log.exists() else ""

    def abandon(self) -> None:
        """End the kernel that hangs, so that nothing is left running."""
        manager = self._client.km if self._client is not None else None
        process = getattr(getattr(manager, "provisioner", None), "process", None)
        if process is not None:
            process.kill()
        self.end()

    def _begins(self, what: str) -> None:
        self.at, self.at_s = what, time.monotonic()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.end()


@pytest.fixture(scope="module")
def calm_desk(new_desk: Callable[[str], Desk]) -> Iterator[Desk]:
    """One desk for those who leave its cluster running and whole."""
    desk = new_desk("calm-")
    yield desk
    desk.end()


@pytest.fixture(scope="session")
def new_desk(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Desk]:
    """More desks, each with a cluster of its own; whoever asks for one clears it with `desk.end()`."""
    return lambda name: Desk(tmp_path_factory.mktemp(name))
