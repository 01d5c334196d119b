"""What `[sig-api-machinery]` conformance tests do with ResourceQuotas, custom resources and the validation of fields.

Source of the steps: test/e2e/apimachinery/{resource_quota,custom_resource_definition,crd_watch,crd_publish_openapi,
field_validation}.go.
"""

from __future__ import annotations

import copy
import json
from http.client import HTTPConnection
from typing import Any

import pytest
from e2e_client import MERGE, PAUSE, Api, Refused, pod

pytestmark = pytest.mark.slow

# ---- resource_quota.go


def _quota(api: Api, name: str, hard: dict[str, str], **spec: Any) -> None:
    api.create("resourcequotas", {"metadata": {"name": name}, "spec": {"hard": hard, **spec}})
    api.until(lambda: api.get("resourcequotas", name)["status"].get("hard") == hard, f"{name} is counted")


def _until_used(api: Api, name: str, **used: str) -> None:
    wanted = {key.replace("__", ".").replace("_", "/") if key != "pods" else key: value for key, value in used.items()}

    def counted() -> bool:
        found = api.get("resourcequotas", name)["status"].get("used", {})
        return all(found.get(key) == value for key, value in wanted.items())

    api.until(counted, f"{name} has used {wanted}")


_TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "main", "image": PAUSE}]}}
_SET = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": _TEMPLATE}
_COUNTED: dict[str, tuple[str, Any]] = {
    "configmaps": ("configmaps", {"data": {"a": "b"}}),
    "secrets": ("secrets", {"stringData": {"a": "b"}}),
    "services": ("services", {"spec": {"ports": [{"port": 80}]}}),
    "replicasets": ("count/replicasets.apps", {"spec": _SET}),
    "replicationcontrollers": ("replicationcontrollers", {"spec": {**_SET, "selector": {"a": "b"}}}),
}


@pytest.mark.parametrize("plural", _COUNTED)
def test_should_create_a_resource_quota_and_capture_the_life_of(api: Api, plural: str) -> None:
    resource, body = _COUNTED[plural]
    before = len(api.list(plural)["items"])
    _quota(api, "counts", {resource: str(before + 1)})

    def used() -> str:
        return str(api.get("resourcequotas", "counts")["status"]["used"].get(resource))

    assert used() == str(before)
    api.create(plural, {"metadata": {"name": "one"}, **copy.deepcopy(body)})
    api.until(lambda: used() == str(before + 1), "it is counted")
    refused = api.refusal("POST", api.path(plural), {"metadata": {"name": "two"}, **copy.deepcopy(body)})
    assert refused.code == 403 and "exceeded quota: counts" in refused.status["message"]
    api.delete(plural, "one")
    api.until(lambda: used() == str(before), "it is given back")


def _wanting(name: str, cpu: str, memory: str, **more: Any) -> Any:
    resources = {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu, "memory": memory}}
    return pod(name, image=PAUSE, container={"resources": resources}, **more)


def test_should_create_a_resource_quota_and_capture_the_life_of_a_pod(api: Api) -> None:
    _quota(api, "counts", {"pods": "5", "cpu": "1", "memory": "500Mi"})
    api.create("pods", _wanting("fits", "500m", "252Mi"))
    _until_used(api, "counts", pods="1", cpu="500m", memory="252Mi")
    for name, cpu, memory in (("too-much", "600m", "100Mi"), ("too-large", "100m", "300Mi")):
        assert api.refusal("POST", api.path("pods"), _wanting(name, cpu, memory)).code == 403
    changed = api.get("pods", "fits")
    del changed["metadata"]["resourceVersion"]  # the kubelet may write its status in between
    changed["spec"]["containers"][0]["resources"]["requests"] = {"cpu": "100m", "memory": "100Mi"}
    assert api.refusal("PUT", api.path("pods", "fits"), changed).code == 422
    _until_used(api, "counts", pods="1", cpu="500m", memory="252Mi")
    api.delete("pods", "fits")
    _until_used(api, "counts", pods="0", cpu="0", memory="0")


