"""Commands that see or set the time of files, which bashkit's know only by the computer's clock: find, stat, touch.

In both shells they are those of the one in Python. Where bashkit's calls one, a shell in Python runs it, within the
call: it has the caller's folder and variables, and what `-exec` runs is run by it, too.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import partial

from statelab.controlplane.runtime import shells
from statelab.controlplane.runtime.applets import APPLETS, wants_stdin
from statelab.controlplane.runtime.programs import Program, Task
from statelab.controlplane.runtime.shell.shell import Shell
from statelab.controlplane.runtime.shell.turns import Turns
from statelab.controlplane.runtime.worker import Called, Ended


class _Run:
    """One run of such a command."""

    def __init__(self, task: Task) -> None:
        container = task.container
        own = {name.rpartition("/")[2]: program for name, program in container.image.programs.items()}
        self._task = task
        self._programs: Mapping[str, Program] = {**APPLETS, **own}
        self._inner: list[Task] = []
        self._turns = Turns()
        self._is_pumping = False
        self._shell = Shell(
            self._turns,
            mounts=container.shell_mounts(),
            commands={name: partial(wants_stdin, name) for name in self._programs},
            env=task.env,
            hostname=container.spec.hostname,
            username=container.user_name,
            cwd=task.cwd,
            busy_s=container.runtime.busy_s(container),
            output_bytes=container.spec.limits.output_bytes,
            memory_bytes=container.spec.limits.memory_bytes,
            speaks_as_bash=not shells.in_python,
            is_busybox=container.spec.has_busybox,
        )

    def start(self) -> None:
        self._task.on_end = self._end
        self._shell.run(shlex.join([self._task.name, *self._task.argv]))
        self._pump()

    def _end(self) -> None:
        if not self._shell.ended:
            self._shell.kill()
        for each in self._inner:
            each.finish(137)

    def _pump(self) -> None:
        """Let it run until it has ended, or all of it waits."""
        if self._is_pumping:
            return
        self._is_pumping = True
        while (message := self._turns.next_message()) is not None:
            for stream, data in self._shell.take_output():
                (self._task.write if stream == "stdout" else self._task.error)(data)
            if isinstance(message, Called):
                self._called(message)
            elif isinstance(message, Ended):
                if message.limit:
                    self._task.error(f"statelab: {message.limit}\n")
                self._task.finish(message.code)
        self._is_pumping = False

    def _called(self, message: Called) -> None:
        call, outer = message.call, self._task

        def finish(code: int) -> None:
            self._inner.remove(inner)
            call.finish(code)
            self._pump()

        inner = Task(
            outer.container, call.name, call.argv, env=call.env, cwd=call.cwd, stdin=message.stdin, write=call.write,
            finish=finish, process=outer.process,
        )  # fmt: skip
        self._shell.parked(call)
        self._inner.append(inner)
        inner.run(self._programs[call.name])


def _in_python(task: Task) -> None:
    _Run(task).start()


TIMED: Mapping[str, Program] = dict.fromkeys(("find", "stat", "touch"), _in_python)
