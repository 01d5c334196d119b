"""How `nbgrader autograde` reads submissions here: within bounds, and without ever giving up the batch."""

from __future__ import annotations

from typing import Any

from nbconvert.exporters import NotebookExporter
from nbformat import from_dict

from grader.nbgrader.reading import read_notebook, unreadable


class BoundedNotebookExporter(NotebookExporter):
    """Reads the way read_notebook() does, so that one bad submission is graded (with 0 points) and stops nothing."""

    def from_filename(self, filename: str, resources: Any = None, **kw: Any) -> tuple[str, Any]:
        # In the second pass nbgrader reads back what the first wrote: our own outputs must stay.
        if getattr(self.parent, "_sanitizing", True):
            try:
                notebook = read_notebook(filename)
            except ValueError as error:
                self.log.warning("%s: %s", filename, error)
                notebook = unreadable(str(error))
            found: tuple[str, Any] = self.from_notebook_node(from_dict(notebook), resources=resources, **kw)
            return found
        found = super().from_filename(filename, resources=resources, **kw)
        return found
