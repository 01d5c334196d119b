"""Sets of completion indexes as a Job's status writes them: `0-2,5`.

Source: pkg/controller/job/indexed_job_utils.go.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice

INDEX = "batch.kubernetes.io/job-completion-index"


class Indexes:
    """A set of indexes, kept as intervals: a Job may have a hundred thousand of them. Never changed once made."""

    __slots__ = ("intervals",)

    def __init__(self, intervals: Iterable[tuple[int, int]] = ()) -> None:
        self.intervals = tuple(intervals)

    @classmethod
    def parse(cls, text: str | None, completions: int) -> Indexes:
        """What a status says; indexes that are too large now are left out."""
        found = []
        for part in (text or "").split(","):
            first, _, last = part.partition("-")
            if not first.isdigit() or (last and not last.isdigit()):
                continue
            low, high = int(first), min(int(last or first), completions - 1)
            if low <= high:
                found.append((low, high))
        return cls(found).with_more(())

    def with_more(self, more: Iterable[int]) -> Indexes:
        """The union with single indexes."""
        merged: list[tuple[int, int]] = []
        for low, high in sorted([*self.intervals, *((each, each) for each in more)]):
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], high))
            else:
                merged.append((low, high))
        return Indexes(merged)

    def union(self, other: Indexes) -> Indexes:
        return Indexes((*self.intervals, *other.intervals)).with_more(())

    def common(self, other: Indexes) -> int:
        """How many indexes are in both. Both are in order, so that one walk along them is enough."""
        count = mine = theirs = 0
        while mine < len(self.intervals) and theirs < len(other.intervals):
            (low, high), (first, last) = self.intervals[mine], other.intervals[theirs]
            count += max(0, min(high, last) - max(low, first) + 1)
            if high < last:
                mine += 1
            else:
                theirs += 1
        return count

    def missing(self, count: int, completions: int) -> list[int]:
        """The first `count` indexes below `completions` that are not in the set."""
        return list(islice(self._gaps(completions), count))

    def _gaps(self, completions: int) -> Iterator[int]:
        at = 0
        for low, high in self.intervals:
            yield from range(at, min(low, completions))
            at = high + 1
        yield from range(at, completions)

    def __contains__(self, index: int) -> bool:
        place = bisect_right(self.intervals, (index, float("inf")))
        return place > 0 and self.intervals[place - 1][1] >= index

    def __len__(self) -> int:
        return sum(high - low + 1 for low, high in self.intervals)

    def __str__(self) -> str:
        """Two that follow each other are written `1,2`, three or more `1-3`."""
        parts = []
        for low, high in self.intervals:
            parts.append(str(low) if low == high else f"{low},{high}" if high == low + 1 else f"{low}-{high}")
        return ",".join(parts)
