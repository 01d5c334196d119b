"""Webhooks that are asked about requests. Source of the steps: test/e2e/apimachinery/webhook.go."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

import pytest
from certificates import issue
from e2e_client import MERGE, PAUSE, Api, pod

pytestmark = pytest.mark.slow

NAME = "e2e-test-webhook"
UNWANTED = {"webhook-e2e-test": "webhook-disallow"}
_WHERE = "/webhook.local.config/certificates"


class Hooks:
    """The server of one namespace, and configurations that ask it about that namespace alone."""

    def __init__(self, api: Api, program: str = "webhook") -> None:
        self.api = api
        issued = issue(f"{NAME}.{api.namespace}.svc", at_s=time.time())
        self.bundle = base64.b64encode(issued.authority.encode()).decode()
        secret = {"tls.crt": issued.certificate, "tls.key": issued.key}
        api.create("secrets", {"metadata": {"name": NAME}, "stringData": secret})
        files = (f"--tls-cert-file={_WHERE}/tls.crt", f"--tls-private-key-file={_WHERE}/tls.key")
        container = {
            "volumeMounts": [{"name": "certs", "mountPath": _WHERE}],
            "readinessProbe": {
                "httpGet": {"scheme": "HTTPS", "port": 8444, "path": "/readyz"}, "periodSeconds": 1,
            },
        }  # fmt: skip
        volumes = [{"name": "certs", "secret": {"secretName": NAME}}]
        server = pod(
            "x", program, *files, "--alsologtostderr", "-v=4", "--port=8444", container=container, volumes=volumes
        )
        labels = {"app": "sample-webhook"}
        template = {"metadata": {"labels": labels}, "spec": server["spec"]}
        spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
        api.create("deployments", {"metadata": {"name": "sample-webhook"}, "spec": spec})
        ports = [{"port": 8443, "targetPort": 8444}]
        api.create("services", {"metadata": {"name": NAME}, "spec": {"selector": labels, "ports": ports}})
        api.until(lambda: api.get("deployments", "sample-webhook")["status"].get("availableReplicas"), "it is there")

    def hook(self, path: str, resources: str, *operations: str, group: str = "", **more: Any) -> Any:
        rule = {
            "operations": list(operations or ("CREATE",)), "apiGroups": [group], "apiVersions": ["*"],
            "resources": resources.split(),
        }  # fmt: skip
        service = {"namespace": self.api.namespace, "name": NAME, "path": path, "port": 8443}
        here = {"matchLabels": {"kubernetes.io/metadata.name": self.api.namespace}}
        usual = {
            "name": f"{path.strip('/').replace('/', '-')}.k8s.io", "rules": [rule], "sideEffects": "None",
            "admissionReviewVersions": ["v1", "v1beta1"], "namespaceSelector": here,
            "clientConfig": {"service": service, "caBundle": self.bundle},
        }  # fmt: skip
        return {**usual, **more}

    def validate(self, *hooks: Any, name: str = "") -> str:
        return self._register("validatingwebhookconfigurations", name, hooks)

    def mutate(self, *hooks: Any, name: str = "") -> str:
        return self._register("mutatingwebhookconfigurations", name, hooks)

    def _register(self, plural: str, name: str, hooks: Any) -> str:
        labels = {"e2e-list-test-webhooks": self.api.namespace}
        metadata = {"name": f"{self.api.namespace}{name}", "labels": labels}
        made = self.api.create(plural, {"metadata": metadata, "webhooks": list(hooks)})
        return str(made["metadata"]["name"])


@pytest.fixture
def hooks(api: Api) -> Iterator[Hooks]:
    yield Hooks(api)
    for plural in ("validatingwebhookconfigurations", "mutatingwebhookconfigurations"):
        api.delete_collection(plural, f"e2e-list-test-webhooks={api.namespace}")


def _refused(api: Api, plural: str, obj: Any) -> str:
    return str(api.refusal("POST", api.path(plural), obj).status["message"])


def _config_map(name: str, **data: str) -> Any:
    return {"metadata": {"name": name}, "data": data}


def _definition(api: Api, *versions: str, properties: Any = None, **labels: str) -> tuple[Any, str]:
    """A definition of the test's own, and where its objects are."""
    group, plural = f"{api.namespace}.example.com", "e2e-test-webhook-crds"
    schema = {
        "type": "object",
        "properties": {"data": {"type": "object", **(properties or {"x-kubernetes-preserve-unknown-fields": True})}},
    }
    served = [
        {"name": each, "served": True, "storage": each == versions[0], "schema": {"openAPIV3Schema": schema}}
        for each in versions
    ]
    named = {
        "plural": plural,
        "singular": "e2e-test-webhook-crd",
        "kind": "E2ETestWebhookCrd",
        "listKind": "E2ETestWebhookCrdList",
    }
    spec = {"group": group, "scope": "Namespaced", "names": named, "versions": served}
    return {
        "metadata": {"name": f"{plural}.{group}", "labels": labels},
        "spec": spec,
    }, f"/apis/{group}/v1/namespaces/{api.namespace}/{plural}"


