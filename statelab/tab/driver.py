"""Paced time without a thread: the kernel's loop turns it between cells, and whoever waits in a cell turns it there.

In a tab a cell that waits need not block: where the browser has WebAssembly's stack switching (JSPI), `run_sync` lets
the kernel's loop go on meanwhile, with its buttons and pictures. Elsewhere waiting blocks, and the cluster goes on.

What looks at the cluster beside the cells (pictures, a learner's loop) is called from one stack at a time and is never
left half done: while a cell waits, it is that cell which lets them look. A loop's pass is traced, so that it can be
ended, and an interpreter that is asked to trace while one of its stacks is put aside reads memory that is not there.
Who only looks (a goal of an empty cell) is not put aside either: the cell that ran meanwhile would only look, too.
Pyodide's own time.sleep puts its stack aside and tells nobody, so blocking is done with what it wraps.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from statelab.cluster.beside import is_put_aside, put_aside
from statelab.cluster.looking import is_only_looking
from statelab.controlplane import ControlPlane

_log = logging.getLogger(__name__)
_SHORTEST_S = 0.01
_LONGEST_S = 0.1
_WAIT_S = 0.01
_LONGEST_A_STEP_S = 0.25  # of virtual time, for who waits for something
_looking = 0  # how many look just now: who waits among them blocks


class Driver:
    """Drives one cluster. `listen(look)`: `look()` is called after each step, to take in what has changed."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self._looks: list[Callable[[], None]] = []
        self._is_stepping = False
        self._is_looking = False
        self._is_closed = False
        plane.loop.pause = self.pause
        loop = self._loop = _kernel_loop()
        if loop is not None:
            loop.call_later(_SHORTEST_S, self._tick)

    def step(self) -> None:
        """Let happen what is due."""
        if self._is_stepping:
            return
        self._is_stepping = True
        try:
            self.plane.runtime.pump()
            self.plane.loop.run_due()
        finally:
            self._is_stepping = False
        if (
            self._is_looking or is_put_aside()
        ):  # a picture that asks the cluster something is not told of news meanwhile
            return
        global _looking
        self._is_looking = True
        _looking += 1
        try:
            for look in list(self._looks):
                try:
                    look()
                except Exception:  # a picture's trouble stays its own
                    _log.exception("a picture could not be drawn")
        finally:
            self._is_looking = False
            _looking -= 1

    def listen(self, look: Callable[[], None]) -> Callable[[], None]:
        """What it returns ends the listening."""
        self._looks.append(look)
        return lambda: self._looks.remove(look) if look in self._looks else None

    def pause(self, seconds: float) -> None:
        """Wait in a cell: the kernel's loop goes on where the browser can do that."""
        self.step()
        wait_in_kernel(max(seconds, _WAIT_S))

    def now_s(self) -> float:
        """Cluster seconds."""
        return self.plane.loop.now_s

    def rest(self, seconds: float, is_awake: Callable[[], bool]) -> None:
        """Wait so many cluster seconds, or until `is_awake()`. In virtual time they pass at once."""
        loop = self.plane.loop
        ends_s = loop.now_s + seconds
        while not is_awake() and (left_s := ends_s - loop.now_s) > 0:
            if loop.pace is None:
                loop.run_for(min(left_s, _LONGEST_A_STEP_S))
                self.step()
            else:
                self.pause(min(left_s / loop.pace, _LONGEST_S))

    def beside(self, work: Callable[[], float | None], name: str) -> Callable[[], None]:
        """Do `work` after a step, when it is time. What it returns ends that. `name` is for who has threads."""
        next_s = self.plane.loop.now_s
        is_working = False

        def look() -> None:
            nonlocal next_s, is_working
            if is_working or self.plane.loop.now_s < next_s:
                return
            is_working = True  # what it asks of the cluster makes steps of its own
            try:
                rest_s = work()
            finally:
                is_working = False
            if rest_s is None:
                stop()
            else:
                next_s = self.plane.loop.now_s + rest_s

        stop = self.listen(look)
        return stop

    def close(self) -> None:
        self._is_closed = True

    def _tick(self) -> None:
        if self._is_closed or self._loop is None:
            return
        self.step()
        next_s = self.plane.loop.seconds_to_next()
        delay_s = _LONGEST_S if next_s is None else min(max(next_s, _SHORTEST_S), _LONGEST_S)
        self._loop.call_later(delay_s, self._tick)


def wait_in_kernel(seconds: float) -> None:
    """As time.sleep, but what else the kernel has to do goes on, where the browser can switch stacks."""
    run_sync = None if _looking or is_only_looking() or sys.gettrace() is not None else _run_sync()
    if run_sync is not None:
        with put_aside():
            run_sync(asyncio.sleep(seconds))
    else:
        _block(seconds)


def _block(seconds: float) -> None:
    inspect.unwrap(time.sleep)(seconds)


def sleeper(driver: Driver) -> Callable[[float], None]:
    """A time.sleep for who sleeps in a cell: the cluster, its pictures and a learner's loop go on meanwhile."""

    @functools.wraps(time.sleep)
    def sleep(seconds: float, /) -> None:
        if seconds <= 0:
            _block(seconds)
        ends_s = time.monotonic() + seconds
        while (left_s := ends_s - time.monotonic()) > 0:
            driver.pause(min(left_s, _LONGEST_S))

    return sleep


def _run_sync() -> Callable[[Awaitable[Any]], Any] | None:
    try:
        from pyodide import ffi  # type: ignore[import-not-found]  # only in a browser
    except ImportError:
        return None
    return ffi.run_sync if ffi.can_run_sync() else None


def _kernel_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that turns between cells. A browser's runs always, also where no coroutine does."""
    if sys.platform == "emscripten":
        return asyncio.get_event_loop()
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
