"""ValidatingAdmissionPolicies: whom they stop, in which words, and what they cost where there are none."""

from __future__ import annotations

from typing import Any

import pytest
from planes import cluster_with, refused

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.registry.policies import Asked, Policies, request
from statelab.controlplane.apiserver.serving.client import InProcessClient
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object

ADMISSION = "admissionregistration.k8s.io/v1"
ON_DEPLOYMENTS = {
    "apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["deployments"]
}  # fmt: skip


def policy(*validations: Object, rules: Any = (ON_DEPLOYMENTS,), name: str = "few", **spec: Any) -> Object:
    match = {"resourceRules": list(rules), **spec.pop("match", {})}
    whole = {"matchConstraints": match, "validations": list(validations), **spec}
    return {"apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": whole}


def binding(name: str = "few", actions: Any = ("Deny",), policy_name: str = "few", **spec: Any) -> Object:
    whole = {"policyName": policy_name, "validationActions": list(actions), **spec}
    kind = "ValidatingAdmissionPolicyBinding"
    return {"apiVersion": ADMISSION, "kind": kind, "metadata": {"name": name}, "spec": whole}


def deployment(replicas: int = 1, name: str = "web", **labels: str) -> Object:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    metadata = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


FEW = {"expression": "object.spec.replicas <= 5"}


def test_a_request_is_denied_in_the_servers_words() -> None:
    cluster = cluster_with(policy(FEW), binding())
    error = refused(cluster, deployment(6))
    message = (
        "ValidatingAdmissionPolicy 'few' with binding 'few' denied request: failed expression: " + FEW["expression"]
    )
    assert (error.code, error.reason) == (422, "Invalid")
    assert error.message == f'deployments.apps "web" is forbidden: {message}'
    assert error.details == {"name": "web", "group": "apps", "kind": "deployments", "causes": [{"message": message}]}
    cluster.create(deployment(5))
    with pytest.raises(ApiError, match="failed expression"):
        cluster.patch("deployments", "default/web", {"spec": {"replicas": 6}})
    assert cluster.get("deployments", "default/web")["spec"]["replicas"] == 5


@pytest.mark.parametrize(
    ("validation", "message", "code"),
    [
        ({**FEW, "message": " too many "}, "too many", 422),
        ({**FEW, "reason": "Forbidden"}, f"failed expression: {FEW['expression']}", 403),
        ({**FEW, "messageExpression": "'5, not %d'.format([object.spec.replicas])", "message": "no"}, "5, not 6", 422),
        ({**FEW, "messageExpression": "string(object.spec.nothing)", "message": "in its place"}, "in its place", 422),
        ({"expression": "object.none == 1"}, "expression 'object.none == 1' resulted in error: no such key: none", 422),
    ],
)
def test_what_is_told_of_a_validation(validation: Object, message: str, code: int) -> None:
    error = refused(cluster_with(policy(validation), binding()), deployment(6))
    assert error.details["causes"][0]["message"].partition("denied request: ")[2] == message
    assert error.code == code


@pytest.mark.parametrize(
    "expression",
    [
        "request.operation == 'UPDATE' && oldObject != null",
        "namespaceObject.metadata.name == 'other'",
        "request.userInfo.username == 'somebody'",
        "request.resource.resource == 'pods' || request.kind.kind == 'Pod'",
        "!authorizer.group('apps').resource('deployments').namespace('default').check('create').allowed()",
        "authorizer.serviceAccount('default', 'default').requestResource.check('create').allowed()",
        "object.?metadata.labels['app'].hasValue()",
    ],
)
def test_what_an_expression_knows_of_a_request(expression: str) -> None:
    error = refused(cluster_with(policy({"expression": expression}), binding()), deployment(6))
    assert error.message.endswith(f"denied request: failed expression: {expression}")


def test_match_conditions_variables_and_selectors_choose() -> None:
    cluster = cluster_with(
        policy(
            {"expression": "variables.most >= variables.replicas"},
            variables=[
                {"name": "replicas", "expression": "object.spec.replicas"},
                {"name": "most", "expression": "variables.replicas > 100 ? 1000 : 5"},
            ],
            matchConditions=[{"name": "not-kept", "expression": "!('kept' in object.metadata.?labels.orValue({}))"}],
            match={
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}},
                "objectSelector": {"matchExpressions": [{"key": "free", "operator": "DoesNotExist"}]},
                "excludeResourceRules": [{**ON_DEPLOYMENTS, "resourceNames": ["left-out"]}],
            },
        ),
        binding(),
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}},
    )
    refused(cluster, deployment(6))
    free = [deployment(6, "a", kept="1"), deployment(6, "b", free="1"), deployment(6, "left-out"), deployment(200, "d")]
    elsewhere = deployment(6)
    elsewhere["metadata"]["namespace"] = "other"
    for each in (*free, elsewhere):
        cluster.create(each)


