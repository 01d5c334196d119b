"""Every release in `exercises/` is what `nbgrader generate_assignment` makes of its source, and tells no secrets."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grader.nbgrader.authoring import cell_name
from grader.registry import assignments, hidden_checks, tasks_of

ROOT = Path(__file__).resolve().parents[3]


def cells(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [{**each, "source": "".join(each["source"])} for each in found]


def release(name: str) -> Path:
    return ROOT / "exercises" / name / f"{name}.ipynb"


@pytest.mark.slow
@pytest.mark.parametrize("name", assignments())
def test_generating_it_again_changes_nothing(name: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "solutions" / name, tmp_path / "solutions" / name, ignore=ignored)
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    made = sorted(each.name for each in (tmp_path / "exercises" / name).iterdir())
    assert made == [f"{name}.ipynb"]
    assert (tmp_path / "exercises" / name / made[0]).read_bytes() == release(name).read_bytes()


@pytest.mark.parametrize("name", assignments())
def test_an_answer_begins_with_what_its_task_gives_and_nothing_of_the_model_answer(name: str) -> None:
    found = {each["metadata"].get("nbgrader", {}).get("grade_id"): each["source"] for each in cells(release(name))}
    for task in tasks_of(name).values():
        magic, _, rest = found[f"{cell_name(task.id)}-answer"].partition("\n")
        assert magic == f"%%answer {task.id}"
        begun = rest.removeprefix("# Write your answer below this line.").strip()
        assert begun == task.start.strip()
        assert found[cell_name(task.id)] == f'check("{task.id}")'


@pytest.mark.parametrize("name", assignments())
def test_nothing_is_released_that_learners_must_not_see(name: str) -> None:
    text = release(name).read_text(encoding="utf-8")
    for secret in ("SOLUTION", "MARK SCHEME", "hidden", "For the person who grades"):
        assert secret not in text
    module = hidden_checks(name)
    for place in ("market-7", "shop-7"):
        assert place not in text
    assert module is not None


@pytest.mark.parametrize("name", assignments())
def test_nothing_has_been_run_in_it(name: str) -> None:
    for path in (release(name), ROOT / "solutions" / name / f"{name}.ipynb"):
        assert not any(each.get("outputs") or each.get("execution_count") for each in cells(path))
