"""Types with commas and names behind them: each of both. Source: cli-runtime's resource/builder.go."""

from __future__ import annotations

from statelab.controlplane import ControlPlane
from statelab.kubectl import Kubectl
from statelab.kubectl.in_process import InProcess


def test_types_with_commas_are_looked_for_under_each_name() -> None:
    cluster = ControlPlane(seed=0)
    for name in ("web", "shop"):
        spec = {"ports": [{"port": 80}]}
        cluster.create({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})
        cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
    kubectl = Kubectl(InProcess(cluster), lambda until, timeout_s: cluster.loop.run_until(until, timeout_s=timeout_s))
    said = kubectl.run(["get", "svc,cm", "web", "shop", "-o", "name"])
    assert said.stdout.split() == ["service/web", "service/shop", "configmap/web", "configmap/shop"]
    assert kubectl.run(["delete", "svc,configmaps", "web"]).code == 0
    assert cluster.get("services", "default/web") is None
    assert cluster.get("configmaps", "default/web") is None
    assert cluster.get("services", "default/shop") is not None
    assert "no need to specify a resource type" in kubectl.run(["get", "svc,cm", "pod/web"]).stderr
