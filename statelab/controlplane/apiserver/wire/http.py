"""The HTTP edge: sockets, TLS, keep-alive and streams. What is said is in handler.py.

Only this module and streaming.py know aiohttp. Everything runs on one asyncio loop: a request is answered between two
callbacks of the cluster's own loop, never during one.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import logging
import os
import socket
import ssl
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiMapping

from statelab.controlplane.apiserver.authentication import client_certificates
from statelab.controlplane.apiserver.encoding import bodies
from statelab.controlplane.apiserver.encoding.request import (
    LogAnswer,
    Request,
    Response,
    UpgradeAnswer,
    WatchAnswer,
)
from statelab.controlplane.apiserver.encoding.urls import parse_query
from statelab.controlplane.apiserver.serving.handler import Handler, refusal
from statelab.controlplane.apiserver.wire import certificates, logstream, streaming, watching
from statelab.controlplane.apiserver.wire.certificates import Certificate
from statelab.controlplane.errors import bad_request
from statelab.controlplane.signing import AUTHORITY
from statelab.controlplane.users import User

if TYPE_CHECKING:
    from statelab.controlplane.controlplane import ControlPlane

log = logging.getLogger(__name__)

_GZIP_ABOVE_BYTES = 128 * 1024
_LONGEST_HEAD_BYTES = 1024 * 1024  # as Go's: a selector may be long
_SLOW_AFTER_S = 30.0  # a watcher that takes nothing for so long is dropped
_GREET_WITHIN_S = 60.0
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME
_NO_CACHE = ("Cache-Control", "no-cache, private")


class Edge:
    """Serves one cluster on 127.0.0.1: HTTP, and with a certificate HTTPS on the same port.

    kubectl sends a token over HTTPS only; everyone else may do without. `start` and `stop` belong to the asyncio loop
    that runs it.
    """

    def __init__(self, cluster: ControlPlane, token: str | None, certificate: Certificate | None = None) -> None:
        self.cluster = cluster
        self.handler = Handler(cluster, token, tells_flow=True)
        self.port = 0
        self._tls = _tls_context(certificate, cluster) if certificate is not None else None
        self._server: web.Server | None = None
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._greetings: set[asyncio.Task[None]] = set()
        self._streams: set[asyncio.Task[None]] = set()
        self._watching = watching.Watching(cluster.store)
        self._stopping = False
        self._asked_s = time.monotonic()
        self._at_work = 0  # exec, port-forward and logs that are followed: somebody sits there

    def idle_s(self) -> float:
        """For how long nobody has asked anything. What keeps a picture up to date is nobody's doing."""
        return 0.0 if self._at_work else time.monotonic() - self._asked_s

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> None:
        """Listen. Raises OSError when the port is taken."""
        self._server = web.Server(
            self._serve,
            access_log=None,
            logger=_server_log(),
            keepalive_timeout=600.0,
            lingering_time=1.0,
            max_line_size=_LONGEST_HEAD_BYTES,
            max_field_size=_LONGEST_HEAD_BYTES,
        )
        self._listener = socket.create_server((host, port), backlog=512)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._accepting = asyncio.create_task(self._accept(self._listener))

    async def stop(self) -> None:
        """Answer what was asked, end the streams, close."""
        self._stopping = True
        for task in (self._accepting, *self._greetings, *self._streams):
            if task is not None:
                task.cancel()
        await asyncio.gather(*self._streams, return_exceptions=True)
        if self._listener is not None:
            self._listener.close()
        if self._server is not None:
            await self._server.shutdown(1.0)

    # ---- connections

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as error:  # too many open files: wait until some are closed
                log.warning("a connection could not be accepted: %s", error)
                await asyncio.sleep(0.1)
                continue
            with contextlib.suppress(OSError):  # on macOS, of one who has gone already
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = asyncio.create_task(self._greet(connection))
            self._greetings.add(task)
            task.add_done_callback(self._greetings.discard)

    async def _greet(self, connection: socket.socket) -> None:
        """Look at the first byte: a TLS handshake begins with 22, an HTTP request with a letter."""
        assert self._server is not None
        loop = asyncio.get_running_loop()
        try:
            first = await asyncio.wait_for(_peek(connection), _GREET_WITHIN_S)
            tls = self._tls if first == b"\x16" else None
            if not first or (first == b"\x16" and tls is None):
                connection.close()
                return
            await loop.connect_accepted_socket(
                self._server, connection, ssl=tls, ssl_handshake_timeout=_GREET_WITHIN_S if tls else None
            )
        except (OSError, TimeoutError):  # the client went away, or does not trust us
            connection.close()
        except asyncio.CancelledError:
            connection.close()
            raise

    # ---- one request

    async def _serve(self, http: web.BaseRequest) -> web.StreamResponse:
        body = await self._body(http) if http.body_exists else b""
        if body is None:
            response = await self._respond(http, refusal(bodies.too_large()))
            response.force_close()
            return response
        path, _, query = http.raw_path.partition("?")
        if path.startswith("http"):  # the absolute form of RFC 9112, which proxies are asked with
            path = urlsplit(path).path
        presented = self._presented(http) if self._tls is not None else None
        headers = _Headers(http.headers)
        request = Request(http.method, path, parse_query(query), headers, body, presented=presented)
        if _is_somebodys(request):
            self._asked_s = time.monotonic()
        answer = self.handler.handle(request)
        is_log_on_websocket = path.endswith("/log") and streaming.is_websocket(http)
        if isinstance(answer, Response) and not (is_log_on_websocket and answer.code == 200):
            return await self._respond(http, answer)
        task = asyncio.current_task()
        assert task is not None
        self._streams.add(task)
        try:
            if isinstance(answer, WatchAnswer):
                return await self._watch(http, answer)
            self._at_work += 1
            try:
                if isinstance(answer, Response):
                    return await logstream.serve(http, answer)
                if isinstance(answer, LogAnswer):
                    return await (logstream.serve if is_log_on_websocket else self._follow)(http, answer)
                return await self._upgrade(http, answer)
            finally:
                self._at_work -= 1
                self._asked_s = time.monotonic()
        finally:
            self._streams.discard(task)

    def _presented(self, http: web.BaseRequest) -> User | None:
        shown = http.transport.get_extra_info("peercert") if http.transport is not None else None
        if not shown or http.transport is None:
            return None
        der = http.transport.get_extra_info("ssl_object").getpeercert(True)
        return client_certificates.user_of(shown, der, self.cluster.loop.now_s)

    async def _body(self, http: web.BaseRequest) -> bytes | None:
        """The whole body; None when it is too large, and then the rest of it is not read."""
        if (http.content_length or 0) > bodies.MAX_BYTES:
            return None
        if http.headers.get("Expect", "").lower() == "100-continue":
            await http.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            http.writer.output_size = 0
        parts, size = [], 0
        async for part in http.content.iter_any():
            size += len(part)
            if size > bodies.MAX_BYTES:
                return None
            parts.append(part)
        return b"".join(parts)

    async def _respond(self, http: web.BaseRequest, answer: Response) -> web.Response:
        headers = [*answer.headers, _NO_CACHE, ("Audit-Id", str(uuid.uuid4())), ("Content-Type", answer.content_type)]
        body = answer.body
        if len(body) > _GZIP_ABOVE_BYTES and "gzip" in http.headers.get("Accept-Encoding", ""):
            # In a thread: a list of a thousand Pods takes 20 ms, in which others can be served.
            body = await asyncio.get_running_loop().run_in_executor(None, gzip.compress, body, 1)
            headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
        return web.Response(status=answer.code, body=body, headers=headers)

    # ---- streams

    @staticmethod
    def _stream(content_type: str, http: web.BaseRequest, more: Sequence[tuple[str, str]] = ()) -> web.StreamResponse:
        headers = [*more, _NO_CACHE, ("Audit-Id", str(uuid.uuid4())), ("Content-Type", content_type)]
        response = web.StreamResponse(headers=headers)
        if http.version >= (1, 1):
            response.enable_chunked_encoding()
        return response

    async def _watch(self, http: web.BaseRequest, answer: WatchAnswer) -> web.StreamResponse:
        """Write events as they come; a client that does not read them is dropped."""
        response = self._stream(answer.content_type, http, answer.headers)
        try:
            await response.prepare(http)
            await self._watching.stream(answer, lambda data: self._write(http, response, data))
        except watching.TooSlow:
            self._drop(http)
        except asyncio.CancelledError:
            if not self._stopping:
                raise
        except ConnectionError:
            pass
        finally:
            answer.watch.close()
        return response

    async def _write(self, http: web.BaseRequest, response: web.StreamResponse, data: bytes) -> None:
        """Write to a client that reads; one that takes nothing for a while is cut off, which ends the write too."""
        timer = asyncio.get_running_loop().call_later(_SLOW_AFTER_S, self._drop, http)
        try:
            await response.write(data)
        finally:
            timer.cancel()

    @staticmethod
    def _drop(http: web.BaseRequest) -> None:
        if http.transport is not None:
            http.transport.abort()

    async def _follow(self, http: web.BaseRequest, answer: LogAnswer) -> web.StreamResponse:
        response = self._stream("text/plain", http)
        try:
            await response.prepare(http)
            await logstream.follow(answer, lambda data: self._write(http, response, data))
            await response.write_eof()
        except asyncio.CancelledError:
            if not self._stopping:
                raise
        except ConnectionError:
            pass
        return response

    async def _upgrade(self, http: web.BaseRequest, answer: UpgradeAnswer) -> web.StreamResponse:
        if not streaming.is_websocket(http):
            # kubectl tries SPDY when its WebSocket was refused, and tells "unable to upgrade connection: " and this.
            if (problem := streaming.problem_of(self.cluster, answer)) is not None:
                return web.Response(status=problem.code, text=problem.message.rpartition("connection: ")[2])
            wanted = http.headers.get("Upgrade", "")
            hint = f": {wanted} is not spoken here, WebSocket is" if wanted else ""
            return await self._respond(http, refusal(bad_request(f"Upgrade request required{hint}")))
        try:
            return await streaming.serve(self.cluster, http, answer)
        except streaming.Refused as refused:
            return await self._respond(http, refusal(refused.error))


