"""The Leases by which kubelets say that they are alive: read only, made of what the node lifecycle controller goes by.

`kubectl describe node` shows one. Nobody else can hold a Lease here, so none can be created or watched.
Source: k8s.io/component-helpers/apimachinery/lease (the kubelet's), pkg/kubelet/util/nodelease.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from statelab.controlplane.apiserver.encoding import negotiation
from statelab.controlplane.apiserver.encoding.request import Request, Response
from statelab.controlplane.apiserver.serving import forms
from statelab.controlplane.clock import micro_timestamp, seconds
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object

if TYPE_CHECKING:
    from statelab.controlplane.controlplane import ControlPlane

PATH = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
_API_VERSION = "coordination.k8s.io/v1"
_RENEWED_EVERY_S, _LASTS_S = 10, 40


def answer(cluster: ControlPlane, request: Request) -> Response | None:
    """The Lease or the list of them that is asked for; None when it is something else that is asked. Raises 404."""
    if request.method != "GET" or "watch" in request.query or not request.path.startswith(PATH):
        return None
    name = request.path.removeprefix(PATH).strip("/")
    found = [lease for node in cluster.store.list("nodes") if (lease := _lease(cluster, node)) is not None]
    form = negotiation.form_of(request.headers.get("accept", ""))
    if not name:
        metadata = {"resourceVersion": str(cluster.store.revision)}
        shown: Object = {"kind": "LeaseList", "apiVersion": _API_VERSION, "metadata": metadata, "items": found}
        return forms.encoded(request, shown, 200, form)
    for lease in found:
        if lease["metadata"]["name"] == name:
            return forms.encoded(request, lease, 200, form)
    details = {"name": name, "group": "coordination.k8s.io", "kind": "leases"}
    raise ApiError(404, "NotFound", f'leases.coordination.k8s.io "{name}" not found', details)


def _lease(cluster: ControlPlane, node: Object) -> Object | None:
    metadata = node["metadata"]
    kubelet = cluster.kubelets.get(metadata["name"])
    if kubelet is None:
        return None  # a Node that somebody made: no kubelet speaks for it
    begun_s = seconds(metadata["creationTimestamp"])
    renewed_s = begun_s + (kubelet.heard_s() - begun_s) // _RENEWED_EVERY_S * _RENEWED_EVERY_S
    owner = {"apiVersion": "v1", "kind": "Node", "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "kind": "Lease",
        "apiVersion": _API_VERSION,
        "metadata": {
            "name": metadata["name"],
            "namespace": "kube-node-lease",
            "creationTimestamp": metadata["creationTimestamp"],
            "ownerReferences": [owner],
        },
        "spec": {
            "holderIdentity": metadata["name"],
            "leaseDurationSeconds": _LASTS_S,
            "renewTime": micro_timestamp(renewed_s),
        },
    }
