"""A probe that computes for ever costs a judgement little, however often it is asked, and the learner is told so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from grader.answer import Answer
from grader.judge import judge
from grader.limits import Limits, Meter, TrialOver
from grader.registry import task
from statelab.controlplane.runtime.computing import Computing
from statelab.controlplane.runtime.shell import shell

CORPUS = Path(__file__).parent / "corpus"
TOLD = "its script computes and never comes to an end, so it was stopped"


def with_probe(task_id: str, *command: str) -> Answer:
    """The model answer, but for a readiness probe that runs this each second."""
    documents: list[Any] = list(yaml.safe_load_all(next(CORPUS.glob(f"{task_id}/right/01-*.yaml")).read_text()))
    for each in documents:
        template = each["spec"].get("template")
        if template is not None:
            probe = {"exec": {"command": list(command)}, "periodSeconds": 1}
            template["spec"]["containers"][0]["readinessProbe"] = probe
    return Answer((yaml.safe_dump_all(documents),))


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("sh", "-c", "while :; do :; done"), id="a loop"),
        pytest.param(("sh", "-c", "yes | grep -q n"), id="a pipe"),
        pytest.param(("awk", "BEGIN { while (1); }"), id="awk"),
    ],
)
def test_a_probe_without_end_is_paid_for_once(command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    steps, granted, chosen = 0, [0.0], task("ps7.slow-start")
    work, busy_s = shell.Shell.work, Computing.busy_s

    def counted(self: shell.Shell, count: int) -> None:
        nonlocal steps
        steps += count
        work(self, count)

    def asked(self: Computing, who: tuple[str, ...], limit_s: float) -> float:
        granted.append(busy_s(self, who, limit_s))
        return granted[-1]

    monkeypatch.setattr(shell.Shell, "work", counted)
    monkeypatch.setattr(Computing, "busy_s", asked)
    result = judge(chosen, with_probe(chosen.id, *command))
    assert result.score == 0
    assert TOLD in result.checks[0].message
    assert granted.count(1.0) <= 3  # the Pods of one trial may ask before the first has gone over it
    assert granted.count(0.001) > 10
    assert steps < 250_000


def test_what_one_process_costs_is_not_taken_from_another() -> None:
    computing = Computing(1.0, 3)
    assert computing.busy_s(("a",), 4.0) == 1.0
    computing.went_over(("a",))
    assert (computing.busy_s(("a",), 4.0), computing.busy_s(("b",), 4.0)) == (0.1, 0.1)
    for _ in range(9):
        computing.went_over(("a",))
    assert (computing.busy_s(("a",), 4.0), computing.busy_s(("b",), 4.0)) == (0.001, 0.1)


def test_in_a_cluster_that_is_no_trial_others_keep_what_they_may() -> None:
    computing = Computing()
    computing.went_over(("a",))
    assert (computing.busy_s(("a",), 4.0), computing.busy_s(("b",), 4.0)) == (0.4, 4.0)


def test_a_judgement_does_not_begin_with_what_the_last_one_went_over() -> None:
    limits, chosen = Limits(), task("ps7.slow-start")
    judge(chosen, with_probe(chosen.id, "sh", "-c", "while :; do :; done"), limits=limits, visible_only=True)
    assert limits.computing.busy_s(("redis",), 4.0) == 1.0


def test_a_busy_machine_stops_no_trial_and_a_hung_one_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = worked_s = 0.0
    monkeypatch.setattr("grader.limits.time.monotonic", lambda: now_s)
    monkeypatch.setattr("grader.limits.time.process_time", lambda: worked_s)
    meter = Meter(Limits(), 0.0)

    def look_after(seconds: float, work_s: float = 0.0) -> None:
        nonlocal now_s, worked_s
        now_s, worked_s = now_s + seconds, worked_s + work_s
        for _ in range(64):
            meter.tick(0.0)

    for _ in range(100):
        look_after(2.0)
    for _ in range(9):
        look_after(20.0, work_s=0.5)  # on other trials, or a fortieth of a processor
    look_after(30.0)
    look_after(30.0)
    with pytest.raises(TrialOver, match="nothing in it moved for 60 seconds"):
        look_after(30.0)
