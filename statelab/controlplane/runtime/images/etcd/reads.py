"""Reads of a leader that wait until a quorum has confirmed that it still is one: the one thing a log entry is not for.

Source: go.etcd.io/raft (read_only.go), the Raft paper §8.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Read:
    """One read: `index` is the commit index when it was asked, `origin` the member who asks, `context` its own word."""

    number: int
    index: int
    origin: int
    context: int
    confirmed: set[int] = field(default_factory=set)


class Reads:
    """What waits, in order. `too_early` came before the leader knew what the terms before it had committed."""

    def __init__(self, number: int = 0) -> None:
        self.number = number  # of the newest that was ever asked
        self.too_early: list[tuple[int, int]] = []  # (origin, context)
        self._waiting: list[Read] = []

    def none_waits(self) -> Reads:
        """What a member has that leads no more: the numbers go on, so that a late word confirms nothing new."""
        return Reads(self.number)

    @property
    def newest(self) -> int:
        """The number of the newest that waits; 0 for none. A member that answers a heartbeat with it confirms all."""
        return self._waiting[-1].number if self._waiting else 0

    def add(self, index: int, origin: int, context: int) -> None:
        self.number += 1
        self._waiting.append(Read(self.number, index, origin, context))

    def confirm(self, number: int, member: int) -> None:
        """A member has said that it still follows, after the read of that number was asked."""
        for read in self._waiting:
            if read.number <= number:
                read.confirmed.add(member)

    def take_confirmed(self, voters: set[int], quorum: int) -> list[Read]:
        """The reads that may be answered: up to the newest that a quorum has confirmed."""
        done = [read.number for read in self._waiting if len(read.confirmed & voters) >= quorum]
        newest = max(done, default=0)
        ready = [read for read in self._waiting if read.number <= newest]
        self._waiting = [read for read in self._waiting if read.number > newest]
        return ready

    def take_early(self) -> list[tuple[int, int]]:
        early, self.too_early = self.too_early, []
        return early