def _custom(path: str, name: str, **data: str) -> Any:
    group = path.split("/")[2]
    return {"apiVersion": f"{group}/v1", "kind": "E2ETestWebhookCrd", "metadata": {"name": name}, "data": data}


def _established(api: Api, definition: Any) -> None:
    api.create("customresourcedefinitions", definition)
    name = definition["metadata"]["name"]

    def is_there() -> bool:
        conditions = api.get("customresourcedefinitions", name)["status"].get("conditions") or ()
        return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)

    api.until(is_there, "the definition is established")


def test_should_be_able_to_deny(api: Api, hooks: Hooks) -> None:
    """Pods, ConfigMaps, custom resources and definitions; attaching; and everything where nobody can be asked."""
    definition, custom = _definition(api, "v1")
    _established(api, definition)
    group = custom.split("/")[2]
    name = hooks.validate(
        hooks.hook("/pods", "pods"),
        hooks.hook("/configmaps", "configmaps", "CREATE", "UPDATE", "DELETE"),
        hooks.hook("/pods/attach", "pods/attach", "CONNECT"),
        hooks.hook("/custom-resource", "e2e-test-webhook-crds", "CREATE", "UPDATE", "DELETE", group=group),
        hooks.hook("/crd", "customresourcedefinitions", group="apiextensions.k8s.io", namespaceSelector={}),
        hooks.hook("/configmaps", "configmaps", name="fail-open.k8s.io", failurePolicy="Ignore",
                   clientConfig={"service": {"namespace": api.namespace, "name": "nobody"}}),
    )  # fmt: skip
    # pods and configmaps
    unwanted = pod("disallowed-pod", image=PAUSE, labels=UNWANTED, container={"name": "webhook-disallow"})
    said = _refused(api, "pods", unwanted)
    assert "the pod contains unwanted container name" in said and "the pod contains unwanted label" in said
    hanging = pod("hanging-pod", image=PAUSE, labels={"webhook-e2e-test": "wait-forever"})
    assert "deadline" in _refused(api, "pods", hanging)
    assert "the configmap contains unwanted key and value" in _refused(api, "configmaps", _config_map("no", **UNWANTED))
    api.create("configmaps", _config_map("allowed", good="yes"))
    with pytest.raises(Exception, match="unwanted key and value"):
        api.update("configmaps", "allowed", lambda obj: obj["data"].update(UNWANTED))
    with pytest.raises(Exception, match="unwanted key and value"):
        api.patch("configmaps", "allowed", {"data": UNWANTED}, type=MERGE)
    # custom resources
    assert "contains unwanted" in api.refusal("POST", custom, _custom(custom, "no", **UNWANTED)).status["message"]
    api.request("POST", custom, _custom(custom, "cr", a="b"))
    changed = api.refusal("PATCH", f"{custom}/cr", {"data": UNWANTED}, MERGE)
    assert "the custom resource contains unwanted" in changed.status["message"]
    # definitions
    other, _ = _definition(api, "v1", **UNWANTED)
    other["metadata"]["name"], other["spec"]["names"]["plural"] = f"others.{group}", "others"
    assert "the crd contains unwanted label" in _refused(api, "customresourcedefinitions", other)
    # attaching
    api.create("pods", pod("to-be-attached-pod", image=PAUSE, container={"name": "container1"}))
    api.until_ready("to-be-attached-pod")
    said = api.kubectl("attach", "to-be-attached-pod", "-i", "-c=container1", code=1)
    assert "attaching to pod 'to-be-attached-pod' is not allowed" in said
    # deletion: what came in while nobody was asked does not go while somebody is
    api.delete("validatingwebhookconfigurations", name)
    api.create("configmaps", _config_map("kept", **UNWANTED))
    api.request("PATCH", f"{custom}/cr", {"data": UNWANTED}, MERGE)
    name = hooks.validate(
        hooks.hook("/configmaps", "configmaps", "DELETE"),
        hooks.hook("/custom-resource", "e2e-test-webhook-crds", "DELETE", group=group),
    )
    for path in (api.path("configmaps", "kept"), f"{custom}/cr"):
        assert "cannot be deleted" in api.refusal("DELETE", path).status["message"]
    api.delete("validatingwebhookconfigurations", name)
    # fail closed
    closed = hooks.hook("/configmaps", "configmaps", "CREATE", name="fail-closed.k8s.io", failurePolicy="Fail")
    del closed["clientConfig"]["caBundle"]
    name = hooks.validate(closed)
    assert "failed calling webhook" in _refused(api, "configmaps", _config_map("x"))
    api.delete("validatingwebhookconfigurations", name)
    api.delete("customresourcedefinitions", definition["metadata"]["name"])


