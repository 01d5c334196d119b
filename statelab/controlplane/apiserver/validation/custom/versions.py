"""The versions of a definition: what each serves, how it prints and scales, and what is wrong with that.

Source: apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go, v1/conversion.go (what all versions
have alike stands above them in the internal type), registry/customresourcedefinition/strategy.go (formats).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from statelab.controlplane.apiserver.encoding import json_schemas
from statelab.controlplane.apiserver.encoding.go_json import go_quote
from statelab.controlplane.apiserver.validation.custom import paths, schemas, structure
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    GoValue,
    duplicate,
    in_order,
    invalid,
    required,
    too_many,
)
from statelab.controlplane.kinds import Object

_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_FORMATS = frozenset((
    "bsonobjectid", "uri", "email", "hostname", "ipv4", "ipv6", "cidr", "mac", "uuid", "uuid3", "uuid4", "uuid5",
    "isbn", "isbn10", "isbn13", "creditcard", "ssn", "hexcolor", "rgbcolor", "byte", "password", "date", "duration",
    "datetime", "quantity", "k8sshortname", "k8slongname",
))  # fmt: skip
_NUMBERS = {"integer": ("int32", "int64"), "number": ("float", "double")}
_LONGEST_WARNING = 256
_MOST_SELECTABLE = 8
_PARTS = ("schema", "subresources", "additionalPrinterColumns", "selectableFields")


def shared_parts(versions: list[Fields]) -> frozenset[str]:
    """What all versions have alike: the server keeps it once, above them, and names it there."""
    if not versions:
        return frozenset()
    return frozenset(key for key in _PARTS if all(each.get(key) == versions[0].get(key) for each in versions))


def shown(versions: list[Fields] | None, shared: frozenset[str]) -> Any:
    """Versions in a message, as Go's internal type has them."""
    if versions is None:
        return None
    shown = []
    for each in versions:
        parts = {key[0].upper() + key[1:]: None if key in shared else _internal(key, each.get(key)) for key in _PARTS}
        shown.append(
            {
                "Name": each.get("name", ""), "Served": bool(each.get("served")), "Storage": bool(each.get("storage")),
                "Deprecated": bool(each.get("deprecated")),
                "DeprecationWarning": each.get("deprecationWarning"), **parts,
            }
        )  # fmt: skip
    return GoValue(in_order({"": shown})[4:-1])


def _internal(key: str, value: Any) -> Any:
    """A part of a version by the names of Go's internal type."""
    if value is None:
        return None
    if key == "schema":
        found = value.get("openAPIV3Schema")
        return {"OpenAPIV3Schema": json_schemas.internal(found) if found is not None else None}
    if key == "selectableFields":
        return [{"JSONPath": each.get("jsonPath", "")} for each in value]
    if key == "subresources":
        scale = value.get("scale")
        shown = ("specReplicasPath", "statusReplicasPath", "labelSelectorPath")
        scaled = {each[0].upper() + each[1:]: (scale or {}).get(each) for each in shown}
        return {"Status": value.get("status"), "Scale": None if scale is None else scaled}
    return [
        {
            "Name": each.get("name", ""), "Type": each.get("type", ""), "Format": each.get("format", ""),
            "Description": each.get("description", ""), "Priority": each.get("priority", 0),
            "JSONPath": each.get("jsonPath", ""),
        }
        for each in value
    ]  # fmt: skip


def check(version: Fields, field: str, shared: frozenset[str]) -> Errors:
    errors = _deprecation(version, f"{field}.deprecationWarning")
    if "schema" not in shared:
        has_status = (version.get("subresources") or {}).get("status") is not None
        errors += _schema(version, f"{field}.schema", has_status=has_status)
    for key, checked in _CHECKS.items():
        errors += checked(version, f"{field}.{key}") if key not in shared else []
    return errors


def check_shared(versions: list[Fields], shared: frozenset[str]) -> Errors:
    """What is wrong with what all versions have alike, named where the server keeps it."""
    errors: Errors = []
    for version in versions[:1]:
        if "schema" in shared:
            has_status = any((each.get("subresources") or {}).get("status") is not None for each in versions)
            errors += _schema(version, "spec.validation", has_status=has_status)
        for key, checked in _CHECKS.items():
            errors += checked(version, f"spec.{key}") if key in shared else []
    return errors


def _deprecation(version: Fields, field: str) -> Errors:
    words = version.get("deprecationWarning")
    if words is None:
        return []
    if not version.get("deprecated"):
        return [invalid(field, words, "can only be set for deprecated versions")]
    problems = []
    if len(words.encode()) > _LONGEST_WARNING:
        problems.append(f"must be <= {_LONGEST_WARNING} characters long")
    if not words:
        problems.append("must not be an empty string")
    at = next((index for index, each in enumerate(words) if not each.isprintable()), None)
    if at is not None:
        why = f"non-printable character found at index {len(words[:at].encode())}"
        problems.append(f"must only contain printable UTF-8 characters; {why}")
    return [invalid(field, words, each) for each in problems]


