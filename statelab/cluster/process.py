"""A process we started earlier and know by its number alone: is it there, is it still the one, and end it."""

from __future__ import annotations

import os
import time
from contextlib import suppress

_LOOK_AGAIN_S = 0.02
_GONE_WITHIN_S = 10.0  # after SIGKILL: a process that waits for a disk goes only then


def is_alive(pid: int) -> bool:
    """Whether a process of that number runs, and is ours to signal."""
    if os.name == "nt":  # there os.kill(pid, 0) is Ctrl-C
        import psutil

        return bool(psutil.pid_exists(pid))
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return False
    try:  # a zombie is gone, for all that matters: one of ours ends here,
        done, _ = os.waitpid(pid, os.WNOHANG)
        return done == 0
    except ChildProcessError:
        return not _is_zombie(pid)  # and one of another parent (`make lab`, a kernel) stays until that one looks


def _is_zombie(pid: int) -> bool:
    import psutil

    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return not psutil.pid_exists(pid)


def began(pid: int) -> str | None:
    """When a process began, in the system's words: with its number, it is one process for ever. None: it is gone."""
    try:  # without psutil, which a server would hold in memory for this alone
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    except OSError:
        if os.path.exists("/proc/self/stat"):
            return None
    import psutil

    try:
        found = psutil.Process(pid)
        return None if found.status() == psutil.STATUS_ZOMBIE else f"{found.create_time():.2f}"
    except psutil.Error:
        return None


def was_started_with(pid: int, *words: str) -> bool:
    """Whether the process's command line has all these words: numbers are given again, command lines hardly ever."""
    import psutil  # here: it is needed to stop only, and starting is what has to be quick

    try:
        line = psutil.Process(pid).cmdline()
    except psutil.Error:
        return False
    return set(words) <= set(line)


def end(pid: int, within_s: float) -> bool:
    """Ask a process to end; after `within_s` seconds, make it. Whether it is gone."""
    import psutil

    try:
        process = psutil.Process(pid)
        process.terminate()  # on Windows this is all there is: it ends at once
    except psutil.NoSuchProcess:
        return True
    if not _gone(pid, within_s):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    return _gone(pid, _GONE_WITHIN_S)


def _gone(pid: int, within_s: float) -> bool:
    deadline_s = time.monotonic() + within_s
    while is_alive(pid):
        if time.monotonic() > deadline_s:
            return False
        time.sleep(_LOOK_AGAIN_S)
    return True
