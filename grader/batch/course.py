"""Where an nbgrader course keeps its things, read from its own `nbgrader_config.py`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


class CourseError(Exception):
    """The course cannot be graded as it stands; `str()` says why and what to do."""


@dataclass(frozen=True, slots=True)
class Course:
    """Folders of a course, and the URL of its gradebook. `config`: nbgrader's configuration as it was read."""

    root: Path
    database: str
    release: Path
    submitted: Path
    autograded: Path
    feedback: Path
    config: Any

    def folder(self, step: Path, student: str, assignment: str) -> Path:
        return step / student / assignment

    def students(self, assignment: str) -> list[str]:
        """Those who handed something in, by name."""
        if not self.submitted.is_dir():
            return []
        found = (each.name for each in self.submitted.iterdir() if (each / assignment).is_dir())
        return sorted(each for each in found if not each.startswith("."))


def load(root: Path) -> Course:
    """Read the course in this folder. Raises CourseError for what this cannot do, and names what can."""
    from traitlets.config.loader import PyFileConfigLoader

    root = root.resolve()
    if not (root / "nbgrader_config.py").is_file():
        raise CourseError(
            f"there is no nbgrader_config.py in {root}: go to the course's folder, or name it with --course"
        )
    config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
    given = config.CourseDirectory
    at = Path(given.root) if "root" in given else root
    structure = Path("{nbgrader_step}") / "{student_id}" / "{assignment_id}"
    if "directory_structure" in given and Path(given.directory_structure) != structure:
        raise CourseError("this course has a directory_structure of its own: grade it with `nbgrader autograde`")
    url = given.db_url if "db_url" in given else f"sqlite:///{at / 'gradebook.db'}"
    if url.startswith("sqlite:///"):
        url = f"sqlite:///{at / url.removeprefix('sqlite:///')}"

    def folder(name: str) -> Path:
        return at / str(given.get(f"{name}_directory", name))

    return Course(root, url, folder("release"), folder("submitted"), folder("autograded"), folder("feedback"), config)
