"""What learners receive is what the sources give, to the byte; and nothing of the answers is in it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import programs
import pytest
from once import released_course

ROOT = Path(__file__).resolve().parents[3]
ASSIGNMENTS = sorted(path.parent.name for path in (ROOT / "solutions").glob("*/*.ipynb"))


# The command's own class, as nbgrader starts it, for one assignment after the other in one process.
GENERATE = """
import sys
from nbgrader.apps import GenerateAssignmentApp
for name in sys.argv[1:]:
    GenerateAssignmentApp.clear_instance()
    GenerateAssignmentApp.launch_instance([name])
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course in which every assignment is released."""
    course = Path(shutil.copytree(released_course(tmp_path_factory), tmp_path_factory.mktemp("releases") / "course"))
    done = programs.run("-c", GENERATE, *ASSIGNMENTS, cwd=course)
    assert done.returncode == 0, done.stderr[-3000:]
    return course


@pytest.mark.slow
@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_generating_a_release_again_changes_nothing(name: str, course: Path) -> None:
    again = {path.name: path.read_bytes() for path in (course / "exercises" / name).iterdir()}
    released = {
        path.name: path.read_bytes()
        for path in (ROOT / "exercises" / name).iterdir()
        if not path.name.startswith(".") and path.name != "__pycache__"
    }
    assert sorted(again) == sorted(released)
    for file in again:
        assert again[file] == released[file], (
            f"{file}: run `nbgrader generate_assignment {name}` and commit the release"
        )


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_no_answer_is_in_a_release(name: str) -> None:
    assert not (ROOT / "exercises" / name / "hidden.py").exists()
    for path in (ROOT / "exercises" / name).glob("*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            source = "".join(cell["source"])
            assert "SOLUTION" not in source
            assert not source.startswith("#: ")
            assert not cell.get("outputs")


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_a_source_answers_its_own_tasks(name: str) -> None:
    """The model answers of a source notebook get all points."""
    from grader.answer import Answer
    from grader.judge import judge
    from grader.nbgrader.cells import SourceCell, answers, clean
    from grader.registry import tasks_of

    notebook = clean(json.loads((ROOT / "solutions" / name / f"{name}.ipynb").read_text(encoding="utf-8")))
    cells = [SourceCell(f"{name}-{task.name}", "code", f'check("{task.id}")', "", True, points=task.points)
             for task in tasks_of(name).values()]  # fmt: skip
    said = answers(notebook, cells)
    for task in tasks_of(name).values():
        result = judge(task, Answer.of_cell(said[task.id]))
        assert result.is_full, [(each.id, each.detail or each.message) for each in result.checks if not each.passed]
