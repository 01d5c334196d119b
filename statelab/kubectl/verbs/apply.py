"""kubectl apply. Source: pkg/cmd/apply/apply.go, patcher.go."""

from __future__ import annotations

import json
from typing import Any

from statelab.kubectl import gojson
from statelab.kubectl.api import PATCHES, Object, Steps
from statelab.kubectl.builder import Info, file_infos, resource_text, wrong_name
from statelab.kubectl.call import Call
from statelab.kubectl.gotext import quote
from statelab.kubectl.printing import group_kind, printer, split_format
from statelab.kubectl.problems import Fail, Refused, UsageFail, raise_all
from statelab.kubectl.three_way import schema_of, three_way
from statelab.kubectl.verbs.common import LAST_APPLIED, until_gone
from statelab.kubectl.verbs.delete import propagation

_CONFLICT = """
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts"""


def apply(call: Call) -> Steps[None]:
    flags = call.flags
    if call.args:
        raise UsageFail(f"Unexpected args: {shown_args(call.args)}", "apply")
    if not flags.all("filename") and not flags.text("kustomize"):
        raise Fail("must specify one of -f and -k")
    if flags.all("filename") and flags.text("kustomize"):
        raise Fail("only one of -f or -k can be specified")
    if flags.on("prune"):
        raise Fail(
            "--prune is not simulated here: it deletes what the files no longer name. Delete those objects by name, or "
            "try it on a cluster made with kind"
        )
    server = flags.on("server-side")
    if server and call.dry_run == "client":
        raise Fail("--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)")
    if flags.on("force") and server:
        raise Fail("--force cannot be used with --server-side")
    if flags.on("force-conflicts") and not server:
        raise Fail("--force-conflicts only works with --server-side")
    propagation(flags.text("cascade"))
    errors: list[Exception] = []
    infos: list[Info] = []
    for each in file_infos(call, flags.all("filename"), flags.text("kustomize"), flags.text("selector")):
        if isinstance(each, Info):
            infos.append(each)
        else:
            errors.append(validated(call, each))
    if not infos and not errors:
        raise Fail("no objects passed to apply")
    applied: list[Object] = []
    for info in infos:
        try:
            if server:
                applied.append(_server_side(call, info))
            else:
                applied.append((yield from _client_side(call, info)))
        except (Fail, Refused) as error:
            errors.append(error)
    _print_list(call, applied)
    raise_all(errors)


def shown_args(args: list[str]) -> str:
    return f"[{' '.join(args)}]"


def validated(call: Call, error: Exception) -> Exception:
    """What cannot be applied, in the words of the validation that stands before it."""
    message = str(error)
    if message.startswith("unable to decode") and "Object 'Kind' is missing" in message:
        source = message.split('"')[1]
        return (
            Fail(
                f"error validating {quote(source)}: error validating data: kind not set; if you choose to ignore "
                "these errors, "
                "turn validation off with --validate=false"
            )
            if call.flags.text("validate") not in ("false", "ignore")
            else error
        )
    if "unstructured.detector" in message and call.flags.text("validate") not in ("false", "ignore"):
        return Fail(
            f"error validating {quote(message.split(chr(34))[1])}: error validating data: invalid object to validate; "
            "if you choose to ignore these errors, turn validation off with --validate=false"
        )
    is_unknown = message.startswith("resource mapping not found")
    if is_unknown and call.flags.text("validate") not in ("false", "ignore") and _is_served(call, message):
        try:
            call.request("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
        except Refused as refused:
            source = message.partition(" from ")[2].partition(":")[0].strip('"')
            return Fail(
                f"error validating {quote(source)}: error validating data: failed to check CRD: failed to list CRDs: "
                f"{refused.message}; if you choose to ignore these errors, turn validation off with --validate=false"
            )
    return error


def _is_served(call: Call, message: str) -> bool:
    """Whether the server has that group and version at all, though not that kind."""
    version = message.partition(" in version ")[2].partition("\n")[0].strip('"')
    return any(each.api_version == version for each in call.mapper.all)


def _say(call: Call, info: Info, obj: Object, what: str) -> None:
    form = call.flags.text("output")
    if form in ("", "name") and not call.flags.text("template"):
        note = "" if form else f" {what}{call.dry_run_note}"
        call.out(f"{info.shown}{note}\n")


def _print_list(call: Call, applied: list[Object]) -> None:
    form, _ = split_format(call.flags.text("output"))
    if (form in ("", "name") and not call.flags.text("template")) or not applied:
        return
    printed = printer(call)
    if printed is None:
        return
    if len(applied) == 1:
        call.out(printed(applied[0]))
    else:
        call.out(printed({"apiVersion": "v1", "items": applied, "kind": "List", "metadata": {}}))


def with_annotation(obj: Object) -> Object:
    """The object with itself in the annotation that says what was applied last."""
    metadata = dict(obj.get("metadata") or {})
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != LAST_APPLIED}
    bare = {**obj, "metadata": {**metadata, "annotations": annotations}}
    text = gojson.compact(bare) + "\n"
    return {**obj, "metadata": {**metadata, "annotations": {**annotations, LAST_APPLIED: text}}}


