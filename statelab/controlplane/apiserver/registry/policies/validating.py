"""ValidatingAdmissionPolicies: what a request may not do, said in CEL.

Source: apiserver/pkg/admission/plugin/policy/validating (dispatcher.go, validator.go).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from statelab.controlplane.apiserver.registry.policies import matching, params
from statelab.controlplane.apiserver.registry.policies.authorizing import CelAuthorizer
from statelab.controlplane.apiserver.registry.policies.expressions import Expressions, Failed, OutOfBudget
from statelab.controlplane.apiserver.registry.policies.request import Asked
from statelab.controlplane.errors import ApiError, forbidden
from statelab.controlplane.kinds import Object

Fields = dict[str, Any]
_LONGEST_MESSAGE = 5 * 1024
_CODES = {"Forbidden": 403, "RequestEntityTooLarge": 413}


class Cluster(matching.Reader, Protocol):
    """What a policy is asked with."""

    kinds: Any
    authorizer: Any


@dataclass(frozen=True)
class Denial:
    """What a policy has against a request. `reason` is a Status's."""

    message: str
    reason: str = "Invalid"


@dataclass(frozen=True)
class Policy:
    """A policy and those of its bindings there are."""

    policy: Object
    bindings: tuple[Object, ...]

    @property
    def name(self) -> str:
        return str(self.policy["metadata"]["name"])

    @property
    def fails(self) -> bool:
        return str(self.policy["spec"].get("failurePolicy", "Fail")) == "Fail"


def check(policies: list[Policy], asked: Asked, cluster: Cluster) -> None:
    """Let every policy be asked of a request; warn of what is only to be warned of. Raises ApiError."""
    first: ApiError | None = None
    for each in policies:
        for denial, binding in _denials(each, asked, cluster):
            first = first or _refusal(denial, each.name, binding, asked)
    if first is not None:
        raise first


def _denials(each: Policy, asked: Asked, cluster: Cluster) -> Iterator[tuple[Denial, str]]:
    """What a policy has against a request under its bindings, with each binding's name ("" for the policy itself)."""
    spec = each.policy["spec"]
    if not matching.matches(spec.get("matchConstraints"), asked, cluster):
        return
    try:
        kind = params.kind_of_params(each.policy, cluster.kinds)
    except params.ConfigurationError as error:
        if each.fails:
            yield Denial(str(error)), ""
        return
    for binding in each.bindings:
        if not matching.matches(binding["spec"].get("matchResources"), asked, cluster):
            continue
        name = binding["metadata"]["name"]
        try:
            found = params.collect(kind, binding, asked.namespace, cluster)
        except params.ConfigurationError as error:
            if each.fails:
                yield Denial(str(error)), name
            continue
        for param in found:
            for denial in decisions(each, asked, cluster, param):
                actions = binding["spec"].get("validationActions") or ()
                if "Deny" in actions:
                    yield denial, name
                if "Warn" in actions:
                    said = f"Validation failed for ValidatingAdmissionPolicy '{each.name}' with binding '{name}': "
                    asked.warnings.append(said + denial.message)


def expressions_of(spec: Fields, asked: Asked, cluster: Cluster, param: Object | None) -> Expressions:
    """What a policy's expressions see."""
    in_namespace = asked.namespace and asked.kind.plural != "namespaces"
    return Expressions(
        asked,
        namespace=cluster.get("namespaces", asked.namespace) if in_namespace else None,
        params=param,
        variables=spec.get("variables") or (),
        authorizer=CelAuthorizer(cluster.authorizer, asked.user, asked),
    )


def decisions(each: Policy, asked: Asked, cluster: Cluster, param: Object | None) -> list[Denial]:
    """What a policy has against a request with one parameter."""
    spec = each.policy["spec"]
    expressions = expressions_of(spec, asked, cluster, param)
    policy = "Fail" if each.fails else "Ignore"
    found: list[Denial] = []
    try:
        if not expressions.hold(spec.get("matchConditions") or (), policy):
            return []
    except Failed as failed:
        return [Denial(str(failed))]
    for validation in spec.get("validations") or ():
        try:
            if expressions.value(validation["expression"]) is not True:
                found.append(Denial(_message(validation, expressions), validation.get("reason") or "Invalid"))
        except OutOfBudget as failed:
            return [Denial(str(failed))] if each.fails else []
        except Failed as failed:
            if each.fails:
                found.append(Denial(str(failed)))
    return found + (_annotation_problems(spec, expressions) if each.fails else [])


def _message(validation: Fields, expressions: Expressions) -> str:
    text = validation.get("messageExpression")
    if text:
        try:
            made = expressions.value(text)
        except OutOfBudget:
            raise
        except Failed:
            made = ""
        if isinstance(made, str) and made.strip() and "\n" not in made.strip() and len(made) <= _LONGEST_MESSAGE:
            return made.strip()
    return (validation.get("message") or "").strip() or f"failed expression: {validation['expression'].strip()}"


def _annotation_problems(spec: Fields, expressions: Expressions) -> list[Denial]:
    """Nothing keeps an audit log here; an annotation that cannot be made refuses the request all the same."""
    found = []
    for annotation in spec.get("auditAnnotations") or ():
        try:
            expressions.value(annotation["valueExpression"])
        except Failed as failed:
            found.append(Denial(str(failed)))
    return found


def _refusal(denial: Denial, policy: str, binding: str, asked: Asked) -> ApiError:
    with_binding = f" with binding '{binding}'" if binding else ""
    message = f"ValidatingAdmissionPolicy '{policy}'{with_binding} denied request: {denial.message}"
    error = forbidden(asked.kind, asked.name, message)
    error.code, error.reason = _CODES.get(denial.reason, 422), denial.reason
    error.details["causes"] = [{"message": message}]
    return error
