"""The API server as containers reach it: at kubernetes.default.svc, in the cluster's simulated network.

Who sends no token is nobody; who sends a ServiceAccount's is the account. TLS goes as far as what a client checks: the
authority in /var/run/secrets/kubernetes.io/serviceaccount/ca.crt and the names the server's certificate is for.
Source: cmd/kubeadm/app/phases/certs/certlist.go and pki_helpers.go (names), Go's net/http (a plain request).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from statelab.controlplane.apiserver.encoding.request import Request, Response
from statelab.controlplane.apiserver.encoding.urls import parse_query
from statelab.controlplane.apiserver.serving import client
from statelab.controlplane.apiserver.serving.handler import Handler, refusal
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
        serve(connection, lambda request, respond: _answer(handler, request, respond))

    cluster.network.secure(ip, PORT, accept, Secured(CERTIFICATE, frozenset((*_NAMES, node_name, ip))))


def _answer(handler: Handler, asked: HttpRequest, respond: Respond) -> None:
    parts = urlsplit(asked.target)
    answer = handler.handle(Request(asked.method, parts.path, parse_query(parts.query), asked.headers, asked.body))
    if not isinstance(answer, Response):
        client.close(answer)
        answer = refusal(bad_request("watches and upgrades are not answered inside the simulated network"))
    headers = {**dict(answer.headers), "Cache-Control": "no-cache, private", "Content-Type": answer.content_type}
    respond(HttpResponse(answer.code, answer.body, headers))
