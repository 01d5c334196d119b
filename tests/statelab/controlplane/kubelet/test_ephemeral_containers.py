"""Ephemeral containers: what `kubectl debug` adds to a Pod that runs."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.serving.client import InProcessClient, Reply

PATH = "/api/v1/namespaces/default/pods/web"
STRATEGIC = "application/strategic-merge-patch+json"


@pytest.fixture
def client() -> InProcessClient:
    cluster = ControlPlane()
    spec = {"containers": [{"name": "nginx", "image": "nginx:1.27"}], "terminationGracePeriodSeconds": 1}
    cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec})
    cluster.settle()
    return InProcessClient(cluster)


def debug(client: InProcessClient, name: str = "debugger", **more: Any) -> Reply:
    container = {"name": name, "image": "busybox:1.36", "command": ["sleep", "100000"], **more}
    body = {"spec": {"ephemeralContainers": [container]}}
    return client.request("PATCH", f"{PATH}/ephemeralcontainers", body=body, content_type=STRATEGIC)


def status(client: InProcessClient, name: str = "debugger") -> dict[str, Any]:
    found = client.request("GET", PATH).body["status"]["ephemeralContainerStatuses"]
    return next(each for each in found if each["name"] == name)


def test_it_runs_beside_the_others_and_in_their_network(client: InProcessClient) -> None:
    assert debug(client, targetContainerName="nginx").code == 200
    client.cluster.settle()
    assert "running" in status(client)["state"] and not status(client)["ready"]
    said = client.exec("default", "web", ["wget", "-qO-", "http://localhost"], container="debugger")
    assert b"Welcome to nginx" in said.stdout
    assert client.request("GET", PATH).body["status"]["phase"] == "Running"


def test_it_is_never_started_again_and_its_log_can_be_read(client: InProcessClient) -> None:
    debug(client, command=["sh", "-c", "echo looked; exit 3"])
    client.cluster.settle()
    client.cluster.loop.run_for(120)
    assert status(client)["state"]["terminated"]["exitCode"] == 3
    assert status(client)["restartCount"] == 0
    assert "looked" in client.request("GET", f"{PATH}/log?container=debugger").body
    client.cluster.kubelets["kind-worker"].stop()
    client.cluster.kubelets["kind-worker"].start()
    client.cluster.settle()
    assert status(client)["state"]["terminated"]["exitCode"] == 3


def test_it_ends_with_its_pod(client: InProcessClient) -> None:
    debug(client)
    client.cluster.settle()
    client.request("DELETE", PATH)
    client.cluster.settle()
    assert client.request("GET", PATH).code == 404


def test_one_that_is_there_stays_as_it_is(client: InProcessClient) -> None:
    debug(client)
    assert debug(client, "second").code == 200
    changed = debug(client, image="busybox:1.37")
    assert changed.code == 422
    assert 'existing ephemeral containers "debugger" may not be changed' in changed.body["message"]
    pod = client.request("GET", PATH).body
    pod["spec"]["ephemeralContainers"] = []
    removed = client.request("PUT", f"{PATH}/ephemeralcontainers", body=pod)
    assert 'existing ephemeral containers "debugger" may not be removed' in removed.body["message"]


def test_nothing_else_of_the_pod_changes_with_it(client: InProcessClient) -> None:
    pod = client.request("GET", PATH).body
    pod["spec"]["containers"][0]["image"] = "nginx:1.28"
    pod["metadata"]["labels"] = {"a": "b"}
    assert client.request("PUT", f"{PATH}/ephemeralcontainers", body=pod).code == 200
    after = client.request("GET", PATH).body
    assert after["spec"]["containers"][0]["image"] == "nginx:1.27" and "labels" not in after["metadata"]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"targetContainerName": "nope"}, 'spec.ephemeralContainers[0].targetContainerName: Not found: "nope"'),
        ({"ports": [{"containerPort": 80}]}, "cannot be set for an Ephemeral Container"),
        ({"lifecycle": {}}, "cannot be set for an Ephemeral Container"),
        ({"name": "nginx"}, "spec.ephemeralContainers[0].name: Duplicate value"),
    ],
)
def test_what_it_cannot_have_is_refused(client: InProcessClient, more: dict[str, Any], why: str) -> None:
    refused = debug(client, **more)
    assert (refused.code, why in refused.body["message"]) == (422, True)
