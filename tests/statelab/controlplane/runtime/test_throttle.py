"""A script that calls without a pause has to wait for its turns: an hour of it is not millions of calls."""

from __future__ import annotations

import pytest

from statelab.controlplane.runtime.process import Process
from statelab.controlplane.runtime.throttle import Throttle


@pytest.fixture
def calls(monkeypatch):
    found = []
    called = Process.called

    def counted(self, call, stdin):
        found.append(call.name)
        assert len(found) < 2_500, "it does not end"
        called(self, call, stdin)

    monkeypatch.setattr(Process, "called", counted)
    return found


@pytest.mark.parametrize(
    "script",
    [
        "while :; do hostname > /dev/null; done",
        "until curl -s -o /dev/null localhost; do :; done",
        "while :; do (hostname | cat) > /dev/null & wait; done",
    ],
)
def test_a_loop_without_a_pause_runs_on_and_costs_little(node, calls, script):
    node.sh(script, for_s=200)
    assert "web-0" not in node.exits
    assert 500 < len(calls) < 2_000


def test_a_loop_with_pauses_and_500_calls_in_a_row_keep_their_time():
    throttle = Throttle()
    assert {throttle.delay_s(took_s) for _ in range(5_000) for took_s in (0.0, 0.1)} == {0.0}
    assert {throttle.delay_s(0.0) for _ in range(490)} == {0.0}
    assert throttle.delay_s(100.0) == 0.0
    assert [throttle.delay_s(0.001) > 0 for _ in range(600)].count(True) in range(50, 150)
