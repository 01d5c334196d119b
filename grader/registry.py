"""Where tasks are: `grader/rubrics/ps3` holds those of ps3, `solutions/ps3/hidden.py` what learners never see."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import threading
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from grader.tasks import Task
from statelab.course import checkout

_NAME = re.compile(r"[a-z][a-z0-9]{0,30}\Z")
_LOADING = threading.RLock()  # hidden checks are added to the tasks once, whoever asks first


class NoSuchTask(LookupError):
    """The name is no task's. `str()` says which there are."""

    def _render_traceback_(self) -> list[str]:  # IPython shows this instead of a traceback
        text = str(self)
        return [text[:1].upper() + text[1:] + "."]


def assignments() -> list[str]:
    """The assignments that have a rubric, in order."""
    rubrics = importlib.import_module("grader.rubrics")  # in a tab it comes with this import
    folder = Path(str(rubrics.__file__)).parent
    # A wheel for a browser has compiled modules in the place of sources.
    return sorted({each.parent.name for each in folder.glob("*/__init__.py*")})


@lru_cache(maxsize=32)
def tasks_of(assignment: str) -> dict[str, Task]:
    """The tasks of an assignment by id, in the order of the rubric. Raises NoSuchTask."""
    if not _NAME.match(assignment) or assignment not in assignments():
        raise NoSuchTask(f'there is no assignment "{assignment[:40]}"; there are: {", ".join(assignments())}')
    with _LOADING:
        module = importlib.import_module(f"grader.rubrics.{assignment}")
        hidden_checks(assignment)
    found = [value for value in vars(module).values() if isinstance(value, Task)]
    return {task.id: task for task in found}


def task(task_id: str) -> Task:
    """The task of that name, e.g. `ps3.identity`. Raises NoSuchTask, which names the nearest."""
    assignment, _, _ = task_id.partition(".")
    tasks = tasks_of(assignment)
    found = tasks.get(task_id)
    if found is None:
        from statelab.reader.spelling import nearest

        near = nearest(task_id, tasks)
        meant = f" Did you mean {near}?" if near else ""
        raise NoSuchTask(f'{assignment} has no task "{task_id[:60]}".{meant} It has: {", ".join(tasks)}')
    return found


def solutions_folder() -> Path | None:
    """The instructor's `solutions/`, or None on a learner's machine.

    It is the folder that $STATELAB_SOLUTIONS names (none, where that is empty), the one of the source we run from, or
    the installed distribution statelab-instructor.
    """
    named = os.environ.get("STATELAB_SOLUTIONS")
    if named is not None:
        candidates = [Path(named)] if named else []
    else:
        source = checkout()
        installed = importlib.util.find_spec("statelab_instructor")
        candidates = [source / "solutions"] if source else []
        candidates += [Path(each) for each in (installed.submodule_search_locations or ())] if installed else []
    return next((each for each in candidates if each.is_dir()), None)


@lru_cache(maxsize=32)
def hidden_checks(assignment: str) -> ModuleType | None:
    """Load `solutions/<assignment>/hidden.py`, which adds hidden checks to the tasks. None where there is none."""
    folder = solutions_folder()
    path = folder / assignment / "hidden.py" if folder else None
    if path is None or not path.is_file():
        return None
    spec = importlib.util.spec_from_file_location(f"solutions_{assignment}_hidden", path)
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
