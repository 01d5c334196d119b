"""What a whole cluster makes of a change: plugins that add again, addresses of requests, controllers that look on."""

from __future__ import annotations

import json

import pytest

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.encoding.request import Request, Response
from statelab.controlplane.apiserver.serving.client import InProcessClient
from statelab.controlplane.apiserver.serving.handler import Handler

CORE = "/api/v1/namespaces/default"


@pytest.fixture
def client() -> InProcessClient:
    return InProcessClient(ControlPlane())


def test_tolerations_that_were_replaced_get_their_defaults_again(client: InProcessClient) -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]}}
    made = client.request("POST", f"{CORE}/pods", body=pod).body
    own = {"key": "maintenance", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}
    made["spec"]["tolerations"] = [own]
    updated = client.request("PUT", f"{CORE}/pods/p", body=made)
    assert updated.code == 200, updated.body
    kept = [each.get("key") for each in updated.body["spec"]["tolerations"]]
    assert kept == ["maintenance", "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]
    # What the Pod said itself it may not take away.
    updated.body["spec"]["tolerations"] = []
    assert client.request("PUT", f"{CORE}/pods/p", body=updated.body).code == 422


@pytest.mark.parametrize("how", ["merge-patch+json", "strategic-merge-patch+json"])
def test_a_patch_cannot_name_another_namespace(client: InProcessClient, how: str) -> None:
    client.request("POST", f"{CORE}/configmaps", body={"metadata": {"name": "c"}})
    patch = {"metadata": {"namespace": "elsewhere"}, "data": {"a": "b"}}
    refused = client.request("PATCH", f"{CORE}/configmaps/c", body=patch, content_type=f"application/{how}")
    assert (refused.code, refused.body["message"]) == (
        400, "the namespace of the provided object does not match the namespace sent on the request",
    )  # fmt: skip
    assert "data" not in client.request("GET", f"{CORE}/configmaps/c").body


def test_an_address_of_a_balancer_is_a_virtual_one_unless_it_says_otherwise(client: InProcessClient) -> None:
    service = {"metadata": {"name": "s"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}
    client.request("POST", f"{CORE}/services", body=service)
    patch = {"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}, {"hostname": "example.com"}]}}}
    patched = client.request(
        "PATCH", f"{CORE}/services/s/status", body=patch, content_type="application/merge-patch+json"
    )
    assert patched.code == 200, patched.body
    assert patched.body["status"]["loadBalancer"]["ingress"] == [
        {"ip": "203.0.113.1", "ipMode": "VIP"}, {"hostname": "example.com"},
    ]  # fmt: skip


def test_endpoints_without_a_service_stay_and_those_of_a_service_go_with_it(client: InProcessClient) -> None:
    subsets = [{"addresses": [{"ip": "10.1.1.1"}], "ports": [{"port": 80}]}]
    client.request("POST", f"{CORE}/endpoints", body={"metadata": {"name": "own"}, "subsets": subsets})
    client.request("POST", f"{CORE}/services", body={"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})
    client.request("POST", f"{CORE}/endpoints", body={"metadata": {"name": "s"}, "subsets": subsets})
    client.cluster.settle()
    client.request("DELETE", f"{CORE}/services/s")
    client.cluster.settle()
    assert client.request("GET", f"{CORE}/endpoints/own").body["subsets"][0]["addresses"] == [{"ip": "10.1.1.1"}]
    assert client.request("GET", f"{CORE}/endpoints/s").code == 404


@pytest.mark.parametrize(
    ("accept", "code"),
    [
        ("application/json;as=Table;g=meta.k8s.io;v=v1", 406),
        ("application/json;as=Table;g=meta.k8s.io;v=v1,application/json", 201),
    ],
)
def test_there_is_no_table_of_a_review(client: InProcessClient, accept: str, code: int) -> None:
    review = {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    request = Request("POST", path, {}, {"accept": accept}, json.dumps(review).encode())
    answer = Handler(client.cluster).handle(request)
    assert isinstance(answer, Response)
    assert answer.code == code
