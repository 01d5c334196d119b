"""Which moment of the cluster's a file was written at.

bashkit stamps files with the computer's clock, and the cluster's runs otherwise: in virtual time it jumps, in paced
time it may be faster, and a cluster that was stopped goes on where it was. So it is noted how the two stand to each
other whenever a shell goes on or a file is written, and a file's stamp is read by that.
"""

from __future__ import annotations

import time
import weakref
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from statelab.controlplane.clock import Loop

_SLACK_S = 0.005  # so far the clocks of a paced cluster may drift apart before it is noted
_MOST_NOTES = 4_096


class Times:
    """The cluster's clock, and what the computer's says at the same moment. Without a loop there is only one clock.

    It does not hold the loop: shells that run in their thread hold files, and must not hold a cluster that is gone.
    """

    def __init__(self, loop: Loop | None = None) -> None:
        self._loop = weakref.ref(loop) if loop is not None else _nothing
        self._host_s: list[float] = []  # ascending
        self._cluster_s: list[float] = []

    @property
    def now_s(self) -> float:
        """Seconds since the Unix epoch, in cluster time."""
        loop = self._loop()
        return loop.now_s if loop is not None else time.time()

    def mark(self) -> None:
        """Something is about to be written."""
        loop = self._loop()
        if loop is None:
            return
        now_s = loop.now_s
        if loop.pace is None:
            if not self._cluster_s or self._cluster_s[-1] != now_s:
                self._note(time.time(), now_s)
        elif not self._cluster_s or abs(self.of(time.time()) - now_s) > _SLACK_S * loop.pace:
            self._note(time.time(), now_s)

    def _note(self, host_s: float, now_s: float) -> None:
        while self._host_s and self._host_s[-1] >= host_s:  # the computer's clock was put back
            self._host_s.pop()
            self._cluster_s.pop()
        self._host_s.append(host_s)
        self._cluster_s.append(now_s)
        if len(self._host_s) > _MOST_NOTES:
            self._thin_out()

    def _thin_out(self) -> None:
        """Keep the newest, and of the others those that are some way apart: what was written long ago is told to a
        few thousandths of the time that has passed since the first."""
        newest = len(self._host_s) - _MOST_NOTES // 4
        apart_s = (self._cluster_s[newest] - self._cluster_s[0]) / (_MOST_NOTES // 4)
        kept = [0]
        for at in range(1, newest):
            if self._cluster_s[at] - self._cluster_s[kept[-1]] >= apart_s:
                kept.append(at)
        kept += range(newest, len(self._host_s))
        self._host_s = [self._host_s[at] for at in kept]
        self._cluster_s = [self._cluster_s[at] for at in kept]

    def of(self, host_s: float) -> float:
        """What the cluster's clock said when the computer's said this."""
        loop = self._loop()
        if loop is None:
            return host_s
        if not self._host_s:
            return loop.now_s
        at = max(bisect_right(self._host_s, host_s) - 1, 0)
        if loop.pace is None:
            return self._cluster_s[at]
        following = self._cluster_s[at + 1] if at + 1 < len(self._cluster_s) else loop.now_s
        return min(self._cluster_s[at] + max(host_s - self._host_s[at], 0.0) * loop.pace, following)


def _nothing() -> None:
    return None
