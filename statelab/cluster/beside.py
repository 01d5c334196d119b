"""What runs beside a learner's cell: in a thread; in a browser's tab, which has none, between two turns of its loop."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol


class Later(Protocol):
    """What `later` gives back."""

    def cancel(self) -> None: ...


def runs_in_a_tab() -> bool:
    """Whether this process has no threads, sockets and processes: a browser, or `STATELAB_TAB=1` to try it without."""
    return sys.platform == "emscripten" or os.environ.get("STATELAB_TAB") == "1"


_aside = 0


@contextmanager
def put_aside() -> Iterator[None]:
    """While it lasts, this stack is put aside, and the kernel's loop goes on with other work (only in a tab)."""
    global _aside
    _aside += 1
    try:
        yield
    finally:
        _aside -= 1


def is_put_aside() -> bool:
    """Whether a stack is put aside now: then there must be no tracing, which would walk through it."""
    return _aside > 0


def in_background(work: Callable[[], None], name: str) -> None:
    """Do some work while the kernel stays free for the learner."""
    if runs_in_a_tab():
        _soon(0.0, work)
    else:
        threading.Thread(target=work, daemon=True, name=name).start()


def later(seconds: float, work: Callable[[], None]) -> Later:
    """Do it after so long, unless it is cancelled before."""
    if runs_in_a_tab():
        return _soon(seconds, work)
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()
    return timer


class _Never:
    def cancel(self) -> None:
        return


def _soon(seconds: float, work: Callable[[], None]) -> Later:
    loop = asyncio.get_event_loop() if sys.platform == "emscripten" else _running_loop()
    if loop is not None:
        return loop.call_later(seconds, work)
    work()  # nobody would call it later
    return _Never()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
