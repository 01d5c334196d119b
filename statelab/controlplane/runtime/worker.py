"""The thread that shells run in, and how it speaks with the control plane: messages out, answers in.

All shells of a process run on one asyncio loop in one private thread, so the control plane stays synchronous and
single-threaded. What happens in a shell (`Output`, `Called`, `Ended`) comes to it through a queue. The thread starts
with the first shell, not on import, so that a process may fork before.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import queue
import sys
import threading
import time
import weakref
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from statelab.controlplane.runtime.sandbox import Shell as ThreadedShell
    from statelab.controlplane.runtime.shells import Shell

Stream = Literal["stdout", "stderr"]
_POLITE = 10  # as nice(1) counts


# ---- what a shell tells the control plane


@dataclass(frozen=True, slots=True)
class Output:
    """The shell has printed something: `take_output` has it. What is printed before it is taken comes with it."""

    shell: Shell


@dataclass(frozen=True, slots=True)
class Ended:
    """`limit`: the name of the limit that ended it, in words, or "". `problem`: why the script could not be read, or
    "".
    """

    shell: Shell
    code: int
    limit: str
    problem: str = ""


class Call:
    """A command of ours that a shell has called, and is parked on until `finish`. Used from the control plane's
    thread.
    """

    __slots__ = ("answers", "argv", "at_s", "cwd", "done", "env", "name", "on_signal", "shell")

    def __init__(self, shell: Shell, name: str, argv: Sequence[str], env: Mapping[str, str], cwd: str) -> None:
        self.shell = shell
        self.name = name
        self.argv = list(argv)
        self.env = dict(env)
        self.cwd = cwd
        self.at_s = 0.0  # when the control plane received it
        self.done = False
        self.on_signal: Callable[[str], None] | None = None
        self.answers: asyncio.Queue[tuple[str, bytes | int]] = asyncio.Queue()

    def write(self, text: str | bytes, stream: Stream = "stdout") -> None:
        if not self.done and text:
            self._answer(stream, text.encode() if isinstance(text, str) else text)

    def error(self, text: str | bytes) -> None:
        self.write(text, "stderr")

    def finish(self, code: int = 0) -> None:
        """Let the shell go on. The second time does nothing."""
        if not self.done:
            self.done = True
            self.shell.resume(self)
            self._answer("exit", code)

    def _answer(self, kind: str, value: bytes | int) -> None:
        self.shell.answer(self, kind, value)


@dataclass(frozen=True, slots=True)
class Called:
    call: Call
    stdin: bytes


Message = Output | Called | Ended


# ---- the thread


class Worker:
    """The thread that runs shells, and the queue through which they speak. `wake` is called, in that thread, after a
    message was put into an empty queue: in paced time it wakes the server's loop."""

    def __init__(self, *, polite: bool = False) -> None:
        """`polite`: shells give way to others when processors are scarce, so that a server answers its clients."""
        self._polite = polite
        self.messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.wake: Callable[[], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    @property
    def started(self) -> bool:
        """Whether a shell of this cluster has ever run: from then on it cannot be forked."""
        return self._loop is not None

    def post(self, message: Message) -> None:
        self.messages.put(message)
        if self.wake is not None:
            self.wake()

    def next_message(self) -> Message | None:
        """What a shell has said; None when there is nothing yet."""
        try:
            return self.messages.get_nowait()
        except queue.Empty:
            return None

    @property
    def is_silent(self) -> bool:
        """No shell has said anything yet that was not heard."""
        return self.messages.empty()

    def wait(self, timeout_s: float) -> Message | None:
        """As `next_message`, but wait for one."""
        try:
            return self.messages.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def soon(self, callback: Callable[..., object], *arguments: object) -> None:
        self._running_loop().call_soon_threadsafe(callback, *arguments)

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._running_loop())

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or self._pid != os.getpid():  # a fork has no threads but its own
            self._loop, self._pid = _start_thread(polite=self._polite), os.getpid()
        return self._loop


_thread: tuple[int, asyncio.AbstractEventLoop] | None = None


def _start_thread(*, polite: bool) -> asyncio.AbstractEventLoop:
    """The process' one loop for shells: clusters share it."""
    global _thread
    if _thread is None or _thread[0] != os.getpid():
        loop = asyncio.new_event_loop()

        def run() -> None:
            # On Linux a thread has a niceness of its own, and those it starts (bashkit's) inherit it.
            if polite and sys.platform == "linux":
                os.setpriority(os.PRIO_PROCESS, 0, _POLITE)
            loop.run_forever()

        threading.Thread(target=run, name="statelab-sandboxes", daemon=True).start()
        _thread = (os.getpid(), loop)
    return _thread[1]


# Shells that somebody holds: what runs of them is stopped when the process ends.
ALIVE: weakref.WeakSet[ThreadedShell] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """A shell that computes while Python shuts down would end the process with an error."""
    running = [shell for shell in list(ALIVE) if shell.stop_for_exit()]
    ends_s = time.monotonic() + 1.0
    while any(not shell.ended for shell in running) and time.monotonic() < ends_s:
        time.sleep(0.005)
