"""Time as a parameter: one discrete-event loop that every component runs on.

The loop is a queue of (time, sequence, callback). Nothing in the control plane sleeps or reads the machine's clock;
it asks the loop. *Virtual* time jumps to the next event: `run_until_idle()`. *Paced* time lets events come due as
the wall clock passes, `pace` times faster: the HTTP edge calls `run_due()` and waits for `seconds_to_next()`.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

# Virtual time starts here, so that two runs give the same timestamps.
VIRTUAL_EPOCH_S = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


class Timer:
    """A callback that is due at `at_s` (seconds since the Unix epoch, in cluster time). `cancel()` forgets it."""

    __slots__ = ("_housekeeping", "_loop", "at_s", "callback")

    def __init__(self, loop: Loop, at_s: float, callback: Callable[[], None], housekeeping: bool) -> None:
        self._loop = loop
        self.at_s = at_s
        self.callback: Callable[[], None] | None = callback
        self._housekeeping = housekeeping

    def cancel(self) -> None:
        if self.callback is not None:
            self.callback = None
            if not self._housekeeping:
                self._loop._pending -= 1


class Loop:
    """The discrete-event loop.

    A *housekeeping* timer (a periodic resync, a probe of a healthy container, a container's own `sleep`) does not keep
    `run_until_idle()` going: it is run when its time passes, but the cluster is idle when only such timers are left.
    """

    def __init__(self, pace: float | None = None, start_s: float | None = None) -> None:
        """`pace` None: virtual time, else cluster seconds per wall second. `start_s`: cluster time at the start."""
        if pace is not None and not pace > 0:
            raise ValueError(f"pace must be greater than 0, not {pace}")
        self.pace = pace
        self._now_s = start_s if start_s is not None else (VIRTUAL_EPOCH_S if pace is None else time.time())
        self._wall_origin_s = time.monotonic()
        self._cluster_origin_s = self._now_s
        self._queue: list[tuple[float, int, Timer]] = []  # by moment, then by sequence
        self._sequence = 0
        self._pending = 0  # timers that are not housekeeping
        self._on_earlier: Callable[[], None] | None = None
        # How whoever waits in this thread lets wall time pass: a kernel in a browser has other things to do meanwhile.
        self.pause: Callable[[float], None] = time.sleep
        # Work outside the loop that must be waited for before virtual time may pass (a sandbox that computes).
        self.outside_work: Callable[[], bool] | None = None

    @property
    def now_s(self) -> float:
        """Cluster time, seconds since the Unix epoch. In paced time it follows the wall clock."""
        if self.pace is not None:
            wall_s = self._cluster_origin_s + (time.monotonic() - self._wall_origin_s) * self.pace
            self._now_s = max(self._now_s, wall_s)
        return self._now_s

    def call_at(self, at_s: float, callback: Callable[[], None], *, housekeeping: bool = False) -> Timer:
        self._sequence += 1
        timer = Timer(self, max(at_s, self._now_s), callback, housekeeping)
        earliest = not self._queue or timer.at_s < self._queue[0][0]
        heapq.heappush(self._queue, (timer.at_s, self._sequence, timer))
        if not housekeeping:
            self._pending += 1
        if earliest and self._on_earlier is not None:
            self._on_earlier()
        return timer

    def call_later(self, delay_s: float, callback: Callable[[], None], *, housekeeping: bool = False) -> Timer:
        return self.call_at(self.now_s + delay_s, callback, housekeeping=housekeeping)

    def call_soon(self, callback: Callable[[], None]) -> Timer:
        return self.call_at(self._now_s, callback)

    def on_earlier(self, callback: Callable[[], None] | None) -> None:
        """`callback` is called when a new timer becomes the first: a driver that waits must wake."""
        self._on_earlier = callback

    # ---- paced time

    def wall_s_since(self, at_s: float) -> float:
        """Wall seconds since a moment of the cluster's; in virtual time, where no machine is slow, the cluster's."""
        return (self.now_s - at_s) / (self.pace or 1.0)

    def seconds_to_next(self) -> float | None:
        """Wall seconds until the next timer is due (0 when one is), or None when there is none."""
        self._drop_cancelled()
        if not self._queue:
            return None
        return max(0.0, (self._queue[0][0] - self.now_s) / (self.pace or 1.0))

    def run_due(self, limit: int = 1000) -> int:
        """Run what is due now, at most `limit` callbacks; the number that were run."""
        ran = 0
        now_s = self.now_s
        while ran < limit and self._queue and self._queue[0][0] <= now_s:
            ran += self._run_first()
        return ran

    # ---- virtual time

    def run_until_idle(self, *, max_s: float = 3600.0, max_events: int = 5_000_000) -> bool:
        """Jump from event to event until only housekeeping is left, or `max_s` cluster seconds have passed.

        True: idle. False: a limit was reached (something retries for ever: an image that cannot be pulled).
        """
        deadline_s = self._now_s + max_s
        for _ in range(max_events):
            self._wait_for_outside_work()
            self._drop_cancelled()
            if self._pending == 0:
                return True
            if self._queue[0][0] > deadline_s:
                self._now_s = deadline_s
                return False
            self._run_first()
        return False

    def run_for(self, seconds: float) -> None:
        """Let `seconds` of cluster time pass, housekeeping included."""
        self.run_until(lambda: False, timeout_s=seconds)

    def run_until(self, condition: Callable[[], bool], *, timeout_s: float) -> bool:
        """Run events until `condition()` holds; False when `timeout_s` cluster seconds passed without it."""
        deadline_s = self._now_s + timeout_s
        while not condition():
            if self.outside_work is not None and self.outside_work():
                continue  # it may have been what is waited for
            self._drop_cancelled()
            if not self._queue or self._queue[0][0] > deadline_s:
                self._now_s = max(self._now_s, deadline_s)
                return condition()
            self._run_first()
        return True

    def _wait_for_outside_work(self) -> None:
        while self.outside_work is not None and self.outside_work():
            pass

    def _drop_cancelled(self) -> None:
        while self._queue and self._queue[0][2].callback is None:
            heapq.heappop(self._queue)

    def _run_first(self) -> int:
        timer = heapq.heappop(self._queue)[2]
        callback = timer.callback
        if callback is None:
            return 0
        timer.callback = None
        if not timer._housekeeping:
            self._pending -= 1
        self._now_s = max(self._now_s, timer.at_s)
        callback()
        return 1


@lru_cache(maxsize=64)  # many things happen at one moment
def timestamp(at_s: float) -> str:
    """RFC 3339 to the second, as metav1.Time prints it."""
    return _to_the_second(_split(at_s)[0]) + "Z"


def micro_timestamp(at_s: float) -> str:
    """RFC 3339 to the microsecond, as metav1.MicroTime prints it."""
    whole_s, micros = _split(at_s)
    return f"{_to_the_second(whole_s)}.{micros:06}Z"


def _split(at_s: float) -> tuple[int, int]:
    """Whole seconds and microseconds, rounded as datetime does it."""
    fraction, whole_s = math.modf(at_s)
    micros = round(fraction * 1e6)
    return (int(whole_s) + 1, 0) if micros >= 1_000_000 else (int(whole_s), micros)


@lru_cache(maxsize=1024)
def _to_the_second(whole_s: int) -> str:
    return datetime.fromtimestamp(whole_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def seconds(text: str) -> float:
    """The inverse of both: RFC 3339 to seconds since the Unix epoch."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
