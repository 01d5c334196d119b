"""The discrete-event loop: order, idleness, two kinds of time."""

import pytest

from statelab.controlplane.clock import Loop, micro_timestamp, seconds, timestamp


def test_events_of_one_moment_run_in_the_order_they_were_asked_for():
    loop, ran = Loop(), []
    for name in "abc":
        loop.call_later(1.0, lambda name=name: ran.append(name))
    loop.call_later(0.5, lambda: ran.append("first"))
    assert loop.run_until_idle()
    assert ran == ["first", "a", "b", "c"]


def test_virtual_time_jumps_and_housekeeping_does_not_keep_it_going():
    loop, ticks = Loop(), []

    def tick():
        ticks.append(loop.now_s)
        loop.call_later(10.0, tick, housekeeping=True)

    loop.call_later(10.0, tick, housekeeping=True)
    start_s = loop.now_s
    loop.call_later(25.0, lambda: None)
    assert loop.run_until_idle()
    assert loop.now_s - start_s == 25.0
    assert len(ticks) == 2


def test_a_cancelled_timer_neither_runs_nor_keeps_the_loop_busy():
    loop, ran = Loop(), []
    loop.call_later(5.0, lambda: ran.append("no")).cancel()
    start_s = loop.now_s
    assert loop.run_until_idle()
    assert (ran, loop.now_s) == ([], start_s)


def test_what_retries_for_ever_is_not_idle():
    loop = Loop()

    def again():
        loop.call_later(1.0, again)

    again()
    assert not loop.run_until_idle(max_s=30.0)


def test_run_until_stops_at_the_condition_or_at_the_time_out():
    loop, seen = Loop(), []
    for second in (1.0, 2.0, 3.0):
        loop.call_later(second, lambda second=second: seen.append(second))
    assert loop.run_until(lambda: len(seen) == 2, timeout_s=10.0)
    assert not loop.run_until(lambda: len(seen) == 9, timeout_s=10.0)
    assert seen == [1.0, 2.0, 3.0]


def test_paced_time_follows_the_wall_clock_times_the_pace(monkeypatch):
    wall = [100.0]
    monkeypatch.setattr("statelab.controlplane.clock.time.monotonic", lambda: wall[0])
    loop, ran = Loop(pace=10.0, start_s=0.0), []
    loop.call_later(5.0, lambda: ran.append(1))
    assert loop.seconds_to_next() == pytest.approx(0.5)
    wall[0] += 0.4
    assert loop.run_due() == 0
    wall[0] += 0.2
    assert loop.run_due() == 1


def test_timestamps_are_written_as_kubernetes_writes_them_and_read_back():
    assert timestamp(1_700_000_000.9) == "2023-11-14T22:13:20Z"
    assert micro_timestamp(1_700_000_000.25) == "2023-11-14T22:13:20.250000Z"
    assert seconds("2023-11-14T22:13:20Z") == 1_700_000_000.0


def test_a_pace_that_is_no_pace_is_refused():
    with pytest.raises(ValueError, match="greater than 0"):
        Loop(pace=0)
