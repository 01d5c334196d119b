"""Worker processes that may die: one submission that hangs, crashes or eats memory costs itself and nothing else."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
Work = Callable[[Item], Outcome]

_MEMORY_BYTES = 4 * 1024**3


@dataclass(frozen=True, slots=True)
class Lost:
    """An item whose worker did not come to an end with it, and why."""

    why: str


@dataclass(slots=True)
class _Worker(Generic[Item]):
    process: BaseProcess
    pipe: Connection
    item: Item | None = None
    began_s: float = 0.0
    left: int = 0  # items until it is replaced


class Pool(Generic[Item, Outcome]):
    """Runs `work` over items in `jobs` processes; yields (item, outcome or Lost) in the order they end."""

    def __init__(
        self, work: Callable[[], Work[Item, Outcome]], jobs: int, limit_s: float, *, recycled_after: int = 100
    ) -> None:
        """`work()` is called once in each process and gives what takes an item. `limit_s`: wall time for one item.

        `recycled_after`: so many items, and another process takes a worker's place: what one may hold on to is bounded.
        """
        self._make = work
        self._jobs = max(1, jobs)
        self._limit_s = limit_s
        self._recycled_after = recycled_after
        # Forked, a worker has everything imported already. Elsewhere than on Linux forking is not safe.
        self._context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        self._workers: list[_Worker[Item]] = []

    @property
    def forks(self) -> bool:
        """Whether a new worker has all that this process has."""
        return bool(self._context.get_start_method() == "fork")

    def renew(self) -> None:
        """Replace each worker when it has done what it does: this process has something that new ones will have."""
        for worker in self._workers:
            worker.left = 1 if worker.item is not None else 0

    def run(
        self, items: Iterable[Item], meanwhile: Callable[[], bool] = lambda: False
    ) -> Iterator[tuple[Item, Outcome | Lost]]:
        """`meanwhile`: something short to do while all workers are busy; it is called until it has nothing to do."""
        left = iter(items)
        more = True
        ended: list[tuple[Item, Outcome | Lost]] = []
        try:
            while True:
                while more and (worker := self._idle()) is not None:
                    item = next(left, None)
                    if item is None:
                        more = False
                    else:
                        worker.item, worker.began_s = item, time.monotonic()
                        worker.pipe.send(item)
                yield from ended  # the workers have got their next ones: nobody waits for what is done with these
                busy = [each for each in self._workers if each.item is not None]
                if not busy and not more:
                    return
                ended = list(self._ended(busy, meanwhile))
        finally:
            self.close()

    def close(self) -> None:
        for worker in self._workers:
            worker.process.kill()
            worker.process.join()
            worker.pipe.close()
        self._workers.clear()

    def _idle(self) -> _Worker[Item] | None:
        for worker in list(self._workers):
            if worker.item is None:
                if worker.left > 0:
                    return worker
                self._drop(worker)
        return self._start() if len(self._workers) < self._jobs else None

    def _start(self) -> _Worker[Item]:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, self._make), daemon=True)
        process.start()
        theirs.close()
        worker: _Worker[Item] = _Worker(process, ours, left=self._recycled_after)
        self._workers.append(worker)
        return worker

    def _ended(self, busy: list[_Worker[Item]], meanwhile: Callable[[], bool]) -> Iterator[tuple[Item, Outcome | Lost]]:
        pipes = [each.pipe for each in busy]
        while meanwhile() and not wait(pipes, timeout=0):
            pass
        ready = set(wait(pipes, timeout=0.2))
        for worker in busy:
            item = worker.item
            assert item is not None
            if worker.pipe in ready:
                try:
                    outcome: Outcome | Lost = worker.pipe.recv()
                except (EOFError, OSError):
                    self._drop(worker)
                    yield item, Lost(f"its grading ended the process ({_how(worker.process)})")
                    continue
                worker.item = None
                worker.left -= 1
                yield item, outcome
            elif time.monotonic() - worker.began_s > self._limit_s:
                self._drop(worker)
                yield item, Lost(f"its grading took longer than {self._limit_s:.0f} s")

    def _drop(self, worker: _Worker[Item]) -> None:
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        self._workers.remove(worker)


def _how(process: BaseProcess) -> str:
    code = process.exitcode
    return f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"


def _serve(pipe: Connection, make: Callable[[], Work[Item, Outcome]]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interruption means
    from statelab.controlplane.runtime import open_files

    open_files.raise_limit()
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    work = make()
    parent = multiprocessing.parent_process()
    assert parent is not None
    while True:
        # A worker forked later holds copies of our parent's ends: only the sentinel tells that the parent was killed.
        if pipe not in wait([pipe, parent.sentinel]):
            os._exit(0)
        try:
            item = pipe.recv()
        except EOFError:
            os._exit(0)
        try:
            outcome: object = work(item)
        except Exception as error:
            outcome = Lost(f"{type(error).__name__}: {error}"[:300])
        try:
            pipe.send(outcome)
        except (BrokenPipeError, OSError):
            os._exit(0)
