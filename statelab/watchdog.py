"""A server that answers nobody says why: what each of its threads is doing, written into its log.

Python's own watchdog is a thread that needs no lock of the interpreter's, so it speaks also where one thread holds that
lock and waits for another that wants it.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import logging
import sys
import time
from collections.abc import Iterator
from typing import TextIO

log = logging.getLogger(__name__)

_BLOCKED_S = 10.0
_LOOK_EVERY_S = 3.0


@contextlib.contextmanager
def watched(
    loop: asyncio.AbstractEventLoop, *, blocked_s: float = _BLOCKED_S, every_s: float = _LOOK_EVERY_S,
    file: TextIO | None = None,
) -> Iterator[None]:  # fmt: skip
    """While it lasts, write every thread's stack to `file` (standard error) when the loop has not turned for so many
    seconds, once each time; and when it turns again, for how long it had not."""
    dog = _Watchdog(loop, blocked_s, every_s, file or sys.stderr)
    dog.look()
    try:
        yield
    finally:
        dog.end()


class _Watchdog:
    def __init__(self, loop: asyncio.AbstractEventLoop, blocked_s: float, every_s: float, file: TextIO) -> None:
        self._loop, self._blocked_s, self._every_s, self._file = loop, blocked_s, every_s, file
        self._looked_s = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None

    def look(self) -> None:
        """The loop turns: begin to count anew."""
        silent_s = time.monotonic() - self._looked_s
        if silent_s > self._blocked_s:
            log.warning("nothing was answered for %.0f s; above stands what the threads were doing", silent_s)
        self._looked_s = time.monotonic()
        faulthandler.dump_traceback_later(self._blocked_s, file=self._file)
        self._timer = self._loop.call_later(self._every_s, self.look)

    def end(self) -> None:
        faulthandler.cancel_dump_traceback_later()
        if self._timer is not None:
            self._timer.cancel()
