"""kubectl scale. Source: pkg/cmd/scale/scale.go, pkg/scale/scale.go."""

from __future__ import annotations

from statelab.kubectl.api import PATCHES, Object, Steps
from statelab.kubectl.builder import Info, select
from statelab.kubectl.call import Call
from statelab.kubectl.printing import result
from statelab.kubectl.problems import Fail, raise_all
from statelab.kubectl.verbs.common import bounded, until_object


def scale(call: Call) -> Steps[None]:
    flags = call.flags
    wanted = flags.number("replicas")
    if wanted < 0:
        raise Fail("The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0")
    if flags.has("current-replicas") and flags.number("current-replicas") < -1:
        raise Fail("The --current-replicas must specify an integer of -1 or greater")
    found = select(call, call.args, all_flag=flags.on("all"))
    if not found.infos and not found.errors:
        raise Fail("no objects passed to scale")
    if flags.text("resource-version") and len(found.infos) > 1:
        raise Fail("cannot use --resource-version with multiple resources")
    for info in found.infos:
        if call.dry_run == "client":
            result(call, info.object, "scaled")
            continue
        _scale(call, info, wanted)
        if flags.seconds("timeout") > 0 and not call.dry_run:
            yield from _reached(call, info, wanted, flags.seconds("timeout"))
        result(call, info.object, "scaled")
    raise_all(found.errors)


def _scale(call: Call, info: Info, wanted: int) -> None:
    flags = call.flags
    path = info.resource.path(info.namespace, info.name, "scale")
    params = {"dryRun": "All"} if call.dry_run == "server" else {}
    current, version = flags.number("current-replicas"), flags.text("resource-version")
    if current < 0 and not version:
        call.request("PATCH", path, params, {"spec": {"replicas": wanted}}, content_type=PATCHES["merge"])
        return
    now: Object = call.request("GET", path)
    has = (now.get("spec") or {}).get("replicas") or 0
    if current >= 0 and has != current:
        raise Fail(f"Expected replicas to be {current}, was {has}")
    if version and now["metadata"]["resourceVersion"] != version:
        raise Fail(f"Expected resource version to be {version}, was {now['metadata']['resourceVersion']}")
    call.request("PUT", path, params, {**now, "spec": {**(now.get("spec") or {}), "replicas": wanted}})


def _reached(call: Call, info: Info, wanted: int, timeout_s: float) -> Steps[None]:
    def is_met(obj: Object | None) -> bool:
        if obj is None:
            return True
        status = obj.get("status") or {}
        is_seen = (status.get("observedGeneration") or 0) >= (obj["metadata"].get("generation") or 0)
        return is_seen and (status.get("replicas") or 0) == wanted and obj["spec"].get("replicas") == wanted

    met, _ = yield from until_object(call, info, is_met, bounded(timeout_s))
    if not met:
        raise Fail("timed out waiting for the condition")
