"""Watches: the revisions a client asked to hear of, in order, as ADDED, MODIFIED, DELETED, BOOKMARK or ERROR.

An object that begins to match a selector is ADDED to that watch, one that ceases to match is DELETED from it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from statelab.controlplane.apiserver.registry.listing import check_not_future, parse_resource_version
from statelab.controlplane.kinds import Object, split_key
from statelab.controlplane.store import Past, Revision, Store


@dataclass(frozen=True, slots=True)
class WatchEvent:
    type: str
    object: Object


class Watch:
    """One client's watch. `events` holds what it has not read; beyond `limit` it is closed (`overflowed`)."""

    def __init__(
        self,
        store: Store,
        plural: str,
        namespace: str = "",
        matches: Callable[[Object], bool] | None = None,
        *,
        resource_version: str = "",
        on_event: Callable[[], None] | None = None,
        limit: int = 10_000,
        send_initial: bool = False,
    ) -> None:
        """Raises ApiError 410 when `resource_version` is compacted.

        Without a resourceVersion, or with "0", or with `send_initial`, the present objects come first as ADDED.
        """
        self.events: deque[WatchEvent | Past] = deque()
        self.overflowed = False
        self._store = store
        self._plural = plural
        self._namespace = namespace
        self._matches = matches
        self.on_event = on_event
        self._limit = limit
        if send_initial or resource_version in ("", "0"):
            present = store.list(plural, namespace)
            self.events.extend(WatchEvent("ADDED", obj) for obj in present if matches is None or matches(obj))
        else:
            number = parse_resource_version(resource_version)
            check_not_future(store, number)
            for revision in store.since(number):
                self._take(revision)
        self._limit = max(limit, len(self.events) + limit)
        self._unsubscribe = store.subscribe(self._on_revision, plural)

    def close(self) -> None:
        self._unsubscribe()

    def bookmark(self, kind: str, api_version: str, *, initial_events_end: bool = False) -> WatchEvent:
        """A BOOKMARK at the store's present revision."""
        metadata: Object = {"resourceVersion": str(self._store.revision)}
        if initial_events_end:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        return WatchEvent("BOOKMARK", {"kind": kind, "apiVersion": api_version, "metadata": metadata})

    def _on_revision(self, revision: Revision) -> None:
        if self.overflowed:
            return
        before = len(self.events)
        self._take(revision)
        if len(self.events) > self._limit:
            self.overflowed = True
            self.events.clear()
            self.close()
        if self.on_event is not None and (self.overflowed or len(self.events) > before):
            self.on_event()

    def _take(self, revision: Past) -> None:
        if revision.plural != self._plural or (self._namespace and split_key(revision.key)[0] != self._namespace):
            return
        if self._matches is None:
            self.events.append(revision)  # it has the type and the object that an event has
            return
        type = self._type(revision, self._matches)
        if type is not None:
            self.events.append(WatchEvent(type, revision.object))

    @staticmethod
    def _type(revision: Past, matches: Callable[[Object], bool]) -> str | None:
        is_match = revision.type != "DELETED" and matches(revision.object)
        was_match = revision.previous is not None and matches(revision.previous)
        if is_match:
            return "MODIFIED" if was_match else "ADDED"
        return "DELETED" if was_match else None
