"""RESP 2, the protocol of Redis: values as bytes, and bytes as values. Source: redis.io, protocol-spec."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Status:
    """A simple string: OK, PONG, QUEUED."""

    text: str


@dataclass(frozen=True, slots=True)
class Failure:
    """An error: its first word is its code."""

    text: str


def encode(value: Any) -> bytes:
    """A reply as bytes. What RESP 2 has no type for goes as a string."""
    if isinstance(value, Status):
        return f"+{value.text}\r\n".encode()
    if isinstance(value, Failure):
        return f"-{value.text}\r\n".encode(errors="replace")
    if value is None:
        return b"$-1\r\n"
    if isinstance(value, bool):
        return b":1\r\n" if value else b":0\r\n"
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, (list, tuple, set, frozenset)):
        return b"*%d\r\n" % len(value) + b"".join(encode(each) for each in value)
    if isinstance(value, dict):
        return encode([part for pair in value.items() for part in pair])
    data = value if isinstance(value, bytes) else str(value).encode()
    return b"$%d\r\n%s\r\n" % (len(data), data)


def command(arguments: Sequence[bytes]) -> bytes:
    return b"*%d\r\n" % len(arguments) + b"".join(b"$%d\r\n%s\r\n" % (len(each), each) for each in arguments)


class Parser:
    """Takes bytes, gives values: `feed(data)` is a list of those that are complete. Raises ValueError for nonsense."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[Any]:
        self._buffer += data
        found = []
        while self._buffer:
            parsed = _parse(self._buffer, 0)
            if parsed is None:
                break
            value, at = parsed
            self._buffer = self._buffer[at:]
            if value is not _NOTHING:
                found.append(value)
        return found


_NOTHING = object()
_LONGEST = 64 * 1024 * 1024


def _parse(data: bytes, at: int) -> tuple[Any, int] | None:
    end = data.find(b"\n", at)
    if end < 0:
        return None
    line, after = data[at:end].rstrip(b"\r"), end + 1
    kind, rest = line[:1], line[1:]
    if kind == b"+":
        return Status(rest.decode(errors="replace")), after
    if kind == b"-":
        return Failure(rest.decode(errors="replace")), after
    if kind == b":":
        return int(rest), after
    if kind == b"$":
        length = int(rest)
        if length < 0:
            return None if length != -1 else (None, after)
        if length > _LONGEST:
            raise ValueError("Protocol error: invalid bulk length")
        if len(data) < after + length + 2:
            return None
        return data[after : after + length], after + length + 2
    if kind == b"*":
        count = int(rest)
        if count > 1024 * 1024:
            raise ValueError("Protocol error: invalid multibulk length")
        values = []
        for _ in range(max(count, 0)):
            parsed = _parse(data, after)
            if parsed is None:
                return None
            value, after = parsed
            values.append(value)
        return (None if count < 0 else values), after
    # An inline command: words separated by spaces.
    words = line.split()
    return (words if words else _NOTHING), after
