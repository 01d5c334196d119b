"""autoscaling/v1: the older form of the same HorizontalPodAutoscalers."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.serving.client import InProcessClient

V1, V2 = (f"/apis/autoscaling/{version}/namespaces/default/horizontalpodautoscalers" for version in ("v1", "v2"))
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}


@pytest.fixture
def client() -> InProcessClient:
    return InProcessClient(ControlPlane())


def body(**spec: Any) -> dict[str, Any]:
    spec = {"scaleTargetRef": TARGET, "maxReplicas": 3, **spec}
    return {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"}, "spec": spec}


def test_what_is_made_in_one_form_is_there_in_the_other(client: InProcessClient) -> None:
    made = client.request("POST", V1, body=body(targetCPUUtilizationPercentage=50))
    assert (made.code, made.body["apiVersion"]) == (201, "autoscaling/v1")
    assert made.body["spec"] == {
        "scaleTargetRef": TARGET, "minReplicas": 1, "maxReplicas": 3, "targetCPUUtilizationPercentage": 50,
    }  # fmt: skip
    metrics = client.request("GET", f"{V2}/h").body["spec"]["metrics"]
    assert metrics[0]["resource"]["target"] == {"type": "Utilization", "averageUtilization": 50}
    listed = client.request("GET", V1).body
    assert listed["apiVersion"] == "autoscaling/v1"
    assert [each["spec"]["targetCPUUtilizationPercentage"] for each in listed["items"]] == [50]


def test_what_v1_has_no_field_for_is_kept(client: InProcessClient) -> None:
    behavior = {"scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}], "selectPolicy": "Min"}}
    memory = {
        "type": "Resource",
        "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}},
    }
    made = body(metrics=[memory], behavior=behavior) | {"apiVersion": "autoscaling/v2"}
    before = client.request("POST", V2, body=made).body["spec"]
    shown = client.request("GET", f"{V1}/h").body
    assert "autoscaling.alpha.kubernetes.io/behavior" in shown["metadata"]["annotations"]
    shown["spec"]["maxReplicas"] = 5
    assert client.request("PUT", f"{V1}/h", body=shown).code == 200
    after = client.request("GET", f"{V2}/h").body
    assert after["spec"] == {**before, "maxReplicas": 5}
    assert "annotations" not in after["metadata"]


@pytest.mark.parametrize("how", ["merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml"])
def test_it_can_be_patched(client: InProcessClient, how: str) -> None:
    client.request("POST", V1, body=body())
    patch = (
        body(targetCPUUtilizationPercentage=60) if "apply" in how else {"spec": {"targetCPUUtilizationPercentage": 60}}
    )
    query = {"fieldManager": "me", "force": "true"} if "apply" in how else {}
    patched = client.request("PATCH", f"{V1}/h", query, body=patch, content_type=f"application/{how}")
    assert (patched.code, patched.body["spec"]["targetCPUUtilizationPercentage"]) == (200, 60)
    assert client.request("PATCH", f"{V1}/none", body={}, content_type="application/merge-patch+json").code == 404


def test_what_is_wrong_is_told_of_the_version_that_was_sent(client: InProcessClient) -> None:
    refused = client.request("POST", V1, {"fieldValidation": "Strict"}, body=body(metrics=[]))
    assert refused.code == 400
    assert refused.body["message"] == (
        'HorizontalPodAutoscaler in version "v1" cannot be handled as a HorizontalPodAutoscaler: strict decoding '
        'error: unknown field "spec.metrics"'
    )
    assert client.request("POST", V1, body=body(maxReplicas=0)).code == 422


def test_a_watch_and_a_deletion_speak_v1(client: InProcessClient) -> None:
    client.request("POST", V1, body=body())
    (event,) = client.watch(V1, timeout_s=1)
    assert (event["type"], event["object"]["apiVersion"]) == ("ADDED", "autoscaling/v1")
    table = client.request("GET", V1, accept="application/json;as=Table;v=v1;g=meta.k8s.io").body
    assert table["rows"][0]["cells"][:3] == ["h", "Deployment/web", "cpu: <unknown>/80%"]
    assert client.request("DELETE", f"{V1}/h").body["status"] == "Success"
    assert client.request("GET", f"{V2}/h").code == 404
