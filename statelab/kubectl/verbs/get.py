"""kubectl get: the server's tables, or the objects in a form of one's own. Source: pkg/cmd/get/get.go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from statelab.kubectl import gojson
from statelab.kubectl.api import JSON, TABLE, Object, Pause, Steps
from statelab.kubectl.builder import Info, file_infos, resource_text, types_and_names, wrong_name
from statelab.kubectl.call import Call
from statelab.kubectl.gotext import aligned, quote
from statelab.kubectl.jsonpath import JsonPath
from statelab.kubectl.jsonpath_template import JsonPathError, relaxed
from statelab.kubectl.printing import CustomColumns, printer, split_format
from statelab.kubectl.problems import Fail, Refused, UsageFail, raise_all
from statelab.kubectl.resources import Resource

WATCH_S = 60.0  # how long -w follows where nobody is there to end it


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One request: a collection ("" as name) or an object."""

    resource: Resource
    namespace: str
    name: str = ""


def get(call: Call) -> Steps[None]:
    flags = call.flags
    if flags.text("raw"):
        _raw(call)
        return
    form, argument = split_format(flags.text("output"))
    wanted, errors, single = _wanted(call)
    if flags.on("watch") or flags.on("watch-only"):
        yield from _watch(call, wanted)
        return
    if form in ("", "wide") and not flags.text("template"):
        _tables(call, wanted, errors)
    else:
        _objects(call, wanted, errors, single, form, argument)


def _raw(call: Call) -> None:
    body = call.request("GET", call.flags.text("raw"), is_raw=True)
    call.out(body if isinstance(body, str) else gojson.compact(body, sort=False, escape=False))


def _wanted(call: Call) -> tuple[list[_Wanted], list[Exception], bool]:
    """What is asked for; and whether exactly one object is. Raises Fail."""
    flags, words = call.flags, call.args
    if flags.all("filename") or flags.text("kustomize"):
        if words:
            raise Fail(
                "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well"
            )
        found, errors = [], []
        for each in file_infos(call, flags.all("filename"), flags.text("kustomize"), flags.text("selector")):
            if isinstance(each, Info):
                found.append(_Wanted(each.resource, each.namespace, each.name))
            else:
                errors.append(each)
        return found, errors, len(found) == 1
    if not words:
        call.err(
            'You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of '
            "supported "
            "resources.\n\n"
        )
        raise UsageFail(
            'Required resource not specified.\nUse "kubectl explain <resource>" for a detailed description of that '
            "resource (e.g. kubectl explain pods).",
            "get",
        )
    pairs, types, names = types_and_names(call, words)
    selects = bool(flags.text("selector") or flags.text("field-selector"))
    if pairs and selects:
        raise Fail("selectors and the all flag cannot be used when passing resource/name arguments")
    if names and selects:
        raise Fail("name cannot be provided when a selector is specified")
    if names:
        pairs = [(type, name) for type in types for name in names]
    if pairs:
        return _pairs(call, pairs)
    resources = [_of_type(call, each) for each in types]
    return (
        [_Wanted(each, "" if call.everywhere or not each.namespaced else call.namespace) for each in resources],
        [],
        False,
    )


def _pairs(call: Call, pairs: Sequence[tuple[str, str]]) -> tuple[list[_Wanted], list[Exception], bool]:
    found: list[_Wanted] = []
    errors: list[Exception] = []
    resources = [(_of_type(call, type), name) for type, name in pairs]
    for resource, name in resources:
        if call.everywhere and resource.namespaced:
            raise Fail("a resource cannot be retrieved by name across all namespaces")
        wrong = wrong_name(name)
        if wrong:
            errors.append(Fail(wrong))
        else:
            found.append(_Wanted(resource, call.namespace if resource.namespaced else "", name))
    return found, errors, len(pairs) == 1


def _of_type(call: Call, type: str) -> Resource:
    return call.mapper.find(type)


def _params(call: Call, wanted: _Wanted) -> dict[str, str]:
    if wanted.name:
        return {}
    params = {"limit": call.flags.text("chunk-size")}
    if call.flags.text("selector"):
        params["labelSelector"] = call.flags.text("selector")
    if call.flags.text("field-selector"):
        params["fieldSelector"] = call.flags.text("field-selector")
    return params


def _fetch(call: Call, wanted: _Wanted, accept: str, **more: str) -> Any:
    subresource = call.flags.text("subresource")
    params = {**_params(call, wanted), **more}
    try:
        return call.request(
            "GET", wanted.resource.path(wanted.namespace, wanted.name, subresource), params, accept=accept
        )
    except Refused as refused:
        if wanted.name:
            raise call.of_namespace(refused, wanted.namespace) from None
        if refused.reason not in ("BadRequest", "NotFound"):
            raise
        label, field = call.flags.text("selector"), call.flags.text("field-selector")
        if not label and not field:
            raise Refused(refused.status, f"Unable to list {quote(resource_text(wanted.resource))}: ") from None
        raise refused.about(
            f"Unable to find {quote(resource_text(wanted.resource))} that match label selector {quote(label)}, field "
            f"selector {quote(field)}: "
        ) from None