def test_should_verify_resource_quota_with_terminating_scopes(api: Api) -> None:
    hard = {"pods": "5", "requests.cpu": "1", "requests.memory": "500Mi", "limits.cpu": "2", "limits.memory": "1Gi"}
    for name, scope in (("not-terminating", "NotTerminating"), ("terminating", "Terminating")):
        _quota(api, name, hard, scopes=[scope])
    for name, other, more in (
        ("not-terminating", "terminating", {}),
        ("terminating", "not-terminating", {"activeDeadlineSeconds": 3600}),
    ):
        api.create("pods", _wanting("counted", "500m", "200Mi", **more))
        api.until(
            lambda name=name: api.get("resourcequotas", name)["status"]["used"].get("requests.cpu") == "500m", name
        )
        _until_used(api, other, pods="0")
        api.delete("pods", "counted")
        _until_used(api, name, pods="0")


def test_should_verify_resource_quota_with_best_effort_scope(api: Api) -> None:
    for name, scope in (("best-effort", "BestEffort"), ("not-best-effort", "NotBestEffort")):
        _quota(api, name, {"pods": "5"}, scopes=[scope])
    for made, name, other in (
        (pod("counted", image=PAUSE), "best-effort", "not-best-effort"),
        (_wanting("counted", "500m", "200Mi"), "not-best-effort", "best-effort"),
    ):
        api.create("pods", made)
        _until_used(api, name, pods="1")
        _until_used(api, other, pods="0")
        api.delete("pods", "counted")
        _until_used(api, name, pods="0")


def test_should_be_able_to_update_and_delete_a_resource_quota_and_its_status(api: Api) -> None:
    _quota(api, "changes", {"cpu": "1", "memory": "500Mi"})
    hard = {"cpu": "2", "memory": "1Gi"}
    api.update("resourcequotas", "changes", lambda obj: obj["spec"].update(hard=hard))
    api.until(lambda: api.get("resourcequotas", "changes")["status"]["hard"] == hard, "its status follows")
    found = api.patch("resourcequotas", "changes", {"status": {"hard": {"cpu": "7"}}}, "status", type=MERGE)
    assert (found["spec"]["hard"], found["status"]["hard"]["cpu"]) == (hard, "7")
    api.until(lambda: api.get("resourcequotas", "changes", "status")["status"]["hard"] == hard, "it is put right")
    api.delete("resourcequotas", "changes")
    assert not api.exists("resourcequotas", "changes")


# ---- custom_resource_definition.go, crd_watch.go


def _definition(api: Api, kind: str, schema: Any = None, **more: Any) -> Any:
    group = f"{api.namespace}.example.com"
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema or anything}}
    names = {"kind": kind, "plural": f"{kind.lower()}s", "singular": kind.lower(), "listKind": f"{kind}List"}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version], **more.pop("spec", {})}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{kind.lower()}s.{group}", **more}, "spec": spec}  # fmt: skip


def _defined(api: Api, kind: str, schema: Any = None, **more: Any) -> str:
    """The path of its objects, when they are served."""
    made = _definition(api, kind, schema, **more)
    api.create("customresourcedefinitions", made)
    path = f"/apis/{made['spec']['group']}/v1/namespaces/{api.namespace}/{kind.lower()}s"

    def served() -> bool:
        try:
            api.request("GET", path)
        except Refused as refused:
            assert refused.code == 404
            return False
        return True

    api.until(served, f"{kind} is served")
    return path


@pytest.fixture(autouse=True)
def _no_definitions_stay(api: Api) -> Any:
    yield
    for each in api.list("customresourcedefinitions")["items"]:
        if each["spec"]["group"].startswith(api.namespace):
            api.delete("customresourcedefinitions", each["metadata"]["name"])


def test_creating_and_deleting_custom_resource_definition_objects_works(api: Api) -> None:
    _defined(api, "Foo")
    name = f"foos.{api.namespace}.example.com"
    api.delete("customresourcedefinitions", name)
    api.until_gone("customresourcedefinitions", name)


