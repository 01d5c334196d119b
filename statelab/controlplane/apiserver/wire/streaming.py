"""exec, attach and port-forward on the wire: WebSockets, and the channels and SPDY frames inside them.

A WebSocket message of a channel protocol is a byte that names the channel, then data. exec: 0 stdin, 1 stdout,
2 stderr, 3 error (a Status, at the end), 4 resize, 255 closes the channel named after it (v5). Port-forward: for each
port one channel for data and one for errors, each of which begins with the port's number. kubectl forwards ports by
SPDY frames in a WebSocket instead (spdy.py).
Source: apimachinery/pkg/util/remotecommand/constants.go, kubelet/pkg/cri/streaming, KEP-4006.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import struct
from collections import deque
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

from statelab.controlplane.apiserver.encoding.request import UpgradeAnswer
from statelab.controlplane.apiserver.serving import remote
from statelab.controlplane.apiserver.serving.remote import Execution, Forwarding
from statelab.controlplane.apiserver.wire import spdy
from statelab.controlplane.errors import ApiError
from statelab.reader import jsonbytes

if TYPE_CHECKING:
    from statelab.controlplane.controlplane import ControlPlane

log = logging.getLogger(__name__)

_STDIN, _STDOUT, _STDERR, _ERROR, _RESIZE, _CLOSE = 0, 1, 2, 3, 4, 255
_CHANNELS = {"stdout": _STDOUT, "stderr": _STDERR, "error": _ERROR}
_EXEC_PROTOCOLS = (
    "v5.channel.k8s.io",
    "v4.channel.k8s.io",
    "v4.base64.channel.k8s.io",
    "channel.k8s.io",
    "base64.channel.k8s.io",
)
_FORWARD_PROTOCOLS = (
    "SPDY/3.1+portforward.k8s.io",
    "v4.channel.k8s.io",
    "v4.base64.channel.k8s.io",
    "channel.k8s.io",
    "base64.channel.k8s.io",
)
_LARGEST_MESSAGE = 16 * 1024 * 1024
_MOST_PENDING_BYTES = 64 * 1024 * 1024  # what a client may leave unread before it is dropped
_LINGER_S = 2.0  # how long a forwarded connection may still answer after its client has said all it has to say


class Refused(Exception):
    """The request is refused before it is upgraded."""

    def __init__(self, error: ApiError) -> None:
        super().__init__(error.message)
        self.error = error


def is_websocket(http: web.BaseRequest) -> bool:
    return http.headers.get("Upgrade", "").lower() == "websocket"


def problem_of(cluster: ControlPlane, asked: UpgradeAnswer) -> ApiError | None:
    """Why there is nothing to speak with, in the kubelet's words."""
    try:
        if asked.action != "portforward":
            remote.runtime_container(cluster, asked.namespace, asked.pod, asked.container)
    except ApiError as error:
        return error
    return None


async def serve(cluster: ControlPlane, http: web.BaseRequest, asked: UpgradeAnswer) -> web.WebSocketResponse:
    """Upgrade the connection and speak until one end has said all. Raises Refused before the upgrade."""
    if (problem := problem_of(cluster, asked)) is not None:
        raise Refused(problem)
    protocols = _FORWARD_PROTOCOLS if asked.action == "portforward" else _EXEC_PROTOCOLS
    socket = web.WebSocketResponse(protocols=protocols, max_msg_size=_LARGEST_MESSAGE, compress=False, timeout=2.0)
    await socket.prepare(http)
    wire = _Wire(socket, is_text="base64" in (socket.ws_protocol or ""))
    writer = asyncio.create_task(wire.run())
    try:
        if asked.action != "portforward":
            await _execute(cluster, asked, wire)
        elif (socket.ws_protocol or "").startswith("SPDY"):
            await _SpdyForward(cluster, asked, wire).run()
        else:
            await _ChannelForward(cluster, asked, wire).run()
    finally:
        wire.finish()
        try:
            await asyncio.wait_for(writer, _LINGER_S)
        except (TimeoutError, ConnectionError):
            writer.cancel()
        await socket.close()
    return socket


