"""Where things are: the learner's course, and its own cluster's files in `.statelab/`."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from statelab.cluster.my_courses import FIRST_LESSON, course_of, data_folder, is_course

STATE = ".statelab"
OWN_COPY = "my-course"  # a learner's copy of the course in a folder of the source, whose cluster it shares
SLEPT = "slept"  # a server that ends because nobody asks anything leaves this in its home


@dataclass(frozen=True)
class Home:
    """A learner's course with its one cluster and its one record of progress. Two of them never meet: port, token and
    state are each home's own."""

    root: Path

    @property
    def folder(self) -> Path:
        """`.statelab` in the course's folder; in the user's data folder where the course belongs to somebody else."""
        beside = self.root / STATE
        if _is_mine(beside if beside.is_dir() else self.root):
            return beside
        mark = hashlib.sha256(str(self.root).encode()).hexdigest()[:10]
        return data_folder() / "courses" / f"{self.root.name}-{mark}"

    @property
    def has_course(self) -> bool:
        return is_course(self.root)

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
        return self.root / FIRST_LESSON.parent


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
    """The home of who works in `start` (the current folder), the same for notebooks, `check()` and every command.

    It is the folder that `STATELAB_HOME` names; else the course that `start` lies in; else a folder above in which a
    cluster was made on purpose; else, for an assignment that lies somewhere else, the course it is of (my_courses.py);
    else a home in the user's data folder.
    """
    named = os.environ.get("STATELAB_HOME")
    if named:
        return Home(Path(named).expanduser().resolve())
    try:
        start = (start or Path.cwd()).resolve()
    except FileNotFoundError:  # the folder we are in was deleted
        start = Path.home()
    for folder in (start, *start.parents):
        if is_course(folder) or ((folder / STATE / "state").is_dir() and not is_in_an_assignment(folder)):
            return Home(root_of(folder))
    return Home(course_of(start) or data_folder() / "home")


def root_of(folder: Path) -> Path:
    """The folder whose cluster and progress are those of the course in `folder`: for a learner's copy in the source,
    the source, so that a command typed in either means the same."""
    return folder.parent if folder.name == OWN_COPY and is_course(folder.parent) else folder


def is_in_an_assignment(folder: Path) -> bool:
    """Whether a `.statelab` there was made by an assignment's cells, of themselves: it lies beside a notebook."""
    return (folder / STATE).is_dir() and not is_course(folder) and any(folder.glob("*.ipynb"))


def _is_mine(path: Path) -> bool:
    """Whether to keep a cluster there: who keeps theirs in another's folder meets the other's."""
    if os.name == "nt" or os.getuid() == 0:
        return os.access(path, os.W_OK) or not path.exists()
    try:
        return path.stat().st_uid == os.getuid() and os.access(path, os.W_OK)
    except OSError:
        return True  # it is not there yet, and will be made
