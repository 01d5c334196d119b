"""MutatingAdmissionPolicies: what a request is changed to, said in CEL, as a patch or as a configuration to apply.

Source: apiserver/pkg/admission/plugin/policy/mutating (dispatcher.go, patch/json_patch.go, patch/smd.go).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from statelab.controlplane.apiserver.patch import patch, typed, typed_merge
from statelab.controlplane.apiserver.registry.policies import matching, params
from statelab.controlplane.apiserver.registry.policies.expressions import Expressions, Failed, as_json
from statelab.controlplane.apiserver.registry.policies.request import Asked
from statelab.controlplane.apiserver.registry.policies.validating import Cluster, Policy, expressions_of
from statelab.controlplane.errors import ApiError, forbidden
from statelab.controlplane.kinds import Kind, Object

Fields = dict[str, Any]
# Takes what came of a patch as the server would take it from a client: decoded, with defaults. Raises ApiError.
Accept = Callable[[Object], Object]


def mutate(policies: list[Policy], asked: Asked, cluster: Cluster, accept: Accept) -> None:
    """Let every policy change the object of a request; those that say so once more if a later one has changed it.

    Raises ApiError.
    """
    again: list[tuple[Policy, Object | None]] = []
    for each in policies:
        _mutate(each, asked, cluster, accept)
        if each.policy["spec"].get("reinvocationPolicy") == "IfNeeded":
            again.append((each, asked.obj))
    for each, left in again:
        if left != asked.obj:
            _mutate(each, asked, cluster, accept)


def _mutate(each: Policy, asked: Asked, cluster: Cluster, accept: Accept) -> None:
    problems = list(_problems(each, asked, cluster, accept))
    if problems and each.fails:
        message = problems[0]
        error = forbidden(asked.kind, asked.name, message)
        error.message = message
        error.details["causes"] = [{"message": each} for each in problems]
        raise error


def _problems(each: Policy, asked: Asked, cluster: Cluster, accept: Accept) -> Iterator[str]:
    """Change the object of a request under each binding; what went wrong, in the server's words."""
    spec = each.policy["spec"]
    if asked.obj is None or not matching.matches(spec.get("matchConstraints"), asked, cluster):
        return
    try:
        kind = params.kind_of_params(each.policy, cluster.kinds)
    except params.ConfigurationError as error:
        yield f"policy '{each.name}' denied request: {error}"
        return
    for binding in each.bindings:
        if not matching.matches(binding["spec"].get("matchResources"), asked, cluster):
            continue
        denied = f"policy '{each.name}' with binding '{binding['metadata']['name']}' denied request: "
        try:
            for param in params.collect(kind, binding, asked.namespace, cluster):
                _apply(each, asked, cluster, param, accept)
        except (params.ConfigurationError, Failed, ApiError) as error:
            yield denied + (error.message if isinstance(error, ApiError) else str(error))


def _apply(each: Policy, asked: Asked, cluster: Cluster, param: Object | None, accept: Accept) -> None:
    """Every mutation of a policy with one parameter, each seeing what came of those before. Raises Failed, ApiError."""
    spec = each.policy["spec"]
    conditions = spec.get("matchConditions") or ()
    if not expressions_of(spec, asked, cluster, param).hold(conditions, "Fail" if each.fails else "Ignore"):
        return
    for mutation in spec["mutations"]:
        expressions = expressions_of(spec, asked, cluster, param)
        changed = _patched(mutation, expressions, asked)
        if changed != asked.obj:
            asked.obj = accept(changed)


def _patched(mutation: Fields, expressions: Expressions, asked: Asked) -> Object:
    assert asked.obj is not None
    if mutation["patchType"] == "JSONPatch":
        text = mutation["jsonPatch"]["expression"]
        operations = as_json(expressions.value(text))
        if not isinstance(operations, list) or not all(isinstance(each, dict) for each in operations):
            raise Failed(f"expression '{text}' must evaluate to a list of JSONPatch")
        return patch.json_patch(asked.obj, operations)
    text = mutation["applyConfiguration"]["expression"]
    found = as_json(expressions.value(text))
    if not isinstance(found, dict):
        raise Failed(f"expression '{text}' must evaluate to an object")
    return merged(asked.kind, asked.obj, found)


def merged(kind: Kind, obj: Object, applied: Object) -> Object:
    """An object with a configuration applied to it: lists by their keys, what is atomic not at all. Raises Failed."""
    type = typed.type_for(kind)
    problem = _atomic(type, applied, "")
    if problem:
        raise Failed(f"invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: {problem}")
    try:
        typed.field_set(type, applied)  # what is no field of the kind is not applied in part
        made: Object = typed_merge.merge(type, obj, applied)
    except typed.Mistyped as error:
        raise Failed(f"error applying patch: {error}") from None
    return made


def _atomic(type: typed.Type, value: Any, place: str) -> str:
    """Where a configuration would replace what can only be replaced whole; "" where it does not."""
    if isinstance(value, dict):
        if type.kind == "leaf" and place:
            return place
        for name, each in value.items():
            field = type.field(name) if type.kind == "map" else None
            if field is not None and (found := _atomic(field, each, f"{place}.{name}")):
                return found
    elif isinstance(value, list):
        if type.kind == "leaf":
            return place
        for each in value:
            if found := _atomic(type.element, each, place):
                return found
    return ""
