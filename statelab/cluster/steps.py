"""What takes minutes is told on the terminal as it goes: a line that moves, and a line that stays for what is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Steps(Protocol):
    """`now`: what is being done; `done`: what has been; `warn`: what the reader should know."""

    def now(self, text: str) -> None: ...
    def done(self, text: str) -> None: ...
    def warn(self, text: str) -> None: ...


class Silent:
    """Tells nothing: a program reads the result."""

    def now(self, text: str) -> None: ...
    def done(self, text: str) -> None: ...
    def warn(self, text: str) -> None: ...


@contextmanager
def on_terminal() -> Iterator[Steps]:
    """Tell on stderr: with a moving line where it is a terminal, a line for each step where it is a file."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    with console.status("Looking at what is here …") as status:

        class OnTerminal:
            def now(self, text: str) -> None:
                if console.is_terminal:
                    status.update(f"{text} …")
                else:
                    console.print(f"  {text} …")

            def done(self, text: str) -> None:
                console.print(f"✓ {text}")

            def warn(self, text: str) -> None:
                console.print(f"! {text}")

        yield OnTerminal()
