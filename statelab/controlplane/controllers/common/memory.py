"""What a controller keeps between passes: caches and indexes, one of each per cluster.

A controller is a plain function, so what it remembers hangs on the View it is given (one per controller and cluster).
Nothing here is the truth: after a restart it is built anew from the store.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from statelab.controlplane.view import View

Kept = TypeVar("Kept")


class Memory(Generic[Kept]):
    """`Memory(make)(view)` is what `make(view)` made when it was first asked for."""

    def __init__(self, make: Callable[[View], Kept]) -> None:
        self._make = make
        self._kept: WeakKeyDictionary[View, Kept] = WeakKeyDictionary()

    def __call__(self, view: View) -> Kept:
        kept = self._kept.get(view)
        if kept is None:
            kept = self._kept[view] = self._make(view)
        return kept
