"""SPDY/3.1 frames, as many as `kubectl port-forward` needs: streams that are opened, written to and closed.

kubectl puts them inside a WebSocket (subprotocol `SPDY/3.1+portforward.k8s.io`, KEP-4006). Flow control is left out on
both sides, as in the Go library that kubectl uses. Bytes in, frames out, and back; no sockets here.
Source: https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/, github.com/moby/spdystream.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_VERSION = 3
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _HEADERS, _WINDOW_UPDATE = 1, 2, 3, 4, 6, 7, 8, 9
_FIN = 1
_LONGEST_FRAME = 4 * 1024 * 1024
_LONGEST_HEADERS = 64 * 1024
_HEADER_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie "
    "keep-alive origin"
)
_STATUS_CODES = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
    "404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
)
_VALUES = (
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,"
    "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
# What both ends agree to have "seen" before the first header: section 2.6.10.1. Its Adler-32 is e3c6a7c2.
DICTIONARY = (
    b"".join(struct.pack(">I", len(word)) + word.replace("_", " ").encode() for word in _HEADER_WORDS.split())
    + (_STATUS_CODES + _VALUES).encode()
)


class ProtocolError(Exception):
    """The peer does not speak SPDY/3.1."""


@dataclass(frozen=True, slots=True)
class Opened:
    """SYN_STREAM: the peer opens a stream. `fin`: it will not write to it."""

    stream: int
    headers: Mapping[str, str]
    fin: bool


@dataclass(frozen=True, slots=True)
class Data:
    stream: int
    data: bytes
    fin: bool


@dataclass(frozen=True, slots=True)
class Reset:
    stream: int


@dataclass(frozen=True, slots=True)
class Ping:
    number: int


@dataclass(frozen=True, slots=True)
class GoneAway:
    """The peer opens no more streams."""


Frame = Opened | Data | Reset | Ping | GoneAway


class Framer:
    """One end of a SPDY connection. Headers are compressed in one context for each direction."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    # ---- what came

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole now. Raises ProtocolError."""
        self._buffer += data
        while len(self._buffer) >= 8:
            length = int.from_bytes(self._buffer[5:8], "big")
            if length > _LONGEST_FRAME:
                raise ProtocolError(f"a frame of {length} bytes")
            if len(self._buffer) < 8 + length:
                return
            head, body = bytes(self._buffer[:8]), bytes(self._buffer[8 : 8 + length])
            del self._buffer[: 8 + length]
            frame = self._frame(head, body)
            if frame is not None:
                yield frame

    def _frame(self, head: bytes, body: bytes) -> Frame | None:
        fin = bool(head[4] & _FIN)
        first, second = struct.unpack(">HH", head[:4])
        if not first & 0x8000:
            return Data(((first << 16) | second) & 0x7FFFFFFF, body, fin)
        if first & 0x7FFF != _VERSION:
            raise ProtocolError(f"SPDY version {first & 0x7FFF}")
        if second == _SYN_STREAM and len(body) >= 10:
            return Opened(_stream(body), self._headers(body[10:]), fin)
        if second in (_SYN_REPLY, _HEADERS) and len(body) >= 4:
            self._headers(body[4:])  # nothing in them concerns us, but the compression goes on through them
            return None
        if second == _RST_STREAM and len(body) >= 8:
            return Reset(_stream(body))
        if second == _PING and len(body) >= 4:
            return Ping(int.from_bytes(body[:4], "big"))
        if second == _GOAWAY:
            return GoneAway()
        if second in (_SETTINGS, _WINDOW_UPDATE):
            return None
        raise ProtocolError(f"a control frame of type {second} with {len(body)} bytes")

    def _headers(self, block: bytes) -> dict[str, str]:
        try:
            text = self._inflate.decompress(block, _LONGEST_HEADERS)
        except zlib.error as error:
            raise ProtocolError(f"headers: {error}") from None
        if self._inflate.unconsumed_tail:
            raise ProtocolError(f"headers of more than {_LONGEST_HEADERS} bytes")
        pieces: list[str] = []
        at = 4
        while at + 4 <= len(text):
            length = int.from_bytes(text[at : at + 4], "big")
            pieces.append(text[at + 4 : at + 4 + length].decode("utf-8", "replace"))
            at += 4 + length
        return dict(zip(pieces[::2], pieces[1::2], strict=False))

    # ---- what to send

    def opened(self, stream: int, headers: Mapping[str, str], *, fin: bool = False) -> bytes:
        """SYN_STREAM: what a client sends to open a stream."""
        return _control(_SYN_STREAM, struct.pack(">IIH", stream, 0, 0) + self._packed(headers), fin)

    def reply(self, stream: int) -> bytes:
        """SYN_REPLY: the stream is accepted."""
        return _control(_SYN_REPLY, struct.pack(">I", stream) + self._packed({}), False)

    def data(self, stream: int, data: bytes, *, fin: bool = False) -> bytes:
        return struct.pack(">IB", stream, _FIN if fin else 0) + len(data).to_bytes(3, "big") + data

    def reset(self, stream: int, status: int = 5) -> bytes:
        """RST_STREAM; 5 is CANCEL."""
        return _control(_RST_STREAM, struct.pack(">II", stream, status), False)

    def ping(self, number: int) -> bytes:
        return _control(_PING, struct.pack(">I", number), False)

    def _packed(self, headers: Mapping[str, str]) -> bytes:
        text = struct.pack(">I", len(headers))
        for name, value in headers.items():
            for piece in (name.encode(), value.encode()):
                text += struct.pack(">I", len(piece)) + piece
        return self._deflate.compress(text) + self._deflate.flush(zlib.Z_SYNC_FLUSH)


def _stream(body: bytes) -> int:
    return int.from_bytes(body[:4], "big") & 0x7FFFFFFF


def _control(type: int, body: bytes, fin: bool) -> bytes:
    return struct.pack(">HHB", 0x8000 | _VERSION, type, _FIN if fin else 0) + len(body).to_bytes(3, "big") + body
