"""The official Python client: over a socket with what a kubeconfig says, and in process without one."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, config, dynamic, watch
from kubernetes.stream import portforward, stream

from statelab.cluster.embedded_transport import api_client
from statelab.controlplane import ControlPlane


def a_pod(name: str, script: str = "sleep 3600") -> dict[str, Any]:
    container = {"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", script]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}}


def a_set(replicas: int = 2) -> dict[str, Any]:
    container = {"name": "nginx", "image": "registry.k8s.io/nginx-slim:0.21", "ports": [{"containerPort": 80}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "web"},
        "spec": {
            "serviceName": "nginx",
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "nginx"}},
            "template": {"metadata": {"labels": {"app": "nginx"}}, "spec": {"containers": [container]}},
        },
    }


@pytest.fixture
def api(server: Any) -> Iterator[client.ApiClient]:
    with config.new_client_from_config(config_file=str(server.kubeconfig)) as made:
        yield made


def ready(api: client.ApiClient, namespace: str, name: str) -> None:
    core = client.CoreV1Api(api)
    for event in watch.Watch().stream(core.list_namespaced_pod, namespace, timeout_seconds=30):
        conditions = event["object"].status.conditions or []
        if event["object"].metadata.name == name and any(c.type == "Ready" and c.status == "True" for c in conditions):
            return
    raise AssertionError(f"{name} is not ready")


def scaled_to(apps: client.AppsV1Api, namespace: str, replicas: int) -> Any:
    """Read and replaced, again where a controller has written the status in between."""
    while True:
        scale = apps.read_namespaced_stateful_set_scale("web", namespace)
        scale.spec.replicas = replicas
        try:
            return apps.replace_namespaced_stateful_set_scale("web", namespace, scale)
        except client.ApiException as refused:
            if refused.status != 409:
                raise


def test_objects_are_made_read_changed_and_removed(api: client.ApiClient, namespace: str) -> None:
    apps = client.AppsV1Api(api)
    made = apps.create_namespaced_stateful_set(namespace, a_set())
    assert made.spec.pod_management_policy == "OrderedReady"
    apps.patch_namespaced_stateful_set_scale("web", namespace, {"spec": {"replicas": 3}})
    assert apps.read_namespaced_stateful_set("web", namespace).spec.replicas == 3
    assert scaled_to(apps, namespace, 1).spec.replicas == 1
    apps.delete_namespaced_stateful_set("web", namespace, propagation_policy="Foreground")
    with pytest.raises(client.ApiException) as refused:
        apps.create_namespaced_stateful_set(namespace, {**a_set(), "metadata": {"name": "No"}})
    assert refused.value.status == 422


def test_a_watch_sees_a_pod_become_ready(api: client.ApiClient, namespace: str) -> None:
    client.CoreV1Api(api).create_namespaced_pod(namespace, a_pod("one"))
    ready(api, namespace, "one")


def test_pages_are_walked(api: client.ApiClient, namespace: str) -> None:
    core = client.CoreV1Api(api)
    for number in range(7):
        core.create_namespaced_config_map(namespace, {"metadata": {"name": f"page-{number}"}})
    names: list[str] = []
    token = None
    while token != "":
        page = core.list_namespaced_config_map(namespace, limit=3, _continue=token)
        names += [item.metadata.name for item in page.items]
        token = page.metadata._continue or ""
    assert [name for name in names if name.startswith("page-")] == [f"page-{number}" for number in range(7)]


def test_exec_over_a_websocket(api: client.ApiClient, namespace: str) -> None:
    core = client.CoreV1Api(api)
    core.create_namespaced_pod(namespace, a_pod("runs"))
    ready(api, namespace, "runs")
    words = {"stderr": True, "stdin": False, "stdout": True, "tty": False}
    said = stream(core.connect_get_namespaced_pod_exec, "runs", namespace, command=["hostname"], **words)
    assert said == "runs\n"
    session = stream(
        core.connect_get_namespaced_pod_exec,
        "runs",
        namespace,
        command=["sh"],
        _preload_content=False,
        **{**words, "stdin": True},
    )
    session.write_stdin("echo $((40 + 2))\n")
    assert session.readline_stdout(timeout=60) == "42"
    session.write_stdin("exit 3\n")
    session.run_forever(timeout=60)
    assert session.returncode == 3


def test_port_forward_by_channels(api: client.ApiClient, namespace: str) -> None:
    client.AppsV1Api(api).create_namespaced_stateful_set(namespace, a_set(1))
    ready(api, namespace, "web-0")
    core = client.CoreV1Api(api)
    forwarded = portforward(core.connect_get_namespaced_pod_portforward, "web-0", namespace, ports="80")
    channel = forwarded.socket(80)
    channel.setblocking(True)
    channel.sendall(b"GET /none HTTP/1.1\r\nHost: web-0\r\nConnection: close\r\n\r\n")
    answer = b""
    while data := channel.recv(4096):
        answer += data
    channel.close()
    assert answer.startswith(b"HTTP/1.1 404")
    assert forwarded.error(80) is None


def test_port_forward_to_a_port_where_nobody_listens_says_so(api: client.ApiClient, namespace: str) -> None:
    core = client.CoreV1Api(api)
    core.create_namespaced_pod(namespace, a_pod("quiet"))
    ready(api, namespace, "quiet")
    forwarded = portforward(core.connect_get_namespaced_pod_portforward, "quiet", namespace, ports="81")
    deadline_s = time.monotonic() + 60
    while forwarded.error(81) is None and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert "connection refused" in str(forwarded.error(81))


def test_logs_are_followed(api: client.ApiClient, namespace: str) -> None:
    core = client.CoreV1Api(api)
    core.create_namespaced_pod(namespace, a_pod("talks", "echo one; sleep 1; echo two; sleep 3600"))
    ready(api, namespace, "talks")
    lines = watch.Watch().stream(core.read_namespaced_pod_log, "talks", namespace)
    assert [next(lines), next(lines)] == ["one", "two"]


def test_the_dynamic_client_finds_kinds_and_applies(api: client.ApiClient, namespace: str) -> None:
    found = dynamic.DynamicClient(api).resources.get(api_version="apps/v1", kind="StatefulSet")
    applied = found.server_side_apply(body=a_set(), name="web", namespace=namespace, field_manager="me")
    assert applied.metadata.managedFields[0].manager == "me"
    assert [item.metadata.name for item in found.get(namespace=namespace).items] == ["web"]
    with pytest.raises(dynamic.exceptions.ResourceNotFoundError):
        dynamic.DynamicClient(api).resources.get(api_version="example.com/v1", kind="Widget")


# ---- in process


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_in_process_the_same_calls_work_and_no_socket_is_opened(no_sockets: None) -> None:
    api = api_client(ControlPlane())
    core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
    assert [node.metadata.name for node in core.list_node().items] == [
        "kind-control-plane",
        "kind-worker",
        "kind-worker2",
    ]
    apps.create_namespaced_stateful_set("default", a_set())
    ready(api, "default", "web-1")
    assert apps.read_namespaced_stateful_set("web", "default").status.ready_replicas >= 1
    core.delete_namespaced_pod("web-0", "default")
    with pytest.raises(client.ApiException) as refused:
        core.read_namespaced_pod("none", "default")
    assert (refused.value.status, refused.value.reason) == (404, "Not Found")


def test_in_process_a_watch_ends_after_its_timeout_of_cluster_time(no_sockets: None) -> None:
    cluster = ControlPlane()
    core = client.CoreV1Api(api_client(cluster))
    began_s = cluster.loop.now_s
    assert [
        event["type"] for event in watch.Watch().stream(core.list_namespaced_pod, "default", timeout_seconds=60)
    ] == []
    assert cluster.loop.now_s - began_s >= 60
