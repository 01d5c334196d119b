"""Whether a learner has said that they learn alone: nobody grades them, so nothing has to stay hidden from them.

The word is a file, `.statelab/alone`, in the learner's one home. Deleting it takes the word back.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from statelab.cluster import find_home

_SAID = "I learn alone: hidden checks count at once, and a task's model answer is shown when it is solved.\n"


def path() -> Path:
    return find_home().folder / "alone"


def is_alone() -> bool:
    """Whether it has been said, and not taken back."""
    return path().is_file()


def say_alone() -> bool:
    """Keep the word; whether it is new. Raises OSError where the home cannot be written."""
    if is_alone():
        return False
    path().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path().touch(0o600)
    path().write_text(_SAID, encoding="utf-8")
    return True


def take_back() -> bool:
    """Whether there was a word to take back. Raises OSError where the home cannot be written."""
    was_said = is_alone()
    with suppress(FileNotFoundError):
        path().unlink()
    return was_said
