"""Where things are: the checkout (or a learner's copy of it), and its own cluster's files in `.statelab/`."""

from __future__ import annotations

import os
import stat
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


def make_private(folder: Path) -> list[Path]:
    """Make a folder, or one that is there, its owner's alone, with everything in it; what in it was open to others.

    An earlier version, or somebody's own copying, may have left it open. Links are not followed. Raises OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name == "nt":  # a profile there is its owner's alone
        return []
    found = [folder, *(Path(here, name) for here, folders, files in os.walk(folder) for name in (*folders, *files))]
    return [path for path in found if _close(path)]


def _close(path: Path) -> bool:
    about = path.lstat()
    if stat.S_ISLNK(about.st_mode) or not about.st_mode & 0o077 or about.st_uid != os.getuid():
        return False
    path.chmod(stat.S_IMODE(about.st_mode) & 0o700)
    return True


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
