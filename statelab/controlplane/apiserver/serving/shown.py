"""What every cluster has and can be looked at here, and not changed: APIServices.

Made when somebody looks, of the groups that are served.
Source: kube-aggregator/pkg/controllers/autoregister, pkg/controlplane/apiserver/aggregator.go (priorities).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from statelab.controlplane.apiserver.encoding import negotiation
from statelab.controlplane.apiserver.encoding.request import Request, Response
from statelab.controlplane.apiserver.registry.listing import Page
from statelab.controlplane.apiserver.serving import discovery, forms, nonresource, options
from statelab.controlplane.errors import not_found
from statelab.controlplane.kinds import SHOWN, Kind, Object, Objects, uid_of

if TYPE_CHECKING:
    from statelab.controlplane.controlplane import ControlPlane

_FIRST_OF_GROUPS = {
    "": 18000, "apps": 17800, "events.k8s.io": 17750, "authentication.k8s.io": 17700, "authorization.k8s.io": 17600,
    "autoscaling": 17500, "batch": 17400, "certificates.k8s.io": 17300, "networking.k8s.io": 17200, "policy": 17100,
    "rbac.authorization.k8s.io": 17000, "storage.k8s.io": 16800, "apiextensions.k8s.io": 16700,
    "admissionregistration.k8s.io": 16700, "scheduling.k8s.io": 16600, "coordination.k8s.io": 16500,
    "node.k8s.io": 16300, "discovery.k8s.io": 16200, "flowcontrol.apiserver.k8s.io": 16100,
}  # fmt: skip
_VERSIONS = {("", "v1"): 1, ("autoscaling", "v2"): 30, ("flowcontrol.apiserver.k8s.io", "v1"): 21}


def answer(cluster: ControlPlane, request: Request, resource: str, name: str) -> Response | None:
    """One or all of a kind that can be looked at; None for any other. Raises ApiError 404, 405."""
    kind = SHOWN.get(resource)
    if kind is None or request.method not in ("GET", "HEAD"):
        return None
    asked = options.list_options(request, kind, name)
    if asked.watch:
        raise nonresource.method_not_allowed()
    found = _MADE[resource](cluster)
    now_s = cluster.loop.now_s
    if not name:
        items = [each for each in found if asked.matches is None or asked.matches(each)]
        form = negotiation.form_of(request.headers.get("accept", ""), forms.LIST_VIEWS)
        return forms.of_list(request, kind, Page(items, str(cluster.store.revision)), form, now_s)
    one = next((each for each in found if each["metadata"]["name"] == name), None)
    if one is None:
        raise not_found(kind, name)
    form = negotiation.form_of(request.headers.get("accept", ""), forms.OBJECT_VIEWS)
    return forms.of_object(request, kind, one, 200, form, now_s)


def _object(cluster: ControlPlane, kind: Kind, name: str, born: str, **more: object) -> Object:
    metadata = {
        "name": name, "uid": uid_of(kind.plural, name, born), "resourceVersion": str(cluster.store.revision),
        "creationTimestamp": born,
    }  # fmt: skip
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, **more}


def _begun(cluster: ControlPlane) -> str:
    namespace = cluster.store.get("namespaces", "kube-system") or {}
    return str((namespace.get("metadata") or {}).get("creationTimestamp", ""))


def _api_services(cluster: ControlPlane) -> Objects:
    """One for each group and version that is served; all are local."""
    own = {(kind.group, kind.version) for kind in cluster.api.kinds.custom}
    served = {(group, version) for group, version in discovery.group_versions() if group != "apiregistration.k8s.io"}
    made = [_api_service(cluster, group, version, is_custom=False) for group, version in served]
    made += [_api_service(cluster, group, version, is_custom=True) for group, version in own - served]
    return sorted(made, key=lambda each: str(each["metadata"]["name"]))


def _api_service(cluster: ControlPlane, group: str, version: str, *, is_custom: bool) -> Object:
    born = _begun(cluster)
    available = {
        "type": "Available", "status": "True", "reason": "Local", "lastTransitionTime": born,
        "message": "Local APIServices are always available",
    }  # fmt: skip
    first = 1000 if is_custom else _FIRST_OF_GROUPS.get(group, 16000)
    last = 100 if is_custom else _VERSIONS.get((group, version), 15)
    spec = {"version": version, "groupPriorityMinimum": first, "versionPriority": last}
    spec |= {"group": group} if group else {}
    kind = SHOWN["apiservices.apiregistration.k8s.io"]
    made = _object(cluster, kind, f"{version}.{group}", born, spec=spec, status={"conditions": [available]})
    made["metadata"]["labels"] = {"kube-aggregator.kubernetes.io/automanaged": "true" if is_custom else "onstart"}
    return made


_MADE: dict[str, Callable[[ControlPlane], Objects]] = {
    "apiservices.apiregistration.k8s.io": _api_services,
}
