"""Which of two shells containers run: bashkit's (sandbox.py), or one in Python (shell/) where there is no bashkit.

`STATELAB_SHELL=python` chooses the second, to try it where both are. Files in memory come from the same house.
"""

from __future__ import annotations

import errno
import importlib
import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from statelab.controlplane.runtime import open_files

if TYPE_CHECKING:
    from statelab.controlplane.runtime import sandbox, worker
    from statelab.controlplane.runtime.filetree import FileTree
    from statelab.controlplane.runtime.memory import MemoryFiles
    from statelab.controlplane.runtime.shell import shell, turns

    Shell: TypeAlias = sandbox.Shell | shell.Shell
    Worker: TypeAlias = worker.Worker | turns.Turns
    Files: TypeAlias = sandbox.Files | MemoryFiles

in_python = os.environ.get("STATELAB_SHELL") == "python" or importlib.util.find_spec("bashkit") is None


def load() -> None:
    """Import the one that is chosen now, so that no container is the first to open its files."""
    importlib.import_module(f"{__package__}.{'shell.shell' if in_python else 'sandbox'}")


def new_worker(*, polite: bool) -> Worker:
    """What the shells of one cluster run on; its shells are of its kind."""
    if in_python:
        from statelab.controlplane.runtime.shell.turns import Turns

        return Turns(polite=polite)
    from statelab.controlplane.runtime.worker import Worker as Threaded

    return Threaded(polite=polite)


def new_shell(
    worker: Worker,
    *,
    mounts: Sequence[tuple[str, FileTree, bool]],
    commands: Mapping[str, Callable[[Sequence[str]], bool]],
    is_busybox: bool,
    **settings: Any,
) -> Shell:
    """`is_busybox`: the tools of its image are busybox's; `settings` as of sandbox.Shell."""
    from statelab.controlplane.runtime.worker import Worker as Threaded

    if not isinstance(worker, Threaded):
        from statelab.controlplane.runtime.shell.shell import Shell as InPython

        settings |= {"speaks_as_bash": not in_python, "is_busybox": is_busybox}
        return InPython(worker, mounts=mounts, commands=commands, **settings)
    from statelab.controlplane.runtime.sandbox import Shell as Bashkit

    return Bashkit(worker, mounts=mounts, commands=commands, **settings)


def new_files(tree: FileTree) -> Files:
    """An empty file system for a tree, which holds it."""
    if in_python:
        from statelab.controlplane.runtime.memory import MemoryFiles

        times = tree.times
        return MemoryFiles(lambda: times.now_s)
    from statelab.controlplane.runtime import sandbox

    return sandbox.new_files(tree)


def os_error(error: RuntimeError, path: str) -> OSError:
    """What a file system says of a path, in bashkit's words, as the error that Python has for it."""
    text = str(error).removeprefix("io error: ")
    if "not found" in text:
        return FileNotFoundError(2, "No such file or directory", path)
    if text == "is a directory":
        return IsADirectoryError(21, "Is a directory", path)
    if text == "not a directory":
        return NotADirectoryError(20, "Not a directory", path)
    if "Too many open files" in text:
        return OSError(errno.EMFILE, open_files.FULL, path)
    return OSError(28 if "limit" in text or "too many" in text else 5, text, path)
