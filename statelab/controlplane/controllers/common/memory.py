"""What a controller keeps between passes: caches and indexes, one of each per cluster.

A controller is a plain function, so what it remembers hangs on the View it is given (one per controller and cluster).
Nothing here is the truth: after a restart it is built anew from the store.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from statelab.controlplane.view import View

Kept = TypeVar("Kept")


class Memory(Generic[Kept]):
    """`Memory(make)(view)` is what `make(view)` made when it was first asked for."""

    def __init__(self, make: Callable[[View], Kept]) -> None:
        self._make = make

    def __call__(self, view: View) -> Kept:
        kept: Kept | None = view.kept.get(self)
        if kept is None:
            kept = view.kept[self] = self._make(view)
        return kept
