"""The assignments' tasks, read off the notebooks that learners receive: what each is called, counts, and belongs to."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
_TASK = re.compile(r"^## \d+\. (.+?) \((\d+) points?\)$", re.MULTILINE)
_CHECK = re.compile(r'^check\("([\w.-]+)"\)', re.MULTILINE)
_LESSON = re.compile(r"\(\.\./\.\./course/(\d\d)-")
_MOST_BYTES = 2_000_000  # a learner's own notebook, which may hold anything by now


@dataclass(frozen=True)
class Task:
    """One task: `points` count when it is handed in. `score` of `most` is the best that was seen; None: never tried.

    `lessons`: the numbers of the lessons that it is about.
    """

    id: str
    title: str
    points: int
    lessons: tuple[str, ...]
    score: float | None = None
    most: float = 0.0

    @property
    def is_passed(self) -> bool:
        return self.score is not None and self.most > 0 and self.score >= self.most


@dataclass(frozen=True)
class Assignment:
    """A notebook of tasks: "Problem set 1: Pods that are all alike"."""

    title: str
    file: Path
    tasks: tuple[Task, ...]


def assignments(folder: Path, scores: Mapping[str, tuple[float, float]]) -> tuple[Assignment, ...]:
    """All in that folder, in the order in which they are taken; a notebook that cannot be read is left out.

    `scores`: by the task's name, the best score and of how many points.
    """
    files = sorted(folder.glob("*/*.ipynb"), key=lambda file: (file.stem == "final", file.stem))
    found = (_assignment(file, scores) for file in files if file.stem == file.parent.name)
    return tuple(each for each in found if each is not None and each.tasks)


def _assignment(file: Path, scores: Mapping[str, tuple[float, float]]) -> Assignment | None:
    try:
        if file.stat().st_size > _MOST_BYTES:
            return None
        cells = [_text(cell) for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    tasks, named, about = [], ("", 0), ""
    title = file.stem
    for is_code, text in cells:
        if not is_code:
            heading = _TITLE.match(text)
            title = heading[1] if heading else title
            task = _TASK.match(text)
            named, about = ((task[1], int(task[2])), text) if task else (named, about + text)
            continue
        for id in _CHECK.findall(text):
            score, most = scores.get(id, (None, 0.0))
            lessons = tuple(dict.fromkeys(_LESSON.findall(about)))
            tasks.append(Task(id, named[0] or id, named[1], lessons, score, most))
    return Assignment(title, file, tuple(tasks))


def _text(cell: Any) -> tuple[bool, str]:
    return cell["cell_type"] == "code", "".join(cell["source"])