def last_applied(live: Object) -> Object:
    """What was applied last; {} where nothing, or nothing that can be read, is said."""
    text = ((live.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


_RETRIEVING = "error when retrieving current configuration of:\n{about}\nfrom server for: {source}: "


def _client_side(call: Call, info: Info) -> Steps[Object]:
    new = with_annotation(info.object)
    if not info.name:
        generated = (info.object.get("metadata") or {}).get("generateName")
        if generated:
            raise Fail(f"from {generated}: cannot use generate name with apply")
        raise Fail(f"{_RETRIEVING.format(about=_described(info), source=quote(info.source))}{wrong_name('')}")
    try:
        live = call.get(info.resource, info.namespace, info.name)
    except Refused as refused:
        if refused.reason != "NotFound":
            raise refused.about(_RETRIEVING.format(about=_described(info), source=quote(info.source))) from None
        return _create(call, info, new)
    metadata = live.get("metadata") or {}
    annotated = LAST_APPLIED in (metadata.get("annotations") or {})
    if (not annotated and call.dry_run != "client") or not annotated:
        call.err(_missing(info))
    if metadata.get("deletionTimestamp"):
        call.err(f"Warning: Detected changes to resource {info.name} which is currently being deleted.\n")
    schema = schema_of(info.resource.api_version, info.resource.kind)
    patch = three_way(last_applied(live), new, live, schema)
    if not patch:
        _say(call, info, live, "unchanged")
        return live
    if call.dry_run == "client":
        _say(call, info, live, "configured")
        return live
    kind = "strategic" if schema is not None else "merge"
    try:
        done: Object = call.request("PATCH", info.path, call.write_params(), patch, content_type=PATCHES[kind])
    except Refused as refused:
        if call.flags.on("force") and refused.reason in ("Conflict", "Invalid", "AlreadyExists"):
            return (yield from _replaced(call, info, new, live))
        raise refused.about(
            f"error when applying patch:\n{gojson.compact(patch)}\nto:\n{_described(info)}\nfor: {quote(info.source)}: "
        ) from None
    _say(call, info, done, "unchanged" if _same(done, live) and not patch else "configured")
    return done


def _same(left: Object, right: Object) -> bool:
    return bool(left["metadata"].get("resourceVersion") == right["metadata"].get("resourceVersion"))


def _missing(info: Info) -> str:
    return (
        f"Warning: resource {info.resource.plural}/{info.name} is missing the {LAST_APPLIED} annotation which is "
        "required "
        "by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl "
        "create "
        "--save-config or kubectl apply. The missing annotation will be patched automatically.\n"
    )


def _described(info: Info) -> str:
    resource = info.resource
    gv = f"{resource.group}/{resource.version}"
    return (
        f"Resource: {quote(resource_text(resource))}, GroupVersionKind: {quote(f'{gv}, Kind={resource.kind}')}\n"
        f"Name: {quote(info.name)}, Namespace: {quote(info.namespace)}"
    )


def _create(call: Call, info: Info, new: Object) -> Object:
    created = new
    if call.dry_run != "client":
        try:
            created = call.request("POST", info.resource.path(info.namespace), call.write_params(), new)
        except Refused as refused:
            raise refused.about(f"error when creating {quote(info.source)}: ") from None
    _say(call, info, created, "created")
    return created


def _replaced(call: Call, info: Info, new: Object, live: Object) -> Steps[Object]:
    """--force: delete, wait, create."""
    options: Object = {"propagationPolicy": "Background"}
    call.request("DELETE", info.path, None, options)
    yield from until_gone(call, [info], {info.path: live["metadata"]["uid"]}, call.flags.seconds("timeout"))
    return _create(call, info, new)


def _server_side(call: Call, info: Info) -> Object:
    flags = call.flags
    params = call.write_params(force="true" if flags.on("force-conflicts") else "")
    if not flags.has("field-manager"):
        params["fieldManager"] = "kubectl"
    try:
        done: Object = call.request("PATCH", info.path, params, info.object, content_type=PATCHES["apply"])
    except Refused as refused:
        if refused.reason == "Conflict":
            raise Fail(f"{refused.message}{_CONFLICT}") from None
        raise
    if LAST_APPLIED in (done["metadata"].get("annotations") or {}) and params["fieldManager"] == "kubectl":
        annotation = with_annotation(info.object)["metadata"]["annotations"][LAST_APPLIED]
        note: Any = {
            "apiVersion": info.object["apiVersion"],
            "kind": info.object["kind"],
            "metadata": {"name": info.name, "annotations": {LAST_APPLIED: annotation}},
        }
        if info.namespace:
            note["metadata"]["namespace"] = info.namespace
        params = {**params, "fieldManager": "kubectl-last-applied", "force": "true"}
        done = call.request("PATCH", info.path, params, note, content_type=PATCHES["apply"])
    _say(call, info, done, "serverside-applied")
    return done


__all__ = ["apply", "group_kind", "last_applied", "shown_args", "validated", "with_annotation"]
