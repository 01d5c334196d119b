"""What a descriptor leads to: a file, a pipe, the log, some bytes. Reading and writing may mean waiting for others."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from statelab.controlplane.runtime.mounted import MountedFiles
    from statelab.controlplane.runtime.shell.proc import Proc

T = TypeVar("T")
# What a command is while it runs: it gives way whenever it yields, and goes on with what it is sent.
Steps = Generator[Any, Any, T]

_PIPE_BYTES = 65_536
_CHUNK_BYTES = 65_536


class Waiting:
    """Yielded by whoever has put itself on somebody's list and is to be woken."""


WAITING = Waiting()


class BrokenPipe(Exception):
    """Nobody reads what is written: the process ends as of SIGPIPE."""


class Stream:
    """A descriptor's other end. This one can neither be read nor written."""

    is_terminal = False

    def read(self, proc: Proc) -> Steps[bytes]:
        """What there is; b"" at the end."""
        raise OSError(9, "Bad file descriptor")
        yield

    def read_line(self, proc: Proc, end: bytes = b"\n") -> Steps[bytes]:
        """Up to and with `end`; without it at the end of all."""
        raise OSError(9, "Bad file descriptor")
        yield

    def write(self, proc: Proc, data: bytes) -> Steps[None]:
        raise OSError(9, "Bad file descriptor")
        yield

    def opened(self) -> None:
        """One more descriptor leads here."""

    def closed(self) -> None:
        """One fewer does."""


class Bytes(Stream):
    """Some bytes to read: a here document, the input a process was given."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def read(self, proc: Proc) -> Steps[bytes]:
        found = self.data[self.at :]
        self.at = len(self.data)
        return found
        yield

    def read_line(self, proc: Proc, end: bytes = b"\n") -> Steps[bytes]:
        found = self.data.find(end, self.at)
        stop = len(self.data) if found < 0 else found + len(end)
        line, self.at = self.data[self.at : stop], stop
        return line
        yield


class Zeros(Stream):
    """/dev/zero and its like: `make(count)` gives the next bytes."""

    def __init__(self, make: Callable[[int], bytes]) -> None:
        self.make = make

    def read(self, proc: Proc) -> Steps[bytes]:
        proc.shell.work(200)
        return self.make(_CHUNK_BYTES)
        yield

    def read_line(self, proc: Proc, end: bytes = b"\n") -> Steps[bytes]:
        while True:  # a line that does not end is never read: the limit ends it
            chunk = yield from self.read(proc)
            if end in chunk:
                return chunk[: chunk.index(end) + len(end)]

    def write(self, proc: Proc, data: bytes) -> Steps[None]:
        return
        yield


class Null(Stream):
    def read(self, proc: Proc) -> Steps[bytes]:
        return b""
        yield

    def read_line(self, proc: Proc, end: bytes = b"\n") -> Steps[bytes]:
        return b""
        yield

    def write(self, proc: Proc, data: bytes) -> Steps[None]:
        return
        yield


class Out(Stream):
    """Where a shell's own output goes: `take(data)`."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self.take = take

    def write(self, proc: Proc, data: bytes) -> Steps[None]:
        if data:
            self.take(data)
        return
        yield


class Capture(Stream):
    """What `$(…)` takes. More than `most` bytes are let go."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.data = bytearray()

    def write(self, proc: Proc, data: bytes) -> Steps[None]:
        if len(self.data) + len(data) > self.most:
            raise OSError(27, f"limit exceeded: more than {self.most} bytes taken from one command")
        self.data += data
        return
        yield


class File(Stream):
    """A file from some position on. Descriptors that were duplicated share the position."""

    def __init__(self, files: MountedFiles, path: str, *, append: bool = False) -> None:
        self.files, self.path, self.append = files, path, append
        self.at = 0

    def read(self, proc: Proc) -> Steps[bytes]:
        found = self.files.read(self.path)[self.at :]
        self.at += len(found)
        proc.shell.work(len(found) // 1000)
        return found
        yield

    def read_line(self, proc: Proc, end: bytes = b"\n") -> Steps[bytes]:
        content = self.files.read(self.path)
        found = content.find(end, self.at)
        stop = len(content) if found < 0 else found + len(end)
        line, self.at = content[self.at : stop], stop
        proc.shell.work(1 + len(content) // 10_000)
        return line
        yield

    def write(self, proc: Proc, data: bytes) -> Steps[None]:
        proc.shell.work(1 + len(data) // 1000)
        size = self.files.stat(self.path).size if self.files.exists(self.path) else 0
        if self.append or self.at >= size:
            gap = b"" if self.append else b"\0" * (self.at - size)
            self.files.append(self.path, gap + data)
            self.at = max(self.at, size) + len(data)
        else:
            content = self.files.read(self.path)
            self.files.write(self.path, content[: self.at] + data + content[self.at + len(data) :])
            self.at += len(data)
        return
        yield


class Pipe:
    """Two ends, and those who wait at them."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.readers = 0
        self.writers = 0
        self.waiting: list[Proc] = []
        self.reader = PipeReader(self)
        self.writer = PipeWriter(self)

    def changed(self) -> None:
        waiting, self.waiting = self.waiting, []
        for proc in waiting:
            proc.wake()


class PipeReader(Stream):
    def __init__(self, pipe: Pipe) -> None:
        self.pipe = pipe

    def read(self, proc: Proc) -> Steps[bytes]:
        pipe = self.pipe
        while not pipe.data and pipe.writers:
            pipe.waiting.append(proc)
            yield WAITING
        found = bytes(pipe.data)
        pipe.data.clear()
        pipe.changed()
        return found

    def read_line(self, proc: Proc, end: bytes = b"\n") -> Steps[bytes]:
        pipe = self.pipe
        searched = 0
        while True:
            found = pipe.data.find(end, max(searched - len(end), 0))
            if found >= 0 or not pipe.writers or len(pipe.data) >= _PIPE_BYTES:
                break
            searched = len(pipe.data)
            pipe.waiting.append(proc)
            yield WAITING
        stop = len(pipe.data) if found < 0 else found + len(end)
        line = bytes(pipe.data[:stop])
        del pipe.data[:stop]
        pipe.changed()
        return line

    def opened(self) -> None:
        self.pipe.readers += 1

    def closed(self) -> None:
        self.pipe.readers -= 1
        self.pipe.changed()


class PipeWriter(Stream):
    def __init__(self, pipe: Pipe) -> None:
        self.pipe = pipe

    def write(self, proc: Proc, data: bytes) -> Steps[None]:
        pipe = self.pipe
        proc.shell.work(1 + len(data) // 1000)
        while data:
            if not pipe.readers:
                raise BrokenPipe
            room = _PIPE_BYTES - len(pipe.data)
            if room > 0:
                pipe.data += data[:room]
                data = data[room:]
                pipe.changed()
            else:
                pipe.waiting.append(proc)
                yield WAITING

    def opened(self) -> None:
        self.pipe.writers += 1

    def closed(self) -> None:
        self.pipe.writers -= 1
        self.pipe.changed()