def test_should_mutate(api: Api, hooks: Hooks) -> None:
    """ConfigMaps in two stages, Pods with defaults after it, custom resources pruned and in another stored version."""
    kept = {"mutation-start": {"type": "string"}, "mutation-stage-1": {"type": "string"}}
    definition, custom = _definition(api, "v1", "v2", properties={"properties": kept})
    _established(api, definition)
    group = custom.split("/")[2]
    stages = [{"name": f"stage-{each}.k8s.io"} for each in (1, 2)]
    skips = [{"name": "skip-me", "expression": "object.metadata.name != 'skip-me'"}]
    hooks.mutate(
        *(hooks.hook("/mutating-configmaps", "configmaps", matchConditions=skips, **each) for each in stages),
        hooks.hook("/mutating-pods", "pods"),
        *(
            hooks.hook("/mutating-custom-resource", "e2e-test-webhook-crds", "CREATE", "UPDATE", group=group,
                       name=f"custom-{each['name']}")
            for each in stages
        ),
    )  # fmt: skip
    made = api.create("configmaps", _config_map("mutated", **{"mutation-start": "yes"}))
    assert made["data"] == dict.fromkeys(("mutation-start", "mutation-stage-1", "mutation-stage-2"), "yes")
    skipped = api.create("configmaps", _config_map("skip-me", **{"mutation-start": "yes"}))
    assert skipped["data"] == {"mutation-start": "yes"}
    made = api.create("pods", pod("webhook-to-be-mutated", image=PAUSE))
    [added] = made["spec"]["initContainers"]
    assert added["name"] == "webhook-added-init-container" and added["terminationMessagePolicy"] == "File"
    start = {"mutation-start": "yes"}
    made = api.request("POST", custom, _custom(custom, "cr", **start))
    assert made["data"] == {**start, "mutation-stage-1": "yes"}  # the second stage is no field: it is pruned
    # another stored version
    name = definition["metadata"]["name"]
    versions = [{**each, "storage": each["name"] == "v2"} for each in definition["spec"]["versions"]]
    api.patch("customresourcedefinitions", name, {"spec": {"versions": versions}}, type=MERGE)
    changed = api.request("PATCH", f"{custom}/cr", {"data": {"mutation-start": "yes", "dummy": "pruned"}}, MERGE)
    assert changed["data"] == {**start, "mutation-stage-1": "yes"} and changed["apiVersion"].endswith("/v1")
    again = api.request("POST", custom, _custom(custom, "cr2", **start))
    assert again["data"] == {**start, "mutation-stage-1": "yes"}
    api.delete("customresourcedefinitions", name)


