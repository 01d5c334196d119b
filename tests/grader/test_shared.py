"""Scenes that stand ready, and what scenarios came to: handed on, they change no verdict."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader import shared
from grader.answer import Answer
from grader.judge import judge
from grader.place import EMBEDDED
from grader.registry import task
from grader.shared import Learned, Scene
from grader.tasks import Task
from grader.trial import Trial
from statelab.controlplane.controlplane import ControlPlane

CORPUS = Path(__file__).parent / "corpus"
PEERS = Scene("ps3.peers", "default", 0, with_given=True)


@pytest.fixture(autouse=True)
def nothing_is_known() -> Iterator[None]:
    shared.forget()
    yield
    shared.forget()


@pytest.fixture
def booted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds of the clusters that were made."""
    seeds: list[int] = []

    def cluster(task: Task, namespace: str, seed: int) -> ControlPlane:
        seeds.append(seed)
        return ControlPlane(seed=seed)

    monkeypatch.setattr(EMBEDDED, "cluster", cluster)
    return seeds


def begun(scene: Scene) -> Trial:
    return Trial(task(scene.task), namespace=scene.namespace, seed=scene.seed)


def answer(name: str) -> Answer:
    return Answer.of_cell(min((CORPUS / name).glob("*.yaml")).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["ps3.peers/right", "ps3.peers/wrong", "ps3.repair/wrong"])
def test_an_answer_is_judged_the_same_on_scenes_that_stood_ready(name: str, booted: list[int]) -> None:
    chosen = task(name.partition("/")[0])
    cold = judge(chosen, answer(name))
    assert booted
    found = shared.learned()
    assert shared.take_over(found, times=1)
    while shared.prepare(begun):
        pass
    booted.clear()
    assert judge(chosen, answer(name)) == cold
    assert booted == []  # every cluster that it needed stood ready
    assert shared.learned().scenes == found.scenes


def test_a_scene_is_used_once(booted: list[int]) -> None:
    shared.take_over(Learned({PEERS: 1}), times=2)
    while shared.prepare(begun):
        pass
    booted.clear()
    clusters = [begun(PEERS).cluster for _ in range(3)]
    assert len({id(each) for each in clusters}) == 3
    assert len(booted) == 1


def test_a_task_that_a_rubric_makes_up_has_no_scene() -> None:
    assert shared.scene_of(Task("ps3.peers", 1, ""), "default", 0, with_given=False) is None
    assert shared.scene_of(Task("ps3.madeup", 1, ""), "default", 0, with_given=False) is None
    assert shared.scene_of(task("ps3.peers"), "default", 0, with_given=True) == PEERS


def test_what_a_scenario_came_to_is_found_out_once_and_told() -> None:
    runs: list[str] = []

    @shared.remembered
    def came_to(question: str) -> str:
        runs.append(question)
        begun(PEERS)
        return question.upper()

    assert [came_to("order"), came_to("kill"), came_to("order")] == ["ORDER", "KILL", "ORDER"]
    found = shared.learned()
    assert (runs, len(found.observations), found.scenes) == (["order", "kill"], 2, {})
    shared.forget()
    shared.take_over(found, times=1)
    assert came_to("kill") == "KILL"
    assert runs == ["order", "kill"]


def test_checks_share_the_answer_whose_claims_bind(booted: list[int]) -> None:
    path = next((CORPUS / "ps3.identity/wrong").glob("14-a-storageclass-that-does-not-exist*"))
    result = judge(task("ps3.identity"), Answer.of_files([path]), visible_only=True)
    assert 0 < result.score < result.max
    assert booted.count(1) == 1  # the answer's own cluster has seed 0
