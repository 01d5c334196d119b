"""Kernel-free grading inside nbgrader: its commands, gradebook, formgrader and feedback stay as their users know them.

`configure(c)` is what `nbgrader_config.py` calls. The seams are nbgrader's own: lists of preprocessors, an exporter,
a filter of the HTML. Nothing of nbgrader is changed.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Any

IGNORED = (".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "hidden.py", ".statelab")
STUB = "# Write your answer below this line."


def find_our_programs() -> None:
    """Put this Python's folder on PATH: nbgrader starts `alembic` by name, whether or not somebody activated it."""
    ours = str(Path(sys.executable).parent)
    there = os.environ.get("PATH", "").split(os.pathsep)
    if ours not in there:
        os.environ["PATH"] = os.pathsep.join([ours, *there])


def configure(c: Any) -> None:
    """Set up nbgrader for this course. `c`: the object that `get_config()` gives in a configuration file."""
    find_our_programs()
    # nbgrader deletes and adds submissions in one session and means it; with its own preprocessors it is told the same.
    warnings.filterwarnings("ignore", r"Object of type <Submitted\w+> not in session", module=r"nbgrader\.api")
    c.CourseDirectory.source_directory = "solutions"
    c.CourseDirectory.release_directory = "exercises"
    c.CourseDirectory.ignore = list(IGNORED)
    c.ClearSolutions.code_stub = {"python": STUB}

    # The releases are in git. Without this nbgrader finds one there, does nothing, and its gradebook never hears of it.
    c.GenerateAssignment.force = True
    c.ExchangeFactory.collect = "grader.nbgrader.exchange.Collect"
    c.ExchangeFactory.release_feedback = "grader.nbgrader.exchange.ReleaseFeedback"
    c.ExchangeFactory.fetch_assignment = "grader.nbgrader.exchange.FetchAssignment"
    c.ExchangeFactory.submit = "grader.nbgrader.exchange.Submit"
    c.ZipCollectApp.collector_plugin = "grader.nbgrader.zips.ByClassList"
    c.GenerateAssignment.preprocessors = [
        "grader.nbgrader.preprocessors.ClosedFolder",
        "nbgrader.preprocessors.IncludeHeaderFooter",
        "nbgrader.preprocessors.LockCells",
        "nbgrader.preprocessors.ClearSolutions",
        "grader.nbgrader.preprocessors.RevealGiven",
        "nbgrader.preprocessors.ClearOutput",
        "nbgrader.preprocessors.CheckCellMetadata",
        "nbgrader.preprocessors.ComputeChecksums",
        "nbgrader.preprocessors.SaveCells",
        "nbgrader.preprocessors.ClearHiddenTests",
        "nbgrader.preprocessors.ClearMarkScheme",
        "nbgrader.preprocessors.ComputeChecksums",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    c.Autograde.exporter_class = "grader.nbgrader.exporter.BoundedNotebookExporter"
    c.Autograde.sanitize_preprocessors = [
        "grader.nbgrader.preprocessors.RestoreCells",
        "nbgrader.preprocessors.ClearOutput",
        "nbgrader.preprocessors.DeduplicateIds",
        "nbgrader.preprocessors.OverwriteKernelspec",
        "nbgrader.preprocessors.OverwriteCells",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    c.Autograde.autograde_preprocessors = [
        "grader.nbgrader.preprocessors.GradeText",
        "nbgrader.preprocessors.LimitOutput",
        "nbgrader.preprocessors.SaveAutoGrades",
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    c.Autograde.pre_convert_hook = "grader.nbgrader.submissions.without_strange_files"
    c.HTMLExporter.filters = {"markdown2html": "grader.nbgrader.markdown.safe_html"}
