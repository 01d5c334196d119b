"""What went wrong, said to a person: the sentence, and what to do next."""

from __future__ import annotations


class Problem(Exception):
    """`what` happened; `next_step`: what the reader can do. Shown without a traceback."""

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(f"{what}\n{next_step}" if next_step else what)
        self.what = what
        self.next_step = next_step

    def _render_traceback_(self) -> list[str]:  # IPython shows this instead of a traceback
        return [str(self)]


class Interrupted(KeyboardInterrupt):
    """The reader pressed ■. What follows in the cell does not run; shown without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"{self}\nWhat was asked for goes on in the cluster; run the cell again to go on waiting."]
