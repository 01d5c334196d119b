"""Streaming watches to many clients: what is the same for all of them is made once.

A watch without a selector, in plain JSON, gets the same lines as every other such watch. They share one Broadcast,
which takes each revision once and wakes its watchers together, in a rhythm: at once when nothing was sent lately, and
less often the more watchers there are. Other watches have a queue of their own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import islice

from statelab.controlplane.apiserver.encoding.request import WatchAnswer
from statelab.controlplane.kinds import split_key
from statelab.controlplane.store import Revision, Store

_BOOKMARK_EVERY_S = 60.0
_FLUSH_EVERY_S = 0.005  # a watch is written to no oftener than this, and less often the more watches there are
_FLUSH_PER_WATCH_S = 0.0005
_MOST_LINES, _MOST_BYTES = 10_000, 32 * 1024 * 1024  # a watcher that is further behind is dropped
_LINES_AT_ONCE = 500

Write = Callable[[bytes], Awaitable[None]]


class TooSlow(Exception):
    """The client does not read what it watches."""


class Alarm:
    """Wakes the one who waits, or the next who will."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._rung = False
        self._waiter: asyncio.Future[None] | None = None

    def ring(self) -> None:
        self._rung = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self, until_s: float | None) -> None:
        """Until rung, or until that time of the asyncio loop."""
        if not self._rung:
            self._waiter = self._loop.create_future()
            timer = None if until_s is None else self._loop.call_at(until_s, self.ring)
            try:
                await self._waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()
        self._rung = False


class Broadcast:
    """The lines of all plain watches of one kind, in one namespace or in all ("")."""

    def __init__(self, store: Store, plural: str, namespace: str) -> None:
        self._store = store
        self._plural = plural
        self._namespace = namespace
        self._loop = asyncio.get_running_loop()
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self.end = 0  # how many lines there ever were
        self._joined: tuple[int, int, bytes] = (0, 0, b"")
        self._watchers: set[Alarm] = set()
        self._flush: asyncio.Handle | None = None
        self._flushed_s = 0.0
        self._unsubscribe = store.subscribe(self._on_revision)

    def add(self, watcher: Alarm) -> None:
        self._watchers.add(watcher)

    def remove(self, watcher: Alarm) -> bool:
        """Whether it was the last."""
        self._watchers.discard(watcher)
        return not self._watchers

    def close(self) -> None:
        self._unsubscribe()
        if self._flush is not None:
            self._flush.cancel()

    def since(self, position: int) -> tuple[bytes, int]:
        """The lines from `position` on, and the position behind them. Raises TooSlow when the first are gone."""
        first = self.end - len(self._lines)
        if position < first:
            raise TooSlow
        end = min(self.end, position + _LINES_AT_ONCE)
        if self._joined[:2] != (position, end):
            data = b"".join(islice(self._lines, position - first, end - first))
            self._joined = (position, end, data)
        return self._joined[2], end

    def _on_revision(self, revision: Revision) -> None:
        if revision.plural != self._plural or (self._namespace and split_key(revision.key)[0] != self._namespace):
            return
        encoded = self._store.encoded(revision.object)
        line = b'{"type":"%b","object":%b}\n' % (revision.type.encode(), encoded)
        self._lines.append(line)
        self._bytes += len(line)
        self.end += 1
        while len(self._lines) > _MOST_LINES or (self._bytes > _MOST_BYTES and len(self._lines) > 1):
            self._bytes -= len(self._lines.popleft())
        if self._flush is None:
            interval_s = max(_FLUSH_EVERY_S, len(self._watchers) * _FLUSH_PER_WATCH_S)
            self._flush = self._loop.call_at(self._flushed_s + interval_s, self._wake_all)

    def _wake_all(self) -> None:
        self._flush = None
        self._flushed_s = self._loop.time()
        for watcher in self._watchers:
            watcher.ring()


class Watching:
    """All the watches of one server."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._broadcasts: dict[tuple[str, str], Broadcast] = {}

    async def stream(self, answer: WatchAnswer, write: Write) -> None:
        """Write a watch's lines until its time is over. Raises TooSlow, and whatever `write` raises."""
        try:
            if answer.is_plain:
                await self._share(answer, write)
            else:
                await self._own(answer, write)
        finally:
            answer.watch.close()

    async def _share(self, answer: WatchAnswer, write: Write) -> None:
        """First what the watch itself has gathered, then the broadcast: joined now, before anything else happens."""
        key = (answer.kind.plural, answer.namespace)
        broadcast = self._broadcasts.get(key)
        if broadcast is None:
            broadcast = self._broadcasts[key] = Broadcast(self._store, *key)
        alarm = Alarm(asyncio.get_running_loop())
        broadcast.add(alarm)
        position = broadcast.end
        answer.watch.close()
        clock = _Clock(answer)
        try:
            if answer.watch.overflowed:
                raise TooSlow
            while answer.watch.events:
                await write(_gathered(answer))
            while True:
                data, position = broadcast.since(position)
                data += clock.bookmark(is_caught_up=position == broadcast.end)
                if data:
                    await write(data)
                if position == broadcast.end:
                    if clock.is_over():
                        return
                    await alarm.wait(clock.next_s())
        finally:
            if broadcast.remove(alarm):
                broadcast.close()
                self._broadcasts.pop(key, None)

    async def _own(self, answer: WatchAnswer, write: Write) -> None:
        watch, clock = answer.watch, _Clock(answer)
        alarm = Alarm(asyncio.get_running_loop())
        watch.on_event = alarm.ring
        while True:
            if watch.overflowed:
                raise TooSlow
            data = _gathered(answer) + clock.bookmark(is_caught_up=not watch.events)
            if data:
                await write(data)
            if not watch.events and not watch.overflowed:
                if clock.is_over():
                    return
                await alarm.wait(clock.next_s())
                if watch.events:
                    await asyncio.sleep(_FLUSH_EVERY_S)


class _Clock:
    """When a watch ends, and when it is time for a bookmark."""

    def __init__(self, answer: WatchAnswer) -> None:
        self._answer = answer
        self._loop = asyncio.get_running_loop()
        self._ends_at_s = self._loop.time() + answer.timeout_s
        self._bookmark_at_s = self._loop.time() + _BOOKMARK_EVERY_S
        self._initial_end = answer.initial_events_end

    def is_over(self) -> bool:
        return self._loop.time() >= self._ends_at_s

    def next_s(self) -> float:
        return min(self._ends_at_s, self._bookmark_at_s) if self._answer.bookmarks else self._ends_at_s

    def bookmark(self, *, is_caught_up: bool) -> bytes:
        """A line that says how far the watch has come, when it is time for one; else nothing."""
        now_s = self._loop.time()
        is_due = self._initial_end or (self._answer.bookmarks and now_s >= self._bookmark_at_s)
        if not is_caught_up or not is_due:
            return b""
        kind = self._answer.kind
        event = self._answer.watch.bookmark(kind.name, kind.api_version, initial_events_end=self._initial_end)
        self._initial_end, self._bookmark_at_s = False, now_s + _BOOKMARK_EVERY_S
        return self._answer.encode(event.type, event.object)


def _gathered(answer: WatchAnswer) -> bytes:
    lines: list[bytes] = []
    while answer.watch.events and len(lines) < _LINES_AT_ONCE:
        event = answer.watch.events.popleft()
        lines.append(answer.encode(event.type, event.object))
    return b"".join(lines)
