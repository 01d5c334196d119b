"""Discovery lists what a fresh cluster serves: what is served here, and what is refused in our words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.serving import discovery
from statelab.controlplane.apiserver.serving.client import InProcessClient
from statelab.controlplane.kinds import KINDS, REVIEWS, UNSTORED

RECORDED = json.loads((Path(__file__).parents[3] / "conformance" / "discovery.json").read_text())


def resources(path: str) -> dict[str, Any]:
    document = discovery.document(path)
    assert document is not None
    return {each["name"]: each for each in document["resources"]}


def test_the_core_group_has_one_version() -> None:
    document = discovery.document("/api")
    assert document is not None
    assert (document["kind"], document["versions"]) == ("APIVersions", ["v1"])


def test_groups_say_their_preferred_version() -> None:
    document = discovery.document("/apis")
    assert document is not None
    apps = next(each for each in document["groups"] if each["name"] == "apps")
    assert apps == {
        "name": "apps",
        "versions": [{"groupVersion": "apps/v1", "version": "v1"}],
        "preferredVersion": {"groupVersion": "apps/v1", "version": "v1"},
    }
    assert discovery.document("/apis/apps") == {"kind": "APIGroup", "apiVersion": "v1", **apps}


def test_a_resource_says_its_names_and_verbs() -> None:
    assert resources("/api/v1")["pods"] == {
        "name": "pods",
        "singularName": "pod",
        "namespaced": True,
        "kind": "Pod",
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        "shortNames": ["po"],
        "categories": ["all"],
        "storageVersionHash": "xPOwRZ+Yhw8=",  # as a real cluster says
    }
    assert "deletecollection" not in resources("/api/v1")["namespaces"]["verbs"]


def test_subresources_say_what_they_take() -> None:
    assert resources("/apis/apps/v1")["statefulsets/scale"] == {
        "name": "statefulsets/scale",
        "singularName": "",
        "namespaced": True,
        "group": "autoscaling",
        "version": "v1",
        "kind": "Scale",
        "verbs": ["get", "patch", "update"],
    }
    assert resources("/api/v1")["pods/eviction"]["kind"] == "Eviction"
    assert resources("/api/v1")["pods/log"]["verbs"] == ["get"]


@pytest.mark.parametrize(
    "path", ["/api/v2", "/apis/batching", "/apis/batch/v2", "/apis/apps/v1beta1", "/apis//v1", "/x", "/api/v1/pods"]
)
def test_what_is_not_served_is_not_discovered(path: str) -> None:
    assert discovery.document(path) is None


def test_aggregated_discovery_says_the_same_at_once() -> None:
    core, named = discovery.aggregated("/api"), discovery.aggregated("/apis", "v2beta1")
    assert core["apiVersion"] == "apidiscovery.k8s.io/v2"
    assert named["apiVersion"] == "apidiscovery.k8s.io/v2beta1"
    found: dict[str, Any] = {}
    for item in (*core["items"], *named["items"]):
        for version in item["versions"]:
            group = item["metadata"].get("name", "")
            path = f"/apis/{group}/{version['version']}" if group else f"/api/{version['version']}"
            listed = resources(path)
            for each in version["resources"]:
                found[each["resource"]] = each
                plain = listed.pop(each["resource"])
                assert (each["responseKind"]["kind"], each["verbs"]) == (plain["kind"], plain["verbs"])
                for below in each.get("subresources", ()):
                    plain = listed.pop(f"{each['resource']}/{below['subresource']}")
                    assert (below["responseKind"]["kind"], below["verbs"]) == (plain["kind"], plain["verbs"])
            assert listed == {}
    assert found.keys() == KINDS.keys() | REVIEWS.keys() | UNSTORED.keys()
    assert found["nodes"]["scope"] == "Cluster"
    assert found["pods"]["singularResource"] == "pod"


@pytest.mark.parametrize("path", sorted(path for path in RECORDED if path not in ("/api", "/apis")))
def test_a_fresh_cluster_says_the_same_of_itself(path: str) -> None:
    ours = resources(path) if discovery.document(path) is not None else {}
    theirs = {each["name"]: each for each in RECORDED[path]["resources"]}
    assert ours == theirs


def test_groups_stand_in_the_order_of_a_fresh_cluster() -> None:
    document = discovery.document("/apis")
    assert document is not None
    ours, theirs = ([each["name"] for each in found["groups"]] for found in (document, RECORDED["/apis"]))
    assert ours == theirs


def test_components_are_well_and_a_binding_binds() -> None:
    cluster = ControlPlane()
    client = InProcessClient(cluster)
    listed = client.request("GET", "/api/v1/componentstatuses")
    assert [each["metadata"]["name"] for each in listed.body["items"]] == ["controller-manager", "etcd-0", "scheduler"]
    assert listed.warnings == ["v1 ComponentStatus is deprecated in v1.19+"]
    spec = {"containers": [{"name": "c", "image": "busybox:1.36"}], "schedulerName": "mine"}
    cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
    body = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": "p"},
        "target": {"kind": "Node", "name": "kind-worker"},
    }
    assert client.request("POST", "/api/v1/namespaces/default/bindings", body=body).code == 201
    pod = cluster.get("pods", "default/p")
    assert pod is not None and pod["spec"]["nodeName"] == "kind-worker"
