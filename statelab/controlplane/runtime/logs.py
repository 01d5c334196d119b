"""A container's log: lines with the time at which they were written. Only the end of a long one is kept."""

from __future__ import annotations

from collections.abc import Callable

from statelab.controlplane.clock import Loop
from statelab.controlplane.runtime.spec import LogLine, Stream

_MOST_BYTES = 1024 * 1024
_MOST_LINES = 20_000
_LONGEST_LINE = 16 * 1024  # containerd cuts lines there


class Log:
    def __init__(self, loop: Loop) -> None:
        self.lines: list[LogLine] = []
        self._loop = loop
        self._bytes = 0
        self._rest: dict[Stream, bytes] = {"stdout": b"", "stderr": b""}
        self._subscribers: list[Callable[[LogLine], None]] = []

    def add(self, stream: Stream, data: bytes) -> None:
        *lines, rest = (self._rest[stream] + data).split(b"\n")
        for line in lines:
            self._add_line(stream, line, partial=False)
        while len(rest) > _LONGEST_LINE:
            self._add_line(stream, rest[:_LONGEST_LINE], partial=True)
            rest = rest[_LONGEST_LINE:]
        self._rest[stream] = rest

    def flush(self) -> None:
        """It writes no more: what has no newline is a line too."""
        for stream, rest in self._rest.items():
            if rest:
                self._add_line(stream, rest, partial=True)
                self._rest[stream] = b""

    def subscribe(self, callback: Callable[[LogLine], None]) -> Callable[[], None]:
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback) if callback in self._subscribers else None

    def _add_line(self, stream: Stream, line: bytes, *, partial: bool) -> None:
        entry = LogLine(self._loop.now_s, stream, line.decode(errors="replace"), partial)
        self.lines.append(entry)
        self._bytes += len(line)
        if self._bytes > _MOST_BYTES or len(self.lines) > _MOST_LINES:
            del self.lines[: len(self.lines) // 4 or 1]
            self._bytes = sum(len(each.text) for each in self.lines)
        for subscriber in list(self._subscribers):
            subscriber(entry)