def _is_somebodys(request: Request) -> bool:
    """Whether a person or their program wants something. Watches, the lists they begin with (resourceVersion=0, as
    client-go's reflectors ask), and questions whether we are alive go on with nobody there."""
    if not request.path.startswith(("/api/", "/apis/", "/statelab/")):
        return False
    return request.method != "GET" or not (request.first("watch") or request.first("resourceVersion") == "0")


def _server_log() -> logging.Logger:
    """Where aiohttp tells of trouble. What is no HTTP is answered with 400, and a client may go: that is none."""
    logger = logging.getLogger("statelab.http")
    logger.addFilter(_is_ours)
    return logger


def _is_ours(record: logging.LogRecord) -> bool:
    problem = record.exc_info[1] if record.exc_info else None
    return not isinstance(problem, HttpProcessingError | ConnectionError)


async def _peek(connection: socket.socket) -> bytes:
    """The first byte to come, left where it is."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            return connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            readable: asyncio.Future[None] = loop.create_future()
            loop.add_reader(connection, _set, readable)
            try:
                await readable
            finally:
                loop.remove_reader(connection)


def _set(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _tls_context(certificate: Certificate, cluster: ControlPlane) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Who shows a certificate of the cluster's is whom it names; most show none. When it is good the cluster knows.
    context.load_verify_locations(cadata=certificates.authority(AUTHORITY, cluster.api.authority.key))
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= _NO_CHECK_TIME
    descriptor, path = tempfile.mkstemp()  # OpenSSL reads keys from files only
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(certificate.chain + certificate.key)
        context.load_cert_chain(path)
    finally:
        os.unlink(path)
    return context


class _Headers(Mapping[str, str]):
    """aiohttp's headers, which do not mind capitals, as a Mapping."""

    __slots__ = ("_headers",)

    def __init__(self, headers: MultiMapping[str]) -> None:
        self._headers = headers

    def getall(self, name: str) -> list[str]:
        """Every value of a header that came more than once."""
        return self._headers.getall(name, [])

    def __getitem__(self, name: str) -> str:
        return self._headers[name]

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)
