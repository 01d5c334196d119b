"""What every generator does with the object it has made."""

from __future__ import annotations

from statelab.kubectl import gojson
from statelab.kubectl.api import Object
from statelab.kubectl.call import Call
from statelab.kubectl.printing import result
from statelab.kubectl.problems import Fail, Refused, UsageFail
from statelab.kubectl.verbs.common import LAST_APPLIED


def name_of(call: Call) -> str:
    """The one name of the line; what follows `--` is no name. Raises UsageFail."""
    names = call.args if call.dash < 0 else call.args[: call.dash]
    if len(names) != 1:
        raise UsageFail(f"exactly one NAME is required, got {len(names)}", call.command)
    return names[0]


def command_of(call: Call) -> list[str]:
    """What follows `--`."""
    return [] if call.dash < 0 else call.args[call.dash :]


def metadata(call: Call, name: str, labels: dict[str, str] | None = None, *, namespaced: bool = True) -> Object:
    """Metadata of a new object; its namespace stands there where the line names one."""
    made: Object = {"name": name}
    if namespaced and call.enforce_namespace:
        made["namespace"] = call.namespace
    if labels:
        made["labels"] = labels
    return made


def saved(call: Call, obj: Object) -> Object:
    """With the annotation of --save-config, where it is asked for."""
    if "save-config" not in call.flags.known or not call.flags.on("save-config"):
        return obj
    text = gojson.compact(obj, sort=False) + "\n"
    about = obj["metadata"]
    return {**obj, "metadata": {**about, "annotations": {**(about.get("annotations") or {}), LAST_APPLIED: text}}}


def create(call: Call, plural: str, obj: Object, *, noun: str = "", operation: str = "created") -> Object:
    """Create it, and say so. `noun`: kubectl's word for it in "failed to create …". Raises Fail, Refused."""
    obj = saved(call, obj)
    if call.dry_run != "client":
        resource = call.mapper.find(plural)
        where = call.namespace if resource.namespaced else ""
        try:
            obj = call.request("POST", resource.path(where), call.write_params(), obj)
        except Refused as refused:
            if not noun:
                raise
            raise Fail(f"failed to create {noun}: {_told(refused)}") from None
    result(call, obj, operation, sort=False)
    return obj


def _told(refused: Refused) -> str:
    return refused.message


def pairs_of(literals: list[str]) -> list[tuple[str, str]]:
    """KEY=VALUE of each. Raises Fail."""
    found = []
    for each in literals:
        key, equals, value = each.partition("=")
        if not equals or not key:
            raise Fail(f"invalid literal source {each}, expected key=value")
        found.append((key, value))
    return found
