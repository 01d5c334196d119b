"""The course's files: where this installation keeps them, and a learner's own copy of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from statelab.cluster import my_courses
from statelab.cluster.my_courses import FIRST_LESSON
from statelab.cluster.problem import Problem

_PARTS = ("course", "exercises", "kind-config.yaml")
_NOT_COPIED = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "*.py", "*.pyc")


@dataclass(frozen=True)
class Copied:
    """A learner's copy: the folder, how many files are new in it, and how many were there and were left alone."""

    folder: Path
    new: int
    kept: int

    def __str__(self) -> str:
        if not self.new:
            return f"Your copy of the course in {self.folder} is complete; nothing in it was touched."
        kept = f", {self.kept} that were there are as you left them" if self.kept else ""
        return f"{self.new} files of the course were copied to {self.folder}{kept}."


def checkout() -> Path | None:
    """The folder of the source that this package runs from; None where it is installed."""
    folder = Path(__file__).resolve().parent.parent
    return folder if (folder / FIRST_LESSON).is_file() else None


def copy_to(folder: Path) -> Copied:
    """Make `folder` a learner's copy. A file that is there is never written to: delete one to get it anew.

    Each file appears whole or not at all, so an interrupted copy is completed by the next one.
    Raises Problem when the folder cannot be written to.
    """
    folder = folder.expanduser().resolve()
    source = checkout() or Path(__file__).resolve().parent / "files"
    new = kept = 0
    try:
        for path in _files(source):
            to = folder / path.relative_to(source)
            if os.path.lexists(to):
                kept += 1
            else:
                _copy_whole(path, to)
                new += 1
    except OSError as error:
        reason = error.strerror or str(error)
        raise Problem(f"The course cannot be copied to {folder}: {reason}.", "Name a folder of your own.") from None
    my_courses.opened(folder)
    return Copied(folder, new, kept)


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
    to.parent.mkdir(parents=True, exist_ok=True)
    number, beside = tempfile.mkstemp(prefix=".copying-", dir=to.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(path.read_bytes())
        os.chmod(beside, 0o644)
        os.replace(beside, to)
    except BaseException:  # Ctrl-C as well: nothing half is left
        Path(beside).unlink(missing_ok=True)
        raise
