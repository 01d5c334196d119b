"""Notebooks of strangers, read within bounds: what is no notebook becomes an empty one, and is graded as that."""

from __future__ import annotations

import json
import os

from grader.nbgrader.cells import Notebook, clean, new_cell, new_notebook

MAX_BYTES = 10_000_000


def read_notebook(path: str) -> Notebook:
    """The cells of a submitted notebook. Raises ValueError that says why it cannot be read."""
    if os.path.islink(path) or not os.path.isfile(path):
        raise ValueError("it is not a file")
    size = os.path.getsize(path)
    if size > MAX_BYTES:
        raise ValueError(f"it has {size / 1e6:.0f} MB, and {MAX_BYTES / 1e6:.0f} MB are the most")
    with open(path, "rb") as file:
        raw = file.read(MAX_BYTES + 1)
    try:
        return clean(json.loads(raw))
    except RecursionError:
        raise ValueError("it nests too deep") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"it is not JSON: {error}"[:200]) from None


def unreadable(why: str) -> Notebook:
    """The notebook that stands for one that cannot be read."""
    return new_notebook([new_cell("markdown", f"**What was handed in could not be read:** {why}.", "unreadable")])
