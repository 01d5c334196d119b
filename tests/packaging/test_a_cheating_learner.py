"""The bundle and the wheel, read by somebody who wants the answers and not the lesson: they are not in there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from grader import bundle as bundles
from grader.answer import Answer
from grader.judge import judge
from grader.registry import assignments, task, tasks_of
from grader.tasks import Task
from statelab.manifest import ManifestError, read

HERE = Path(__file__).parent
CORPUS = HERE.parent / "grader/corpus"
TASKS = [each for name in assignments() for each in tasks_of(name).values()]
# It asks for the plainest Deployment and Service there are, and many scenarios have such.
PLAIN = ("ps1.shop",)


def model(of: Task) -> str:
    return next((CORPUS / of.id / "right").glob("01-*")).read_text(encoding="utf-8")


def hidden_questions() -> dict[str, tuple[Task, str]]:
    """Question → its task, and its right answer, where only a hidden check decides it."""
    found = {}
    for each in TASKS:
        if each.answer != "prediction":
            continue
        for line in model(each).splitlines():
            question, colon, answer = line.partition(":")
            if not colon or line.startswith("#"):
                continue
            result = judge(each, Answer.of_cell(model(each).replace(line, f"{question}:")))
            lost = [check for check in result.checks if not check.passed]
            if lost and all(check.is_hidden for check in lost):
                found[question] = each, answer.strip()
    return found


@pytest.fixture(scope="module")
def hidden() -> dict[str, tuple[Task, str]]:
    return hidden_questions()


@pytest.fixture(scope="module", params=["bundle", "wheel"])
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Any]]:
    """Everything that was seen in the rubrics: where, and what."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "wheel":
        with zipfile.ZipFile(request.getfixturevalue("built").wheel) as archive:
            archive.extractall(folder)
    else:
        bundles.bundle(folder)
    return everything_in(folder)


def everything_in(folder: Path) -> list[tuple[str, Any]]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "STATELAB_SOLUTIONS": ""}
    questions = [line.partition(":")[0] for each in TASKS if each.answer == "prediction" for line in asked(each)]
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", str(HERE / "cheating.py")],
        input=json.dumps(questions), capture_output=True, text=True, cwd=folder, env=environment, check=True,
    )  # fmt: skip
    return [tuple(json.loads(line)) for line in ran.stdout.splitlines() if line.startswith("[")]


def asked(of: Task) -> list[str]:
    return [line for line in model(of).splitlines() if ":" in line and not line.startswith("#")]


def told(found: list[tuple[str, Any]], question: str, answer: str) -> Iterator[str]:
    """Where the answer to a question stands: beside it in a mapping, or as what something called so answers to it."""
    for where, value in found:
        if isinstance(value, dict) and question in value and same(value[question], answer):
            yield where
        named = re.split(r"[.(), ]+", where)
        if question in named[-2:] and same(value, answer) and "(" in where:
            yield where


def same(value: Any, answer: str) -> bool:
    said = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return said.lower() == answer.strip("[]").lower()


def test_some_questions_are_decided_by_hidden_checks_alone(hidden: dict[str, tuple[Task, str]]) -> None:
    assert {"process-tmp", "thumbs", "idle", "kill", "orphan-with-when-deleted", "voters", "beyond", "selector"} <= set(
        hidden
    )


def test_what_tells_an_answer_would_be_seen() -> None:
    seen: list[tuple[str, Any]] = [("runs.allowed()", {"selector": "no"}), ("apps.breaks(thumbs)", "nothing")]
    assert list(told(seen, "selector", "no")) == ["runs.allowed()"]
    assert list(told(seen, "thumbs", "nothing")) == ["apps.breaks(thumbs)"]
    assert list(told([("runs.beyond()", "0")], "beyond", "0")) == ["runs.beyond()"]


def test_nothing_in_it_tells_the_answer_to_a_hidden_question(
    found: list[tuple[str, Any]], hidden: dict[str, tuple[Task, str]]
) -> None:
    assert len(found) > 200  # it was really looked at
    leaks = [(question, where) for question, (_, answer) in hidden.items() for where in told(found, question, answer)]
    assert leaks == []


def test_nothing_in_it_is_a_model_answer(found: list[tuple[str, Any]]) -> None:
    """No text of an assignment's rubric, under whatever names, does what one of its tasks asks for."""
    texts = {value: where for where, value in found if isinstance(value, str) and "kind:" in value}
    tried, models = 0, []
    for of in TASKS:
        if of.answer != "manifest" or of.id in PLAIN:
            continue
        for text, where in texts.items():
            if f".{of.assignment}." in where and (renamed := under_its_names(of, text)) is not None:
                tried += 1
                if is_full(of.id, renamed):
                    models.append((of.id, where))
    assert tried > 5
    assert models == []


@cache
def is_full(task_id: str, text: str) -> bool:
    """By the checks that a learner has. The wheel's rubrics are those of the bundle: each text is judged once."""
    return judge(task(task_id), Answer.of_cell(text), visible_only=True).is_full


def under_its_names(of: Task, text: str) -> str | None:
    """A text with the names of a task's model answer; None where it has not even the kinds."""
    wanted, mine = objects(model(of)), objects(text)
    if not set(wanted) <= set(mine):
        return None
    for kind in wanted:
        text = re.sub(rf"\b{re.escape(mine[kind])}\b", wanted[kind], text)
    return text


def objects(text: str) -> dict[str, str]:
    """Kind → name of what is in a manifest; nothing where it is none."""
    try:
        return {each.kind: each.name for each in read(text).items if each.kind and each.name}
    except ManifestError:
        return {}