def test_a_binding_chooses_too_and_without_one_a_policy_says_nothing() -> None:
    cluster = cluster_with(policy(FEW))
    cluster.create(deployment(6, "free"))
    cluster.create(binding(matchResources={"objectSelector": {"matchLabels": {"app": "web"}}}))
    cluster.create(deployment(6, "other"))
    refused(cluster, deployment(6, app="web"))
    cluster.delete("validatingadmissionpolicybindings", "few")
    cluster.create(deployment(6, app="web"))


def test_parameters_come_from_an_object() -> None:
    def limit(name: str, most: int, namespace: str = "default") -> Object:
        metadata = {"name": name, "namespace": namespace, "labels": {"is": "limit"}}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"most": str(most)}}

    validation = {
        "expression": "params == null || object.spec.replicas <= int(params.data.most)",
        "messageExpression": "'at most ' + params.data.most",
    }
    checked = policy(validation, paramKind={"apiVersion": "v1", "kind": "ConfigMap"})
    by_name = binding(paramRef={"name": "limit", "parameterNotFoundAction": "Deny"})
    cluster = cluster_with(checked, by_name)
    missing = "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
    assert refused(cluster, deployment()).message.endswith(missing)
    cluster.create(limit("limit", 3))
    assert refused(cluster, deployment(4)).message.endswith("at most 3")
    cluster.create(deployment(3))
    cluster.delete("validatingadmissionpolicybindings", "few")
    selector = {"selector": {"matchLabels": {"is": "limit"}}, "parameterNotFoundAction": "Allow"}
    cluster.create(binding(paramRef=selector))
    cluster.create(limit("lower", 2))
    assert refused(cluster, deployment(3, "more")).message.endswith("at most 2")
    for name in ("limit", "lower"):
        cluster.delete("configmaps", f"default/{name}")
    cluster.create(deployment(9, "more"))


def test_a_kind_of_parameters_that_is_not_there_is_a_mistake_of_the_policy() -> None:
    of_nobody = {"paramKind": {"apiVersion": "rules.example.com/v1", "kind": "Limit"}}
    cluster = cluster_with(policy(FEW, **of_nobody), binding(paramRef={"name": "x"}))
    assert refused(cluster, deployment()).message == (
        "deployments.apps \"web\" is forbidden: ValidatingAdmissionPolicy 'few' denied request: failed to configure "
        "policy: failed to find resource referenced by paramKind: 'rules.example.com/v1, Kind=Limit'"
    )
    cluster = cluster_with(policy(FEW, failurePolicy="Ignore", **of_nobody), binding(paramRef={"name": "x"}))
    cluster.create(deployment())


def test_who_warns_lets_through_and_a_failure_may_be_ignored() -> None:
    cluster = cluster_with(policy({**FEW, "message": "many"}), binding(actions=["Warn", "Audit"]))
    cluster.create(policy({"expression": "object.spec.none == 1"}, name="broken", failurePolicy="Ignore"))
    cluster.create(binding("broken", policy_name="broken"))
    path = "/apis/apps/v1/namespaces/default/deployments"
    reply = InProcessClient(cluster).request("POST", path, body=deployment(6))
    assert reply.code == 201
    told = "Validation failed for ValidatingAdmissionPolicy 'few' with binding 'few': many"
    assert list(reply.warnings) == [told]


