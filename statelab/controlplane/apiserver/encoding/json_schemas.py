"""The schema in a CustomResourceDefinition, read as Go reads its JSONSchemaProps: types, unknown fields, normal form.

A schema holds schemas, so it has no row in go_types.tsv. What stands below `items`, `additionalProperties` and
`dependencies` is read by methods of their own in Go: unknown fields there are dropped without a word, and the path in
a message starts anew. Source: apiextensions-apiserver/pkg/apis/apiextensions/v1/types_jsonschema.go, marshal.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Protocol

from statelab.controlplane.apiserver.encoding import go_json
from statelab.controlplane.apiserver.encoding.go_json import Number, Pairs

GO_TYPE = "v1.JSONSchemaProps"
_DEEPEST = 150  # beyond, nothing is read: validation refuses such a schema

_STRINGS = ("id", "description", "type", "format", "title", "pattern")
_BOOLS = (
    "exclusiveMaximum", "exclusiveMinimum", "uniqueItems", "nullable", "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
)  # fmt: skip
_COUNTS = ("maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties")
# By field: its Go type, and whether a zero value of it is left out.
_FIELDS: dict[str, tuple[str, bool]] = {
    **dict.fromkeys(_STRINGS, ("string", True)), **dict.fromkeys(_BOOLS, ("bool", True)),
    **dict.fromkeys(_COUNTS, ("int64", False)),
    **dict.fromkeys(("maximum", "minimum", "multipleOf"), ("float64", False)),
    **dict.fromkeys(("$ref", "x-kubernetes-list-type", "x-kubernetes-map-type"), ("string", False)),
    **dict.fromkeys(("default", "example"), ("v1.JSON", False)),
    **dict.fromkeys(("required", "x-kubernetes-list-map-keys"), ("[]string", True)),
    **dict.fromkeys(("allOf", "oneOf", "anyOf"), ("[]v1.JSONSchemaProps", True)),
    **dict.fromkeys(("properties", "patternProperties"), ("map[string]v1.JSONSchemaProps", True)),
    **dict.fromkeys(("additionalProperties", "additionalItems"), ("v1.JSONSchemaPropsOrBool", False)),
    "$schema": ("v1.JSONSchemaURL", True), "x-kubernetes-preserve-unknown-fields": ("bool", False),
    "enum": ("[]v1.JSON", True), "not": (GO_TYPE, False), "items": ("v1.JSONSchemaPropsOrArray", False),
    "definitions": ("v1.JSONSchemaDefinitions", True), "dependencies": ("v1.JSONSchemaDependencies", True),
    "externalDocs": ("v1.ExternalDocumentation", False), "x-kubernetes-validations": ("v1.ValidationRules", True),
}  # fmt: skip
_DOCS = {"description": ("string", True), "url": ("string", True)}
_RULE = {
    "rule": ("string", None), "message": ("string", True), "messageExpression": ("string", True),
    "reason": ("v1.FieldValueErrorReason", False), "fieldPath": ("string", True), "optionalOldSelf": ("bool", False),
}  # fmt: skip
_TEXTS = ("string", "v1.JSONSchemaURL", "v1.FieldValueErrorReason")
_ABSENT: Any = object()


class Findings(Protocol):
    """Where faults are told (decoding_slow.py)."""

    def wrong(self, message: str) -> None: ...
    def strictly(self, what: str, path: str) -> None: ...


class _Faultless:
    """For input that should have no fault: counts those there are."""

    def __init__(self) -> None:
        self.faults = 0

    def wrong(self, message: str) -> None:
        self.faults += 1

    def strictly(self, what: str, path: str) -> None:
        self.faults += 1


def read_faultless(value: Any) -> Any:
    """A schema in normal form, or None where anything is wrong with it."""
    findings = _Faultless()
    made = read(value, findings, (), "")
    return None if findings.faults else made


def read(value: Any, findings: Findings, fields: tuple[str, ...], path: str) -> dict[str, Any]:
    """A schema (an object) in normal form. `fields` and `path` as in decoding_slow.py."""
    return _Reader(findings).struct(value, _FIELDS, "JSONSchemaProps", fields, path, 0)


def _items(value: Any) -> Iterable[tuple[str, Any]]:
    return value if isinstance(value, Pairs) else value.items()


def _kind(value: Any) -> str:
    if isinstance(value, Pairs | dict):
        return "object"
    if isinstance(value, list):
        return "array"
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, Number | int | float) else "string"


class _Reader:
    def __init__(self, findings: Findings, *, is_strict: bool = True) -> None:
        self.findings = findings
        self.is_strict = is_strict

    def struct(
        self,
        value: Any,
        known: dict[str, Any],
        owner: str,
        fields: tuple[str, ...],
        path: str,
        depth: int,
    ) -> dict[str, Any]:
        out: dict[str, Any] = {}
        seen: set[str] = set()
        for key, given in _items(value) if depth < _DEEPEST else ():
            here = f"{path}.{key}" if path else key
            if key not in known:
                self._strictly("unknown field", here)
                continue
            if key in seen:
                self._strictly("duplicate field", here)
            seen.add(key)
            out.pop(key, None)
            go_type, drops = known[key]
            if given is None:
                continue
            made = self.field(given, go_type, (owner, (*fields, key)), here, depth + 1)
            if made is not _ABSENT and not (drops and not made):
                out[key] = made
        return out if depth < _DEEPEST else go_json.plain(value)

    def _strictly(self, what: str, path: str) -> None:
        if self.is_strict:
            self.findings.strictly(what, path)

    def field(self, value: Any, go_type: str, where: tuple[str, tuple[str, ...]], path: str, depth: int) -> Any:
        kind = _kind(value)
        if go_type == "v1.JSON":
            return go_json.plain(value)
        if go_type in ("v1.JSONSchemaPropsOrBool", "v1.JSONSchemaPropsOrArray"):
            return self._either(value, kind, go_type, depth)
        if go_type in (GO_TYPE, "v1.ExternalDocumentation"):
            known = _FIELDS if go_type == GO_TYPE else _DOCS
            if kind != "object":
                return self._mismatch(value, go_type, where)
            return self.struct(value, known, go_type.removeprefix("v1."), where[1], path, depth)
        if go_type.startswith("map[") or go_type in ("v1.JSONSchemaDefinitions", "v1.JSONSchemaDependencies"):
            return self._map(value, go_type, where, path, depth)
        if go_type.startswith("[]") or go_type == "v1.ValidationRules":
            return self._list(value, go_type, where, path, depth)
        return self._scalar(value, kind, go_type, where)

    def _scalar(self, value: Any, kind: str, go_type: str, where: tuple[str, tuple[str, ...]]) -> Any:
        if go_type in _TEXTS or go_type == "bool":
            return (
                value if kind == ("bool" if go_type == "bool" else "string") else self._mismatch(value, go_type, where)
            )
        if kind != "number":
            return self._mismatch(value, go_type, where)
        text = str(value)
        if go_type == "int64":
            whole = re.fullmatch(r"-?[0-9]{1,19}", text) and -(2**63) <= int(text) < 2**63
            return int(text) if whole else self._mismatch(value, go_type, where, text)
        number = float(text)
        return int(number) if number.is_integer() and abs(number) < 1e21 else number

    def _map(self, value: Any, go_type: str, where: tuple[str, tuple[str, ...]], path: str, depth: int) -> Any:
        if _kind(value) != "object":
            return self._mismatch(value, go_type, where)
        out: dict[str, Any] = {}
        for key, given in _items(value):
            here = f"{path}.{key}"
            if key in out:
                self._strictly("duplicate field", here)
            if go_type == "v1.JSONSchemaDependencies":
                out[key] = go_json.plain(given)
                continue
            made = _ABSENT if given is None else self.field(given, GO_TYPE, where, here, depth)
            out[key] = {} if made is _ABSENT else made
        return out

    def _list(self, value: Any, go_type: str, where: tuple[str, tuple[str, ...]], path: str, depth: int) -> Any:
        if not isinstance(value, list) or isinstance(value, Pairs):
            return self._mismatch(value, go_type, where)
        if go_type == "v1.ValidationRules":
            out: list[Any] = []
            for index, each in enumerate(value):
                if each is not None and _kind(each) != "object":
                    self._mismatch(each, "v1.ValidationRule", where)
                    each = None
                rule = self.struct(each or {}, _RULE, "ValidationRule", where[1], f"{path}[{index}]", depth)
                out.append({"rule": "", **rule})
            return out
        element = go_type.removeprefix("[]")
        zero: Any = {"string": "", GO_TYPE: {}}.get(element)
        found = (
            _ABSENT if each is None else self.field(each, element, where, f"{path}[{index}]", depth)
            for index, each in enumerate(value)
        )
        return [zero if each is _ABSENT else each for each in found]

    def _either(self, value: Any, kind: str, go_type: str, depth: int) -> Any:
        """What Go reads by a method of its own, which knows nothing of what is around it."""
        inner = _Reader(self.findings, is_strict=False)
        if kind == "object":
            return inner.struct(value, _FIELDS, "JSONSchemaProps", (), "", depth)
        if go_type == "v1.JSONSchemaPropsOrBool":
            if kind == "bool":
                return value
            self.findings.wrong("boolean or JSON schema expected")
        elif kind == "array":
            return inner.field(value, "[]v1.JSONSchemaProps", ("", ()), "", depth)
        return _ABSENT

    def _mismatch(self, value: Any, go_type: str, where: tuple[str, tuple[str, ...]], number: str = "") -> Any:
        owner, fields = where
        what = f"number {number}" if number else _kind(value)
        place = f"Go struct field {owner}.{'.'.join(fields)}" if fields else "Go value"
        self.findings.wrong(f"json: cannot unmarshal {what} into {place} of type {go_type}")
        return _ABSENT


# ---- the same as the server's internal type, which has no JSON names of its own

_INTERNAL = (
    ("ID", "id", "t"), ("Schema", "$schema", "t"), ("Ref", "$ref", "p"), ("Description", "description", "t"),
    ("Type", "type", "t"), ("Nullable", "nullable", "b"), ("Format", "format", "t"), ("Title", "title", "t"),
    ("Default", "default", "p"), ("Maximum", "maximum", "p"), ("ExclusiveMaximum", "exclusiveMaximum", "b"),
    ("Minimum", "minimum", "p"), ("ExclusiveMinimum", "exclusiveMinimum", "b"), ("MaxLength", "maxLength", "p"),
    ("MinLength", "minLength", "p"), ("Pattern", "pattern", "t"), ("MaxItems", "maxItems", "p"),
    ("MinItems", "minItems", "p"), ("UniqueItems", "uniqueItems", "b"), ("MultipleOf", "multipleOf", "p"),
    ("Enum", "enum", "p"), ("MaxProperties", "maxProperties", "p"), ("MinProperties", "minProperties", "p"),
    ("Required", "required", "p"), ("Items", "items", "items"), ("AllOf", "allOf", "schemas"),
    ("OneOf", "oneOf", "schemas"), ("AnyOf", "anyOf", "schemas"), ("Not", "not", "schema"),
    ("Properties", "properties", "map"), ("AdditionalProperties", "additionalProperties", "bool or schema"),
    ("PatternProperties", "patternProperties", "map"), ("Dependencies", "dependencies", "p"),
    ("AdditionalItems", "additionalItems", "bool or schema"), ("Definitions", "definitions", "map"),
    ("ExternalDocs", "externalDocs", "p"), ("Example", "example", "p"),
    ("XPreserveUnknownFields", "x-kubernetes-preserve-unknown-fields", "p"),
    ("XEmbeddedResource", "x-kubernetes-embedded-resource", "b"), ("XIntOrString", "x-kubernetes-int-or-string", "b"),
    ("XListMapKeys", "x-kubernetes-list-map-keys", "p"), ("XListType", "x-kubernetes-list-type", "p"),
    ("XMapType", "x-kubernetes-map-type", "p"), ("XValidations", "x-kubernetes-validations", "rules"),
)  # fmt: skip


def internal(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema by Go's field names, in Go's order, zeros included: how a message shows one."""
    return {name: _shown(schema.get(key), form) for name, key, form in _INTERNAL}


def internal_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule by Go's field names."""
    return {
        "Rule": rule.get("rule", ""), "Message": rule.get("message", ""),
        "MessageExpression": rule.get("messageExpression", ""), "Reason": rule.get("reason"),
        "FieldPath": rule.get("fieldPath", ""), "OptionalOldSelf": rule.get("optionalOldSelf"),
    }  # fmt: skip


def _shown(value: Any, form: str) -> Any:
    if value is None:
        return {"t": "", "b": False}.get(form)
    if form == "schema":
        return internal(value)
    if form == "schemas":
        return [internal(each) for each in value]
    if form == "map":
        return {key: internal(value[key]) for key in sorted(value)}
    if form == "items":
        one = isinstance(value, dict)
        return {
            "Schema": internal(value) if one else None,
            "JSONSchemas": None if one else [internal(each) for each in value],
        }
    if form == "bool or schema":
        given = isinstance(value, dict)
        return {"Allows": True if given else value, "Schema": internal(value) if given else None}
    return [internal_rule(each) for each in value] if form == "rules" else value
