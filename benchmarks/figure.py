"""A number that was measured, and what it stands beside."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Literal

KUBERNETES = "Kubernetes 1.36.2"


@dataclass(frozen=True)
class Figure:
    """One row. `better` says which way is good; `aim`: what we want of it.

    `beside`: what `beside_what` did in its place, in the same unit.
    """

    name: str
    value: float
    unit: str
    better: Literal["higher", "lower"] = "higher"
    beside: float | None = None
    aim: float | None = None
    beside_what: str = KUBERNETES

    @property
    def meets_aim(self) -> bool | None:
        """None where there is no aim."""
        if self.aim is None:
            return None
        return self.value >= self.aim if self.better == "higher" else self.value <= self.aim


class Missing(Exception):
    """What is needed to measure this is not on the machine; `str()` says what."""


Benchmark = Callable[[], Generator[Figure]]