def _selectable(version: Fields, field: str) -> Errors:
    errors: Errors = []
    schema: Fields = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    seen: set[tuple[str, ...]] = set()
    for index, each in enumerate(version.get("selectableFields") or () if schema else ()):
        path, here = each.get("jsonPath", ""), f"{field}[{index}].jsonPath"
        if not path:
            errors.append(required(here))
            continue
        found = paths.find(path, schema, allows_brackets=False)
        if found.problem:
            errors.append(invalid(here, path, f"is an invalid path: {found.problem}"))
            continue
        if found.names[0] == "metadata":
            errors.append(invalid(here, path, "must not point to fields in metadata"))
        if found.schema.get("type") not in ("string", "boolean", "integer"):
            words = "must point to a field of type string, boolean or integer. Enum string fields and strings with "
            errors.append(invalid(here, path, f"{words}formats are allowed."))
        if found.names in seen:
            errors.append(duplicate(here, path))
        seen.add(found.names)
    return [*errors, too_many(field, len(seen), _MOST_SELECTABLE)] if len(seen) > _MOST_SELECTABLE else errors


def _schema(version: Fields, field: str, *, has_status: bool) -> Errors:
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    return schemas.check(schema, f"{field}.openAPIV3Schema", has_status=has_status) if schema is not None else []


def _subresources(version: Fields, field: str) -> Errors:
    scale = (version.get("subresources") or {}).get("scale")
    if scale is None:
        return []
    errors: Errors = []
    for key, roots in (("specReplicasPath", (".spec",)), ("statusReplicasPath", (".status",))):
        errors += _path(scale.get(key, ""), f"{field}.scale.{key}", roots)
    if scale.get("labelSelectorPath"):
        errors += _path(scale["labelSelectorPath"], f"{field}.scale.labelSelectorPath", (".spec", ".status"))
    return errors


def _path(path: str, field: str, roots: tuple[str, ...]) -> Errors:
    if not path:
        return [required(field)]
    if problem := _json_path(path, field):
        return problem
    if not path.startswith(tuple(f"{root}." for root in roots)):
        either = "either " if len(roots) > 1 else ""
        return [invalid(field, path, f"should be a json path under {either}{' or '.join(roots)}")]
    return []


def _json_path(path: str, field: str) -> Errors:
    if path[:1] != ".":
        return [invalid(field, path, "must be a simple json path starting with .")]
    return []


def _columns(version: Fields, field: str) -> Errors:
    errors: Errors = []
    for index, column in enumerate(version.get("additionalPrinterColumns") or ()):
        here = f"{field}[{index}]"
        if not column.get("name"):
            errors.append(required(f"{here}.name"))
        kind, form = column.get("type", ""), column.get("format", "")
        if not kind:
            errors.append(required(f"{here}.type", f"must be one of {','.join(_COLUMN_TYPES)}"))
        elif kind not in _COLUMN_TYPES:
            errors.append(invalid(f"{here}.type", kind, f"must be one of {','.join(_COLUMN_TYPES)}"))
        if form and form not in _COLUMN_FORMATS:
            errors.append(invalid(f"{here}.format", form, f"must be one of {','.join(_COLUMN_FORMATS)}"))
        if not column.get("jsonPath"):
            errors.append(required(f"{here}.JSONPath"))
        else:
            errors += _json_path(column["jsonPath"], f"{here}.JSONPath")
    return errors


_CHECKS: dict[str, Callable[[Fields, str], Errors]] = {
    "subresources": _subresources,
    "additionalPrinterColumns": _columns,
    "selectableFields": _selectable,
}


# ---- what is taken and probably not meant


def warnings(obj: Object, old: Object | None) -> Iterator[str]:
    """Formats that nobody checks."""
    known = _formats(old) if old is not None else set()
    yield from (f"unrecognized format {go_quote(each)}" for each in sorted(_formats(obj) - known))


def _formats(obj: Object) -> set[str]:
    found: set[str] = set()
    for version in (obj.get("spec") or {}).get("versions") or ():
        level = [(version.get("schema") or {}).get("openAPIV3Schema") or {}]
        while level:
            for schema in level:
                kind, form = schema.get("type", ""), schema.get("format", "")
                if form and not _is_known(kind, form):
                    found.add(form)
            level = [below for schema in level for below in structure.parts(schema)]
    return found


def _is_known(kind: str, form: str) -> bool:
    """Source: apiextensions-apiserver/pkg/apiserver/validation/formats.go GetUnrecognizedFormats."""
    if kind in ("", "string"):
        return form.replace("-", "") in _FORMATS
    return form in _NUMBERS.get(kind, ())
