"""kubectl diff. Source: pkg/cmd/diff/diff.go; the program diff is Python's own here."""

from __future__ import annotations

import difflib

from statelab.kubectl import goyaml
from statelab.kubectl.api import PATCHES, Object
from statelab.kubectl.builder import Info, file_infos
from statelab.kubectl.call import Call
from statelab.kubectl.problems import Ended, Fail, Refused, UsageFail, said
from statelab.kubectl.three_way import schema_of, three_way
from statelab.kubectl.verbs.apply import last_applied, shown_args, validated, with_annotation


def diff(call: Call) -> None:
    """Exit codes as kubectl's: 0 the same, 1 different, 2 and more it went wrong."""
    try:
        is_different = _diff(call)
    except (Fail, Refused) as error:
        raise Ended(said(error)[0], 2) from None
    if is_different:
        raise Ended("", 1)


def _diff(call: Call) -> bool:
    flags = call.flags
    if call.args:
        raise UsageFail(f"Unexpected args: {shown_args(call.args)}", "diff")
    if not flags.all("filename") and not flags.text("kustomize"):
        raise Fail("must specify one of -f and -k")
    is_different = False
    for each in file_infos(call, flags.all("filename"), flags.text("kustomize"), flags.text("selector")):
        if not isinstance(each, Info):
            raise validated(call, each)
        live = call.maybe(each.resource, each.namespace, each.name)
        merged = _merged(call, each, live)
        is_different = _shown(call, each, live, merged) or is_different
    return is_different


def _merged(call: Call, info: Info, live: Object | None) -> Object:
    """What the server would make of it."""
    params = {"fieldManager": call.flags.text("field-manager"), "dryRun": "All"}
    if call.flags.on("server-side"):
        params["fieldManager"] = "kubectl"
        if call.flags.on("force-conflicts"):
            params["force"] = "true"
        found: Object = call.request("PATCH", info.path, params, info.object, content_type=PATCHES["apply"])
        return found
    new = with_annotation(info.object)
    if live is None:
        made: Object = call.request("POST", info.resource.path(info.namespace), params, new)
        return made
    schema = schema_of(info.resource.api_version, info.resource.kind)
    patch = three_way(last_applied(live), new, live, schema)
    kind = "strategic" if schema is not None else "merge"
    done: Object = call.request("PATCH", info.path, params, patch, content_type=PATCHES[kind])
    return done


def _shown(call: Call, info: Info, live: Object | None, merged: Object) -> bool:
    before, after = (_text(call, each) for each in (live, merged))
    if before == after:
        return False
    resource = info.resource
    group = f"{resource.group}." if resource.group else ""
    name = f"{group}{resource.version}.{resource.kind}.{info.namespace}.{info.name}"
    lines = difflib.unified_diff(before, after, f"LIVE/{name}", f"MERGED/{name}")
    call.out(f"diff -u -N LIVE/{name} MERGED/{name}\n" + "".join(lines))
    return True


def _text(call: Call, obj: Object | None) -> list[str]:
    if obj is None:
        return []
    metadata = obj["metadata"]
    if not call.flags.on("show-managed-fields"):
        metadata = {key: value for key, value in metadata.items() if key != "managedFields"}
    obj = {**obj, "metadata": metadata}
    if obj.get("kind") == "Secret" and not call.flags.on("show-secrets"):
        obj = {**obj, "data": dict.fromkeys(obj.get("data") or {}, "***")}
    return goyaml.written(obj).splitlines(keepends=True)