def test_should_honor_timeout(api: Api, hooks: Hooks) -> None:
    slow = {"name": "slow.k8s.io", "failurePolicy": "Fail"}
    name = hooks.validate(hooks.hook("/always-allow-delay-5s", "configmaps", timeoutSeconds=1, **slow))
    assert "context deadline exceeded" in _refused(api, "configmaps", _config_map("a"))
    api.delete("validatingwebhookconfigurations", name)
    for number, more in enumerate(({"timeoutSeconds": 1, "failurePolicy": "Ignore"}, {"timeoutSeconds": 10}, {})):
        name = hooks.validate(hooks.hook("/always-allow-delay-5s", "configmaps", **{**slow, **more}))
        api.create("configmaps", _config_map(f"a{number}"))
        api.delete("validatingwebhookconfigurations", name)


def test_should_list_patch_and_update_and_match_by_conditions(api: Api, hooks: Hooks) -> None:
    """Of both kinds: lists and collections, rules that change, conditions that are none, and what is exempt."""
    for plural, path in (
        ("validatingwebhookconfigurations", "/configmaps"), ("mutatingwebhookconfigurations", "/mutating-configmaps")
    ):  # fmt: skip
        validates = plural.startswith("validating")
        register = hooks.validate if validates else hooks.mutate
        data = UNWANTED if validates else {"mutation-start": "yes"}
        numbers = iter(range(100))

        def is_asked(
            path: str = api.path("configmaps"), data: Any = data, validates: bool = validates, numbers: Any = numbers
        ) -> bool:
            made = {"metadata": {"name": f"{'v' if validates else 'm'}{next(numbers)}"}, "data": data}
            if validates:
                try:
                    api.request("POST", path, made)
                except Exception as refused:
                    assert "unwanted key and value" in str(refused)
                    return True
                return False
            return bool(api.request("POST", path, made)["data"] != data)

        names = [register(hooks.hook(path, "configmaps"), name=f"-{number}") for number in range(3)]
        found = api.list(plural, f"e2e-list-test-webhooks={api.namespace}")["items"]
        assert [each["metadata"]["name"] for each in found] == names
        assert is_asked()
        api.delete_collection(plural, f"e2e-list-test-webhooks={api.namespace}")
        assert not is_asked()
        name = register(hooks.hook(path, "configmaps"))
        api.update(plural, name, lambda obj: obj["webhooks"][0]["rules"][0].update(operations=["UPDATE"]))
        assert not is_asked()
        changed = [{"op": "replace", "path": "/webhooks/0/rules/0/operations", "value": ["CREATE"]}]
        api.patch(plural, name, changed, type="application/json-patch+json")
        assert is_asked()
        conditions = [{"name": "named", "expression": "!object.metadata.name.startsWith('v') && false"}]
        api.update(plural, name, lambda obj, new=conditions: obj["webhooks"][0].update(matchConditions=new))  # type: ignore[misc]
        assert api.get(plural, name)["webhooks"][0]["matchConditions"] == conditions
        assert not is_asked()
        bad = hooks.hook(path, "configmaps", matchConditions=[{"name": "bad", "expression": "... [] bad expression"}])
        assert "compilation failed" in _refused(api, plural, {"metadata": {"name": f"{name}-bad"}, "webhooks": [bad]})
        api.delete(plural, name)
    # configurations are neither changed nor kept by webhooks
    both = "validatingwebhookconfigurations mutatingwebhookconfigurations"
    on_all = {"group": "*", "namespaceSelector": {}}
    hooks.validate(hooks.hook("/always-deny", both, "DELETE", **on_all), name="-deny")
    hooks.mutate(hooks.hook("/add-label", both, "*", **on_all), name="-label")
    last = hooks.validate(hooks.hook("/configmaps", "configmaps"), name="-dummy")
    assert "added-label" not in api.get("validatingwebhookconfigurations", last)["metadata"]["labels"]
    api.delete("validatingwebhookconfigurations", last)
    # discovery
    group = next(
        each for each in api.request("GET", "/apis")["groups"] if each["name"] == "admissionregistration.k8s.io"
    )
    assert "admissionregistration.k8s.io/v1" in [each["groupVersion"] for each in group["versions"]]
    resources = {each["name"] for each in api.request("GET", "/apis/admissionregistration.k8s.io/v1")["resources"]}
    assert set(both.split()) <= resources


