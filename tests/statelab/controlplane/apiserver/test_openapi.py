"""OpenAPI documents are whole, and tell clients what kubectl asks them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from statelab.controlplane.apiserver.serving import discovery, openapi
from statelab.controlplane.kinds import KINDS

GROUP_VERSIONS = [
    f"apis/{group}/{version}" if group else f"api/{version}" for group, version in discovery.group_versions()
]


def read(path: str) -> Any:
    found = openapi.document(path)
    assert found is not None
    return orjson.loads(found)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def find(document: Any, pointer: str) -> Any:
    for part in pointer.removeprefix("#/").split("/"):
        document = document[part]
    return document


@pytest.mark.parametrize("path", ["/openapi/v2", *(f"/openapi/v3/{each}" for each in GROUP_VERSIONS)])
def test_every_reference_leads_somewhere(path: str) -> None:
    document = read(path)
    pointers = set(references(document))
    assert pointers
    for pointer in pointers:
        assert find(document, pointer)


@pytest.mark.parametrize("path", ["/openapi/v2", *(f"/openapi/v3/{each}" for each in GROUP_VERSIONS)])
def test_types_are_one_word_and_nothing_is_null(path: str) -> None:
    text = openapi.document(path)
    assert text is not None
    assert b'"null"' not in text
    assert b":null" not in text


def test_the_index_leads_to_a_document_per_group_and_version() -> None:
    paths = read("/openapi/v3")["paths"]
    assert sorted(paths) == sorted(GROUP_VERSIONS)
    for name, entry in paths.items():
        path, _, digest = entry["serverRelativeURL"].partition("?hash=")
        assert path == f"/openapi/v3/{name}"
        assert len(digest) == 128
        assert read(path)["openapi"] == "3.0.0"


@pytest.mark.parametrize("plural", KINDS)
def test_each_kind_can_be_found_by_its_group_version_and_kind(plural: str) -> None:
    kind = KINDS[plural]
    wanted = {"group": kind.group, "version": kind.version, "kind": kind.name}
    document = read(f"/openapi/v3/apis/{kind.api_version}" if kind.group else f"/openapi/v3/api/{kind.version}")
    schema = document["components"]["schemas"][kind.definition]
    assert schema["x-kubernetes-group-version-kind"] == [wanted]
    patches = [path["patch"] for path in document["paths"].values() if "patch" in path]
    patch = next(each for each in patches if each["x-kubernetes-group-version-kind"] == wanted)
    # kubectl asks these of a server before it relies on them
    assert {"fieldValidation", "dryRun", "force"} <= {each["name"] for each in patch["parameters"]}
    assert "application/strategic-merge-patch+json" in patch["requestBody"]["content"]


def test_fields_say_how_they_are_patched() -> None:
    document = read("/openapi/v3/apis/apps/v1")
    schemas = document["components"]["schemas"]
    containers = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    assert containers["items"] == {"$ref": "#/components/schemas/io.k8s.api.core.v1.Container"}
    spec = schemas["io.k8s.api.apps.v1.StatefulSet"]["properties"]["spec"]
    assert spec["allOf"] == [{"$ref": "#/components/schemas/io.k8s.api.apps.v1.StatefulSetSpec"}]
    assert spec["description"]
    quantity = schemas["io.k8s.apimachinery.pkg.api.resource.Quantity"]
    assert quantity["oneOf"] == [{"type": "string"}, {"type": "number"}]


def test_version_2_says_the_same_in_its_own_words() -> None:
    document = read("/openapi/v2")
    assert document["swagger"] == "2.0"
    definitions = document["definitions"]
    assert {kind.definition for kind in KINDS.values()} <= definitions.keys()
    assert definitions["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]["type"] == "string"
    assert definitions["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]["format"] == "int-or-string"
    create = document["paths"]["/apis/apps/v1/namespaces/{namespace}/statefulsets"]["post"]
    assert create["operationId"] == "createAppsV1NamespacedStatefulSet"
    assert create["x-kubernetes-group-version-kind"] == {"group": "apps", "version": "v1", "kind": "StatefulSet"}


@pytest.mark.parametrize(
    ("path", "method", "id"),
    [
        ("/api/v1/pods", "get", "listCoreV1PodForAllNamespaces"),
        ("/api/v1/namespaces/{namespace}/pods", "delete", "deleteCoreV1CollectionNamespacedPod"),
        ("/api/v1/namespaces/{namespace}/pods/{name}", "get", "readCoreV1NamespacedPod"),
        ("/api/v1/namespaces/{namespace}/pods/{name}/log", "get", "readCoreV1NamespacedPodLog"),
        ("/api/v1/namespaces/{namespace}/pods/{name}/exec", "post", "connectCoreV1PostNamespacedPodExec"),
        ("/api/v1/namespaces/{namespace}/pods/{name}/eviction", "post", "createCoreV1NamespacedPodEviction"),
        ("/api/v1/nodes/{name}/status", "patch", "patchCoreV1NodeStatus"),
        (
            "/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale",
            "put",
            "replaceAppsV1NamespacedDeploymentScale",
        ),
        ("/apis/storage.k8s.io/v1/storageclasses", "post", "createStorageV1StorageClass"),
    ],
)
def test_operations_have_the_ids_that_clients_are_generated_from(path: str, method: str, id: str) -> None:
    assert read("/openapi/v2")["paths"][path][method]["operationId"] == id


def test_what_is_not_served_has_no_operation() -> None:
    paths = read("/openapi/v2")["paths"]
    assert not any("metrics.k8s.io" in path for path in paths)
    assert openapi.document("/openapi/v3/apis/metrics.k8s.io/v1beta1") is None
    assert openapi.document("/openapi/v4") is None


def test_each_document_is_made_once_however_many_there_are():
    """More groups than a cache holds are made anew at every turn of the index."""
    openapi._index()
    made = openapi._version_3.cache_info().misses
    for name in GROUP_VERSIONS:
        assert openapi.document(f"/openapi/v3/{name}")
    assert openapi._version_3.cache_info().misses == made
