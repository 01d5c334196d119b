"""MutatingAdmissionPolicies: what they make of an object, in what order, and what they must leave alone."""

from __future__ import annotations

from typing import Any

import pytest
from planes import cluster_with, refused

from statelab.controlplane import ControlPlane
from statelab.controlplane.kinds import Object

ADMISSION = "admissionregistration.k8s.io/v1"


def policy(*mutations: Object, resource: str = "pods", name: str = "p", **spec: Any) -> Object:
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": [resource]}
    match = {"resourceRules": [rule]}
    whole = {"matchConstraints": match, "mutations": list(mutations), "reinvocationPolicy": "Never", **spec}
    return {"apiVersion": ADMISSION, "kind": "MutatingAdmissionPolicy", "metadata": {"name": name}, "spec": whole}


def binding(name: str = "p", **spec: Any) -> Object:
    whole = {"policyName": name, **spec}
    return {
        "apiVersion": ADMISSION,
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": whole,
    }


def applied(expression: str) -> Object:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def patched(expression: str) -> Object:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


def pod(name: str = "x", **labels: str) -> Object:
    spec = {"containers": [{"name": "main", "image": "nginx:1.27"}]}
    metadata = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


MESH = """Object{
  metadata: Object.metadata{labels: Object.metadata.labels{mesh: "on"}},
  spec: Object.spec{
    initContainers: [Object.spec.initContainers{name: "proxy", image: "nginx:1.27", restartPolicy: "Always"}]
  }
}"""


def test_a_configuration_is_applied_lists_by_their_keys_and_defaults_after_it() -> None:
    cluster = cluster_with(policy(applied(MESH)), binding())
    made = cluster.create(pod(own="yes"))
    assert made["metadata"]["labels"] == {"own": "yes", "mesh": "on"}
    [proxy] = made["spec"]["initContainers"]
    assert (proxy["name"], proxy["imagePullPolicy"], proxy["restartPolicy"]) == ("proxy", "IfNotPresent", "Always")
    assert proxy["volumeMounts"][0]["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"
    cluster.settle()
    statuses = cluster.get("pods", "default/x")["status"]["initContainerStatuses"]
    assert statuses[0]["state"]["running"]


def test_a_patch_is_applied_and_later_mutations_see_it() -> None:
    escaped = "'/metadata/annotations/' + jsonpatch.escapeKey('example.com/seen')"
    first = patched('[JSONPatch{op: "add", path: "/metadata/annotations", value: {"a": "b"}}]')
    then = f"[JSONPatch{{op: 'add', path: {escaped}, value: string(size(object.metadata.annotations))}}]"
    cluster = cluster_with(policy(first, patched(then)), binding())
    assert cluster.create(pod())["metadata"]["annotations"] == {"a": "b", "example.com/seen": "1"}


def test_variables_parameters_and_conditions_choose() -> None:
    spec = {
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "variables": [{"name": "team", "expression": "params.data.team"}],
        "matchConditions": [{"name": "none", "expression": "!has(object.metadata.labels)"}],
    }
    labelled = applied("Object{metadata: Object.metadata{labels: Object.metadata.labels{team: variables.team}}}")
    params = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "team"}, "data": {"team": "blue"}}
    cluster = cluster_with(params, policy(labelled, **spec), binding(paramRef={"name": "team"}))
    assert cluster.create(pod())["metadata"]["labels"] == {"team": "blue"}
    assert cluster.create(pod("other", team="red"))["metadata"]["labels"] == {"team": "red"}


def test_what_controllers_make_is_changed_and_one_that_says_so_is_asked_again() -> None:
    counted = "Object.metadata.annotations{labels: string(size(object.metadata.labels))}"
    count = f"Object{{metadata: Object.metadata{{annotations: {counted}}}}}"
    label = "Object{metadata: Object.metadata{labels: Object.metadata.labels{added: 'yes'}}}"
    cluster = cluster_with(
        policy(applied(count), name="a", reinvocationPolicy="IfNeeded"), binding("a"),
        policy(applied(label), name="b"), binding("b"),
    )  # fmt: skip
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod()["spec"]}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template, "serviceName": "web"}
    cluster.create({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"}, "spec": spec})
    cluster.settle()
    metadata = cluster.get("pods", "default/web-0")["metadata"]
    assert metadata["labels"]["added"] == "yes"
    assert metadata["annotations"]["labels"] == str(len(metadata["labels"]))


@pytest.mark.parametrize(
    ("mutation", "words"),
    [
        (applied("Object{spec: Object.spec{schedulingGates: object.none}}"), "resulted in error: no such key: none"),
        (applied("Object{spec: Object.spec{nothing: 'of the kind'}}"), ".spec.nothing: field not declared in schema"),
        (patched('[JSONPatch{op: "remove", path: "/spec/nothing"}]'), "the server rejected our request"),
        (applied("Object{spec: Object.spec{nodeSelector: {'a': 'b'}}}"), "may not mutate atomic"),
        (applied("Object{spec: Object.spec{replicas: quantity('1')}}"), "of type quantity cannot stand in an object"),
    ],
)  # fmt: skip
def test_what_cannot_be_applied_refuses_unless_failures_are_ignored(mutation: Object, words: str) -> None:
    error = refused(cluster_with(policy(mutation), binding()), pod())
    assert (error.code, error.reason) == (403, "Forbidden")
    assert error.message.startswith("policy 'p' with binding 'p' denied request: ") and words in error.message
    assert error.details["causes"] == [{"message": error.message}]
    cluster_with(policy(mutation, failurePolicy="Ignore"), binding()).create(pod())


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        (policy(), "spec.mutations: Required value: mutations must contain at least one item"),
        (policy(applied("object"), reinvocationPolicy="No"), 'supported values: "IfNeeded", "Never"'),
        (policy({"patchType": "Merge"}), 'supported values: "ApplyConfiguration", "JSONPatch"'),
        (policy({"patchType": "JSONPatch"}), "Required value: must be specified when patchType is JSONPatch"),
        (policy(applied("1")), "must evaluate to Object but got int"),
        (policy(patched("'a'")), "must evaluate to list(JSONPatch) but got string"),
        (policy(applied("Object{spec: nobody}")), "undeclared reference to 'nobody'"),
        (
            policy(applied("object"), matchConstraints={"resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["pods"]}
            ]}),
            'Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
        ),
    ],
)  # fmt: skip
def test_what_is_no_policy_is_refused(obj: Object, words: str) -> None:
    error = refused(ControlPlane(), obj)
    assert error.code == 422 and words in error.message
