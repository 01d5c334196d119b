"""What happened in a namespace, revision by revision, and how everything stood at any moment of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from statelab.controlplane.clock import seconds
from statelab.controlplane.kinds import Object, key_of
from statelab.notebook.pictures.customs import is_custom
from statelab.notebook.pictures.scene import WATCHED, is_node_ready


@dataclass(frozen=True)
class Moment:
    """One change. `actor` and `why` are "" where the cluster does not keep them; `at_s`: seconds since 1970.

    `version`: the resourceVersion it has on a cluster that was watched, by which what several watches tell is ordered.
    """

    number: int
    type: str
    plural: str
    key: str
    object: Object
    actor: str
    why: str
    at_s: float
    version: int = 0

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]


def moment_of(revision: Mapping[str, Any]) -> Moment:
    """A moment from the embedded cluster's /statelab/v1/history."""
    return Moment(
        int(revision["number"]),
        str(revision["type"]),
        str(revision["resource"]),
        str(revision["key"]),
        revision["object"],
        str(revision["actor"]),
        str(revision["why"]),
        seconds(str(revision["at"])),
    )


class History:
    """The moments of one namespace in order. `current`: what there is now, for what is older than the history."""

    def __init__(
        self, namespace: str, moments: Iterable[Moment] = (), current: Mapping[str, Sequence[Object]] | None = None
    ) -> None:
        self.namespace = namespace
        self.moments: list[Moment] = []
        self._lives: dict[tuple[str, str], tuple[list[int], list[Object | None]]] = {}
        self._current = {(plural, key_of(obj)): obj for plural, objects in (current or {}).items() for obj in objects}
        self.extend(moments)

    def extend(self, moments: Iterable[Moment]) -> int:
        """Add later moments; those of other namespaces, and heartbeats of nodes, are left out. How many were added."""
        before = len(self.moments)
        for moment in moments:
            if not (moment.plural in WATCHED or is_custom(moment.plural)) or not self._is_here(moment.object):
                continue
            numbers, states = self._lives.setdefault((moment.plural, moment.key), ([], []))
            if states and _is_heartbeat(moment, states[-1]):
                continue
            if not numbers and moment.type != "ADDED":
                numbers.append(-1)  # it is older than the history: it was there, much as it is first seen
                states.append(moment.object)
            numbers.append(len(self.moments))
            states.append(None if moment.type == "DELETED" else moment.object)
            self.moments.append(moment)
        return len(self.moments) - before

    def _is_here(self, obj: Object) -> bool:
        return str(obj["metadata"].get("namespace", self.namespace)) == self.namespace

    def __len__(self) -> int:
        return len(self.moments)

    def objects_at(self, index: int) -> dict[str, list[Object]]:
        """All there was just after moment `index` (-1: before the first), by plural."""
        found: dict[str, list[Object]] = {plural: [] for plural in WATCHED}
        for (plural, _), (numbers, states) in self._lives.items():
            place = bisect_right(numbers, index) - 1
            state = states[place] if place >= 0 else None
            if state is not None:
                found.setdefault(plural, []).append(state)
        for (plural, key), obj in self._current.items():
            if (plural, key) not in self._lives:  # nothing ever happened to it in the history we have
                found.setdefault(plural, []).append(obj)
        return found

    def yours(self) -> list[int]:
        """The moments in which you did something; where nobody noted who, those in which what is asked for changed."""
        known = [index for index, moment in enumerate(self.moments) if moment.actor == "you"]
        return known or [index for index, moment in enumerate(self.moments) if _was_asked_for(moment)]

    def before(self, count: int) -> int:
        """The moment just before the `-count`-th last thing you did (count is negative), or moment `count` itself."""
        if count >= 0:
            return min(count, len(self.moments) - 1)
        yours = self.yours()
        return yours[max(0, len(yours) + count)] - 1 if yours else -1


def _is_heartbeat(moment: Moment, before: Object | None) -> bool:
    is_known = moment.plural == "nodes" and moment.type == "MODIFIED" and before is not None
    return is_known and is_node_ready(before or {}) == is_node_ready(moment.object)


def _was_asked_for(moment: Moment) -> bool:
    """A guess from the object alone, for clusters that keep no causes."""
    if moment.plural in ("endpointslices", "nodes", "replicasets"):
        return False
    is_workload = moment.plural in ("statefulsets", "deployments")
    status = moment.object.get("status") or {}
    if is_workload:
        return bool(moment.object["metadata"].get("generation", 0) > status.get("observedGeneration", 0))
    return "deletionTimestamp" in moment.object["metadata"] or moment.type == "DELETED"
