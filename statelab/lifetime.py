"""When a cluster's server ends of itself: nobody uses it, whoever it was for is gone, or what it is kept in is gone."""

from __future__ import annotations

import os
from pathlib import Path

from statelab.cluster import users
from statelab.cluster.paths import SLEPT

LOOK_EVERY_S = 2.0
ALONE_FOR_S = 30.0  # a second terminal's kubectl is nobody we know: while it asks, a cluster stays


class Lifetime:
    """Looks whether a server should go on. `idle_end_s`: None is never. `folder`: the home's, with those it is for."""

    def __init__(self, *, idle_end_s: float | None, folder: Path | None, journal: Path | None) -> None:
        self._idle_end_s = idle_end_s
        self._folder = folder
        self._journal = journal
        self._kept_in = _identity(journal)
        self._was_used = False
        self._is_asleep = False

    def why_to_end(self, idle_s: float) -> str | None:
        """A sentence for the log, or None. `idle_s`: for how long nobody has asked anything."""
        if self._journal is not None and _identity(self._journal) != self._kept_in:
            return f"{self._journal} is not there any more, so nothing could be kept"
        if self._idle_end_s is not None and idle_s >= self._idle_end_s:
            self._is_asleep = True
            return f"nobody has asked it anything for {self._idle_end_s:g} s"
        if self._folder is not None:
            found = users.of(self._folder)
            if found:
                self._was_used = True
            elif self._was_used and idle_s >= ALONE_FOR_S:
                return "the Jupyter servers and terminals that it was for are gone"
        return None

    def close(self) -> None:
        """Called when everything is on disk: only now may it be woken."""
        if self._is_asleep and self._folder is not None:
            (self._folder / SLEPT).touch(0o600)


def _identity(path: Path | None) -> tuple[int, int] | None:
    """Which file it is, whatever it is called; None where there is none."""
    try:
        about = os.stat(path) if path is not None else None
    except OSError:
        return None
    return (about.st_dev, about.st_ino) if about is not None else None
