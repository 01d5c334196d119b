"""Who only looks: a goal of an empty cell is asked after each cell and at each change, in the thread that hears of it.

What it calls, a lesson's helper or a learner's own function, must neither change the cluster then nor wait for it: the
set that a learner has just deleted would come back, and a cell would not end.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from statelab.cluster.problem import Problem

_LOOKS = ("get", "describe", "logs", "exec", "events", "explain", "api-resources", "version", "config", "auth", "top")
_CHANGES = "{what} would change the cluster, and here it is only looked at."
_ANSWER_S = 10.0

_this = threading.local()


@contextmanager
def only_looking() -> Iterator[None]:
    """While it lasts, in this thread: waiting for a cluster ends at once, and changing one raises Problem."""
    before = is_only_looking()
    _this.looks = True
    try:
        yield
    finally:
        _this.looks = before


def is_only_looking() -> bool:
    """Whether this thread only looks now."""
    return bool(getattr(_this, "looks", False))


def at_most(timeout_s: float, *, for_an_answer: bool = False) -> float:
    """For how long may be waited, in seconds: for something to come, or only `for_an_answer`."""
    if not is_only_looking():
        return timeout_s
    return min(timeout_s, _ANSWER_S) if for_an_answer else 0.0


def check_request(method: str, path: str) -> None:
    """Raises Problem for a request that changes something while it is only looked at."""
    if is_only_looking() and method not in ("GET", "HEAD"):
        raise Problem(_CHANGES.format(what=f"{method} {path}"))


def check_line(line: str | Sequence[str]) -> None:
    """Raises Problem for a kubectl line that changes something while it is only looked at."""
    words = line.split() if isinstance(line, str) else line
    verb = next((word for word in words if not word.startswith("-")), "")
    if is_only_looking() and verb not in _LOOKS:
        raise Problem(_CHANGES.format(what=f"kubectl {verb}"))
