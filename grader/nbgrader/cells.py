"""A submitted notebook, taken apart and put together as it was released: the learner's text is kept, nothing else is.

What the gradebook knows of a cell (its points, its type, whether it is locked) is what counts; what a notebook's
metadata say is not. So deleted, copied, reordered and retyped cells, forged points and checksums change nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from grader.answer import is_empty

# A notebook of format 4.5 and its cells, as JSON has them. Not nbformat's classes: importing those takes two seconds.
Notebook = dict[str, Any]
Cell = dict[str, Any]
_CHECK = re.compile(r"""^\s*check\(\s*["']([a-z0-9]+\.[a-z0-9-]+)["']""", re.MULTILINE)
_ANSWER = re.compile(r"\s*%%answer\s+([a-z0-9]+\.[a-z0-9-]+)\s*(?:\n|\Z)")
_CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
MAX_CELLS = 2_000
MAX_CELL = 1_000_000


@dataclass(frozen=True, slots=True)
class SourceCell:
    """A cell as released. `points` is None for a cell that is not graded."""

    id: str
    type: str  # code | markdown
    source: str
    checksum: str
    is_locked: bool
    is_solution: bool = False
    is_task: bool = False
    points: float | None = None

    @property
    def is_grade(self) -> bool:
        return self.points is not None and not self.is_task

    @property
    def task(self) -> str | None:
        """The task that this locked cell's `check("…")` names."""
        found = _CHECK.search(self.source) if self.is_grade and self.type == "code" and not self.is_solution else None
        return found[1] if found else None

    def metadata(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "schema_version": 3,
            "grade_id": self.id,
            "grade": self.is_grade,
            "solution": self.is_solution,
            "locked": self.is_locked,
            "task": self.is_task,
            "cell_type": self.type,
            "checksum": self.checksum,
        }
        if self.points is not None:
            found["points"] = self.points
        return found


def source_cells(notebook: Any) -> list[SourceCell]:
    """The cells of a notebook as the gradebook holds them (`notebook`: nbgrader.api.Notebook), in released order."""
    points = {each.name: float(each.max_score) for each in [*notebook.grade_cells, *notebook.task_cells]}
    solutions = {each.name for each in notebook.solution_cells}
    tasks = {each.name for each in notebook.task_cells}
    return [
        SourceCell(
            each.name,
            each.cell_type,
            each.source or "",
            each.checksum or "",
            bool(each.locked),
            each.name in solutions,
            each.name in tasks,
            points.get(each.name),
        )
        for each in notebook.source_cells
    ]


def clean(raw: Any) -> Notebook:
    """A notebook with nothing in it but cells of text: no outputs, no metadata but nbgrader's id, no attachments.

    `raw`: parsed JSON of any shape. Raises ValueError when there are no cells to be found in it.
    """
    cells = raw.get("cells") if isinstance(raw, dict) else None
    if cells is None and isinstance(raw, dict) and isinstance(raw.get("worksheets"), list):
        cells = [cell for each in raw["worksheets"] if isinstance(each, dict) for cell in each.get("cells") or ()]
    if not isinstance(cells, list):
        raise ValueError("it is not a notebook: there are no cells in it")
    return new_notebook([cell for index, each in enumerate(cells[:MAX_CELLS]) if (cell := _clean_cell(each, index))])


def new_notebook(cells: list[Cell]) -> Notebook:
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def new_cell(type: str, source: str, identity: str, nbgrader: dict[str, Any] | None = None) -> Cell:
    """A cell of that type, code without outputs."""
    metadata = {"nbgrader": nbgrader} if nbgrader else {}
    cell: Cell = {"cell_type": type, "id": identity, "metadata": metadata, "source": source}
    if type == "code":
        cell.update(execution_count=None, outputs=[])
    return cell


def _clean_cell(raw: Any, index: int) -> Cell | None:
    if not isinstance(raw, dict):
        return None
    source = raw.get("source", raw.get("input", ""))
    if isinstance(source, list):
        source = "".join(each for each in source if isinstance(each, str))
    if not isinstance(source, str):
        source = ""
    # A lone surrogate cannot be written as UTF-8.
    source = source[:MAX_CELL].encode("utf-8", "replace").decode()
    type = raw.get("cell_type")
    identity = raw.get("id")
    if not isinstance(identity, str) or not _CELL_ID.match(identity):
        identity = f"cell-{index}"
    metadata = raw.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    is_named = isinstance(grade_id, str) and len(grade_id) <= 128
    named = {"grade_id": grade_id} if is_named else None
    return new_cell(type if type in ("code", "raw") else "markdown", source, identity, named)


def restore(notebook: Notebook, released: Sequence[SourceCell]) -> Notebook:
    """Submitted cells with the released metadata; locked text and missing cells put back; copies are plain cells."""
    known = {each.id: each for each in released}
    submitted: list[Cell] = notebook["cells"]
    chosen = _choose(submitted, known)
    cells: list[Cell] = []
    ids: set[str] = set()
    for index, cell in enumerate(submitted):
        identity = cell["id"] if cell["id"] not in ids else f"{cell['id'][:50]}-{index}"
        ids.add(identity)
        source = known.get(grade_id(cell) or "")
        if source is not None and chosen[source.id] == index:
            text = source.source if source.is_locked else cell["source"]
            cells.append(new_cell(source.type, text, identity, source.metadata()))
        else:
            # A raw cell may hold HTML that is written into the feedback as it is: show it as code instead.
            type = "code" if cell["cell_type"] == "raw" else cell["cell_type"]
            cells.append(new_cell(type, cell["source"], identity))
    present = [grade_id(each) for each in cells]
    for position, source in enumerate(released):
        if source.id not in present:
            before = {each.id for each in released[:position]}
            at = max((index + 1 for index, each in enumerate(present) if each in before), default=0)
            # An answer that is not there is the released text, unchanged.
            identity = (
                f"released-{position}" if f"released-{position}" not in ids else f"released-{position}-{len(ids)}"
            )
            cells.insert(at, new_cell(source.type, source.source, identity, source.metadata()))
            present.insert(at, source.id)
    return new_notebook(cells)


def _choose(cells: Sequence[Cell], known: dict[str, SourceCell]) -> dict[str, int]:
    """Of several copies of a cell the last one that has been worked on; else the last one."""
    chosen: dict[str, int] = {}
    for index, cell in enumerate(cells):
        source = known.get(grade_id(cell) or "")
        if source is None:
            continue
        held = chosen.get(source.id)
        if held is None or _is_worked_on(cell, source) or not _is_worked_on(cells[held], source):
            chosen[source.id] = index
    return chosen


def _is_worked_on(cell: Cell, source: SourceCell) -> bool:
    return cell["source"].strip() != source.source.strip() and not is_empty(cell["source"])


def grade_id(cell: Cell) -> str | None:
    """nbgrader's name of a cell."""
    found: str | None = cell["metadata"].get("nbgrader", {}).get("grade_id")
    return found


def answers(notebook: Notebook, released: Sequence[SourceCell]) -> dict[str, str]:
    """task → the learner's text, for each graded task.

    The text is that of the last cell that says `%%answer <task>` and has been worked on; or of the task's own answer
    cell, whatever it says. So the verdict is that of a learner who runs the notebook from top to bottom.
    """
    by_id = {each.id: each for each in released}
    wanted = {each.task: f"{each.id}-answer" for each in released if each.task}
    found: dict[str, str] = {}
    untouched: dict[str, str] = {}
    for cell in notebook["cells"]:
        name = grade_id(cell)
        said = _ANSWER.match(cell["source"][:200])
        for task, answer_id in wanted.items():
            is_own = name == answer_id and (said is None or said[1] not in wanted)
            if is_own or (said is not None and said[1] == task):
                source = by_id.get(answer_id)
                is_new = source is None or _is_worked_on(cell, source)
                (found if is_new else untouched)[task] = cell["source"]
    return {task: found.get(task, untouched.get(task, "")) for task in wanted}


def score_output(points: float, plain: str, html: str) -> dict[str, Any]:
    """What a graded cell puts out: nbgrader reads the number, people read the HTML.

    nbgrader takes the first `execute_result` for the score, and gives *all* points to a cell without any output.
    """
    return {
        "output_type": "execute_result",
        "execution_count": 1,
        "data": {"text/plain": repr(float(points)), "text/html": html},
        "metadata": {"statelab": {"feedback": plain}},
    }


def texts(cells: Iterable[Cell]) -> str:
    """All text of a notebook's cells: for counting which hints were asked for."""
    return "\n".join(each["source"] for each in cells)
