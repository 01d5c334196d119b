"""The one module that knows bashkit: file trees, and shells that run in a thread of their own.

bashkit is a bash interpreter with a file system in memory. It has no way to the host's files, network or processes;
what it needs of the world (time, network, other containers) it asks through commands that are ours: a *call*. A shell
that has called is parked until the control plane answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

# bashkit's threads recurse as deep as a script makes them (`eval eval eval …`): with the usual 2 MB that ends the whole
# process. Room is only reserved, not used, until a script needs it; a process is cancelled before it has used this up.
os.environ.setdefault("RUST_MIN_STACK", str(1024 * 1024 * 1024))
# One thread for each processor would be many such reservations: more than a grader's worker may have.
os.environ.setdefault("TOKIO_WORKER_THREADS", "2")

import bashkit  # it reads the variables

from statelab.controlplane.runtime import open_files
from statelab.controlplane.runtime.worker import ALIVE, Call, Called, Ended, Output, Stream, Worker

FileKind = Literal["file", "directory", "symlink"]

# A shell counts its own commands; ours is a limit on wall seconds between two pauses, so its count is out of reach.
# Loops are counted because awk's cannot be cancelled otherwise.
_COMMANDS = 2**31 - 1
_LOOPS = 10_000_000
_FOR_EVER_S = 1e9
# How long a shell may take to notice that it was cancelled before it is left to itself.
_CANCEL_S = 3.0


def join(base: str, path: str) -> str:
    """An absolute path without ".", ".." and doubled slashes."""
    parts: list[str] = []
    for part in (path if path.startswith("/") else f"{base}/{path}").split("/"):
        if part == "..":
            del parts[-1:]
        elif part and part != ".":
            parts.append(part)
    return "/" + "/".join(parts)


# ---- files

_WRITTEN_DOWN = 65_536  # the largest file that is not given to bashkit at once, in bytes


# What a cluster has of bashkit's: each has three of the process' files open.
_OPEN: weakref.WeakSet[FileTree | Shell] = weakref.WeakSet()

Made = TypeVar("Made")


def _with_room(make: Callable[[], Made]) -> Made:
    try:
        return make()
    except RuntimeError:  # clusters that nobody holds may have the files that it needs
        open_files.collect(lambda: not any(shell.is_dropped for shell in list(ALIVE)))
        return make()


@dataclass(frozen=True, slots=True)
class Entry:
    path: str
    kind: FileKind
    mode: int
    size: int
    modified_s: float


class FileTree:
    """Files in memory, to be mounted into shells. Paths are absolute. Symbolic links are followed inside the tree only.

    Reading and writing raise FileNotFoundError, IsADirectoryError, NotADirectoryError, or OSError with bashkit's words
    (a file over 10 MB, too many files).
    """

    def __init__(self, handle: bashkit.FileSystem | None = None) -> None:
        """Without a `handle`, an empty tree. It is a bashkit one (16 KB) from when somebody asks for more than to read
        what has been written: most containers only ever read a few of their files.
        """
        self._handle = handle
        self._files: dict[str, tuple[bytes, int | None]] = {}  # what a bashkit tree is to be made of
        self._directories: dict[str, int | None] = {}  # with those above them; their modes

    @property
    def handle(self) -> bashkit.FileSystem:
        if self._handle is None:
            open_files.before_one_more(_OPEN)
            handle = _with_room(bashkit.FileSystem)
            _OPEN.add(self)
            for name in ("tmp", "home", "dev"):  # a new one is not empty
                handle.remove("/" + name, True)
            self._handle = handle
            files, directories, self._files, self._directories = self._files, self._directories, {}, {}
            for path, mode in directories.items():
                handle.mkdir(path, True)
                if mode is not None:
                    handle.chmod(path, mode)
            for path, (content, mode) in files.items():
                self.write(path, content, mode)
        return self._handle

    def _is_plain(self, path: str) -> bool:
        """Nothing but reading and writing has been asked of the tree, and the path is as it is written down here."""
        return self._handle is None and path == join("/", path)

    def _note(self, path: str) -> bool:
        """Write a directory down, and those above it. False where a file stands in the way."""
        if path in self._files:
            return False
        above = path.rpartition("/")[0]
        if path != "/" and path not in self._directories:
            if above and not self._note(above):
                return False
            self._directories[path] = None
        return True

    def heal(self) -> None:
        """Make its root again if a shell has removed it (`rm -rf /data`), which no mount point would have allowed."""
        if self._handle is not None and not self._handle.exists("/"):
            self._handle.mkdir("/")

    def read(self, path: str) -> bytes:
        if self._is_plain(path) and path in self._files:
            return self._files[path][0]
        try:
            return self.handle.read_file(path)
        except RuntimeError as error:
            raise _os_error(error, path) from None

    def write(self, path: str, content: bytes, mode: int | None = None) -> None:
        is_new = path not in self._directories and path != "/" and len(content) <= _WRITTEN_DOWN
        if is_new and self._is_plain(path) and self._note(path.rpartition("/")[0] or "/"):
            self._files[path] = (content, mode if mode is not None else self._files.get(path, (b"", None))[1])
            return
        try:
            parent = path.rpartition("/")[0]
            if parent and not self.handle.exists(parent):
                self.handle.mkdir(parent, True)
            self.handle.write_file(path, content)
            if mode is not None:
                self.handle.chmod(path, mode)
        except RuntimeError as error:
            raise _os_error(error, path) from None

    def append(self, path: str, content: bytes) -> None:
        try:
            if self.handle.exists(path):
                self.handle.append_file(path, content)
            else:
                self.write(path, content)
        except RuntimeError as error:
            raise _os_error(error, path) from None

    def mkdir(self, path: str) -> None:
        if self._is_plain(path) and self._note(path):
            return
        try:
            self.handle.mkdir(path, True)
        except RuntimeError as error:
            raise _os_error(error, path) from None

    def symlink(self, target: str, path: str) -> None:
        parent = path.rpartition("/")[0]
        try:
            if parent:
                self.handle.mkdir(parent, True)
            self.handle.symlink(target, path)
        except RuntimeError as error:
            raise _os_error(error, path) from None

    def chmod(self, path: str, mode: int) -> None:
        if self._is_plain(path) and path in self._directories:
            self._directories[path] = mode
            return
        try:
            self.handle.chmod(path, mode)
        except RuntimeError as error:
            raise _os_error(error, path) from None

    def remove(self, path: str) -> None:
        """With everything below. Nothing there is no error."""
        try:
            if self.handle.exists(path) or self.is_symlink(path):
                self.handle.remove(path, True)
        except RuntimeError as error:
            raise _os_error(error, path) from None

    def exists(self, path: str) -> bool:
        if self._is_plain(path):
            return path == "/" or path in self._files or path in self._directories
        try:
            return self.handle.exists(path)
        except RuntimeError:  # a name too long, a path too deep
            return False

    def stat(self, path: str) -> Entry:
        try:
            found = self.handle.stat(path)
        except RuntimeError as error:
            raise _os_error(error, path) from None
        return _entry(path, found)

    def is_directory(self, path: str) -> bool:
        if self._is_plain(path):
            return path == "/" or path in self._directories
        try:
            return path == "/" or self.stat(path).kind == "directory"
        except OSError:
            return False

    def is_symlink(self, path: str) -> bool:
        if self._is_plain(path):
            return False
        try:
            self.handle.read_link(path)
        except RuntimeError:
            return False
        return True

    def read_link(self, path: str) -> str:
        try:
            return self.handle.read_link(path)
        except RuntimeError as error:
            raise _os_error(error, path) from None

    def names(self, path: str) -> list[str]:
        if self._is_plain(path) and self.is_directory(path):
            inside = path.rstrip("/") + "/"
            below = (each[len(inside) :] for each in (*self._files, *self._directories) if each.startswith(inside))
            return sorted(name for name in below if name and "/" not in name)
        return [entry.path.rpartition("/")[2] for entry in self.entries(path)]

    def entries(self, path: str) -> list[Entry]:
        """What is in a directory, sorted by name."""
        try:
            found = self.handle.read_dir(path)
        except RuntimeError as error:
            raise _os_error(error, path) from None
        prefix = path.rstrip("/") + "/"
        return sorted((_entry(prefix + each["name"], each["metadata"]) for each in found), key=lambda entry: entry.path)

    def walk(self, path: str = "/") -> Iterator[Entry]:
        """`path` and everything below it, a directory before what is in it."""
        entry = Entry("/", "directory", 0o755, 0, 0.0) if path == "/" else self.stat(path)
        waiting = [entry]
        while waiting:
            entry = waiting.pop()
            yield entry
            if entry.kind == "directory":
                with contextlib.suppress(FileNotFoundError):  # a shell that runs has just removed it
                    waiting.extend(reversed(self.entries(entry.path)))


def _entry(path: str, found: Mapping[str, Any]) -> Entry:
    kind: FileKind = found["file_type"] if found["file_type"] in ("directory", "symlink") else "file"
    return Entry(path, kind, int(found["mode"]) & 0o7777, int(found["size"]), float(found["modified"]))


def _os_error(error: RuntimeError, path: str) -> OSError:
    text = str(error).removeprefix("io error: ")
    if "not found" in text:
        return FileNotFoundError(2, "No such file or directory", path)
    if text == "is a directory":
        return IsADirectoryError(21, "Is a directory", path)
    if text == "not a directory":
        return NotADirectoryError(20, "Not a directory", path)
    if "Too many open files" in text:
        return OSError(errno.EMFILE, open_files.FULL, path)
    return OSError(28 if "limit" in text or "too many" in text else 5, text, path)


# ---- a shell

# bashkit's own extras, which no image has. jq is among them because it cannot be cancelled.
_REMOVED = (
    "assert", "csv", "dotenv", "glob", "http", "jq", "json", "log", "make", "parallel", "retry", "rg", "semver", "sudo",
    "template", "tomlq", "verify", "yq",
)  # fmt: skip


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
    says, given the arguments, whether it wants all its standard input first. `busy_s`: wall seconds it may compute, and
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
            max_loop_iterations=_LOOPS,
            max_memory=memory_bytes,
            timeout_seconds=_FOR_EVER_S,
            profile=bashkit.ExecutionProfile.Interactive,
        )
        try:
            self._bash = _with_room(make)
            for path, tree, read_only in mounts:
                tree.heal()
                self._bash.mount(path, tree.handle, read_only=read_only)
        except RuntimeError as error:
            raise _os_error(error, "/bin/sh") from None
        ALIVE.add(self)
        _OPEN.add(self)
        command = _weakly(self)
        for name in commands:
            self._bash.add_command(name, command)
        for name in _REMOVED:
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
            self._watch = asyncio.get_running_loop().call_later(self._busy_s, self._too_busy)

    def _stop_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _too_busy(self) -> None:
        self._watch = None
        self._stop(f"limit exceeded: computed for {self._busy_s:g} s without a pause")

    def _stop(self, limit: str) -> None:
        self._limit = self._limit or limit
        self._killed = True
        self._bash.cancel()
        self.worker.soon(self._give_up_later)

    def _give_up_later(self) -> None:
        asyncio.get_running_loop().call_later(_CANCEL_S, self._end, 137)
