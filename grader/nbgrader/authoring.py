"""Source notebooks from short calls: what an author of tasks writes instead of JSON (docs/adding-a-task.md)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grader.registry import task as task_named

SETUP = "%load_ext grader"


def markdown(text: str) -> dict[str, Any]:
    """Prose for the learner."""
    return {"cell_type": "markdown", "metadata": {}, "source": text.strip()}


def setup() -> dict[str, Any]:
    """The cell that brings `%%answer`, `check` and `hint`."""
    return _code("setup", SETUP, {"grade": False, "solution": False, "locked": True, "task": False})


def answer(task_id: str, model: str) -> dict[str, Any]:
    """The cell the learner writes into. `model`: the model answer; the release holds the task's `start` instead."""
    start = task_named(task_id).start.rstrip("\n")
    shown = "".join(f"#: {line}".rstrip() + "\n" for line in start.split("\n")) if start else ""
    text = f"%%answer {task_id}\n### BEGIN SOLUTION\n{model.rstrip()}\n### END SOLUTION\n{shown}"
    flags = {"grade": False, "solution": True, "locked": False, "task": False}
    return _code(f"{cell_name(task_id)}-answer", text.rstrip("\n"), flags)


def graded(task_id: str) -> dict[str, Any]:
    """The cell that is graded, with the task's points."""
    flags = {"grade": True, "solution": False, "locked": True, "task": False, "points": task_named(task_id).points}
    return _code(cell_name(task_id), f'check("{task_id}")', flags)


def written(cell: str, points: float, question_then_stub: str = "Your answer.") -> dict[str, Any]:
    """A Markdown cell that a person grades."""
    flags = {"grade": True, "solution": True, "locked": False, "task": False, "points": points}
    metadata = {"nbgrader": {"grade_id": cell, "schema_version": 3, **flags}}
    return {"cell_type": "markdown", "metadata": metadata, "source": question_then_stub}


def explained(cell: str, points: float, question: str, mark_scheme: str) -> list[dict[str, Any]]:
    """A question that a person grades: nbgrader's task cell, and a plain Markdown cell for the answer.

    `mark_scheme`: what the person looks for. nbgrader takes it out of the release and shows it in formgrader, beside
    the points, and in the feedback.
    """
    text = f"{question.strip()}\n\n### BEGIN MARK SCHEME\n{mark_scheme.strip()}\n### END MARK SCHEME"
    flags = {"grade": False, "solution": False, "locked": True, "task": True, "points": points}
    metadata = {"nbgrader": {"grade_id": cell, "schema_version": 3, **flags}}
    return [
        {"cell_type": "markdown", "metadata": metadata, "source": text},
        {"cell_type": "markdown", "metadata": {}, "source": "*Write your answer in this cell.*"},
    ]


def cell_name(task_id: str) -> str:
    """nbgrader's name of a task's graded cell: `ps3-identity`; its answer's is `ps3-identity-answer`."""
    return task_id.replace(".", "-")


def save(path: str | Path, cells: Sequence[dict[str, Any]]) -> None:
    """Write the notebook, without outputs, always the same bytes for the same cells."""
    body = {
        "cells": [_with_id(cell, index) for index, cell in enumerate(cells)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    Path(path).write_text(json.dumps(body, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def _code(name: str, source: str, flags: dict[str, Any]) -> dict[str, Any]:
    metadata = {"nbgrader": {"grade_id": name, "schema_version": 3, **flags}}
    return {"cell_type": "code", "execution_count": None, "metadata": metadata, "outputs": [], "source": source}


def _with_id(cell: dict[str, Any], index: int) -> dict[str, Any]:
    name = cell["metadata"].get("nbgrader", {}).get("grade_id", f"cell-{index:02}")
    lines = cell["source"].split("\n")
    return {**cell, "id": name, "source": [f"{line}\n" for line in lines[:-1]] + lines[-1:]}
