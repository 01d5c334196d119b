"""The API server as containers reach it: at kubernetes.default.svc, in the cluster's simulated network.

Who sends no token is nobody; who sends a ServiceAccount's is the account. TLS goes as far as what a client checks: the
authority in /var/run/secrets/kubernetes.io/serviceaccount/ca.crt and the names the server's certificate is for.
Source: cmd/kubeadm/app/phases/certs/certlist.go and pki_helpers.go (names), Go's net/http (a plain request).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from statelab.controlplane.apiserver.encoding.request import LogAnswer, Request, Response, WatchAnswer
from statelab.controlplane.apiserver.encoding.urls import parse_query
from statelab.controlplane.apiserver.serving import client
from statelab.controlplane.apiserver.serving.handler import Handler, refusal
from statelab.controlplane.clock import Timer
from statelab.controlplane.controllers.serviceaccount.accounts import CERTIFICATE
from statelab.controlplane.errors import bad_request
from statelab.controlplane.runtime.http import HttpRequest, HttpResponse, Respond, serve
from statelab.controlplane.runtime.network import Connection, Secured

if TYPE_CHECKING:
    from statelab.controlplane.controlplane import ControlPlane

PORT = 6443
_SERVICE_IP = "10.96.0.1"
_NAMES = (
    "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost",
    "127.0.0.1", _SERVICE_IP,
)  # fmt: skip
_PLAIN = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"


def listen(cluster: ControlPlane, node_name: str, ip: str) -> None:
    """Serve the cluster's API at a node's address, for as long as the node is there."""
    handler = Handler(cluster, anonymous=True)

    def accept(connection: Connection) -> None:
        if not connection.tls:
            connection.send(_PLAIN)
            connection.close()
            return
        serve(connection, lambda request, respond: _answer(cluster, handler, connection, request, respond))

    cluster.network.secure(ip, PORT, accept, Secured(CERTIFICATE, frozenset((*_NAMES, node_name, ip))))


def _answer(
    cluster: ControlPlane, handler: Handler, connection: Connection, asked: HttpRequest, respond: Respond
) -> None:
    parts = urlsplit(asked.target)
    answer = handler.handle(Request(asked.method, parts.path, parse_query(parts.query), asked.headers, asked.body))
    if isinstance(answer, WatchAnswer | LogAnswer):
        _stream(cluster, connection, answer)
        return
    if not isinstance(answer, Response):
        answer = refusal(bad_request("upgrades are not answered inside the simulated network"))
    headers = {**dict(answer.headers), "Cache-Control": "no-cache, private", "Content-Type": answer.content_type}
    respond(HttpResponse(answer.code, answer.body, headers))


def _stream(cluster: ControlPlane, connection: Connection, answer: WatchAnswer | LogAnswer) -> None:
    """What a watch or a log that is followed tells, in chunks as it comes, until one of both ends it."""
    kind = answer.content_type if isinstance(answer, WatchAnswer) else "text/plain"
    head = f"HTTP/1.1 200 OK\r\nCache-Control: no-cache, private\r\nContent-Type: {kind}\r\n"
    connection.send(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())

    def write(data: bytes) -> None:
        if data:
            connection.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def end() -> None:
        stop()
        connection.send(b"0\r\n\r\n")
        connection.close()

    def soon() -> None:  # it may have ended before it is subscribed to
        cluster.loop.call_soon(end)

    if isinstance(answer, WatchAnswer):
        stop = _begin_watch(cluster, answer, write, end)
    else:
        stop = answer.subscribe(write, soon)
    connection.receive(lambda data: None, stop)


def _begin_watch(
    cluster: ControlPlane, answer: WatchAnswer, write: Callable[[bytes], None], end: Callable[[], None]
) -> Callable[[], None]:
    """Write what happens, and call `end` in the end; what is returned stops it before."""
    watch, loop = answer.watch, cluster.loop
    due: list[Timer] = []

    def flush() -> None:
        due.clear()
        write(client.unread(answer))
        if watch.overflowed:
            end()

    def told() -> None:
        if not due:
            due.append(loop.call_soon(flush))

    def stop() -> None:
        watch.on_event = None
        watch.close()
        for timer in (*due, over):
            timer.cancel()

    over = loop.call_later(answer.timeout_s, end, housekeeping=True)
    watch.on_event = told
    told()
    return stop
