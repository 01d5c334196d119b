"""nbgrader's preprocessors that are ours: what takes the place of a kernel.

Source: nbgrader 0.9 preprocessors/base.py; nbconvert calls `preprocess(notebook, resources)` of each in its list.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from nbformat import from_dict
from nbgrader.api import Gradebook
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Enum

from grader.batch.gradebook import in_order_of
from grader.closed import problem
from grader.nbgrader.cells import SourceCell, clean, restore, source_cells
from grader.nbgrader.grade import grade

_GIVEN = re.compile(r"^#: ?", re.MULTILINE)
Resources = Any
Notebook = Any  # a NotebookNode: a dict whose keys are attributes too


def _released(asking: NbGraderPreprocessor, resources: Resources) -> list[SourceCell]:
    names = resources["nbgrader"]
    with Gradebook(names["db_url"]) as gradebook:
        found = source_cells(gradebook.find_notebook(names["notebook"], names["assignment"]))
    if names["db_url"].startswith("sqlite:"):
        return found
    directory = asking.parent.parent.coursedir  # of the converter, which has the exporter that has the list
    release = directory.format_path(directory.release_directory, ".", names["assignment"])
    return in_order_of(Path(release), names["notebook"], found, lambda cell: cell.id)


class ClosedFolder(NbGraderPreprocessor):
    """First in the list of `nbgrader generate_assignment`: it stops before anything is made. It changes no notebook."""

    others_may_read = Bool(False, help="Go on where other users of this machine can read the course.").tag(config=True)

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        converter = getattr(self.parent, "parent", None)  # of the exporter that has the list
        if converter is None or self.others_may_read:
            return
        found = problem(Path(converter.coursedir.root), "add --ClosedFolder.others_may_read=True")
        if found is not None:
            self.log.error("Nothing was made: %s", found)
            raise NbGraderException(found)

    def preprocess(self, notebook: Notebook, resources: Resources) -> tuple[Notebook, Resources]:
        return notebook, resources


class RevealGiven(NbGraderPreprocessor):
    """In an answer cell of the release, lines that begin with `#: ` become what the learner is given to begin with."""

    def preprocess_cell(self, cell: Notebook, resources: Resources, index: int) -> tuple[Notebook, Resources]:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = _GIVEN.sub("", cell.source)
        return cell, resources


class RestoreCells(NbGraderPreprocessor):
    """Put the released cells in the place of whatever the learner's metadata say."""

    def preprocess(self, notebook: Notebook, resources: Resources) -> tuple[Notebook, Resources]:
        return from_dict(restore(clean(notebook), _released(self, resources))), resources


class GradeText(NbGraderPreprocessor):
    """In the place of Execute: judge the text of the answers, and write each graded cell's output and number."""

    execute = Enum(
        ["sandbox", "never", "unprotected"],
        default_value="sandbox",
        help="How cells are executed that are no check(): in bubblewrap, never, or with your own rights.",
    ).tag(config=True)

    def preprocess(self, notebook: Notebook, resources: Resources) -> tuple[Notebook, Resources]:
        graded = grade(notebook, _released(self, resources), mode=self.execute)
        for each in graded:
            self.log.info("%s: %g of %g", each.cell, each.points, each.max)
            if each.result is None:
                self.log.warning("%s: %s", each.cell, each.said.split("\n")[0])
            elif any(check.broke for check in each.result.checks):
                self.log.error("A check of %s broke down; see above", each.result.task)
        return from_dict(notebook), resources
