"""How shells in Python run: in turns, in the control plane's own thread. The other way is worker.Worker's thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from statelab.controlplane.runtime.worker import Message

if TYPE_CHECKING:
    from statelab.controlplane.runtime.shell.shell import Shell

_TURN_STEPS = 2_000
_TURNS_AT_ONCE = 10  # in paced time: then the loop has its turn


class Turns:
    """The shells that have something to do, and what they have said. `wake` is called when there is something new."""

    def __init__(self, *, polite: bool = False) -> None:
        self.wake: Callable[[], None] | None = None
        self.messages: deque[Message] = deque()
        self._ready: deque[Shell] = deque()
        self._polite = polite

    @property
    def started(self) -> bool:
        """There is no thread, so the process can always be forked."""
        return False

    def schedule(self, shell: Shell) -> None:
        if shell not in self._ready:
            self._ready.append(shell)
            if self.wake is not None:
                self.wake()

    def post(self, message: Message) -> None:
        self.messages.append(message)
        if self.wake is not None and len(self.messages) == 1:
            self.wake()

    def next_message(self) -> Message | None:
        """What a shell has said, after it had its turn; None when all of them wait, or had enough for now."""
        turns = 0
        while not self.messages and self._ready:
            if self._polite and turns >= _TURNS_AT_ONCE:
                if self.wake is not None:
                    self.wake()
                return None
            turns += 1
            shell = self._ready.popleft()
            shell.take_turn(_TURN_STEPS)
            if shell.ready and not shell.ended:
                self._ready.append(shell)
        return self.messages.popleft() if self.messages else None

    @property
    def is_silent(self) -> bool:
        """Nothing is said that was not heard, and none has anything to do."""
        return not self.messages and not self._ready

    def wait(self, timeout_s: float) -> Message | None:
        """As `next_message`: nobody else could say anything meanwhile."""
        return self.next_message()
