"""HTTP/1.1 as servers in containers and their clients need it: messages on a Connection, no sockets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from statelab.controlplane.clock import Loop, Timer
from statelab.controlplane.runtime.network import Connection, Network, NetworkError

REASONS = {
    200: "OK", 201: "Created", 204: "No Content", 206: "Partial Content", 301: "Moved Permanently", 302: "Found",
    304: "Not Modified", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Not Allowed",
    401: "Unauthorized", 418: "I'm a teapot", 429: "Too Many Requests", 502: "Bad Gateway", 504: "Gateway Time-out",
    412: "Precondition Failed", 413: "Request Entity Too Large", 500: "Internal Server Error",
    503: "Service Unavailable",
}  # fmt: skip
_LONGEST_HEAD = 64 * 1024
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_LONGEST_BODY = 16 * 1024 * 1024


@dataclass(frozen=True)
class HttpRequest:
    """`headers` by lower-case name. `source`: the client's address and port."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    version: str = "HTTP/1.1"
    source: tuple[str, int] = ("", 0)

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path) or "/"

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)


@dataclass(frozen=True)
class HttpResponse:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        return REASONS.get(self.status, "Unknown")


Respond = Callable[[HttpResponse], None]
Handler = Callable[[HttpRequest, Respond], None]


def encode_response(response: HttpResponse, *, head_only: bool = False, keep_alive: bool = True) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {response.reason}"]
    headers = dict(response.headers)
    headers.setdefault("Content-Length", str(len(response.body)))
    headers.setdefault("Connection", "keep-alive" if keep_alive else "close")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + (b"" if head_only else response.body)


def _check_first_line(data: bytes) -> None:
    """Refuse what is no request as soon as its first line is there (`echo hostName | nc …`). Raises ValueError."""
    line, newline, _ = data.partition(b"\n")
    words = line.removesuffix(b"\r").split(b" ")
    if newline and (len(words) != 3 or not words[2].startswith(b"HTTP/")):
        raise ValueError("malformed request line")


class MessageReader:
    """Takes bytes, gives whole messages: (first line, headers by lower-case name, body). Raises ValueError for
    nonsense.
    """

    def __init__(
        self,
        on_message: Callable[[str, dict[str, str], bytes], None],
        *,
        responses: bool = False,
        on_part: Callable[[bytes], None] | None = None,
    ) -> None:
        self._on_message = on_message
        self._on_part = on_part  # is given the chunks of a body as they come, and then they are not kept
        self._responses = responses
        self._buffer = b""
        self._chunks: list[bytes] = []  # of a body that is not whole yet
        self._head: tuple[str, dict[str, str]] | None = None
        self.head_only = False  # the answer to a HEAD has no body

    def feed(self, data: bytes) -> None:
        self._buffer += data
        while self._next():
            pass

    def end(self) -> None:
        """The other side has closed: a body without a length ends here."""
        if self._head is not None and self._responses and "content-length" not in self._head[1]:
            self._emit(b"".join(self._chunks) + self._buffer)

    def _next(self) -> bool:
        if self._head is None:
            if not self._responses:
                _check_first_line(self._buffer)
            end = _END_OF_HEAD.search(self._buffer)
            if end is None:
                if len(self._buffer) > _LONGEST_HEAD:
                    raise ValueError("header too long")
                return False
            head, rest = self._buffer[: end.start()], self._buffer[end.end() :]
            first, *lines = (line.removesuffix("\r") for line in head.decode("latin-1").split("\n"))
            headers = {}
            for line in lines:
                name, colon, value = line.partition(":")
                if not colon:
                    raise ValueError("malformed header")
                headers[name.strip().lower()] = value.strip()
            self._head, self._buffer = (first, headers), rest
        headers = self._head[1]
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunked()
        bodiless = self.head_only or (self._responses and self._head[0].split(" ")[1:2] in (["204"], ["304"]))
        if self._responses and "content-length" not in headers and not bodiless:
            return False
        length = 0 if bodiless else int(headers.get("content-length", "0"))
        if length > _LONGEST_BODY:
            raise ValueError("body too long")
        if len(self._buffer) < length:
            return False
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        self._emit(body)
        return bool(self._buffer)

    def _chunked(self) -> bool:
        """Take every whole chunk; the empty one ends the message."""
        while True:
            size, separator, after = self._buffer.partition(b"\r\n")
            length = int(size.split(b";")[0], 16) if separator else 0
            if not separator or len(after) < length + 2:
                return False
            self._buffer = after[length + 2 :]
            if length == 0:
                self._emit(b"".join(self._chunks))
                return bool(self._buffer)
            if self._on_part is not None:
                self._on_part(after[:length])
            else:
                self._chunks.append(after[:length])

    def _emit(self, body: bytes) -> None:
        assert self._head is not None
        (first, headers), self._head, self._chunks = self._head, None, []
        self._on_message(first, headers, body)


