"""One run of an assignment at a time: two would write the same journal, gradebook and feedback."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from grader.batch.course import CourseError
from statelab.controlplane.journal import lock_file

_BUSY = (BlockingIOError, PermissionError)
_held: set[int] = set()  # open files with a lock on them


def _let_go() -> None:
    """A worker is a copy of us with our open files: it would hold the assignment for as long as it outlives us."""
    for file in _held:
        with suppress(OSError):
            os.close(file)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


@contextmanager
def alone(folder: Path, assignment: str) -> Iterator[None]:
    """Hold the assignment while we grade it. The system lets go of it when we end, however we end.

    Raises CourseError, which says who holds it. A file system without locks (some NFS) is gone on with.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{assignment}.lock"
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            lock_file(file)
        except _BUSY:
            said = os.pread(file, 200, 0).decode(errors="replace").strip() if hasattr(os, "pread") else ""
            raise CourseError(
                f"{assignment} is being graded already{f', by {said}' if said else ''}. Wait until that has ended; "
                f"or stop it, and go on where it was: grader run {assignment} --resume"
            ) from None
        except OSError:
            pass
        _held.add(file)
        os.ftruncate(file, 0)
        os.write(file, f"process {os.getpid()} of {_who()} since {datetime.now():%H:%M:%S}\n".encode())
        yield
        with suppress(OSError):
            os.ftruncate(file, 0)
    finally:
        _held.discard(file)
        os.close(file)


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return "somebody"