class _Wire:
    """The outgoing half of a WebSocket: anyone may put a message, at any time; a task sends them in order."""

    def __init__(self, socket: web.WebSocketResponse, *, is_text: bool) -> None:
        self.socket = socket
        self._is_text = is_text
        self._pending: deque[bytes] = deque()
        self._pending_bytes = 0
        self._wake = asyncio.Event()
        self._finished = False

    def put(self, data: bytes) -> None:
        if self._finished:
            return
        self._pending.append(data)
        self._pending_bytes += len(data)
        if self._pending_bytes > _MOST_PENDING_BYTES:
            log.warning("a client that does not read its stream is dropped")
            self.abort()
        self._wake.set()

    def channel(self, channel: int, data: bytes) -> None:
        if self._is_text:
            self.put(b"%d" % channel + base64.b64encode(data))
        else:
            self.put(bytes((channel,)) + data)

    def finish(self) -> None:
        """No more will be put; what is there is still sent."""
        self._finished = True
        self._wake.set()

    def abort(self) -> None:
        self._finished = True
        self._pending.clear()
        transport = self.socket._req.transport if self.socket._req is not None else None
        if transport is not None:
            transport.abort()

    async def run(self) -> None:
        try:
            while True:
                while self._pending:
                    data = self._pending.popleft()
                    self._pending_bytes -= len(data)
                    if self._is_text:
                        await self.socket.send_str(data.decode())
                    else:
                        await self.socket.send_bytes(data)
                if self._finished:
                    return
                self._wake.clear()
                await self._wake.wait()
        except (ConnectionError, RuntimeError):  # RuntimeError: aiohttp's word for a socket that is closing
            self._finished = True

    async def messages(self, stop: asyncio.Event | None = None):  # type: ignore[no-untyped-def]
        """The messages that come, as bytes, until the client closes or `stop` is set."""
        stopped = asyncio.create_task(stop.wait()) if stop is not None else None
        try:
            while True:
                receive = asyncio.create_task(self.socket.receive())
                waiting = {receive} if stopped is None else {receive, stopped}
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if not receive.done():
                    receive.cancel()
                    return
                message = receive.result()
                if message.type is WSMsgType.BINARY:
                    yield message.data
                elif message.type is WSMsgType.TEXT:
                    decoded = self._from_text(message.data)
                    if decoded is not None:
                        yield decoded
                else:
                    return
        finally:
            if stopped is not None:
                stopped.cancel()

    def _from_text(self, text: str) -> bytes | None:
        if not self._is_text:
            return text.encode()
        try:
            return bytes((int(text[:1]),)) + base64.b64decode(text[1:])
        except (ValueError, binascii.Error):
            return None


# ---- exec and attach


async def _execute(cluster: ControlPlane, asked: UpgradeAnswer, wire: _Wire) -> None:
    protocol = wire.socket.ws_protocol or ""
    is_status = protocol.startswith(("v4", "v5"))
    ended = asyncio.Event()

    def send(stream: str, data: bytes) -> None:
        if stream == "error" and not is_status:
            # The first protocol has only words for what went wrong, and none for success.
            status = jsonbytes.loads(data)
            data = b"" if status["status"] == "Success" else str(status.get("message", "")).encode()
        wire.channel(_CHANNELS[stream], data)

    try:
        session = Execution(cluster, asked, send, ended.set)
    except ApiError as error:
        wire.channel(_ERROR, jsonbytes.dumps(error.status()))
        return
    try:
        async for data in wire.messages(ended):
            if not data:
                continue
            channel, rest = data[0], data[1:]
            if channel == _STDIN:
                session.write(rest)
            elif channel == _RESIZE:
                session.resize(rest)
            elif channel == _CLOSE and rest == bytes((_STDIN,)):
                session.close_stdin()
    finally:
        session.close()


# ---- port-forward, by channels


