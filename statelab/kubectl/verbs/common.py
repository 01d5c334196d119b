"""What several commands share: waiting for an object, three-way patches' small brother, pairs of KEY=VALUE."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from statelab.kubectl.api import PATCHES, Object, Pause, Steps
from statelab.kubectl.builder import Info
from statelab.kubectl.call import Call
from statelab.kubectl.problems import Fail

LONGEST_WAIT_S = 600.0  # cluster seconds; kubectl would wait for a week
_WEEK_S = 7 * 24 * 3600.0
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def patch(call: Call, info: Info, body: Any, kind: str = "strategic", subresource: str = "", **params: str) -> Object:
    """Send a patch. Raises Refused."""
    found: Object = call.request(
        "PATCH",
        info.resource.path(info.namespace, info.name, subresource),
        call.write_params(**params),
        body,
        content_type=PATCHES[kind],
    )
    return found


def until_object(
    call: Call, info: Info, is_met: Callable[[Object | None], bool], timeout_s: float
) -> Steps[tuple[bool, Object | None]]:
    """Wait until `is_met(object)`, None for one that is not there; whether it came, and the object."""
    state: list[Object | None] = [call.maybe(info.resource, info.namespace, info.name)]
    if is_met(state[0]):
        return True, state[0]
    if timeout_s <= 0:
        return False, state[0]
    version = (state[0] or {}).get("metadata", {}).get("resourceVersion", "")
    params = {"fieldSelector": f"metadata.name={info.name}"}
    if version:
        params["resourceVersion"] = version
    stream = call.api.watch(info.resource.path(info.namespace), params)
    met = [False]

    def has_come() -> bool:
        for event in stream.taken():
            if event["type"] in ("ADDED", "MODIFIED", "DELETED"):
                state[0] = None if event["type"] == "DELETED" else event["object"]
                met[0] = met[0] or is_met(state[0])
                if met[0]:
                    return True
        return stream.is_over

    ends_s = call.api.now_s + timeout_s
    try:
        while not met[0] and (left_s := ends_s - call.api.now_s) > 0:
            if not (yield Pause(has_come, left_s)):
                break  # who lets time pass may wait for less than was asked for: a trial on a real cluster does
            if stream.is_over and not met[0]:
                stream.close()
                state[0] = call.maybe(info.resource, info.namespace, info.name)
                met[0] = is_met(state[0])
                params.pop("resourceVersion", None)
                stream = call.api.watch(info.resource.path(info.namespace), params)
    finally:
        stream.close()
    return met[0], state[0]


def bounded(timeout_s: float) -> float:
    """A timeout as kubectl means it (0 or less: a week), within what is waited here."""
    return min(timeout_s if timeout_s > 0 else _WEEK_S, LONGEST_WAIT_S)


def until_gone(call: Call, infos: Sequence[Info], uids: dict[str, str], timeout_s: float) -> Steps[None]:
    """Wait until none of them is there any more. Raises Fail for one that stays."""
    ends_s = call.api.now_s + bounded(timeout_s)
    for info in infos:
        uid = uids.get(info.path, "")

        def is_gone(obj: Object | None, uid: str = uid) -> bool:
            return obj is None or (bool(uid) and obj["metadata"]["uid"] != uid)

        gone, obj = yield from until_object(call, info, is_gone, ends_s - call.api.now_s)
        if gone:
            continue
        if 0 < timeout_s <= LONGEST_WAIT_S:
            raise Fail(f"timed out waiting for the condition on {info.resource.plural}/{info.name}")
        raise Fail(stays(info, obj or {}, call))


def stays(info: Info, obj: Object, call: Call) -> str:
    """Why an object is not gone yet, where kubectl itself would go on waiting."""
    finalizers = obj.get("metadata", {}).get("finalizers") or []
    held = f" It has the finalizer {', '.join(finalizers)}, which nobody has taken away." if finalizers else ""
    return (
        f"{info.resource.plural}/{info.name} is being deleted and is still there after {LONGEST_WAIT_S:.0f} s.{held} "
        "kubectl would wait on: --wait=false does not wait, --timeout ends it"
    )


def pairs(words: Sequence[str], what: str) -> tuple[list[str], dict[str, str], list[str]]:
    """Resources first, then KEY=VALUE and KEY-. Raises Fail."""
    resources: list[str] = []
    changes: list[str] = []
    for word in words:
        is_change = "=" in word[1:] or (word.endswith("-") and word != "-")
        if not is_change and changes:
            raise Fail(f"all resources must be specified before {what} changes: {word}")
        (changes if is_change else resources).append(word)
    values: dict[str, str] = {}
    gone: list[str] = []
    for word in changes:
        key, equals, value = word.partition("=")
        if equals:
            if not key:
                raise Fail(f"unexpected {what} spec: {word}")
            values[key] = value
        else:
            gone.append(word[:-1])
    for key in gone:
        if key in values:
            raise Fail(
                f"can not both modify and remove {'a label' if what == 'label' else 'an annotation'} in the same "
                "command"
            )
    return resources, values, gone


def template_path(info: Info) -> tuple[str, ...]:
    """Where an object's Pod spec is. Raises Fail."""
    kind = info.resource.kind
    if kind == "Pod":
        return ("spec",)
    if kind in ("Deployment", "StatefulSet", "ReplicaSet", "DaemonSet", "Job", "ReplicationController"):
        return ("spec", "template", "spec")
    if kind == "CronJob":
        return ("spec", "jobTemplate", "spec", "template", "spec")
    raise Fail(f"the object is not a pod or does not have a pod template: {info.resource.kind}")


def at(obj: Any, *path: str) -> Any:
    """What stands at a path; None where there is nothing."""
    for step in path:
        obj = obj.get(step) if isinstance(obj, dict) else None
    return obj


def nested(path: Iterable[str], value: Any) -> Any:
    """{a: {b: value}} of ("a", "b")."""
    for step in reversed(tuple(path)):
        value = {step: value}
    return value
