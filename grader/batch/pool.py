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

_RECYCLED_AFTER = 100  # items: what a worker may hold on to is bounded
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
    done: int = 0


class Pool(Generic[Item, Outcome]):
    """Runs `work` over items in `jobs` processes; yields (item, outcome or Lost) in the order they end."""

    def __init__(self, work: Callable[[], Work[Item, Outcome]], jobs: int, limit_s: float) -> None:
        """`work()` is called once in each process and gives what takes an item. `limit_s`: wall time for one item."""
        self._make = work
        self._jobs = max(1, jobs)
        self._limit_s = limit_s
        # Forked, a worker has everything imported already. Elsewhere than on Linux forking is not safe.
        self._context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        self._workers: list[_Worker[Item]] = []

    def run(self, items: Iterable[Item]) -> Iterator[tuple[Item, Outcome | Lost]]:
        left = iter(items)
        more = True
        try:
            while True:
                while more and (worker := self._idle()) is not None:
                    item = next(left, None)
                    if item is None:
                        more = False
                    else:
                        worker.item, worker.began_s = item, time.monotonic()
                        worker.pipe.send(item)
                busy = [each for each in self._workers if each.item is not None]
                if not busy and not more:
                    return
                yield from self._ended(busy)
        finally:
            self.close()

    def close(self) -> None:
        for worker in self._workers:
            worker.process.kill()
            worker.process.join()
            worker.pipe.close()
        self._workers.clear()

    def _idle(self) -> _Worker[Item] | None:
        for worker in self._workers:
            if worker.item is None:
                return worker
        return self._start() if len(self._workers) < self._jobs else None

    def _start(self) -> _Worker[Item]:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, self._make), daemon=True)
        process.start()
        theirs.close()
        worker: _Worker[Item] = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _ended(self, busy: list[_Worker[Item]]) -> Iterator[tuple[Item, Outcome | Lost]]:
        ready = set(wait([each.pipe for each in busy], timeout=0.2))
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
                worker.done += 1
                if worker.done >= _RECYCLED_AFTER:
                    self._drop(worker)
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
