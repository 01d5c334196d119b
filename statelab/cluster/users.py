"""For whom a cluster runs: Jupyter servers and terminals. Each is a file in the home's `users/`, named by its process.

A server reads the folder and ends when all in it are gone (statelab/lifetime.py). Who has neither a Jupyter server nor
a terminal (a script, a job) is not written down, and what it starts runs until it is stopped.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from statelab.cluster import process

_FOLDER = "users"
_STAY = "stay"  # in the place of a process: for nobody in particular, until it is stopped


def add(home: Path, *, stay: bool = False) -> None:
    """Write down whom this process works for, if anybody. `stay`: the cluster is not to end with any of them."""
    folder = home / _FOLDER
    for each in _files(folder):
        if not _lives(each):
            with suppress(OSError):
                each.unlink()
    name = _STAY if stay else _name(_mine())
    if name is not None:
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / name).touch(0o600)


def of(home: Path) -> list[str]:
    """Those that live. Names are not read by anybody but us."""
    return [each.name for each in _files(home / _FOLDER) if _lives(each)]


def forget(home: Path) -> None:
    """Nobody: the cluster was stopped."""
    for each in _files(home / _FOLDER):
        with suppress(OSError):
            each.unlink()


def _files(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _lives(file: Path) -> bool:
    number = file.name.partition("-")[0]
    return file.name == _STAY or (number.isdigit() and file.name == _name(int(number)))


def _name(pid: int | None) -> str | None:
    began = process.began(pid) if pid is not None else None
    return f"{pid}-{began}" if began is not None else None


def _mine() -> int | None:
    """The process of the Jupyter server whose kernel we are, or of the shell of our terminal."""
    if os.name == "nt":
        return None  # a kernel there is told a handle, and a console has no process that stands for it
    server = os.environ.get("JPY_PARENT_PID", "")
    if server.isdigit() and int(server) > 1:
        return int(server)
    if any(os.isatty(stream) for stream in (0, 1, 2)):
        leader = os.getsid(0)
        return leader if leader not in (0, os.getpid()) else None
    return None
