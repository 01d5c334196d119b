"""How time passes for who works with a cluster: beside the cells in a thread, in a tab between turns of its loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from statelab.cluster import looking
from statelab.cluster.problem import Interrupted

# Something to do beside the cells, a piece at a time: it says how long to rest, None when it is done.
Work = Callable[[], float | None]

_SHORTEST_S = 0.02


class Clock(Protocol):
    """All seconds are the cluster's."""

    def now_s(self) -> float: ...

    def rest(self, seconds: float, is_awake: Callable[[], bool]) -> None:
        """Wait so long, or until `is_awake()`."""

    def beside(self, work: Work, name: str) -> Callable[[], None]:
        """Do `work` again and again while cells run and while none does. What it returns ends that."""


def until(clock: Clock, is_so: Callable[[], object], timeout_s: float, every_s: float) -> bool:
    """Look every so often until `is_so()`; whether it was so within `timeout_s`. Raises Interrupted."""
    ends_s, is_met = clock.now_s() + looking.at_most(timeout_s), bool(is_so())
    try:
        while not is_met and clock.now_s() < ends_s:
            clock.rest(every_s, lambda: False)
            is_met = bool(is_so())
    except KeyboardInterrupt:
        raise Interrupted("Interrupted while waiting.") from None
    return is_met


class WallClock:
    """A cluster in a process of its own, `pace` times as fast as the clock on the wall."""

    def __init__(self, pace: float = 1.0) -> None:
        self._pace = pace

    def now_s(self) -> float:
        return time.monotonic() * self._pace

    def rest(self, seconds: float, is_awake: Callable[[], bool]) -> None:
        ends_s = self.now_s() + seconds
        while not is_awake() and (left_s := ends_s - self.now_s()) > 0:
            time.sleep(min(left_s / self._pace, _SHORTEST_S))

    def beside(self, work: Work, name: str) -> Callable[[], None]:
        stopped = threading.Event()

        def turn() -> None:
            while not stopped.is_set() and (rest_s := work()) is not None:
                stopped.wait(max(rest_s / self._pace, _SHORTEST_S))

        threading.Thread(target=turn, daemon=True, name=name).start()
        return stopped.set
