"""ReplicationControllers: the ReplicaSet controller's other kind."""

from __future__ import annotations

from typing import Any

from statelab.controlplane.kinds import Object


def replication_controller(replicas: int = 2) -> Object:
    spec = {"containers": [{"name": "nginx", "image": "nginx:1.27"}], "terminationGracePeriodSeconds": 1}
    template = {"metadata": {"labels": {"app": "old"}}, "spec": spec}
    return {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": "old"},
        "spec": {"replicas": replicas, "template": template},
    }


def test_it_keeps_its_number_of_pods_and_scales(cluster: Any) -> None:
    cluster.apply(replication_controller())
    cluster.settle(10)
    found = cluster.get("replicationcontrollers", "old")
    assert found["spec"]["selector"] == {"app": "old"}  # filled in from the template
    assert (found["status"]["replicas"], found["status"]["availableReplicas"]) == (2, 2)
    assert "terminatingReplicas" not in found["status"]
    cluster.delete("pods", cluster.names("pods")[0])
    cluster.settle(10)
    assert len(cluster.names("pods")) == 2
    cluster.plane.scale("replicationcontrollers", "default/old", 1)
    cluster.settle(10)
    assert len(cluster.names("pods")) == 1
    scale = cluster.plane.api.read("replicationcontrollers", "default", "old", "scale")
    assert scale["status"] == {"replicas": 1, "selector": "app=old"}


def test_it_adopts_what_its_map_selects_and_nothing_else(cluster: Any) -> None:
    for name, app in (("mine", "old"), ("other", "new")):
        spec = {"containers": [{"name": "nginx", "image": "nginx:1.27"}]}
        metadata = {"name": name, "labels": {"app": app}}
        cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    cluster.settle(5)
    cluster.apply(replication_controller(1))
    cluster.settle(10)
    assert cluster.names("pods") == ["mine", "other"]
    assert cluster.get("pods", "mine")["metadata"]["ownerReferences"][0]["kind"] == "ReplicationController"
    assert "ownerReferences" not in cluster.get("pods", "other")["metadata"]


def test_deleted_as_the_api_defaults_it_leaves_its_pods(cluster: Any) -> None:
    cluster.apply(replication_controller())
    cluster.settle(10)
    cluster.plane.api.delete("replicationcontrollers", "default", "old", {}, cluster.plane.options())
    cluster.settle(10)
    assert (cluster.names("replicationcontrollers"), len(cluster.names("pods"))) == ([], 2)
