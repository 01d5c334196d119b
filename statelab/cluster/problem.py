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


def in_words(error: OSError) -> str:
    """What the system says of a file or of the network, in a sentence: which one, and why."""
    why = error.strerror or str(error)
    return f"{error.filename} cannot be used: {why}." if error.filename else f"{why}."


class Interrupted(KeyboardInterrupt):
    """The reader pressed ■. What follows in the cell does not run; shown without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"{self}\nWhat was asked for goes on in the cluster; run the cell again to go on waiting."]
