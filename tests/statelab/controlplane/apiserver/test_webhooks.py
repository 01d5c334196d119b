"""Webhooks: servers in the cluster that are asked about requests, over TLS as far as it is checked."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from certificates import Issued, issue
from planes import refused

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.serving.client import InProcessClient
from statelab.controlplane.clock import VIRTUAL_EPOCH_S
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object

ADMISSION = "admissionregistration.k8s.io/v1"
AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.53"
HOST = "hook.default.svc"


def rule(*operations: str, resources: Any = ("configmaps",), groups: Any = ("",)) -> Object:
    return {
        "operations": list(operations),
        "apiGroups": list(groups),
        "apiVersions": ["v1"],
        "resources": list(resources),
    }


def configuration(*hooks: Object, kind: str = "ValidatingWebhookConfiguration", name: str = "e2e") -> Object:
    return {"apiVersion": ADMISSION, "kind": kind, "metadata": {"name": name}, "webhooks": list(hooks)}


def hook(authority: str, path: str, *rules: Object, name: str = "a.example.com", **more: Any) -> Object:
    service = {"namespace": "default", "name": "hook", "path": path, **more.pop("service", {})}
    config = {"service": service, "caBundle": base64.b64encode(authority.encode()).decode()}
    usual = {"sideEffects": "None", "admissionReviewVersions": ["v1"], "clientConfig": config}
    return {"name": name, "rules": list(rules), **usual, **more}


def config_map(name: str = "x", **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def server(issued: Issued, *more: str, program: str = "webhook") -> list[Object]:
    """A Pod of agnhost's webhook, the Secret with its certificate, and the Service in front."""
    secret = {"tls.crt": issued.certificate, "tls.key": issued.key}
    where = "/certificates"
    args = [program, f"--tls-cert-file={where}/tls.crt", f"--tls-private-key-file={where}/tls.key", "--port=8444"]
    probe = {"httpGet": {"scheme": "HTTPS", "port": 8444, "path": "/readyz"}, "periodSeconds": 1}
    container = {
        "name": "hook", "image": AGNHOST, "args": [*args, *more], "readinessProbe": probe,
        "volumeMounts": [{"name": "certificates", "mountPath": where}],
    }  # fmt: skip
    spec = {"containers": [container], "volumes": [{"name": "certificates", "secret": {"secretName": "hook"}}]}
    ports = [{"port": 443, "targetPort": 8444}]
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hook"}, "stringData": secret},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "hook", "labels": {"a": "hook"}}, "spec": spec},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "hook"},
            "spec": {"selector": {"a": "hook"}, "ports": ports},
        },
    ]


ISSUED = issue(HOST, at_s=VIRTUAL_EPOCH_S)
OTHER = issue("other.default.svc", at_s=VIRTUAL_EPOCH_S)
CA = ISSUED.authority


@pytest.fixture
def cluster() -> ControlPlane:
    made = ControlPlane()
    for each in server(ISSUED, "--sidecar-image=busybox:1.36"):
        made.create(each)
    made.settle()
    assert made.get("pods", "default/hook")["status"]["conditions"][1]["status"] == "True"
    return made


def test_a_webhook_refuses_in_its_own_words(cluster: ControlPlane) -> None:
    cluster.create(configuration(hook(CA, "/configmaps", rule("CREATE", "UPDATE", "DELETE"))))
    unwanted = {"webhook-e2e-test": "webhook-disallow"}
    error = refused(cluster, config_map(**unwanted))
    denied = 'admission webhook "a.example.com" denied the request: the configmap contains unwanted key and value'
    assert (error.code, error.message) == (400, denied)
    cluster.create(config_map())
    with pytest.raises(ApiError, match="denied the request"):
        cluster.patch("configmaps", "default/x", {"data": unwanted})
    cluster.delete("validatingwebhookconfigurations", "e2e")
    cluster.patch("configmaps", "default/x", {"data": unwanted})
    cluster.create(configuration(hook(CA, "/configmaps", rule("DELETE"))))
    with pytest.raises(ApiError, match="the configmap cannot be deleted because it contains unwanted"):
        cluster.delete("configmaps", "default/x")


