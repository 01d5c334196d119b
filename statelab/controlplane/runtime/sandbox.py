"""The one module that knows bashkit: shells, which run in a thread of their own, and what file trees are made of.

bashkit is a bash interpreter with a file system in memory. It has no way to the host's files, network or processes;
what it needs of the world (time, network, other containers) it asks through commands that are ours: a *call*. A shell
that has called is parked until the control plane answers.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

# bashkit's threads recurse as deep as a script makes them (`eval eval eval …`): with the usual 2 MB that ends the whole
# process. Room is only reserved, not used, until a script needs it; a process is cancelled before it has used this up.
os.environ.setdefault("RUST_MIN_STACK", str(1024 * 1024 * 1024))
# One thread for each processor would be many such reservations: more than a grader's worker may have.
os.environ.setdefault("TOKIO_WORKER_THREADS", "2")

import bashkit  # it reads the variables

from statelab.controlplane.runtime import open_files
from statelab.controlplane.runtime.commands import EXTRAS
from statelab.controlplane.runtime.shells import os_error
from statelab.controlplane.runtime.worker import ALIVE, Call, Called, Ended, Output, Stream, Worker

if TYPE_CHECKING:
    from statelab.controlplane.runtime.filetree import FileTree

# A shell counts its own commands; ours is a limit on seconds between two pauses, so its count is out of reach.
# Loops are counted because awk's cannot be cancelled otherwise.
_COMMANDS = 2**31 - 1
_LOOPS_PER_S = 2_500_000
_LOOPS = 10_000_000
_FOR_EVER_S = 1e9
# How long a shell may take to notice that it was cancelled before it is left to itself.
_CANCEL_S = 3.0
# A process that has used no more than this since it was last looked at does nothing; so long it may wait for its share.
_IDLE_S = 0.0005
_STARVED_S = 20.0

# Where it stops before it is done, and says so beside an exit code of 0.
_GAVE_UP = re.compile(
    r"sed: .*loop limit .*reached|awk: fatal: .*loop iteration limit .*exceeded"
    r"|\w+: \w+ limit \(.*exceeded; output truncated"
)

# What a cluster has of bashkit's: each has three of the process' files open.
_OPEN: weakref.WeakSet[FileTree | Shell] = weakref.WeakSet()

Files = bashkit.FileSystem
process_time_s = time.process_time
Made = TypeVar("Made")


def _with_room(make: Callable[[], Made]) -> Made:
    try:
        return make()
    except RuntimeError:  # clusters that nobody holds may have the files that it needs
        open_files.collect(lambda: not any(shell.is_dropped for shell in list(ALIVE)))
        return make()


def new_files(tree: FileTree) -> Files:
    """An empty file system for a tree, which holds it. Raises RuntimeError when there is no more room for one."""
    open_files.before_one_more(_OPEN)
    files = _with_room(bashkit.FileSystem)
    _OPEN.add(tree)
    for name in ("tmp", "home", "dev"):  # a new one is not empty
        files.remove("/" + name, True)
    return files


# ---- a shell


def _weakly(shell: Shell) -> Callable[[bashkit.CommandContext], Awaitable[int]]:
    """`shell._command`, without holding the shell: bashkit's objects are not known to Python's garbage collection, so
    a shell that its bash held would stay for ever, and three of the process' open files with it.
    """
    held = weakref.ref(shell)

    async def command(context: bashkit.CommandContext) -> int:
        found = held()
        return 137 if found is None else await found._command(context)

    return command


async def _not_found(context: bashkit.CommandContext) -> int:
    await context.stderr.write(f"sh: {context.name}: not found\n".encode())
    return 127


class Shell:
    """One bash: a container's process, or one exec session. Its file system is mounted, not its own.

    `mounts`: (path, tree, read only), outermost first. `commands`: names of ours, each a call; the function
    says, given the arguments, whether it wants all its standard input first. `busy_s`: seconds it may compute, and
    `output_bytes` what it may print, without a pause. `exact_output`: byte for byte, but not in step with our commands.
    """

    def __init__(
        self,
        worker: Worker,
        *,
        mounts: Sequence[tuple[str, FileTree, bool]],
        commands: Mapping[str, Callable[[Sequence[str]], bool]],
        env: Mapping[str, str],
        hostname: str,
        username: str,
        cwd: str,
        busy_s: float,
        output_bytes: int,
        exact_output: bool,
        memory_bytes: int | None = None,
    ) -> None:
        self.worker = worker
        self._commands = commands
        self._busy_s = busy_s
        self._output_bytes = output_bytes
        self._exact_output = exact_output
        self._printed = 0
        self._unread: list[tuple[Stream, bytes]] = []
        self._lock = threading.Lock()
        self._watch: asyncio.TimerHandle | None = None
        self._began_s = self._used_s = self._seen_s = 0.0  # when its watch began; what the process had used, and has
        self._limit = ""
        self._killed = False
        self.is_dropped = False
        self.running = False  # between start, or the answer to a call, and the next call or the end
        self.ended = False
        self.concurrent = False  # it has background jobs or pipes: a call does not mean that all of it waits
        self.calls: list[Call] = []
        open_files.before_one_more(_OPEN)
        self._trees = [tree for _, tree, _ in mounts]
        make = partial(
            bashkit.Bash,
            username=username,
            hostname=hostname,
            cwd=cwd,
            env=dict(env),
            max_commands=_COMMANDS,
            max_loop_iterations=min(_LOOPS, int(busy_s * _LOOPS_PER_S)),
            max_memory=memory_bytes,
            timeout_seconds=_FOR_EVER_S,
            profile=bashkit.ExecutionProfile.Interactive,
        )
        try:
            self._bash = _with_room(make)
            for path, tree, read_only in mounts:
                tree.heal()
                self._bash.mount(path, cast(Files, tree.handle), read_only=read_only)
        except RuntimeError as error:
            raise os_error(error, "/bin/sh") from None
        ALIVE.add(self)
        _OPEN.add(self)
        command = _weakly(self)
        for name in commands:
            self._bash.add_command(name, command)
        for name in EXTRAS:
            self._bash.add_command(name, _not_found)

    # ---- from the control plane's thread

    def run(self, script: str) -> None:
        """Run a script in this shell. What it does comes as messages; Ended is the last."""
        self.running, self.ended = True, False
        self.worker.spawn(self._run(script))

    def kill(self, limit: str = "") -> None:
        """End it at the next command. Ended comes in any case."""
        self._killed = True
        self._limit = self._limit or limit
        self._bash.cancel()
        for call in list(self.calls):
            call.finish(137)
        self.worker.soon(self._give_up_later)

    def heal(self) -> None:
        for tree in self._trees:
            tree.heal()

    def problem_of(self, script: str) -> str:
        """Why a script cannot be read, or "". Only while the shell is not busy."""
        try:
            self._bash.analyze(script)
        except Exception as error:  # bashkit.BashError, or what its parser raises
            return str(error).rpartition("parse error at ")[2]
        return ""

    @property
    def busy(self) -> bool:
        """It runs, or waits for the answer to a call."""
        return self.running or bool(self.calls)

    def jobs_run(self, names: Sequence[str]) -> bool | None:
        """It does not tell."""
        return None

    def take_output(self) -> list[tuple[Stream, bytes]]:
        """What was printed and not taken yet, in order; pieces of one stream put together."""
        with self._lock:
            unread, self._unread = self._unread, []
        found: list[tuple[Stream, bytes]] = []
        for stream, data in unread:
            if found and found[-1][0] == stream and len(found[-1][1]) < 65536:
                data = found.pop()[1] + data
            found.append((stream, data))
        return found

    def revive(self) -> None:
        """Make a shell that was killed, and has ended, fit for another script: its variables and directory are as
        they were.
        """
        self._killed, self._limit = False, ""
        self._bash.clear_cancel()

    def close(self) -> None:
        """It has ended and nobody will run anything in it: let go of the open files that bash has."""
        if self.ended:
            self._let_go()

    def drop(self) -> None:
        """Its cluster is gone: end it, whatever it does or waits for, and let go of all it has open."""
        self.is_dropped = True
        _OPEN.discard(self)
        if self.ended:
            self._let_go()
        else:
            self.kill()

    def _let_go(self) -> None:
        ALIVE.discard(self)
        _OPEN.discard(self)
        self._trees = []
        vars(self).pop("_bash", None)

    def stop_for_exit(self) -> bool:
        """The process ends: cancel what runs; whether something did."""
        if self.running and not self.ended:
            self._killed = True
            self._bash.cancel()
            return True
        return False

    def abandon(self) -> None:
        """It does not answer: count it as ended."""
        self.worker.soon(self._end, 137)

    def resume(self, call: Call) -> None:
        if call in self.calls:
            self.calls.remove(call)
        self.running = True

    def answer(self, call: Call, kind: str, value: bytes | int) -> None:
        """What a call is told: the shells' thread takes it."""
        self.worker.soon(call.answers.put_nowait, (kind, value))

    def parked(self, call: Call) -> None:
        """The control plane has received a call of this shell."""
        self.concurrent = self.concurrent or bool(self.calls)
        self.calls.append(call)
        self.running = self.concurrent

    # ---- in the shells' thread

    async def _run(self, script: str) -> None:
        self._start_watch()
        code, problem = 1, ""
        try:
            result = await self._execute(script)
            code = result.exit_code
            words = result.error or ""
            if words and not self._limit and not self._killed:
                if "memory limit" in words or "intermediate bytes" in words:
                    self._limit, code = words if "memory" in words else f"memory limit exceeded: {words}", 137
                elif "limit exceeded" in words:
                    self._limit = words
                elif "parse error" in words:
                    problem, code = words.rpartition("parse error at ")[2], 2
                else:
                    self._print("stderr", f"sh: {words}\n".encode())
        except BaseException as error:  # whatever the interpreter raises, a panic too, ends this process and no other
            self._limit = self._limit or f"{type(error).__name__}: {error}"
        self._end(137 if self._killed else code, problem)

    async def _execute(self, script: str) -> bashkit.ExecResult:
        # bashkit has two ways to hand out what is printed: as text, in step with our commands; or as bytes, a little
        # later.
        if not self._exact_output:

            def on_output(stdout: str, stderr: str) -> None:
                for stream, text in (("stdout", stdout), ("stderr", stderr)):
                    if text:
                        self._print("stdout" if stream == "stdout" else "stderr", text.encode())

            return await self._bash.execute(script, on_output)

        async def stdout(data: bytes) -> None:
            self._print("stdout", data)

        async def stderr(data: bytes) -> None:
            self._print("stderr", data)
            limit = _GAVE_UP.search(data.decode(errors="replace"))
            if limit and not self._killed:
                self._stop(f"limit exceeded: {limit[0]}")

        return await self._bash.execute(script, capture=0, stdout=stdout, stderr=stderr)

    def _print(self, stream: Stream, data: bytes) -> None:
        self._printed += len(data)
        if self._printed <= self._output_bytes:
            with self._lock:
                is_first = not self._unread
                self._unread.append((stream, data))
            if is_first:
                self.worker.post(Output(self))
        elif not self._killed:
            self._stop(f"limit exceeded: printed more than {self._output_bytes} bytes without a pause")

    def _end(self, code: int, problem: str = "") -> None:
        self._stop_watch()
        if not self.ended:
            self.ended = True
            self.worker.post(Ended(self, code, self._limit, problem))
            if self.is_dropped:
                self._let_go()

    async def _command(self, context: bashkit.CommandContext) -> int:
        stdin = b""
        if self._commands[context.name](context.argv):
            while (chunk := await context.stdin.read_chunk()) is not None:
                stdin += chunk
        call = Call(self, context.name, context.argv, context.env, context.cwd)
        self._stop_watch()
        self.worker.post(Called(call, stdin))
        while True:
            kind, value = await call.answers.get()
            if isinstance(value, int):
                self._start_watch()
                return value
            await (context.stdout if kind == "stdout" else context.stderr).write(value)

    def _start_watch(self) -> None:
        self._printed = 0
        if self._watch is None:
            self._began_s, self._used_s, self._seen_s = time.monotonic(), process_time_s(), -1.0
            self._watch = asyncio.get_running_loop().call_later(self._busy_s, self._too_busy)

    def _stop_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _too_busy(self) -> None:
        # On a machine that has little time for it, it goes on until it has had its share.
        used_s = process_time_s() - self._used_s
        left_s = self._busy_s - used_s
        goes_on = used_s > self._seen_s + _IDLE_S and time.monotonic() - self._began_s < _STARVED_S
        if left_s > _IDLE_S and goes_on:
            self._seen_s = used_s
            self._watch = asyncio.get_running_loop().call_later(left_s, self._too_busy)
            return
        self._watch = None
        self._stop(f"limit exceeded: computed for {self._busy_s:g} s without a pause")

    def _stop(self, limit: str) -> None:
        self._limit = self._limit or limit
        self._killed = True
        self._bash.cancel()
        self.worker.soon(self._give_up_later)

    def _give_up_later(self) -> None:
        asyncio.get_running_loop().call_later(_CANCEL_S, self._end, 137)
