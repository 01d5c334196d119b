"""grpc.health.v1.Health/Check on the wire: as much of HTTP/2 and HPACK as this one call needs, on both sides.

Headers are literals without an index and without Huffman's code, which every HTTP/2 decoder reads; of a peer's, only
such are read. There is one call on a connection. Source: RFC 9113, RFC 7541 6.2.2, gRPC over HTTP/2, health/v1.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from statelab.controlplane.clock import Loop
from statelab.controlplane.runtime.network import Connection, Network, NetworkError

UNKNOWN, SERVING, NOT_SERVING = range(3)
STATUS_NAMES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
NOT_FOUND, UNIMPLEMENTED = 5, 12
CODE_NAMES = {NOT_FOUND: "NotFound", UNIMPLEMENTED: "Unimplemented"}

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS = 0, 1, 4
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_METHOD = "/grpc.health.v1.Health/Check"
_MOST_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Health:
    """What a call came to: gRPC's code (0: it was answered), its message, and the status of the service."""

    code: int
    message: str = ""
    status: int = UNKNOWN


# ---- frames


def _frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return struct.pack(">I", len(body))[1:] + struct.pack(">BBI", kind, flags, stream) + body


def _headers(**fields: str) -> bytes:
    found = b""
    for name, value in fields.items():
        key, text = name.replace("__", ":").replace("_", "-").encode(), value.encode()
        found += b"\x00" + bytes([len(key)]) + key + bytes([len(text)]) + text
    return found


def _read_headers(block: bytes) -> dict[str, str]:
    """Raises ValueError for a header that is written in another way."""
    found, at = {}, 0
    while at < len(block):
        words = []
        if block[at]:
            raise ValueError("only literal headers are read")
        at += 1
        for _ in range(2):
            length = block[at]
            if length > 126 or at + 1 + length > len(block):
                raise ValueError("a header is too long")
            words.append(block[at + 1 : at + 1 + length].decode())
            at += 1 + length
        found[words[0]] = words[1]
    return found


class _Frames:
    """Bytes as they come, frame by frame. A peer that sends no HTTP/2, or too much of it, is cut off."""

    def __init__(self, connection: Connection, on_frame: Callable[[int, int, bytes], None], preface: bytes) -> None:
        self._connection = connection
        self._on_frame = on_frame
        self._preface = preface
        self._held = b""

    def received(self, data: bytes) -> None:
        self._held += data
        if self._preface:
            wanted = self._preface[: len(self._held)]
            if self._held[: len(wanted)] != wanted or len(self._held) > _MOST_BYTES:
                self._connection.close()
                return
            if len(self._held) < len(self._preface):
                return
            self._held, self._preface = self._held[len(self._preface) :], b""
        for kind, flags, body in self._whole():
            try:
                self._on_frame(kind, flags, body)
            except (ValueError, IndexError, UnicodeDecodeError):
                self._connection.close()
                return

    def _whole(self) -> Iterator[tuple[int, int, bytes]]:
        while len(self._held) >= 9:
            length = int.from_bytes(self._held[:3], "big")
            if length > _MOST_BYTES:
                self._connection.close()
                return
            if len(self._held) < 9 + length:
                return
            kind, flags, body = self._held[3], self._held[4], self._held[9 : 9 + length]
            self._held = self._held[9 + length :]
            yield kind, flags, body


# ---- messages


def _message(body: bytes) -> bytes:
    return b"\x00" + struct.pack(">I", len(body)) + body


def _request(service: str) -> bytes:
    name = service.encode()
    return _message(b"\x0a" + _varint(len(name)) + name if name else b"")


def _varint(number: int) -> bytes:
    found = b""
    while number > 0x7F:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])


def _service_of(body: bytes) -> str:
    """Raises ValueError, IndexError for what is no HealthCheckRequest."""
    inner = body[5:]
    if not inner:
        return ""
    for skipped in range(1, 6):
        if inner[0] == 0x0A and inner[1 : 1 + skipped] == _varint(len(inner) - 1 - skipped):
            return inner[1 + skipped :].decode()
    raise ValueError("no HealthCheckRequest")


# ---- the server


def serve(connection: Connection, check: Callable[[str], Health]) -> None:
    """Answer one Check: `check(service)` says what."""
    method, asked = "", b""

    def on_frame(kind: int, flags: int, body: bytes) -> None:
        nonlocal method, asked
        if kind == _SETTINGS and not flags & _ACK:
            connection.send(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _HEADERS:
            method = _read_headers(body).get(":path", "")
        elif kind == _DATA:
            asked += body
            if flags & _END_STREAM:
                answer(check(_service_of(asked)) if method == _METHOD else Health(UNIMPLEMENTED, "unknown method"))

    def answer(found: Health) -> None:
        about = {"__status": "200", "content_type": "application/grpc"}
        end = {"grpc_status": str(found.code), "grpc_message": found.message}
        if found.code:
            connection.send(_frame(_HEADERS, _END_HEADERS | _END_STREAM, 1, _headers(**about, **end)))
            return
        connection.send(_frame(_HEADERS, _END_HEADERS, 1, _headers(**about)))
        connection.send(_frame(_DATA, 0, 1, _message(bytes([8, found.status]))))
        connection.send(_frame(_HEADERS, _END_HEADERS | _END_STREAM, 1, _headers(**end)))

    connection.send(_frame(_SETTINGS, 0, 0, b""))
    connection.receive(_Frames(connection, on_frame, _PREFACE).received)


# ---- the client


def call(
    network: Network, loop: Loop, source: str, host: str, port: int, service: str, timeout_s: float,
    done: Callable[[Health | str], None], *, housekeeping: bool = False,
) -> None:  # fmt: skip
    """Ask once. `done` is told what came of it, or which time ran out: "connect", "call"."""
    stage = "connect"
    headers: dict[str, str] = {}
    status = UNKNOWN
    over = False
    connection: Connection | None = None

    def finish(found: Health | str) -> None:
        nonlocal over
        if not over:
            over = True
            timer.cancel()
            if connection is not None:
                connection.close()
            done(found)

    timer = loop.call_later(timeout_s, lambda: finish(stage), housekeeping=housekeeping)
    try:
        connection = network.connect(source, host, port)
    except NetworkError:
        return  # it dials again and again, until its time is over
    opened = connection

    def on_frame(kind: int, flags: int, body: bytes) -> None:
        nonlocal stage, status
        if kind == _SETTINGS and not flags & _ACK:
            stage = "call"
            opened.send(_frame(_SETTINGS, _ACK, 0, b""))
            about = {"__method": "POST", "__scheme": "http", "__path": _METHOD, "__authority": f"{host}:{port}"}
            more = {"content_type": "application/grpc", "user_agent": "kube-probe/1.36", "te": "trailers"}
            opened.send(_frame(_HEADERS, _END_HEADERS, 1, _headers(**about, **more)))
            opened.send(_frame(_DATA, _END_STREAM, 1, _request(service)))
        elif kind == _DATA and len(body) == 7 and body[5] == 8:
            status = body[6]
        elif kind == _HEADERS:
            headers.update(_read_headers(body))
            if flags & _END_STREAM:
                finish(Health(int(headers.get("grpc-status", "2")), headers.get("grpc-message", ""), status))

    opened.send(_PREFACE + _frame(_SETTINGS, 0, 0, b""))
    # One that speaks no HTTP/2 closes, or answers in its own words: it is never connected.
    opened.receive(_Frames(opened, on_frame, b"").received, lambda: None)
