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
_REST_S = 5.0


def notebooks() -> Generator[Figure]:
    """From opening a lesson to its first answer, cluster included; then all of lesson 04, ten times as fast as kind."""
    if find_kubectl() is None:
        raise Missing("kubectl")
    with _desk() as folder:
        empty_s = _run(folder, ["pass"])
        first_s, lesson_s = _run_lesson(folder)
    yield Figure("a first cell, cluster started", first_s, "s", "lower", empty_s, aim=5, beside_what="a kernel alone")
    yield Figure(f"lesson 04, every cell, at pace {_PACE:.0f}", lesson_s, "s", "lower", aim=60)


def learner() -> Generator[Figure]:
    """What one learner holds in memory at rest after lesson 04: their kernel, and their cluster. Idle ones end."""
    if find_kubectl() is None:
        raise Missing("kubectl")
    if not Path("/proc/self/smaps_rollup").exists():
        raise Missing("Linux, which tells how much of a process's memory is its own")
    with _desk() as folder:
        kernel_mib, cluster_mib = _after_lesson(folder)
    yield Figure("a kernel at rest after lesson 04", kernel_mib, "MiB", "lower")
    yield Figure("its cluster", cluster_mib, "MiB", "lower")
    yield Figure("both", kernel_mib + cluster_mib, "MiB", "lower", aim=80)


def _after_lesson(folder: Path) -> tuple[float, float]:
    """Mebibytes of the kernel and of the server, some seconds after the lesson's last cell."""
    import nbformat
    from nbclient import NotebookClient

    lesson = nbformat.read(folder / "course" / _LESSON, as_version=4)
    client = NotebookClient(lesson, timeout=120, allow_errors=True, kernel_name="python3")
    with client.setup_kernel(cwd=str(folder / "course")):
        for place, cell in enumerate(lesson.cells):
            if cell.cell_type == "code":
                client.execute_cell(cell, place)
        time.sleep(_REST_S)
        server = local.running(Home(folder))
        assert server is not None
        return _own_mib(client.km.provisioner.process.pid), _own_mib(server.pid)


def _own_mib(pid: int) -> float:
    """Memory that would be there without this process no more: what it shares with others counts in parts (PSS)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


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
