"""Hundreds of answers made from the model answers by one slip each: the verdict is what a cluster says, not the slip.

The oracles are written against the cluster directly and know nothing of the rubrics. Thousands of slips would take
minutes: a sample by a fixed seed is judged, unless STATELAB_ALL_MUTANTS is set.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path

import oracles_day_two
import oracles_final
import oracles_lines
import oracles_names
import oracles_operator
import oracles_stopping
import oracles_storage
import pytest
from slips import slips

from grader.answer import Answer
from grader.judge import judge
from grader.registry import task
from statelab.manifest import ManifestError

CORPUS = Path(__file__).parent.parent / "corpus"
ORACLES: dict[str, Callable[[str], bool]] = {
    **oracles_names.ORACLES,
    **oracles_storage.ORACLES,
    **oracles_final.ORACLES,
    **oracles_lines.ORACLES,
    **oracles_stopping.ORACLES,
    **oracles_day_two.ORACLES,
    **oracles_operator.ORACLES,
}
SAMPLE = 6  # slips of each task
pytestmark = pytest.mark.slow


def model(name: str) -> str:
    path = sorted((CORPUS / name / "right").glob("01-*.yaml"))[0]
    return "".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[1:])


def sample(name: str) -> list[tuple[str, str]]:
    found = sorted(slips(model(name)).items(), key=itemgetter(0))
    few = SAMPLE if not os.environ.get("STATELAB_ALL_MUTANTS") else len(found)
    chosen = random.Random(name).sample(found, min(few, len(found)))
    return [(slip, write()) for slip, write in sorted(chosen, key=itemgetter(0))]


MUTANTS = [(name, slip, text) for name in ORACLES for slip, text in sample(name)]


@pytest.mark.parametrize(("name", "slip", "text"), MUTANTS, ids=[f"{name} {slip}" for name, slip, _ in MUTANTS])
def test_a_slip_costs_points_when_and_only_when_it_changes_what_the_cluster_does(
    name: str, slip: str, text: str
) -> None:
    result = judge(task(name), Answer.of_cell(text))
    assert not [each.id for each in result.checks if each.broke]
    try:
        deserved = ORACLES[name](text)
    except ManifestError:
        deserved = False
    assert result.is_full == deserved, [(each.id, each.points, each.detail or each.message) for each in result.checks]


@pytest.mark.parametrize("name", ORACLES)
def test_the_model_answer_deserves_all_points_by_the_oracle_too(name: str) -> None:
    assert ORACLES[name](model(name))


def test_there_are_thousands() -> None:
    assert sum(len(slips(model(name))) for name in ORACLES) > 3000
