"""Admission policies that validate or mutate, and their bindings.

Source: pkg/apis/admissionregistration/validation/validation.go, pkg/apis/admissionregistration/v1/defaults.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from statelab.controlplane.apiserver.validation import admission_rules as shared
from statelab.controlplane.apiserver.validation import meta, names
from statelab.controlplane.apiserver.validation.custom.cel import types
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from statelab.controlplane.apiserver.validation.rules import Rules, spec_changed
from statelab.controlplane.kinds import Object
from statelab.controlplane.syntax import rfc1035_label

_ACTIONS = ("Audit", "Deny", "Warn")
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_PATCH_TYPES = ("ApplyConfiguration", "JSONPatch")
_MOST_ANNOTATIONS = 20
_LONGEST_VALUE_EXPRESSION = 5 * 1024
_NOTHING_TO_DO = "validations or auditAnnotations must contain at least one item"


def _metadata(obj: Object) -> Errors:
    return meta.metadata(obj["metadata"], namespaced=False, check_name=names.subdomain)


# ---- policies


def create_validating(obj: Object) -> Errors:
    spec = obj.get("spec") or {}
    errors = _metadata(obj) + _common(spec, shared.OPERATIONS)
    known, of_variables = _variables(spec)
    errors += of_variables
    validations, annotations = spec.get("validations") or [], spec.get("auditAnnotations") or []
    if not validations and not annotations:
        errors += [required(f"spec.{key}", _NOTHING_TO_DO) for key in ("validations", "auditAnnotations")]
        return errors
    for index, validation in enumerate(validations):
        errors += _validation(validation, known, f"spec.validations[{index}]")
    if len(annotations) > _MOST_ANNOTATIONS:
        words = f"must not have more than {_MOST_ANNOTATIONS} auditAnnotations"
        errors.append(invalid("spec.auditAnnotations", annotations, words))
    for index, each in enumerate(annotations[:_MOST_ANNOTATIONS]):
        here, key = f"spec.auditAnnotations[{index}]", each.get("key", "")
        errors += _annotation(each, obj["metadata"].get("name", ""), known, here)
        if any(key == other.get("key", "") for other in annotations[:index]):
            errors.append(duplicate(f"{here}.key", key))
    return errors


def update_validating(obj: Object, old: Object) -> Errors:
    return create_validating(obj)


def update_status(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    status = obj.get("status") or {}
    for index, each in enumerate((status.get("typeChecking") or {}).get("expressionWarnings") or ()):
        here = f"status.typeChecking.expressionWarnings[{index}]"
        errors += [required(f"{here}.{key}") for key in ("warning", "fieldRef") if not each.get(key, "").strip()]
    return errors


def create_mutating(obj: Object) -> Errors:
    spec = obj.get("spec") or {}
    errors = _metadata(obj) + _common(spec, shared.MUTATING_OPERATIONS)
    known, of_variables = _variables(spec)
    errors += of_variables
    mutations = spec.get("mutations") or []
    if not mutations:
        errors.append(required("spec.mutations", "mutations must contain at least one item"))
    for index, mutation in enumerate(mutations):
        errors += _mutation(mutation, known, f"spec.mutations[{index}]")
    here = "spec.reinvocationPolicy"
    return errors + shared.one_of(spec.get("reinvocationPolicy"), here, shared.REINVOCATION_POLICIES, is_required=True)


def update_mutating(obj: Object, old: Object) -> Errors:
    return create_mutating(obj)


def _common(spec: Fields, operations: Sequence[str]) -> Errors:
    errors = shared.one_of(spec.get("failurePolicy"), "spec.failurePolicy", shared.FAILURE_POLICIES, is_required=True)
    kind, match = spec.get("paramKind"), spec.get("matchConstraints")
    if kind is not None:
        errors += _param_kind(kind, "spec.paramKind")
    if match is None:
        errors.append(required("spec.matchConstraints"))
    else:
        errors += shared.match_resources(match, "spec.matchConstraints", operations)
        if not match.get("resourceRules"):
            errors.append(required("spec.matchConstraints.resourceRules"))
    conditions = spec.get("matchConditions") or []
    return errors + shared.match_conditions(conditions, "spec.matchConditions", params=kind is not None)


def _param_kind(value: Fields, field: str) -> Errors:
    errors: Errors = []
    version, kind = value.get("apiVersion", ""), value.get("kind", "")
    here = f"{field}.apiVersion"
    if not version:
        errors.append(required(here))
    elif version.count("/") > 1:
        errors.append(invalid(here, version, f"unexpected GroupVersion string: {version}"))
    else:
        group, _, last = version.rpartition("/")
        if group and (problems := names.subdomain(group)):
            errors.append(invalid(here, group, ",".join(problems)))
        if not last:
            errors.append(invalid(here, version, "version must be specified"))
        elif problems := rfc1035_label(last):
            errors.append(invalid(here, last, ",".join(problems)))
    if not kind:
        errors.append(required(f"{field}.kind"))
    elif problems := rfc1035_label(kind.lower()):
        words = "may have mixed case, but should otherwise match: " + ",".join(problems)
        errors.append(invalid(f"{field}.kind", kind, words))
    return errors


def _variables(spec: Fields) -> tuple[dict[str, types.Type], Errors]:
    """The names an expression may use, each variable knowing those before it, and what is wrong with them."""
    errors: Errors = []
    params = spec.get("paramKind") is not None
    found: dict[str, types.Type] = {}
    for index, variable in enumerate(spec.get("variables") or ()):
        here = f"spec.variables[{index}]"
        name, text = variable.get("name", ""), variable.get("expression", "")
        if not name.strip():
            errors.append(required(f"{here}.name", "name is not specified"))
        elif not shared.is_identifier(name):
            errors.append(invalid(f"{here}.name", name, "name is not a valid CEL identifier"))
        kind = types.DYN
        if text.strip():
            known = shared.known_names(params=params, variables=dict(found))
            wrong, kind = shared.compiled(text, known, (), f"{here}.expression")
            errors += wrong
        else:
            errors.append(required(f"{here}.expression", "expression is not specified"))
        found[name] = kind
    return shared.known_names(params=params, variables=found if found else None), errors


def _validation(value: Fields, known: shared.Names, field: str) -> Errors:
    errors: Errors = []
    text, message, of_message = (value.get(key) or "" for key in ("expression", "message", "messageExpression"))
    if text.strip():
        errors += shared.compiled(text, known, ("bool",), f"{field}.expression")[0]
    else:
        errors.append(required(f"{field}.expression", "expression is not specified"))
    if of_message and not of_message.strip():
        errors.append(invalid(f"{field}.messageExpression", of_message, "must be non-empty if specified"))
    elif of_message:
        without = {name: each for name, each in known.items() if name != "authorizer"}
        errors += shared.compiled(of_message, without, ("string",), f"{field}.messageExpression")[0]
    if message and not message.strip():
        errors.append(invalid(f"{field}.message", message, "message must be non-empty if specified"))
    elif "\n" in message.strip() or "\r" in message.strip():
        errors.append(invalid(f"{field}.message", message, "message must not contain line breaks"))
    reason = value.get("reason")
    if reason is not None and reason not in _REASONS:
        errors.append(not_supported(f"{field}.reason", reason, _REASONS))
    return errors


def _annotation(value: Fields, name: str, known: shared.Names, field: str) -> Errors:
    errors: Errors = []
    key, text = value.get("key", ""), value.get("valueExpression", "").strip()
    if name:
        errors += names.check_qualified(f"{name}/{key}", f"{field}.key")
    else:
        errors.append(invalid(f"{field}.key", key, "requires metadata.name be non-empty"))
    here = f"{field}.valueExpression"
    if not text:
        errors.append(required(here, "valueExpression is not specified"))
    elif len(text) > _LONGEST_VALUE_EXPRESSION:
        errors.append(required(here, f"must not exceed {_LONGEST_VALUE_EXPRESSION} bytes in length"))
    else:
        errors += shared.compiled(text, known, ("string", "null_type"), here)[0]
    return errors


def _mutation(value: Fields, known: shared.Names, field: str) -> Errors:
    kind = value.get("patchType", "")
    errors = shared.one_of(kind, f"{field}.patchType", _PATCH_TYPES, is_required=True)
    if errors:
        return errors
    own, other = ("jsonPatch", "applyConfiguration") if kind == "JSONPatch" else ("applyConfiguration", "jsonPatch")
    if value.get(other) is not None:
        errors.append(invalid(f"{field}.{other}", value[other], f"must not be specified when patchType is {kind}"))
    patch = value.get(own)
    if patch is None:
        return [*errors, required(f"{field}.{own}", f"must be specified when patchType is {kind}")]
    text, here = patch.get("expression", "").strip(), f"{field}.{own}.expression"
    if not text:
        return [*errors, required(here, "expression is not specified")]
    wanted = ("list(JSONPatch)",) if kind == "JSONPatch" else ("Object",)
    wrong, found = shared.compiled(text, known, (), here)
    if not wrong and types.DYN.kind not in str(found) and str(found) not in wanted:
        wrong = [invalid(here, text, f"must evaluate to {wanted[0]} but got {found}")]
    return errors + wrong


# ---- bindings


def create_validating_binding(obj: Object) -> Errors:
    spec = obj.get("spec") or {}
    return create_mutating_binding(obj) + _actions(spec.get("validationActions") or [], "spec.validationActions")


def update_validating_binding(obj: Object, old: Object) -> Errors:
    return create_validating_binding(obj)


def create_mutating_binding(obj: Object) -> Errors:
    spec = obj.get("spec") or {}
    name = spec.get("policyName", "")
    errors = _metadata(obj)
    errors += names.check_subdomain(name, "spec.policyName") if name else [required("spec.policyName")]
    errors += _param_ref(spec.get("paramRef"), "spec.paramRef")
    # "matchResouces": as upstream spells it.
    return errors + shared.match_resources(spec.get("matchResources"), "spec.matchResouces")


def update_mutating_binding(obj: Object, old: Object) -> Errors:
    return create_mutating_binding(obj)


def _param_ref(value: Fields | None, field: str) -> Errors:
    if value is None:
        return []
    errors: Errors = []
    name, selector = value.get("name", ""), value.get("selector")
    both = "name and selector are mutually exclusive"
    errors += [invalid(f"{field}.name", name, words) for words in names.path_segment(name)]
    if name and selector is not None:
        errors.append(forbidden(f"{field}.name", both))
    errors += meta.label_selector(selector, f"{field}.selector")
    if name and selector is not None:
        errors.append(forbidden(f"{field}.selector", both))
    if not name and selector is None:
        errors.append(required(field, "one of name or selector must be specified"))
    here = f"{field}.parameterNotFoundAction"
    return errors + shared.one_of(value.get("parameterNotFoundAction"), here, ("Deny", "Allow"), is_required=True)


def _actions(actions: list[str], field: str) -> Errors:
    errors: Errors = []
    for index, action in enumerate(actions):
        if action not in _ACTIONS:
            errors.append(not_supported(f"{field}[{index}]", action, _ACTIONS))
        if action in actions[:index]:
            errors.append(duplicate(f"{field}[{index}]", action))
    if "Deny" in actions and "Warn" in actions:
        words = (
            "must not contain both Deny and Warn (repeating the same validation failure information in the API "
            "response and headers serves no purpose)"
        )
        errors.append(invalid(field, actions, words))
    if not actions:
        errors.append(required(field, "at least one validation action is required"))
    return errors


# ---- what is filled in


def _fill_in_policy(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("failurePolicy", "Fail")
    shared.fill_in_match(spec.get("matchConstraints"))


def _fill_in_binding(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    shared.fill_in_match(spec.get("matchResources"))
    if spec.get("paramRef") is not None:
        spec["paramRef"].setdefault("parameterNotFoundAction", "Deny")


RULES = {
    "validatingadmissionpolicies": Rules(
        create_validating, update_validating, update_status, defaults=_fill_in_policy, counts=spec_changed
    ),
    "validatingadmissionpolicybindings": Rules(
        create_validating_binding, update_validating_binding, defaults=_fill_in_binding, counts=spec_changed
    ),
    "mutatingadmissionpolicies": Rules(create_mutating, update_mutating, defaults=_fill_in_policy, counts=spec_changed),
    "mutatingadmissionpolicybindings": Rules(
        create_mutating_binding, update_mutating_binding, defaults=_fill_in_binding, counts=spec_changed
    ),
}
