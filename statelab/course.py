"""The course's files: where this installation keeps them, and a learner's own copy of them, which follows the course.

A copy remembers which version of each file it was given. A file that is still as it was given is replaced when the
course has a newer one; one that a learner changed, or ran and saved, is theirs, and the newer one is laid beside it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from statelab.cluster import my_courses
from statelab.cluster.my_courses import FIRST_LESSON
from statelab.cluster.paths import root_of
from statelab.cluster.problem import Problem

RECORD = ".statelab-course.json"  # in a copy: which version of each file it was given, as a SHA-256
_PARTS = ("course", "exercises", "kind-config.yaml")
_NOT_COPIED = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "*.py", "*.pyc")
_MAX_NAMED = 5


@dataclass(frozen=True)
class Copied:
    """A learner's copy: the folder, and how many files were copied, brought up to date and left as they were.

    `beside`: newer versions of files that the learner has changed, each laid beside theirs; paths in the copy.
    """

    folder: Path
    new: int = 0
    updated: int = 0
    kept: int = 0
    beside: tuple[Path, ...] = ()

    def __str__(self) -> str:
        if not (self.new or self.updated or self.beside):
            return f"Your copy of the course in {self.folder} is complete; nothing in it was touched."
        said = []
        if self.new:
            kept = f", {self.kept} that were there are as you left them" if self.kept else ""
            said.append(f"{self.new} files of the course were copied to {self.folder}{kept}.")
        if self.updated:
            said.append(f"{self.updated} files in {self.folder} that you had not changed were brought up to date.")
        if self.beside:
            names = ", ".join(map(str, self.beside[:_MAX_NAMED])) + (", …" if len(self.beside) > _MAX_NAMED else "")
            said.append(f"What you changed is as you left it; the course's newer version lies beside it: {names}.")
        return "\n".join(said)


def checkout() -> Path | None:
    """The folder of the source that this package runs from; None where it is installed."""
    folder = Path(__file__).resolve().parent.parent
    return folder if (folder / FIRST_LESSON).is_file() else None


def solved(notebook: Any) -> Any:
    """The notebook itself, with a model answer in each empty cell: for who runs it without a learner.

    Such a cell has it in its metadata, `{"statelab": {"solution": "…"}}`; what a learner sees is empty.
    """
    for cell in notebook["cells"]:
        solution = cell["metadata"].get("statelab", {}).get("solution")
        if solution is not None:
            cell["source"] = solution
    return notebook


def is_copy(folder: Path) -> bool:
    """Whether this folder is a copy that `copy_to` made."""
    return (folder / RECORD).is_file()


def copy_to(folder: Path) -> Copied:
    """Make `folder` a learner's copy, or bring one up to date. Nothing a learner wrote is written over.

    A file that was deleted comes back. Each file appears whole or not at all, so an interrupted copy is completed by
    the next one. Raises Problem when the folder cannot be written to.
    """
    folder = folder.expanduser().resolve()
    source = checkout() or Path(__file__).resolve().parent / "files"
    if folder == source:
        return Copied(folder)
    given = _given(folder)
    before = dict(given)
    new = updated = kept = 0
    beside: list[Path] = []
    try:
        for path in _files(source):
            relative = path.relative_to(source)
            key, to, ours = relative.as_posix(), folder / relative, _sum(path)
            theirs = _digest(to)
            if not os.path.lexists(to):
                _copy_whole(path, to)
                new += 1
            elif theirs is None or theirs == ours or given.get(key) == ours:
                kept += 1
            elif theirs == given.get(key):
                _copy_whole(path, to)
                updated += 1
            else:
                beside.append(_lay_beside(path, relative, folder, given))
            given[key] = ours
        if given != before:
            _write_whole(json.dumps(given, indent=0, sort_keys=True).encode(), folder / RECORD)
    except OSError as error:
        reason = error.strerror or str(error)
        raise Problem(f"The course cannot be copied to {folder}: {reason}.", "Name a folder of your own.") from None
    my_courses.opened(root_of(folder))
    return Copied(folder, new, updated, kept, tuple(beside))


def _lay_beside(path: Path, relative: Path, folder: Path, given: dict[str, str]) -> Path:
    """Put the newer version beside the learner's: `05-x.new.ipynb`, or the next number if they work in that one too."""
    for name in _names_beside(relative):
        theirs = _digest(folder / name)
        if not os.path.lexists(folder / name) or (theirs is not None and theirs == given.get(name.as_posix())):
            _copy_whole(path, folder / name)
            given[name.as_posix()] = _sum(path)
            return name
    raise AssertionError("there is always a next number")


def _names_beside(relative: Path) -> Iterator[Path]:
    yield relative.with_name(f"{relative.stem}.new{relative.suffix}")
    number = 2
    while True:
        yield relative.with_name(f"{relative.stem}.new-{number}{relative.suffix}")
        number += 1


def _given(folder: Path) -> dict[str, str]:
    """Which version of each file the copy was given; nothing where that is not known: then all there is, is theirs."""
    try:
        read = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {key: value for key, value in read.items() if isinstance(value, str)} if isinstance(read, dict) else {}


def _sum(path: Path) -> str:
    """What is in a file, as a SHA-256. Raises OSError.

    Of a notebook its cells count, with what they gave: JupyterLab adds metadata to one that was only opened.
    """
    content = path.read_bytes()
    if path.suffix == ".ipynb":
        with suppress(ValueError, TypeError, KeyError, RecursionError):
            cells = [
                [each["cell_type"], "".join(each["source"]), each.get("outputs") or []]
                for each in json.loads(content)["cells"]
            ]
            content = json.dumps(cells, sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()


def _digest(path: Path) -> str | None:
    """As `_sum`; None for what is no file that can be read, such as a folder or a link that leads nowhere."""
    try:
        return _sum(path)
    except OSError:
        return None


def _files(source: Path) -> list[Path]:
    found = []
    for part in _PARTS:
        if (source / part).is_file():
            found.append(source / part)
        for here, folders, names in os.walk(source / part):
            ignored = _NOT_COPIED(here, [*folders, *names])
            folders[:] = sorted(set(folders) - ignored)
            found += [Path(here, name) for name in sorted(set(names) - ignored)]
    return found


def _copy_whole(path: Path, to: Path) -> None:
    _write_whole(path.read_bytes(), to)


def _write_whole(content: bytes, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    number, beside = tempfile.mkstemp(prefix=".copying-", dir=to.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
        os.chmod(beside, 0o644)
        os.replace(beside, to)
    except BaseException:  # Ctrl-C as well: nothing half is left
        Path(beside).unlink(missing_ok=True)
        raise
