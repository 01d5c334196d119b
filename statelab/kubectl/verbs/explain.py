"""kubectl explain: what fields a kind has, from the server's own OpenAPI. Source: pkg/explain/v2 (plaintext.tmpl)."""

from __future__ import annotations

import textwrap
from typing import Any

from statelab.kubectl.api import Object
from statelab.kubectl.call import Call
from statelab.kubectl.gotext import quote
from statelab.kubectl.problems import Ended, Fail, Refused
from statelab.kubectl.resources import Resource

_WIDTH = 76
_DEEPEST = 20
Schema = dict[str, Any]


def explain(call: Call) -> None:
    flags = call.flags
    if not call.args:
        raise Fail(
            'You must specify the type of resource to explain. Use "kubectl api-resources" for a complete list of '
            "supported resources."
        )
    if len(call.args) > 1:
        raise Fail("We accept only this format: explain RESOURCE")
    if flags.text("output") not in ("plaintext", "plaintext-openapiv2"):
        raise Fail(f"unrecognized format: {flags.text('output')}")
    resource, path = _resource(call, call.args[0])
    schemas = _schemas(call, resource)
    kind = next((each for each in schemas.values() if _is_of(each, resource)), None)
    if kind is None:
        raise Fail(f"GVR ({resource.api_version}, Resource={resource.plural}) not found in OpenAPI schema")
    told = f"GROUP:      {resource.group}\n" if resource.group else ""
    call.out(f"{told}KIND:       {resource.kind}\nVERSION:    {resource.version}\n\n")
    page = _Page(schemas, recursive=flags.on("recursive"), deepest=flags.number("max-depth") or _DEEPEST)
    call.out(page.text(kind, path))


def _resource(call: Call, said: str) -> tuple[Resource, list[str]]:
    """The resource, and the fields behind it. `deployments.apps.spec` names a group too. Raises Ended, Fail."""
    words = said.strip(".").split(".")
    found: Resource | None = None
    used = 0
    for count in range(min(4, len(words)), 0, -1):
        candidate = call.mapper.maybe(".".join(words[:count]))
        if candidate is not None and (count == 1 or candidate.group == ".".join(words[1:count])):
            found, used = candidate, count
            break
    if found is None:
        raise Ended(f"the server doesn't have a resource type {quote(words[0])}\n", 1)
    wanted = call.flags.text("api-version")
    if wanted and wanted != found.api_version:
        other = call.mapper.of_kind(wanted, found.kind)
        if other is None:
            raise Fail(f"couldn't find resource for {quote(f'{wanted}, Resource={found.plural}')}")
        found = other
    return found, words[used:]


def _schemas(call: Call, resource: Resource) -> dict[str, Schema]:
    """Raises Refused."""
    root = f"apis/{resource.api_version}" if resource.group else f"api/{resource.version}"
    paths: Object = call.request("GET", "/openapi/v3")["paths"]
    if root not in paths:
        raise Refused({"code": 404, "reason": "NotFound", "message": f"no OpenAPI of {root}"})
    url = str(paths[root]["serverRelativeURL"])
    found: dict[str, Schema] = call.request("GET", url)["components"]["schemas"]
    return found


def _is_of(schema: Schema, resource: Resource) -> bool:
    wanted = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    return wanted in (schema.get("x-kubernetes-group-version-kind") or ())


class _Page:
    def __init__(self, schemas: dict[str, Schema], *, recursive: bool, deepest: int) -> None:
        self._schemas = schemas
        self._recursive = recursive
        self._deepest = deepest

    def text(self, kind: Schema, path: list[str]) -> str:
        """Raises Fail for a field that is not there."""
        schema, field, name = kind, kind, ""
        for name in path:
            properties = self._inner(schema).get("properties") or {}
            if name not in properties:
                raise Fail(f"field {quote(name)} does not exist")
            field = schema = properties[name]
        out = ""
        if name:
            enum = self._resolved(field).get("enum") or field.get("enum") or ()
            listed = "ENUM:\n" + "".join(f"    {each}\n" for each in enum) if enum else ""
            out += f"FIELD: {name} <{self._type(field)}>\n{listed}\n\n"
        inner = self._inner(schema)
        own = str(field.get("description") or "")
        theirs = "" if inner is field else str(inner.get("description") or "")
        said = "\n".join(each for each in (own, theirs) if each) or "<empty>"
        out += "DESCRIPTION:\n" + _wrapped(said) + "    \n"
        if inner.get("properties"):
            out += "FIELDS:\n" + self._fields(inner, 1)
        return out + "\n"

    def _fields(self, schema: Schema, level: int) -> str:
        required = schema.get("required") or ()
        out = ""
        for name in sorted(schema["properties"]):
            field = schema["properties"][name]
            out += f"{'  ' * level}{name}\t<{self._type(field)}>{' -required-' if name in required else ''}\n"
            enum = self._resolved(field).get("enum") or field.get("enum")
            if enum:
                out += f"{'  ' * level}enum: {', '.join(map(str, enum))}\n"
            if self._recursive:
                inner = self._inner(field)
                if inner.get("properties") and level < self._deepest:
                    out += self._fields(inner, level + 1)
                continue
            description = field.get("description") or self._resolved(field).get("description") or "<no description>"
            out += _wrapped(str(description)) + "\n"
        return out

    def _reference(self, schema: Schema) -> str:
        for each in [schema, *(schema.get("allOf") or ())]:
            if "$ref" in each:
                return str(each["$ref"]).rpartition("/")[2]
        return ""

    def _resolved(self, schema: Schema) -> Schema:
        name = self._reference(schema)
        return self._schemas.get(name, {}) if name else schema

    def _inner(self, schema: Schema) -> Schema:
        """What is inside of lists and maps."""
        for _ in range(10):
            schema = self._resolved(schema)
            if isinstance(schema.get("items"), dict):
                schema = schema["items"]
            elif isinstance(schema.get("additionalProperties"), dict):
                schema = schema["additionalProperties"]
            else:
                break
        return schema

    def _type(self, schema: Schema) -> str:
        name = self._reference(schema)
        resolved = self._resolved(schema)
        type = resolved.get("type")
        if type == "array":
            return f"[]{self._type(resolved.get('items') or {})}"
        if isinstance(resolved.get("additionalProperties"), dict) and not name:
            return f"map[string]{self._type(resolved['additionalProperties'])}"
        if name and type in ("object", None):
            return name.rpartition(".")[2]
        return str(type or "Object") if type != "object" else "Object"


def _wrapped(text: str) -> str:
    lines: list[str] = []
    for line in text.split("\n"):
        if not line.strip():
            lines.append("")
        elif line[0] == " ":
            lines.append(line)
        else:
            lines += textwrap.wrap(
                line, _WIDTH, break_long_words=False, break_on_hyphens=False, replace_whitespace=False
            )
    return "".join(f"    {line}\n" for line in lines)
