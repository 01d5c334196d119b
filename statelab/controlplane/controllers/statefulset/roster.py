"""Who is a member of a StatefulSet, kept up to date Pod by Pod, so that a pass over a thousand looks only at the few
that are new, have changed or are not ready.

Without it a set that grows one Pod after the other would read all of them again for each, a million readings for a
thousand Pods. It is a memory of what the store says, never the truth: after a restart it is read anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from statelab.controlplane.controllers.common.memory import Memory
from statelab.controlplane.controllers.statefulset.pods import Member, first_ordinal, member_of
from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import selector_of
from statelab.controlplane.store import Revision, controller_uid
from statelab.controlplane.view import View


class Roster:
    """The Pods that one set controls. `ready` and the counters of revisions are of all members."""

    def __init__(self, stateful_set: Object, pods: Iterable[Object]) -> None:
        self._name = stateful_set["metadata"]["name"]
        self._selector = selector_of(stateful_set["spec"]["selector"])
        self._by_uid: dict[str, Member] = {}
        self.by_ordinal: dict[int, Member] = {}
        self.strays: dict[str, Member] = {}  # controlled by the set, but no longer selected by it
        self.ready = 0
        self.revisions: Counter[str] = Counter()
        self.living_revisions: Counter[str] = Counter()  # of those that are not being deleted
        self._restless: set[int] = set()  # ordinals whose Pod was not yet found as it should be, since it changed
        self._conforming: dict[int, Object] = {}
        self._generation = 0
        self._start = 0
        self._full_below = 0  # no gap between the first ordinal and this one
        for pod in pods:
            self.put(pod)

    # ---- keeping it

    def put(self, pod: Object) -> None:
        """A Pod that the set controls is new or has changed."""
        self.drop(pod)
        uid = pod["metadata"]["uid"]
        member = member_of(pod, self._name, self._selector)
        if not member.is_selected:
            self.strays[uid] = member
            return
        self._by_uid[uid] = member
        if member.ordinal >= 0:
            self.by_ordinal[member.ordinal] = member
            self._restless.add(member.ordinal)
            self._count(member, 1)

    def drop(self, pod: Object) -> None:
        """A Pod is gone, or the set controls it no longer."""
        uid = pod["metadata"]["uid"]
        self.strays.pop(uid, None)
        member = self._by_uid.pop(uid, None)
        if member is None or self.by_ordinal.get(member.ordinal) is not member:
            return
        del self.by_ordinal[member.ordinal]
        self._restless.discard(member.ordinal)
        self._count(member, -1)
        if self._start <= member.ordinal < self._full_below:
            self._full_below = member.ordinal

    def _count(self, member: Member, by: int) -> None:
        self.ready += by * member.is_ready
        self.revisions[member.revision] += by
        if not member.is_terminating:
            self.living_revisions[member.revision] += by

    def begin_pass(self, stateful_set: Object) -> None:
        """A set that has changed asks something new of each of its Pods."""
        generation, start = stateful_set["metadata"]["generation"], first_ordinal(stateful_set)
        if generation != self._generation:
            self._generation = generation
            self.look_again()
        if start != self._start:
            self._start = self._full_below = start

    def look_again(self) -> None:
        """Take no Pod as it should be any more."""
        self._conforming.clear()
        self._restless = set(self.by_ordinal)

    # ---- what a pass asks

    def restless(self, start: int, end: int) -> list[int]:
        """The ordinals in that range whose Pod wants to be looked at, the lowest first."""
        return sorted(ordinal for ordinal in self._restless if start <= ordinal < end)

    def gaps(self, start: int, end: int, most: int) -> list[int]:
        """The lowest ordinals in that range that have no Pod, at most so many."""
        ordinal = self._full_below if start == self._start else start
        while ordinal < end and ordinal in self.by_ordinal:
            ordinal += 1
        if start == self._start:
            self._full_below = ordinal
        return list(islice((each for each in range(ordinal, end) if each not in self.by_ordinal), most))

    def outside(self, start: int, end: int) -> list[Member]:
        """The Pods beyond that range, the highest ordinal first."""
        ordinals = [ordinal for ordinal in self.by_ordinal if not start <= ordinal < end]
        return [self.by_ordinal[ordinal] for ordinal in sorted(ordinals, reverse=True)]

    def conforms(self, member: Member) -> bool:
        """It was found to have its identity, its storage and its claims' owners, and has not changed since."""
        return self._conforming.get(member.ordinal) is member.pod

    def note_conforming(self, member: Member) -> None:
        self._conforming[member.ordinal] = member.pod

    def note_healthy(self, member: Member) -> None:
        """It conforms and is available: there is no need to look at it until it changes."""
        if self.by_ordinal.get(member.ordinal) is member:
            self._restless.discard(member.ordinal)

    def not_yet_available(self, min_ready_seconds: int, now_s: float) -> Iterator[Member]:
        """The Pods that are ready, but not for so long yet."""
        for ordinal in self._restless:
            member = self.by_ordinal[ordinal]
            if member.is_ready and not member.is_available(min_ready_seconds, now_s):
                yield member


# ---- one for each set of each cluster


def _nothing(_view: View) -> dict[str, Roster]:
    return {}


_rosters = Memory(_nothing)


def roster_of(stateful_set: Object, view: View) -> Roster:
    rosters = _rosters(view)
    uid = stateful_set["metadata"]["uid"]
    if uid not in rosters:
        rosters[uid] = Roster(stateful_set, view.owned("pods", stateful_set))
    return rosters[uid]


def forget(stateful_set: Object, view: View) -> None:
    _rosters(view).pop(stateful_set["metadata"]["uid"], None)


def note(revision: Revision, view: View) -> None:
    """Tell the rosters of a Pod's revision. Each revision must be told, or a roster would be wrong."""
    rosters = _rosters(view)
    if not rosters:
        return
    after = controller_uid(revision.object) if revision.type != "DELETED" else None
    before = controller_uid(revision.previous) if revision.previous is not None else None
    if before is not None and before != after and before in rosters:
        rosters[before].drop(revision.object)
    if after is not None and after in rosters:
        rosters[after].put(revision.object)
