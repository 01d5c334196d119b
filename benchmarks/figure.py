"""A number that was measured, and what it stands beside."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """`better` says which way is good. `real`: what Kubernetes 1.36.2 did in its place; `aim`: what we want of it."""

    what: str
    value: float
    unit: str
    better: str = "higher"
    real: float | None = None
    aim: float | None = None

    @property
    def meets_aim(self) -> bool | None:
        """None where there is no aim."""
        if self.aim is None:
            return None
        return self.value >= self.aim if self.better == "higher" else self.value <= self.aim


Benchmark = Callable[[], Iterable[Figure]]
