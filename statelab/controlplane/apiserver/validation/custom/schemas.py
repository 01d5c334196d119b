"""Whether a definition's schema is one that Kubernetes serves: structural, its defaults fitting, its rules readable.

Source: apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go, pkg/apiserver/schema/defaulting.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from statelab.controlplane.apiserver.encoding import json_schemas
from statelab.controlplane.apiserver.validation.custom import cel, paths, structure, values
from statelab.controlplane.apiserver.validation.custom.cel import types
from statelab.controlplane.apiserver.validation.custom.rules import uses
from statelab.controlplane.apiserver.validation.custom.structural import Schema, prune
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    forbidden,
    in_order,
    invalid,
    not_supported,
    required,
)
from statelab.controlplane.errors import FieldError

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_DEEPEST = 100
_MOST_PARTS = 20_000
_UNSUPPORTED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")
_RESOURCE = ("metadata", "kind", "apiVersion")
_REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_AT_ROOT = (
    "Description", "Type", "Format", "Title", "Maximum", "ExclusiveMaximum", "Minimum", "ExclusiveMinimum",
    "MaxLength", "MinLength", "Pattern", "MaxItems", "MinItems", "UniqueItems", "MultipleOf", "Required", "Items",
    "Properties", "ExternalDocs", "Example", "XPreserveUnknownFields", "XValidations",
)  # fmt: skip


def check(schema: Schema, field: str, *, has_status: bool = False) -> Errors:
    """What is wrong with an openAPIV3Schema that stands at `field`. `has_status`: it has the status subresource."""
    if not _is_bounded(schema):
        return [forbidden(field, "statelab: the schema is nested too deeply or has too many parts")]
    errors = _root(schema, field) if has_status else []
    if schema.get("nullable"):
        errors.append(forbidden(f"{field}.nullable", "nullable cannot be true at the root"))
    cannot, asks = structure.unsupported(schema), False
    if not cannot:
        found = structure.check(schema, field) or _defaults(schema, field)
        errors += found
        asks = not found
    wrong, rules = _part(schema, field, _Place(is_root=True, asks=asks))
    errors += wrong + rules
    return errors if errors or not cannot else [invalid(field, "", cannot)]


def _is_bounded(schema: Schema) -> bool:
    """Ours: Python's own recursion ends long before Go's."""
    count, level = 0, [schema]
    for _ in range(_DEEPEST + 1):
        count += len(level)
        if not level or count > _MOST_PARTS:
            return count <= _MOST_PARTS
        level = [below for each in level if isinstance(each, dict) for below in structure.parts(each)]
    return not level


def _root(schema: Schema, field: str) -> Errors:
    """With a status subresource, what is said of the status must be found at `properties.status`."""
    shown = json_schemas.internal(schema)
    for name, value in shown.items():
        if value in (None, "", False):
            continue
        if name == "Type" and value != "object":
            words = (
                'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
            )
            return [invalid(f"{field}.type", value, words)]
        if name not in _AT_ROOT:
            allowed = f"only [{' '.join(_AT_ROOT)}] fields are allowed at the root of the schema"
            return [invalid(field, in_order(shown), f"{allowed} if the status subresource is enabled")]
    return []


# ---- defaults


def _defaults(schema: Schema, field: str) -> Errors:
    errors: Errors = []
    if "default" in schema:
        default, here = schema["default"], f"{field}.default"
        pruned = deepcopy(default)
        if prune(pruned, schema):
            errors.append(invalid(here, in_order(default), "must not have unknown fields"))
        for each in values.validate(default, schema) + values.repeated(default, schema):
            inside = here + (f".{each.field}" if each.field and each.field != "<nil>" else "")
            errors.append(FieldError(inside, each.reason, each.message))
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            errors += _defaults(schema[key], f"{field}.{key}")
    for name, below in (schema.get("properties") or {}).items():
        errors += _defaults(below, f"{field}.properties[{name}]")
    return errors


# ---- each part


@dataclass(frozen=True, slots=True)
class _Place:
    """What is known of where a part stands. `no_default`: why it may have none; `uncorrelated`: the field within which
    nothing can be compared with what it was; `asks`: whether rules are read."""

    is_root: bool = False
    asks: bool = False
    in_meta: bool = False
    no_default: str = ""
    uncorrelated: str = ""


def _part(schema: Schema, field: str, place: _Place) -> tuple[Errors, Errors]:
    """What is wrong with a part and all below it, and with their rules."""
    errors, rules = _own(schema, field, place), Errors()
    others, items = schema.get("additionalProperties"), schema.get("items")
    inner = replace(place, is_root=False)
    below: list[tuple[Any, str, _Place]] = []
    if others is not None:
        if schema.get("properties") and (others is False or isinstance(others, dict)):
            words = "additionalProperties and properties are mutual exclusive"
            errors.append(forbidden(f"{field}.additionalProperties", words))
        why = "inside additionalProperties applying to object metadata" if place.in_meta else place.no_default
        below.append((others, f"{field}.additionalProperties", replace(inner, no_default=why)))
    for name in sorted(schema.get("properties") or {}):
        one = inner
        if (place.is_root or schema.get("x-kubernetes-embedded-resource")) and name in _RESOURCE:
            one = replace(one, in_meta=True, no_default=f"in top-level {name}" if place.is_root else one.no_default)
        below.append((schema["properties"][name], f"{field}.properties[{name}]", one))
    unasked = replace(inner, asks=False)
    below.append((schema.get("not"), f"{field}.not", unasked))
    for key in ("allOf", "oneOf", "anyOf"):
        below += [(each, f"{field}.{key}[{index}]", unasked) for index, each in enumerate(schema.get(key) or ())]
    if schema.get("x-kubernetes-list-type") != "map" and not inner.uncorrelated:
        inner = replace(inner, uncorrelated=field)
    if isinstance(items, list):
        below += [(each, f"{field}.items[{index}]", inner) for index, each in enumerate(items)]
    else:
        below.append((items, f"{field}.items", inner))
    for part, inside, one in below:
        if isinstance(part, dict):
            wrong, asked = _part(part, inside, one)
            errors += wrong
            rules += asked
    errors += _lists(schema, field)
    for index, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        errors += _rule(rule, schema, f"{field}.x-kubernetes-validations[{index}]")
    if place.asks and not errors:
        for index, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
            rules += _compiled(rule, schema, f"{field}.x-kubernetes-validations[{index}]", place)
    return errors, rules


def _own(schema: Schema, field: str, place: _Place) -> Errors:
    errors: Errors = []
    kind = schema.get("type", "")
    if kind and kind not in _TYPES:
        errors.append(not_supported(f"{field}.type", kind, _TYPES))
    if "default" in schema and place.no_default:
        errors.append(forbidden(f"{field}.default", f"must not be set {place.no_default}"))
    errors += [forbidden(f"{field}.{key}", f"{key} is not supported") for key in _UNSUPPORTED if schema.get(key)]
    if kind == "null":
        errors.append(forbidden(f"{field}.type", "type cannot be set to null, use nullable as an alternative"))
    if isinstance(schema.get("items"), list) and schema["items"]:
        errors.append(forbidden(f"{field}.items", "items must be a schema object and not an array"))
    if place.in_meta and schema.get("x-kubernetes-embedded-resource"):
        errors.append(forbidden(f"{field}.x-kubernetes-embedded-resource", "must not be used inside of resource meta"))
    if schema.get("uniqueItems"):
        words = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        errors.append(forbidden(f"{field}.uniqueItems", words))
    return errors


def _lists(schema: Schema, field: str) -> Errors:
    errors: Errors = []
    kind, mapped = schema.get("type", ""), schema.get("x-kubernetes-map-type")
    listed, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or []
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        errors.append(invalid(f"{field}.x-kubernetes-preserve-unknown-fields", False, "must be true or undefined"))
    for said, wanted, name in ((mapped, "object", "map"), (listed, "array", "list")):
        if said is not None and kind != wanted:
            words = f"must be {wanted} if x-kubernetes-{name}-type is specified"
            errors.append(invalid(f"{field}.type", kind, words) if kind else required(f"{field}.type", words))
        if name == "map" and mapped not in (None, "atomic", "granular"):
            errors.append(not_supported(f"{field}.x-kubernetes-map-type", mapped, ("atomic", "granular")))
    items = schema.get("items")
    item: Schema = items if isinstance(items, dict) else {}
    if listed == "set" and kind == "array":
        words = "must be atomic as item of a list with x-kubernetes-list-type=set"
        if item.get("type") == "array" and item.get("x-kubernetes-list-type") not in (None, "atomic"):
            said = item["x-kubernetes-list-type"]
            errors.append(invalid(f"{field}.items.x-kubernetes-list-type", said, words))
        if item.get("type") == "object" and item.get("x-kubernetes-map-type") != "atomic":
            said = item.get("x-kubernetes-list-type")
            errors.append(invalid(f"{field}.items.x-kubernetes-map-type", said, words))
    here = f"{field}.x-kubernetes-list-type"
    if listed not in (None, "atomic", "set", "map"):
        errors.append(not_supported(here, listed, ("atomic", "set", "map")))
    if keys and listed != "map":
        words = "must be map if x-kubernetes-list-map-keys is non-empty"
        errors.append(required(here, words) if listed is None else invalid(here, listed, words))
    if listed == "map":
        errors += _keys(item, keys, field, has_items=items is not None)
    if listed in ("set", "map") and item.get("nullable"):
        errors.append(
            forbidden(f"{field}.items.nullable", f"cannot be nullable when x-kubernetes-list-type is {listed}")
        )
    return errors + (_required_keys(item, keys, f"{field}.items.properties") if listed == "map" else [])


def _keys(item: Schema, keys: list[str], field: str, *, has_items: bool) -> Errors:
    errors: Errors = []
    here = f"{field}.x-kubernetes-list-map-keys"
    if not keys:
        errors.append(required(here, "must not be empty if x-kubernetes-list-type is map"))
    if not has_items:
        errors.append(required(f"{field}.items", "must have a schema if x-kubernetes-list-type is map"))
    elif item.get("type", "") != "object":
        words = "must be object if parent array's x-kubernetes-list-type is map"
        return [*errors, invalid(f"{field}.items.type", item.get("type", ""), words)]
    properties = item.get("properties") or {}
    for index, key in enumerate(keys if has_items else ()):
        if key not in properties:
            errors.append(invalid(here, keys, "entries must all be names of item properties"))
        elif properties[key].get("type") in ("array", "object"):
            words = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            errors.append(invalid(f"{field}.items.properties[{key}].type", "object", words))
        if key in keys[:index]:
            errors.append(invalid(here, keys, "must not contain duplicate entries"))
    return errors


def _required_keys(item: Schema, keys: list[str], field: str) -> Errors:
    errors: Errors = []
    why = "this property is in x-kubernetes-list-map-keys, so it"
    for key in keys:
        found = (item.get("properties") or {}).get(key)
        if found is not None and key not in (item.get("required") or ()) and "default" not in found:
            errors.append(required(f"{field}[{key}].default", f"{why} must have a default or be a required property"))
        if found is not None and found.get("nullable"):
            errors.append(forbidden(f"{field}[{key}].nullable", f"{why} cannot be nullable"))
    return errors


# ---- rules


def _rule(rule: Schema, schema: Schema, field: str) -> Errors:
    errors: Errors = []
    text, message, path = (rule.get(key, "") for key in ("rule", "message", "fieldPath"))
    if not text.strip():
        errors.append(required(f"{field}.rule", "rule is not specified"))
    elif message and not message.strip():
        errors.append(invalid(f"{field}.message", message, "message must be non-empty if specified"))
    elif _has_lines(message.strip()):
        errors.append(invalid(f"{field}.message", message, "message must not contain line breaks"))
    elif _has_lines(text.strip()) and not message.strip():
        errors.append(required(f"{field}.message", "message must be specified if rule contains line breaks"))
    if rule.get("messageExpression") and not rule["messageExpression"].strip():
        errors.append(required(f"{field}.messageExpression", "messageExpression must be non-empty if specified"))
    if rule.get("reason") is not None and rule["reason"] not in _REASONS:
        errors.append(not_supported(f"{field}.reason", rule["reason"], _REASONS))
    if path and not path.strip():
        errors.append(invalid(f"{field}.fieldPath", path, "fieldPath must be non-empty if specified"))
    if _has_lines(path):
        errors.append(invalid(f"{field}.fieldPath", path, "fieldPath must not contain line breaks"))
    if path and paths.find(path, schema).problem:
        errors.append(invalid(f"{field}.fieldPath", path, "fieldPath must be a valid path"))
    return errors


def _has_lines(text: str) -> bool:
    return "\n" in text or "\r" in text


def _compiled(rule: Schema, schema: Schema, field: str, place: _Place) -> Errors:
    errors: Errors = []
    shown = in_order(json_schemas.internal_rule(rule))
    problem = _problem(rule["rule"], schema, "bool", "cel expression must evaluate to a bool", place)
    if problem:
        errors.append(invalid(f"{field}.rule", shown, problem.replace("{}", "")))
    told = rule.get("messageExpression")
    if told:
        problem = _problem(told, schema, "string", "{}must evaluate to a string", place)
        if problem:
            errors.append(invalid(f"{field}.messageExpression", shown, problem.replace("{}", "messageExpression ")))
    if not errors:
        errors += _old_self(rule, field, place)
    return errors


def _problem(text: str, schema: Schema, wanted: str, words: str, place: _Place) -> str:
    own = _type_of(schema, is_root=place.is_root)
    problem, found = cel.problems(text, {"self": own, "oldSelf": own})
    if problem:
        return f"{{}}compilation failed: {problem}"
    return "" if found.kind in (wanted, "dyn") else words


def _type_of(schema: Schema, *, is_root: bool) -> types.Type:
    """The type of `self`: of a whole object its kind and name can be asked for, whatever the schema says."""
    found = types.of_schema(schema)
    named = found.fields
    if named is None or not (is_root or schema.get("x-kubernetes-embedded-resource")):
        return found
    metadata = types.object_of("object.metadata", {"name": types.STRING, "generateName": types.STRING})
    every = {"apiVersion": types.STRING, "kind": types.STRING, "metadata": metadata}
    return types.Type(found.kind, (), lambda key: every.get(key) or named(key))


def _old_self(rule: Schema, field: str, place: _Place) -> Errors:
    if uses(cel.parse(rule["rule"]), "oldSelf"):
        if place.uncorrelated:
            words = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {place.uncorrelated}"
            return [invalid(f"{field}.rule", rule["rule"], words)]
    elif rule.get("optionalOldSelf") is not None:
        words = "may not be set if oldSelf is not used in rule"
        return [invalid(f"{field}.optionalOldSelf", rule["optionalOldSelf"], words)]
    return []
