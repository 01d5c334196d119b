"""Threads that follow what a cluster holds, and tell of each change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from statelab.cluster.connection import RequestRefused
from statelab.cluster.custom import kind_called
from statelab.cluster.names import path_of
from statelab.cluster.problem import Problem
from statelab.controlplane.kinds import Object

if TYPE_CHECKING:
    from statelab.cluster.cluster import Cluster


class Ends(set[Callable[[], None]]):
    """What ends the watches that wait. Once `closed` is set, one that is only about to begin ends at once."""

    def __init__(self, closed: threading.Event) -> None:
        super().__init__()
        self._closed = closed

    def add(self, end: Callable[[], None]) -> None:
        super().add(end)
        if self._closed.is_set():
            end()

    def close(self) -> None:
        """End them all."""
        self._closed.set()
        for end in list(self):
            end()


class Watcher:
    """Threads that follow some kinds in the cluster's current namespace, and tell of each change."""

    def __init__(
        self, cluster: Cluster, plurals: tuple[str, ...], on_event: Callable[[str, str, Object], None]
    ) -> None:
        self._cluster = cluster
        self._on_event = on_event
        self._closed = threading.Event()
        self._ends = Ends(self._closed)
        self._namespace = cluster.namespace
        self._kinds = {plural: kind_called(cluster, plural) for plural in plurals}
        for plural in plurals:
            threading.Thread(target=self._follow, args=(plural,), daemon=True, name=f"watch {plural}").start()

    def close(self) -> None:
        self._ends.close()

    def _follow(self, plural: str) -> None:
        path = path_of(self._kinds[plural], self._namespace)
        while not self._closed.is_set():
            try:
                self._on_event("RESET", plural, {})
                for type, obj in self._events(path):
                    if self._closed.is_set():
                        return
                    self._on_event(type, plural, obj)
            except (RequestRefused, Problem):
                pass  # it is away; look again soon
            self._closed.wait(1.0)

    def _events(self, path: str) -> Iterator[tuple[str, Object]]:
        params = {"watch": "1", "timeoutSeconds": "300"}
        for event in self._cluster.connection.stream(path, params, read_timeout_s=330.0, ends=self._ends):
            if event["type"] == "ERROR":
                return
            yield event["type"], event["object"]
