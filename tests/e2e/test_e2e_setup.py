"""What the Kubernetes project's e2e framework asks of a cluster before its first test.

Source: test/e2e/e2e.go (setupSuite), test/e2e/framework/framework.go, framework/util.go, framework/node.
"""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any

from e2e_client import Api


def test_every_node_is_ready_and_schedulable_but_for_the_control_plane(api: Api) -> None:
    nodes = api.request("GET", "/api/v1/nodes?resourceVersion=0&fieldSelector=spec.unschedulable%3Dfalse")["items"]
    assert len(nodes) == 3
    for node in nodes:
        conditions = {each["type"]: each["status"] for each in node["status"]["conditions"]}
        assert conditions["Ready"] == "True"
        assert conditions.get("NetworkUnavailable", "False") == "False"
        assert "node.kubernetes.io/unreachable" not in {each["key"] for each in node["spec"].get("taints") or ()}
    workers = [node for node in nodes if not node["spec"].get("taints")]
    assert len(workers) == 2


def test_there_are_no_system_pods_and_no_controllers_of_them_to_wait_for(api: Api) -> None:
    for path in (
        "/api/v1/namespaces/kube-system/pods",
        "/api/v1/namespaces/kube-system/replicationcontrollers",
        "/apis/apps/v1/namespaces/kube-system/replicasets",
    ):
        assert api.request("GET", path)["items"] == []


def test_there_are_no_daemon_sets_of_the_system_to_wait_for(api: Api) -> None:
    assert api.request("GET", "/apis/apps/v1/namespaces/kube-system/daemonsets")["items"] == []


def test_the_version_and_the_ip_family_are_told(api: Api) -> None:
    assert api.request("GET", "/version")["gitVersion"].startswith("v1.36.")
    assert api.request("GET", "/api/v1/namespaces/default/services/kubernetes")["spec"]["clusterIP"] == "10.96.0.1"


def test_the_service_account_is_waited_for_with_a_streaming_list(api: Api) -> None:
    """watchtools.UntilWithSync on an informer, whose reflector asks for a WatchList since client-go 1.35."""
    connection = HTTPConnection("127.0.0.1", api.port, timeout=30)
    query = "allowWatchBookmarks=true&fieldSelector=metadata.name%3Ddefault&resourceVersionMatch=NotOlderThan"
    query += "&sendInitialEvents=true&timeout=5m0s&timeoutSeconds=300&watch=true"
    connection.request("GET", f"{api.path('serviceaccounts')}?{query}", None, {"Authorization": f"Bearer {api.token}"})
    answer = connection.getresponse()
    events: list[Any] = [json.loads(answer.readline()) for _ in range(2)]
    connection.close()
    assert [each["type"] for each in events] == ["ADDED", "BOOKMARK"]
    assert events[0]["object"]["metadata"]["name"] == "default"
    assert events[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_what_is_dumped_after_a_failure_can_be_had(api: Api) -> None:
    assert api.request("GET", api.path("events"))["kind"] == "EventList"
    assert api.request("GET", f"{api.path('pods')}?limit=500")["kind"] == "PodList"
    assert api.request("GET", "/api/v1/nodes/kind-worker")["status"]["nodeInfo"]["kubeletVersion"]
