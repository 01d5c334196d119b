"""Looking on until a namespace is at rest, without saying how it will end."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from statelab.controlplane import ControlPlane
from statelab.tab import TabCluster

IMAGE = "registry.k8s.io/nginx-slim:0.24"


@pytest.fixture
def cluster() -> Iterator[TabCluster]:
    made = TabCluster(ControlPlane())
    made.use("lesson")
    yield made
    made.driver.close()


def make(cluster: TabCluster, kind: str, name: str, spec: dict[str, Any], version: str = "v1") -> None:
    cluster.plane.create(
        {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "lesson"}, "spec": spec}
    )


def pod(**more: Any) -> dict[str, Any]:
    container = {"name": "web", "image": IMAGE, **more}
    return {"containers": [container], "terminationGracePeriodSeconds": 1}


def claim(**more: Any) -> dict[str, Any]:
    return {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **more}


def phase(cluster: TabCluster, what: str) -> Any:
    found = cluster.get(what)
    return found and found["status"]["phase"]


def test_a_pod_that_gets_ready_is_seen_ready_and_no_longer_waited_for(cluster):
    make(cluster, "Pod", "web", pod())
    begun_s = cluster.clock.now_s()
    assert cluster.wait_and_see(60)
    assert cluster.get("pod/web")["status"]["containerStatuses"][0]["ready"]
    assert cluster.clock.now_s() - begun_s < 60


def test_a_pod_that_crashes_again_and_again_is_seen_so_when_the_time_is_over(cluster):
    make(cluster, "Pod", "web", pod(command=["sh", "-c", "exit 1"]))
    begun_s = cluster.clock.now_s()
    assert not cluster.wait_and_see(25)
    assert 25 <= cluster.clock.now_s() - begun_s <= 26
    assert cluster.get("pod/web")["status"]["containerStatuses"][0]["restartCount"] >= 1


def test_a_claim_that_waits_for_somebody_is_at_rest(cluster):
    make(cluster, "PersistentVolumeClaim", "data", claim())
    assert cluster.wait_and_see(30)
    assert phase(cluster, "pvc/data") == "Pending"


def test_a_set_is_at_rest_with_its_last_pod_and_a_job_when_it_has_failed(cluster):
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod()}
    spec = {"serviceName": "web", "replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    make(cluster, "StatefulSet", "web", spec, "apps/v1")
    failing = copy.deepcopy(template)
    failing["spec"] |= {"restartPolicy": "Never"} | pod(command=["sh", "-c", "exit 1"])
    failing["metadata"] = {}
    make(cluster, "Job", "backup", {"backoffLimit": 1, "template": failing}, "batch/v1")
    assert cluster.wait_and_see(120)
    assert cluster.get("sts/web")["status"]["readyReplicas"] == 3
    assert [each["type"] for each in cluster.get("job/backup")["status"]["conditions"]][-1] == "Failed"


def test_what_is_deleted_is_waited_for_until_its_volume_is_gone_too(cluster):
    make(cluster, "PersistentVolumeClaim", "data", claim())
    mounted = pod(volumeMounts=[{"name": "data", "mountPath": "/data"}])
    make(
        cluster, "Pod", "web", mounted | {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}
    )
    assert cluster.wait_and_see(60)
    volume = cluster.get("pvc/data")["spec"]["volumeName"]
    cluster.delete("pvc/data")
    assert not cluster.wait_and_see(5)  # it waits for the Pod
    cluster.delete("pod/web")
    assert cluster.wait_and_see(60)
    assert (cluster.get("pvc/data"), cluster.get(f"pv/{volume}")) == (None, None)


def test_other_namespaces_and_their_volumes_are_not_looked_at(cluster):
    cluster.use("other")
    assert cluster.wait_and_see(20)
    cluster.plane.create(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "never", "namespace": "lesson"},
         "spec": pod() | {"nodeSelector": {"no": "such"}}}
    )  # fmt: skip
    assert cluster.wait_and_see(20)
    cluster.use("lesson")
    assert not cluster.wait_and_see(20)