def serve(connection: Connection, handler: Handler) -> None:
    """Answer the requests that come on a connection, one after the other."""

    def on_message(first: str, headers: dict[str, str], body: bytes) -> None:
        method, target, version = first.split(" ")
        if version == "HTTP/1.1" and "host" not in headers:
            refuse(": missing required Host header")
            return
        keep_alive = headers.get("connection", "").lower() != "close" and version != "HTTP/1.0"

        def respond(response: HttpResponse) -> None:
            connection.send(encode_response(response, head_only=method == "HEAD", keep_alive=keep_alive))
            if not keep_alive:
                connection.close()

        handler(HttpRequest(method, target, headers, body, version, connection.remote), respond)

    def refuse(why: str = "") -> None:
        plain = {"Content-Type": "text/plain; charset=utf-8"}
        connection.send(encode_response(HttpResponse(400, f"400 Bad Request{why}".encode(), plain), keep_alive=False))
        connection.close()

    reader = MessageReader(on_message)

    def on_data(data: bytes) -> None:
        try:
            reader.feed(data)
        except ValueError:
            refuse()

    connection.receive(on_data)


def request(
    network: Network,
    source_ip: str,
    host: str,
    port: int,
    target: str,
    done: Callable[[HttpResponse | NetworkError], None],
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    timeout_s: float | None = None,
    housekeeping: bool = False,
    tls: bool = False,
    on_part: Callable[[bytes], None] | None = None,
) -> Callable[[], None]:
    """One request over a new connection; `done` is called once, perhaps before this returns.

    What is returned gives the request up: then nothing more is called. `on_part` is given the chunks of a chunked
    answer as they come, and the answer has no body then. A NetworkError's `after_s` has passed when `done` is called
    with it, or `timeout_s` if that is shorter ("timed out").
    """
    exchange = _Exchange(network.loop, done, timeout_s, housekeeping)
    exchange.open(network, source_ip, host, port, target, method, dict(headers or {}), body, tls=tls, on_part=on_part)
    return exchange.give_up


class _Exchange:
    def __init__(
        self,
        loop: Loop,
        done: Callable[[HttpResponse | NetworkError], None],
        timeout_s: float | None,
        housekeeping: bool,
    ) -> None:
        self._loop = loop
        self._done = done
        self._timeout_s = timeout_s
        self._housekeeping = housekeeping
        self._timer: Timer | None = None
        self._connection: Connection | None = None
        self._over = False

    def open(
        self,
        network: Network,
        source_ip: str,
        host: str,
        port: int,
        target: str,
        method: str,
        headers: dict[str, str],
        body: bytes,
        *,
        tls: bool,
        on_part: Callable[[bytes], None] | None,
    ) -> None:
        if self._timeout_s is not None:
            error = NetworkError("timed out", self._timeout_s)
            self._timer = self._loop.call_later(
                self._timeout_s, lambda: self._finish(error), housekeeping=self._housekeeping
            )
        try:
            self._connection = network.connect(source_ip, host, port, tls=tls)
        except NetworkError as caught:
            refused = caught
            if refused.after_s:
                self._loop.call_later(refused.after_s, lambda: self._finish(refused), housekeeping=self._housekeeping)
            else:
                self._finish(refused)
            return
        reader = MessageReader(self._answered, responses=True, on_part=on_part)
        reader.head_only = method == "HEAD"

        def on_data(data: bytes) -> None:
            try:
                reader.feed(data)
            except (ValueError, IndexError):
                self._finish(NetworkError("malformed HTTP response"))

        def on_close() -> None:
            reader.end()
            self._finish(NetworkError("connection reset by peer"))

        self._connection.receive(on_data, on_close)
        lines = [f"{method} {target} HTTP/1.1"]
        named = {name.lower() for name in headers}
        if "host" not in named:
            lines.append(f"Host: {host}" if port == 80 else f"Host: {host}:{port}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        lines.append("Connection: close")
        self._connection.send("\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + body)

    def _answered(self, first: str, headers: dict[str, str], body: bytes) -> None:
        parts = first.split(" ", 2)
        if len(parts) < 2 or not parts[1].isdigit():
            self._finish(NetworkError("malformed HTTP response"))
        else:
            self._finish(HttpResponse(int(parts[1]), body, headers))

    def _finish(self, outcome: HttpResponse | NetworkError) -> None:
        if not self._over:
            self.give_up()
            self._done(outcome)

    def give_up(self) -> None:
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        if self._connection is not None:
            self._connection.close()
