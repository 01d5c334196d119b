"""How many, and how many at a time: int-or-percent, and slow start."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar

from statelab.controlplane.errors import ApiError

Item = TypeVar("Item")

BURST = 500  # Pods that a workload's controller makes or removes in one pass (BurstReplicas)
NEXT_BURST_S = 1.0  # a real controller manager is slower still: it may send 20 requests a second


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