def test_a_deletion_a_scale_a_status_and_an_attachment_are_asked_about_too() -> None:
    def rule(operation: str, *resources: str) -> Object:
        return {"apiGroups": ["*"], "apiVersions": ["*"], "operations": [operation], "resources": list(resources)}

    cluster = cluster_with(deployment())
    cluster.settle()
    pod = cluster.list("pods", "default")[0]["metadata"]["name"]
    no = {"expression": "false", "message": "no"}
    for name, *asked in (
        ("gone", rule("DELETE", "deployments")),
        ("scaled", rule("UPDATE", "deployments/scale")),
        ("status", rule("UPDATE", "*/status")),
        ("attached", rule("CONNECT", "pods/exec")),
        ("evicted", rule("CREATE", "pods/eviction")),
        ("proxied", rule("CONNECT", "services/proxy", "pods/proxy")),
        ("token", rule("CREATE", "serviceaccounts/token")),
    ):
        cluster.create(policy(no, rules=asked, name=name))
        cluster.create(binding(name, policy_name=name))
    client = InProcessClient(cluster)
    of = "/apis/apps/v1/namespaces/default/deployments/web"
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
    scale = client.request("GET", f"{of}/scale").body
    token = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    for method, path, body, who in (
        ("DELETE", of, None, "gone"),
        ("PUT", f"{of}/scale", {**scale, "spec": {"replicas": 2}}, "scaled"),
        ("PUT", f"{of}/status", client.request("GET", of).body, "status"),
        ("POST", f"/api/v1/namespaces/default/pods/{pod}/exec?command=ls", None, "attached"),
        ("POST", f"/api/v1/namespaces/default/pods/{pod}/eviction", eviction, "evicted"),
        ("GET", f"/api/v1/namespaces/default/pods/http:{pod}:80/proxy/x", None, "proxied"),
        ("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", token, "token"),
    ):
        reply = client.request(method, path, body=body)
        assert reply.code == 422 and f"ValidatingAdmissionPolicy '{who}'" in reply.body["message"], reply.body
    assert cluster.get("deployments", "default/web")["spec"]["replicas"] == 1


def test_what_a_controller_makes_is_asked_about_and_it_tries_again() -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    by = {"expression": "request.userInfo.username != 'system:serviceaccount:kube-system:replicaset-controller'"}
    cluster = cluster_with(policy({**by, "message": "not by it"}, rules=[rule]), binding(), deployment())
    cluster.settle()
    assert cluster.list("pods", "default") == []
    events = [each for each in cluster.list("events", "default") if each["reason"] == "FailedCreate"]
    assert "not by it" in events[0]["message"]
    cluster.delete("validatingadmissionpolicies", "few")
    cluster.settle(max_s=2000)
    assert len(cluster.list("pods", "default")) == 1


def test_who_decides_is_not_decided_on() -> None:
    everything = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}
    cluster = cluster_with(policy({"expression": "false"}, rules=[everything]), binding())
    refused(cluster, deployment())
    cluster.delete("validatingadmissionpolicybindings", "few")
    cluster.create(deployment())


def test_an_expression_that_never_ends_is_stopped() -> None:
    long = "[0,1,2,3,4,5,6,7,8,9]"
    deep = "".join(f"{long}.all(v{depth}, " for depth in range(8)) + "true" + ")" * 8
    error = refused(cluster_with(policy({"expression": deep}), binding()), deployment())
    assert "running out of cost budget, no further validation rules will be run" in error.message


def test_all_policies_together_cost_no_more_than_a_request_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each binding would be let off with its policy's own budget; a hundred of them are not."""
    monkeypatch.setattr(request, "BUDGET", 5_000)
    dear = "[0,1,2,3,4,5,6,7,8,9].all(a, [0,1,2,3,4,5,6,7,8,9].all(b, a + b >= 0))"
    cluster = cluster_with(policy({"expression": dear}), binding())
    cluster.create(deployment(name="first"))
    for number in range(100):
        cluster.create(binding(f"b{number}"))
    assert "running out of cost budget" in refused(cluster, deployment()).message


def test_where_there_is_no_policy_nothing_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    as_it_is = Policies.asked

    def counted(self: Policies, *said: Any, **more: Any) -> Asked | None:
        made.append(said[1])
        return as_it_is(self, *said, **more)

    monkeypatch.setattr(Policies, "asked", counted)
    cluster = cluster_with(deployment(3))
    cluster.settle()
    assert made == []
    cluster.create(policy(FEW))
    cluster.create(binding())
    cluster.create(deployment(3, "more"))
    assert made[:1] == ["CREATE"]