# ---- crd_conversion_webhook.go


def test_should_be_able_to_convert_custom_resources(api: Api) -> None:
    """From v1 to v2, and a list of objects that were stored in either."""
    hooks, group, plural = Hooks(api, "crd-conversion-webhook"), "stable.example.com", f"e2e-{api.namespace}-crds"
    text = {"type": "string"}
    fields = {"v1": {"hostPort": text}, "v2": {"host": text, "port": text}}

    def versions(stored: str) -> Any:
        return [
            {"name": each, "served": True, "storage": each == stored,
             "schema": {"openAPIV3Schema": {"type": "object", "properties": fields[each]}}}
            for each in fields
        ]  # fmt: skip

    service = {"namespace": api.namespace, "name": NAME, "path": "/crdconvert", "port": 8443}
    webhook = {"clientConfig": {"service": service, "caBundle": hooks.bundle}, "conversionReviewVersions": ["v1"]}
    kind = f"E2e{api.namespace.replace('-', '')}"
    names = {"plural": plural, "singular": plural[:-1], "kind": kind, "listKind": f"{kind}List"}
    conversion = {"strategy": "Webhook", "webhook": webhook}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": versions("v1"), "conversion": conversion}
    definition = {"metadata": {"name": f"{plural}.{group}"}, "spec": spec}
    _established(api, definition)
    v1, v2 = (f"/apis/{group}/{each}/namespaces/{api.namespace}/{plural}" for each in fields)
    old = {
        "apiVersion": f"{group}/v1",
        "kind": kind,
        "metadata": {"name": "cr-instance-1"},
        "hostPort": "localhost:8080",
    }
    api.request("POST", v1, old)
    converted = api.request("GET", f"{v2}/cr-instance-1")
    assert (converted["host"], converted["port"]) == ("localhost", "8080") and "hostPort" not in converted
    name = definition["metadata"]["name"]
    api.patch("customresourcedefinitions", name, {"spec": {"versions": versions("v2")}}, type=MERGE)
    new = {
        "apiVersion": f"{group}/v2",
        "kind": kind,
        "metadata": {"name": "cr-instance-2"},
        "host": "host",
        "port": "80",
    }
    api.request("POST", v2, new)
    assert [each["hostPort"] for each in api.request("GET", v1)["items"]] == ["localhost:8080", "host:80"]
    assert [(each["host"], each["port"]) for each in api.request("GET", v2)["items"]] == [
        ("localhost", "8080"), ("host", "80"),
    ]  # fmt: skip
    for each in ("cr-instance-1", "cr-instance-2"):
        api.request("DELETE", f"{v2}/{each}")
    api.delete("customresourcedefinitions", name)
