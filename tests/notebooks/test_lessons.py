"""Every lesson runs from top to bottom on a fresh cluster, and each claim of its prose is what its cells show.

The claims stand in claims/NN.yaml: for a cell's id, what its output must contain (`has`), match as a regular
expression (`matches`), or never contain (`lacks`). A cell may raise only where its claim says `fails: true`.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "course").glob("[0-9][0-9]-*.ipynb"))
CLAIMS = Path(__file__).parent / "claims"


def claims_of(lesson: Path) -> dict[str, dict[str, Any]]:
    return yaml.safe_load((CLAIMS / f"{lesson.name[:2]}.yaml").read_text())


def run(desk, *lessons: Path) -> list[nbformat.NotebookNode]:
    """Execute copies of the lessons one after the other in one kernel's lifetime each."""
    done = []
    for lesson in lessons:
        notebook = nbformat.read(lesson, as_version=4)
        client = NotebookClient(notebook, timeout=120, allow_errors=True, kernel_name="python3")
        client.execute(cwd=str(desk.root / "course"), env=desk.environment)
        done.append(notebook)
    return done


def text_of(cell: nbformat.NotebookNode) -> str:
    """What a reader sees below a cell, as text."""
    parts = []
    for output in cell.outputs:
        if output.output_type == "stream":
            parts.append(output.text)
        elif output.output_type == "error":
            parts.append("\n".join(output.traceback))
        else:
            parts.append(output.data.get("text/plain", ""))
    return "\n".join(parts)


def check(notebook: nbformat.NotebookNode, claims: dict[str, dict[str, Any]]) -> None:
    cells = {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}
    assert not set(claims) - set(cells), "claims about cells that are not there"
    for id, cell in cells.items():
        said, claim = text_of(cell), claims.get(id, {})
        failed = any(output.output_type == "error" for output in cell.outputs)
        assert failed == claim.get("fails", False), f"cell {id}: {said}"
        for wanted in claim.get("has", ()):
            assert str(wanted) in said, f"cell {id} does not show {wanted!r}:\n{said}"
        for pattern in claim.get("matches", ()):
            assert re.search(pattern, said, re.MULTILINE | re.DOTALL), f"cell {id} does not match {pattern!r}:\n{said}"
        for unwanted in claim.get("lacks", ()):
            assert str(unwanted) not in said, f"cell {id} shows {unwanted!r}:\n{said}"


@pytest.fixture(scope="session")
def runs(request, new_desk) -> Iterator[dict[Path, Future[nbformat.NotebookNode]]]:
    """Each lesson that was asked for, alone on a cluster of its own; as many at a time as there are processors."""

    def alone(lesson: Path) -> nbformat.NotebookNode:
        desk = desks[lesson]
        try:
            return run(desk, lesson)[0]
        finally:
            desk.statelab("down")

    asked = [item.callspec.params["lesson"] for item in request.session.items if "runs" in item.fixturenames]
    asked.sort(key=lambda lesson: -lesson.stat().st_size)  # the longest first
    desks = {lesson: new_desk(f"lesson-{lesson.name[:2]}-") for lesson in asked}
    with ThreadPoolExecutor(max(1, min(4, os.cpu_count() or 1))) as pool:
        yield {lesson: pool.submit(alone, lesson) for lesson in dict.fromkeys(asked)}
        pool.shutdown(cancel_futures=True)


@pytest.mark.kubectl
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.name[:2])
def test_a_lesson_shows_what_it_says(runs, lesson):
    check(runs[lesson].result(), claims_of(lesson))


@pytest.mark.kubectl
@pytest.mark.slow
def test_lessons_run_twice_and_in_any_order_on_one_cluster(desk):
    order = LESSONS * 2
    random.Random(7).shuffle(order)
    for lesson, notebook in zip(order, run(desk, *order), strict=True):
        check(notebook, claims_of(lesson))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.name[:2])
def test_a_lesson_in_git_has_no_outputs_and_a_name_for_each_cell(lesson):
    notebook = nbformat.read(lesson, as_version=4)
    for cell in notebook.cells:
        assert not re.fullmatch(r"[0-9a-f-]{8,36}", cell.id), f"{cell.id} is a number, not a name"
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
            assert "sleep(" not in cell.source, "wait for a condition"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.name[:2])
def test_every_lesson_makes_claims(lesson):
    assert len(claims_of(lesson)) >= 6
