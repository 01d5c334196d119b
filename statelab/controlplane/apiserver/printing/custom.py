"""Columns that a CustomResourceDefinition asks for. Source: apiextensions-apiserver .../tableconvertor."""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.encoding import schemas
from statelab.controlplane.apiserver.encoding.jsonpaths import find
from statelab.controlplane.apiserver.printing.cells import since
from statelab.controlplane.kinds import Kind, Object
from statelab.reader import jsonbytes

_META = schemas.META + "ObjectMeta"
_AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def _wanted(kind: Kind) -> list[dict[str, Any]]:
    return kind.custom.columns or [_AGE]


def columns(kind: Kind) -> list[Object]:
    """The column definitions: the name, then what the definition asks for, or the age."""
    name = schemas.definition(_META)["properties"]["name"]["description"]
    found: list[Object] = [{"name": "Name", "type": "string", "format": "name", "description": name, "priority": 0}]
    for each in _wanted(kind):
        where = f"Custom resource definition column (in JSONPath format): {each['jsonPath']}"
        found.append(
            {
                "name": each["name"],
                "type": each["type"],
                "format": each.get("format", ""),
                "description": each.get("description") or where,
                "priority": each.get("priority", 0),
            }
        )
    return found


def cells(kind: Kind, obj: Object, now_s: float) -> list[Any]:
    return [obj["metadata"]["name"], *(_cell(each, find(obj, each["jsonPath"]), now_s) for each in _wanted(kind))]


def _cell(column: dict[str, Any], found: list[Any], now_s: float) -> Any:
    if not found or found[0] is None:
        return None
    value = found[0]
    match column["type"]:
        case "integer":
            return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        case "number":
            return value if isinstance(value, int | float) and not isinstance(value, bool) else None
        case "boolean":
            return value if isinstance(value, bool) else None
        case "date":
            return since(value, now_s) if isinstance(value, str) else None
    texts = [each if isinstance(each, str) else jsonbytes.dumps(each).decode() for each in found]
    return " ".join(texts) if len(texts) < 2 else ",".join(texts)
