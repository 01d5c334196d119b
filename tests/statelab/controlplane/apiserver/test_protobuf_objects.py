"""Objects as a Go client sends them, every zero value written out: they make what the same objects in JSON make."""

from __future__ import annotations

import json
from typing import Any

import pytest
from protobuf_bodies import SERVED, encoded, envelope, sized

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.encoding import protobuf
from statelab.controlplane.apiserver.serving.client import InProcessClient


@pytest.fixture(scope="module")
def client() -> InProcessClient:
    return InProcessClient(ControlPlane())


PROBE = {"httpGet": {"path": "/index.html", "port": 80}, "periodSeconds": 1, "successThreshold": 1}
CONTAINER = {
    "name": "webserver",
    "image": "registry.k8s.io/e2e-test-images/httpd:2.4.38-4",
    "readinessProbe": {**PROBE, "failureThreshold": 1},
    "ports": [{"containerPort": 80, "hostPort": 8080, "name": "http"}],
    "resources": {"requests": {"cpu": "10m"}},
}
POD = {"containers": [CONTAINER], "terminationGracePeriodSeconds": 0, "automountServiceAccountToken": False}
LABELS = {"app": "web"}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": POD}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1"}}}
SELECTED = {"replicas": 2, "selector": {"matchLabels": LABELS}, "template": TEMPLATE}
ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": "25%"}}
OBJECTS = [
    ("v1", "Namespace", {"metadata": {"generateName": "e2e-", "labels": LABELS}}),
    ("v1", "ConfigMap", {"metadata": {"name": "web"}, "data": {"key": "value"}}),
    ("v1", "Pod", {"metadata": {"name": "web"}, "spec": POD}),
    ("v1", "ResourceQuota", {"metadata": {"name": "web"}, "spec": {"hard": {"pods": "2"}}}),
    (
        "v1",
        "Service",
        {"metadata": {"name": "web"}, "spec": {"selector": LABELS, "clusterIP": "None", "ports": [{"port": 80}]}},
    ),
    ("apps/v1", "ReplicaSet", {"metadata": {"name": "web"}, "spec": SELECTED}),
    ("apps/v1", "Deployment", {"metadata": {"name": "web"}, "spec": {**SELECTED, "strategy": ROLLING}}),
    (
        "apps/v1",
        "StatefulSet",
        {
            "metadata": {"name": "web"},
            "spec": {
                **SELECTED,
                "serviceName": "web",
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": CLAIM}],
            },
        },
    ),
    (
        "autoscaling/v1",
        "HorizontalPodAutoscaler",
        {
            "metadata": {"name": "web"},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "minReplicas": 1,
                "maxReplicas": 3,
                "targetCPUUtilizationPercentage": 70,
            },
        },
    ),
    (
        "events.k8s.io/v1",
        "Event",
        {
            "metadata": {"name": "web"},
            "eventTime": "2026-01-02T03:04:05.000006Z",
            "reportingController": "test-controller",
            "reportingInstance": "test-node",
            "action": "Do",
            "reason": "Test",
            "type": "Normal",
            "note": "This is a test",
            "regarding": {"namespace": "default"},
        },
    ),
]


@pytest.mark.parametrize(("api_version", "kind", "obj"), OBJECTS, ids=[each[1] for each in OBJECTS])
def test_an_object_in_protobuf_is_what_it_is_in_json(
    client: InProcessClient, api_version: str, kind: str, obj: Any
) -> None:
    served = SERVED[api_version, kind]
    prefix = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    path = f"{prefix}{'/namespaces/default' if served.namespaced else ''}/{served.plural}?dryRun=All"
    body = encoded({"apiVersion": api_version, "kind": kind, **obj})
    accept = "application/vnd.kubernetes.protobuf, */*"
    asked = client.request("POST", path, None, body, content_type=protobuf.MEDIA_TYPE, accept=accept)
    wanted = client.request("POST", path, None, {"apiVersion": api_version, "kind": kind, **obj})
    assert asked.code == 201, asked.body
    assert _comparable(asked.body) == _comparable(wanted.body)


def test_what_has_no_numbers_here_is_refused_and_not_read_as_empty() -> None:
    cluster = ControlPlane()
    client = InProcessClient(cluster)
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    names = {"plural": "teas", "singular": "tea", "kind": "Tea", "listKind": "TeaList"}
    spec = {"group": "example.com", "scope": "Cluster", "names": names, "versions": [version]}
    made = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": spec}
    assert client.request("POST", definitions, None, {**made, "metadata": {"name": "teas.example.com"}}).code == 201
    cluster.settle()
    for api_version, kind, path in (
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition", definitions),
        ("example.com/v1", "Tea", "/apis/example.com/v1/teas"),
    ):
        body = envelope(api_version, kind, sized(1, sized(1, b"green")))
        refused = client.request("POST", path, None, body, content_type=protobuf.MEDIA_TYPE)
        assert refused.code == 415
        assert refused.body["message"].endswith("accepted media types include: application/json, application/yaml")


def _comparable(obj: Any) -> Any:
    found = json.loads(json.dumps(obj))
    for name in ("uid", "creationTimestamp", "managedFields", "name"):
        found["metadata"].pop(name, None)
    return found


def test_an_answer_in_nothing_but_protobuf_cannot_be_had(client: InProcessClient) -> None:
    answer = client.request("GET", "/api/v1/nodes", accept=protobuf.MEDIA_TYPE)
    assert (answer.code, answer.body["reason"]) == (406, "NotAcceptable")
