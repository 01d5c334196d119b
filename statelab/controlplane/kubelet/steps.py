"""Work that takes time, told in the order in which it happens.

A generator yields what it waits for: a number of cluster seconds, or a function that is given `resume` and calls it
with the outcome. `Steps` drives it on the loop, and can be cancelled between any two of its steps.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from statelab.controlplane.clock import Loop, Timer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so long, but do not keep the cluster busy for it: what is tried again has failed often enough."""

    seconds: float


Wait = float | Pause | Callable[[Callable[[Any], None]], None]
Work = Generator[Wait, Any, Any]


class Steps:
    """One piece of work under way. `on_done` is called when it ends by itself, not when it is cancelled.

    `on_failed` is called instead when it raises; without it, `on_done` is, after a line in the server's log.
    """

    __slots__ = ("_in_step", "_loop", "_on_done", "_on_failed", "_timer", "_turn", "_work")

    def __init__(
        self,
        loop: Loop,
        work: Work,
        on_done: Callable[[], None],
        on_failed: Callable[[Exception], None] | None = None,
    ) -> None:
        self._loop = loop
        self._work: Work | None = work
        self._on_done = on_done
        self._on_failed = on_failed
        self._timer: Timer | None = None
        self._turn = 0
        self._in_step = False

    def start(self) -> None:
        self._advance(None)

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        work, self._work = self._work, None
        if work is not None and not self._in_step:  # one that has caused its own end is closed after its step
            work.close()

    def _advance(self, outcome: Any) -> None:
        if self._work is None:
            return
        self._timer = None
        self._turn += 1
        work = self._work
        self._in_step = True
        try:
            wait = work.send(outcome)
        except StopIteration:
            if self._work is not None:
                self._work = None
                self._on_done()
            return
        except Exception as error:
            # What goes wrong for one Pod must not stop the cluster; upstream's workers recover, too.
            self._work = None
            if self._on_failed is not None:
                self._on_failed(error)
            else:
                log.exception("the kubelet's work has failed")
                self._on_done()
            return
        finally:
            self._in_step = False
        if self._work is None:
            work.close()
        elif isinstance(wait, Pause):
            self._timer = self._loop.call_later(wait.seconds, lambda: self._advance(None), housekeeping=True)
        elif callable(wait):
            self._wait_for(wait)
        else:
            self._timer = self._loop.call_later(wait, lambda: self._advance(None))

    def hurry(self) -> None:
        """What a Pause waits for may have come: it is worth waiting for now, at the time it was due anyway."""
        if self._timer is not None and self._timer.callback is not None:
            at_s = self._timer.at_s
            self._timer.cancel()
            self._timer = self._loop.call_at(at_s, lambda: self._advance(None))

    def _wait_for(self, wait: Callable[[Callable[[Any], None]], None]) -> None:
        turn = self._turn

        def resume(outcome: Any = None) -> None:
            # An answer that comes late (after a time-out has taken its place) or twice is not this step's any more.
            if self._turn == turn and self._work is not None:
                self._turn += 1
                self._loop.call_soon(lambda: self._advance(outcome))

        wait(resume)
