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
    assert _ask(cluster, f"{proxy}/logs/")[1].endswith(
        '<pre>\n<a href="containers/">containers/</a>\n<a href="pods/">pods/</a>\n</pre>\n'
    )
    code, body = _ask(cluster, f"{proxy}/configz")
    told = json.loads(body)["kubeletconfig"]
    assert (code, told["clusterDNS"], told["maxPods"]) == (200, ["10.96.0.10"], 1000)


def test_logs_lie_below_the_nodes_var_log_as_the_runtime_writes_them(cluster):
    found = cluster.get("pods", "default/here")
    assert found is not None
    folder = f"pods/default_here_{found['metadata']['uid']}"
    assert f'<a href="default_here_{found["metadata"]["uid"]}/">' in _ask(cluster, f"{BASE}/proxy/logs/pods/")[1]
    assert '<a href="0.log">0.log</a>' in _ask(cluster, f"{BASE}/proxy/logs/{folder}/main/")[1]
    code, log = _ask(cluster, f"{BASE}/proxy/logs/{folder}/main/0.log")
    assert code == 200 and [line.split(" ", 1)[1] for line in log.splitlines()] == ["stdout F hello", "stdout F again"]
    identity = found["status"]["containerStatuses"][0]["containerID"].rpartition("/")[2]
    assert _ask(cluster, f"{BASE}/proxy/logs/containers/here_default_main-{identity}.log") == (200, log)
    assert "there_" not in _ask(cluster, f"{BASE}/proxy/logs/containers/")[1]
    for path in ("logs/pods/nobody/", "logs/pods/default_here/main/0.log", "logs/../secret"):
        assert _ask(cluster, f"{BASE}/proxy/{path}")[0] == 404


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
