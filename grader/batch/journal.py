"""What has been graded, line by line on disk before it counts: killed at any moment, a run goes on where it was."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import BinaryIO

import grader
from grader.batch.submission import Outcome
from grader.nbgrader.cells import SourceCell
from grader.registry import solutions_folder
from statelab.reader import jsonbytes

_OUTCOME = {each.name for each in fields(Outcome)}


class Outcomes(Mapping[str, Outcome]):
    """Those of a journal by student, read from disk when they are asked for: memory is the same for any class."""

    def __init__(self, path: Path, at: dict[str, tuple[int, int]]) -> None:
        """`at`: where in the file a student's line begins, and its length, in bytes."""
        self._path = path
        self._at = at

    def __getitem__(self, student: str) -> Outcome:
        begins, length = self._at[student]
        with self._path.open("rb") as file:
            file.seek(begins)
            return Outcome(**jsonbytes.loads(file.read(length)))

    def __iter__(self) -> Iterator[str]:
        return iter(self._at)

    def __len__(self) -> int:
        return len(self._at)

    def of(self, students: Collection[str]) -> Outcomes:
        """Only these, as far as they are there."""
        chosen = set(students)
        return Outcomes(self._path, {name: place for name, place in self._at.items() if name in chosen})


class Journal:
    """Outcomes of one assignment. `key` stands for everything but the submission that decides a grade."""

    def __init__(self, path: Path, key: str, *, resume: bool) -> None:
        self.path = path
        self._at: dict[str, tuple[int, int]] = {}
        self.outcomes = Outcomes(path, self._at)
        path.parent.mkdir(parents=True, exist_ok=True)
        # What is there is written again whole: a torn last line is gone, and outcomes of another rubric too.
        part = path.with_name(f".{path.name}.part")
        self._file: BinaryIO = part.open("wb")
        self._write(jsonbytes.dumps({"key": key}))
        if resume and path.is_file():
            self._take_from(path, key)
        self._file.flush()
        os.replace(part, path)

    def _take_from(self, path: Path, key: str) -> None:
        with path.open("rb") as lines:
            if _parsed(next(lines, b"")) != {"key": key}:
                return
            for line in lines:
                found = _parsed(line)  # None: torn by the end of the process
                if isinstance(found, dict) and set(found) == _OUTCOME:
                    self._at[found["student"]] = self._write(line.rstrip(b"\n"))

    def append(self, outcomes: Sequence[Outcome]) -> None:
        """Returns when they are on disk."""
        places = {each.student: self._write(jsonbytes.dumps(each.to_json())) for each in outcomes}
        self._file.flush()
        os.fsync(self._file.fileno())
        self._at.update(places)

    def _write(self, line: bytes) -> tuple[int, int]:
        begins = self._file.tell()
        self._file.write(line + b"\n")
        return begins, len(line)

    def close(self) -> None:
        self._file.close()


def _parsed(line: bytes) -> object:
    try:
        found: object = jsonbytes.loads(line)
    except jsonbytes.JSONDecodeError:
        return None
    return found


def rubric_key(assignment: str, released: dict[str, list[SourceCell]]) -> str:
    """Changes with the rubric, its hidden checks, the grader, and the released cells."""
    found = hashlib.sha256()
    package = Path(grader.__file__).parent
    rubrics = package / "rubrics"
    paths = [*sorted(package.glob("*.py")), *sorted(rubrics.rglob("*.py"))]
    folder = solutions_folder()
    if folder is not None:
        paths.append(folder / assignment / "hidden.py")
    for path in paths:
        if path.is_file():
            found.update(path.read_bytes())
    found.update(repr(sorted(released.items())).encode())
    return found.hexdigest()
