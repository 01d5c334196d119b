"""One slip of the pen does not cost everything: half of what the rest is worth remains."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from grader.answer import Answer
from grader.judge import judge
from grader.registry import assignments, task, tasks_of
from grader.result import as_text
from grader.tasks import Task

CORPUS = Path(__file__).parent / "corpus"
Leaf = tuple[int, tuple[str | int, ...], str]
# Where a slip may cost everything, and why.
MAY_COST_ALL = {
    "command": "a program of one's own does not run, and nobody can say what it would have done",
    "args": "the same",
    "storage": "a size of one's own choice may be any",
    "operator": "a word of two letters is no slip of another",
    "rule": "an expression that cannot be read is refused with all around it",
    "schedule": "there is no word in it",
}


def model(chosen: Task) -> list[Any]:
    text = next((CORPUS / chosen.id / "right").glob("01-*")).read_text(encoding="utf-8")
    return [each for each in yaml.safe_load_all(text) if each]


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from leaves(each, (*path, number))
    elif isinstance(value, str) and len(value) > 2:
        yield path, value


def misspelt(word: str) -> str:
    """The last two letters swapped, or the last left out where they are the same."""
    return word[:-1] if word[-1] == word[-2] else word[:-2] + word[-1] + word[-2]


def with_slip(documents: list[Any], number: int, path: tuple[str | int, ...], word: str) -> str:
    changed = copy.deepcopy(documents)
    holder = changed[number]
    for each in path[:-1]:
        holder = holder[each]
    holder[path[-1]] = misspelt(word)
    return "---\n".join(yaml.safe_dump(each, sort_keys=False) for each in changed)


MANIFESTS = [
    chosen for name in assignments() for chosen in tasks_of(name).values() if chosen.answer == "manifest"
]  # fmt: skip


@pytest.mark.parametrize("chosen", MANIFESTS, ids=lambda chosen: chosen.id)
def test_no_misspelt_word_costs_everything(chosen: Task) -> None:
    documents = model(chosen)
    words = [(number, path, word) for number, each in enumerate(documents) for path, word in leaves(each)]
    words = [each for each in words if not MAY_COST_ALL.keys() & set(each[1])]
    for number, path, word in Random(chosen.id).sample(words, 1):
        result = judge(chosen, Answer.of_cell(with_slip(documents, number, path, word)))
        assert result.score > 0, (path, word, result.checks[0].message)
        assert result.checks[0].points <= result.checks[0].max


def test_a_slip_counts_half_and_is_told_with_its_line() -> None:
    text = next((CORPUS / "ps1.shop/right").glob("01-*")).read_text(encoding="utf-8")
    result = judge(task("ps1.shop"), Answer.of_cell(text.replace("kind: Deployment", "kind: Deploymnet")))
    line = next(number for number, each in enumerate(text.splitlines(), 1) if each == "kind: Deployment")
    assert result.score == 12.5
    assert f"your answer, line {line}: with Deployment in place of Deploymnet more of it would hold" in as_text(result)
    assert not result.is_full


def test_a_slip_costs_half_of_what_hangs_on_it_however_much_holds_as_it_is() -> None:
    text = next((CORPUS / "ps3.identity/right").glob("01-*")).read_text(encoding="utf-8")
    without = judge(task("ps3.identity"), Answer.of_cell(text.replace("kind: Service", "kind: Secret")))
    result = judge(task("ps3.identity"), Answer.of_cell(text.replace("kind: Service", "kind: Servcie")))
    assert without.score > 15
    lost = [(each, other) for each, other in zip(result.checks, without.checks, strict=True) if not other.passed]
    assert all(each.points >= max(other.points, each.max // 2) for each, other in lost)
    assert without.score < result.score < result.max


@pytest.mark.parametrize("other", ["kind: Pod\n", "kind: Deployment\nmetadata: {name: shpo}\n", "shop: Deploymnet\n"])
def test_what_is_missing_is_no_slip(other: str) -> None:
    assert judge(task("ps1.shop"), Answer.of_cell(other)).score == 0


def test_what_was_given_earns_nothing_though_it_is_full_of_slips() -> None:
    chosen = task("ps3.lookup")
    assert judge(chosen, Answer.of_cell(chosen.start)).score == 0


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("ps3.identity", "app/v1", "apps/v1"),
        ("ps3.identity", "apps/v1beta1", "apps/v1"),
        ("ps4.two-volumes", "extensions/v1beta1", "apps/v1"),
        ("ps4.two-volumes", "v1", "apps/v1"),
        ("ps3.repair", "aps/v1", "apps/v1"),
        ("ps3.repair", "statefulset", "StatefulSet"),
        ("ps1.shop", "Deployement", "Deployment"),
        ("final.budget", "policy/v1beta1", "policy/v1"),
        ("final.store", "V1", "v1"),
        ("ps2.headless", "core/v1", "v1"),
    ],
)
def test_a_version_or_kind_that_is_unknown_costs_half_whatever_it_is(name: str, written: str, meant: str) -> None:
    """Wherever it stands: two Services with the same `V1` are one slip."""
    chosen = task(name)
    documents = model(chosen)
    for each in documents:
        for key in ("apiVersion", "kind"):
            if each[key] == meant:
                each[key] = written
    result = judge(chosen, Answer.of_cell(yaml.safe_dump_all(documents, sort_keys=False)))
    assert chosen.points * 0.4 <= result.score <= chosen.points * 0.6
    line = result.advice[0]
    assert f"with {meant} in place of {written}" in line and ", line " in line
    assert re.search(rf"[Dd]id you mean (apiVersion: )?{re.escape(meant)}\?", "\n".join(result.advice))


def test_what_the_task_gave_to_be_repaired_is_no_slip() -> None:
    half_done = task("ps3.repair").start.replace("selectors:", "selector:")
    assert judge(task("ps3.repair"), Answer.of_cell(half_done)).score == 3
