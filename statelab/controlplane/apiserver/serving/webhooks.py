"""How the API server reaches a webhook: at a Service's Pod, over the simulated network, by TLS as far as it is checked.

The server must show a certificate that one of `caBundle` has signed and that is for the Service's name. What a webhook
does takes no time here: who says how long it took (`Statelab-Took-Seconds`) is late where its timeout is shorter.
Source: apiserver/pkg/util/webhook (client.go, serviceresolver.go), Go's crypto/x509 (words).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from statelab.controlplane import x509
from statelab.controlplane.apiserver.encoding.go_json import go_quote
from statelab.controlplane.apiserver.registry.policies.webhooks import CallFailed
from statelab.controlplane.kinds import Object
from statelab.controlplane.runtime import http
from statelab.controlplane.runtime.network import NetworkError

if TYPE_CHECKING:
    from statelab.controlplane.controlplane import ControlPlane

Fields = Mapping[str, Any]
TOOK = "statelab-took-seconds"
_NO_TLS = (
    "http: server gave HTTP response to HTTPS client (StateLab: of the images here only agnhost's webhook speaks TLS; "
    "a real cluster made with kind is the place to try another)"
)
_LATE = "context deadline exceeded"


class WebhookCaller:
    """Calls webhooks for one cluster."""

    def __init__(self, cluster: ControlPlane) -> None:
        self._cluster = cluster

    def __call__(self, config: Fields, body: bytes, timeout_s: int) -> bytes:
        """The body of the answer. Raises CallFailed."""
        reference = config.get("service") or {}
        path, port = str(reference.get("path") or ""), int(reference.get("port") or 443)
        name, namespace = str(reference.get("name")), str(reference.get("namespace"))
        host = f"{name}.{namespace}.svc"
        url = f"https://{host}:{port}{path}?timeout={timeout_s}s"
        try:
            ip = self._address(namespace, name, port)
            answer = self._post(ip, port, host, f"{path or '/'}?timeout={timeout_s}s", body, timeout_s, config)
        except CallFailed as failed:
            raise CallFailed(f"Post {go_quote(url)}: {failed}") from None
        if not 200 <= answer.status < 300:
            words = "the server could not find the requested resource"
            if answer.status != 404:
                said = answer.body.decode(errors="replace")[:200]
                words = f"an error on the server ({go_quote(said)}) has prevented the request from succeeding"
            raise CallFailed(words)
        return answer.body

    def _address(self, namespace: str, name: str, port: int) -> str:
        """The Service's address, if it leads anywhere. Raises CallFailed."""
        service = self._cluster.store.get("services", f"{namespace}/{name}")
        if service is None:
            raise CallFailed(f"service {go_quote(name)} not found")
        chosen = next((each for each in service["spec"].get("ports") or () if each.get("port") == port), None)
        if chosen is None:
            raise CallFailed(f"no service port {port} found for service {go_quote(name)}")
        if not self._cluster.network.endpoints_of(service, chosen):
            raise CallFailed(f"no endpoints available for service {go_quote(name)}")
        ip = str(service["spec"].get("clusterIP") or "None")
        return f"{name}.{namespace}.svc.cluster.local" if ip == "None" else ip

    def _post(
        self, ip: str, port: int, host: str, target: str, body: bytes, timeout_s: int, config: Fields
    ) -> http.HttpResponse:
        network, source_ip = self._cluster.network, next(iter(self._cluster.kubelets.values())).host_ip
        outcome: list[http.HttpResponse | NetworkError] = []
        headers = {"Host": f"{host}:{port}", "Content-Type": "application/json", "Accept": "application/json"}
        try:
            at, number = network.endpoint(source_ip, ip, port)
            network.connect(source_ip, at, number).close()  # refused before anything is shown
        except NetworkError as error:
            raise CallFailed(_unreachable(ip, port, error)) from None
        shown = network.certificate(at, number)
        if shown is None:
            raise CallFailed(_NO_TLS)
        problem = x509.problem(shown, _bundle(config), host, self._cluster.loop.now_s)
        if problem:
            raise CallFailed(f"tls: failed to verify certificate: {problem}")
        http.request(
            network, source_ip, at, number, target, outcome.append,
            method="POST", headers=headers, body=body, tls=True, timeout_s=float(timeout_s), housekeeping=True,
        )  # fmt: skip
        if not outcome:
            raise CallFailed(_LATE)  # it will answer some time: nobody waits for it here
        found = outcome[0]
        if isinstance(found, NetworkError):
            raise CallFailed(_unreachable(ip, port, found))
        if _took_s(found) >= timeout_s:
            raise CallFailed(_LATE)
        return found


def _unreachable(ip: str, port: int, error: NetworkError) -> str:
    return _LATE if error.reason == "timed out" else f"dial tcp {ip}:{port}: connect: {error.reason}"


def _took_s(answer: http.HttpResponse) -> float:
    headers: Object = {key.lower(): value for key, value in answer.headers.items()}
    try:
        return float(headers.get(TOOK, 0))
    except ValueError:
        return 0.0


def _bundle(config: Fields) -> str:
    try:
        return base64.b64decode(config.get("caBundle") or "").decode("ascii", "replace")
    except (ValueError, binascii.Error):
        return ""
