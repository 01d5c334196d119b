"""How much a trial may cost: in cluster time, in events of the loop, in work, in waiting for nothing, in objects."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from grader.program.mode import Execute
from statelab.controlplane.runtime.computing import Computing

# Between two looks of the meter is a tenth of a second of work, or other trials; a machine with much else to do gives
# this process little, and one that hangs does nothing at all.
_HANGS_S = 15.0
_IDLE = 0.01

# No probe and no script of a right answer comes near it; one that never ends meets it again in every trial.
_MOST_COMPUTING_S = 1.0
_LESS_TIMES = 3


class TrialOver(Exception):
    """A trial reached a limit. `str()` tells the learner which."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one trial may use. The defaults are far above what a right answer needs."""

    cpu_s: float = 10.0  # of the process that grades: what a busy machine does beside it costs nobody a point
    hung_s: float = 60.0  # of the wall, in waits of more than `_HANGS_S` each, without work
    wall_s: float = math.inf  # where time is waited for
    cluster_s: float = 4 * 3600.0
    events: int = 200_000
    objects: int = 60
    values: int = 5_000  # of one object
    execute: Execute = "sandbox"  # how an answer that is a program is run
    # Of a container's processes, without a pause; for all trials of a judgement: `judge` brings a new one.
    computing: Computing = field(default_factory=lambda: Computing(_MOST_COMPUTING_S, _LESS_TIMES), compare=False)


@dataclass(slots=True)
class Meter:
    """Counts while a trial runs; `tick()` is called at each event of the loop. Raises TrialOver."""

    limits: Limits
    began_s: float  # cluster time
    events: int = 0
    wall_began_s: float = field(default_factory=time.monotonic)
    cpu_began_s: float = field(default_factory=time.process_time)
    looked_s: float = field(default_factory=time.monotonic)
    cpu_seen_s: float = field(default_factory=time.process_time)
    hung_s: float = 0.0

    def tick(self, now_s: float) -> None:
        self.events += 1
        if self.events > self.limits.events:
            raise TrialOver(f"its cluster had more than {self.limits.events:,} things to do")
        if now_s - self.began_s > self.limits.cluster_s:
            raise TrialOver(f"more than {self.limits.cluster_s / 3600:.0f} hours of cluster time passed")
        if self.events % 64:
            return
        passed_s, worked_s = time.monotonic() - self.looked_s, time.process_time() - self.cpu_seen_s
        self.looked_s, self.cpu_seen_s = self.looked_s + passed_s, self.cpu_seen_s + worked_s
        if self.cpu_seen_s - self.cpu_began_s > self.limits.cpu_s:
            raise TrialOver(f"it took more than {self.limits.cpu_s:.0f} seconds of work")
        if passed_s > _HANGS_S and worked_s < _IDLE * passed_s:
            self.hung_s += passed_s
        if self.looked_s - self.wall_began_s > self.limits.wall_s:
            raise TrialOver(f"it took longer than {self.limits.wall_s:.0f} seconds")
        if self.hung_s > self.limits.hung_s:
            raise TrialOver(f"nothing in it moved for {self.limits.hung_s:.0f} seconds")
