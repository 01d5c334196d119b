"""The proxy to Pods and Services: a request to the API server that is answered by what listens in a container.

Source: pkg/registry/core/pod/strategy.go (ResourceLocation), pkg/registry/core/service/strategy.go,
apimachinery/pkg/util/proxy.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode

from statelab.controlplane import errors
from statelab.controlplane.apiserver.encoding.request import Request, Response
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object
from statelab.controlplane.runtime import http
from statelab.controlplane.runtime.network import NetworkError

if TYPE_CHECKING:
    from statelab.controlplane.controlplane import ControlPlane

_PATH = re.compile(r"/api/v1/namespaces/([^/]+)/(pods|services)/([^/]+)/proxy(/.*)?")
_KEPT_BACK = {
    "host",
    "authorization",
    "connection",
    "content-length",
    "transfer-encoding",
    "accept-encoding",
    "upgrade",
}
_OWN_HEADERS = {"content-length", "content-type", "connection", "transfer-encoding", "date"}


def answer(cluster: ControlPlane, request: Request) -> Response | None:
    """What the Pod or the Service says; None where the path is no proxy's. Raises ApiError.

    A server that takes its time is not waited for.
    """
    found = _PATH.fullmatch(request.path)
    if found is None:
        return None
    namespace, plural, who = (unquote(each) for each in found.group(1, 2, 3))
    name, port = _name_and_port(plural, who)
    obj = cluster.api.read(plural, namespace, name)
    ip, number = _pod_address(obj, port) if plural == "pods" else _service_address(obj, port)
    pairs = [(key, value) for key, values in request.query.items() for value in values]
    target = (found.group(4) or "/") + (f"?{urlencode(pairs)}" if pairs else "")
    headers = {key: value for key, value in request.headers.items() if key.lower() not in _KEPT_BACK}
    outcome: list[http.HttpResponse | NetworkError] = []
    source_ip = next(iter(cluster.kubelets.values())).host_ip
    http.request(
        cluster.network, source_ip, ip, number, target, outcome.append,
        method=request.method, headers=headers, body=request.body,
    )  # fmt: skip
    if not outcome:
        raise _unreachable("the server did not answer at once; `kubectl port-forward` waits for it")
    if isinstance(outcome[0], NetworkError):
        raise _unreachable(f"dial tcp {ip}:{number}: connect: {outcome[0].reason}")
    said = outcome[0]
    named = {key.lower(): value for key, value in said.headers.items()}
    kept = [(key, value) for key, value in said.headers.items() if key.lower() not in _OWN_HEADERS]
    return Response(said.status, said.body, named.get("content-type", "text/plain; charset=utf-8"), kept)


def _unreachable(why: str) -> ApiError:
    return ApiError(503, "ServiceUnavailable", f"error trying to reach service: {why}")


def _name_and_port(plural: str, who: str) -> tuple[str, str]:
    """Of `web-0`, `web-0:8080` and `http:web-0:8080`: the name, and the port or ""."""
    parts = who.split(":")
    if len(parts) == 3 and parts[0] in ("", "http", "https"):
        parts = parts[1:]
    if len(parts) > 2 or not parts[0]:
        raise errors.bad_request(f'invalid {plural[:-1]} request "{who}"')
    return parts[0], parts[1] if len(parts) == 2 else ""


def _pod_address(pod: Object, port: str) -> tuple[str, int]:
    """Without a port, the first that a container names."""
    ports = [each["containerPort"] for container in pod["spec"]["containers"] for each in container.get("ports") or ()]
    ip = (pod.get("status") or {}).get("podIP", "")
    if not ip:
        raise errors.bad_request("address not allowed")
    return ip, _number(port) if port else ports[0] if ports else 80


def _service_address(service: Object, port: str) -> tuple[str, int]:
    """The port by name or number; without one, the only one there is. A headless Service is asked by its name."""
    metadata, ports = service["metadata"], service["spec"].get("ports") or ()
    chosen = [each for each in ports if port in (str(each["port"]), each.get("name", ""))] if port else list(ports)[:1]
    if not chosen:
        name = f"{metadata['name']}:{port}" if port else metadata["name"]
        raise ApiError(503, "ServiceUnavailable", f'no endpoints available for service "{name}"')
    ip = service["spec"].get("clusterIP") or "None"
    host = f"{metadata['name']}.{metadata['namespace']}.svc.cluster.local" if ip == "None" else ip
    if ip == "None" and isinstance(chosen[0].get("targetPort"), int):
        return host, int(chosen[0]["targetPort"])
    return host, int(chosen[0]["port"])


def _number(port: str) -> int:
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        raise errors.bad_request(f"invalid port {port}")
    return int(port)
