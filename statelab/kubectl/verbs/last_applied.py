"""kubectl apply view-last-applied and set-last-applied. Source: pkg/cmd/apply/apply_{view,set}_last_applied.go."""

from __future__ import annotations

from statelab.kubectl import gojson, goyaml
from statelab.kubectl.api import PATCHES
from statelab.kubectl.builder import NOTHING, Info, file_infos, select
from statelab.kubectl.call import Call
from statelab.kubectl.printing import result
from statelab.kubectl.problems import Fail, UsageFail, raise_all
from statelab.kubectl.verbs.apply import last_applied, with_annotation
from statelab.kubectl.verbs.common import LAST_APPLIED


def view(call: Call) -> None:
    form = call.flags.text("output")
    if form not in ("yaml", "json"):
        raise UsageFail(
            f"Unexpected -o output mode: {form}, the flag 'output' must be one of yaml|json", "apply view-last-applied"
        )
    found = select(call, call.args, all_flag=call.flags.on("all"))
    raise_all(found.errors)
    for info in found.infos:
        applied = last_applied(info.object)
        if not applied:
            raise Fail(f"no last-applied-configuration annotation found on resource: {info.name}")
        call.out(goyaml.written(applied) if form == "yaml" else gojson.indented(applied))


def set_last_applied(call: Call) -> None:
    flags = call.flags
    if not flags.all("filename"):
        raise Fail(NOTHING)
    for each in file_infos(call, flags.all("filename")):
        if not isinstance(each, Info):
            raise each
        live = call.get(each.resource, each.namespace, each.name)
        if not last_applied(live) and not flags.on("create-annotation"):
            raise Fail(
                f"no last-applied-configuration annotation found on resource: {each.name}, to create the annotation, "
                "run "
                "the command with --create-annotation"
            )
        if not call.dry_run:
            annotation = with_annotation(each.object)["metadata"]["annotations"][LAST_APPLIED]
            body = {"metadata": {"annotations": {LAST_APPLIED: annotation}}}
            live = call.request("PATCH", each.path, None, body, content_type=PATCHES["merge"])
        result(call, live, "configured")
