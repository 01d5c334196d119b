"""The growing pause after failures: 10 s, 20 s, 40 s … ten minutes at most.

Source: pkg/controller/job/backoff_utils.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from statelab.controlplane.controllers.common.memory import Memory
from statelab.controlplane.controllers.job.pods import finished_at_s
from statelab.controlplane.kinds import Object, Objects
from statelab.controlplane.view import View

_FIRST_S = 10.0
_LONGEST_S = 600.0


@dataclass(frozen=True, slots=True)
class Failures:
    """How many Pods of a Job failed since the last that succeeded, and when the last did. Not kept over a restart."""

    count: int = 0
    last_s: float = 0.0

    def with_more(self, succeeded: Objects, failed: Objects) -> Failures:
        """Count the Pods that ended since."""
        last_success_s = max(map(finished_at_s, succeeded), default=None)
        ends = sorted(map(finished_at_s, failed))
        if last_success_s is None:
            return Failures(self.count + len(ends), max([self.last_s, *ends])) if ends else self
        later = [end for end in ends if end > last_success_s]
        return Failures(len(later), later[-1]) if later else Failures()

    def wait_s(self, now_s: float) -> float:
        return pause_s(self.count, self.last_s, now_s)


def pause_s(failures: int, last_s: float, now_s: float) -> float:
    """How long to wait before the next Pod."""
    if not failures:
        return 0.0
    return max(0.0, last_s + min(_FIRST_S * 2.0 ** min(failures - 1, 20), _LONGEST_S) - now_s)


def _nothing(_view: View) -> dict[str, Failures]:
    return {}


_known = Memory(_nothing)


def failures_of(job: Object, view: View) -> Failures:
    return _known(view).get(job["metadata"]["uid"], Failures())


def remember(job: Object, failures: Failures, view: View) -> None:
    if failures.count:
        _known(view)[job["metadata"]["uid"]] = failures
    else:
        forget(job, view)


def forget(job: Object, view: View) -> None:
    _known(view).pop(job["metadata"]["uid"], None)
