"""The proxy to a node: what a kubelet says of itself at its port 10250, asked by way of the API server.

There is its health, its Pods, their logs, the files these lie in, and what it goes by. What it would have to measure
(metrics, stats) is not simulated, and says so.
Source: pkg/kubelet/server/server.go.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from statelab.controlplane.apiserver.encoding.request import Answer, Request, Response
from statelab.controlplane.apiserver.serving import logs, node_files, nonresource
from statelab.controlplane.errors import ApiError
from statelab.reader import jsonbytes

if TYPE_CHECKING:
    from statelab.controlplane.controlplane import ControlPlane

_PATH = re.compile(r"/api/v1/nodes/(?:https?:)?([^/:]+)(?::(\d*))?/proxy(/.*)?")
_PORT = "10250"
_HTML, _TEXT = "text/html; charset=utf-8", "text/plain; charset=utf-8"
_MEASURED = ("/metrics", "/stats", "/debug", "/exec", "/run", "/attach", "/portForward")


def answer(cluster: ControlPlane, request: Request) -> Answer | None:
    """What the node's kubelet says; None where the path is no node's proxy. Raises ApiError."""
    found = _PATH.fullmatch(request.path)
    if found is None:
        return None
    name, port, path = unquote(found[1]), found[2] or _PORT, found[3] or "/"
    node = cluster.api.read("nodes", "", name)
    kubelet = cluster.kubelets.get(name)
    if kubelet is None or not kubelet.is_running or port != _PORT:
        addresses = [each["address"] for each in (node.get("status") or {}).get("addresses") or ()]
        why = "connection refused" if kubelet is not None and kubelet.is_running else "no route to host"
        where = f"dial tcp {next(iter(addresses), name)}:{port}: connect: {why}"
        raise ApiError(503, "ServiceUnavailable", f"error trying to reach service: {where}")
    if path.startswith(_MEASURED):
        raise nonresource.unserved("nodes/proxy")
    if request.method not in ("GET", "HEAD"):
        return Response(405, b"405: Method Not Allowed", _TEXT)
    if path == "/healthz":
        return Response(200, b"ok", _TEXT)
    if path.rstrip("/") in ("/pods", "/runningpods"):
        here = [each for each in cluster.store.list("pods") if each["spec"].get("nodeName") == name]
        body = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": here}
        return Response(200, jsonbytes.dumps(body), "application/json")
    if path == "/configz":
        return Response(200, jsonbytes.dumps({"kubeletconfig": node_files.configuration()}), "application/json")
    if path.startswith("/logs/"):
        return _file(cluster, name, unquote(path.removeprefix("/logs/")))
    parts = [unquote(each) for each in path.strip("/").split("/")]
    if parts[0] == "containerLogs" and len(parts) == 4:
        namespace, pod, container = parts[1:]
        asked = replace(request, query={**request.query, "container": [container]})
        return logs.answer(cluster, asked, namespace, pod)
    return Response(404, b"404 page not found\n", _TEXT)


def _file(cluster: ControlPlane, node: str, path: str) -> Response:
    """A log, or a folder of logs, below the node's /var/log."""
    found = node_files.files(cluster, node)
    if path in found:
        return Response(200, found[path], _TEXT)
    listed = node_files.listing((*found, "containers/", "pods/"), path) if path.endswith("/") or not path else None
    return (
        Response(200, listed.encode(), _HTML) if listed is not None else Response(404, b"404 page not found\n", _TEXT)
    )
