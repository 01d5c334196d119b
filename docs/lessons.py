"""Runs the lessons for the site, each in a folder and on a cluster of its own, and keeps what they showed.

A lesson runs again when it, its manifests or the code under it has changed. Time is faster; nothing else is.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from statelab.course import solved

ROOT = Path(__file__).resolve().parents[1]
COURSE = ROOT / "course"
KEPT = ROOT / "build" / "docs" / "lessons"
LESSONS = sorted(COURSE.glob("[0-9][0-9]-*.ipynb"))
PACE = "40"  # cluster seconds per second: a rollout of a minute takes one and a half
_CELL_S = 120
_WIDGET = "application/vnd.jupyter.widget-view+json"


class LessonFailed(Exception):
    """A cell of a lesson raised. The message names the lesson, the cell, and what it said."""


def kept(lesson: Path) -> Path:
    """Where what a lesson showed is kept."""
    return KEPT / lesson.name


def for_the_site(text: str) -> str:
    """A lesson's text without links to the assignments: they are in a learner's copy of the course, and not here."""
    return re.sub(r"\[([^\]\[]+)\]\(\.\./exercises/[^)\s]+\)", r"\1", text)


def _key(lesson: Path) -> str:
    """Says which lesson, and which code under it, a run was of."""
    return hashlib.sha256(_code() + lesson.read_bytes()).hexdigest()


def _is_unchanged(lesson: Path) -> bool:
    try:
        return nbformat.read(kept(lesson), as_version=4).metadata.get("run_of") == _key(lesson)
    except (OSError, ValueError):  # never run, or only half written
        return False


@cache
def _code() -> bytes:
    """What a lesson's outputs depend on, besides itself."""
    found = hashlib.sha256(PACE.encode())
    for file in [*_files("statelab", ".py", ".js", ".css"), *_files("grader", ".py"), *_files("course", ".yaml")]:
        found.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    found.update(Path(__file__).read_bytes())
    return found.digest()


def _files(folder: str, *suffixes: str) -> Iterator[Path]:
    return (each for each in sorted((ROOT / folder).rglob("*")) if each.suffix in suffixes)


def run_changed(say: Callable[[str], None], lessons: list[Path] = LESSONS) -> None:
    """Run those that have changed, as many at a time as there are processors. Raises LessonFailed."""
    KEPT.mkdir(parents=True, exist_ok=True)
    to_run = [each for each in lessons if not _is_unchanged(each)]
    for lesson in lessons:
        if lesson not in to_run:
            say(f"  {lesson.stem}: unchanged")
    failed = []
    with ThreadPoolExecutor(max(1, min(4, os.cpu_count() or 1))) as pool:
        runs = {pool.submit(_run, lesson): lesson for lesson in to_run}
        for done in as_completed(runs):
            try:
                say(f"  {runs[done].stem}: run in {done.result():.0f} s")
            except LessonFailed as failure:
                failed.append(str(failure))
                say(f"  {runs[done].stem}: failed")
    if failed:
        raise LessonFailed("\n".join(failed))


def _run(lesson: Path) -> float:
    """Run one, keep it, and say how many seconds it took."""
    began_s = time.monotonic()
    notebook = nbformat.read(lesson, as_version=4)
    empty = {cell.id: cell.source for cell in notebook.cells if "statelab" in cell.metadata}
    solved(notebook).metadata["run_of"] = _key(lesson)
    with tempfile.TemporaryDirectory(prefix="statelab-docs-", ignore_cleanup_errors=True) as folder:
        home = Path(folder).resolve()
        shutil.copytree(COURSE, home / "course", ignore=shutil.ignore_patterns(".ipynb_checkpoints", ".statelab"))
        environment = {
            **{name: value for name, value in os.environ.items() if name != "STATELAB_CLUSTER"},
            "STATELAB_HOME": str(home),
            "STATELAB_PACE": PACE,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
            "IPYTHONDIR": str(home / ".ipython"),
            "JUPYTER_PLATFORM_DIRS": "1",
        }
        client = NotebookClient(
            notebook,
            timeout=_CELL_S,
            allow_errors=True,
            kernel_name="python3",
            store_widget_state=False,
            extra_arguments=["--log-level=40"],  # a word about encryption on loopback, for every lesson
        )
        try:
            client.execute(cwd=str(home / "course"), env=environment)
        except Exception as error:  # a cell that never ends, a kernel that dies
            raise LessonFailed(f"{lesson.name}: {type(error).__name__}: {error}") from error
        finally:
            down = [sys.executable, "-m", "statelab", "down"]
            subprocess.run(down, env=environment, cwd=home, capture_output=True, check=False, timeout=60)
        for cell in notebook.cells:
            _check(lesson, cell)
            _as_page(cell)
            if cell.id in empty:  # the page leaves it to its reader too
                cell.source, cell.outputs = empty[cell.id], []
        text = nbformat.writes(notebook).replace(str(home), "~")
    kept(lesson).write_text(text)
    return time.monotonic() - began_s


def _check(lesson: Path, cell: nbformat.NotebookNode) -> None:
    for output in cell.get("outputs", ()):
        if output.output_type == "error":
            raise LessonFailed(f"{lesson.name}, cell {cell.id}: {output.ename}: {output.evalue}")


def _as_page(cell: nbformat.NotebookNode) -> None:
    """A page has no kernel: in a widget's place stands its static picture, with its sentence for who cannot see it."""
    for output in cell.get("outputs", ()):
        data = output.get("data", {})
        data.pop(_WIDGET, None)
        if "image/svg+xml" in data and "text/plain" in data:
            alt = " ".join(data["text/plain"].split())
            cell.metadata["mystnb"] = {"image": {"alt": alt}}
