"""Graded cells that have to be executed: Python tasks of an instructor, in the sandbox, their number made explicit."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grader.nbgrader.cells import Notebook, SourceCell
from grader.sandbox import Confinement, Mode, NoSandbox, run

_MOST_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class Executed:
    """What an executed cell is worth (a share of its points), and what it said."""

    share: float
    text: str


def execute(
    notebook: Notebook, cells: Sequence[SourceCell], mode: Mode, confinement: Confinement | None = None
) -> dict[str, Executed]:
    """Execute a restored notebook and tell what these graded cells got. Raises NoSandbox.

    An error, anything on stderr, or not having been executed at all is worth nothing; a number is that many points; an
    executed cell that fails nothing is worth all: the rules of nbgrader, but for the cell that never ran.
    """
    argv = [sys.executable, "-m", "grader.nbgrader.inside"]
    code, output = run(argv, json.dumps(notebook).encode(), mode=mode, confinement=confinement)
    try:
        found = json.loads(output)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        why = (
            "Your notebook did not come to an end within its limits." if code < 0 else "Your notebook could not be run."
        )
        return {each.id: Executed(0.0, why) for each in cells}
    return {each.id: _executed(found.get(each.id), each.points or 0.0) for each in cells}


def _executed(found: Any, points: float) -> Executed:
    outputs = found.get("outputs") if isinstance(found, dict) else None
    if not isinstance(outputs, list) or not found.get("executed"):
        return Executed(0.0, "This cell was not executed: something before it did not come to an end.")
    said: list[str] = []
    share = 1.0
    for output in outputs[:200]:
        kind = output.get("output_type") if isinstance(output, dict) else None
        if kind == "error":
            share = 0.0
            said.append(f"{output.get('ename')}: {output.get('evalue')}")
        elif kind == "stream":
            said.append(str(output.get("text", "")))
            share = 0.0 if output.get("name") == "stderr" else share
        elif kind == "execute_result":
            data = output.get("data")
            text = str(data.get("text/plain", "")) if isinstance(data, dict) else ""
            said.append(text)
            share = min(share, _share(text, points))
    return Executed(share, "\n".join(said)[:_MOST_TEXT] or "Nothing failed.")


def _share(text: str, points: float) -> float:
    try:
        number = float(text)
    except ValueError:
        return 1.0
    if not math.isfinite(number) or number < 0 or number > points:
        return 0.0
    return number / points if points else 1.0


__all__ = ["Executed", "NoSandbox", "execute"]