def test_listing_custom_resource_definition_objects_works(api: Api) -> None:
    for number in range(10):
        api.create("customresourcedefinitions", _definition(api, f"Listed{number}", labels={"e2e": api.namespace}))
    assert len(api.list("customresourcedefinitions", f"e2e={api.namespace}")["items"]) == 10
    api.request("DELETE", api.path("customresourcedefinitions") + f"?labelSelector=e2e%3D{api.namespace}")
    api.until(lambda: not api.list("customresourcedefinitions", f"e2e={api.namespace}")["items"], "all are gone")


def test_getting_updating_patching_custom_resource_definition_status_works(api: Api) -> None:
    _defined(api, "Foo")
    name = f"foos.{api.namespace}.example.com"
    condition = {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test",
                 "lastTransitionTime": "2020-01-01T00:00:00Z"}  # fmt: skip
    assert api.get("customresourcedefinitions", name, "status")["status"]["acceptedNames"]["kind"] == "Foo"
    found = api.update_status(
        "customresourcedefinitions", name, lambda obj: obj["status"]["conditions"].append(condition)
    )
    assert any(each["type"] == "StatusUpdate" for each in found["status"]["conditions"])
    patch = {"status": {"conditions": [*found["status"]["conditions"], {**condition, "type": "StatusPatched"}]}}
    found = api.patch("customresourcedefinitions", name, patch, "status", type=MERGE)
    assert any(each["type"] == "StatusPatched" for each in found["status"]["conditions"])


