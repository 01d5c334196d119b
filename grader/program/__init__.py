"""An answer that is a program: a learner's loop, run in the sandbox, that asks its questions over a pipe.

The cluster stays with us, in virtual time; the loop is in another process that has neither network nor files, and every
question is a line of JSON that is bounded and looked at. Where no other process can be had, on a learner's own machine
(Windows, a browser's tab), the same loop runs in this one with a bound on its steps: nobody's but the learner's own.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from grader import sandbox
from grader.program import inside
from grader.program.mode import Execute
from grader.sandbox import Confinement, Mode, NoSandbox

Handle = Callable[[dict[str, Any]], dict[str, Any]]
MOST_LINE = 100_000  # bytes of one question
SILENT_S = 20.0  # of wall time without a word
CONFINEMENT = Confinement(cpu_s=4, memory_bytes=512 * 1024**2, file_bytes=1_000_000, processes=16)
STOPPED = "It was stopped: it used more memory or time than it may, or ended its own process."
TOLD_TOO_MUCH = "It asked a question of more than 100,000 characters, and was stopped."


@dataclass(frozen=True, slots=True)
class Done:
    """How a call ended: what went wrong, where; `is_fatal`: nothing more can be asked of this program."""

    error: str = ""
    line: int | None = None
    is_fatal: bool = False


class Runner(Protocol):
    """A loop that can be begun anew, and called."""

    def begin(self, code: str, handle: Handle) -> Done: ...
    def call(self, handle: Handle) -> Done: ...


@contextmanager
def runner(execute: Execute) -> Iterator[Runner]:
    """What runs a loop. Raises NoSandbox where nothing may be run."""
    if execute == "own" and not has_processes():
        yield InThisProcess()
        return
    mode = _own_mode() if execute == "own" else execute
    script = str(Path(inside.__file__))
    argv = [sys.executable, "-I", "-S", script]
    with sandbox.talking(argv, mode=mode, confinement=CONFINEMENT) as (to, from_):
        yield InAnother(to, from_)


def _own_mode() -> Mode:
    try:
        sandbox.check("sandbox")
    except NoSandbox:
        return "unprotected"
    return "sandbox"


def has_processes() -> bool:
    """Whether this machine can start another process and limit what it uses."""
    return sys.platform not in ("win32", "emscripten")


class InThisProcess:
    """For a learner's own machine that knows no other way: bounded in its steps."""

    def __init__(self) -> None:
        self._program: inside.Program | None = None
        self._handle: Handle | None = None

    def begin(self, code: str, handle: Handle) -> Done:
        self._program, self._handle = None, handle

        def make() -> None:
            self._program = inside.Program(code, self._ask, counts_steps=True)

        return self._done(make)

    def call(self, handle: Handle) -> Done:
        self._handle = handle
        program = self._program
        return self._done(program.call) if program is not None else Done(STOPPED, None, is_fatal=True)

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._handle is not None
        before = sys.gettrace()
        sys.settrace(None)  # our own steps are not the loop's
        try:
            return self._handle(json.loads(json.dumps(question)))
        finally:
            sys.settrace(before)

    def _done(self, work: Callable[[], None]) -> Done:
        try:
            work()
        except inside.Ended:
            return Done()
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            found = inside.told(error)
            return Done(found["error"], found["line"], found["fatal"])
        return Done()


class InAnother:
    """The other end of the pipe. What comes from there is looked at, and believed in nothing."""

    def __init__(self, to: int, from_: int) -> None:
        self._to, self._from = to, from_
        self._rest = b""
        self._over: Done | None = None

    def begin(self, code: str, handle: Handle) -> Done:
        return self._work({"begin": code}, handle)

    def call(self, handle: Handle) -> Done:
        return self._work({"call": True}, handle)

    def _work(self, order: dict[str, Any], handle: Handle) -> Done:
        if self._over is None and not self._say(order):
            self._over = Done(STOPPED, None, is_fatal=True)
        while self._over is None:
            said = self._line()
            if said is None:
                self._over = self._over or Done(STOPPED, None, is_fatal=True)
            elif isinstance(said.get("done"), dict):
                return _done(said["done"])
            elif isinstance(said.get("ask"), dict):
                if not self._say(handle(said["ask"])):
                    self._over = Done(STOPPED, None, is_fatal=True)
            else:
                self._over = Done(STOPPED, None, is_fatal=True)
        return self._over

    def _say(self, value: dict[str, Any]) -> bool:
        data = (json.dumps(value) + "\n").encode()
        try:
            while data:
                _, ready, _ = select.select([], [self._to], [], SILENT_S)
                if not ready:
                    return False
                data = data[os.write(self._to, data[:65_536]) :]
        except OSError:
            return False
        return True

    def _line(self) -> dict[str, Any] | None:
        until_s = time.monotonic() + SILENT_S
        while b"\n" not in self._rest:
            if len(self._rest) > MOST_LINE:
                self._over = Done(TOLD_TOO_MUCH, None, is_fatal=True)
                return None
            ready, _, _ = select.select([self._from], [], [], max(0.0, until_s - time.monotonic()))
            data = os.read(self._from, 65_536) if ready else b""
            if not data:
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None


def _done(said: dict[str, Any]) -> Done:
    error, line = said.get("error"), said.get("line")
    text = error[:400] if isinstance(error, str) else ""
    return Done(text, line if isinstance(line, int) else None, is_fatal=bool(text) and said.get("fatal") is True)


__all__ = ["Done", "Handle", "NoSandbox", "Runner", "has_processes", "runner"]
