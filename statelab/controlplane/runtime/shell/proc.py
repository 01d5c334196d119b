"""One strand of a shell: the shell itself, a subshell, a part of a pipeline, a background job.

It is a stack of generators: each yields what it calls, and is sent what that returns. So a script may nest as deep as
it likes without Python's stack growing, and any strand can be stopped and ended between two steps.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from statelab.controlplane.runtime.shell.streams import BrokenPipe, Null, Steps, Stream, Waiting

if TYPE_CHECKING:
    from statelab.controlplane.runtime.mounted import MountedFiles
    from statelab.controlplane.runtime.shell.shell import Shell
    from statelab.controlplane.runtime.shell.state import State
    from statelab.controlplane.runtime.worker import Call


class Exit(Exception):
    """The strand ends with a code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code & 255


class LimitReached(Exception):
    """A limit with a name: it ends the whole shell."""


class Proc:
    def __init__(self, shell: Shell, state: State, streams: dict[int, Stream], pid: int) -> None:
        self.shell = shell
        self.state = state
        self.streams = dict(streams)
        for stream in self.streams.values():
            stream.opened()
        self.pid = pid
        self.code: int | None = None
        self.jobs: list[Proc] = []
        self.children: list[Proc] = []
        self.pending: list[str] = []  # signals for which there is a trap
        self.call: Call | None = None
        self._stack: list[Generator[Any, Any, Any]] = []
        self._value: Any = None
        self._error: BaseException | None = None
        self._waiting: list[Proc] = []

    # ---- life

    def start(self, steps: Steps[int]) -> None:
        self._stack = [steps]
        self.shell.ready.append(self)

    def wake(self) -> None:
        if self.code is None and self not in self.shell.ready:
            self.shell.ready.append(self)

    def run(self, steps: int) -> int:
        """Go on for so many steps, or until it must wait. The number of steps it took."""
        for taken in range(steps):
            if not self._stack:
                return taken
            top = self._stack[-1]
            error, self._error = self._error, None
            value, self._value = self._value, None
            try:
                found = top.send(value) if error is None else top.throw(error)
            except StopIteration as returned:
                self._stack.pop()
                self._value = returned.value
                if not self._stack:
                    self.end(int(returned.value or 0))
                    return taken + 1
            except (LimitReached, MemoryError):
                raise
            except Exception as raised:
                self._stack.pop()
                self._error = raised
                if not self._stack:
                    self._ended_by(raised)
                    return taken + 1
            else:
                if isinstance(found, Waiting):
                    return -1 - taken
                self._stack.append(found)
        return steps

    def _ended_by(self, error: Exception) -> None:
        self._error = None
        if isinstance(error, Exit):
            self.end(error.code)
        elif isinstance(error, BrokenPipe):
            self.end(141)
        else:
            raise error

    def end(self, code: int) -> None:
        """It is over; the second time does nothing."""
        if self.code is not None:
            return
        self.code = code
        self.close_all()
        waiting, self._waiting = self._waiting, []
        for proc in waiting:
            proc.wake()
        self.shell.strand_ended(self)

    def close_all(self) -> None:
        """Let go of what it was doing, and of what it has open."""
        stack, self._stack = self._stack, []
        for steps in reversed(stack):
            with contextlib.suppress(RuntimeError, ValueError):  # one that runs right now ends by itself
                steps.close()
        streams, self.streams = self.streams, {}
        for stream in streams.values():
            stream.closed()

    def kill(self, code: int) -> None:
        """End it and what it started and waits for."""
        if self.code is None:
            for child in [*self.children, *self.jobs]:
                child.kill(code)
            if self.call is not None:
                self.shell.forget(self.call)
            self.end(code)

    def when_ended(self, proc: Proc) -> None:
        """`proc` waits for this one."""
        self._waiting.append(proc)

    # ---- for commands

    @property
    def files(self) -> MountedFiles:
        return self.shell.files

    @property
    def speaker(self) -> str:
        """Who it is that says why a command cannot be run."""
        return f"bash: line {self.state.line}" if self.shell.speaks_as_bash else self.state.zero

    @property
    def cannot(self) -> str:
        """As coreutils say it, or busybox."""
        return "cannot" if self.shell.speaks_as_bash else "can't"

    def stream(self, descriptor: int) -> Stream:
        return self.streams.get(descriptor, _CLOSED)

    def open(self, descriptor: int, stream: Stream) -> None:
        stream.opened()
        before = self.streams.get(descriptor)
        self.streams[descriptor] = stream
        if before is not None:
            before.closed()

    def close(self, descriptor: int) -> None:
        before = self.streams.pop(descriptor, None)
        if before is not None:
            before.closed()

    def out(self, text: str | bytes) -> Steps[None]:
        """Write to standard output. To be used with `yield from`."""
        data = encode(text)
        self.shell.work(1 + len(data) // 1000)
        yield from self.stream(1).write(self, data)

    def error(self, text: str | bytes) -> Steps[None]:
        try:
            yield from self.stream(2).write(self, encode(text))
        except OSError:
            return

    def fork(self, streams: dict[int, Stream] | None = None) -> Proc:
        return self.shell.new_proc(self.state.fork(), self.streams if streams is None else streams)


def encode(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode(errors="surrogateescape")


def decode(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


_CLOSED = Stream()
NULL = Null()
