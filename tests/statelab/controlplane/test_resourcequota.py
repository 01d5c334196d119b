"""What a ResourceQuota says is used, as things come, end and go; on a whole cluster."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.errors import ApiError

Object = dict[str, Any]
HARD = {"pods": "2", "count/configmaps": "5", "requests.storage": "3Gi", "persistentvolumeclaims": "2"}


@pytest.fixture
def plane() -> ControlPlane:
    plane = ControlPlane()
    plane.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    plane.settle()
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "limits"}, "spec": {"hard": HARD}}
    plane.create(quota, "shop")
    plane.settle()
    return plane


def pod(name: str, **spec: Any) -> Object:
    wanted = {"terminationGracePeriodSeconds": 1, "containers": [{"name": "main", "image": "nginx:1.27"}], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": wanted}


def status(plane: ControlPlane) -> Object:
    found = plane.get("resourcequotas", "shop/limits")
    assert found is not None
    return found["status"]


def test_a_new_quota_counts_what_is_there(plane: ControlPlane) -> None:
    # Every namespace has the ConfigMap kube-root-ca.crt.
    used = {"pods": "0", "count/configmaps": "1", "requests.storage": "0", "persistentvolumeclaims": "0"}
    assert status(plane) == {"hard": HARD, "used": used}


def test_what_comes_and_goes_is_counted(plane: ControlPlane) -> None:
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
    plane.create(pod("a"), "shop")
    plane.create(
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": claim}, "shop"
    )
    plane.settle()
    assert status(plane)["used"]["pods"] == "1"
    assert (status(plane)["used"]["requests.storage"], status(plane)["used"]["persistentvolumeclaims"]) == ("2Gi", "1")
    plane.delete("pods", "shop/a")
    plane.delete("persistentvolumeclaims", "shop/c")
    plane.settle()
    assert (status(plane)["used"]["pods"], status(plane)["used"]["requests.storage"]) == ("0", "0")


def test_a_pod_that_has_ended_makes_room(plane: ControlPlane) -> None:
    command = {"command": ["sh", "-c", "exit 0"], "image": "busybox:1.36", "name": "main"}
    plane.create(pod("short", containers=[command], restartPolicy="Never"), "shop")
    plane.create(pod("long"), "shop")
    with pytest.raises(ApiError, match="exceeded quota: limits, requested: pods=1, used: pods=2, limited: pods=2"):
        plane.create(pod("more"), "shop")
    plane.settle()
    assert status(plane)["used"]["pods"] == "1"
    plane.create(pod("more"), "shop")


def test_replication_controllers_and_jobs_are_counted_by_their_names(plane: ControlPlane) -> None:
    template = {"metadata": {"labels": {"app": "a"}}, "spec": pod("x")["spec"]}
    hard = {"replicationcontrollers": "0", "count/jobs.batch": "0"}
    plane.patch("resourcequotas", "shop/limits", {"spec": {"hard": hard}})
    plane.settle()
    job = {"template": {"spec": {**template["spec"], "restartPolicy": "Never"}}}
    for version, kind, spec in (("v1", "ReplicationController", {"template": template}), ("batch/v1", "Job", job)):
        with pytest.raises(ApiError, match="exceeded quota: limits"):
            plane.create({"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, "spec": spec}, "shop")
