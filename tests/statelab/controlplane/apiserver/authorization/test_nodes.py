"""What the kubelet of a node may: of the Pods there and what they need, and write no more than its node's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from statelab.controlplane import ControlPlane

Ask = Callable[..., tuple[int, Any]]
DEFAULT, NODES = "/api/v1/namespaces/default", "/api/v1/nodes"


def test_a_kubelet_may_what_its_node_needs(cluster: ControlPlane, ask: Ask) -> None:
    env = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "mine", "key": "a"}}}]
    container = {"name": "c", "image": "nginx:1.27-alpine", "env": env}
    volumes = [{"name": "v", "configMap": {"name": "mine"}}, {"name": "d", "persistentVolumeClaim": {"claimName": "d"}}]
    for name in ("mine", "other"):
        ask("POST", f"{DEFAULT}/secrets", {"metadata": {"name": name}, "stringData": {"a": "b"}})
        ask("POST", f"{DEFAULT}/configmaps", {"metadata": {"name": name}})
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    ask("POST", f"{DEFAULT}/persistentvolumeclaims", {"metadata": {"name": "d"}, "spec": claim})
    spec = {"containers": [container], "volumes": volumes, "nodeSelector": {"kubernetes.io/hostname": "kind-worker"}}
    assert ask("POST", f"{DEFAULT}/pods", {"metadata": {"name": "p"}, "spec": spec})[0] == 201
    cluster.settle()
    (volume,) = ask("GET", "/api/v1/persistentvolumes")[1]["items"]

    def asked(method: str, path: str, body: Any = None, node: str = "kind-worker") -> tuple[int, str]:
        who = {"user": f"system:node:{node}", "impersonate_group": "system:nodes"}
        code, said = ask(method, path, body, **who)
        return code, said["message"].rpartition(": ")[2] if code >= 400 else ""

    unrelated = "no relationship found between node 'kind-worker2' and this object"
    for path in (
        f"{DEFAULT}/secrets/mine", f"{DEFAULT}/configmaps/mine", f"{DEFAULT}/pods/p",
        f"{DEFAULT}/persistentvolumeclaims/d", f"/api/v1/persistentvolumes/{volume['metadata']['name']}",
    ):  # fmt: skip
        assert asked("GET", path) == (200, ""), path
        assert asked("GET", path, None, "kind-worker2") == (403, unrelated), path
    assert asked("GET", f"{DEFAULT}/secrets/other")[0] == 403
    assert asked("GET", f"{DEFAULT}/secrets") == (403, "No Object name found")
    assert asked("DELETE", f"{DEFAULT}/secrets/mine") == (403, "can only read resources of this type")
    own = "node 'kind-worker' cannot read 'kind-worker2', only its own Node object"
    assert asked("GET", f"{NODES}/kind-worker2") == (403, own)
    assert asked("GET", NODES) == (403, "node 'kind-worker' cannot read all nodes, only its own Node object")
    assert asked("GET", f"{NODES}?fieldSelector=metadata.name=kind-worker")[0] == 200
    assert asked("GET", "/api/v1/pods?fieldSelector=spec.nodeName=kind-worker")[0] == 200
    assert asked("GET", "/api/v1/pods") == (403, "can only list/watch pods with spec.nodeName field selector")
    assert asked("GET", "/api/v1/services")[0] == 200
    assert asked("POST", f"{DEFAULT}/configmaps", {"metadata": {"name": "x"}})[0] == 403

    other = 'node "kind-worker" is not allowed to modify node "kind-worker2"'
    merge = "application/merge-patch+json"
    who: dict[str, str] = {"user": "system:node:kind-worker", "impersonate_group": "system:nodes", "type": merge}
    code, said = ask("PATCH", f"{NODES}/kind-worker2", {"metadata": {"labels": {"a": "b"}}}, **who)
    assert (code, said["message"]) == (403, f'nodes "kind-worker2" is forbidden: {other}')
    code, said = ask("PATCH", f"{NODES}/kind-worker", {"metadata": {"labels": {"x.kubernetes.io/a": "b"}}}, **who)
    assert said["message"].endswith('node "kind-worker" is not allowed to modify labels: x.kubernetes.io/a')
    assert ask("PATCH", f"{NODES}/kind-worker", {"metadata": {"labels": {"a": "b"}}}, **who)[0] == 200
    code, said = ask("PATCH", f"{NODES}/kind-worker", {"spec": {"podCIDR": "10.9.0.0/24"}}, type=merge)
    words = 'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'
    assert (code, said["message"]) == (422, f'Node "kind-worker" is invalid: {words}')
    plain = {"metadata": {"name": "q"}, "spec": {"containers": [{"name": "c", "image": "nginx:1.27-alpine"}]}}
    assert asked("POST", f"{DEFAULT}/pods", plain)[1].endswith('node "kind-worker" can only create mirror pods')
    elsewhere = 'node "kind-worker2" can only delete pods with spec.nodeName set to itself'
    assert asked("DELETE", f"{DEFAULT}/pods/p", None, "kind-worker2") == (403, elsewhere)
    mine = "node kind-worker2 can only evict pods with spec.nodeName set to itself"
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p", "namespace": "default"}}
    assert asked("POST", f"{DEFAULT}/pods/p/eviction", eviction, "kind-worker2") == (403, mine)
    unbound = "node requested token not bound to a pod"
    assert asked("POST", f"{DEFAULT}/serviceaccounts/default/token", {"spec": {}}) == (403, unbound)
    assert asked("DELETE", f"{DEFAULT}/pods/p")[0] == 200
