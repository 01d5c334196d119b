"""How many, and how many at a time: int-or-percent, and slow start."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar

from statelab.controlplane.controllers.common.memory import Memory
from statelab.controlplane.errors import ApiError

Item = TypeVar("Item")

# A controller makes or removes 500 Pods at once (BurstReplicas), and then as many a second as its client may ask for:
# 20 upstream; more here, for a cluster second is shorter than a second. A pass makes some of them, so that the API
# server answers between one pass and the next.
_BURST = 500.0
_PER_SECOND = 50.0
IN_ONE_PASS = 50
NEXT_PASS_S = 0.002


class Allowance:
    """What a controller may still make or remove at this moment."""

    def __init__(self, now_s: float) -> None:
        self._left = _BURST
        self._at_s = now_s

    def take(self, wanted: int, now_s: float) -> int:
        """How many of `wanted` Pods this pass may make or remove."""
        self._left = min(_BURST, self._left + (now_s - self._at_s) * _PER_SECOND)
        self._at_s = now_s
        granted = min(wanted, int(self._left), IN_ONE_PASS)
        self._left -= granted
        return granted

    @property
    def next_pass_s(self) -> float:
        """Seconds after which to come for more."""
        return NEXT_PASS_S if self._left >= 1 else 1.0


allowance_of = Memory(lambda view: Allowance(view.now_s))


def counted(number: int, noun: str) -> str:
    """`1 Pod`, `2 Pods`: for a `why`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def scaled(value: int | str, total: int, *, round_up: bool) -> int:
    """`3` is 3; `"25%"` is a share of `total`. Source: apimachinery/pkg/util/intstr GetScaledValueFromIntOrPercent."""
    if isinstance(value, int):
        return value
    percent = int(value.removesuffix("%"))
    return -(-total * percent // 100) if round_up else total * percent // 100


def slow_start(items: Iterable[Item], act: Callable[[Item], object]) -> ApiError | None:
    """`act` on 1 item, then on 2, 4, 8 …; stop after the first batch in which one was refused, and return that refusal.

    A quota that is used up or a template that is not valid would otherwise cost one refusal per missing Pod.
    Source: pkg/controller/replicaset slowStartBatch.
    """
    waiting = iter(items)
    size = 1
    while batch := list(islice(waiting, size)):
        refusal: ApiError | None = None
        for item in batch:
            try:
                act(item)
            except ApiError as error:
                refusal = refusal or error
        if refusal is not None:
            return refusal
        size *= 2
    return None
