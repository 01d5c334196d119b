"""A program of ours that runs in a container: an applet (`curl`, `sleep`) or a server (`nginx`).

A program is a function that is given a Task. It may finish the task before it returns, or keep it and finish later:
when time has passed, an answer has come, a signal was sent. All of it happens in the control plane's one thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from statelab.controlplane.runtime.paths import join
from statelab.controlplane.runtime.spec import Stream

if TYPE_CHECKING:
    from statelab.controlplane.clock import Loop
    from statelab.controlplane.runtime.containers import Container
    from statelab.controlplane.runtime.mounted import MountedFiles
    from statelab.controlplane.runtime.network import Network
    from statelab.controlplane.runtime.process import Process

log = logging.getLogger(__name__)
Program = Callable[["Task"], None]


class Task:
    """One run of a program: its arguments (without its name), what it was given, and how it answers.

    `on_signal` is called with "TERM", "INT" …; a program that sets none is not disturbed by signals (it is PID 1 or
    the shell's child). `on_end` is called once when the task is over, by whatever means: close what you opened there.
    `on_input` is given what is typed on a terminal, and None at its end.
    """

    def __init__(
        self,
        container: Container,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: str,
        stdin: bytes,
        write: Callable[[bytes, Stream], None],
        finish: Callable[[int], None],
        tty: bool = False,
        process: Process | None = None,
    ) -> None:
        self.container = container
        self.name = name
        self.argv = list(argv)
        self.env = dict(env)
        self.cwd = cwd
        self.stdin = stdin
        self.tty = tty
        self.process = process
        self.done = False
        self.on_signal: Callable[[str], None] | None = None
        self.on_end: Callable[[], None] | None = None
        self.on_input: Callable[[bytes | None], None] | None = None
        self._write = write
        self._finish = finish

    @property
    def loop(self) -> Loop:
        return self.container.runtime.loop

    @property
    def network(self) -> Network:
        return self.container.runtime.network

    @property
    def files(self) -> MountedFiles:
        return self.container.files

    @property
    def ip(self) -> str:
        return self.container.spec.pod_ip

    def path(self, name: str) -> str:
        """A path argument, absolute."""
        return join(self.cwd, name)

    def write(self, text: str | bytes) -> None:
        if not self.done and text:
            self._write(text.encode() if isinstance(text, str) else text, "stdout")

    def error(self, text: str | bytes) -> None:
        if not self.done and text:
            self._write(text.encode() if isinstance(text, str) else text, "stderr")

    def finish(self, code: int = 0) -> None:
        """It is over; the second time does nothing."""
        if self.done:
            return
        self.done = True
        on_end, self.on_end = self.on_end, None
        if on_end is not None:
            on_end()
        self._finish(code)

    def fail(self, text: str, code: int = 1) -> None:
        self.error(text)
        self.finish(code)

    def after(self, delay_s: float, callback: Callable[[], None], *, housekeeping: bool = False) -> None:
        """Call back later, unless the task is over by then."""
        self.loop.call_later(delay_s, lambda: None if self.done else self.guarded(callback), housekeeping=housekeeping)

    def run(self, program: Program) -> None:
        self.guarded(lambda: program(self))

    def guarded(self, callback: Callable[[], None]) -> None:
        """A program that meets what it did not expect (a file that cannot be written, odd arguments) ends; nothing
        else.
        """
        try:
            callback()
        except (OSError, ValueError, LookupError, ArithmeticError) as error:
            words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self.fail(f"{self.name}: {words}\n", 1)
        except Exception:  # a mistake of ours costs the program, not the cluster
            log.exception("%s %s", self.name, self.argv)
            self.fail(f"statelab: {self.name} failed\n", 1)
