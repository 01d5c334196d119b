"""What policies and webhooks are told of a request that connects: exec, attach, forwarded ports, and proxies.

Source: apiserver/pkg/endpoints/handlers/rest.go (ConnectResource); pkg/apis/core/types.go (the options).
"""

from __future__ import annotations

from statelab.controlplane.apiserver.authorization import attributes
from statelab.controlplane.apiserver.encoding.request import Request, Target
from statelab.controlplane.apiserver.registry.resources import ApiServer
from statelab.controlplane.apiserver.serving import options
from statelab.controlplane.kinds import KINDS, Object

_OPTIONS = {"exec": "PodExecOptions", "attach": "PodAttachOptions", "portforward": "PodPortForwardOptions"}
_PROXIES = {"pods": "PodProxyOptions", "services": "ServiceProxyOptions", "nodes": "NodeProxyOptions"}


def to_pod(api: ApiServer, request: Request, target: Target, warnings: list[str]) -> None:
    """Ask whether somebody may connect to a Pod by a subresource. Raises ApiError."""
    asked: Object = {"apiVersion": "v1", "kind": _OPTIONS[target.subresource]}
    for key in ("stdin", "stdout", "stderr", "tty"):
        if options.boolean(request, key):
            asked[key] = True
    if request.first("container"):
        asked["container"] = request.first("container")
    if request.query.get("command"):
        asked["command"] = list(request.query["command"])
    about = {"name": target.name, "namespace": target.namespace}
    wanted = options.write_options(request, "CreateOptions", warnings)
    api.policies.connect(target.kind, about, target.subresource, asked, wanted)


def to_proxy(api: ApiServer, request: Request, warnings: list[str]) -> None:
    """Ask whether somebody may have a request passed on, if that is what it is for. Raises ApiError."""
    asked = attributes.of(request.method, request.path, request.query)
    if asked.subresource != "proxy" or asked.group or asked.resource not in _PROXIES:
        return
    path = request.path.partition("/proxy")[2]
    obj: Object = {"apiVersion": "v1", "kind": _PROXIES[asked.resource], **({"path": path} if path else {})}
    name = asked.name.removeprefix("http:").removeprefix("https:").partition(":")[0]
    about = {"name": name, "namespace": asked.namespace}
    wanted = options.write_options(request, "CreateOptions", warnings)
    api.policies.connect(KINDS[asked.resource], about, "proxy", obj, wanted)
