"""kubectl wait: for a condition, a JSONPath, a creation, a deletion. Source: pkg/cmd/wait/*.go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from statelab.kubectl import gojson
from statelab.kubectl.api import Object, Steps
from statelab.kubectl.builder import Info, Selection, select
from statelab.kubectl.call import Call
from statelab.kubectl.gotext import quote
from statelab.kubectl.jsonpath import JsonPath
from statelab.kubectl.jsonpath_template import JsonPathError, relaxed
from statelab.kubectl.problems import Fail, Refused, raise_all
from statelab.kubectl.verbs.common import bounded, until_object

_JSONPATH_FORM = (
    "jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or "
    "--for=jsonpath='{.status.readyReplicas}'"
)


@dataclass(frozen=True, slots=True)
class Goal:
    """What is waited for: `kind` delete, create or state; `is_met` of an object."""

    kind: str
    is_met: Callable[[Object | None], bool]


def wait(call: Call) -> Steps[None]:
    flags = call.flags
    said = flags.all("for")
    if not said:
        raise Fail("unrecognized condition: []")
    goals = [goal(each) for each in said]
    timeout_s = flags.seconds("timeout")
    ends_s = call.api.now_s + (0 if timeout_s == 0 else bounded(timeout_s))
    visited = 0
    errors: list[Exception] = []
    for one in goals:
        infos = yield from _infos(call, one, ends_s)
        visited += len(infos)
        for info in infos:
            # The time is one for all: when it has run out for one, the others are not looked at any more.
            is_over = bool(errors) and timeout_s > 0 and call.api.now_s >= ends_s
            try:
                if is_over:
                    raise _late(info, one)
                yield from _wait(call, info, one, ends_s)
            except (Fail, Refused) as error:
                errors.append(error)
    if not visited and goals[0].kind != "delete" and not errors:
        raise Fail("no matching resources found")
    raise_all(errors)


def goal(said: str) -> Goal:
    """Raises Fail."""
    if said.lower() == "delete":
        return Goal("delete", lambda obj: obj is None)
    if said.lower() == "create":
        return Goal("create", lambda obj: obj is not None)
    kind, _, rest = said.partition("=")
    if kind == "condition" and "=" in said:
        name, equals, value = rest.partition("=")
        return Goal("state", lambda obj: _has(obj, name, value if equals else "true"))
    if kind == "jsonpath" and "=" in said:
        return _jsonpath(rest)
    raise Fail(f"unrecognized condition: {quote(said)}")


def _has(obj: Object | None, name: str, value: str) -> bool:
    """Whether the object has the condition, and has it of its present generation."""
    if obj is None:
        return False
    status = obj.get("status") or {}
    for each in status.get("conditions") or ():
        if str(each.get("type", "")).lower() != name.lower():
            continue
        generation = obj["metadata"].get("generation") or 0
        seen = each.get("observedGeneration", status.get("observedGeneration"))
        if seen is not None and generation and seen < generation:
            return False
        return str(each.get("status", "")).lower() == value.lower()
    return False


def _jsonpath(said: str) -> Goal:
    expression, value = _split(said)
    try:
        path = JsonPath(relaxed(expression))
    except JsonPathError as error:
        raise Fail(str(error)) from None

    def is_met(obj: Object | None) -> bool:
        if obj is None:
            return False
        try:
            found = [each for part in path.results(obj) for each in part]
        except JsonPathError:
            return False
        if not found:
            return False
        if value is None:
            return True
        if len(found) > 1:
            raise Fail("given jsonpath expression matches more than one value")
        if isinstance(found[0], dict | list):
            raise Fail("jsonpath leads to a nested object or list which is not supported")
        return gojson.shown(found[0]) == value

    return Goal("state", is_met)


def _split(said: str) -> tuple[str, str | None]:
    """`{.status.phase}=Running`: the expression, and the value if there is one. Raises Fail."""
    depth, quoted = 0, ""
    for number, char in enumerate(said):
        if quoted:
            quoted = "" if char == quoted else quoted
        elif char in "\"'" and depth:
            quoted = char
        elif char in "{[(":
            depth += 1
        elif char in "}])":
            depth -= 1
        elif char == "=" and not depth:
            expression, value = said[:number], said[number + 1 :]
            if not value:
                raise Fail(
                    "jsonpath wait has to have a value after equal sign, like "
                    "--for=jsonpath='{.status.readyReplicas}'=3"
                )
            value = value.strip()
            if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
                value = value[1:-1]
            return expression, value
    if not said:
        raise Fail(_JSONPATH_FORM)
    return said, None


def _infos(call: Call, one: Goal, ends_s: float) -> Steps[list[Info]]:
    """What is waited for; of what is not there yet only the names. Raises Fail, Refused."""
    if one.kind == "state":
        found = select(call, call.args, all_flag=call.flags.on("all"))
        return found.all()
    found = select(call, call.args, all_flag=call.flags.on("all"), lookup=False)
    if one.kind == "delete":
        present = []
        for info in found.all():
            obj = call.maybe(info.resource, info.namespace, info.name)
            if obj is not None:
                present.append(info.about(obj))
        return present
    if not call.flags.text("selector") and not call.flags.on("all"):
        return found.all()
    while not found.infos and call.api.now_s < ends_s:
        from statelab.kubectl.api import Pause

        box: list[Selection] = [found]

        def has_come(box: list[Selection] = box) -> bool:
            box[0] = select(call, call.args, all_flag=call.flags.on("all"), lookup=False)
            return bool(box[0].infos)

        yield Pause(has_come, ends_s - call.api.now_s)
        found = box[0]
    return found.all()


def _wait(call: Call, info: Info, one: Goal, ends_s: float) -> Steps[None]:
    uid = info.object.get("metadata", {}).get("uid") if one.kind == "delete" else ""
    gone = [False]

    def met_or_gone(obj: Object | None) -> bool:
        gone[0] = obj is None and one.kind == "state"
        is_another = bool(uid) and obj is not None and obj["metadata"]["uid"] != uid
        return gone[0] or is_another or one.is_met(obj)

    met, _ = yield from until_object(call, info, met_or_gone, ends_s - call.api.now_s)
    if not met:
        raise _late(info, one)
    if gone[0]:
        raise Refused(
            {"reason": "NotFound", "code": 404, "message": f'{info.resource.group_resource} "{info.name}" not found'}
        )
    call.out(f"{info.shown} condition met\n")


def _late(info: Info, one: Goal) -> Fail:
    what = "" if one.kind == "create" else f" on {info.resource.plural}/{info.name}"
    return Fail(f"timed out waiting for the condition{what}")


__all__ = ["Goal", "goal", "wait"]
