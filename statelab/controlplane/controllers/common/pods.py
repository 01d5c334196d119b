"""What every controller asks of a Pod: is it ready, available, active; which one goes first; how is a new one made.

Source: pkg/api/v1/pod/util.go, pkg/controller/controller_utils.go.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cmp_to_key
from typing import Any

from statelab.controlplane.clock import seconds
from statelab.controlplane.controllers.common.owners import controller_reference
from statelab.controlplane.kinds import Object

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


def condition(obj: Object, type: str) -> Object | None:
    """The object's status condition of that type, if it has one."""
    for each in obj.get("status", {}).get("conditions") or ():
        if each["type"] == type:
            found: Object = each
            return found
    return None


def is_ready(pod: Object) -> bool:
    ready = condition(pod, "Ready")
    return ready is not None and ready["status"] == "True"


def ready_since_s(pod: Object) -> float:
    """When a ready Pod became so (seconds since the epoch); 0 where it is not told."""
    ready = condition(pod, "Ready")
    at = ready.get("lastTransitionTime") if ready is not None else None
    return seconds(at) if at else 0.0


def is_terminating(obj: Object) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def is_finished(pod: Object) -> bool:
    return phase(pod) in ("Succeeded", "Failed")


def is_active(pod: Object) -> bool:
    """It counts as a replica: not finished, not being deleted."""
    return not is_terminating(pod) and not is_finished(pod)


def phase(pod: Object) -> str:
    return str(pod.get("status", {}).get("phase", ""))


def is_news(before: Object | None, after: Object) -> bool:
    """Whether a Pod's change can change what its owner does or tells: not where it runs, nor which address it got."""
    if before is None:
        return True
    global _asked  # of one revision, one controller after the other asks
    if _asked[0] is not before or _asked[1] is not after:
        _asked = (before, after, _differ(before, after))
    return _asked[2]


_asked: tuple[Object, Object, bool] = ({}, {}, False)


def _differ(before: Object, after: Object) -> bool:
    was, now = before["metadata"], after["metadata"]
    return (
        phase(before) != phase(after)
        or _readiness(before) != _readiness(after)
        or is_terminating(before) != is_terminating(after)
        or was.get("labels") != now.get("labels")
        or was.get("ownerReferences") != now.get("ownerReferences")
    )


def _readiness(pod: Object) -> str | None:
    """Since when it is ready, as its status says; None for one that is not."""
    ready = condition(pod, "Ready")
    return ready.get("lastTransitionTime", "") if ready is not None and ready["status"] == "True" else None


def pod_from_template(template: Object, owner: Object) -> Object:
    """A new Pod as an owner's template says, to be named by the API server after the owner (`web-` and five letters).

    Parts of the template are shared, not copied: what is returned is for `View.create`, which copies.
    """
    told = template.get("metadata") or {}
    metadata: Object = {
        "generateName": f"{owner['metadata']['name']}-",
        "namespace": owner["metadata"]["namespace"],
        "labels": dict(told.get("labels") or {}),
        "ownerReferences": [controller_reference(owner)],
    }
    if told.get("annotations"):
        metadata["annotations"] = dict(told["annotations"])
    if told.get("finalizers"):
        metadata["finalizers"] = list(told["finalizers"])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": dict(template["spec"])}


# ---- which Pod goes first

_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def first_to_remove(pods: Iterable[Object], related: Iterable[Object], now_s: float) -> list[Object]:
    """`pods`, the one a ReplicaSet would delete first in front.

    First whoever is not on a node, then not running, not ready, cheapest by its annotation, sharing its node with most
    of the `related` Pods (those of all ReplicaSets of one owner), ready for the shortest time, restarted most often,
    youngest. Times are compared by their logarithm, so that among Pods of about one age chance (the uid) decides
    and not always the youngest is lost. Source: ActivePodsWithRanks.Less; KEP-2185, KEP-2255.
    """
    on_node = Counter(pod["spec"].get("nodeName", "") for pod in related if is_active(pod))
    known = [_Removal(pod, on_node[pod["spec"].get("nodeName", "")], now_s) for pod in pods]
    return [each.pod for each in sorted(known, key=cmp_to_key(_compare))]


def removal_reason(pod: Object) -> str:
    """In plain words, what sets the Pod apart when one must go."""
    name = pod["metadata"]["name"]
    if not pod["spec"].get("nodeName"):
        return f"{name} is not on a node yet"
    if phase(pod) != "Running":
        return f"{name} is {phase(pod)}"
    if not is_ready(pod):
        return f"{name} is not ready"
    if DELETION_COST in (pod["metadata"].get("annotations") or {}):
        return f"{name} costs least by its pod-deletion-cost"
    return f"{name} shares its node with most others or is ready for the shortest time"


class _Removal:
    """What decides about one Pod, read once."""

    __slots__ = ("age", "is_assigned", "pod", "rank", "ready_age", "restarts", "uid", "worth")

    def __init__(self, pod: Object, rank: int, now_s: float) -> None:
        self.pod = pod
        self.uid = str(pod["metadata"].get("uid", ""))
        self.is_assigned = bool(pod["spec"].get("nodeName"))
        ready = is_ready(pod)
        self.worth = (_PHASES.get(phase(pod), 0), ready, deletion_cost(pod))
        self.rank = rank
        self.ready_age = _magnitude(now_s - ready_since_s(pod)) if ready else None
        self.restarts = _restarts(pod)
        self.age = _magnitude(now_s - seconds(pod["metadata"]["creationTimestamp"]))


def _compare(one: _Removal, other: _Removal) -> int:
    """Negative when `one` goes before `other`."""
    if one.is_assigned != other.is_assigned:
        return -1 if not one.is_assigned else 1
    if one.worth != other.worth:
        return -1 if one.worth < other.worth else 1
    if one.rank != other.rank:
        return other.rank - one.rank
    by_uid = -1 if one.uid < other.uid else 1
    if one.ready_age is not None and other.ready_age is not None and _ready_at(one) != _ready_at(other):
        return one.ready_age - other.ready_age or by_uid
    if one.restarts != other.restarts:
        return -1 if one.restarts > other.restarts else 1
    if one.pod["metadata"]["creationTimestamp"] != other.pod["metadata"]["creationTimestamp"]:
        return one.age - other.age or by_uid
    return 0


def _ready_at(each: _Removal) -> str:
    ready = condition(each.pod, "Ready")
    return str(ready.get("lastTransitionTime", "")) if ready is not None else ""


def _magnitude(age_s: float) -> int:
    """The whole part of log2 of an age in nanoseconds; -1 for none. Source: logarithmicRankDiff."""
    return int(math.log2(age_s * 1e9)) if age_s > 0 else -1


def deletion_cost(pod: Object) -> int:
    """The annotation's value; 0 where there is none or it is not an int32 in plain digits."""
    text = (pod["metadata"].get("annotations") or {}).get(DELETION_COST, "0")
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or (digits != "0" and digits.startswith("0")):
        return 0
    cost = int(text)
    return cost if -(2**31) <= cost < 2**31 else 0


def _restarts(pod: Object) -> tuple[int, int]:
    """The most restarts of a container, and of a sidecar (an init container that restarts always)."""
    status: Mapping[str, Any] = pod.get("status", {})
    sidecars = {c["name"] for c in pod["spec"].get("initContainers") or () if c.get("restartPolicy") == "Always"}
    regular = max((c.get("restartCount", 0) for c in status.get("containerStatuses") or ()), default=0)
    init = (c for c in status.get("initContainerStatuses") or () if c["name"] in sidecars)
    return regular, max((c.get("restartCount", 0) for c in init), default=0)
