"""How much a trial may cost: in cluster time, in events of the loop, in work, in wall time, in objects."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from grader.program.mode import Execute


class TrialOver(Exception):
    """A trial reached a limit. `str()` tells the learner which."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one trial may use. The defaults are far above what a right answer needs."""

    cpu_s: float = 10.0  # of the process that grades: what a busy machine does beside it costs nobody a point
    wall_s: float = 60.0
    cluster_s: float = 4 * 3600.0
    events: int = 200_000
    objects: int = 60
    values: int = 5_000  # of one object
    execute: Execute = "sandbox"  # how an answer that is a program is run


@dataclass(slots=True)
class Meter:
    """Counts while a trial runs; `tick()` is called at each event of the loop. Raises TrialOver."""

    limits: Limits
    began_s: float  # cluster time
    events: int = 0
    wall_began_s: float = field(default_factory=time.monotonic)
    cpu_began_s: float = field(default_factory=time.process_time)

    def tick(self, now_s: float) -> None:
        self.events += 1
        if self.events > self.limits.events:
            raise TrialOver(f"its cluster had more than {self.limits.events:,} things to do")
        if now_s - self.began_s > self.limits.cluster_s:
            raise TrialOver(f"more than {self.limits.cluster_s / 3600:.0f} hours of cluster time passed")
        if self.events % 64:
            return
        if time.process_time() - self.cpu_began_s > self.limits.cpu_s:
            raise TrialOver(f"it took more than {self.limits.cpu_s:.0f} seconds of work")
        if time.monotonic() - self.wall_began_s > self.limits.wall_s:
            raise TrialOver(f"it took longer than {self.limits.wall_s:.0f} seconds")
