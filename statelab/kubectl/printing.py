"""The forms of -o: yaml, json, name, jsonpath, go-template, custom-columns.

Source: cli-runtime/pkg/printers, kubectl get.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from typing import Any

from statelab.kubectl import gojson, goyaml
from statelab.kubectl.api import Object
from statelab.kubectl.call import Call
from statelab.kubectl.gotext import aligned, quote
from statelab.kubectl.jsonpath import JsonPath
from statelab.kubectl.jsonpath_template import JsonPathError, relaxed
from statelab.kubectl.problems import Fail

Print = Callable[[Object], str]

_JSONPATH = ("jsonpath", "jsonpath-as-json", "jsonpath-file")
_TEMPLATE = ("go-template", "go-template-file", "template", "templatefile")
_ANY_CASE = ("json", "yaml", "kyaml", "name")
_ALLOWED = (
    "go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,yaml"
)
_ALLOWED_GET = (
    "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,"
    "kyaml,name,template,templatefile,wide,yaml"
)


def split_format(said: str) -> tuple[str, str]:
    """("jsonpath", "{.x}") of "jsonpath={.x}"."""
    form, _, argument = said.partition("=")
    return form, argument


def printer(call: Call, *, get: bool = False, show_managed: bool | None = None, sort: bool = True) -> Print | None:
    """How the objects of a line are printed by its -o; None where that is none of these forms. Raises Fail."""
    said = call.flags.text("output")
    template = call.flags.text("template") if "template" in call.flags.known else ""
    if not said and template:
        said = "go-template"
    if not said:
        return None
    form, argument = split_format(said)
    form = form.lower() if form.lower() in _ANY_CASE else form
    managed = call.flags.on("show-managed-fields") if show_managed is None else show_managed
    if form == "wide" and get:
        return None
    if form == "json":
        return lambda obj: gojson.indented(_bare(obj, managed), sort=sort)
    if form == "yaml":
        return Documents(lambda obj: goyaml.written(_bare(obj, managed)))
    if form == "kyaml":
        raise Fail("-o kyaml is not simulated here; -o yaml says the same. On a machine with kubectl: try it on kind")
    if form == "name":
        return _name
    if form in _JSONPATH:
        return _jsonpath(call, form, argument or template)
    if form in _TEMPLATE:
        return _template(call, form, argument or template)
    if get and form in ("custom-columns", "custom-columns-file"):
        return None
    raise Fail(
        f"unable to match a printer suitable for the output format {quote(said)}, allowed formats are: "
        f"{_ALLOWED_GET if get else _ALLOWED}"
    )


class Documents:
    """YAML of several objects: `---` stands between them."""

    def __init__(self, one: Print) -> None:
        self._one = one
        self._count = 0

    def __call__(self, obj: Object) -> str:
        self._count += 1
        return ("---\n" if self._count > 1 else "") + self._one(obj)


def _bare(obj: Object, managed: bool) -> Object:
    """Without metadata.managedFields, the items of a list too."""
    if managed:
        return obj
    if isinstance(obj.get("items"), list):
        obj = {**obj, "items": [_bare(each, False) if isinstance(each, dict) else each for each in obj["items"]]}
    metadata = obj.get("metadata")
    if isinstance(metadata, dict) and "managedFields" in metadata:
        return {**obj, "metadata": {key: value for key, value in metadata.items() if key != "managedFields"}}
    return obj


def group_kind(obj: Object) -> str:
    """`statefulset.apps` of an object."""
    group = obj.get("apiVersion", "").rpartition("/")[0]
    kind = str(obj.get("kind", "")).lower()
    return f"{kind}.{group}" if group else kind


def _name(obj: Object) -> str:
    if isinstance(obj.get("items"), list) and str(obj.get("kind", "")).endswith("List"):
        return "".join(_name(each) for each in obj["items"])
    return f"{group_kind(obj)}/{obj['metadata'].get('name') or '<unknown>'}\n"


def _jsonpath(call: Call, form: str, template: str) -> Print:
    if form == "jsonpath-file":
        template = call.files.read(template).decode("utf-8", "replace")
    if not template:
        raise Fail("template format specified but no template given")
    try:
        path = JsonPath(template, allow_missing=call.flags.on("allow-missing-template-keys"))
    except JsonPathError as error:
        raise Fail(f"error parsing jsonpath {template}, {error}") from None

    def printed(obj: Object) -> str:
        try:
            if form == "jsonpath-as-json":
                return "".join(gojson.indented(found) for found in path.results(obj))
            return path.text(obj)
        except JsonPathError as error:
            raise Fail(
                f"error executing jsonpath {quote(template)}: Error executing template: {error}. Printing more "
                f"information for debugging the template:\n\ttemplate was:\n\t\t{template}\n\tobject given to jsonpath "
                f"engine was:\n\t\t{gojson.syntax(obj)}\n\n\n"
            ) from None

    return printed


def _template(call: Call, form: str, template: str) -> Print:
    from statelab.kubectl.gotemplate import Template, TemplateError

    if form in ("go-template-file", "templatefile"):
        template = call.files.read(template).decode("utf-8", "replace")
    if not template:
        raise Fail("template format specified but no template given")
    try:
        parsed = Template(template, allow_missing=call.flags.on("allow-missing-template-keys"))
    except TemplateError as error:
        raise Fail(f"error parsing template {template}, {error}") from None

    def printed(obj: Object) -> str:
        try:
            return parsed.text(obj)
        except TemplateError as error:
            raise Fail(f"error executing template {quote(template)}: {error}", 1) from None

    return printed


# ---- custom columns


class CustomColumns:
    """-o custom-columns: headers, and a JSONPath for each. Raises Fail."""

    def __init__(self, spec: str, *, headers: bool = True) -> None:
        if not spec:
            raise Fail("custom-columns format specified but no custom columns given")
        self.columns: list[tuple[str, JsonPath]] = []
        for part in next(csv.reader([spec], quoting=csv.QUOTE_NONE), []) if "'" not in spec else spec.split(","):
            name, colon, path = part.partition(":")
            if not colon or not path:
                raise Fail(f"unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>")
            self.columns.append((name, _column_path(path)))
        self.headers = headers

    @classmethod
    def from_file(cls, text: str, *, headers: bool = True) -> CustomColumns:
        """A file of two lines: headers, then paths."""
        lines = [line.split() for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise Fail(
                "invalid template, missing header line. Expected format is one line of space separated headers, "
                "one line of space separated column specs."
            )
        heads, paths = lines[0], lines[1]
        if len(heads) != len(paths):
            raise Fail(f"number of headers ({len(heads)}) and field specifications ({len(paths)}) don't match")
        return cls(",".join(f"{head}:{path}" for head, path in zip(heads, paths, strict=True)), headers=headers)

    def header(self) -> str:
        return "\t".join(name for name, _ in self.columns)

    def row(self, obj: Object) -> str:
        cells = []
        for _, path in self.columns:
            try:
                found = path.results(obj)
            except JsonPathError as error:
                raise Fail(str(error)) from None
            values = [gojson.shown(each) if each is not None else "<nil>" for each in (found[0] if found else [])]
            cells.append(",".join(values) if values else "<none>")
        return "\t".join(cells)

    def text(self, objects: Sequence[Object]) -> str:
        lines = [self.header()] if self.headers else []
        return aligned([*lines, *(self.row(each) for each in objects)])


def _column_path(path: str) -> JsonPath:
    try:
        return JsonPath(relaxed(path))
    except JsonPathError as error:
        raise Fail(str(error)) from None


def result(call: Call, obj: Any, operation: str, name: str = "", *, note: str | None = None, sort: bool = True) -> None:
    """Say what was done to an object: `pod/web-0 deleted`, or the object in the form that -o asks for."""
    if call.flags.text("output") or call.flags.text("template"):
        call.printed_by = call.printed_by or printer(call, sort=sort)
        call.out(call.printed_by(obj))
        return
    note = call.dry_run_note if note is None else note
    call.out(f"{group_kind(obj)}/{name or obj['metadata'].get('name') or '<unknown>'} {operation}{note}\n")
