"""What an answer looks like: an object, a list, a table, only metadata, a line of a watch; as JSON or as YAML.

Source: apiserver/pkg/endpoints/handlers/response.go, responsewriters/writers.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from statelab.controlplane import errors
from statelab.controlplane.apiserver.encoding.negotiation import Form
from statelab.controlplane.apiserver.encoding.request import Request, Response
from statelab.controlplane.apiserver.printing import table
from statelab.controlplane.apiserver.registry.listing import Page
from statelab.controlplane.errors import FieldError
from statelab.controlplane.kinds import Kind, Object
from statelab.controlplane.store import Store
from statelab.reader import jsonbytes

OBJECT_VIEWS = ("Table", "PartialObjectMetadata")
LIST_VIEWS = ("Table", "PartialObjectMetadataList")
_INCLUDE = ("None", "Metadata", "Object")
_BROWSERS = ("curl", "Wget", "Mozilla/5.0")  # who is shown indented JSON without asking


def json_response(value: Any, code: int = 200) -> Response:
    return Response(code, jsonbytes.dumps(value))


def encoded(request: Request, value: Any, code: int, form: Form) -> Response:
    """`value` in the media type of `form`, indented when a person looks at it."""
    if form.media_type == "application/yaml":
        import yaml  # on demand: few ask for it, and it takes a while to import

        text = yaml.dump(value, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=True)
        return Response(code, text.encode(), "application/yaml")
    pretty = request.first("pretty")
    wanted = pretty not in ("", "0", "false") or (
        not pretty and request.headers.get("user-agent", "").startswith(_BROWSERS)
    )
    return Response(code, jsonbytes.dumps(value, option=jsonbytes.OPT_INDENT_2 if wanted else None))


def in_version(kind: Kind, obj: Object) -> Object:
    """An object as this version of its kind shows it: custom ones with new defaults, and this version's name."""
    if kind.custom is None or obj.get("kind") != kind.name:
        return obj
    return kind.custom.shown(kind.custom.converted(obj, kind.api_version))  # type: ignore[no-any-return]


def of_object(request: Request, kind: Kind, obj: Object, code: int, form: Form, now_s: float) -> Response:
    if form.what == "Table" and obj.get("kind") != "Status":
        shown = _table(request, kind, [obj], form, now_s)
        shown["metadata"] = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        return encoded(request, shown, code, form)
    if form.what == "PartialObjectMetadata" and obj.get("kind") != "Status":
        return encoded(request, table.partial_metadata(obj, form.version), code, form)
    return encoded(request, obj, code, form)


def of_list(request: Request, kind: Kind, page: Page, form: Form, now_s: float) -> Response:
    metadata: Object = {"resourceVersion": page.resource_version}
    if page.continue_token:
        metadata["continue"] = page.continue_token
    if page.remaining is not None:
        metadata["remainingItemCount"] = page.remaining
    if form.what == "Table":
        shown = _table(request, kind, page.items, form, now_s)
        return encoded(request, {**shown, "metadata": metadata}, 200, form)
    if form.what == "PartialObjectMetadataList":
        what = {"kind": "PartialObjectMetadataList", "apiVersion": form.api_version, "metadata": metadata}
        return encoded(
            request, {**what, "items": [table.partial_metadata(obj, form.version) for obj in page.items]}, 200, form
        )
    # The members of a typed list do not repeat what they are: the list says it.
    if kind.custom is not None:
        items = [in_version(kind, obj) for obj in page.items]
    else:
        items = [{name: obj[name] for name in obj if name not in ("kind", "apiVersion")} for obj in page.items]
    what = {"kind": kind.list_name, "apiVersion": kind.api_version, "metadata": metadata}
    return encoded(request, {**what, "items": items}, 200, form)


def event_line(type: str, obj: Object) -> bytes:
    return jsonbytes.dumps({"type": type, "object": obj}, option=jsonbytes.OPT_APPEND_NEWLINE)


def event_encoder(
    store: Store, kind: Kind, form: Form, request: Request, now_s: Callable[[], float]
) -> Callable[[str, Object], bytes]:
    """What makes a line of a watch out of an event. Of tables, only the first tells its columns."""
    if form.what == "Table":
        _include(request)
        told: list[bool] = []

        def as_table(type: str, obj: Object) -> bytes:
            if type in ("BOOKMARK", "ERROR"):
                if type == "BOOKMARK":
                    obj = {"kind": "Table", "apiVersion": form.api_version, "metadata": obj["metadata"], "rows": []}
                return event_line(type, obj)
            shown = _table(request, kind, [obj], form, now_s(), headers=not told)
            told.append(True)
            shown["metadata"] = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
            return event_line(type, shown)

        return as_table
    if form.what:
        return lambda type, obj: event_line(type, obj if type == "ERROR" else table.partial_metadata(obj, form.version))

    def as_is(type: str, obj: Object) -> bytes:
        if type in ("BOOKMARK", "ERROR"):
            return event_line(type, obj)
        try:
            shown = in_version(kind, obj)
        except errors.ApiError as error:  # of a webhook that cannot be asked: a watch tells it as an event
            return event_line("ERROR", error.status())
        if shown is not obj:
            return event_line(type, shown)
        return b'{"type":"' + type.encode() + b'","object":' + store.encoded(obj) + b"}\n"

    return as_is


def _table(
    request: Request, kind: Kind, objects: list[Object], form: Form, now_s: float, *, headers: bool = True
) -> Object:
    include = _include(request)
    return table.table(kind, objects, now_s, include, headers=headers, version=form.version)


def _include(request: Request) -> str:
    """Source: apis/meta/v1beta1/validation ValidateTableOptions."""
    include = request.first("includeObject")
    if include not in ("", *_INCLUDE):
        known = ", ".join(f'"{each}"' for each in ("Metadata", "None", "Object", ""))
        message = f'Unsupported value: "{include}": supported values: {known}'
        finding = FieldError("includeObject", "FieldValueNotSupported", message)
        raise errors.invalid(Kind("meta.k8s.io", "v1", "TableOptions", ""), "", [finding])
    return include or "Metadata"