def test_custom_resource_defaulting_for_requests_and_from_storage_works(api: Api) -> None:
    schema: Any = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
    path, name = _defined(api, "Foo", schema), f"foos.{api.namespace}.example.com"
    group = f"{api.namespace}.example.com/v1"

    def create(title: str) -> Any:
        return api.request("POST", path, {"apiVersion": group, "kind": "Foo", "metadata": {"name": title}})

    def default(field: str, value: str | None) -> None:
        def change(obj: Any) -> None:
            properties = obj["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
            properties[field].pop("default", None)
            if value is not None:
                properties[field]["default"] = value

        api.update("customresourcedefinitions", name, change)

    assert "a" not in create("first")
    default("a", "A")
    api.until(lambda: api.request("GET", f"{path}/first").get("a") == "A", "the default is seen in what was stored")
    assert create("second")["a"] == "A"
    default("a", None)
    default("b", "B")
    api.until(lambda: api.request("GET", f"{path}/second").get("b") == "B", "the other default is seen")
    assert api.request("GET", f"{path}/second")["a"] == "A"
    assert "a" not in api.request("GET", f"{path}/first")


def test_should_include_custom_resource_definition_resources_in_discovery_documents(api: Api) -> None:
    [group] = [each for each in api.request("GET", "/apis")["groups"] if each["name"] == "apiextensions.k8s.io"]
    assert "apiextensions.k8s.io/v1" in [each["groupVersion"] for each in group["versions"]]
    assert api.request("GET", "/apis/apiextensions.k8s.io")["versions"] == group["versions"]
    names = [each["name"] for each in api.request("GET", "/apis/apiextensions.k8s.io/v1")["resources"]]
    assert "customresourcedefinitions" in names


def test_watch_on_custom_resource_objects(api: Api) -> None:
    path, group = _defined(api, "Noxu"), f"{api.namespace}.example.com/v1"
    version = api.request("GET", path)["metadata"]["resourceVersion"]
    api.request("POST", path, {"apiVersion": group, "kind": "Noxu", "metadata": {"name": "one"}, "content": "a"})
    api.request("PATCH", f"{path}/one", {"content": "b"}, MERGE)
    api.request("DELETE", f"{path}/one")
    connection = HTTPConnection("127.0.0.1", api.port, timeout=30)
    connection.request(
        "GET", f"{path}?watch=1&resourceVersion={version}", None, {"Authorization": f"Bearer {api.token}"}
    )
    answer = connection.getresponse()
    assert [json.loads(answer.readline())["type"] for _ in range(3)] == ["ADDED", "MODIFIED", "DELETED"]
    connection.close()


# ---- crd_publish_openapi.go

_SCHEMA: Any = {
    "description": "Foo CRD for Testing", "type": "object",
    "properties": {
        "spec": {
            "type": "object", "description": "Specification of Foo",
            "properties": {
                "bars": {
                    "description": "List of Bars and their specs.", "type": "array",
                    "items": {
                        "type": "object", "required": ["name"],
                        "properties": {
                            "name": {"description": "Name of Bar.", "type": "string"},
                            "age": {"description": "Age of Bar.", "type": "string"},
                            "feeling": {"type": "string", "enum": ["Great", "Down"]},
                        },
                    },
                }
            },
        },
        "status": {"description": "Status of Foo", "type": "object"},
    },
}  # fmt: skip


def _foo(api: Api, name: str, **body: Any) -> str:
    return json.dumps(
        {"apiVersion": f"{api.namespace}.example.com/v1", "kind": "Foo", "metadata": {"name": name}, **body}
    )


def _published(api: Api, kind: str, group: str, version: str = "v1") -> bool:
    found = api.request("GET", "/openapi/v2")["definitions"]
    wanted = {"group": group, "kind": kind, "version": version}
    return any(wanted in (each.get("x-kubernetes-group-version-kind") or ()) for each in found.values())


@pytest.mark.kubectl
def test_works_for_crd_with_validation_schema(api: Api) -> None:
    _defined(api, "Foo", _SCHEMA)
    api.until(lambda: _published(api, "Foo", f"{api.namespace}.example.com"), "it is published")
    good = _foo(api, "good", spec={"bars": [{"name": "test-bar", "age": "10"}]})
    api.kubectl("create", "-f", "-", stdin=good)
    api.kubectl("apply", "-f", "-", stdin=good)
    for command in ("create", "apply"):
        unknown = _foo(api, "bad", spec={"bars": [{"name": "test-bar", "age": "10", "foo": "bar"}]})
        assert 'unknown field "spec.bars[0].foo"' in api.kubectl(command, "-f", "-", stdin=unknown, code=1)
        missing = _foo(api, "bad", spec={"bars": [{"age": "10"}]})
        assert "spec.bars[0].name: Required value" in api.kubectl(command, "-f", "-", stdin=missing, code=1)
        wrong = _foo(api, "bad", spec={"bars": [{"name": "test-bar", "age": "10", "feeling": "NonExistentValue"}]})
        assert "Unsupported value" in api.kubectl(command, "-f", "-", stdin=wrong, code=1)
    shown = api.kubectl("explain", f"foos.{api.namespace}.example.com")
    assert "Foo CRD for Testing" in shown and "Specification of Foo" in shown
    shown = api.kubectl("explain", f"foos.{api.namespace}.example.com.spec.bars")
    assert "List of Bars and their specs." in shown and "Age of Bar." in shown
    assert "does not exist" in api.kubectl("explain", f"foos.{api.namespace}.example.com.spec.bars2", code=1)


@pytest.mark.kubectl
@pytest.mark.parametrize(
    "schema",
    [
        None,
        {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "description": "anything"},
        {"type": "object", "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}},
    ],
    ids=["no schema", "unknown at the root", "unknown in an embedded object"],
)
def test_works_for_crd_that_preserves_unknown_fields(api: Api, schema: Any) -> None:
    _defined(api, "Foo", schema)
    made = _foo(api, "any", spec={"a": {"arbitrary": "field"}})
    api.kubectl("create", "-f", "-", stdin=made)
    api.kubectl("apply", "-f", "-", stdin=made)
    assert "KIND:       Foo" in api.kubectl("explain", f"foos.{api.namespace}.example.com")


def test_works_for_multiple_crds_and_versions_that_come_and_go(api: Api) -> None:
    for kind in ("One", "Two"):
        _defined(api, kind, _SCHEMA)
    group = f"{api.namespace}.example.com"
    api.until(lambda: _published(api, "One", group) and _published(api, "Two", group), "both are published")
    name = f"ones.{group}"

    def second(obj: Any) -> None:
        obj["spec"]["versions"].append({**obj["spec"]["versions"][0], "name": "v2", "storage": False})

    api.update("customresourcedefinitions", name, second)
    api.until(lambda: _published(api, "One", group, "v2"), "its other version is published")
    api.update("customresourcedefinitions", name, lambda obj: obj["spec"]["versions"][1].update(name="v4"))
    api.until(lambda: _published(api, "One", group, "v4") and not _published(api, "One", group, "v2"), "it is renamed")
    api.update("customresourcedefinitions", name, lambda obj: obj["spec"]["versions"][1].update(served=False))
    api.until(lambda: not _published(api, "One", group, "v4") and _published(api, "One", group), "it is not served")


# ---- field_validation.go


def _strict(path: str) -> str:
    return f"{path}?fieldManager=e2e&fieldValidation=Strict"


def test_should_detect_unknown_and_duplicate_fields_of_a_typed_object(api: Api) -> None:
    body = b"""{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "dupe", "unknownMeta": "x"},
      "spec": {"unknown1": "val1", "unknownDupe": "valDupe", "unknownDupe": "valDupe2", "paused": true, "paused": false,
      "selector": {"matchLabels": {"app": "nginx"}},
      "template": {"metadata": {"labels": {"app": "nginx"}}, "spec": {"containers": [{"name": "nginx", "image": "nginx",
      "unknownNested": "val1", "imagePullPolicy": "Always", "imagePullPolicy": "Never"}]}}}}"""
    refused = api.refusal("POST", _strict(api.path("deployments")), body)
    assert refused.code == 400
    said = refused.status["message"]
    for words in (
        'unknown field "spec.unknown1"',
        'duplicate field "spec.paused"',
        'unknown field "metadata.unknownMeta"',
        'unknown field "spec.template.spec.containers[0].unknownNested"',
        'duplicate field "spec.template.spec.containers[0].imagePullPolicy"',
    ):
        assert words in said


_CRD_SCHEMA: Any = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object", "x-kubernetes-preserve-unknown-fields": True,
            "properties": {
                "cronSpec": {"type": "string"},
                "template": {"type": "object", "x-kubernetes-embedded-resource": True,
                             "x-kubernetes-preserve-unknown-fields": True},
            },
        }
    },
}  # fmt: skip
_APPLY = "application/apply-patch+yaml"