def _is_ignored(call: Call, error: Exception) -> bool:
    return isinstance(error, Refused) and error.reason == "NotFound" and call.flags.on("ignore-not-found")


# ---- objects


def _objects(
    call: Call, wanted: Sequence[_Wanted], errors: list[Exception], single: bool, form: str, argument: str
) -> None:
    columns = _columns(call, form, argument)
    printed = None if columns else printer(call, get=True)
    objects: list[Object] = []
    for each in wanted:
        try:
            body = _fetch(call, each, JSON)
        except Refused as refused:
            if not _is_ignored(call, refused):
                errors.append(refused)
            continue
        if each.name:
            objects.append(body)
        else:
            kind = {"apiVersion": each.resource.api_version, "kind": each.resource.kind}
            objects += [{**kind, **item} for item in body["items"] or ()]
    if single and errors:
        raise_all(errors)
    if not objects and call.flags.on("ignore-not-found"):
        raise_all(errors)
        return
    objects = _sorted(call, objects)
    if columns:
        call.out(columns.text(objects))
    elif printed is not None:
        if single and len(objects) == 1:
            call.out(printed(objects[0]))
        else:
            metadata = {"resourceVersion": ""}
            call.out(printed({"apiVersion": "v1", "items": objects, "kind": "List", "metadata": metadata}))
    raise_all(errors)


def _columns(call: Call, form: str, argument: str) -> CustomColumns | None:
    headers = not call.flags.on("no-headers")
    if form == "custom-columns":
        return CustomColumns(argument, headers=headers)
    if form == "custom-columns-file":
        return CustomColumns.from_file(call.files.read(argument).decode("utf-8", "replace"), headers=headers)
    return None


def _sorted(call: Call, objects: list[Object]) -> list[Object]:
    by = call.flags.text("sort-by")
    if not by or not objects:
        return objects
    key = _sort_key(by)
    return [each for _, each in sorted(zip(map(key, objects), objects, strict=True), key=lambda pair: pair[0])]


def _sort_key(by: str) -> Callable[[Object], tuple[Any, ...]]:
    try:
        path = JsonPath(relaxed(by))
    except JsonPathError as error:
        raise Fail(str(error)) from None

    def key(obj: Object) -> tuple[Any, ...]:
        try:
            found = [value for part in path.results(obj) for value in part]
        except JsonPathError as error:
            raise Fail(str(error)) from None
        return comparable(found[0] if found else None)

    return key


def comparable(value: Any) -> tuple[Any, ...]:
    """A sort key of any value: nothing first, numbers and quantities by size, texts by their letters."""
    from statelab.controlplane import quantity

    if value is None:
        return (0,)
    if isinstance(value, bool):
        return (1, int(value))
    if isinstance(value, int | float):
        return (1, value)
    if isinstance(value, str):
        try:
            return (1, quantity.nanos(value) / 1e9) if value[:1].isdigit() and "T" not in value else (2, value)
        except (ValueError, ArithmeticError):
            return (2, value)
    return (3, gojson.compact(value))


# ---- tables


def _tables(call: Call, wanted: Sequence[_Wanted], errors: list[Exception]) -> None:
    include = {"includeObject": "Object"} if call.flags.text("sort-by") else {}
    found: list[tuple[_Wanted, Object]] = []
    for each in wanted:
        try:
            found.append((each, _fetch(call, each, TABLE, **include)))
        except Refused as refused:
            if not _is_ignored(call, refused):
                errors.append(refused)
    with_kind = call.flags.on("show-kind") or len({each.resource for each, _ in found}) > 1
    groups: list[tuple[Resource, list[str]]] = []
    for each, body in found:
        lines = list(_lines(call, each.resource, body, with_kind, first=not groups or groups[-1][0] != each.resource))
        if not lines:
            continue
        if groups and groups[-1][0] == each.resource:
            groups[-1][1].extend(lines)
        else:
            groups.append((each.resource, lines))
    blank = "" if call.flags.on("no-headers") else "\n"
    call.out(blank.join(aligned(lines) for _, lines in groups))
    if not groups and not errors and not call.flags.on("ignore-not-found"):
        if all(each.resource.namespaced for each in wanted) and not call.everywhere:
            call.err(f"No resources found in {call.namespace} namespace.\n")
        else:
            call.err("No resources found\n")
    raise_all(errors)


