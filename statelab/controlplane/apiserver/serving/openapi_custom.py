"""OpenAPI of the kinds that CustomResourceDefinitions make: version 3, which `kubectl explain` reads, and 2.

Source: apiextensions-apiserver/pkg/controller/openapi/builder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from statelab.controlplane.apiserver.encoding import schemas
from statelab.controlplane.apiserver.encoding.schemas import Schema
from statelab.controlplane.kinds import Kind
from statelab.reader import jsonbytes

_V2, _V3 = "#/definitions/", "#/components/schemas/"
_META = f"{schemas.META}ObjectMeta"
_TYPES = ("application/json", "application/yaml")
_PATCHES = ("application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json")
_TEXT = {"type": "string"}
_NOT_IN_VERSION_2 = ("nullable", "oneOf", "anyOf", "not", "default", "x-kubernetes-validations")


def in_index(index: bytes, custom: Sequence[Kind]) -> bytes:
    """The index of documents, with those of custom groups."""
    found = jsonbytes.loads(index)
    for group, version in dict.fromkeys((kind.group, kind.version) for kind in custom):
        told = [each.custom.schema for each in custom if (each.group, each.version) == (group, version)]
        digest = hashlib.sha512(jsonbytes.dumps(told)).hexdigest().upper()
        found["paths"][f"apis/{group}/{version}"] = {
            "serverRelativeURL": f"/openapi/v3/apis/{group}/{version}?hash={digest}"
        }
    return jsonbytes.dumps(found)


def in_version_2(whole: bytes, custom: Sequence[Kind]) -> bytes:
    """The one document of version 2, with the definitions of custom kinds and what may be asked of them."""
    found = jsonbytes.loads(whole)
    for kind in custom:
        own = _schema(kind)
        about = own["properties"].pop("metadata")["description"]
        made = _as_version_2(own)
        if "properties" in made:
            made["properties"]["metadata"] = {"$ref": _V2 + _META, "description": about}
        found["definitions"][_name(kind)] = made
        for path, operations in _paths(kind).items():
            found["paths"][path] = {method: _operation_2(kind, each) for method, each in operations.items()}
    return jsonbytes.dumps(found)


def _operation_2(kind: Kind, operation: dict[str, Any]) -> dict[str, Any]:
    answer = {"200": {"description": "OK", "schema": {"$ref": _V2 + _name(kind)}}}
    asked = [{"name": each["name"], "in": "query", "type": "string"} for each in operation.get("parameters", ())]
    if "requestBody" in operation:
        asked.append({"name": "body", "in": "body", "schema": {"$ref": _V2 + _name(kind)}})
    kept = {name: operation[name] for name in ("x-kubernetes-action", "x-kubernetes-group-version-kind")}
    return {**kept, "parameters": asked, "responses": answer}


def _as_version_2(schema: Schema) -> Schema:
    """What version 2 can say of a schema. Where more fields may be than are named, it names none."""
    found = {name: value for name, value in schema.items() if name not in _NOT_IN_VERSION_2}
    if schema.get("nullable") or schema.get("x-kubernetes-int-or-string"):
        found.pop("type", None)
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        found = {name: value for name, value in found.items() if name not in ("properties", "items")}
    if isinstance(found.get("properties"), dict):
        found["properties"] = {name: _as_version_2(each) for name, each in found["properties"].items()}
    for name in ("items", "additionalProperties"):
        if isinstance(found.get(name), dict):
            found[name] = _as_version_2(found[name])
    return found


def document(kinds: Sequence[Kind], write: Callable[[Schema], Schema]) -> bytes:
    """The document of one group and version. `write` makes a built-in definition one of version 3."""
    found: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for kind in kinds:
        found[_name(kind)] = _schema(kind)
        paths |= _paths(kind)
    waiting = [_META]
    while waiting:
        name = waiting.pop()
        if name not in found:
            definition = schemas.definition(name)
            found[name] = write(definition)
            waiting += [each for part in definition.get("properties", {}).values() for each in _references(part)]
    about = {"title": "Kubernetes CRD Swagger", "version": "v0.1.0"}
    return jsonbytes.dumps({"openapi": "3.0.0", "info": about, "paths": paths, "components": {"schemas": found}})


def _references(schema: Schema) -> list[str]:
    name = schemas.reference(schema)
    items = schema.get("items")
    return ([name] if name else []) + (_references(items) if isinstance(items, dict) else [])


def _name(kind: Kind) -> str:
    return ".".join([*reversed(kind.group.split(".")), kind.version, kind.name])


def _identity(kind: Kind) -> dict[str, str]:
    return {"group": kind.group, "version": kind.version, "kind": kind.name}


def _schema(kind: Kind) -> Schema:
    own = kind.custom.schema
    described = {
        name: schemas.definition("io.k8s.api.core.v1.Pod")["properties"][name] for name in ("apiVersion", "kind")
    }
    properties = {
        **(own.get("properties") or {}),
        **{name: {**_TEXT, "description": each.get("description", "")} for name, each in described.items()},
        "metadata": {"allOf": [{"$ref": _V3 + _META}], "description": "Standard object's metadata."},
    }
    return {**own, "properties": properties, "x-kubernetes-group-version-kind": [_identity(kind)]}


def _paths(kind: Kind) -> dict[str, Any]:
    where = "namespaces/{namespace}/" if kind.namespaced else ""
    base = f"/apis/{kind.group}/{kind.version}/{where}{kind.resource}"
    content = {each: {"schema": {"$ref": _V3 + _name(kind)}} for each in _TYPES}
    answers = {"200": {"description": "OK", "content": content}, "401": {"description": "Unauthorized"}}
    asked = [{"name": name, "in": "query", "schema": _TEXT} for name in ("dryRun", "fieldManager", "fieldValidation")]

    def operation(action: str, **more: Any) -> dict[str, Any]:
        return {
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": _identity(kind),
            "responses": answers,
            **more,
        }

    written = {"parameters": asked, "requestBody": {"content": content}}
    patched = {"content": {each: {"schema": {"$ref": _V3 + _name(kind)}} for each in _PATCHES}}
    return {
        base: {"get": operation("list"), "post": operation("post", **written)},
        base + "/{name}": {
            "get": operation("get"),
            "put": operation("put", **written),
            "patch": operation("patch", parameters=asked, requestBody=patched),
            "delete": operation("delete"),
        },
    }