def test_types_are_checked_and_told_in_the_status() -> None:
    cluster = cluster_with(
        policy({"expression": "object.spec.replicas > '1'"}, {"expression": "object.nothing == 1"}, FEW)
    )
    cluster.settle()
    status = cluster.get("validatingadmissionpolicies", "few")["status"]
    assert status["observedGeneration"] == 1
    assert status["typeChecking"]["expressionWarnings"] == [
        {
            "fieldRef": "spec.validations[0].expression",
            "warning": "apps/v1, Kind=Deployment: ERROR: <input>:1:22: found no matching overload for '_>_' applied to "
            "'(int, string)'\n | object.spec.replicas > '1'\n | .....................^\n",
        },
        {
            "fieldRef": "spec.validations[1].expression",
            "warning": "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'nothing'\n"
            " | object.nothing == 1\n | ......^\n",
        },
    ]
    cluster = cluster_with(policy(FEW))
    cluster.settle()
    assert cluster.get("validatingadmissionpolicies", "few")["status"]["typeChecking"] == {}


NOTHING = "Required value: validations or auditAnnotations must contain at least one item"
NOT_KNOWN = "compilation failed: ERROR: <input>:1:1: undeclared reference to 'nobody' (in container '')"


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        (policy(), f"[spec.validations: {NOTHING}, spec.auditAnnotations: {NOTHING}]"),
        (policy({"expression": "1 +"}), "compilation failed: ERROR: <input>:1:4: Syntax error: mismatched input"),
        (policy({"expression": "nobody > 1"}), NOT_KNOWN),
        (policy({"expression": "object.spec"}), 'Invalid value: "object.spec": must evaluate to bool but got dyn'),
        (policy({"expression": "params.x == 1"}), "undeclared reference to 'params'"),
        (policy({"expression": "request.nothing == 1"}), "undefined field 'nothing'"),
        (policy({"expression": "variables.b"}, variables=[{"name": "a", "expression": "1"}]), "undefined field 'b'"),
        (policy(FEW, variables=[{"name": "if", "expression": "1"}]), "name is not a valid CEL identifier"),
        (policy(FEW, rules=()), "spec.matchConstraints.resourceRules: Required value"),
        (policy(FEW, failurePolicy="No"), 'Unsupported value: "No": supported values: "Fail", "Ignore"'),
        (policy({**FEW, "reason": "No"}), "spec.validations[0].reason: Unsupported value"),
        (policy(FEW, rules=[{**ON_DEPLOYMENTS, "operations": ["*", "CREATE"]}]), "must not specify other operations"),
        (policy(FEW, matchConditions=[{"name": "a", "expression": "true"}] * 2), "Conditions[1].name: Duplicate value"),
        (binding(actions=()), "spec.validationActions: Required value: at least one validation action is required"),
        (binding(actions=("Deny", "Warn")), "must not contain both Deny and Warn"),
        (binding(policy_name=""), "spec.policyName: Required value"),
        (binding(paramRef={"name": "a", "selector": {}}), "Forbidden: name and selector are mutually exclusive"),
        (binding(paramRef={}), "spec.paramRef: Required value: one of name or selector must be specified"),
    ],
)
def test_what_is_no_policy_is_refused(obj: Object, words: str) -> None:
    error = refused(ControlPlane(), obj)
    assert (error.code, error.reason) == (422, "Invalid")
    assert words in error.message


def test_a_fault_of_the_metadata_is_told_as_often_as_upstream_tells_it() -> None:
    """Twice for every kind's update (BeforeUpdate), and once by the kind's own rules, which know no more of it."""
    cluster = cluster_with(policy(FEW))
    with pytest.raises(ApiError) as caught:
        cluster.patch("validatingadmissionpolicies", "few", {"metadata": {"labels": {"-": "a"}}})
    assert [each["field"] for each in caught.value.details["causes"]] == ["metadata.labels"] * 3


def test_what_is_left_out_is_filled_in_and_shown() -> None:
    cluster = cluster_with(policy(FEW), binding(paramRef={"name": "x"}))
    spec = cluster.get("validatingadmissionpolicies", "few")["spec"]
    assert spec["failurePolicy"] == "Fail"
    assert spec["matchConstraints"] == {
        "namespaceSelector": {}, "objectSelector": {}, "matchPolicy": "Equivalent",
        "resourceRules": [{**ON_DEPLOYMENTS, "scope": "*"}],
    }  # fmt: skip
    client = InProcessClient(cluster)
    as_table = "application/json;as=Table;g=meta.k8s.io;v=v1"
    rows = {
        plural: client.request("GET", f"/apis/{ADMISSION}/{plural}", accept=as_table).body["rows"][0]["cells"][:3]
        for plural in ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
    }
    assert list(rows.values()) == [["few", 1, "<unset>"], ["few", "few", "*/x"]]
