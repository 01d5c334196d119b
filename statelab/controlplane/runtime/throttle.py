"""How much of a processor a process may have: who calls again and again without a pause has to wait for its turns.

`until redis-cli ping; do :; done` calls as often as the machine can, and in virtual time no machine is slow: without
this an hour of such a loop would be millions of calls. The kernel does the same to a container that has used up its
share of a period (CFS bandwidth control, `cpu.max`); here what is counted is calls, so that it is the same every time.
"""

from __future__ import annotations

_CALLS_PER_S = 20.0  # who calls no more often never waits
_FREE = 500
_SLOW = 1_000
_SLOW_S = 0.05
_SLOWEST_S = 1.0


class Throttle:
    """One per process."""

    def __init__(self) -> None:
        self._calls = 0.0  # in a row, less those that its pauses have made up for

    def delay_s(self, took_s: float) -> float:
        """How much later a call is to be answered that took so long, in seconds of the cluster."""
        self._calls = max(self._calls + 1.0 - took_s * _CALLS_PER_S, 0.0)
        if self._calls <= _FREE:
            return 0.0
        return _SLOW_S if self._calls <= _SLOW else _SLOWEST_S
