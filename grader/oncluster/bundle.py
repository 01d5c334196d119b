"""What goes to the volume and what comes back: folders that a laptop, a Pod and a test read alike.

bundle.json                    assignment, key of the rubric, released cells, names of who handed in
submitted/anna/ps3.ipynb       as handed in
solutions/ps3/hidden.py        so that the image holds no hidden check, and may be anywhere
results/anna.json              written when all of anna's files are there
autograded/anna/…, feedback/anna/…
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from grader.batch.course import Course, CourseError
from grader.batch.journal import rubric_key
from grader.batch.submission import Job, Outcome, digest
from grader.nbgrader.cells import SourceCell
from grader.nbgrader.reading import MAX_BYTES
from grader.registry import solutions_folder
from statelab.reader import jsonbytes

BACK = ("results", "autograded", "feedback")  # what comes back
Released = dict[str, list[SourceCell]]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A folder with everything that decides the grades, and room for the results."""

    folder: Path
    assignment: str
    key: str
    released: Released
    students: tuple[str, ...]

    def job(self, student: str) -> Job:
        submitted, autograded, feedback = (self.folder / each / student for each in ("submitted", *BACK[1:]))
        return Job(student, self.assignment, submitted, autograded, feedback, "never")

    def share(self, index: int, of: int) -> list[str]:
        """Whom the worker of that index grades: every `of`-th, so that a hard one more does not hit one index."""
        return list(self.students[index::of])

    def result(self, student: str) -> Outcome | None:
        """What has been graded already: of this submission, with this rubric; else None."""
        try:
            found = jsonbytes.loads((self.folder / "results" / f"{student}.json").read_bytes())
        except (OSError, jsonbytes.JSONDecodeError):
            return None
        if not isinstance(found, dict) or found.pop("key", None) != self.key:
            return None
        try:
            outcome = Outcome(**found)
        except TypeError:
            return None
        is_same = outcome.student == student and outcome.digest == digest(
            self.folder / "submitted" / student, list(self.released)
        )
        return outcome if is_same else None

    def write_result(self, outcome: Outcome) -> None:
        """All of it or nothing: a worker that is killed in the middle leaves no half of a result."""
        path = self.folder / "results" / f"{outcome.student}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        part.write_bytes(jsonbytes.dumps({**outcome.to_json(), "key": self.key}))
        os.replace(part, path)


def make(course: Course, assignment: str, released: Released, students: list[str], folder: Path) -> Bundle:
    """Write the bundle of an assignment. Results that are in the folder stay.

    Raises CourseError for an assignment with cells that have to be executed: there is no sandbox for them there.
    """
    executed = [
        cell.id for cells in released.values() for cell in cells
        if cell.is_grade and not cell.is_solution and cell.type == "code" and not cell.task
    ]  # fmt: skip
    if executed:
        raise CourseError(
            f"{', '.join(executed[:3])} has to be executed, and the grader's Pods execute nothing: "
            f"grade here, with `grader run {assignment}`"
        )
    bundle = Bundle(folder, assignment, rubric_key(assignment, released), released, tuple(students))
    shutil.rmtree(folder / "submitted", ignore_errors=True)
    for student in students:
        _copy(course.folder(course.submitted, student, assignment), folder / "submitted" / student, list(released))
    solutions = solutions_folder()
    hidden = solutions / assignment / "hidden.py" if solutions is not None else None
    if hidden is not None and hidden.is_file():
        target = folder / "solutions" / assignment / "hidden.py"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(hidden, target)
    cells = {name: [asdict(each) for each in found] for name, found in released.items()}
    body: dict[str, Any] = {"assignment": assignment, "key": bundle.key, "released": cells, "students": students}
    (folder / "bundle.json").write_bytes(jsonbytes.dumps(body))
    return bundle


def _copy(source: Path, target: Path, notebooks: list[str]) -> None:
    """The notebooks and the time of handing in; no links, nothing else, nothing larger than what is read anyway."""
    target.mkdir(parents=True, exist_ok=True)
    for name in (*(f"{each}.ipynb" for each in notebooks), "timestamp.txt"):
        path = source / name
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                (target / name).write_bytes(file.read(MAX_BYTES + 1))


def load(folder: Path) -> Bundle:
    """Raises CourseError where there is none, or where this grader's rubric is another than the one it was made for."""
    os.environ.setdefault("STATELAB_SOLUTIONS", str(folder / "solutions"))
    try:
        body = jsonbytes.loads((folder / "bundle.json").read_bytes())
        released = {name: [SourceCell(**each) for each in cells] for name, cells in body["released"].items()}
        bundle = Bundle(folder, body["assignment"], body["key"], released, tuple(body["students"]))
    except (OSError, jsonbytes.JSONDecodeError, KeyError, TypeError) as error:
        raise CourseError(f"there is no bundle in {folder}: {type(error).__name__} {error}") from None
    if rubric_key(bundle.assignment, released) != bundle.key:
        raise CourseError(
            f"the rubric of {bundle.assignment} in this image is not the one the submissions were sent with: "
            "build the image again from the same repository"
        )
    return bundle


def results(bundle: Bundle) -> Iterator[Outcome]:
    """What the workers have finished."""
    return (found for student in bundle.students if (found := bundle.result(student)) is not None)
