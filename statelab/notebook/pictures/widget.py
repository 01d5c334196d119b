"""What every widget of ours is: one that two threads change, the kernel's and the one that follows the cluster."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anywidget


class Widget(anywidget.AnyWidget):
    """An AnyWidget whose page ends with its newest state, whichever thread wrote it.

    ipywidgets alone loses one: what a second thread changes while the first sends what it held back is taken off the
    list unsent, and of two that send the same trait the older may come last. The page would then show an earlier
    moment until something else happens.
    """

    _holding_sync: bool  # ipywidgets' own
    _states_to_send: set[str]

    def __init__(self, **traits: Any) -> None:
        self._sending = threading.RLock()
        super().__init__(**traits)

    @contextmanager
    def hold_sync(self) -> Iterator[None]:
        """Hold back what changes until the outermost context ends. Source: ipywidgets, Widget.hold_sync."""
        if self._holding_sync:
            yield
            return
        self._holding_sync = True
        try:
            yield
        finally:
            with self._sending:
                self._holding_sync = False
                held = self._states_to_send
                self._states_to_send = set()
                self.send_state(held)

    def _should_send_property(self, key: str, value: Any) -> bool:
        with self._sending:  # else it may be noted on a list that is not sent any more
            return bool(super()._should_send_property(key, value))

    def send_state(self, key: Any = None) -> None:
        with self._sending:  # reading and sending are one: the last that is sent is the last there was
            super().send_state(key)
