"""nbgrader's gradebook, written in bulk: the same rows that `nbgrader autograde` leaves, in one transaction.

Directly, because importing nbgrader takes three seconds, and its session a tenth of a second for each submission. The
tables are those of nbgrader 0.9 (nbgrader/api.py); another version's are refused.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import uuid4

from grader.batch.course import CourseError
from grader.nbgrader.cells import SourceCell

_EPOCH = datetime(1970, 1, 1)
_TABLES = {
    "student": {"id"},
    "submitted_assignment": {"id", "assignment_id", "student_id", "timestamp", "extension"},
    "submitted_notebook": {"id", "assignment_id", "notebook_id", "flagged", "late_submission_penalty"},
    "grade": {"id", "notebook_id", "cell_id", "auto_score", "manual_score", "extra_credit", "needs_manual_grade"},
    "comment": {"id", "notebook_id", "cell_id", "auto_comment", "manual_comment"},
}


@dataclass(frozen=True, slots=True)
class NotebookGrades:
    """What one notebook of one submission got: cell → score (None: a person grades it), the cells not answered."""

    student: str
    notebook: str
    scores: Mapping[str, float | None]
    unanswered: frozenset[str]
    timestamp: str | None = None  # as nbgrader keeps it: UTC, without a zone


class Gradebook:
    """One assignment's part of the gradebook. Use as a context manager. Raises CourseError where it cannot be used."""

    def __init__(self, path: Path, assignment: str) -> None:
        if not path.is_file():
            raise CourseError(f"there is no gradebook {path}: run `nbgrader generate_assignment {assignment}` first")
        self._database = sqlite3.connect(path, timeout=60.0)
        self._database.execute("pragma synchronous = normal")
        self.assignment = assignment
        self._check_tables()
        row = self._database.execute("select id, duedate from assignment where name = ?", (assignment,)).fetchone()
        if row is None:
            message = f"the gradebook does not know {assignment}: run `nbgrader generate_assignment {assignment}` first"
            raise CourseError(message)
        self._id, self._due = row
        self._cells: dict[str, list[tuple[str, str, str]]] = {}  # notebook → (cell id, name, type)

    def __enter__(self) -> Gradebook:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._database.close()

    def _check_tables(self) -> None:
        for table, columns in _TABLES.items():
            found = {row[1] for row in self._database.execute(f"pragma table_info({table})")}
            if not columns <= found:
                raise CourseError(
                    f"the gradebook's table {table} is not that of nbgrader 0.9: use `nbgrader autograde`"
                )

    def released(self) -> dict[str, list[SourceCell]]:
        """The notebooks of the assignment, with their cells as released."""
        found: dict[str, list[SourceCell]] = {}
        for notebook_id, name in self._notebooks():
            points: dict[str, float] = {}
            for table in ("grade_cells", "task_cells"):
                query = (
                    f"select b.name, c.max_score from base_cell b join {table} c on c.id = b.id where b.notebook_id = ?"
                )
                points.update(self._database.execute(query, (notebook_id,)).fetchall())
            types: dict[str, set[str]] = {}
            for cell, type in self._database.execute(
                "select name, type from base_cell where notebook_id = ?", (notebook_id,)
            ):
                types.setdefault(cell, set()).add(type)
            rows = self._database.execute(
                "select name, cell_type, source, checksum, locked from source_cell "
                "where notebook_id = ? order by rowid",
                (notebook_id,),
            )
            found[name] = [
                SourceCell(
                    cell, type, source or "", checksum or "", bool(locked),
                    "SolutionCell" in types.get(cell, ()), "TaskCell" in types.get(cell, ()), points.get(cell),
                )
                for cell, type, source, checksum, locked in rows
            ]  # fmt: skip
        return found

    def _notebooks(self) -> list[tuple[str, str]]:
        query = "select id, name from notebook where assignment_id = ? order by name"
        return self._database.execute(query, (self._id,)).fetchall()

    # ---- writing

    def write(self, graded: Iterable[NotebookGrades], penalty: Any = None) -> None:
        """Write these grades, all or none. Manual scores and comments stay; writing the same again changes nothing.

        `penalty(student, score, seconds_late)`: what is taken off for being late, or None.
        """
        notebooks = {name: identity for identity, name in self._notebooks()}
        with self._database:
            for each in graded:
                submission = self._submission(each)
                for name, identity in notebooks.items():
                    row = self._submitted_notebook(submission, identity)
                    if name == each.notebook:
                        self._write_cells(row, identity, each)
                        self._write_penalty(row, submission, each.student, penalty)

    def _submission(self, graded: NotebookGrades) -> str:
        self._database.execute("insert or ignore into student (id) values (?)", (graded.student,))
        key = (self._id, graded.student)
        found = self._database.execute(
            "select id from submitted_assignment where assignment_id = ? and student_id = ?", key
        ).fetchone()
        identity = found[0] if found else uuid4().hex
        if not found:
            query = "insert into submitted_assignment (id, assignment_id, student_id) values (?, ?, ?)"
            self._database.execute(query, (identity, *key))
        if graded.timestamp is not None:
            query = "update submitted_assignment set timestamp = ? where id = ?"
            self._database.execute(query, (graded.timestamp, identity))
        return str(identity)

    def _submitted_notebook(self, submission: str, notebook: str) -> str:
        query = "select id from submitted_notebook where assignment_id = ? and notebook_id = ?"
        found = self._database.execute(query, (submission, notebook)).fetchone()
        if found:
            return str(found[0])
        identity = uuid4().hex
        query = "insert into submitted_notebook (id, assignment_id, notebook_id, flagged) values (?, ?, ?, 0)"
        self._database.execute(query, (identity, submission, notebook))
        for cell, _, type in self._base_cells(notebook):
            if type in ("GradeCell", "TaskCell"):
                # Nothing is ever without a number: what is not graded below has 0 points.
                columns = "(id, notebook_id, cell_id, auto_score, needs_manual_grade)"
                query = f"insert into grade {columns} values (?, ?, ?, ?, ?)"
                by_hand = type == "TaskCell"
                self._database.execute(query, (uuid4().hex, identity, cell, None if by_hand else 0.0, by_hand))
            if type in ("SolutionCell", "TaskCell"):
                query = "insert into comment (id, notebook_id, cell_id) values (?, ?, ?)"
                self._database.execute(query, (uuid4().hex, identity, cell))
        return identity

    def _base_cells(self, notebook: str) -> Sequence[tuple[str, str, str]]:
        if notebook not in self._cells:
            query = "select id, name, type from base_cell where notebook_id = ?"
            self._cells[notebook] = self._database.execute(query, (notebook,)).fetchall()
        return self._cells[notebook]

    def _write_cells(self, row: str, notebook: str, graded: NotebookGrades) -> None:
        for cell, name, type in self._base_cells(notebook):
            if type == "GradeCell" and name in graded.scores:
                score = graded.scores[name]
                query = (
                    "update grade set auto_score = ?, needs_manual_grade = (? or manual_score is not null) "
                    "where notebook_id = ? and cell_id = ?"
                )
                self._database.execute(query, (score, score is None, row, cell))
            elif type in ("SolutionCell", "TaskCell"):
                comment = "No response." if name in graded.unanswered and type == "SolutionCell" else None
                query = "update comment set auto_comment = ? where notebook_id = ? and cell_id = ?"
                self._database.execute(query, (comment, row, cell))

    def _write_penalty(self, row: str, submission: str, student: str, penalty: Any) -> None:
        late = self._seconds_late(submission)
        taken = None
        if late > 0 and penalty is not None:
            query = (
                "select sum(coalesce(manual_score, auto_score, 0) + coalesce(extra_credit, 0)) from grade "
                "where notebook_id = ?"
            )
            score = self._database.execute(query, (row,)).fetchone()[0] or 0.0
            taken = penalty(student, score, late)
            if taken is not None:
                taken = min(max(0.0, float(taken)), score)
        self._database.execute("update submitted_notebook set late_submission_penalty = ? where id = ?", (taken, row))

    def _seconds_late(self, submission: str) -> float:
        query = "select timestamp, extension from submitted_assignment where id = ?"
        timestamp, extension = self._database.execute(query, (submission,)).fetchone()
        if timestamp is None or self._due is None:
            return 0.0
        due = datetime.fromisoformat(self._due)
        if extension is not None:  # SQLAlchemy keeps an interval as a moment after the epoch
            due += datetime.fromisoformat(extension) - _EPOCH
        return max(0.0, (datetime.fromisoformat(timestamp) - due) / timedelta(seconds=1))

    def totals(self) -> dict[str, tuple[float, float]]:
        """student → (score after penalties, points there are)."""
        query = """
            select s.student_id, n.id, coalesce(n.late_submission_penalty, 0),
                   (select coalesce(sum(coalesce(g.manual_score, g.auto_score, 0) + coalesce(g.extra_credit, 0)), 0)
                    from grade g where g.notebook_id = n.id)
            from submitted_assignment s join submitted_notebook n on n.assignment_id = s.id where s.assignment_id = ?
        """
        most = sum(each.points or 0.0 for cells in self.released().values() for each in cells)
        totals: dict[str, float] = {}
        for student, _, penalty, score in self._database.execute(query, (self._id,)):
            totals[student] = totals.get(student, 0.0) + max(0.0, score - penalty)
        return {student: (score, most) for student, score in sorted(totals.items())}


def utc(text: str) -> str | None:
    """A `timestamp.txt` as the gradebook keeps it; None where it cannot be read."""
    words = text.strip().split(" ")
    zone = UTC if len(words) == 3 and words[2] in ("UTC", "GMT") else None
    for form in ("%Y-%m-%d %H:%M:%S.%f %z", "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S"):
        try:
            found = datetime.strptime(" ".join(words[:2]) if zone else text.strip(), form)
        except ValueError:
            continue
        found = found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
        return found.strftime("%Y-%m-%d %H:%M:%S.%f")
    return None
