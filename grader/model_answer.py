"""A task's model answer, for who learns alone and has solved it: read out of the instructor's notebook as text."""

from __future__ import annotations

import json
import re

from grader.registry import solutions_folder
from grader.tasks import Task

_MODEL = re.compile(r"### BEGIN SOLUTION\n(.*?)\n### END SOLUTION", re.DOTALL)


def model_answer(task: Task) -> str | None:
    """The text between the marks of its `%%answer` cell in `solutions/`; None where there is no such notebook."""
    folder = solutions_folder()
    path = folder / task.assignment / f"{task.assignment}.ipynb" if folder else None
    if path is None or not path.is_file():
        return None
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(each["source"]) for each in cells if each["cell_type"] == "code"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    source = next((each for each in sources if each.startswith(f"%%answer {task.id}\n")), "")
    found = _MODEL.search(source)
    return found[1] if found else None