def test_should_create_and_apply_a_custom_resource_as_its_schema_lets_it(api: Api) -> None:
    path = _defined(api, "Foo", _SCHEMA)
    good = _foo(api, "good", spec={"bars": [{"name": "bar"}]}).encode()
    api.request("PATCH", _strict(f"{path}/good"), good, _APPLY)
    bad = _foo(api, "bad", spec={"bars": [{"name": "bar"}], "unknown": "x"}).encode()
    refused = api.refusal("PATCH", _strict(f"{path}/bad"), bad, _APPLY)
    assert "spec.unknown" in refused.status["message"]


def test_should_apply_a_custom_resource_with_unknown_fields_where_there_is_no_schema(api: Api) -> None:
    path = _defined(api, "Foo")
    api.request("PATCH", _strict(f"{path}/any"), _foo(api, "any", spec={"unknown": "x"}).encode(), _APPLY)
    assert api.request("GET", f"{path}/any")["spec"] == {"unknown": "x"}


def test_should_detect_duplicates_and_unknown_metadata_of_a_custom_resource(api: Api) -> None:
    path = _defined(api, "Foo", _CRD_SCHEMA)
    head = f'"apiVersion": "{api.namespace}.example.com/v1", "kind": "Foo"'
    twice = f'{{{head}, "metadata": {{"name": "a"}}, "spec": {{"cronSpec": "a", "cronSpec": "b"}}}}'.encode()
    refused = api.refusal("POST", _strict(path), twice)
    assert refused.code == 400 and 'duplicate field "spec.cronSpec"' in refused.status["message"]
    inner = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "unknownSubMeta": "y"}}'
    outer = f'{{{head}, "metadata": {{"name": "a", "unknownMeta": "y"}}, "spec": {{"template": {inner}}}}}'.encode()
    refused = api.refusal("POST", _strict(path), outer)
    assert refused.code == 400
    for words in ('unknown field "metadata.unknownMeta"', 'unknown field "spec.template.metadata.unknownSubMeta"'):
        assert words in refused.status["message"]
