"""OpenAPI: what the served kinds look like and what one may ask, for `kubectl explain`, validation and code generators.

`/openapi/v2` is one document, `/openapi/v3` an index of one document per group and version. Both are JSON (protobuf is
not spoken here) and made on first demand from the definitions in schemas.py and the operations in operations.py.
Source: kube-openapi/pkg/builder, builder3, handler3.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from typing import Any

from statelab.controlplane.apiserver.encoding import schemas
from statelab.controlplane.apiserver.encoding.schemas import Schema
from statelab.controlplane.apiserver.serving import discovery, openapi_custom, operations
from statelab.controlplane.apiserver.serving.operations import Operation, Path
from statelab.controlplane.kinds import Kind
from statelab.reader import jsonbytes
from statelab.version import KUBERNETES_VERSION

_V2 = "#/definitions/"
_V3 = "#/components/schemas/"
_PRODUCES = ("application/json", "application/yaml")
_STREAMS = ("application/json;stream=watch",)
_REASONS = {200: "OK", 201: "Created", 202: "Accepted"}
_BEARER = {
    "description": "The token that `statelab serve` wrote into the kubeconfig.",
    "type": "apiKey",
    "name": "authorization",
    "in": "header",
}
_ABOUT = {"title": "Kubernetes", "version": f"v{KUBERNETES_VERSION}"}


def document(path: str, custom: Sequence[Kind] = ()) -> bytes | None:
    """The document at `/openapi/v2`, `/openapi/v3` or `/openapi/v3/<group version>`, as JSON; None where none is.

    `custom`: the kinds that definitions have made (openapi_custom.py).
    """
    path = path.rstrip("/")
    if path == "/openapi/v2":
        return _version_2_with(tuple(custom)) if custom else _version_2()
    if path == "/openapi/v3":
        return openapi_custom.in_index(_index(), custom) if custom else _index()
    name = path.removeprefix("/openapi/v3/")
    own = [kind for kind in custom if _path_of(kind.group, kind.version) == name]
    if own:
        return openapi_custom.document(own, _schema_3)
    for group, version in discovery.group_versions():
        if name == _path_of(group, version):
            return zlib.decompress(_version_3(group, version))
    return None


def _path_of(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


@lru_cache(maxsize=1)
def _index() -> bytes:
    """Each document's address holds a hash of it, so that a client may keep it for ever."""
    found = {}
    for group, version in discovery.group_versions():
        path = _path_of(group, version)
        digest = hashlib.sha512(zlib.decompress(_version_3(group, version))).hexdigest().upper()
        found[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return jsonbytes.dumps({"paths": found})


# ---- version 3


@cache  # there are as many as there are groups and versions, and the index asks for all in turn
def _version_3(group: str, version: str) -> bytes:
    """The document, kept deflated: together they are 2.5 MB, which few learners ask for twice."""
    paths = list(operations.paths(group, version))
    document = jsonbytes.dumps(
        {
            "openapi": "3.0.0",
            "info": _ABOUT,
            "paths": {path.path: _path_3(path, operations.tag(group, version)) for path in paths},
            "components": {
                "schemas": _definitions(paths, _schema_3),
                "securitySchemes": {"BearerToken": _BEARER},
            },
            "security": [{"BearerToken": []}],
        }
    )
    return zlib.compress(document, 1)


def _path_3(path: Path, tag: str) -> dict[str, Any]:
    found: dict[str, Any] = {each.method: _operation_3(each, tag) for each in path.operations}
    found["parameters"] = [
        *({**_parameter_3(name), "in": "path", "required": True} for name in path.parameters),
        _parameter_3("pretty"),
    ]
    return found


def _parameter_3(name: str) -> dict[str, Any]:
    kind, about = operations.PARAMETERS[name]
    return {"name": name, "in": "query", "description": about, "schema": {"type": kind, "uniqueItems": True}}


def _operation_3(operation: Operation, tag: str) -> dict[str, Any]:
    streams = _STREAMS if operation.action == "list" else ()
    content: dict[str, Any] = {"text/plain": {"schema": {"type": "string"}}}
    if operation.result:
        content = {kind: {"schema": {"$ref": _V3 + operation.result}} for kind in (*_PRODUCES, *streams)}
    found: dict[str, Any] = {
        **_common(operation, tag),
        "parameters": [_parameter_3(name) for name in operation.parameters],
        "responses": {
            **{str(code): {"description": _REASONS[code], "content": content} for code in operation.codes},
            "401": {"description": "Unauthorized"},
        },
    }
    if operation.body:
        types = operations.PATCH_TYPES if operation.action == "patch" else ("*/*",)
        body = {"content": {kind: {"schema": {"$ref": _V3 + operation.body}} for kind in types}}
        found["requestBody"] = body if "delete" in operation.action else {**body, "required": True}
    return found


def _common(operation: Operation, tag: str) -> dict[str, Any]:
    group, version, kind = operation.kind
    return {
        "tags": [tag],
        "description": operation.about,
        "operationId": operation.id,
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind},
    }


# ---- version 2


@lru_cache(maxsize=2)
def _version_2_with(custom: tuple[Kind, ...]) -> bytes:
    return openapi_custom.in_version_2(_version_2(), custom)


