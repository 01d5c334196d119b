"""What is below no resource: versions, health, discovery, OpenAPI; and the words for what this server does not have.

Source: apiserver/pkg/server/routes, pkg/server/healthz, pkg/endpoints/discovery.
"""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from statelab.controlplane.apiserver.encoding import negotiation
from statelab.controlplane.apiserver.encoding.request import Request, Response
from statelab.controlplane.apiserver.registry.served import ServedKinds
from statelab.controlplane.apiserver.serving import discovery, forms, oidc, openapi, openapi_protobuf
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import KINDS, Object
from statelab.version import KUBERNETES_VERSION

if TYPE_CHECKING:
    from statelab.controlplane.controlplane import ControlPlane

_CHECKS = ("ping", "log", "etcd", "poststarthook/start-controllers", "poststarthook/start-kubelets")
_ELSEWHERE = (
    "StateLab does not simulate {what}; a real cluster made with kind is the place to try it: `kind create cluster`"
)
_NEVER_MEANT = {
    "pods.metrics.k8s.io": "metrics (`kubectl top`)",
    "nodes.metrics.k8s.io": "metrics (`kubectl top`)",
    "nodes/proxy": "this of a node's kubelet (metrics, stats, exec)",
}


def answer(cluster: ControlPlane, request: Request) -> Response:
    """The answer for a path that names no resource. Raises ApiError 404, 405."""
    path = request.path.rstrip("/") or "/"
    if request.method not in ("GET", "HEAD"):
        if path.startswith(("/api", "/apis")):
            found = _resource_of_path(path)
            if found:
                raise unserved(found)
        raise method_not_allowed()
    if path in ("/healthz", "/livez", "/readyz"):
        return _health(path, "verbose" in request.query)
    if path.startswith(("/healthz/", "/livez/", "/readyz/")):
        name = path.split("/", 2)[2]
        if name in _CHECKS:
            return Response(200, b"ok", "text/plain; charset=utf-8")
        raise not_found()
    if path == "/version":
        return forms.encoded(request, version(), 200, negotiation.JSON)
    if path == "/":
        return forms.encoded(request, {"paths": _paths()}, 200, negotiation.JSON)
    if path in (oidc.CONFIGURATION, oidc.KEYS):
        return oidc.answer(cluster.api.tokens.signer, path)
    if path == "/metrics" or path.startswith(("/metrics/", "/debug", "/logs")):
        raise not_simulated("the metrics and debugging pages of a server")
    if path == "/openapi/v2" or path.startswith("/openapi/v3"):
        return _openapi(request, path, cluster.api.kinds)
    return _discovery(request, path, cluster.api.kinds)


def version() -> Object:
    """What GET /version says: a Kubernetes version, marked as ours."""
    major, minor, _ = KUBERNETES_VERSION.split(".")
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        "gitVersion": f"v{KUBERNETES_VERSION}+statelab",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": f"python{platform.python_version()}",
        "platform": f"{platform.system().lower()}/{_architecture()}",
    }


def not_found(hint: str = "") -> ApiError:
    message = "the server could not find the requested resource"
    return ApiError(404, "NotFound", f"{message} ({hint})" if hint else message, {})


def method_not_allowed() -> ApiError:
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def not_simulated(what: str) -> ApiError:
    return not_found(_ELSEWHERE.format(what=what))


def unserved(group_resource: str) -> ApiError:
    """404 for a resource that a Kubernetes may have and this one has not."""
    if group_resource in _NEVER_MEANT:
        return not_simulated(_NEVER_MEANT[group_resource])
    resource, _, part = group_resource.partition("/")
    served = KINDS.get(resource.partition(".")[0])
    if served is None:
        return not_simulated(group_resource)
    return not_found("" if part else f"{served.name} is served as {served.api_version}")  # no Kubernetes has the part


def is_of_nobody(group_resource: str) -> bool:
    """Whether a group is none of Kubernetes' and no definition serves the resource: then there is no page at all."""
    group = group_resource.partition("/")[0].partition(".")[2]
    return not group.endswith(("k8s.io", "kubernetes.io")) and "." in group


def _architecture() -> str:
    machine = platform.machine().lower()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def _health(path: str, verbose: bool) -> Response:
    if not verbose:
        return Response(200, b"ok", "text/plain; charset=utf-8")
    lines = [f"[+]{name} ok" for name in _CHECKS] + [f"{path.lstrip('/')} check passed", ""]
    return Response(200, "\n".join(lines).encode(), "text/plain; charset=utf-8")


def _paths() -> list[str]:
    paths = {"/.well-known", "/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz"}
    paths |= {oidc.CONFIGURATION, oidc.KEYS}
    for group, version in discovery.group_versions():
        if group:
            paths |= {f"/apis/{group}", f"/apis/{group}/{version}"}
    return sorted((paths - {"/.well-known"}) | {"/statelab/v1", "/version"})


def _discovery(request: Request, path: str, kinds: ServedKinds) -> Response:
    accept = request.headers.get("accept", "")
    if path in ("/api", "/apis"):
        form = negotiation.form_of(accept, ("APIGroupDiscoveryList",))
        if form.what:
            body = discovery.aggregated(path, form.version, kinds.custom, kinds.others)
            content_type = f"application/json;g={form.group};v={form.version};as={form.what}"
            response = forms.json_response(body)
            response.content_type = content_type
            return response
    found = discovery.document(path, kinds.custom, kinds.others)
    if found is None:
        resource = _resource_of_path(path)
        if resource:
            raise unserved(resource)
        raise not_found()
    return forms.encoded(request, found, 200, negotiation.form_of(accept))


def _resource_of_path(path: str) -> str:
    """What a path below a group that is not served would be: `/apis/batch/v1/jobs` is jobs.batch."""
    parts = path.strip("/").split("/")
    if parts[0] != "apis" or len(parts) < 2:
        return ""
    return f"group {parts[1]}" if len(parts) < 4 else f"{parts[-1]}.{parts[1]}"


def _openapi(request: Request, path: str, kinds: ServedKinds) -> Response:
    if path == "/openapi/v2" and openapi_protobuf.MEDIA_TYPE in request.headers.get("accept", ""):
        return Response(200, openapi_protobuf.document(), openapi_protobuf.CONTENT_TYPE)
    found = openapi.document(path, kinds.custom)
    if found is None:
        raise not_found()
    return Response(200, found)
