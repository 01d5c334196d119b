"""What `[sig-cli]` conformance tests do with kubectl. Source of the steps: test/e2e/kubectl/{kubectl,logs}.go."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from e2e_client import AGNHOST, BUSYBOX, HTTPD, Api, pod

pytestmark = [pytest.mark.slow, pytest.mark.kubectl]

_PRIMARY = """
apiVersion: v1
kind: ReplicationController
metadata: {name: agnhost-primary, labels: {app: agnhost, role: primary}}
spec:
  replicas: 1
  selector: {app: agnhost, role: primary}
  template:
    metadata: {labels: {app: agnhost, role: primary}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: agnhost-primary, image: "AGNHOST", ports: [{name: agnhost-server, containerPort: 6379}]}]
---
apiVersion: v1
kind: Service
metadata: {name: agnhost-primary, labels: {app: agnhost, role: primary}}
spec: {ports: [{port: 6379, targetPort: agnhost-server}], selector: {app: agnhost, role: primary}}
""".replace("AGNHOST", AGNHOST)


def _primary(api: Api) -> str:
    api.kubectl("create", "-f", "-", stdin=_PRIMARY)
    [found] = api.wait_for_running({"app": "agnhost"}, 1, 1)
    return str(found["metadata"]["name"])


def test_should_check_if_v1_is_in_available_api_versions(api: Api) -> None:
    assert "v1" in api.kubectl("api-versions").split()


def test_should_check_if_kubernetes_control_plane_services_is_included_in_cluster_info(api: Api) -> None:
    assert "Kubernetes control plane" in api.kubectl("cluster-info")


def test_should_check_is_all_data_is_printed(api: Api) -> None:
    said = api.kubectl("version")
    assert "Client Version: " in said and "Server Version: v1.36." in said


def test_should_check_if_kubectl_describe_prints_relevant_information(api: Api) -> None:
    name = _primary(api)
    for words, wanted in {
        ("pod", name): ["Name:", name, "Namespace:", api.namespace, "Node:", "Labels:", "app=agnhost", "role=primary",
                        "Status:", "Running", "IP:", "Controlled By:", "ReplicationController/agnhost-primary",
                        "Image:", AGNHOST, "State:", "QoS Class:", "BestEffort"],
        ("rc", "agnhost-primary"): ["Replicas:", "1 current / 1 desired", "Pods Status:", "1 Running / 0 Waiting",
                                    "Pod Template:", "Events:"],
        ("service", "agnhost-primary"): ["Selector:", "Type:", "ClusterIP", "IP:", "Port:", "6379/TCP", "Endpoints:",
                                         "Session Affinity:"],
        ("node", "kind-worker"): ["Name:", "kind-worker", "Labels:", "Conditions:", "Ready", "Capacity:",
                                  "Kubelet Version:", "Non-terminated Pods:"],
        ("namespace", api.namespace): ["Name:", api.namespace, "Labels:", "Annotations:", "Status:", "Active"],
    }.items():  # fmt: skip
        said = api.kubectl("describe", *words)
        for each in wanted:
            assert each in said, (words, each)


def test_should_check_if_kubectl_diff_finds_a_difference_for_deployments(api: Api) -> None:
    labels = {"app": "httpd"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "httpd", "image": HTTPD}]}}
    made = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "httpd-deployment"},
            "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}}  # fmt: skip
    api.kubectl("create", "-f", "-", stdin=json.dumps(made))
    said = api.kubectl("diff", "-f", "-", stdin=json.dumps(made).replace(HTTPD, BUSYBOX), code=1)
    assert re.search(rf"^-\s*-?\s*image: {HTTPD}$", said, re.MULTILINE)
    assert re.search(rf"^\+\s*-?\s*image: {BUSYBOX}$", said, re.MULTILINE)


def test_should_create_services_for_rc(api: Api) -> None:
    _primary(api)
    api.kubectl("expose", "rc", "agnhost-primary", "--name=rm2", "--port=1234", "--target-port=6379")
    api.kubectl("expose", "service", "rm2", "--name=rm3", "--port=2345", "--target-port=6379")
    for name, port in (("rm2", 1234), ("rm3", 2345)):
        [found] = api.get("services", name)["spec"]["ports"]
        assert (found["port"], found["targetPort"]) == (port, 6379)
        api.until(lambda name=name: api.get("endpoints", name).get("subsets"), "its endpoints")
        [subset] = api.get("endpoints", name)["subsets"]
        assert [each["port"] for each in subset["ports"]] == [6379]


def test_should_update_the_label_on_a_resource(api: Api) -> None:
    api.create("pods", pod("pause"))
    api.until_ready("pause")
    api.kubectl("label", "pods", "pause", "testing-label=testing-label-value")
    assert "testing-label-value" in api.kubectl("get", "pod", "pause", "-L", "testing-label")
    api.kubectl("label", "pods", "pause", "testing-label-")
    assert "testing-label-value" not in api.kubectl("get", "pod", "pause", "-L", "testing-label")


def test_should_add_annotations_for_pods_in_rc(api: Api) -> None:
    name = _primary(api)
    api.kubectl("patch", "pod", name, "-p", '{"metadata":{"annotations":{"x":"y"}}}')
    assert api.get("pods", name)["metadata"]["annotations"]["x"] == "y"


def test_should_create_a_pod_from_an_image_and_replace_its_image(api: Api) -> None:
    api.kubectl("run", "e2e-test-httpd-pod", f"--image={HTTPD}", "--labels=run=e2e-test-httpd-pod", "--restart=Never")
    found = api.get("pods", "e2e-test-httpd-pod")
    assert ([each["image"] for each in found["spec"]["containers"]], found["spec"]["restartPolicy"]) == (
        [HTTPD],
        "Never",
    )
    api.until_ready("e2e-test-httpd-pod")
    shown = api.kubectl("get", "pod", "e2e-test-httpd-pod", "-o", "json").replace(HTTPD, BUSYBOX)
    api.kubectl("replace", "-f", "-", stdin=shown)
    assert api.get("pods", "e2e-test-httpd-pod")["spec"]["containers"][0]["image"] == BUSYBOX


def test_should_check_if_kubectl_can_dry_run_update_pods(api: Api) -> None:
    api.kubectl("run", "dry", f"--image={HTTPD}", "--labels=run=dry")
    patch = {"spec": {"containers": [{"name": "dry", "image": BUSYBOX}]}}
    api.kubectl("patch", "pod", "dry", "-p", json.dumps(patch), "--dry-run=server")
    assert api.get("pods", "dry")["spec"]["containers"][0]["image"] == HTTPD


@contextmanager
def _proxy(api: Api, *words: str) -> Iterator[str]:
    """`kubectl proxy`, running: the line that says where."""
    kubectl = Path(sys.executable).parent / "kubectl"
    command = [str(kubectl) if kubectl.exists() else "kubectl", "--kubeconfig", str(api.kubeconfig), "proxy", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline()
    finally:
        process.terminate()
        process.wait(10)


def _get_api(connection: socket.socket) -> bytes:
    connection.settimeout(20)
    connection.sendall(b"GET /api/ HTTP/1.0\r\nHost: localhost\r\n\r\n")
    said = b""
    while chunk := connection.recv(65536):
        said += chunk
    return said


def test_should_support_proxy_with_port_0(api: Api) -> None:
    with _proxy(api, "-p", "0", "--disable-filter") as said:
        port = int(said.strip().rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), 20) as connection:
            assert b'"versions"' in _get_api(connection)


def test_should_support_unix_socket(api: Api) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "test")
        with _proxy(api, f"--unix-socket={path}"), socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            assert b'"versions"' in _get_api(connection)


def test_should_create_stop_and_scale_a_replication_controller(api: Api) -> None:
    container = {"name": "update-demo", "image": HTTPD, "ports": [{"containerPort": 80}]}
    template = {"metadata": {"labels": {"name": "update-demo"}}, "spec": {"containers": [container]}}
    made: Any = {"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "update-demo"},
                 "spec": {"replicas": 2, "selector": {"name": "update-demo"}, "template": template}}  # fmt: skip
    api.kubectl("create", "-f", "-", stdin=json.dumps(made))
    form = "template={{range.items}}{{.metadata.name}} {{end}}"

    def names() -> list[str]:
        return api.kubectl("get", "pods", "-o", form, "-l", "name=update-demo").split()

    api.wait_for_running({"name": "update-demo"}, 2, 2)
    for replicas in (1, 2):
        api.kubectl("scale", "rc", "update-demo", f"--replicas={replicas}", "--timeout=5m")
        api.until(lambda replicas=replicas: len(names()) == replicas, f"{replicas} of them")
    api.kubectl("delete", "--grace-period=0", "--force", "-f", "-", stdin=json.dumps(made))
    api.until(lambda: not names(), "none is left")


def test_should_be_able_to_retrieve_and_filter_logs(api: Api) -> None:
    api.kubectl("run", "logs-generator", f"--image={AGNHOST}", "--restart=Never", "--", "logs-generator",
                "--log-lines-total", "100", "--run-duration", "20s")  # fmt: skip
    api.until(lambda: "/api/v1/namespaces" in api.log("logs-generator"), "it says something")
    assert "/api/v1/namespaces" in api.kubectl("logs", "logs-generator", "logs-generator")
    assert len(api.kubectl("logs", "logs-generator", "--tail=1").splitlines()) == 1
    assert len(api.kubectl("logs", "logs-generator", "--limit-bytes=1")) == 1
    stamped = api.kubectl("logs", "logs-generator", "--tail=1", "--timestamps")
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z ", stamped)
    recent = len(api.kubectl("logs", "logs-generator", "--since=1s").splitlines())
    assert recent < len(api.kubectl("logs", "logs-generator", "--since=24h").splitlines())


_GUESTBOOK = [
    ("agnhost-primary", "primary", ["guestbook", "--http-port", "6379"], 6379, 1),
    ("agnhost-replica", "replica", ["guestbook", "--replicaof", "agnhost-primary", "--http-port", "6379"], 6379, 2),
    ("frontend", "front", ["guestbook", "--backend-port", "6379"], 80, 3),
]  # fmt: skip


def test_should_create_and_stop_a_working_guestbook_application(api: Api) -> None:
    made = []
    for name, tier, args, port, replicas in _GUESTBOOK:
        labels = {"app": "guestbook", "tier": tier}
        made.append({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
                     "spec": {"ports": [{"port": port}], "selector": labels}})  # fmt: skip
        container = {"name": tier, "image": AGNHOST, "args": args, "ports": [{"containerPort": port}]}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
        made.append({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec})
    api.kubectl("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": made}))
    api.wait_for_running({"app": "guestbook"}, 6, 6)

    def ask(command: str, key: str, value: str = "") -> Any:
        path = f"/api/v1/namespaces/{api.namespace}/services/frontend/proxy/guestbook"
        found = api.request("GET", f"{path}?cmd={command}&key={key}&value={value}")
        return found if isinstance(found, dict) else json.loads(found)

    replicas = {"app": "guestbook", "tier": "replica"}
    names = [each["metadata"]["name"] for each in api.pods(replicas)]
    api.until(lambda: all("Registered to node" in api.log(name) for name in names), "the replicas are registered")
    assert ask("get", "messages") == {"data": ""}
    assert ask("set", "messages", "TestEntry") == {"message": "Updated"}
    for _ in range(4):
        assert ask("get", "messages") == {"data": "TestEntry"}
    api.kubectl("delete", "deployments,services", "--all")
    api.until(lambda: not api.pods({"app": "guestbook"}), "all of it goes")
