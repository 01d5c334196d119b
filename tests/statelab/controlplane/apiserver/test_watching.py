"""Many watchers of one kind: each gets every change, and one that does not read harms nobody but itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.encoding import negotiation
from statelab.controlplane.apiserver.encoding.request import Request, WatchAnswer
from statelab.controlplane.apiserver.registry.watch import Watch
from statelab.controlplane.apiserver.serving import forms
from statelab.controlplane.apiserver.wire import watching
from statelab.controlplane.kinds import KINDS

CONFIG_MAPS = KINDS["configmaps"]


@pytest.fixture
def plane() -> ControlPlane:
    return ControlPlane()


def watch(plane: ControlPlane) -> WatchAnswer:
    store = plane.store
    encode = forms.event_encoder(store, CONFIG_MAPS, negotiation.JSON, Request("GET", "/"), lambda: plane.loop.now_s)
    opened = Watch(store, "configmaps", "default", resource_version=str(store.revision))
    return WatchAnswer(opened, encode, 60.0, bookmarks=False, kind=CONFIG_MAPS, namespace="default", is_plain=True)


def changes(plane: ControlPlane, count: int, size: int = 1) -> Iterator[int]:
    plane.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "watched"}})
    for number in range(count - 1):
        plane.patch("configmaps", "default/watched", {"data": {"n": str(number), "text": str(number % 10) * size}})
        yield number


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


def into(lines: list[bytes]) -> Callable[[bytes], Awaitable[None]]:
    async def write(data: bytes) -> None:
        lines.extend(data.splitlines())

    return write


def test_every_watcher_gets_every_change_in_order(plane: ControlPlane) -> None:
    async def run() -> list[list[bytes]]:
        all_watching = watching.Watching(plane.store)
        seen: list[list[bytes]] = [[] for _ in range(20)]
        tasks = [asyncio.create_task(all_watching.stream(watch(plane), into(lines))) for lines in seen]
        await asyncio.sleep(0)
        for number in changes(plane, 300):
            if number % 50 == 0:
                await asyncio.sleep(0)
        await until(lambda: all(len(lines) == 300 for lines in seen))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return seen

    first, *others = asyncio.run(run())
    assert first[0].startswith(b'{"type":"ADDED"')
    assert b'"n":"298"' in first[-1]
    assert all(lines == first for lines in others)


@pytest.mark.parametrize("size", [1, 50_000])
def test_one_that_does_not_read_is_dropped_and_nobody_else_notices(
    plane: ControlPlane, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is behind by many lines or by few that are long."""
    monkeypatch.setattr(watching, "_MOST_LINES", 100)
    monkeypatch.setattr(watching, "_MOST_BYTES", 1_000_000)

    async def run() -> int:
        all_watching = watching.Watching(plane.store)
        released = asyncio.Event()

        async def stuck(data: bytes) -> None:
            await released.wait()

        seen: list[bytes] = []
        reader = asyncio.create_task(all_watching.stream(watch(plane), into(seen)))
        stalled = asyncio.create_task(all_watching.stream(watch(plane), stuck))
        await asyncio.sleep(0)
        for number in changes(plane, 200, size):
            await until(lambda number=number: len(seen) > number)  # type: ignore[misc]
        await until(lambda: len(seen) == 200)
        released.set()
        with pytest.raises(watching.TooSlow):
            await asyncio.wait_for(stalled, 30)
        assert not reader.done()
        reader.cancel()
        return len(seen)

    assert asyncio.run(run()) == 200


def test_what_was_encoded_is_not_kept_without_bound(plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    from statelab.controlplane import store as store_module

    monkeypatch.setattr(store_module, "_MOST_ENCODED_BYTES", 100_000)
    for _ in changes(plane, 20, 20_000):
        found = plane.get("configmaps", "default/watched")
        assert found is not None
        assert plane.store.encoded(found) is plane.store.encoded(found)
    kept = plane.store._encoded
    assert 0 < len(kept) <= 5
    assert sum(map(len, kept.values())) == plane.store._encoded_bytes
