"""What has been graded, line by line on disk before it counts: killed at any moment, a run goes on where it was."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import BinaryIO

import orjson

import grader
from grader.batch.submission import Outcome
from grader.nbgrader.cells import SourceCell
from grader.registry import solutions_folder

_OUTCOME = {each.name for each in fields(Outcome)}


class Journal:
    """Outcomes of one assignment. `key` stands for everything but the submission that decides a grade."""

    def __init__(self, path: Path, key: str, *, resume: bool) -> None:
        self.path = path
        self.outcomes: dict[str, Outcome] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if resume and path.is_file():
            self._load(key)
        # What was read is written again whole: a torn last line is gone, and outcomes of another rubric too.
        part = path.with_name(f".{path.name}.part")
        lines = [orjson.dumps({"key": key}), *(orjson.dumps(each.to_json()) for each in self.outcomes.values())]
        part.write_bytes(b"".join(line + b"\n" for line in lines))
        os.replace(part, path)
        self._file: BinaryIO = path.open("ab")

    def _load(self, key: str) -> None:
        lines = self.path.read_bytes().split(b"\n")
        try:
            if orjson.loads(lines[0]) != {"key": key}:
                return
        except orjson.JSONDecodeError:
            return
        for line in lines[1:]:
            try:
                found = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue  # torn by the end of the process
            if isinstance(found, dict) and set(found) == _OUTCOME:
                self.outcomes[found["student"]] = Outcome(**found)

    def append(self, outcomes: Sequence[Outcome]) -> None:
        """Returns when they are on disk."""
        for each in outcomes:
            self.outcomes[each.student] = each
            self._file.write(orjson.dumps(each.to_json()) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def rubric_key(assignment: str, released: dict[str, list[SourceCell]]) -> str:
    """Changes with the rubric, its hidden checks, the grader, and the released cells."""
    found = hashlib.sha256()
    package = Path(grader.__file__).parent
    rubrics = package / "rubrics"
    paths = [*sorted(package.glob("*.py")), *sorted(rubrics.glob("_*.py")), rubrics / f"{assignment}.py"]
    folder = solutions_folder()
    if folder is not None:
        paths.append(folder / assignment / "hidden.py")
    for path in paths:
        if path.is_file():
            found.update(path.read_bytes())
    found.update(repr(sorted(released.items())).encode())
    return found.hexdigest()
