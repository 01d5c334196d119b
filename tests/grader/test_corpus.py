"""Fairness: no right answer below full points, no wrong one at full points. The reason is each file's first line.

What is said of each is read for faults of English, too.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from english import faults

from grader import sandbox
from grader.answer import Answer
from grader.judge import judge
from grader.registry import assignments, task, tasks_of

CORPUS = Path(__file__).parent / "corpus"
ANSWERS = sorted(CORPUS.glob("*/*/*"))


def no_sandbox() -> str:
    """Why an answer that is a program cannot be run here; "" where it can."""
    try:
        sandbox.check("sandbox")
    except sandbox.NoSandbox as error:
        return str(error)
    return ""


@pytest.mark.parametrize("path", ANSWERS, ids=lambda path: f"{path.parent.parent.name}-{path.parent.name}-{path.stem}")
def test_the_verdict_is_the_one_the_answer_deserves(path: Path) -> None:
    if path.suffix == ".py" and (why_not := no_sandbox()):
        pytest.skip(why_not)
    result = judge(task(path.parent.parent.name), Answer.of_files([path]))
    assert not [each.id for each in result.checks if each.broke]
    why = [(each.id, each.points, each.max, each.detail or each.message) for each in result.checks]
    assert result.is_full == (path.parent.name == "right"), why
    assert faults(result) == []


@pytest.mark.parametrize("task_id", [each for name in assignments() for each in tasks_of(name)])
def test_each_task_has_its_right_and_wrong_answers_with_reasons(task_id: str) -> None:
    right, wrong = ([*(CORPUS / task_id / kind).iterdir()] for kind in ("right", "wrong"))
    assert len(right) >= 10
    assert len(wrong) >= 20
    for path in [*right, *wrong]:
        assert path.read_text(encoding="utf-8").startswith("# "), f"{path.name} begins with its reason"
