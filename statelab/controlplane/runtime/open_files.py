"""How many files a process may have open: a shell and a file tree need three each, and a usual limit is 1,024."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable, Sized

FULL = "this computer lets StateLab have no more files open (ulimit -n); a shell needs about ten"
_ENOUGH = 65_536
_MORE = 64  # shells and file trees
_WAIT_S = 1.0

_collect_at = _MORE


def raise_limit() -> None:
    """Ask the system for as many open files as it gives us without special rights. For programs of our own: a library
    leaves the process it is used in as it is."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # macOS may allow less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def before_one_more(held: Sized) -> None:
    """To be called with the shells and file trees there are: clusters that nobody holds any more are cleared away
    whenever there are a good many more. They are garbage with cycles, which Python may leave lying for long."""
    global _collect_at
    if len(held) >= _collect_at:
        gc.collect()
        _collect_at = max(len(held) + _MORE, len(held) * 2)


def collect(is_done: Callable[[], bool]) -> None:
    """Clear away what nobody holds, and wait a moment until those that have to let go of something have done it."""
    gc.collect()
    ends_s = time.monotonic() + _WAIT_S
    while not is_done() and time.monotonic() < ends_s:
        time.sleep(0.005)
