"""A process of a container: one of our programs, or a shell; with its standard input, its output and its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from statelab.controlplane.runtime.applets import APPLETS, wants_stdin
from statelab.controlplane.runtime.entry import Entry, becomes, prints_to_log
from statelab.controlplane.runtime.programs import Program, Task
from statelab.controlplane.runtime.session import DEADLINE, NEXT, Session
from statelab.controlplane.runtime.shells import new_shell
from statelab.controlplane.runtime.spec import SIGNALS, Stream, signal_name
from statelab.controlplane.runtime.stdin import reads_stdin
from statelab.controlplane.runtime.terminal import Terminal
from statelab.controlplane.runtime.throttle import Throttle
from statelab.controlplane.runtime.timed import TIMED
from statelab.controlplane.runtime.words import read_only
from statelab.controlplane.runtime.worker import Call

if TYPE_CHECKING:
    from statelab.controlplane.clock import Timer
    from statelab.controlplane.runtime.containers import Container
    from statelab.controlplane.runtime.shells import Shell

_MOST_AFTER_DEADLINE = 50
_HARMLESS = ("CONT", "STOP", "WINCH")


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
        self.throttle = Throttle()
        self._on_output = on_output
        self._on_end = on_end
        self._shell: Shell | None = None
        self._tasks: list[Task] = []
        self._signal: int | None = None
        self._input = b""
        self._more = False
        self._session: Session | None = None
        self._terminal: Terminal | None = None
        self._started = False
        self._deadlines: list[Timer] = []
        self._expired = 0  # commands cut short since a deadline passed

    # ---- from outside

    def write(self, data: bytes) -> None:
        """More standard input. A shell runs each line as it comes; other commands start when it is closed."""
        if self.ended or not self._more:
            return
        if self._terminal is not None:
            self._terminal.typed(data)
        else:
            self._received(data)

    def close_stdin(self) -> None:
        """There is no more. The second time does nothing."""
        if self._more:
            self._more = False
            self._input_ended()

    def signal(self, name: str) -> None:
        """A session that is not PID 1 dies of any signal that ends a process. Raises KeyError for what is no signal."""
        name = signal_name(name)
        if self.is_main:
            self.container.signal(name)
        elif name not in _HARMLESS:
            self.kill(name)

    def resize(self, width: int, height: int) -> None:
        """The terminal has another size. Nothing that runs here looks at it."""

    @property
    def is_computing(self) -> bool:
        """Whether it waits for nothing but the machine: no command of ours, a `sleep` or a client's, is going."""
        return not self.ended and not self._tasks

    def command_line(self) -> str:
        return " ".join((self.entry.name, *self.entry.arguments))

    # ---- from the container

    def start(self, stdin: bytes | None, more: bool = False) -> None:
        """`stdin`: what there is already; `more`: the rest comes by `write` until `close_stdin`."""
        self._input, self._more = stdin or b"", more
        entry = self.entry
        if self.tty and more:
            self._terminal = Terminal(
                self._received, self.close_stdin, self._interrupted, lambda data: self.output("stdout", data)
            )
        if entry.kind == "shell":
            self._session = Session(
                entry.script,
                self._run_script,
                lambda code: self._end(code, "", None),
                self.output,
                problem_of=lambda script: self._ready_shell().problem_of(script),
                prompts=self.tty,
            )
            self._session.start(self._input, more)
        elif entry.program is not None and (not more or not wants_stdin(entry.name, entry.arguments) or self.tty):
            self.container.runtime.loop.call_soon(self._run_program)
        elif entry.program is None and (not more or not reads_stdin(entry.script)):
            self._run_entry()

    def refuse(self, words: str, code: int) -> None:
        """Say why it cannot be run, and end."""

        def tell() -> None:
            self.output("stderr", f"{words}\n".encode())
            self._end(code, "", None)

        self.container.runtime.loop.call_soon(tell)

    def deliver(self, name: str) -> None:
        """A signal for PID 1: to the server it runs, to the script's trap, or to nobody."""
        handlers = [task for task in self._tasks if task.on_signal is not None]
        if self.entry.traps:
            self.container.leave_signal(name)
            waiting = [task for task in self._tasks if task.name == "statelab-wait"]
            if waiting:
                waiting[0].finish(self.container.take_signal())
                if name in ("TERM", "INT", "QUIT"):  # a trap for these leaves the shell, and its jobs go with it
                    self.stop_others(waiting[0])
        elif self.entry.program is not None or (handlers and becomes(self.entry.script, handlers[-1].name)):
            for task in handlers:
                if task.on_signal is not None:
                    task.on_signal(name)

    def look_at_jobs(self, task: Task) -> None:
        """Finish a task that waits for jobs of its script, those that it names, when none of them runs; where the shell
        does not tell, when no other program of ours does.
        """
        names = [each for each in task.argv if not each.startswith("-")]
        runs = self._shell.jobs_run(names) if self._shell is not None else None
        if not (any(each is not task for each in self._tasks) if runs is None else runs):
            task.finish(0)

    def job_ended(self) -> None:
        """Perhaps: who waits for jobs looks again."""
        for task in [each for each in self._tasks if each.name == "statelab-wait"]:
            self.look_at_jobs(task)

    def stop_others(self, task: Task) -> None:
        for each in list(self._tasks):
            if each is not task:
                each.finish(137)

    def set_deadline(self, seconds: float) -> None:
        self._expired = 0
        self._deadlines.append(
            self.container.runtime.loop.call_later(seconds, self._deadline_passed, housekeeping=True)
        )

    def deadline_over(self, code: int) -> int:
        """The command under the last deadline has ended, with this code: 124 when it was too late."""
        timer = self._deadlines.pop() if self._deadlines else None
        if timer is None or timer.callback is None:
            self._expired = 0
            return 124 if timer is not None else code
        timer.cancel()
        return code

    def _deadline_passed(self) -> None:
        self._expired = 1
        for task in list(self._tasks):
            task.finish(124)

    def kill(self, signal: str = "KILL") -> None:
        if self.ended:
            return
        self._signal = SIGNALS[signal]
        if self._shell is not None and not self._shell.ended and self._shell.busy:
            self.container.runtime.kill(self._shell)
            for task in list(self._tasks):
                task.finish(128 + self._signal)
        else:
            self._end(128 + self._signal, "", self._signal)

    # ---- messages of its shell

    def output(self, stream: Stream, data: bytes) -> None:
        if self.ended:
            return
        if stream == "stderr" and self.entry.program is None:
            data = read_only(data, self.entry.called, is_busybox=self.container.spec.has_busybox)
        if self.tty:  # a terminal has one stream, and goes back to the first column itself
            stream, data = "stdout", data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        self._on_output(stream, data)

    def called(self, call: Call, stdin: bytes) -> None:
        """Its shell runs a command of ours, and waits."""
        runtime = self.container.runtime
        if call.name == NEXT and self._session is not None:
            self._session.line_ended(call.argv, call.cwd)
            runtime.resume(call, 0)
            return
        program = _find_program(self.container, call.name)

        def finish(code: int) -> None:
            if task in self._tasks:
                self._tasks.remove(task)
            runtime.resume(call, code)
            self.job_ended()

        write: Callable[[bytes, Stream], None] = call.write
        if self.is_main and prints_to_log(self.entry.script, call.name, call.argv):
            # The shell hands out what a command prints when it has ended. A server's log is wanted before.
            write = self._write
        task = self._task(call.name, call.argv, call.env, call.cwd, stdin, write, finish)
        if self._expired and call.name != DEADLINE:
            self._expired += 1
            task.finish(124)
            if self._expired > _MOST_AFTER_DEADLINE:  # a loop that does not mind
                self.kill()
        elif program is None:
            task.fail(f"{call.name}: not found\n", 127)
        else:
            task.run(program)

    def shell_ended(self, code: int, limit: str, problem: str) -> None:
        if self._session is not None and self._signal is None and not limit:
            self._session.script_ended(code, problem)
            return
        if problem:
            self.output("stderr", f"{self.entry.name}: {problem}\n".encode())
        if limit and not self.is_main:
            self.output("stderr", f"statelab: {limit}\n".encode())
        if self._signal is not None and not limit:
            code = 128 + self._signal
        self._end(code, limit, self._signal)

    # ---- inside

    def _write(self, data: bytes, stream: Stream) -> None:
        self.output(stream, data)

    def _received(self, data: bytes) -> None:
        self._input += data
        listener = next((task.on_input for task in self._tasks if task.on_input is not None), None)
        if self._session is not None:
            self._session.received(data)
        elif listener is not None:
            listener(data)

    def _input_ended(self) -> None:
        listener = next((task.on_input for task in self._tasks if task.on_input is not None), None)
        if self._session is not None:
            self._session.closed()
        elif listener is not None:
            listener(None)
        elif self.entry.program is not None:
            self._run_program()
        else:
            self._run_entry()

    def _interrupted(self) -> None:
        """Control-C on the terminal: what runs ends; a shell goes on with its next line."""
        if self._session is None:
            self.kill("INT")
        elif self._shell is not None and not self._shell.ended and self._shell.busy:
            self._session.interrupted()
            self.container.runtime.kill(self._shell)
        else:
            self._session.dropped()

    def _task(
        self,
        name: str,
        argv: list[str] | tuple[str, ...],
        env: Mapping[str, str],
        cwd: str,
        stdin: bytes,
        write: Callable[[bytes, Stream], None],
        finish: Callable[[int], None],
    ) -> Task:
        task = Task(
            self.container, name, argv, env=env, cwd=cwd, stdin=stdin, write=write, finish=finish,
            tty=self.tty, process=self,
        )  # fmt: skip
        self._tasks.append(task)
        return task

    def _run_program(self) -> None:
        entry, container = self.entry, self.container
        if self.ended or self._started or entry.program is None:
            return
        self._started = True

        def finish(code: int) -> None:
            self._tasks.remove(task)
            self._end(code, "", self._signal)

        arguments = entry.arguments
        task = self._task(entry.name, arguments, container.env, container.working_dir, self._input, self._write, finish)
        task.run(entry.program)

    def _run_entry(self) -> None:
        if self._started:
            return  # it did not need what was still to be typed
        self._started = True
        script = self.entry.script
        if "RANDOM" in script:  # by chance, but by the cluster's: the same seed gives the same
            script = f"RANDOM={self.container.runtime.random.randrange(32768)}\n{script}"
        if self._input:
            path = f"/proc/{self.pid}/fd/0"
            self.container.root.write(path, self._input)
            script = f"{{\n{script}\n}} < {path}"
        self._run_script(script)

    def _run_script(self, script: str) -> None:
        if self.ended:
            return
        try:
            shell = self._ready_shell(script)
        except OSError as error:
            self.refuse(f"statelab: {error.filename}: {error.strerror}", 126)
            return
        self.container.runtime.run(shell, self, script)

    def _ready_shell(self, script: str = "") -> Shell:
        """`script`: all that it will ever run, where that is known."""
        if self._shell is None:
            self._shell = self._new_shell(script if self._session is None else "")
        elif self._shell.ended:
            self._shell.revive()
        return self._shell

    def _new_shell(self, script: str) -> Shell:
        container, limits = self.container, self.container.spec.limits
        programs = tuple(container.image.programs)
        commands = _commands(programs, is_main=self.is_main, is_native=True)
        worker = container.runtime.worker_for(self.entry, script, commands, is_main=self.is_main)
        if not container.runtime.is_native(worker):
            commands = _commands(programs, is_main=self.is_main, is_native=False)
        return new_shell(
            worker,
            is_busybox=container.spec.has_busybox,
            mounts=container.shell_mounts(),
            commands=commands,
            env=container.env,
            hostname=container.spec.hostname,
            username=container.user_name,
            cwd=container.working_dir,
            busy_s=container.runtime.busy_s(container),
            output_bytes=limits.output_bytes,
            exact_output=not self.is_main,
            memory_bytes=limits.memory_bytes,
        )

    def _end(self, code: int, limit: str, signal: int | None) -> None:
        if self.ended:
            return
        self.ended = True
        self.container.claim_files()
        for task in list(self._tasks):
            task.finish(137)
        if self._shell is not None and self._shell.ended:
            self._shell.close()
        self._on_end(code, limit, signal)


@lru_cache(maxsize=256)
def _commands(
    programs: tuple[str, ...], *, is_main: bool, is_native: bool
) -> Mapping[str, Callable[[Sequence[str]], bool]]:
    """What a shell asks the runtime for, and whether each wants its input first. Not to be changed.

    `is_native`: it is bashkit's. In its main script a shell's own `kill` is needed: it is how a trap is set off.
    """
    names = {*APPLETS, *(each.rpartition("/")[2] for each in programs), NEXT} - ({"kill"} if is_main else set())
    return {name: partial(wants_stdin, name) for name in (names | set(TIMED) if is_native else names)}


def _find_program(container: Container, name: str) -> Program | None:
    own = container.image.programs.get(name) or container.image.programs.get(f"/{name}")
    return own or APPLETS.get(name) or TIMED.get(name)
