"""A busy machine is nobody's wrong answer: what took long to look at is not counted as patience with the cluster."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from grader.live.cluster import WallClock
from grader.live.place import LivePlace
from grader.trial import Trial


class Wall:
    """A clock that goes on only when somebody takes time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 100.0
        monkeypatch.setattr("grader.live.cluster.time.monotonic", lambda: self.now_s)

    def takes(self, seconds: float) -> None:
        self.now_s += seconds


def test_looks_that_take_long_leave_time_for_more_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Wall(monkeypatch)
    clock = WallClock(pace=20)
    clock.pump = wall.takes
    looks: list[float] = []

    def holds() -> bool:
        wall.takes(3.0)  # a kubectl that a starved machine started late: sixty seconds of the cluster
        looks.append(wall.now_s)
        return len(looks) == 3

    assert clock.run_until(holds, timeout_s=60)


def test_a_wait_has_an_end_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Wall(monkeypatch)
    clock = WallClock(pace=20)
    clock.pump = wall.takes
    assert not clock.run_until(lambda: bool(wall.takes(0.1)), timeout_s=60)
    assert wall.now_s == pytest.approx(100 + 60 / 20, abs=0.5)
    began_s = wall.now_s
    assert not clock.run_until(lambda: bool(wall.takes(50.0)), timeout_s=60)
    assert wall.now_s - began_s < 4 * 60 / 20 + 51


def test_a_server_that_was_held_up_is_not_quiet_because_it_has_answered_once() -> None:
    answers = iter([True, False])
    waited: list[float] = []
    store = SimpleNamespace(is_abreast=lambda: next(answers), pump=waited.append)
    statelab: Any = SimpleNamespace(is_statelab=True)
    place = LivePlace(statelab)
    place._live = lambda trial: SimpleNamespace(store=store)  # type: ignore[method-assign, assignment, return-value]
    anything: Any = None
    assert place.is_busy(anything)
    assert len(waited) == 1


def test_what_has_to_come_is_given_a_while_on_the_wall_where_time_runs_faster() -> None:
    statelab: Any = SimpleNamespace(is_statelab=True)
    assert LivePlace(statelab, pace=20).patience_s(35) == 20 * 15
    assert LivePlace(statelab, pace=20).patience_s(1000) == 1000
    assert LivePlace(statelab, pace=1).patience_s(35) == 35
    assert (LivePlace(statelab, pace=20).quiet_s(5), LivePlace(statelab, pace=1).quiet_s(5)) == (20, 5)


def test_to_settle_takes_the_time_that_was_waited_and_not_what_looks_took(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Wall(monkeypatch)
    clock = WallClock(pace=20)
    clock.pump = wall.takes
    looks: list[float] = []

    def is_busy(_: object) -> bool:
        wall.takes(10.0)  # of a starved machine: two hundred seconds of the cluster
        looks.append(wall.now_s)
        return len(looks) < 6

    trial: Any = SimpleNamespace(
        cluster=SimpleNamespace(store=SimpleNamespace(revision=1), loop=clock),
        place=SimpleNamespace(is_busy=is_busy, quiet_s=lambda seconds: seconds),
        wait=lambda seconds: wall.takes(seconds / 20),
        _is_stopping=lambda: False,
        _is_starting=lambda: False,
    )
    assert Trial.settle(trial, quiet_s=40) is trial
    assert len(looks) == 6