class _ChannelForward:
    """`?ports=80&ports=443`: channels 0 and 1 are data and errors of the first, 2 and 3 of the second."""

    def __init__(self, cluster: ControlPlane, asked: UpgradeAnswer, wire: _Wire) -> None:
        self._cluster = cluster
        self._asked = asked
        self._wire = wire
        self._open: dict[int, Forwarding] = {}
        self._done = asyncio.Event()

    async def run(self) -> None:
        for index, port in enumerate(self._asked.ports):
            number = struct.pack("<H", port)
            self._wire.channel(2 * index, number)
            self._wire.channel(2 * index + 1, number)
        for index, port in enumerate(self._asked.ports):
            self._connect(index, port)
        if not self._open:
            return
        try:
            async for data in self._wire.messages(self._done):
                if not data:
                    continue
                channel = data[0]
                forwarding = self._open.get(channel // 2)
                if channel % 2 == 0 and forwarding is not None:
                    forwarding.write(data[1:])
        finally:
            for forwarding in self._open.values():
                forwarding.close()

    def _connect(self, index: int, port: int) -> None:
        def closed() -> None:
            self._open.pop(index, None)
            if not self._open:
                self._done.set()

        def on_data(data: bytes) -> None:
            self._wire.channel(2 * index, data)

        try:
            self._open[index] = Forwarding(self._cluster, self._asked, port, on_data, closed)
        except ConnectionError as error:
            self._wire.channel(2 * index + 1, str(error).encode())


# ---- port-forward, by SPDY streams


class _Pair:
    """The two streams of one forwarded connection: for data and for errors."""

    __slots__ = ("data", "error", "forwarding", "port")

    def __init__(self) -> None:
        self.data = 0
        self.error = 0
        self.port = 0
        self.forwarding: Forwarding | None = None


class _SpdyForward:
    """As kubectl does it: for each connection it opens an error stream and a data stream that name the port."""

    def __init__(self, cluster: ControlPlane, asked: UpgradeAnswer, wire: _Wire) -> None:
        self._cluster = cluster
        self._asked = asked
        self._wire = wire
        self._framer = spdy.Framer()
        self._pairs: dict[str, _Pair] = {}  # by the request's id
        self._by_data: dict[int, str] = {}

    async def run(self) -> None:
        try:
            async for data in self._wire.messages():
                for frame in self._framer.feed(data):
                    self._take(frame)
        except spdy.ProtocolError as error:
            log.info("port-forward: %s", error)
        finally:
            for pair in tuple(self._pairs.values()):
                if pair.forwarding is not None:
                    pair.forwarding.close()

    def _take(self, frame: spdy.Frame) -> None:
        if isinstance(frame, spdy.Opened):
            self._opened(frame)
        elif isinstance(frame, spdy.Data):
            self._data(frame)
        elif isinstance(frame, spdy.Reset):
            self._forget(self._by_data.get(frame.stream))
        elif isinstance(frame, spdy.Ping):
            self._wire.put(self._framer.ping(frame.number))

    def _opened(self, frame: spdy.Opened) -> None:
        kind, request = frame.headers.get("streamtype", ""), frame.headers.get("requestid", str(frame.stream))
        port = frame.headers.get("port", "")
        if kind not in ("data", "error") or not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
            self._wire.put(self._framer.reset(frame.stream))
            return
        self._wire.put(self._framer.reply(frame.stream))
        pair = self._pairs.setdefault(request, _Pair())
        pair.port = int(port)
        if kind == "data":
            pair.data = frame.stream
            self._by_data[frame.stream] = request
        else:
            pair.error = frame.stream
        if pair.data and pair.error:
            self._connect(request, pair)

    def _connect(self, request: str, pair: _Pair) -> None:
        def on_data(data: bytes) -> None:
            self._wire.put(self._framer.data(pair.data, data))

        def closed() -> None:
            if request in self._pairs:
                self._finish(pair)
                self._forget(request)

        try:
            pair.forwarding = Forwarding(self._cluster, self._asked, pair.port, on_data, closed)
        except ConnectionError as error:
            self._wire.put(self._framer.data(pair.error, str(error).encode()))
            self._finish(pair)
            self._forget(request)

    def _finish(self, pair: _Pair) -> None:
        self._wire.put(self._framer.data(pair.data, b"", fin=True))
        self._wire.put(self._framer.data(pair.error, b"", fin=True))

    def _data(self, frame: spdy.Data) -> None:
        request = self._by_data.get(frame.stream)
        pair = self._pairs.get(request) if request is not None else None
        if pair is None or pair.forwarding is None:
            return
        if frame.data:
            pair.forwarding.write(frame.data)
        if frame.fin:
            # It may only have closed its half: the answer is perhaps still on its way.
            asyncio.get_running_loop().call_later(_LINGER_S, self._half_closed, request, pair)

    def _half_closed(self, request: str | None, pair: _Pair) -> None:
        if request is not None and self._pairs.get(request) is pair:
            self._finish(pair)
            self._forget(request)

    def _forget(self, request: str | None) -> None:
        pair = self._pairs.pop(request, None) if request is not None else None
        if pair is not None:
            self._by_data.pop(pair.data, None)
            if pair.forwarding is not None:
                pair.forwarding.close()
