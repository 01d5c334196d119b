"""A lesson, as a learner has it: a kernel, a cluster of its own, every cell run."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.figure import Figure, Missing
from statelab import course
from statelab.cluster import local
from statelab.cluster.kubectl import find_kubectl
from statelab.cluster.paths import Home

_LESSON = "04-statefulset-names-that-stay.ipynb"
_PACE = 10.0


def notebooks() -> Generator[Figure]:
    """From opening a lesson to its first answer, cluster included; then all of lesson 04, ten times as fast as kind."""
    if find_kubectl() is None:
        raise Missing("kubectl")
    with _desk() as folder:
        empty_s = _run(folder, ["pass"])
        first_s, lesson_s = _run_lesson(folder)
    yield Figure("a first cell, cluster started", first_s, "s", "lower", empty_s, aim=5, beside_what="a kernel alone")
    yield Figure(f"lesson 04, every cell, at pace {_PACE:.0f}", lesson_s, "s", "lower", aim=60)


@contextmanager
def _desk() -> Iterator[Path]:
    """A learner's folder, and its cluster stopped when it is no longer wanted."""
    with tempfile.TemporaryDirectory() as folder:
        before = dict(os.environ)
        os.environ.update(STATELAB_HOME=folder, STATELAB_PACE=str(_PACE), IPYTHONDIR=f"{folder}/.ipython")
        os.environ.pop("STATELAB_CLUSTER", None)
        try:
            course.copy_to(Path(folder))
            yield Path(folder)
        finally:
            local.stop(Home(Path(folder)))
            os.environ.clear()
            os.environ.update(before)


def _run(folder: Path, cells: list[str]) -> float:
    """Seconds until a new kernel has run these cells."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
    began_s = time.perf_counter()
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=str(folder / "course"))
    return time.perf_counter() - began_s


def _run_lesson(folder: Path) -> tuple[float, float]:
    """Seconds until the first code cell was done, and until all were. A lesson's cells may fail: some are meant to."""
    import nbformat
    from nbclient import NotebookClient

    lesson = nbformat.read(folder / "course" / _LESSON, as_version=4)
    done: list[float] = []

    def note(**_: object) -> None:
        done.append(time.perf_counter())

    client = NotebookClient(lesson, timeout=120, allow_errors=True, kernel_name="python3", on_cell_executed=note)
    began_s = time.perf_counter()
    client.execute(cwd=str(folder / "course"))
    return done[0] - began_s, time.perf_counter() - began_s
