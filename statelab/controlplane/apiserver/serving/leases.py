"""The Leases by which kubelets, the scheduler and the controller manager say that they are alive.

Made when somebody looks, of what the node lifecycle controller goes by: written every few seconds, as on a real
cluster, they would fill the history. They can be read, not written or watched; all other Leases are stored.
Source: k8s.io/component-helpers/apimachinery/lease (the kubelet's), pkg/kubelet/util/nodelease.go,
client-go/tools/leaderelection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from statelab.controlplane.clock import micro_timestamp, seconds
from statelab.controlplane.kinds import Object, Objects, uid_of

if TYPE_CHECKING:
    from statelab.controlplane.controlplane import ControlPlane

_API_VERSION = "coordination.k8s.io/v1"
_NODES, _SYSTEM = "kube-node-lease", "kube-system"
_RENEWED_EVERY_S, _LASTS_S = 10, 40
_LEADERS = ("kube-controller-manager", "kube-scheduler")
_LEADER_RENEWED_EVERY_S, _LEADER_LASTS_S = 2, 15


def held(cluster: ControlPlane, namespace: str = "") -> Objects:
    """The Leases of nodes and leaders in one namespace, or ("") in all."""
    found: Objects = []
    if namespace in ("", _NODES):
        found += [lease for node in cluster.store.list("nodes") if (lease := _of_node(cluster, node)) is not None]
    if namespace in ("", _SYSTEM):
        found += [_of_leader(cluster, name) for name in _LEADERS]
    return [lease for lease in found if cluster.store.get("leases", _key(lease)) is None]


def find(cluster: ControlPlane, namespace: str, name: str) -> Object | None:
    """The Lease of a node or a leader, if it is one of those."""
    return next((lease for lease in held(cluster, namespace) if lease["metadata"]["name"] == name), None)


def _key(lease: Object) -> str:
    return f"{lease['metadata']['namespace']}/{lease['metadata']['name']}"


def _of_node(cluster: ControlPlane, node: Object) -> Object | None:
    metadata = node["metadata"]
    kubelet = cluster.kubelets.get(metadata["name"])
    if kubelet is None:
        return None  # a Node that somebody made: no kubelet speaks for it
    owner = {"apiVersion": "v1", "kind": "Node", "name": metadata["name"], "uid": metadata["uid"]}
    spec: Object = {"holderIdentity": metadata["name"], "leaseDurationSeconds": _LASTS_S}
    lease = _lease(cluster, _NODES, metadata["name"], node, spec, kubelet.heard_s(), _RENEWED_EVERY_S)
    lease["metadata"]["ownerReferences"] = [owner]
    return lease


def _of_leader(cluster: ControlPlane, name: str) -> Object:
    namespace = cluster.store.get("namespaces", _SYSTEM) or {"metadata": {"uid": "", "creationTimestamp": ""}}
    holder = f"{next(iter(cluster.kubelets))}_{uid_of(name, namespace['metadata']['uid'])}"
    begun = namespace["metadata"]["creationTimestamp"]
    spec: Object = {"acquireTime": micro_timestamp(seconds(begun)), "holderIdentity": holder}
    spec |= {"leaseDurationSeconds": _LEADER_LASTS_S, "leaseTransitions": 0}
    return _lease(cluster, _SYSTEM, name, namespace, spec, cluster.loop.now_s, _LEADER_RENEWED_EVERY_S)


def _lease(
    cluster: ControlPlane, namespace: str, name: str, like: Object, spec: Object, heard_s: float, every_s: int
) -> Object:
    begun = like["metadata"]["creationTimestamp"]
    renewed_s = seconds(begun) + (heard_s - seconds(begun)) // every_s * every_s
    return {
        "kind": "Lease",
        "apiVersion": _API_VERSION,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": uid_of(f"{namespace}/{name}", like["metadata"]["uid"]),
            "resourceVersion": str(cluster.store.revision),
            "creationTimestamp": begun,
        },
        "spec": {**spec, "renewTime": micro_timestamp(renewed_s)},
    }
