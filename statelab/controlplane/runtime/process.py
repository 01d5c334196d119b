"""A process of a container: one of our programs, or a shell; with its standard input, its output and its end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from statelab.controlplane.runtime.applets import APPLETS, wants_stdin
from statelab.controlplane.runtime.entry import Entry
from statelab.controlplane.runtime.files import mounts_of
from statelab.controlplane.runtime.programs import Program, Task
from statelab.controlplane.runtime.sandbox import Call, Shell
from statelab.controlplane.runtime.spec import SIGNALS, Stream, signal_name

if TYPE_CHECKING:
    from statelab.controlplane.runtime.containers import Container


class Process:
    """Made by Container.start and Container.exec. `on_end(code, limit, signal)` is called once."""

    def __init__(
        self,
        container: Container,
        pid: int,
        entry: Entry,
        on_output: Callable[[Stream, bytes], None],
        on_end: Callable[[int, str, int | None], None],
        *,
        is_main: bool,
        tty: bool,
    ) -> None:
        self.container = container
        self.pid = pid
        self.entry = entry
        self.is_main = is_main
        self.tty = tty
        self.ended = False
        self._on_output = on_output
        self._on_end = on_end
        self._shell: Shell | None = None
        self._tasks: list[Task] = []
        self._signal: int | None = None
        self._input = b""
        self._more = False
        self._busy = False  # an interactive shell runs a line

    # ---- from outside

    def write(self, data: bytes) -> None:
        """More standard input. A shell runs each line as it comes; other commands start when it is closed."""
        if not self.ended and self._more:
            self._input += data
            self._read_input()

    def close_stdin(self) -> None:
        if self._more:
            self._more = False
            self._read_input()

    def signal(self, name: str) -> None:
        """A session that is not PID 1 dies of any signal that ends a process. Raises KeyError for what is no signal."""
        name = signal_name(name)
        if name not in ("CONT", "STOP", "WINCH"):
            self.kill(name)

    def resize(self, width: int, height: int) -> None:
        """The terminal has another size. Nothing that runs here looks at it."""

    # ---- from the container

    def start(self, stdin: bytes | None, more: bool = False) -> None:
        self._input, self._more = stdin or b"", more
        entry = self.entry
        if entry.program is not None and not (more and wants_stdin(entry.name, entry.arguments)):
            self.container.runtime.loop.call_soon(self._run_program)
        elif entry.kind == "shell":
            self._read_input()
        elif not more:
            self._run_script(entry.script)

    def refuse(self, words: str, code: int) -> None:
        def tell() -> None:
            self._on_output("stderr", f"{words}\n".encode())
            self._end(code, "", None)

        self.container.runtime.loop.call_soon(tell)

    def deliver(self, name: str) -> None:
        """A signal for PID 1: to the server it runs, to the script's trap, or to nobody."""
        handlers = [task for task in self._tasks if task.on_signal is not None]
        if self.entry.traps:
            self.container.leave_signal(name)
            for task in self._tasks:
                if task.name == "statelab-wait" and not task.done:
                    task.finish(self.container.take_signal())
                    return
        elif self.entry.program is not None or (handlers and self._ends_with(handlers[-1].name)):
            for task in handlers:
                assert task.on_signal is not None
                task.on_signal(name)

    def others(self, task: Task) -> bool:
        """Whether it runs other programs of ours than this one: background jobs of its script."""
        return any(each is not task for each in self._tasks)

    def command_line(self) -> str:
        return " ".join((self.entry.name, *self.entry.arguments))

    def kill(self, signal: str = "KILL") -> None:
        if self.ended:
            return
        self._signal = SIGNALS[signal]
        if self._shell is not None and (self._shell.running or self._shell.calls):
            self._shell.kill()
            for task in list(self._tasks):
                task.finish(128 + self._signal)
        else:
            for task in list(self._tasks):
                task.finish(128 + self._signal)
            self._end(128 + self._signal, "", self._signal)

    # ---- messages of its shell

    def output(self, stream: Stream, data: bytes) -> None:
        if not self.ended:
            self._on_output(stream, data)

    def called(self, call: Call, stdin: bytes) -> None:
        """Its shell runs a command of ours, and waits."""
        program = _find_program(self.container, call.name)
        runtime = self.container.runtime

        def finish(code: int) -> None:
            if task in self._tasks:
                self._tasks.remove(task)
            runtime.resume(call, code)
            if self.is_main:
                self.container.job_ended()

        task = Task(
            self.container,
            call.name,
            call.argv,
            env=call.env,
            cwd=call.cwd,
            stdin=stdin,
            write=lambda data, stream: call.write(data, stream),
            finish=finish,
            tty=self.tty,
        )
        self._tasks.append(task)
        if program is None:
            task.fail(f"{call.name}: not found\n", 127)
        else:
            _run(program, task)

    def shell_ended(self, code: int, limit: str) -> None:
        if self.entry.kind == "shell" and not limit and self._signal is None and not self._exited():
            self._busy = False
            self._last_code = code
            self._read_input()
            return
        if self._signal is not None and not limit:
            code = 128 + self._signal
        self._end(code, limit, self._signal)

    # ---- inside

    def _ends_with(self, name: str) -> bool:
        """Whether the script's last command is this one: a shell replaces itself with it, so it is PID 1."""
        last = self.entry.script.strip().replace("&&", "\n").replace(";", "\n").replace("||", "\n").splitlines()[-1:]
        words = last[0].split() if last else []
        if words[:1] == ["exec"]:
            words = words[1:]
        return bool(words) and words[0].rpartition("/")[2] == name and words[-1] != "&"

    def _run_program(self) -> None:
        entry = self.entry
        if self.ended or entry.program is None:
            return

        def finish(code: int) -> None:
            self._tasks.remove(task)
            self._end(code, "", self._signal)

        task = Task(
            self.container,
            entry.name,
            entry.arguments,
            env=self.container.env,
            cwd=self.container.working_dir,
            stdin=self._input,
            write=lambda data, stream: self.output(stream, data),
            finish=finish,
            tty=self.tty,
        )
        self._tasks.append(task)
        _run(entry.program, task)

    def _run_script(self, script: str) -> None:
        container = self.container
        if self._shell is None:
            programs = {name.rpartition("/")[2] for name in container.image.programs}
            names = {*APPLETS, *programs} - ({"kill"} if self.is_main else set())
            self._shell = Shell(
                container.runtime.worker,
                mounts=mounts_of(container),
                commands={name: partial(wants_stdin, name) for name in names},
                env=container.env,
                hostname=container.spec.hostname,
                username="root" if container.user == 0 else str(container.user),
                cwd=container.working_dir,
                busy_s=container.spec.limits.busy_s,
                output_bytes=container.spec.limits.output_bytes,
                exact_output=not self.is_main,
                memory_bytes=container.spec.limits.memory_bytes,
            )
        if self._input:
            container.root.write(f"/proc/{self.pid}/fd/0", self._input)
            script = f"{{\n{script}\n}} < /proc/{self.pid}/fd/0"
        container.runtime.run(self._shell, self, script)

    def _read_input(self) -> None:
        """Give an interactive shell its next line; other commands, all their input once it is closed."""
        if self.entry.kind != "shell":
            if not self._more:
                if self.entry.program is not None:
                    self._run_program()
                else:
                    self._run_script(self.entry.script)
            return
        if self._busy or self.ended:
            return
        if self._more and b"\n" not in self._input:
            return
        script, self._input = self._input, b""
        if not script.strip():
            if not self._more:
                self._end(getattr(self, "_last_code", 0), "", None)
            return
        self._busy = True
        self._run_script(self.entry.script + script.decode(errors="replace"))

    def _exited(self) -> bool:
        return not self._more and not self._input

    def _end(self, code: int, limit: str, signal: int | None) -> None:
        if self.ended:
            return
        self.ended = True
        for task in list(self._tasks):
            task.finish(137)
        self._on_end(code, limit, signal)


def _find_program(container: Container, name: str) -> Program | None:
    own = container.image.programs.get(name) or container.image.programs.get(f"/{name}")
    return own or APPLETS.get(name)


def _run(program: Program, task: Task) -> None:
    """A program of ours that fails must not take the control plane with it."""
    try:
        program(task)
    except (OSError, ValueError, UnicodeError, IndexError) as error:
        task.fail(f"{task.name}: {error}\n", 1)
