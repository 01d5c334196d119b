"""Whether a definition's schema is structural: what is said of a value stands beside its structure.

Source: apiextensions-apiserver/pkg/apiserver/schema/validation.go, complete.go, convert.go.
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.validation.custom.cel.patterns import pattern
from statelab.controlplane.apiserver.validation.custom.cel.values import CelError
from statelab.controlplane.apiserver.validation.custom.structural import Schema
from statelab.controlplane.apiserver.validation.fields import Errors, forbidden, invalid, required

_ROOT, _ITEM, _FIELD = "at the root", "for specified array items", "for specified object fields"
_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_KEPT_IN_METADATA = ({"name", "generateName"}, {"name"}, {"generateName"})
# What may not stand under a junctor, and the word for its absence.
_STRUCTURE = (
    ("type", "empty"), ("additionalProperties", "undefined"), ("default", "undefined"), ("title", "empty"),
    ("description", "empty"), ("nullable", "false"), ("x-kubernetes-preserve-unknown-fields", "false"),
    ("x-kubernetes-embedded-resource", "false"), ("x-kubernetes-int-or-string", "false"),
    ("x-kubernetes-list-map-keys", "empty"), ("x-kubernetes-list-type", "undefined"),
    ("x-kubernetes-map-type", "undefined"), ("x-kubernetes-validations", "empty"),
)  # fmt: skip
_UNSUPPORTED = ("id", "$schema", "$ref", "additionalItems", "patternProperties", "definitions", "dependencies")


def unsupported(schema: Schema) -> str:
    """Why a schema cannot be read as a structural one at all; "" where it can."""
    for key in _UNSUPPORTED:
        if schema.get(key):
            return f"OpenAPIV3Schema '{key}' is not supported"
    if isinstance(schema.get("items"), list) and schema["items"]:
        return "OpenAPIV3Schema 'items' must be a object, but is an array"
    return next(filter(None, map(unsupported, parts(schema))), "")


def parts(schema: Schema) -> list[Schema]:
    """The schemas right below one."""
    found = list((schema.get("properties") or {}).values())
    found += [schema[key] for key in ("items", "additionalProperties", "not") if isinstance(schema.get(key), dict)]
    return found + [each for key in ("allOf", "anyOf", "oneOf") for each in schema.get(key) or ()]


def check(schema: Schema, field: str) -> Errors:
    """What keeps a schema from being structural, in the order of the words."""
    found = _invariants(schema, _ROOT, field) + _completeness(schema, schema, field, field)
    return sorted(found, key=lambda each: f"{each.field}: {each.message}")


def _invariants(schema: Schema, level: str, field: str) -> Errors:
    errors: Errors = []
    kind, properties = schema.get("type", ""), schema.get("properties") or {}
    items, others = schema.get("items"), schema.get("additionalProperties")
    if kind == "array" and not isinstance(items, dict):
        errors.append(required(f"{field}.items", "must be specified"))
    if isinstance(items, dict):
        errors += _invariants(items, _ITEM, f"{field}.items")
    for name, below in properties.items():
        errors += _invariants(below, _FIELD, f"{field}.properties[{name}]")
    if others is not None and level == _ROOT:
        errors.append(forbidden(f"{field}.additionalProperties", "must not be used at the root"))
    if isinstance(others, dict):
        errors += _invariants(others, _FIELD, f"{field}.additionalProperties")
    embedded, keeps, either = (
        bool(schema.get(f"x-kubernetes-{key}"))
        for key in ("embedded-resource", "preserve-unknown-fields", "int-or-string")
    )
    for key, is_set in (("preserve-unknown-fields", keeps), ("embedded-resource", embedded)):
        if either and is_set:
            words = "must be false if x-kubernetes-int-or-string is true"
            errors.append(invalid(f"{field}.x-kubernetes-{key}", True, words))
    errors += _values(schema, field, skips=_skipped(schema))
    if embedded and kind != "object":
        words = "must be object if x-kubernetes-embedded-resource is true"
        errors.append(invalid(f"{field}.type", kind, words) if kind else required(f"{field}.type", words))
    elif not kind and not either and not keeps:
        errors.append(required(f"{field}.type", f"must not be empty {level}"))
    if embedded and others is not None:
        words = "must not be used if x-kubernetes-embedded-resource is set"
        errors.append(forbidden(f"{field}.additionalProperties", words))
    if level == _ROOT and kind not in ("", "object"):
        errors.append(invalid(f"{field}.type", kind, "must be object at the root"))
    if level == _ROOT or embedded:
        errors += _type_meta(properties, f"{field}.properties", is_root=level == _ROOT)
    if embedded and not keeps and not properties:
        words = "must not be empty if x-kubernetes-embedded-resource is true without "
        errors.append(required(f"{field}.properties", f"{words}x-kubernetes-preserve-unknown-fields"))
    return errors


def _type_meta(properties: Schema, field: str, *, is_root: bool) -> Errors:
    errors: Errors = []
    for name, wanted in (("kind", "string"), ("apiVersion", "string"), ("metadata", "object")):
        found = properties.get(name)
        if found is not None and found.get("type", "") != wanted:
            errors.append(invalid(f"{field}[{name}].type", found.get("type", ""), f"must be {wanted}"))
    metadata = properties.get("metadata")
    if metadata is not None and is_root:
        names = set(metadata.get("properties") or {})
        if (names and names not in _KEPT_IN_METADATA) or set(metadata) - {"type", "properties", "default"}:
            words = "must not specify anything other than name and generateName, but metadata is implicitly specified"
            errors.append(forbidden(f"{field}[metadata]", words))
    return errors


def _skipped(schema: Schema) -> tuple[str, ...]:
    """Where integer or string may be said under a junctor: what `x-kubernetes-int-or-string` stands for."""
    first = (schema.get("allOf") or [{}])[0]
    return tuple(
        place
        for place, found in (("anyOf", schema.get("anyOf")), ("allOf[0].anyOf", first.get("anyOf")))
        if found == _INT_OR_STRING
    )


def _values(schema: Schema, field: str, skips: tuple[str, ...] = ()) -> Errors:
    errors: Errors = []
    for key in ("anyOf", "allOf", "oneOf"):
        for index, below in enumerate(schema.get(key) or () if key not in skips else ()):
            inside = ("anyOf",) if f"{key}[{index}].anyOf" in skips else ()
            errors += _nested(below, f"{field}.{key}[{index}]", inside)
    if schema.get("not") is not None:
        errors += _nested(schema["not"], f"{field}.not")
    if schema.get("pattern"):
        try:
            pattern(schema["pattern"])
        except CelError as error:
            words = f"must be a valid regular expression, but isn't: {error}"
            errors.append(invalid(f"{field}.pattern", schema["pattern"], words))
    return errors


def _nested(schema: Schema, field: str, skips: tuple[str, ...] = ()) -> Errors:
    errors = _values(schema, field, skips)
    if isinstance(schema.get("items"), dict):
        errors += _nested(schema["items"], f"{field}.items")
    properties = schema.get("properties") or {}
    for name, below in properties.items():
        errors += _nested(below, f"{field}.properties[{name}]")
    errors += [
        forbidden(f"{field}.{key}", f"must be {absence} to be structural")
        for key, absence in _STRUCTURE
        if (schema.get(key) is not None if absence == "undefined" else schema.get(key))
    ]
    if "metadata" in properties:
        errors.append(forbidden(f"{field}.properties[metadata]", "must not be specified in a nested context"))
    return errors


def _completeness(said: Schema, structure: Any, place: str, where: str) -> Errors:
    """Each field that junctors speak of has to be specified outside of them, too."""
    errors: Errors = []
    below = [(f"{where}.not", said["not"])] if said.get("not") is not None else []
    for key in ("allOf", "anyOf", "oneOf"):
        below += [(f"{where}.{key}[{index}]", each) for index, each in enumerate(said.get(key) or ())]
    for inside, each in below:
        errors += _nested_completeness(each, structure, place, inside)
    return errors


def _nested_completeness(said: Schema, structure: Any, place: str, where: str) -> Errors:
    if not isinstance(structure, dict):
        return [required(place, f"because it is defined in {where}")]
    errors = _completeness(said, structure, place, where)
    if isinstance(said.get("items"), dict):
        errors += _nested_completeness(said["items"], structure.get("items"), f"{place}.items", f"{where}.items")
    for name, each in (said.get("properties") or {}).items():
        found = (structure.get("properties") or {}).get(name, structure.get("additionalProperties"))
        inside = f".properties[{name}]"
        errors += _nested_completeness(each, found, place + inside, where + inside)
    return errors
