"""A container's log as it comes: as the body of an answer, or as messages on a WebSocket.

Source: apiserver/pkg/util/wsstream (stream.go): what a log is read with by clients that speak only WebSocket.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable

from aiohttp import web

from statelab.controlplane.apiserver.encoding.request import LogAnswer, Response
from statelab.controlplane.apiserver.wire import watching

_PROTOCOLS = ("binary.k8s.io", "base64.binary.k8s.io")
_LONGEST_MESSAGE = 32 * 1024

Send = Callable[[bytes], Awaitable[None]]


async def follow(answer: LogAnswer, send: Send) -> None:
    """Send what the container writes until it has ended."""
    alarm = watching.Alarm(asyncio.get_running_loop())
    pending: list[bytes] = []
    ended: list[bool] = []

    def write(data: bytes) -> None:
        pending.append(data)
        alarm.ring()

    def end() -> None:
        ended.append(True)
        alarm.ring()

    stop = answer.subscribe(write, end)
    try:
        while pending or not ended:
            data = b"".join(pending)
            pending.clear()
            if data:
                await send(data)
            else:
                await alarm.wait(None)
    finally:
        stop()


async def serve(http: web.BaseRequest, answer: Response | LogAnswer) -> web.WebSocketResponse:
    """Upgrade, say the log (first an empty message, as upstream does), and close."""
    socket = web.WebSocketResponse(protocols=_PROTOCOLS, compress=False, timeout=2.0)
    await socket.prepare(http)

    async def send(data: bytes) -> None:
        for start in range(0, max(len(data), 1), _LONGEST_MESSAGE):
            part = data[start : start + _LONGEST_MESSAGE]
            if (socket.ws_protocol or "").startswith("base64"):
                await socket.send_str(base64.b64encode(part).decode())
            else:
                await socket.send_bytes(part)

    async def say() -> None:
        await send(b"")
        if isinstance(answer, LogAnswer):
            await follow(answer, send)
        elif answer.body:
            await send(answer.body)

    async def until_the_client_goes() -> None:
        async for _ in socket:
            pass

    both = [asyncio.ensure_future(say()), asyncio.ensure_future(until_the_client_goes())]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in both:
            each.cancel()
        await asyncio.gather(*both, return_exceptions=True)
    await socket.close()
    return socket
