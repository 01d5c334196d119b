"""nbgrader's gradebook, written in bulk: the same rows that `nbgrader autograde` leaves, in one transaction.

Directly, because importing nbgrader takes three seconds, and its session a tenth of a second for each submission. The
tables are those of nbgrader 0.9 (nbgrader/api.py); another version's are refused. In SQLite, moments and intervals are
texts; in PostgreSQL they are themselves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from uuid import uuid4

from grader.batch.course import CourseError
from grader.batch.database import Database
from grader.nbgrader.cells import SourceCell

Row = TypeVar("Row")
_EPOCH = datetime(1970, 1, 1)
_TABLES = {
    "student": {"id", "first_name", "last_name", "email"},
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

    def __init__(self, url: str, assignment: str, release: Path | None = None) -> None:
        """`url`: as SQLAlchemy writes it. `release`: the assignment's folder of the release, for the order of cells."""
        self._database = Database(url)
        self._release = release
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
            if not columns <= self._database.columns(table):
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
                f"where notebook_id = ?{' order by rowid' if self._database.is_sqlite else ''}",
                (notebook_id,),
            ).fetchall()
            if not self._database.is_sqlite:  # its rows have no order of their own
                rows = in_order_of(self._release, name, rows, lambda row: row[0])
            found[name] = [
                SourceCell(
                    cell, type, source or "", checksum or "", bool(locked),
                    "SolutionCell" in types.get(cell, ()), "TaskCell" in types.get(cell, ()), points.get(cell),
                )
                for cell, type, source, checksum, locked in rows
            ]  # fmt: skip
        return found

    def students(self) -> dict[str, bool]:
        """Everybody in the gradebook, and whether it has a name or an address for them."""
        query = "select id, first_name, last_name, email from student"
        return {row[0]: any(row[1:]) for row in self._database.execute(query).fetchall()}

    def _notebooks(self) -> list[tuple[str, str]]:
        query = "select id, name from notebook where assignment_id = ? order by name"
        found: list[tuple[str, str]] = self._database.execute(query, (self._id,)).fetchall()
        return found

    # ---- writing

    def write(self, graded: Iterable[NotebookGrades], penalty: Any = None) -> None:
        """Write these grades, all or none. Manual scores and comments stay; writing the same again changes nothing.

        `penalty(student, score, seconds_late)`: what is taken off for being late, or None.
        """
        notebooks = {name: identity for identity, name in self._notebooks()}
        with self._database.transaction():
            for each in graded:
                submission = self._submission(each)
                for name, identity in notebooks.items():
                    row = self._submitted_notebook(submission, identity)
                    if name == each.notebook:
                        self._write_cells(row, identity, each)
                        self._write_penalty(row, submission, each.student, penalty)

    def _submission(self, graded: NotebookGrades) -> str:
        self._database.execute("insert into student (id) values (?) on conflict do nothing", (graded.student,))
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
        query = "insert into submitted_notebook (id, assignment_id, notebook_id, flagged) values (?, ?, ?, ?)"
        self._database.execute(query, (identity, submission, notebook, False))
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
        due = _moment(self._due)
        if extension is not None:  # where there are no intervals, SQLAlchemy keeps a moment after the epoch
            due += extension if isinstance(extension, timedelta) else _moment(extension) - _EPOCH
        return max(0.0, (_moment(timestamp) - due) / timedelta(seconds=1))

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


def _moment(found: str | datetime) -> datetime:
    return datetime.fromisoformat(found) if isinstance(found, str) else found


def in_order_of(release: Path | None, notebook: str, rows: Iterable[Row], name_of: Callable[[Row], str]) -> list[Row]:
    """Rows about cells in the order of the released notebook; what it does not have comes last, by name."""
    order: dict[str, int] = {}
    if release is not None:
        try:
            cells = json.loads((release / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
            names = [cell["metadata"].get("nbgrader", {}).get("grade_id", "") for cell in cells]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            names = []
        order = {name: place for place, name in enumerate(names)}
    return sorted(rows, key=lambda row: (order.get(name_of(row), len(order)), name_of(row)))


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