def _lines(call: Call, resource: Resource, body: Object, with_kind: bool, *, first: bool) -> Iterator[str]:
    """A table's lines, cells divided by tabs; its header where it is the first of its resource."""
    flags = call.flags
    if body.get("kind") != "Table":
        yield from _without_table(body, first and not flags.on("no-headers"))
        return
    rows = body.get("rows") or []
    if not rows:
        return
    if flags.text("sort-by"):
        key = _sort_key(flags.text("sort-by"))
        keys = [key(row["object"]) for row in rows]
        if all(each == (0,) for each in keys):
            return
        rows = [row for _, row in sorted(zip(keys, rows, strict=True), key=lambda pair: pair[0])]
    wide = flags.text("output") == "wide"
    columns = body["columnDefinitions"]
    shown = [number for number, column in enumerate(columns) if wide or not column.get("priority")]
    labels = flags.all("label-columns")
    if first and not flags.on("no-headers"):
        header = ["NAMESPACE"] if call.everywhere and resource.namespaced else []
        header += [str(columns[number]["name"]).upper() for number in shown]
        header += [label.rpartition("/")[2].upper() for label in labels]
        header += ["LABELS"] if flags.on("show-labels") else []
        yield "\t".join(header)
    names = [number for number in shown if columns[number].get("format") == "name"] or [0]
    for row in rows:
        metadata = (row.get("object") or {}).get("metadata") or {}
        cells = [_cell(row["cells"][number]) for number in shown]
        if with_kind:
            at = shown.index(names[0])
            cells[at] = f"{resource.group_kind}/{cells[at]}"
        if call.everywhere and resource.namespaced:
            cells.insert(0, metadata.get("namespace", ""))
        has = metadata.get("labels") or {}
        cells += [str(has.get(label, "")) for label in labels]
        if flags.on("show-labels"):
            cells.append(",".join(f"{key}={has[key]}" for key in sorted(has)) or "<none>")
        yield "\t".join(cells)


def _without_table(body: Object, header: bool) -> Iterator[str]:
    """A server that gives no table: names and nothing else."""
    if header:
        yield "NAME\tAGE"
    for each in body.get("items", [body]):
        yield f"{each['metadata']['name']}\t<unknown>"


def _cell(value: Any) -> str:
    text = gojson.shown(value) if value is not None else ""  # a column that this object has nothing for
    for char in "\n\r\f":
        head, found, _ = text.partition(char)
        text = head + "..." if found else text
    return text.replace("\t", " ")


# ---- following


def _watch(call: Call, wanted: Sequence[_Wanted]) -> Steps[None]:
    """Print what is there, then each change, for WATCH_S or --request-timeout: there is nobody to press Ctrl-C."""
    if len({each.resource for each in wanted}) != 1 or len(wanted) != 1:
        raise Fail("you may only specify a single resource type")
    one = wanted[0]
    form, argument = split_format(call.flags.text("output"))
    columns = _columns(call, form, argument)
    as_table = form in ("", "wide")
    printed = None if as_table or columns else printer(call, get=True)
    accept = TABLE if as_table else JSON
    params = dict(_params(call, one))
    params.pop("limit", None)
    if one.name:
        params["fieldSelector"] = f"metadata.name={one.name}"
    first = _fetch(call, one, accept)
    version = (first.get("metadata") or {}).get("resourceVersion")
    widths: dict[int, int] = {}
    defined = first.get("columnDefinitions")
    events = call.flags.on("output-watch-events")
    is_first = True

    def show(type: str, obj: Object) -> None:
        nonlocal is_first
        if as_table:
            if obj.get("kind") == "Table" and not obj.get("columnDefinitions"):
                obj = {**obj, "columnDefinitions": defined}  # only the first table of a watch says its columns
            lines = list(_lines(call, one.resource, obj, call.flags.on("show-kind"), first=is_first))
            if events:
                head = 1 if is_first and lines and not call.flags.on("no-headers") else 0
                lines = [f"EVENT\t{line}" for line in lines[:head]] + [f"{type}\t{line}" for line in lines[head:]]
            is_first = is_first and not lines
            call.out(aligned(lines, widths=widths))
        elif columns:
            call.out(aligned(([columns.header()] if is_first and columns.headers else []) + [columns.row(obj)]))
            is_first = False
        elif printed is not None:
            call.out(printed({"type": type, "object": obj}) if events and form in ("json", "yaml") else printed(obj))

    if not call.flags.on("watch-only"):
        for obj in [first] if one.name or as_table else first["items"]:
            kind = {"apiVersion": one.resource.api_version, "kind": one.resource.kind}
            show("ADDED", obj if as_table else {**kind, **obj})
    params["resourceVersion"] = str(version or "")
    ends_s = call.api.now_s + _watch_s(call)
    stream = call.api.watch(one.resource.path(one.namespace), params, accept)
    try:
        while (left_s := ends_s - call.api.now_s) > 0 and not stream.is_over:
            box: list[Any] = []

            def has_come(box: list[Any] = box) -> bool:
                box.extend(stream.taken())
                return bool(box) or stream.is_over

            yield Pause(has_come, left_s)
            for event in box:
                show(event["type"], event["object"])
    finally:
        stream.close()
    call.err(f"(followed for {_watch_s(call):.0f} s; --request-timeout=… follows longer)\n")


def _watch_s(call: Call) -> float:
    from statelab.kubectl.flags import duration_s

    said = call.flags.text("request-timeout")
    return min(duration_s(said) or float(said if said.isdigit() else 0) or WATCH_S, 3600.0)
