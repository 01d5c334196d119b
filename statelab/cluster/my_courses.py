"""Which courses a learner has on this machine, and which of them a folder belongs to that lies in none.

A fetched assignment lies wherever a learner was when they fetched it: it counts for the course it is of, and its cells
talk to that course's cluster. So each course that was opened is written down, in the user's own data folder.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path

FIRST_LESSON = Path("course") / "00-start-here.ipynb"
_ABOUT = Path("course") / "course.json"  # {"id": …}: what a course is called, in nbgrader and in folders of its name


def data_folder() -> Path:
    """What is kept for this user beside their courses: on Linux ~/.local/share/statelab (XDG_DATA_HOME)."""
    import platformdirs  # here: most commands have no need of it

    return Path(platformdirs.user_data_dir("statelab", appauthor=False))


def opened(root: Path) -> None:
    """Write down that the course in this folder was opened just now. A data folder that cannot be written is no end."""
    if not is_course(root):
        return
    known = {str(each): when_s for each, when_s in _read().items() if is_course(each)}
    fresh = _file().with_suffix(f".{os.getpid()}.new")
    with suppress(OSError):
        fresh.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.write_text(json.dumps({**known, str(root): time.time()}, indent=1) + "\n", encoding="utf-8")
        fresh.replace(_file())


def course_of(folder: Path) -> Path | None:
    """The course that a folder outside all of them belongs to; None where none was ever opened.

    That is the one whose id a folder above has (nbgrader's `~/COURSE/ps3`), else one that has an exercise of the
    folder's name, else any: of several, the one that was opened last.
    """
    known = [(each, when_s) for each, when_s in _read().items() if is_course(each)]
    return max(known, key=lambda each: (_likeness(each[0], folder), each[1]))[0] if known else None


def is_course(root: Path) -> bool:
    return (root / FIRST_LESSON).is_file()


def id_of(root: Path) -> str:
    """What the course in this folder is called; the folder's name where it does not say."""
    try:
        return str(json.loads((root / _ABOUT).read_text(encoding="utf-8"))["id"])
    except (OSError, ValueError, KeyError, TypeError):
        return root.name


def _likeness(root: Path, folder: Path) -> int:
    if id_of(root) in folder.parts:
        return 2
    return 1 if any((root / "exercises" / part).is_dir() for part in folder.parts[1:]) else 0


def _file() -> Path:
    return data_folder() / "courses.json"


def _read() -> dict[Path, float]:
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))
        return {Path(root): float(when_s) for root, when_s in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
