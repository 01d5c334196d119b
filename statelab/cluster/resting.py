"""When a namespace is at rest: what who looks on waits for, and does not know how it will end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from statelab.cluster import conditions
from statelab.cluster.clocks import until
from statelab.controlplane.kinds import KINDS, Object

if TYPE_CHECKING:  # cluster.py imports this module
    from statelab.cluster.cluster import Cluster

_WORKLOADS = ("deployments", "statefulsets")
_LOOKED_AT = ("pods", *_WORKLOADS, "jobs", "persistentvolumeclaims", "persistentvolumes", "endpointslices")
_ENDED = ("Succeeded", "Failed")


# Of one's own time, however fast the cluster's passes: what a controller does takes a busy machine as long at any pace.
_LEAST_STILL_S, _LEAST_SEEN_S, _LOOK_AGAIN_S = 0.7, 3.0, 0.15


def look_on(cluster: Cluster, timeout_s: float, still_s: float) -> bool:
    """Look until the namespace of `cluster` is at rest; whether it is. Raises Interrupted."""
    pace = cluster.pace
    rest = Rest(cluster, max(still_s, _LEAST_STILL_S * pace))
    return until(cluster.clock, rest, max(timeout_s, _LEAST_SEEN_S * pace), max(0.5, _LOOK_AGAIN_S * pace))


class Rest:
    """Asked again and again: True when all is as it is wished, nothing is going, and nothing has changed for `still_s`
    of the cluster's seconds.

    A claim that waits for a volume is at rest, a Pod that is not Ready never is.
    """

    def __init__(self, cluster: Cluster, still_s: float) -> None:
        self._cluster, self._still_s = cluster, still_s
        self._seen: dict[str, str] = {}
        self._since_s = cluster.clock.now_s()

    def __call__(self) -> bool:
        found = list(self._objects())
        versions = {obj["metadata"]["uid"]: obj["metadata"]["resourceVersion"] for _, obj in found}
        now_s = self._cluster.clock.now_s()
        if versions != self._seen:
            self._seen, self._since_s = versions, now_s
        return now_s - self._since_s >= self._still_s and not any(is_under_way(plural, obj) for plural, obj in found)

    def _objects(self) -> Iterator[tuple[str, Object]]:
        here = self._cluster.namespace
        for plural in _LOOKED_AT:
            for obj in self._cluster.list(plural):
                claim = obj["spec"].get("claimRef") if plural == "persistentvolumes" else None
                if plural != "persistentvolumes" or (claim and claim.get("namespace") == here):
                    yield plural, obj


def is_under_way(plural: str, obj: Object) -> bool:
    """Whether more is to come of an object, as far as it says itself."""
    if "deletionTimestamp" in obj["metadata"]:
        return True
    if plural == "pods":
        return obj.get("status", {}).get("phase") not in _ENDED and not conditions.is_true(obj, "Ready")
    if plural in _WORKLOADS:
        return not conditions.named(KINDS[plural], "Rollout")(obj)
    if plural == "jobs":
        return not (conditions.is_true(obj, "Complete") or conditions.is_true(obj, "Failed"))
    if plural == "persistentvolumes":
        is_released = obj.get("status", {}).get("phase") == "Released"
        return bool(is_released and obj["spec"].get("persistentVolumeReclaimPolicy") == "Delete")
    return False
