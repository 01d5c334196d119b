"""One submission, graded in a worker: read, restored, judged; its autograded notebook and its feedback are written."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from grader.answer import meaning
from grader.batch.page import feedback_page
from grader.nbgrader.cells import Notebook, SourceCell, answers, grade_id, restore
from grader.nbgrader.grade import JudgeText, grade, hints_asked
from grader.nbgrader.reading import MAX_BYTES, read_notebook, unreadable
from grader.result import Result
from grader.sandbox import Mode
from statelab.reader import jsonbytes


@dataclass(frozen=True, slots=True)
class Job:
    """What to grade, and where what comes of it goes. `released`: notebook → its cells."""

    student: str
    assignment: str
    submitted: Path
    autograded: Path
    feedback: Path
    mode: Mode = "sandbox"  # for cells that have to be executed


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it, as plain values: it goes over a pipe and into the journal."""

    student: str
    digest: str
    notebooks: dict[str, dict[str, Any]]
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def digest(folder: Path, notebooks: list[str]) -> str:
    """Of everything that decides the grade: the notebooks as handed in."""
    found = hashlib.sha256()
    for name in notebooks:
        path = folder / f"{name}.ipynb"
        found.update(f"{name}\0".encode())
        if path.is_file() and not path.is_symlink():
            size = path.stat().st_size
            found.update(f"{size}\0".encode())
            with path.open("rb") as file:
                found.update(file.read(MAX_BYTES))
    return found.hexdigest()


def grade_submission(job: Job, released: dict[str, list[SourceCell]], results: JudgeText) -> Outcome:
    """Grade every notebook of the assignment, those too that were not handed in. Raises OSError for files of ours."""
    graded: dict[str, dict[str, Any]] = {}
    for name, cells in released.items():
        notebook, problem = _read(job.submitted / f"{name}.ipynb")
        notebook = restore(notebook, cells)
        graded[name] = _grade_notebook(notebook, cells, results, job.mode) | {"problem": problem}
        _write(job.autograded / f"{name}.ipynb", jsonbytes.dumps(notebook, option=jsonbytes.OPT_INDENT_2))
        page = feedback_page(notebook, _title(job, name), graded[name]["scores"], problem)
        _write(job.feedback / f"{name}.html", page.encode())
    keep_receipt(job)
    return Outcome(job.student, digest(job.submitted, list(released)), graded)


def keep_receipt(job: Job) -> None:
    """What nbgrader's exchange put beside a submission goes along: `nbgrader release_feedback` finds its way by it."""
    for name in ("timestamp.txt", "submission_secret.txt"):
        given = job.submitted / name
        if given.is_file() and not given.is_symlink():
            for folder in (job.autograded, job.feedback):
                _write(folder / name, given.read_bytes()[:200])


def _read(path: Path) -> tuple[Notebook, str | None]:
    if not path.exists() and not path.is_symlink():
        return unreadable("it is not there"), "it was not handed in"
    try:
        return read_notebook(str(path)), None
    except ValueError as error:
        return unreadable(str(error)), str(error)


def _grade_notebook(notebook: Notebook, released: list[SourceCell], results: JudgeText, mode: Mode) -> dict[str, Any]:
    hints = hints_asked(notebook)
    said = answers(notebook, released)
    by_cell = {each.cell: each for each in grade(notebook, released, judge_text=results, mode=mode)}
    texts = {grade_id(cell): cell["source"] for cell in notebook["cells"]}
    scores: dict[str, float | None] = {}
    unanswered = []
    for source in released:
        unchanged = source.is_solution and texts.get(source.id) == source.source
        if unchanged:
            unanswered.append(source.id)
        if source.id in by_cell:
            scores[source.id] = by_cell[source.id].points
        elif source.is_grade:  # for a person to grade; nothing written is nothing gained
            scores[source.id] = 0.0 if unchanged else None
    return {
        "scores": scores,
        "unanswered": unanswered,
        "hints": hints,
        "tasks": {each.result.task: _report(each.result) for each in by_cell.values() if each.result is not None},
        "answers": {task: _fingerprint(text) for task, text in said.items()},
    }


def _fingerprint(text: str) -> dict[str, Any]:
    """Of what an answer says, without its comments: equal ones are found by it. `length` in characters."""
    said = "\n".join(meaning(text))
    return {"digest": hashlib.sha256(said.encode()).hexdigest()[:16], "length": len(said)}


def _report(result: Result) -> dict[str, Any]:
    """For the instructor: what hidden checks saw as well."""
    details = {each.id: each.detail for each in result.checks if each.detail and not each.passed}
    return {**result.to_json(), "details": details, "broke": [each.id for each in result.checks if each.broke]}


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing of it, also when the power fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(content)
    os.replace(part, path)


def failed(job: Job, released: dict[str, list[SourceCell]], why: str) -> Outcome:
    """The outcome of a submission whose grading did not come to an end: explicit zeros, and the reason."""
    notebooks = {}
    for name, cells in released.items():
        scores = {each.id: 0.0 for each in cells if each.is_grade}
        notebooks[name] = {
            "scores": scores, "unanswered": [], "hints": {}, "tasks": {}, "answers": {}, "problem": why,
        }  # fmt: skip
        notebook = restore(unreadable(why), cells)
        for cell in notebook["cells"]:
            if grade_id(cell) in scores and cell["cell_type"] == "code":
                from grader.nbgrader.cells import score_output

                cell.update(outputs=[score_output(0.0, why, "")], execution_count=1)
        _write(job.autograded / f"{name}.ipynb", jsonbytes.dumps(notebook, option=jsonbytes.OPT_INDENT_2))
        page = feedback_page(notebook, _title(job, name), dict(scores), why)
        _write(job.feedback / f"{name}.html", page.encode())
    keep_receipt(job)
    return Outcome(job.student, digest(job.submitted, list(released)), notebooks, why)


def _title(job: Job, notebook: str) -> str:
    return notebook if notebook == job.assignment else f"{job.assignment}: {notebook}"
