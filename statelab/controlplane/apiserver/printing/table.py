"""Tables: objects as rows, printed by the server, which is what `kubectl get` shows.

A client asks with `Accept: application/json;as=Table;v=v1;g=meta.k8s.io`. Columns and
cells are in the modules beside this one, one for each family of kinds.
Source: pkg/printers/internalversion/printers.go (columns), pkg/printers/storage/storage.go (TableConvertor),
apiserver/pkg/endpoints/handlers/response.go (what a row carries of its object).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from statelab.controlplane.apiserver.encoding import schemas
from statelab.controlplane.apiserver.printing import custom, printers
from statelab.controlplane.errors import bad_request
from statelab.controlplane.kinds import Kind, Object


def columns(kind: Kind | str) -> list[Object]:
    """The column definitions of the table of a kind, or of a built-in one's plural."""
    if isinstance(kind, Kind) and kind.custom is not None:
        return custom.columns(kind)
    return _columns(kind if isinstance(kind, str) else kind.plural)


@lru_cache(maxsize=64)
def _columns(plural: str) -> list[Object]:
    return [
        {
            "name": name,
            "type": kind,
            "format": "name" if name == "Name" else "",
            "description": _description(description),
            "priority": priority,
        }
        for name, kind, priority, description in printers.printer_of(plural).columns
    ]


def _description(text: str) -> str:
    definition, _, field = text.partition("#")
    if not field:
        return text
    found: str = schemas.definition(definition)["properties"][field]["description"]
    return found


def table(
    kind: Kind | str,
    objects: Sequence[Object],
    now_s: float,
    include_object: str = "Metadata",
    *,
    resource_version: str = "",
    continue_token: str = "",
    remaining: int | None = None,
    headers: bool = True,
    version: str = "v1",
) -> Object:
    """The table of some objects of a kind. `now_s` (seconds since the Unix epoch) is what ages are counted to.

    `headers` False leaves the columns out, as in every event of a watch but the first. `version` is that of
    meta.k8s.io. Raises ApiError 400 for an `include_object` that is not one.
    """
    if include_object not in ("", "None", "Metadata", "Object"):
        raise bad_request(f'unrecognized includeObject value: "{include_object}"')
    if objects and objects[0].get("kind") == "Scale":  # the scale subresource of a workload
        kind = "scales"
    metadata: Object = {"resourceVersion": resource_version} if resource_version else {}
    if continue_token:
        metadata["continue"] = continue_token
    if remaining is not None:
        metadata["remainingItemCount"] = remaining
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": metadata,
        "columnDefinitions": columns(kind) if headers else None,
        "rows": [_row(kind, obj, now_s, include_object, version) for obj in objects],
    }


def _row(kind: Kind | str, obj: Object, now_s: float, include_object: str, version: str) -> Object:
    if isinstance(kind, Kind) and kind.custom is not None:
        return {"cells": custom.cells(kind, obj, now_s), "object": _shown(obj, include_object, version)}
    plural = kind if isinstance(kind, str) else kind.plural
    row: Object = {"cells": printers.cells(plural, obj, now_s)}
    conditions = printers.row_conditions(plural, obj)
    if conditions:
        row["conditions"] = conditions
    row["object"] = _shown(obj, include_object, version)
    return row


def _shown(obj: Object, include_object: str, version: str) -> Any:
    if include_object == "Object":
        return obj
    if include_object == "None":
        return None
    return partial_metadata(obj, version)


def partial_metadata(obj: Object, version: str = "v1") -> Object:
    """An object reduced to its metadata, also what `Accept: …;as=PartialObjectMetadata` asks for."""
    return {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{version}", "metadata": obj["metadata"]}
