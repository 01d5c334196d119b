"""What the runtime sees: a shell that runs a script and says what it prints, calls and comes to, as sandbox.Shell."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from statelab.controlplane.runtime.mounted import MountedFiles
from statelab.controlplane.runtime.shell.alike import read
from statelab.controlplane.runtime.shell.interpreter import execute
from statelab.controlplane.runtime.shell.proc import NULL, Exit, LimitReached, Proc
from statelab.controlplane.runtime.shell.running import whole
from statelab.controlplane.runtime.shell.state import State, Variable
from statelab.controlplane.runtime.shell.streams import Out, Steps, Stream
from statelab.controlplane.runtime.shell.syntax import SyntaxProblem
from statelab.controlplane.runtime.worker import Call, Called, Ended, Output
from statelab.controlplane.runtime.worker import Stream as StreamName

if TYPE_CHECKING:
    from statelab.controlplane.runtime.filetree import FileTree
    from statelab.controlplane.runtime.shell.turns import Turns

# How much a shell may do in what counts as a second: the same script meets its limit at the same place everywhere.
_STEPS_PER_S = 150_000
_MEMORY_BYTES = 32 * 1024 * 1024
_STRAND_STEPS = 50  # what a subshell costs
_SIGNALS = {"HUP": 1, "INT": 2, "QUIT": 3, "KILL": 9, "USR1": 10, "USR2": 12, "TERM": 15}


class Shell:
    """One shell: a container's process, or one exec session. Arguments as of sandbox.Shell."""

    def __init__(
        self,
        worker: Turns,
        *,
        mounts: Sequence[tuple[str, FileTree, bool]],
        commands: Mapping[str, Callable[[Sequence[str]], bool]],
        env: Mapping[str, str],
        hostname: str,
        username: str,
        cwd: str,
        busy_s: float,
        output_bytes: int,
        exact_output: bool = True,
        memory_bytes: int | None = None,
        speaks_as_bash: bool = False,
        is_busybox: bool = False,
    ) -> None:
        """`is_busybox`: its tools are busybox's.

        `speaks_as_bash`: in place of a shell of bashkit's, with its words where a command cannot be run."""
        self.worker = worker
        self.files = MountedFiles(list(mounts))
        self.hostname, self.username = hostname, username
        self.commands = commands
        self.pid = 1
        self.running = False
        self.ended = False
        self.concurrent = not speaks_as_bash  # a call does not mean that all of it waits
        self.is_dropped = False
        self.calls: list[Call] = []
        self.ready: deque[Proc] = deque()
        self.speaks_as_bash, self.is_busybox = speaks_as_bash, is_busybox
        self._trees = [tree for _, tree, _ in mounts]
        self._busy_s, self._output_bytes = busy_s, output_bytes
        self._memory_bytes = memory_bytes or _MEMORY_BYTES
        self._held = 0
        self._worked = 0
        self._printed = 0
        self._limit = ""
        self._unread: list[tuple[StreamName, bytes]] = []
        self._answers: dict[Call, tuple[list[tuple[str, bytes | int]], Proc]] = {}
        self._last_pid = 1
        self._random = random.Random(0)
        self._strands: set[Proc] = set()
        self._streams: dict[int, Stream] = {
            0: NULL,
            1: Out(lambda data: self._print("stdout", data)),
            2: Out(lambda data: self._print("stderr", data)),
        }
        self._state = State(
            self.hold,
            cwd=cwd,
            variables={name: Variable(value, exported=True) for name, value in env.items()},
            clock=lambda: self.files.now_s,
            since_s=self.files.now_s,
        )
        self._state.set("PWD", None, cwd)
        self._main: Proc | None = None

    # ---- from the runtime

    def run(self, script: str) -> None:
        """Run a script when its turn comes. What it does comes as messages; Ended is the last."""
        self.running, self.ended = True, False
        self._worked = self._printed = 0
        for tree in self._trees:
            tree.heal()
        try:
            parsed = read(script)
        except SyntaxProblem as problem:
            self._finish(2, str(problem))
            return
        except RecursionError:
            self._finish(2, "nested too deep")
            return
        self._main = self.new_proc(self._state, self._streams)
        self._main.pid = self.pid
        self._main.start(whole(self._main, execute(self._main, parsed)))
        self.worker.schedule(self)

    def kill(self, limit: str = "") -> None:
        """End it at once. Ended comes in any case."""
        self._limit = self._limit or limit
        self._stop(137)

    def heal(self) -> None:
        for tree in self._trees:
            tree.heal()

    def problem_of(self, script: str) -> str:
        try:
            read(script)
        except SyntaxProblem as problem:
            return str(problem)
        except RecursionError:
            return "nested too deep"
        return ""

    @property
    def busy(self) -> bool:
        return self.running or bool(self.calls)

    def jobs_run(self, names: Sequence[str]) -> bool:
        """Whether one of the script's jobs has not ended: of these, by number, if any are named."""
        jobs = self._main.jobs if self._main is not None else []
        return any(job.code is None for job in jobs if not names or str(job.pid) in names or "%" in names[0])

    def take_output(self) -> list[tuple[StreamName, bytes]]:
        """What was printed and not taken yet, in order; pieces of one stream put together."""
        unread, self._unread = self._unread, []
        found: list[tuple[StreamName, bytes]] = []
        for stream, data in unread:
            if found and found[-1][0] == stream and len(found[-1][1]) < 65_536:
                data = found.pop()[1] + data
            found.append((stream, data))
        return found

    def revive(self) -> None:
        self._limit = ""

    def close(self) -> None:
        if self.ended:
            self._trees = []

    def drop(self) -> None:
        self.is_dropped = True
        if not self.ended:
            self.kill()

    def abandon(self) -> None:
        """All of it waits, and for nothing: count it as ended."""
        self._stop(137)

    def parked(self, call: Call) -> None:
        self.concurrent = self.concurrent or bool(self.calls)
        self.calls.append(call)
        # bashkit's, with pipes, has its turn until it is quiet: who is answered at once goes on before others begin.
        self.running = bool(self.ready) or (self.speaks_as_bash and self.concurrent)

    def resume(self, call: Call) -> None:
        if call in self.calls:
            self.calls.remove(call)
        self.running = True

    def answer(self, call: Call, kind: str, value: bytes | int) -> None:
        """What a call is told."""
        found = self._answers.get(call)
        if found is not None:
            self._worked = self._printed = 0  # it has paused
            found[0].append((kind, value))
            found[1].wake()
            self.worker.schedule(self)

    # ---- from the turns

    def take_turn(self, steps: int) -> None:
        """Go on for so many steps, or until all of it waits."""
        try:
            while steps > 0 and self.ready and not self.ended:
                proc = self.ready.popleft()
                if proc.code is not None:
                    continue
                taken = proc.run(min(steps, 200))
                waits = taken < 0
                taken = -1 - taken if waits else taken
                steps -= taken + 1
                if not waits and proc.code is None:
                    self.ready.append(proc)
                self.work(taken)
        except LimitReached as limit:
            self._limit = self._limit or str(limit)
            self._stop(137)
        except (MemoryError, OverflowError) as error:
            self._limit = self._limit or f"memory limit exceeded: {error}"
            self._stop(137)
        except RecursionError:
            self._limit = self._limit or "limit exceeded: nested too deep"
            self._stop(137)
        except Exception as error:  # whatever goes wrong in it ends this process and no other
            self._limit = self._limit or f"{type(error).__name__}: {error}"
            self._stop(137)

    # ---- from strands

    def work(self, steps: int) -> None:
        """Raises LimitReached when it has done too much without a pause."""
        self._worked += steps
        if self._worked > self._busy_s * _STEPS_PER_S:
            raise LimitReached(f"limit exceeded: computed for {self._busy_s:g} s without a pause")

    def hold(self, size: int) -> None:
        """Raises LimitReached when its variables are too much."""
        self._held = max(self._held + size, 0)
        if size > 0:
            self._worked += size // 2_000
        if self._held > self._memory_bytes:
            raise LimitReached(f"memory limit exceeded: {self._held} bytes (limit: {self._memory_bytes})")

    def new_proc(self, state: State, streams: Mapping[int, Stream]) -> Proc:
        self._worked += _STRAND_STEPS
        self._last_pid += 1
        proc = Proc(self, state, dict(streams), self._last_pid)
        self._strands.add(proc)
        return proc

    def strand_ended(self, proc: Proc) -> None:
        self._strands.discard(proc)
        if proc is self._main:
            self._finish(proc.code or 0)
        elif self._main is not None and proc in self._main.jobs:
            self.worker.post(Output(self))  # who waits for it looks again

    def signal(self, proc: Proc, name: str) -> None:
        """It sends a signal to itself: its trap runs, or it ends."""
        main = self._main
        if main is None:
            return
        if name in main.state.traps:
            if main.state.traps[name]:
                main.pending.append(name)
        elif name in _SIGNALS and proc is main:
            raise Exit(128 + _SIGNALS[name])
        elif name in _SIGNALS:
            main.kill(128 + _SIGNALS[name])

    def called(self, call: Call, proc: Proc, stdin: bytes) -> list[tuple[str, bytes | int]]:
        answers: list[tuple[str, bytes | int]] = []
        self._answers[call] = (answers, proc)
        proc.call = call
        self.worker.post(Called(call, stdin))
        return answers

    def answered(self, call: Call, proc: Proc) -> None:
        self._answers.pop(call, None)
        proc.call = None

    def forget(self, call: Call) -> None:
        """Nobody waits for it any more."""
        self._answers.pop(call, None)
        call.finish(137)

    def random_bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)

    # ---- inside

    def _print(self, stream: StreamName, data: bytes) -> None:
        self._printed += len(data)
        if self._printed > self._output_bytes:
            raise LimitReached(f"limit exceeded: printed more than {self._output_bytes} bytes without a pause")
        self._unread.append((stream, data))
        if len(self._unread) == 1:
            self.worker.post(Output(self))

    def _stop(self, code: int) -> None:
        if self._main is not None:
            self._main.code = self._main.code if self._main.code is not None else code
        self._finish(code)

    def _finish(self, code: int, problem: str = "") -> None:
        if self.ended:
            return
        self.ended = True
        main, self._main = self._main, None
        if main is not None and not self._limit:
            self._state = main.state
        self._state.traps = {}
        strands, self._strands = self._strands, set()
        for proc in strands:
            proc.code = proc.code if proc.code is not None else 137
            proc.close_all()
            if self._limit:
                proc.state.forget()
        self.ready.clear()
        answers, self._answers = self._answers, {}
        self.worker.post(Ended(self, code, self._limit, problem))
        for call in answers:
            call.finish(137)
        self.calls = []


__all__ = ["Shell", "Steps"]
