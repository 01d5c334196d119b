"""What is doubtful in a policy's expressions, told by the types of what it is about.

Source: apiserver/pkg/admission/plugin/policy/validating/typechecking.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from statelab.controlplane.apiserver.encoding import schemas
from statelab.controlplane.apiserver.validation import admission_rules
from statelab.controlplane.apiserver.validation.custom import cel
from statelab.controlplane.apiserver.validation.custom.cel import types
from statelab.controlplane.kinds import Kind, Object

# The kinds of a group, version and resource; the kind that an object says it is.
Find = Callable[[str, str, str], Kind | None]
Named = Callable[[str, str], Kind | None]
_MOST_TYPES = 10


def expression_warnings(policy: Object, find: Find, named: Named) -> list[Object]:
    """`status.typeChecking.expressionWarnings` of a ValidatingAdmissionPolicy."""
    spec = policy["spec"]
    of_param = spec.get("paramKind")
    param = named(of_param["apiVersion"], of_param["kind"]) if of_param else None
    kinds = _kinds(spec, find)
    found: list[Object] = []
    for index, validation in enumerate(spec.get("validations") or ()):
        for key in ("expression", "messageExpression"):
            text = validation.get(key) or ""
            told = [_told(kind, problem) for kind in kinds if (problem := _problem(text, kind, param, spec))]
            if text and told:
                found.append({"fieldRef": f"spec.validations[{index}].{key}", "warning": "\n".join(told)})
    return found


def _kinds(spec: Mapping[str, Any], find: Find) -> list[Kind]:
    """The kinds that a policy's rules name, up to ten; none of a rule that means groups or versions at large."""
    found: dict[tuple[str, str, str], Kind] = {}
    for rule in (spec.get("matchConstraints") or {}).get("resourceRules") or ():
        groups, versions = rule.get("apiGroups") or (), rule.get("apiVersions") or ()
        if any("*" in each for each in (*groups, *versions)):
            continue
        resources = sorted(each for each in rule.get("resources") or () if "*" not in each and "/" not in each)
        for group in sorted(groups):
            for version in sorted(versions):
                for resource in resources:
                    kind = find(group, version, resource)
                    if kind is not None and len(found) < _MOST_TYPES:
                        found[kind.group, kind.version, kind.name] = kind
    return [found[each] for each in sorted(found)]


def _problem(text: str, kind: Kind, param: Kind | None, spec: Mapping[str, Any]) -> str:
    known = admission_rules.known_names(params=param is not None)
    known["object"] = known["oldObject"] = _type_of(kind)
    if param is not None:
        known["params"] = _type_of(param)
    variables: dict[str, types.Type] = {}
    for each in spec.get("variables") or ():
        known["variables"] = types.object_of("kubernetes.variables", dict(variables))
        variables[each["name"]] = cel.problems(each["expression"], known)[1]
    if variables:
        known["variables"] = types.object_of("kubernetes.variables", variables)
    return cel.problems(text, known)[0] if text else ""


def _type_of(kind: Kind) -> types.Type:
    if kind.custom is not None:
        return types.of_schema(kind.custom.typed_schema, kind.name)
    return types.of_schema(schemas.definition(kind.definition), kind.name)


def _told(kind: Kind, problem: str) -> str:
    return f"{kind.group}/{kind.version}, Kind={kind.name}: {problem}\n"
