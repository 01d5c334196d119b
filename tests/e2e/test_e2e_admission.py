"""Admission that people define. Source of the steps: test/e2e/apimachinery/validatingadmissionpolicy.go."""

from __future__ import annotations

from typing import Any

import pytest
from e2e_client import HTTPD, Api

pytestmark = pytest.mark.slow


def _deployment(name: str, replicas: int) -> Any:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": HTTPD}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"metadata": {"name": name}, "spec": spec}


def _policy(api: Api, name: str, validations: list[Any], **spec: Any) -> None:
    """A policy for Deployments of the test's own namespace, bound, and waited for."""
    label = {"kubernetes.io/metadata.name": api.namespace}
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}
    whole = {"matchConstraints": {"resourceRules": [rule]}, "validations": validations, **spec}
    api.create("validatingadmissionpolicies", {"metadata": {"name": name}, "spec": whole})
    bound = {"policyName": name, "validationActions": ["Deny"]}
    bound["matchResources"] = {"namespaceSelector": {"matchLabels": label}}
    api.create("validatingadmissionpolicybindings", {"metadata": {"name": name}, "spec": bound})


def test_should_validate_against_a_deployment_and_refer_to_variables(api: Api) -> None:
    first, second = f"{api.namespace}.policy", f"{api.namespace}.variables"
    asked = "'wants replicas > 1, got ' + string(object.spec.replicas)"
    _policy(api, first, [{"expression": "object.spec.replicas > 1", "messageExpression": asked}])
    refused = api.refusal("POST", api.path("deployments"), _deployment("replicated", 1))
    assert refused.code == 422
    assert refused.status["message"].endswith(
        f"ValidatingAdmissionPolicy '{first}' with binding '{first}' denied request: wants replicas > 1, got 1"
    )
    api.create("deployments", _deployment("replicated", 2))
    variables = [
        {"name": "replicas", "expression": "object.spec.replicas"},
        {"name": "oddReplicas", "expression": "variables.replicas % 2 == 1"},
    ]
    validations = [{"expression": "variables.replicas > 1"}, {"expression": "variables.oddReplicas"}]
    _policy(api, second, validations, variables=variables)
    refused = api.refusal("POST", api.path("deployments"), _deployment("even", 4))
    assert refused.status["message"].endswith("failed expression: variables.oddReplicas")
    api.create("deployments", _deployment("odd", 3))
    for name in (first, second):
        api.delete("validatingadmissionpolicybindings", name)
        api.delete("validatingadmissionpolicies", name)
    api.create("deployments", _deployment("even", 4))
