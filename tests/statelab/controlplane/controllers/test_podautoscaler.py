"""A HorizontalPodAutoscaler on a cluster without metrics: it says so, and still holds its bounds."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.printing import printers
from statelab.controlplane.kinds import Object

NO_METRICS = (
    "failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource "
    "metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)"
)


def scaler(**spec: Any) -> Object:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "maxReplicas": 3, **spec}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"}, "spec": spec}


@pytest.fixture
def cluster() -> ControlPlane:
    cluster = ControlPlane()
    container = {"name": "c", "image": "registry.k8s.io/pause:3.10"}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    cluster.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})
    cluster.settle()
    return cluster


def conditions(cluster: ControlPlane) -> dict[str, tuple[str, str]]:
    found = cluster.get("horizontalpodautoscalers", "default/h")
    assert found is not None
    return {each["type"]: (each["status"], each["reason"]) for each in found["status"]["conditions"]}


def told(cluster: ControlPlane) -> set[str]:
    events = cluster.list("events", "default")
    return {f"{e['reason']}: {e['message']}" for e in events if e["involvedObject"]["kind"].startswith("Horizontal")}


def test_it_says_that_nothing_is_measured(cluster: ControlPlane) -> None:
    cluster.create(scaler())
    cluster.loop.run_for(20)
    assert conditions(cluster) == {
        "AbleToScale": ("True", "SucceededGetScale"),
        "ScalingActive": ("False", "FailedGetResourceMetric"),
    }
    first = (
        f"invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: {NO_METRICS}"
    )
    assert told(cluster) == {f"FailedGetResourceMetric: {NO_METRICS}", f"FailedComputeMetricsReplicas: {first}"}
    found = cluster.get("horizontalpodautoscalers", "default/h")
    assert found is not None
    assert printers.cells("horizontalpodautoscalers", found, 0.0)[1:6] == [
        "Deployment/web", "cpu: <unknown>/80%", "1", 3, 2,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "size", "bound"),
    [({"minReplicas": 3}, 3, "below Spec.MinReplicas"), ({"maxReplicas": 1}, 1, "above Spec.MaxReplicas")],
)
def test_it_holds_its_bounds(cluster: ControlPlane, spec: dict[str, int], size: int, bound: str) -> None:
    cluster.create(scaler(**spec))
    cluster.loop.run_for(20)
    web = cluster.get("deployments", "default/web")
    assert web is not None and web["spec"]["replicas"] == size
    assert f"SuccessfulRescale: New size: {size}; reason: Current number of replicas {bound}" in told(cluster)
    assert conditions(cluster)["AbleToScale"] == ("True", "SucceededRescale")


def test_it_says_that_its_target_is_not_there_or_is_off(cluster: ControlPlane) -> None:
    cluster.scale("deployments", "default/web", 0)
    cluster.create(scaler())
    cluster.loop.run_for(20)
    assert conditions(cluster)["ScalingActive"] == ("False", "ScalingDisabled")
    cluster.delete("deployments", "default/web")
    cluster.loop.run_for(20)
    assert conditions(cluster)["AbleToScale"] == ("False", "FailedGetScale")
    assert 'FailedGetScale: deployments.apps "web" not found' in told(cluster)
