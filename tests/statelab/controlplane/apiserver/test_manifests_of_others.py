"""Manifests as people publish them: taken in whatever form they come, and refused in a real server's words.

`manifests/applications.yaml` holds what tutorials and charts say, `manifests/features.yaml` nearly every field.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.serving.client import InProcessClient, Reply
from statelab.controlplane.kinds import BY_GROUP_VERSION_KIND

Object = dict[str, Any]
_CHANGES = ("uid", "creationTimestamp", "resourceVersion", "managedFields", "name")


def documents(name: str) -> list[Any]:
    """Each object with the text it was written as; those of a List one by one."""
    found = []
    for text in (Path(__file__).parent / "manifests" / name).read_text(encoding="utf-8").split("\n---\n"):
        document = yaml.safe_load(text)
        parts = document["items"] if document["kind"] == "List" else [document]
        for part in parts:
            written = text if part is document else yaml.safe_dump(part)
            found.append(pytest.param(part, written, id=f"{part['kind']}-{part['metadata']['name']}"))
    return found


@pytest.fixture(scope="module")
def client() -> InProcessClient:
    return InProcessClient(ControlPlane())


def post(client: InProcessClient, document: Object, body: Any, content_type: str = "application/json") -> Reply:
    group_version = document["apiVersion"]
    root = f"/apis/{group_version}" if "/" in group_version else f"/api/{group_version}"
    kind = BY_GROUP_VERSION_KIND.get((group_version, document["kind"]))
    plural = kind.plural if kind is not None else f"{document['kind'].lower()}s"
    where = f"/namespaces/{document['metadata'].get('namespace', 'default')}"
    path = root + (where if kind is None or kind.namespaced else "") + f"/{plural}"
    params = {"fieldValidation": "Strict", "dryRun": "All"}
    return client.request("POST", path, params, body, content_type=content_type)


def content(reply: Reply) -> Object:
    """What was made of it, without what chance or the clock put there."""
    assert reply.code == 201, reply.body
    made: Object = json.loads(re.sub(r"kube-api-access-\w+", "kube-api-access", json.dumps(reply.body)))
    for name in _CHANGES:
        made["metadata"].pop(name, None)
    if made["kind"] == "Service" and made["spec"].get("clusterIP") != "None":
        for name in ("clusterIP", "clusterIPs", "ports"):
            made["spec"].pop(name, None)
    return made


@pytest.mark.parametrize(("document", "text"), [*documents("applications.yaml"), *documents("features.yaml")])
def test_a_manifest_is_accepted_in_every_form(client: InProcessClient, document: Object, text: str) -> None:
    as_yaml = content(post(client, document, text.encode(), "application/yaml"))
    windows = content(post(client, document, text.replace("\n", "\r\n").encode(), "application/yaml"))
    assert windows == as_yaml
    if "0755" not in text and "0400" not in text:  # PyYAML reads those as Go does, but JSON has no octal to compare
        assert content(post(client, document, document)) == as_yaml


@pytest.mark.parametrize(
    ("api_version", "kind", "hint"),
    [
        ("extensions/v1beta1", "Deployment", "Deployment is served as apps/v1"),
        ("apps/v1beta2", "StatefulSet", "StatefulSet is served as apps/v1"),
        ("policy/v1beta1", "PodDisruptionBudget", "PodDisruptionBudget is served as policy/v1"),
        ("resource.k8s.io/v1beta1", "ResourceClaim", "ResourceClaim is served as resource.k8s.io/v1"),
    ],
)
def test_an_api_that_is_gone_is_told_where_it_went(
    client: InProcessClient, api_version: str, kind: str, hint: str
) -> None:
    document = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "old"}}
    refused = post(client, document, document)
    assert (refused.code, refused.body["reason"]) == (404, "NotFound")
    assert hint in refused.body["message"]


def pod(**spec: Any) -> Object:
    containers = [{"name": "main", "image": "busybox:1.36"}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}, "spec": {"containers": containers, **spec}}


def test_overhead_needs_a_runtime_class_that_says_so(client: InProcessClient) -> None:
    document = pod(overhead={"cpu": "1"})
    refused = post(client, document, document)
    assert refused.code == 403
    assert refused.body["message"] == (
        'pods "one" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead'
    )


@pytest.mark.parametrize(("seconds", "code"), [("30.0", 201), ("3e1", 201), ("30.5", 400), ("'30'", 400)])
def test_a_whole_number_may_be_written_as_a_float_in_yaml(client: InProcessClient, seconds: str, code: int) -> None:
    document = pod()
    text = yaml.safe_dump(document) + f"  terminationGracePeriodSeconds: {seconds}\n"
    reply = post(client, document, text.encode(), "application/yaml")
    assert reply.code == code, reply.body
    assert code == 400 or reply.body["spec"]["terminationGracePeriodSeconds"] == 30


def test_what_is_no_yaml_is_refused_as_what_cannot_be_recognized(client: InProcessClient) -> None:
    reply = post(client, pod(), b"a: 1\n\tb: 2\n", "application/yaml")
    assert reply.code == 400
    assert reply.body["message"].startswith("the object provided is unrecognized (must be of type Pod): yaml: line 2: ")
    assert reply.body["message"].endswith(" (613a20310a09623a20320a)")
