"""What a kubelet says of itself by way of the API server, and who may hear it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from statelab.controlplane.apiserver.encoding.request import Request, Response
from statelab.controlplane.apiserver.serving.handler import Handler
from statelab.controlplane.controlplane import ControlPlane

BASE = "/api/v1/nodes/kind-worker"


@pytest.fixture
def cluster() -> ControlPlane:
    made = ControlPlane()
    command = ["sh", "-c", "echo hello; echo again; sleep 1000"]
    container = {"name": "main", "image": "busybox:1.36", "command": command}
    for name, node in (("here", "kind-worker"), ("there", "kind-worker2")):
        spec = {"containers": [container], "nodeName": node}
        made.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
    made.settle()
    return made


def _ask(cluster: ControlPlane, path: str, method: str = "GET", **query: Any) -> tuple[int, str]:
    answer = Handler(cluster).handle(Request(method, path, {key: [value] for key, value in query.items()}, {}, b""))
    assert isinstance(answer, Response)
    return answer.code, answer.body.decode()


@pytest.mark.parametrize("port", ["", ":10250"])
def test_a_kubelet_tells_its_health_its_pods_and_their_logs(cluster, port):
    proxy = f"{BASE}{port}/proxy"
    assert _ask(cluster, f"{proxy}/healthz") == (200, "ok")
    code, body = _ask(cluster, f"{proxy}/pods")
    assert (code, [each["metadata"]["name"] for each in json.loads(body)["items"]]) == (200, ["here"])
    assert _ask(cluster, f"{proxy}/containerLogs/default/here/main") == (200, "hello\nagain\n")
    assert _ask(cluster, f"{proxy}/containerLogs/default/here/main", tailLines="1") == (200, "again\n")
    assert '<a href="containers/">' in _ask(cluster, f"{proxy}/logs/")[1]


def test_what_is_not_there_is_told(cluster):
    assert _ask(cluster, f"{BASE}/proxy/nothing")[0] == 404
    assert _ask(cluster, "/api/v1/nodes/nobody/proxy/healthz")[0] == 404
    assert _ask(cluster, f"{BASE}/proxy/containerLogs/default/nobody/main")[0] == 404
    assert _ask(cluster, f"{BASE}/proxy/healthz", "POST")[0] == 405
    assert "kind create cluster" in _ask(cluster, f"{BASE}/proxy/metrics/cadvisor")[1]


def test_a_node_that_is_cut_off_is_not_reached_nor_a_port_where_nobody_listens(cluster):
    assert "connection refused" in _ask(cluster, f"{BASE}:9999/proxy/healthz")[1]
    cluster.kubelets["kind-worker"].stop()
    code, said = _ask(cluster, f"{BASE}/proxy/healthz")
    assert code == 503 and "error trying to reach service: dial tcp" in said and "no route to host" in said


def test_only_who_may_use_the_proxy_hears_it(cluster):
    headers = {"impersonate-user": "jane"}
    answer = Handler(cluster).handle(Request("GET", f"{BASE}/proxy/pods", {}, headers, b""))
    assert isinstance(answer, Response)
    assert answer.code == 403 and b"nodes/proxy" in answer.body