@lru_cache(maxsize=1)
def _version_2() -> bytes:
    all_paths: list[Path] = []
    written: dict[str, Any] = {}
    for group, version in discovery.group_versions():
        paths = list(operations.paths(group, version))
        all_paths += paths
        written |= {path.path: _path_2(path, operations.tag(group, version)) for path in paths}
    return jsonbytes.dumps(
        {
            "swagger": "2.0",
            "info": _ABOUT,
            "paths": written,
            "definitions": _definitions(all_paths, _schema_2),
            "parameters": {name: _parameter_2(name) for name in operations.PARAMETERS},
            "securityDefinitions": {"BearerToken": _BEARER},
            "security": [{"BearerToken": []}],
        }
    )


def _parameter_2(name: str) -> dict[str, Any]:
    kind, about = operations.PARAMETERS[name]
    place: dict[str, Any] = {"in": "path", "required": True} if name in ("name", "namespace") else {"in": "query"}
    return {"name": name, **place, "description": about, "type": kind, "uniqueItems": True}


def _path_2(path: Path, tag: str) -> dict[str, Any]:
    found: dict[str, Any] = {each.method: _operation_2(each, tag) for each in path.operations}
    found["parameters"] = [{"$ref": f"#/parameters/{name}"} for name in (*path.parameters, "pretty")]
    return found


def _operation_2(operation: Operation, tag: str) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [{"$ref": f"#/parameters/{name}"} for name in operation.parameters]
    if operation.body:
        body: dict[str, Any] = {"name": "body", "in": "body", "schema": {"$ref": _V2 + operation.body}}
        parameters.append(body if "delete" in operation.action else {**body, "required": True})
    schema = {"$ref": _V2 + operation.result} if operation.result else {"type": "string"}
    streams = _STREAMS if operation.action == "list" else ()
    return {
        **_common(operation, tag),
        "schemes": ["https"],
        "consumes": list(operations.PATCH_TYPES) if operation.action == "patch" else ["*/*"],
        "produces": [*_PRODUCES, *streams] if operation.result else ["text/plain"],
        "parameters": parameters,
        "responses": {
            **{str(code): {"description": _REASONS[code], "schema": schema} for code in operation.codes},
            "401": {"description": "Unauthorized"},
        },
    }


# ---- definitions


def _definitions(paths: Iterable[Path], write: Callable[[Schema], Schema]) -> dict[str, Schema]:
    """Every definition that the operations name, and every one that those name in turn."""
    waiting = [name for path in paths for each in path.operations for name in (each.body, each.result) if name]
    waiting.append(schemas.META + "WatchEvent")
    found: dict[str, Schema] = {}
    served = set(discovery.group_versions())
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        definition = schemas.definition(name)
        found[name] = write(definition)
        kinds = definition.get("x-kubernetes-group-version-kind")
        if kinds:
            shown = [each for each in kinds if (each["group"], each["version"]) in served]
            found[name]["x-kubernetes-group-version-kind"] = shown
        waiting += _references(definition)
    return dict(sorted(found.items()))


def _references(schema: Schema) -> list[str]:
    name = schemas.reference(schema)
    found = [name] if name else []
    below = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    for each in below:
        if isinstance(each, dict):
            found += _references(each)
    return found


def _schema_2(schema: Schema) -> Schema:
    name = schemas.reference(schema)
    if name:
        return {**_plain(schema), "$ref": _V2 + name}
    written = _written(schema, _schema_2)
    if "oneOf" in schema:  # a number or text: version 2 has no word for it
        written["type"] = "string"
        if _has_integer(schema):
            written["format"] = "int-or-string"
    return written


def _schema_3(schema: Schema) -> Schema:
    name = schemas.reference(schema)
    if name:
        reference = {"$ref": _V3 + name}
        plain = _plain(schema)
        return {**plain, "allOf": [reference]} if plain else reference
    written = _written(schema, _schema_3)
    if "oneOf" in schema:
        written["oneOf"] = [{"type": _type(each)} for each in schema["oneOf"]]
        if _has_integer(schema):
            written["format"] = "int-or-string"
    return written


def _has_integer(schema: Schema) -> bool:
    return any(_type(each) == "integer" for each in schema["oneOf"])


def _plain(schema: Schema) -> Schema:
    """What is said about a field beside its type: its description and Kubernetes' own words."""
    return {key: value for key, value in schema.items() if key in _KEPT or key.startswith("x-kubernetes-")}


_KEPT = frozenset({"description", "format", "required"})


def _written(schema: Schema, write: Callable[[Schema], Schema]) -> Schema:
    written = _plain(schema)
    kind = _type(schema)
    if kind:
        written["type"] = kind
    if "properties" in schema:
        written["properties"] = {name: write(each) for name, each in schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            written[key] = write(schema[key])
    return written


def _type(schema: Schema) -> str:
    """The definitions allow null everywhere (`["string", "null"]`); OpenAPI says `string`."""
    kind = schema.get("type", "")
    return str(next((each for each in kind if each != "null"), "")) if isinstance(kind, list) else str(kind)
