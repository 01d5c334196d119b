"""Where things are: the checkout (or a learner's copy of it), and its own cluster's files in `.statelab/`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """A folder that has a course and a cluster of its own. Two of them never meet: port, token and state are here."""

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / ".statelab"

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def server_file(self) -> Path:
        """What `statelab serve` writes of itself: address, token, process."""
        return self.folder / "server.json"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def course(self) -> Path:
        return self.root / "course"


def find_home(start: Path | None = None) -> Home:
    """The home that `start` (the current folder) lies in: `STATELAB_HOME`, else the nearest folder with a course or a
    cluster of its own, else `start` itself."""
    named = os.environ.get("STATELAB_HOME")
    if named:
        return Home(Path(named).resolve())
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / ".statelab").is_dir() or (folder / "course" / "00-start-here.ipynb").is_file():
            return Home(folder)
    return Home(start)
