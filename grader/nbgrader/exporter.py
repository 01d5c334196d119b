"""Notebooks of strangers, read within bounds: what is no notebook becomes an empty one, and is graded as that."""

from __future__ import annotations

import json
import os
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbformat.v4 import new_markdown_cell, new_notebook

from grader.nbgrader.cells import Notebook, clean

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
    notebook = new_notebook()
    notebook.cells = [new_markdown_cell(f"**What was handed in could not be read:** {why}.")]
    return notebook


class BoundedNotebookExporter(NotebookExporter):  # type: ignore[misc]  # nbconvert has no types
    """Reads the way read_notebook() does, so that one bad submission is graded (with 0 points) and stops nothing."""

    def from_filename(self, filename: str, resources: Any = None, **kw: Any) -> tuple[str, Any]:
        # In the second pass nbgrader reads back what the first wrote: our own outputs must stay.
        if getattr(self.parent, "_sanitizing", True):
            try:
                notebook = read_notebook(filename)
            except ValueError as error:
                self.log.warning("%s: %s", filename, error)
                notebook = unreadable(str(error))
            found: tuple[str, Any] = self.from_notebook_node(notebook, resources=resources, **kw)
            return found
        found = super().from_filename(filename, resources=resources, **kw)
        return found
