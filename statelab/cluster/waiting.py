"""Waiting until one object is as named, and what is said when it is not in time."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from statelab.cluster import conditions
from statelab.cluster.connection import RequestRefused
from statelab.cluster.names import path_of
from statelab.cluster.problem import Interrupted, Problem
from statelab.cluster.resting import Rest
from statelab.controlplane.kinds import Kind, Object
from statelab.reader.spelling import nearest

if TYPE_CHECKING:  # cluster.py imports this module
    from statelab.cluster.cluster import Cluster

# Of one's own time: where an object is not there, and in its namespace nothing has moved for so long, none will come.
_NOTHING_MOVES_S = 10.0
_NO_NAMESPACE = "There is no namespace {namespace}, so there will be no {what}."
_RUN_FIRST = "Run the lesson's first cell: it makes the namespace anew."
_NOBODY_MAKES = "There is no {what}, and in namespace {namespace} nothing is under way that would make it."
_MEANT = "Did you mean {meant}?"
_MADE_BEFORE = "What makes it has not been run, or was refused: look above."
_ANSWERS_WITHIN_S = 30.0  # a watch that is over, and of which nothing more is heard


class Awaited(dict[str, Any]):
    """An object that was waited for. At the end of a cell it says that it is so, and not all that it is."""

    def __init__(self, obj: Object, said: str) -> None:
        super().__init__(obj)
        self._said = said

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # IPython asks for it
        printer.text(self._said)


def wait_for(cluster: Cluster, what: str, condition: str, timeout_s: float) -> Object | None:
    """As `Cluster.wait`, which says what is waited for and how."""
    kind, name = cluster.parse(what)
    is_met = conditions.named(kind, condition)
    deadline_s = time.monotonic() + timeout_s
    obj = cluster.get(what)
    first_uid = obj["metadata"]["uid"] if obj is not None else None
    rest = Rest(cluster, _NOTHING_MOVES_S * cluster.pace)
    while not is_met(obj):
        if condition.lower() in conditions.GONE and obj is not None and obj["metadata"]["uid"] != first_uid:
            return None  # the one we waited for has gone, and another has its name already
        if kind.plural == "jobs" and conditions.has_ended_otherwise(obj, condition):
            raise Problem(f"{what} will not be {condition}: {conditions.describe(obj)}", _see_why(cluster, what, obj))
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            raise Problem(
                f"{what} was not {condition} within {timeout_s:.0f} s: {conditions.describe(obj)}",
                _see_why(cluster, what, obj),
            )
        if obj is None and condition.lower() not in conditions.GONE:
            _say_if_none_comes(cluster, what, kind, rest)
        try:
            obj = next_state(cluster, kind, name, obj, min(left_s, 5.0))
        except KeyboardInterrupt:
            stood = conditions.describe(cluster.get(what))
            raise Interrupted(f"Interrupted while waiting for {what} to be {condition}: {stood}.") from None
    return None if obj is None else Awaited(obj, f"{what}: {condition}")


def _say_if_none_comes(cluster: Cluster, what: str, kind: Kind, rest: Rest) -> None:
    """Raise Problem where an object that is not there will not be there later."""
    if not kind.namespaced:
        return
    here = cluster.namespace
    namespace = cluster.get(f"namespace/{here}")
    if namespace is None or "deletionTimestamp" in namespace["metadata"]:
        raise Problem(_NO_NAMESPACE.format(namespace=here, what=what), _RUN_FIRST)
    if rest():
        names = [obj["metadata"]["name"] for obj in cluster.list(kind.plural)]
        meant = nearest(what.partition("/")[2], names)
        next_step = _MEANT.format(meant=f"{what.partition('/')[0]}/{meant}") if meant else _MADE_BEFORE
        raise Problem(_NOBODY_MAKES.format(what=what, namespace=here), next_step)


def next_state(cluster: Cluster, kind: Kind, name: str, obj: Object | None, timeout_s: float) -> Object | None:
    """The object after its next change, or as it is when none comes in time."""
    version = obj["metadata"]["resourceVersion"] if obj is not None else None
    params = {
        "watch": "1",
        "fieldSelector": f"metadata.name={name}",
        "timeoutSeconds": str(max(1, round(timeout_s))),
    }
    if version is not None:
        params["resourceVersion"] = version
    path = path_of(kind, cluster.namespace)
    try:
        for event in cluster.connection.stream(path, params, read_timeout_s=timeout_s + _ANSWERS_WITHIN_S):
            if event["type"] == "DELETED":
                return None
            if event["type"] in ("ADDED", "MODIFIED"):
                changed: Object = event["object"]
                return changed
            if event["type"] == "ERROR":
                break
    except RequestRefused:
        time.sleep(0.1)  # the revision is too old to watch from: look again
    return cluster.get(f"{kind.singular}/{name}")


def _see_why(cluster: Cluster, what: str, obj: Object | None) -> str:
    """Where to look: at the first of a workload's Pods that is not Ready, and how it stands."""
    chosen = ((obj or {}).get("spec") or {}).get("selector") or {}
    labels = ",".join(f"{key}={value}" for key, value in (chosen.get("matchLabels") or {}).items())
    with suppress(Problem, RequestRefused):
        for pod in cluster.list("pods", labels) if labels else ():
            if not conditions.is_true(pod, "Ready") and (pod.get("status") or {}).get("phase") != "Succeeded":
                name = pod["metadata"]["name"]
                return f"Its Pod {name}: {conditions.describe(pod)}\nSee why: %kubectl describe pod {name}"
    return f"See why: %kubectl describe {what}"
