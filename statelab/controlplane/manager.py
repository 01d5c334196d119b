"""kube-controller-manager: runs controllers.

A revision names keys; a key is reconciled once, soon, however often it was named. A controller is a plain function of a
key. What makes it a loop (the queue, the delay, trying again) is here, once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from statelab.controlplane.clock import Loop, Timer
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import key_of
from statelab.controlplane.store import Cause, Revision, Store
from statelab.controlplane.view import View

log = logging.getLogger(__name__)
Concerns = Callable[[Revision, View], Iterable[str]]

# A pass comes this long after the revision that asked for it: what a watch and a queue take on a real cluster.
_LATENCY_S = 0.002
_FIRST_RETRY_S = 0.005
_LAST_RETRY_S = 1000.0  # client-go's DefaultControllerRateLimiter
_RESYNC = Cause("manager", "looking at everything once, after a start")


@dataclass(frozen=True)
class Controller:
    """`watches` maps a plural to the keys a revision of it concerns; `reconcile(key, view)` makes one of them right.

    `reconcile` returns the cluster seconds after which to look again, or None. `latency_s`: how long to gather changes.
    `custom`: as `watches`, for every custom kind.
    `is_timer`: it looks again for ever, as a schedule does, so that waiting for it keeps nobody from being idle.
    """

    name: str
    reconcile: Callable[[str, View], float | None]
    watches: Mapping[str, Concerns]
    latency_s: float = _LATENCY_S
    is_timer: bool = False
    custom: Concerns | None = None


class Manager:
    """Runs controllers on the loop, each with its own View."""

    def __init__(self, loop: Loop, store: Store, view_for: Callable[[str], View]) -> None:
        self._loop = loop
        self._store = store
        self._view_for = view_for
        self._workers: list[_Worker] = []
        self._by_plural: dict[str, list[tuple[_Worker, Concerns]]] = {}
        store.subscribe(self._on_revision)

    def add(self, controller: Controller) -> None:
        worker = _Worker(controller, self._view_for(controller.name), self._loop)
        self._workers.append(worker)
        for plural, concerns in controller.watches.items():
            self._by_plural.setdefault(plural, []).append((worker, concerns))

    def resync(self) -> None:
        """Look at everything once: after a start from a journal, when no revision will name it."""
        for worker in self._workers:
            custom = [each for each in self._store.plurals if "." in each] if worker.controller.custom else []
            for plural in [*worker.controller.watches, *custom]:
                for obj in self._store.list(plural):
                    worker.on_revision(Revision(0, "ADDED", plural, key_of(obj), obj, None, _RESYNC, self._loop.now_s))

    def _on_revision(self, revision: Revision) -> None:
        workers = self._by_plural.get(revision.plural)
        if workers is None and "." in revision.plural:  # a custom kind's key is its definition's name
            workers = [(each, custom) for each in self._workers if (custom := each.controller.custom) is not None]
        for worker, concerns in workers or ():
            for key in concerns(revision, worker.view):
                worker.enqueue(key)


class _Worker:
    """One controller's queue: the keys that wait, and how often each has failed."""

    def __init__(self, controller: Controller, view: View, loop: Loop) -> None:
        self.controller = controller
        self.view = view
        self._loop = loop
        self._due: dict[str, Timer] = {}
        self._failures: dict[str, int] = {}

    def on_revision(self, revision: Revision) -> None:
        concerns = self.controller.watches.get(revision.plural) or self.controller.custom
        for key in concerns(revision, self.view) if concerns is not None else ():
            self.enqueue(key)

    def enqueue(self, key: str) -> None:
        """A revision has named it."""
        self._enqueue(key, self.controller.latency_s)

    def _enqueue(self, key: str, after_s: float, *, housekeeping: bool = False) -> None:
        at_s = self._loop.now_s + after_s
        waiting = self._due.get(key)
        if waiting is not None:
            if waiting.at_s <= at_s:
                return
            waiting.cancel()
        self._due[key] = self._loop.call_at(at_s, lambda: self._pass(key), housekeeping=housekeeping)

    def _pass(self, key: str) -> None:
        self._due.pop(key, None)
        try:
            again_s = self.controller.reconcile(key, self.view)
        except ApiError as error:
            self._retry(key, f"{error.reason}: {error.message}")
        except Exception:
            # A bug in one controller must not stop the cluster; upstream's controllers recover and try again too.
            log.exception("%s: reconciling %s failed", self.controller.name, key)
            self._retry(key, "a bug")
        else:
            self._failures.pop(key, None)
            if again_s is not None:
                self._enqueue(key, again_s, housekeeping=self.controller.is_timer)

    def _retry(self, key: str, problem: str) -> None:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay_s = min(_FIRST_RETRY_S * 2.0 ** min(failures - 1, 30), _LAST_RETRY_S)
        log.debug("%s: %s: %s; trying again in %.3f s", self.controller.name, key, problem, delay_s)
        # Retries that come seldom must not keep virtual time from being idle: nothing is going to change by itself.
        self._enqueue(key, delay_s, housekeeping=delay_s > 1.0)
