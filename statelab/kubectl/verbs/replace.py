"""kubectl replace, and kubectl create -f. Source: pkg/cmd/replace/replace.go, pkg/cmd/create/create.go."""

from __future__ import annotations

from statelab.kubectl import gojson
from statelab.kubectl.api import Object, Steps
from statelab.kubectl.builder import Info, file_infos
from statelab.kubectl.call import Call
from statelab.kubectl.gotext import quote
from statelab.kubectl.printing import result
from statelab.kubectl.problems import Fail, Refused, UsageFail, raise_all
from statelab.kubectl.verbs.apply import last_applied, shown_args, validated, with_annotation
from statelab.kubectl.verbs.common import LAST_APPLIED, until_gone
from statelab.kubectl.verbs.delete import propagation, said


def _infos(call: Call) -> tuple[list[Info], list[Exception]]:
    flags = call.flags
    infos: list[Info] = []
    errors: list[Exception] = []
    for each in file_infos(call, flags.all("filename"), flags.text("kustomize"), flags.text("selector")):
        if isinstance(each, Info):
            infos.append(each)
        else:
            errors.append(validated(call, each))
    return infos, errors


def _saved(call: Call, obj: Object) -> Object:
    return with_annotation(obj) if call.flags.on("save-config") else obj


def raw(call: Call, method: str) -> None:
    """--raw: a file, as it is, to a path of the server. Source: pkg/rawhttp/raw.go."""
    filenames = call.flags.all("filename")
    if len(filenames) != 1:
        raise Fail("--raw can only use a single local file or stdin")
    if call.flags.text("output"):
        raise Fail("--raw and --output are mutually exclusive")
    name = filenames[0]
    body = (call.stdin or "").encode() if name == "-" else call.files.read(name)
    answer = call.request(method, call.flags.text("raw"), None, body)
    call.out(answer if isinstance(answer, str) else gojson.compact(answer, sort=False, escape=False))


def create_files(call: Call) -> None:
    flags = call.flags
    if call.args:
        raise UsageFail(f"Unexpected args: {shown_args(call.args)}", "create")
    if flags.text("raw"):
        raw(call, "POST")
        return
    if not flags.all("filename") and not flags.text("kustomize"):
        raise Fail("must specify one of -f and -k")
    if flags.on("edit"):
        raise Fail("--edit opens an editor, and there is none here: write the manifest and create it with -f")
    infos, errors = _infos(call)
    for info in infos:
        obj = _saved(call, info.object)
        try:
            if call.dry_run != "client":
                obj = call.request("POST", info.resource.path(info.namespace), call.write_params(), obj)
        except Refused as refused:
            errors.append(refused.about(f"error when creating {quote(info.source)}: "))
            continue
        result(call, obj, "created")
    if not infos and not errors:
        raise Fail("no objects passed to create")
    raise_all(errors)


def replace(call: Call) -> Steps[None]:
    flags = call.flags
    if call.args:
        raise UsageFail(f"Unexpected args: {shown_args(call.args)}", "replace")
    if flags.text("raw"):
        raw(call, "PUT")
        return
    if not flags.all("filename") and not flags.text("kustomize"):
        raise Fail("must specify one of -f and -k")
    if flags.number("grace-period") >= 0 and not flags.on("force"):
        raise Fail("--grace-period must have --force specified")
    if flags.seconds("timeout") and not flags.on("force"):
        raise Fail("--timeout must have --force specified")
    infos, errors = _infos(call)
    if flags.on("force"):
        yield from _forced(call, infos, errors)
        return
    for info in infos:
        obj = _annotated(call, info)
        try:
            if call.dry_run != "client":
                path = info.resource.path(info.namespace, info.name, flags.text("subresource"))
                obj = call.request("PUT", path, call.write_params(), obj)
        except Refused as refused:
            errors.append(refused.about(f"error when replacing {quote(info.source)}: "))
            continue
        result(call, obj, "replaced")
    if not infos and not errors:
        raise Fail("no objects passed to replace")
    raise_all(errors)


def _annotated(call: Call, info: Info) -> Object:
    """With the annotation of what was applied last, where the object has one already."""
    live = call.maybe(info.resource, info.namespace, info.name)
    if call.flags.on("save-config") or (live is not None and last_applied(live)):
        return with_annotation(info.object)
    return info.object


def _forced(call: Call, infos: list[Info], errors: list[Exception]) -> Steps[None]:
    """Delete what is there, wait until it is gone, create anew."""
    flags = call.flags
    policy = propagation(flags.text("cascade"))
    uids: dict[str, str] = {}
    gone: list[Info] = []
    for info in infos:
        live = call.maybe(info.resource, info.namespace, info.name)
        if live is None:
            continue
        options: Object = {"propagationPolicy": policy}
        grace = flags.number("grace-period")
        if grace >= 0:
            options["gracePeriodSeconds"] = grace
        call.request("DELETE", info.path, None, options)
        said(call, [info], force=grace == 0)
        uids[info.path] = live["metadata"]["uid"]
        gone.append(info)
    yield from until_gone(call, gone, uids, flags.seconds("timeout"))
    for info in infos:
        obj = with_annotation(info.object) if flags.on("save-config") else info.object
        try:
            obj = call.request("POST", info.resource.path(info.namespace), call.write_params(), obj)
        except Refused as refused:
            errors.append(refused)
            continue
        result(call, obj, "replaced")
    raise_all(errors)


__all__ = ["LAST_APPLIED", "create_files", "replace"]