def test_webhooks_change_an_object_one_after_the_other_and_what_is_left_out_is_filled_in(cluster: ControlPlane) -> None:
    kind = "MutatingWebhookConfiguration"
    stages = [hook(CA, "/mutating-configmaps", rule("CREATE"), name=f"stage-{each}.example.com") for each in (1, 2)]
    pods = rule("CREATE", resources=["pods"])
    cluster.create(configuration(*stages, hook(CA, "/mutating-pods", pods, name="pods.example.com"), kind=kind))
    made = cluster.create(config_map(**{"mutation-start": "yes"}))
    assert made["data"] == {"mutation-start": "yes", "mutation-stage-1": "yes", "mutation-stage-2": "yes"}
    spec = {"containers": [{"name": "c", "image": "nginx:1.27"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "webhook-to-be-mutated"}, "spec": spec}
    [added] = cluster.create(pod)["spec"]["initContainers"]
    assert (added["name"], added["terminationMessagePolicy"]) == ("webhook-added-init-container", "File")
    assert added["volumeMounts"][0]["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"


def test_one_that_says_so_is_asked_again_after_a_later_one(cluster: ControlPlane) -> None:
    again = hook(CA, "/mutating-configmaps", rule("CREATE"), name="stages.example.com", reinvocationPolicy="IfNeeded")
    label = hook(CA, "/add-label", rule("CREATE"), name="label.example.com")
    cluster.create(configuration(again, label, kind="MutatingWebhookConfiguration"))
    made = cluster.create(config_map(**{"mutation-start": "yes"}))
    assert made["metadata"]["labels"] == {"added-label": "yes"}
    assert "mutation-stage-2" in made["data"]  # only the second time does it see its own first stage


def test_a_timeout_counts_and_a_failure_may_be_ignored(cluster: ControlPlane) -> None:
    def slow(timeout_s: int, policy: str) -> Object:
        return hook(CA, "/always-allow-delay-5s", rule("CREATE"), timeoutSeconds=timeout_s, failurePolicy=policy)

    cluster.create(configuration(slow(1, "Fail")))
    error = refused(cluster, config_map())
    said = f'Post "https://{HOST}:443/always-allow-delay-5s?timeout=1s": context deadline exceeded'
    message = f'failed calling webhook "a.example.com": failed to call webhook: {said}'
    assert (error.code, error.reason) == (500, "InternalError")
    assert error.message == f"Internal error occurred: {message}"
    for timeout_s, policy in ((1, "Ignore"), (10, "Fail")):
        cluster.delete("validatingwebhookconfigurations", "e2e")
        cluster.create(configuration(slow(timeout_s, policy)))
        cluster.create(config_map(f"x{timeout_s}"))
    pods = rule("CREATE", resources=["pods"])
    cluster.create(configuration(hook(CA, "/pods", pods), name="pods"))
    spec = {"containers": [{"name": "c", "image": "nginx:1.27"}]}
    metadata = {"name": "x", "labels": {"webhook-e2e-test": "wait-forever"}}
    never = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    assert refused(cluster, never).message.endswith("context deadline exceeded")
    cluster.settle()


@pytest.mark.parametrize(
    ("hooked", "words"),
    [
        (hook(OTHER.authority, "/x", rule("CREATE")), "x509: certificate signed by unknown authority"),
        (hook("", "/x", rule("CREATE")), "x509: certificate signed by unknown authority"),
        (hook(CA, "/x", rule("CREATE"), service={"name": "nobody"}), 'service "nobody" not found'),
        (hook(CA, "/x", rule("CREATE"), service={"port": 444}), 'no service port 444 found for service "hook"'),
        (hook(CA, "/nothing", rule("CREATE")), "the server could not find the requested resource"),
        (hook(CA, "/readyz", rule("CREATE")), "received invalid webhook response: the answer is no JSON"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_refuses(cluster: ControlPlane, hooked: Object, words: str) -> None:
    cluster.create(configuration(hooked))
    assert words in refused(cluster, config_map()).message


@pytest.mark.parametrize(
    ("issued", "words"),
    [
        (OTHER, f"x509: certificate is valid for other.default.svc, not {HOST}"),
        (issue(at_s=VIRTUAL_EPOCH_S), "x509: certificate relies on legacy Common Name field, use SANs instead"),
        (issue(HOST, at_s=VIRTUAL_EPOCH_S - 400 * 86400, days=100), "certificate has expired or is not yet valid"),
    ],
)  # fmt: skip
def test_a_certificate_must_be_for_the_service_and_for_now(issued: Issued, words: str) -> None:
    cluster = ControlPlane()
    for each in server(issued):
        cluster.create(each)
    cluster.settle()
    cluster.create(configuration(hook(issued.authority, "/configmaps", rule("CREATE"))))
    assert words in refused(cluster, config_map()).message
    cluster.delete("pods", "default/hook", gracePeriodSeconds=0)
    cluster.settle()
    assert refused(cluster, config_map()).message.endswith('no endpoints available for service "hook"')


def test_conditions_selectors_and_a_dry_run(cluster: ControlPlane) -> None:
    conditions = [{"name": "named", "expression": "object.metadata.name != 'free'"}]
    selects = {"matchExpressions": [{"key": "free", "operator": "DoesNotExist"}]}
    always = {"matchConditions": conditions, "objectSelector": selects}
    cluster.create(configuration(hook(CA, "/always-deny", rule("CREATE"), **always)))
    assert "this webhook denies all requests" in refused(cluster, config_map()).message
    cluster.create(config_map("free"))
    labelled = config_map("labelled")
    labelled["metadata"]["labels"] = {"free": ""}
    cluster.create(labelled)
    reply = InProcessClient(cluster).request(
        "POST", "/api/v1/namespaces/default/configmaps?dryRun=All", body=config_map()
    )
    assert reply.code == 400 and "denies all requests" in reply.body["message"]


def test_who_attaches_is_asked_about(cluster: ControlPlane) -> None:
    cluster.create(configuration(hook(CA, "/pods/attach", rule("CONNECT", resources=["pods/attach"]))))
    spec = {"containers": [{"name": "container1", "image": "nginx:1.27"}]}
    metadata = {"name": "to-be-attached-pod"}
    cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    cluster.settle()
    path = "/api/v1/namespaces/default/pods/to-be-attached-pod/attach?stdin=true&container=container1"
    reply = InProcessClient(cluster).request("POST", path)
    assert reply.body["message"].endswith("attaching to pod 'to-be-attached-pod' is not allowed")


def test_configurations_are_not_asked_about(cluster: ControlPlane) -> None:
    everything = rule("*", resources=["*"], groups=["*"])
    cluster.create(configuration(hook(CA, "/always-deny", everything)))
    refused(cluster, config_map())
    cluster.patch("validatingwebhookconfigurations", "e2e", {"metadata": {"labels": {"a": "b"}}})
    cluster.delete("validatingwebhookconfigurations", "e2e")
    cluster.create(config_map())


def _without(key: str) -> Object:
    found = hook(CA, "/x", rule("CREATE"))
    del found[key]
    return found


@pytest.mark.parametrize(
    ("hooked", "words"),
    [
        (hook(CA, "/x", rule("CREATE"), name="short"), "should be a domain with at least three segments"),
        (_without("sideEffects"), "sideEffects: Required value: must specify one of None, NoneOnDryRun"),
        (_without("admissionReviewVersions"), "must specify one of v1, v1beta1"),
        (hook(CA, "/x", rule("CREATE"), timeoutSeconds=31), "the timeout value must be between 1 and 30 seconds"),
        (hook(CA, "x", rule("CREATE")), "must start with a '/'"),
        (hook(CA, "/x", rule("NOW")), 'supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"'),
        ({**_without("clientConfig"), "clientConfig": {}}, "exactly one of url or service is required"),
        (
            {**_without("clientConfig"), "clientConfig": {"url": "https://a.example/"}},
            "StateLab calls no server outside",
        ),
        (hook(CA, "/x", matchConditions=[{"name": "a", "expression": "... [] bad"}]), "compilation failed"),
        (
            hook(CA, "/x", matchConditions=[{"name": "a", "expression": "params.a == 1"}]),
            "undeclared reference to 'params'",
        ),
    ],
)
def test_what_is_no_configuration_is_refused(hooked: Object, words: str) -> None:
    for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"):
        error = refused(ControlPlane(), configuration(hooked, kind=kind))
        assert error.code == 422 and words in error.message


# ---- conversion

GROUP = "stable.example.com"
V1, V2 = (f"/apis/{GROUP}/{each}/namespaces/default/endpoints2" for each in ("v1", "v2"))


def definition(strategy: str = "Webhook", stored: str = "v1", **more: Any) -> Object:
    text = {"type": "string"}
    fields = {"v1": {"hostPort": text}, "v2": {"host": text, "port": text}}
    versions = [
        {"name": each, "served": True, "storage": each == stored,
         "schema": {"openAPIV3Schema": {"type": "object", "properties": fields[each]}}}
        for each in ("v1", "v2")
    ]  # fmt: skip
    service = {"namespace": "default", "name": "hook", "path": "/crdconvert"}
    config = {"service": service, "caBundle": base64.b64encode(CA.encode()).decode(), **more}
    conversion = {"strategy": strategy, "webhook": {"clientConfig": config, "conversionReviewVersions": ["v1"]}}
    names = {"plural": "endpoints2", "singular": "endpoint2", "kind": "Endpoint2", "listKind": "Endpoint2List"}
    spec = {"group": GROUP, "scope": "Namespaced", "names": names, "versions": versions, "conversion": conversion}
    metadata = {"name": f"endpoints2.{GROUP}"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": spec,
    }


def endpoint(name: str, version: str, **fields: str) -> Object:
    return {"apiVersion": f"{GROUP}/{version}", "kind": "Endpoint2", "metadata": {"name": name}, **fields}


def test_a_webhook_makes_another_version_of_what_is_stored_and_back() -> None:
    cluster = ControlPlane()
    for each in server(ISSUED, program="crd-conversion-webhook"):
        cluster.create(each)
    cluster.create(definition())
    cluster.settle()
    client = InProcessClient(cluster)
    assert client.request("POST", V1, body=endpoint("a", "v1", hostPort="localhost:8080")).code == 201
    made = client.request("POST", V2, body=endpoint("b", "v2", host="example.com", port="80"))
    assert made.code == 201 and (made.body["host"], made.body["port"]) == ("example.com", "80")
    assert cluster.store.get(f"endpoints2.{GROUP}", "default/b")["hostPort"] == "example.com:80"
    found = client.request("GET", f"{V2}/a").body
    assert (found["apiVersion"], found["host"], found["port"]) == (f"{GROUP}/v2", "localhost", "8080")
    assert "hostPort" not in found and found["metadata"]["name"] == "a"
    patched = client.request("PATCH", f"{V2}/a", body={"port": "81"}, content_type="application/merge-patch+json")
    assert patched.code == 200 and patched.body["port"] == "81"
    assert client.request("GET", f"{V1}/a").body["hostPort"] == "localhost:81"
    # stored in v2 from now on: what is there in v1 is converted the other way
    versions = definition(stored="v2")["spec"]["versions"]
    cluster.patch("customresourcedefinitions", f"endpoints2.{GROUP}", {"spec": {"versions": versions}})
    cluster.settle()
    assert client.request("POST", V2, body=endpoint("c", "v2", host="c", port="1")).code == 201
    assert [each["hostPort"] for each in client.request("GET", V1).body["items"]] == [
        "localhost:81", "example.com:80", "c:1",
    ]  # fmt: skip
    assert [each["host"] for each in client.request("GET", V2).body["items"]] == ["localhost", "example.com", "c"]
    seen = [each["object"].get("host") for each in client.watch(V2, timeout_s=1)]
    assert seen == ["localhost", "example.com", "c"]
    cluster.delete("pods", "default/hook", gracePeriodSeconds=0)
    cluster.settle()
    assert client.request("POST", V1, body=endpoint("d", "v1", hostPort="d:1")).body["message"] == (
        f'conversion webhook for {GROUP}/v1, Kind=Endpoint2 failed: Post "https://{HOST}:443/crdconvert?timeout=30s": '
        'no endpoints available for service "hook"'
    )


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        (definition(service=None), "exactly one of url or service is required"),
        (definition(service=None, url="https://a.example"), "StateLab calls no server outside of the cluster"),
        (definition("Other"), 'supported values: "None", "Webhook"'),
        (definition("None"), "should not be set when strategy is not set to Webhook"),
    ],
)
def test_what_is_no_conversion_is_refused(obj: Object, words: str) -> None:
    assert words in refused(ControlPlane(), obj).message
