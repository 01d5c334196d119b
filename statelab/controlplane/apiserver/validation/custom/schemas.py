"""Whether a definition's schema is one: structural, without what Kubernetes has no use for, its rules readable.

Source: apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go, pkg/apiserver/schema/validation.go.
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.validation.custom import cel, values
from statelab.controlplane.apiserver.validation.custom.cel import Node
from statelab.controlplane.apiserver.validation.custom.cel.functions import CelError, pattern, unescaped
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
_UNSUPPORTED = {
    "$ref": "$ref is not supported", "definitions": "definitions is not supported",
    "dependencies": "dependencies is not supported", "id": "id is not supported",
    "patternProperties": "patternProperties is not supported",
    "additionalItems": "additionalItems is not supported",
}  # fmt: skip
_JUNCTORS = ("allOf", "anyOf", "oneOf", "not")
_NOT_IN_JUNCTORS = ("type", "description", "default", "title", "nullable", "additionalProperties")


class _Walk:
    def __init__(self) -> None:
        self.errors: Errors = []
        self.parts = 0

    def add(self, *errors: FieldError) -> None:
        self.errors += errors


def check(schema: Any, field: str) -> Errors:
    """What is wrong with an openAPIV3Schema that stands at `field`."""
    walk = _Walk()
    if not isinstance(schema, dict):
        return [invalid(field, str(schema), "must be an object")]
    kind = schema.get("type", "")
    if not kind:
        walk.add(required(f"{field}.type", "must not be empty at the root"))
        return walk.errors
    if kind in _TYPES and kind != "object":
        walk.add(invalid(f"{field}.type", kind, "must be object at the root"))
        return walk.errors
    if schema.get("nullable"):
        walk.add(forbidden(f"{field}.nullable", "nullable cannot be true at the root"))
    _part(walk, schema, field, 0, is_root=True)
    return walk.errors


def _part(walk: _Walk, schema: Schema, field: str, depth: int, *, is_root: bool = False) -> None:
    walk.parts += 1
    if depth > _DEEPEST or walk.parts > _MOST_PARTS:
        if walk.parts <= _MOST_PARTS + 1:
            walk.add(forbidden(field, "statelab: the schema is nested too deeply or has too many parts"))
        return
    kind = schema.get("type", "")
    if kind and kind not in _TYPES:
        walk.add(not_supported(f"{field}.type", kind, _TYPES))
        return
    for key, words in _UNSUPPORTED.items():
        if schema.get(key):
            walk.add(forbidden(f"{field}.{key}", words))
    _flags(walk, schema, field, kind)
    _lists(walk, schema, field, kind)
    properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
    if others is False:
        walk.add(forbidden(f"{field}.additionalProperties", "additionalProperties cannot be set to false"))
    if properties and isinstance(others, dict):
        walk.add(forbidden(f"{field}.additionalProperties", "additionalProperties and properties are mutual exclusive"))
    for name in sorted(properties):
        inside = f"{field}.properties[{name}]"
        if is_root and name == "metadata":
            _metadata(walk, properties[name], inside)
            continue
        _needs_type(walk, properties[name], inside, "must not be empty for specified object fields")
        _part(walk, properties[name], inside, depth + 1)
    if isinstance(others, dict):
        inside = f"{field}.additionalProperties"
        _needs_type(walk, others, inside, "must not be empty for specified object fields")
        _part(walk, others, inside, depth + 1)
    items = schema.get("items")
    if isinstance(items, dict):
        _needs_type(walk, items, f"{field}.items", "must not be empty for specified array items")
        _part(walk, items, f"{field}.items", depth + 1)
    elif kind == "array":
        walk.add(required(f"{field}.items", "must be specified"))
    _junctors(walk, schema, field)
    _values(walk, schema, field)
    for index, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        _rule(walk, rule, schema, f"{field}.x-kubernetes-validations[{index}]")


def _needs_type(walk: _Walk, schema: Any, field: str, words: str) -> None:
    if not isinstance(schema, dict) or schema.get("type"):
        return
    if not schema.get("x-kubernetes-int-or-string") and not schema.get("x-kubernetes-preserve-unknown-fields"):
        walk.add(required(f"{field}.type", words))


def _metadata(walk: _Walk, schema: Schema, field: str) -> None:
    allowed = {"name", "generateName"}
    beyond = set(schema) - {"type", "properties", "description"} or set(schema.get("properties") or {}) - allowed
    if schema.get("type", "object") != "object":
        walk.add(invalid(f"{field}.type", schema.get("type"), "must be object"))
    elif beyond:
        words = "must not specify anything other than name and generateName, but metadata is implicitly specified"
        walk.add(forbidden(field, words))


def _flags(walk: _Walk, schema: Schema, field: str, kind: str) -> None:
    if schema.get("uniqueItems"):
        words = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        walk.add(forbidden(f"{field}.uniqueItems", words))
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        walk.add(invalid(f"{field}.x-kubernetes-preserve-unknown-fields", False, "must be true or undefined"))
    if schema.get("x-kubernetes-int-or-string") and kind:
        words = "must be empty if x-kubernetes-int-or-string is true"
        walk.add(invalid(f"{field}.type", kind, words))
    if schema.get("x-kubernetes-embedded-resource"):
        if kind != "object":
            walk.add(invalid(f"{field}.type", kind, "must be object if x-kubernetes-embedded-resource is true"))
        if not schema.get("properties") and not schema.get("x-kubernetes-preserve-unknown-fields"):
            words = "must not be empty if x-kubernetes-embedded-resource is true without "
            words += "x-kubernetes-preserve-unknown-fields"
            walk.add(required(f"{field}.properties", words))


def _lists(walk: _Walk, schema: Schema, field: str, kind: str) -> None:
    listed, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or []
    here = f"{field}.x-kubernetes-list-type"
    if listed is not None:
        if kind != "array":
            walk.add(invalid(f"{field}.type", kind, "must be array if x-kubernetes-list-type is specified"))
        if listed not in ("atomic", "set", "map"):
            walk.add(not_supported(here, listed, ("atomic", "map", "set")))
    if keys and listed != "map":
        walk.add(invalid(here, listed, "must be map if x-kubernetes-list-map-keys is non-empty"))
    if listed == "map" and not keys:
        words = "must not be empty if x-kubernetes-list-type is map"
        walk.add(required(f"{field}.x-kubernetes-list-map-keys", words))
    items = schema.get("items") if isinstance(schema.get("items"), dict) else {}
    for index, key in enumerate(keys if listed == "map" else ()):
        properties = (items or {}).get("properties") or {}
        if key not in properties:
            walk.add(
                invalid(f"{field}.x-kubernetes-list-map-keys[{index}]", key, "must be defined in items.properties")
            )
        elif key not in ((items or {}).get("required") or ()) and "default" not in properties[key]:
            words = (
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
            )
            walk.add(required(f"{field}.items.properties[{key}].default", words))
    mapped = schema.get("x-kubernetes-map-type")
    if mapped is not None and mapped not in ("atomic", "granular"):
        walk.add(not_supported(f"{field}.x-kubernetes-map-type", mapped, ("atomic", "granular")))


def _junctors(walk: _Walk, schema: Schema, field: str) -> None:
    for junctor in _JUNCTORS:
        found = schema.get(junctor)
        parts = [("", found)] if isinstance(found, dict) else [(f"[{at}]", each) for at, each in enumerate(found or ())]
        for index, part in parts:
            for key in _NOT_IN_JUNCTORS if isinstance(part, dict) else ():
                whole = schema.get("x-kubernetes-int-or-string") and key == "type"
                if key in part and not whole:
                    walk.add(forbidden(f"{field}.{junctor}{index}.{key}", "must be empty to be structural"))


def _values(walk: _Walk, schema: Schema, field: str) -> None:
    written = schema.get("pattern")
    if written:
        try:
            pattern(written)
        except CelError as error:
            words = f"must be a valid regular expression, but isn't: {error}"
            walk.add(invalid(f"{field}.pattern", written, words))
            return
    if "default" in schema:
        default = schema["default"]
        without = {**schema, "x-kubernetes-validations": []}
        for each in values.validate(default, without):
            inside = f"{field}.default" + (f".{each.field}" if each.field and each.field != "<nil>" else "")
            walk.add(FieldError(inside, each.reason, each.message))
        if isinstance(default, dict):
            from copy import deepcopy

            for unknown in prune(deepcopy(default), schema):
                walk.add(invalid(f"{field}.default", in_order(default), f"must not have unknown fields: {unknown}"))


# ---- rules


def _rule(walk: _Walk, rule: Any, schema: Schema, field: str) -> None:
    text = rule.get("rule", "") if isinstance(rule, dict) else ""
    if not isinstance(text, str) or not text.strip():
        walk.add(required(f"{field}.rule", "rule is not specified"))
        return
    shown = in_order(
        {
            "Rule": text, "Message": rule.get("message", ""), "MessageExpression": rule.get("messageExpression", ""),
            "Reason": rule.get("reason"), "FieldPath": rule.get("fieldPath", ""),
            "OptionalOldSelf": rule.get("optionalOldSelf"),
        }
    )  # fmt: skip
    for key, name in (("rule", "compilation failed"), ("messageExpression", "messageExpression compilation failed")):
        expression = rule.get(key)
        if not expression:
            continue
        try:
            node = cel.parse(expression)
            if problem := _undefined(node, schema):
                walk.add(invalid(f"{field}.{key}", shown, f"{name}: {problem}"))
        except cel.CelSyntaxError as error:
            walk.add(invalid(f"{field}.{key}", shown if key == "rule" else expression, f"{name}: {error}"))
    message = rule.get("message")
    if message is not None and not str(message).strip():
        walk.add(invalid(f"{field}.message", message, "message must be non-empty if specified"))
    elif message and "\n" in message:
        walk.add(invalid(f"{field}.message", message, "message must not contain line breaks"))
    reasons = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
    if rule.get("reason") and rule["reason"] not in reasons:
        walk.add(not_supported(f"{field}.reason", rule["reason"], reasons))


def _undefined(node: Node, schema: Schema) -> str:
    """What a rule asks for that the schema does not have; "" where there is nothing of the kind."""
    found = _shape(node, schema)
    if isinstance(found, str):
        return found
    for each in node.args:
        if node.op == "call" and node.value in ("all", "exists", "exists_one", "map", "filter"):
            return _undefined(node.args[0], schema)  # what stands for an element is not known here
        if problem := _undefined(each, schema):
            return problem
    return "" if node.op != "name" or node.value in ("self", "oldSelf") else _unknown_name(node)


def _unknown_name(node: Node) -> str:
    return f"ERROR: <input>: undeclared reference to '{node.value}' (in container '')"


def _shape(node: Node, schema: Schema) -> Schema | str | None:
    """The schema of what a chain of members from `self` leads to; a text says what is not there; None: unknown."""
    if node.op == "name":
        return schema if node.value in ("self", "oldSelf") else None
    if node.op != "member":
        return None
    owner = _shape(node.args[0], schema)
    if owner is None or isinstance(owner, str):
        return owner
    name = unescaped(node.value)
    properties = owner.get("properties") or {}
    if name in properties:
        found: Schema = properties[name]
        return found
    if owner.get("x-kubernetes-preserve-unknown-fields") or isinstance(owner.get("additionalProperties"), dict | bool):
        return None
    if name in ("metadata", "apiVersion", "kind"):
        return None
    return f"ERROR: <input>: undefined field '{name}'"
