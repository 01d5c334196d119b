"""What etcd's members agree on: keys with their revisions, leases, and who is a member. Entries are applied in order.

Every method that changes something is called on every member with the same arguments, in the same order, and does the
same there. Source: server/storage/mvcc, server/lease, server/etcdserver/api/membership.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


class Refused(Exception):
    """etcd's own word for what cannot be done, and its gRPC code."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


COMPACTED = Refused("etcdserver: mvcc: required revision has been compacted", "OutOfRange")
FUTURE = Refused("etcdserver: mvcc: required revision is a future revision", "OutOfRange")
NO_LEASE = Refused("etcdserver: requested lease not found", "NotFound")
NO_MEMBER = Refused("etcdserver: member not found", "NotFound")


@dataclass(frozen=True, slots=True)
class Value:
    """One version of a key. `version` 0: it was deleted at `mod`."""

    key: str
    value: str
    create: int
    mod: int
    version: int
    lease: int = 0


@dataclass(slots=True)
class Lease:
    id: int
    ttl: int
    expires_s: float
    keys: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Member:
    """`name` is empty until it has started once."""

    id: int
    peer_urls: list[str]
    name: str = ""
    client_urls: list[str] = field(default_factory=list)
    learner: bool = False


Event = tuple[Value, Value | None]  # what became of a key, and what it was before


class State:
    """The keys of one member. Keys and values are text in Latin-1: one character a byte."""

    def __init__(self) -> None:
        self.revision = 1
        self.compacted = 0
        self.history: dict[str, list[Value]] = {}
        self.keys: list[str] = []
        self.leases: dict[int, Lease] = {}
        self.members: dict[int, Member] = {}
        self.removed: set[int] = set()

    # ---- reading

    def matching(self, key: str, end: str) -> list[str]:
        """The keys from `key` to before `end`; "\\0" is no end; "" is the one key."""
        if not end:
            return [key] if key in self.history else []
        first = bisect_left(self.keys, key)
        last = len(self.keys) if end == "\0" else bisect_left(self.keys, end)
        return self.keys[first:last]

    def at(self, key: str, revision: int) -> Value | None:
        """What the key was at that revision."""
        found = next((each for each in reversed(self.history.get(key, ())) if each.mod <= revision), None)
        return found if found is not None and found.version else None

    def range(self, key: str, end: str, revision: int = 0) -> list[Value]:
        """Raises Refused for a revision that is gone or to come."""
        if revision > self.revision:
            raise FUTURE
        if revision and revision < self.compacted:
            raise COMPACTED
        found = (self.at(each, revision or self.revision) for each in self.matching(key, end))
        return [each for each in found if each is not None]

    def events(self, key: str, end: str, since: int) -> list[list[Event]]:
        """What happened from a revision on, a list for each revision. Raises Refused where it was compacted."""
        if since <= self.compacted:
            raise COMPACTED
        found: dict[int, list[Event]] = {}
        for each in self.matching(key, end):
            before: Value | None = None
            for value in self.history[each]:
                if value.mod >= since:
                    found.setdefault(value.mod, []).append((value, before))
                before = value if value.version else None
        return [found[revision] for revision in sorted(found)]

    # ---- writing

    def put(self, key: str, value: str | None, lease: int | None, revision: int) -> tuple[Value | None, Event]:
        """None keeps the value or lease that is there. Returns what was before, and the event."""
        before = self.at(key, self.revision)
        if (value is None or lease is None) and before is None:
            raise Refused("etcdserver: key not found", "InvalidArgument")
        kept_value = before.value if value is None and before else value or ""
        kept_lease = before.lease if lease is None and before else lease or 0
        if kept_lease and kept_lease not in self.leases:
            raise NO_LEASE
        create, version = (before.create, before.version + 1) if before else (revision, 1)
        now = Value(key, kept_value, create, revision, version, kept_lease)
        if before and before.lease in self.leases:
            self.leases[before.lease].keys.discard(key)
        if kept_lease:
            self.leases[kept_lease].keys.add(key)
        self._add(now)
        return before, (now, before)

    def delete(self, key: str, end: str, revision: int) -> list[Event]:
        events: list[Event] = []
        for each in self.range(key, end):
            if each.lease in self.leases:
                self.leases[each.lease].keys.discard(each.key)
            gone = Value(each.key, "", 0, revision, 0)
            self._add(gone)
            events.append((gone, each))
        return events

    def _add(self, value: Value) -> None:
        if value.key not in self.history:
            insort(self.keys, value.key)
            self.history[value.key] = []
        versions = self.history[value.key]
        if versions and versions[-1].mod == value.mod:
            versions.pop()
        versions.append(value)

    def compact(self, revision: int) -> None:
        if revision <= self.compacted:
            raise COMPACTED
        if revision > self.revision:
            raise FUTURE
        self.compacted = revision
        for key in list(self.keys):
            versions = self.history[key]
            last = max((at for at, each in enumerate(versions) if each.mod <= revision), default=-1)
            del versions[: max(last, 0)]
            if versions and versions[0].mod <= revision and not versions[0].version:
                versions.pop(0)
            if not versions:
                del self.history[key]
                self.keys.remove(key)

    # ---- leases

    def grant(self, lease: int, ttl: int, now_s: float) -> None:
        if lease in self.leases:
            raise Refused("etcdserver: lease already exists", "FailedPrecondition")
        self.leases[lease] = Lease(lease, ttl, now_s + ttl)

    def revoke(self, lease: int, revision: int) -> list[Event]:
        found = self.leases.get(lease)
        if found is None:
            raise NO_LEASE
        events = [event for key in sorted(found.keys) for event in self.delete(key, "", revision)]
        del self.leases[lease]
        return events

    # ---- members

    def voting(self) -> set[int]:
        return {each.id for each in self.members.values() if not each.learner}

    def learners(self) -> set[int]:
        return {each.id for each in self.members.values() if each.learner}

    # ---- snapshots

    def packed(self) -> Json:
        return {
            "revision": self.revision,
            "compacted": self.compacted,
            "values": [
                [each.key, each.value, each.create, each.mod, each.version, each.lease]
                for key in self.keys
                for each in self.history[key]
            ],
            "leases": [[each.id, each.ttl, each.expires_s] for each in self.leases.values()],
            "members": [
                [each.id, each.peer_urls, each.name, each.client_urls, each.learner] for each in self.members.values()
            ],
            "removed": sorted(self.removed),
        }

    @staticmethod
    def unpacked(packed: Json) -> State:
        state = State()
        state.revision, state.compacted = packed["revision"], packed["compacted"]
        state.leases = {each[0]: Lease(*each) for each in packed["leases"]}
        for values in packed["values"]:
            value = Value(*values)
            state._add(value)
            if value.lease in state.leases and value.version:
                state.leases[value.lease].keys.add(value.key)
        state.members = {each[0]: Member(*each) for each in packed["members"]}
        state.removed = set(packed["removed"])
        return state

    def hash(self) -> int:
        """The same on members that hold the same."""
        import zlib

        return zlib.crc32(repr([self.compacted, *(self.history[key] for key in self.keys)]).encode())

    def size(self) -> int:
        """Bytes a database file of this would have: pages of 4 KiB, five at least."""
        content = sum(len(each.key) + len(each.value) + 64 for key in self.keys for each in self.history[key])
        return max(5, -(-content // 4096) + 4) * 4096
