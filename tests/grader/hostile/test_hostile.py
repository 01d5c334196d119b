"""Sixty and more hostile submissions: none gains a point, none takes its time from others, none reaches anything."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from grader.answer import Answer
from grader.batch.pool import Lost, Pool
from grader.batch.run import _worker
from grader.batch.submission import Job, grade_submission
from grader.judge import judge
from grader.nbgrader.cells import SourceCell
from grader.nbgrader.grade import Results
from grader.registry import task

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def beside(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"hostile_{name}", HERE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


MANIFESTS = beside("manifests").TEXTS
FOLDERS = beside("notebooks").FOLDERS
RELEASE: dict[str, Any] = json.loads((ROOT / "exercises/ps3/ps3.ipynb").read_text(encoding="utf-8"))


def released() -> dict[str, list[SourceCell]]:
    cells = []
    for each in RELEASE["cells"]:
        nbgrader = each["metadata"].get("nbgrader")
        if nbgrader:
            flags = nbgrader["locked"], nbgrader["solution"], False, nbgrader.get("points")
            source = "".join(each["source"])
            cells.append(SourceCell(nbgrader["grade_id"], each["cell_type"], source, nbgrader["checksum"], *flags))
    return {"ps3": cells}


def job(name: str, folder: Path) -> Job:
    return Job(name, "ps3", folder / "submitted", folder / "autograded", folder / "feedback")


def owned() -> bool:
    return Path("/tmp/owned").exists()


def test_there_are_enough_of_them() -> None:
    assert len(MANIFESTS) + len(FOLDERS) >= 60


@pytest.mark.parametrize("name", MANIFESTS)
def test_an_answer_gains_nothing_it_has_not_earned(name: str) -> None:
    began = time.process_time()
    result = judge(task("ps3.identity"), Answer.of_cell("%%answer ps3.identity\n" + MANIFESTS[name]()))
    assert time.process_time() - began < 8
    assert not [each.id for each in result.checks if each.broke], [each.message for each in result.checks]
    # Two Pods in order that come back under names are worth something, also when their containers are hostile.
    assert result.score <= 17
    assert not result.checks[0].passed
    assert all("\x1b" not in each.message for each in result.checks)
    assert not owned()


@pytest.mark.parametrize("name", FOLDERS)
def test_a_submission_gains_nothing_and_its_feedback_is_escaped(name: str, tmp_path: Path) -> None:
    (tmp_path / "submitted").mkdir()
    FOLDERS[name](RELEASE, tmp_path / "submitted")
    outcome = grade_submission(job(name, tmp_path), released(), Results())
    scores = outcome.notebooks["ps3"]["scores"]
    assert set(scores) == {"ps3-repair", "ps3-identity", "ps3-order", "ps3-peers", "ps3-lookup"}
    assert set(scores.values()) == {0.0}
    page = (tmp_path / "feedback/ps3.html").read_text(encoding="utf-8")
    for piece in ("<script", "<img src=x", "<svg", "onerror=alert(2)>", 'href="javascript:', "root:x:0"):
        assert piece not in page.replace("&lt;img src=x onerror=alert(2)&gt;", "")
    graded = json.loads((tmp_path / "autograded/ps3.ipynb").read_text(encoding="utf-8"))
    assert [len(each["outputs"]) for each in graded["cells"] if each["metadata"].get("nbgrader", {}).get("grade")] == [
        1
    ] * 5
    assert not owned()


@pytest.mark.slow
def test_none_delays_the_others(tmp_path: Path) -> None:
    jobs = []
    for number, name in enumerate(FOLDERS):
        folder = tmp_path / str(number)
        (folder / "submitted").mkdir(parents=True)
        FOLDERS[name](RELEASE, folder / "submitted")
        jobs.append(job(name, folder))
    pool: Pool[Job, Any] = Pool(partial(_worker, released(), None, Results()), 2, 60.0)
    found = {each.student: outcome for each, outcome in pool.run(jobs)}
    assert len(found) == len(jobs)
    assert not [name for name, outcome in found.items() if isinstance(outcome, Lost)]
