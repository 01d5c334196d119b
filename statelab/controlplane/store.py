"""etcd: every object, every revision, who wrote it and why; watchers hear of each revision once, in order.

One counter numbers the revisions, as etcd's does, and is the resourceVersion of the object written. An object in the
store is never changed in place: a write puts a new dict in its stead, so a reader may keep what it was given.
"""

from __future__ import annotations

import builtins
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from statelab.controlplane.errors import expired
from statelab.controlplane.kinds import Object, Objects, key_of, split_key
from statelab.reader import jsonbytes

RevisionType = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True, slots=True)
class Cause:
    """Who wrote a revision ("statefulset-controller", "you") and why, in plain words."""

    actor: str
    why: str


@dataclass(frozen=True, slots=True)
class Revision:
    """One write. `object` is as after the write; of a deletion, the last state with the deletion's resourceVersion."""

    number: int
    type: RevisionType
    plural: str
    key: str
    object: Object
    previous: Object | None
    cause: Cause
    at_s: float


_MOST_ENCODED, _MOST_ENCODED_BYTES = 4096, 32 * 1024 * 1024


class Past(Protocol):
    """A revision of the history: a Revision, or one that stands in the journal and is read when it is asked for."""

    @property
    def number(self) -> int: ...
    @property
    def type(self) -> RevisionType: ...
    @property
    def plural(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def object(self) -> Object: ...
    @property
    def previous(self) -> Object | None: ...
    @property
    def cause(self) -> Cause: ...
    @property
    def at_s(self) -> float: ...


Placed = tuple[str, str, Object]  # plural, key, object


@dataclass(frozen=True, slots=True)
class Later:
    """Objects that are made when somebody first looks at one of `plurals`."""

    plurals: tuple[str, ...]
    namespaces: frozenset[str]
    make: Callable[[], Iterable[Placed]]


class Log(Protocol):
    """Where revisions are written before they count (journal.py); raises ApiError when they cannot be."""

    def append_revision(self, revision: Revision) -> None: ...


class Store:
    """Objects by plural and key, their history, and who listens.

    History is bounded: beyond `history_limit` revisions the oldest are compacted, and a watch or a list that asks for
    one of those gets 410 Expired, as etcd's clients do.
    """

    def __init__(self, history_limit: int = 20_000) -> None:
        self.revision = 0
        self.compacted = 0  # revisions up to this one are no longer kept
        self.history: deque[Past] = deque()
        self.log: Log | None = None
        self.history_limit = history_limit
        self._objects: dict[str, dict[str, dict[str, Object]]] = {}  # plural → namespace → name
        self._later: dict[str, Later] = {}  # plurals whose first objects are made when somebody looks
        self._sorted: dict[tuple[str, str], list[Object]] = {}
        self._by_controller: dict[tuple[str, str, str], dict[str, Object]] = {}  # see _place → key
        self._subscribers: dict[str, list[Callable[[Revision], None]]] = {"": []}  # plural, "" for all → callbacks
        self._encoded: OrderedDict[str, bytes] = OrderedDict()
        self._encoded_bytes = 0

    # ---- what is made when somebody looks

    def reserve(self, count: int) -> int:
        """Take `count` revisions for objects that are made later; the number of the first."""
        self.revision += count
        return self.revision - count + 1

    def later(self, plurals: Iterable[str], namespaces: Iterable[str], make: Callable[[], Iterable[Placed]]) -> None:
        """Call `make` for objects, with resourceVersions of their own, when one of these plurals is first looked at.

        They are in these namespaces ("" is none). They stand in no history: they were always there.
        """
        later = Later(tuple(plurals), frozenset(namespaces), make)
        self._later |= dict.fromkeys(later.plurals, later)
        self._sorted = {place: found for place, found in self._sorted.items() if place[0] not in self._later}

    def is_made(self, plural: str) -> bool:
        """Whether a plural's objects are not still to be made."""
        return plural not in self._later

    def _make(self, plural: str) -> None:
        later = self._later[plural]
        for each in later.plurals:
            self._later.pop(each)
            self._objects.setdefault(each, {})
        self._hold(later.make())

    # ---- reading

    def get(self, plural: str, key: str) -> Object | None:
        namespace, name = split_key(key)
        if plural in self._later and namespace in self._later[plural].namespaces:
            self._make(plural)
        by_namespace = self._objects.get(plural)
        by_name = by_namespace.get(namespace) if by_namespace is not None else None
        return by_name.get(name) if by_name is not None else None

    @property
    def plurals(self) -> builtins.list[str]:
        """The kinds of which something was ever stored."""
        return [*self._objects]

    def list(self, plural: str, namespace: str = "") -> Objects:
        """All objects of a kind, or those of one namespace, in etcd's order. The list is the caller's own."""
        cached = self._sorted.get((plural, namespace))
        if cached is None:
            if plural in self._later:
                if namespace and namespace not in self._later[plural].namespaces:
                    return []
                self._make(plural)
            by_namespace = self._objects.get(plural, {})
            chosen = [namespace] if namespace else sorted(by_namespace, key=lambda each: each + "/")
            cached = [
                by_namespace[each][name]
                for each in chosen
                if each in by_namespace
                for name in sorted(by_namespace[each])
            ]
            self._sorted[plural, namespace] = cached
        return list(cached)

    def count(self, plural: str, namespace: str = "") -> int:
        if plural in self._later:
            self._make(plural)
        by_namespace = self._objects.get(plural, {})
        if namespace:
            return len(by_namespace.get(namespace, ()))
        return sum(len(names) for names in by_namespace.values())

    def controlled_by(self, plural: str, owner_uid: str) -> Objects:
        """The objects whose controller reference has this uid, in the order they came to it."""
        return list(self._by_controller.get((plural, owner_uid, ""), {}).values())

    def uncontrolled(self, plural: str, namespace: str) -> Objects:
        """The objects of a namespace that no controller owns: those that one may adopt."""
        return list(self._by_controller.get((plural, "", namespace), {}).values())

    def encoded(self, obj: Object) -> bytes:
        """The object as JSON. Remembered for a while: many watchers and lists ask for the same one."""
        version = obj["metadata"]["resourceVersion"]
        found = self._encoded.get(version)
        if found is None:
            found = jsonbytes.dumps(obj)
            self._encoded[version] = found
            self._encoded_bytes += len(found)
            while len(self._encoded) > _MOST_ENCODED or self._encoded_bytes > _MOST_ENCODED_BYTES:
                self._encoded_bytes -= len(self._encoded.popitem(last=False)[1])
        return found

    # ---- history

    def since(self, number: int) -> Iterator[Past]:
        """The revisions after `number`, oldest first. Raises ApiError 410 when some of them are compacted."""
        if number < self.compacted:
            raise expired(f"too old resource version: {number} ({self.compacted})")
        newer: list[Past] = []
        for revision in reversed(self.history):
            if revision.number <= number:
                break
            newer.append(revision)
        return reversed(newer)

    def list_at(self, number: int, plural: str, namespace: str = "") -> Objects:
        """What `list` answered at revision `number`. Raises ApiError 410 when that is compacted."""
        if number >= self.revision:
            return self.list(plural, namespace)
        before: dict[str, Object | None] = {}
        for revision in self.since(number):
            if revision.plural == plural:
                before.setdefault(revision.key, revision.previous)
        now = {key_of(obj): obj for obj in self.list(plural, namespace)}
        then: dict[str, Object | None] = {**now, **before}
        chosen = {
            key: obj
            for key, obj in then.items()
            if obj is not None and (not namespace or split_key(key)[0] == namespace)
        }
        return [chosen[key] for key in sorted(chosen)]

    # ---- writing

    def create(self, plural: str, key: str, obj: Object, cause: Cause, at_s: float) -> Object:
        """`obj` becomes the store's own. Its resourceVersion is set here."""
        return self._commit("ADDED", plural, key, obj, None, cause, at_s)

    def update(self, plural: str, key: str, obj: Object, cause: Cause, at_s: float) -> Object:
        return self._commit("MODIFIED", plural, key, obj, self._must_get(plural, key), cause, at_s)

    def delete(self, plural: str, key: str, cause: Cause, at_s: float, last: Object | None = None) -> Object:
        """`last`: the state to show to watchers, where it differs from the stored one (its finalizers are gone)."""
        previous = self._must_get(plural, key)
        obj = last if last is not None else {**previous, "metadata": dict(previous["metadata"])}
        return self._commit("DELETED", plural, key, obj, previous, cause, at_s)

    def subscribe(self, callback: Callable[[Revision], None], plural: str = "") -> Callable[[], None]:
        """`callback` hears of each revision (of one kind, with `plural`) right after it is committed.

        Returns what ends the subscription.
        """
        subscribers = self._subscribers.setdefault(plural, [])
        subscribers.append(callback)

        return lambda: self.unsubscribe(callback, plural)

    def unsubscribe(self, callback: Callable[[Revision], None], plural: str = "") -> None:
        """End what `subscribe` began. Nothing happens where nothing was begun."""
        subscribers = self._subscribers.get(plural, [])
        if callback in subscribers:
            subscribers.remove(callback)

    def restore(self, revision: Revision) -> None:
        """Take over a revision made elsewhere: as a commit, but nobody is told."""
        self._apply(revision)

    def take_over(self, objects: Iterable[Placed], history: Iterable[Past], compacted: int) -> None:
        """Take over what a journal holds: objects with their plurals and keys, and the revisions after `compacted`."""
        self._hold(objects)
        self._sorted.clear()
        self.history.extend(history)
        self.compacted = compacted
        self.revision = self.history[-1].number if self.history else compacted

    def _hold(self, objects: Iterable[Placed]) -> None:
        for plural, key, obj in objects:
            namespace, name = split_key(key)
            self._objects.setdefault(plural, {}).setdefault(namespace, {})[name] = obj
            self._by_controller.setdefault(_place(plural, obj), {})[key] = obj

    def _must_get(self, plural: str, key: str) -> Object:
        found = self.get(plural, key)
        if found is None:
            raise KeyError(f"{plural} {key}")
        return found

    def _commit(
        self,
        type: RevisionType,
        plural: str,
        key: str,
        obj: Object,
        previous: Object | None,
        cause: Cause,
        at_s: float,
    ) -> Object:
        number = self.revision + 1
        obj["metadata"]["resourceVersion"] = str(number)
        revision = Revision(number, type, plural, key, obj, previous, cause, at_s)
        if self.log is not None:
            self.log.append_revision(revision)  # first on disk; if that fails, nothing has happened
        self._apply(revision)
        for subscriber in (*self._subscribers[""], *self._subscribers.get(plural, ())):
            subscriber(revision)
        return obj

    def _apply(self, revision: Revision) -> None:
        plural, key = revision.plural, revision.key
        namespace, name = split_key(key)
        if plural in self._later:
            self._make(plural)
        by_name = self._objects.setdefault(plural, {}).setdefault(namespace, {})
        if revision.type == "DELETED":
            by_name.pop(name, None)
        else:
            by_name[name] = revision.object
        self._sorted.pop((plural, namespace), None)
        self._sorted.pop((plural, ""), None)
        self._index_owner(revision)
        self.revision = revision.number
        self.history.append(revision)
        if len(self.history) > self.history_limit:
            self.compacted = self.history.popleft().number

    def _index_owner(self, revision: Revision) -> None:
        after = _place(revision.plural, revision.object) if revision.type != "DELETED" else None
        before = _place(revision.plural, revision.previous) if revision.previous is not None else None
        if before is not None and before != after:
            entries = self._by_controller.get(before, {})
            entries.pop(revision.key, None)
            if not entries:
                self._by_controller.pop(before, None)
        if after is not None:
            self._by_controller.setdefault(after, {})[revision.key] = revision.object


def _place(plural: str, obj: Object) -> tuple[str, str, str]:
    """Where the index has an object: under its controller's uid, or under its namespace when nobody controls it."""
    owner = controller_uid(obj)
    return (plural, owner, "") if owner is not None else (plural, "", obj["metadata"].get("namespace", ""))


def controller_uid(obj: Object) -> str | None:
    """The uid of the owner that controls the object, if one does."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return str(reference["uid"])
    return None
