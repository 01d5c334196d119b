"""Work that takes time, and can be given up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from statelab.controlplane.clock import Loop
from statelab.controlplane.kubelet.backoff import BackOff, duration
from statelab.controlplane.kubelet.steps import Pause, Steps, Work


def test_steps_wait_for_time_and_for_answers() -> None:
    loop, told, done = Loop(), [], []
    start_s = loop.now_s

    def work() -> Work:
        yield 2.0
        told.append((loop.now_s - start_s, None))
        answer = yield lambda resume: loop.call_later(3.0, lambda: resume("yes")) and None
        told.append((loop.now_s - start_s, answer))

    Steps(loop, work(), lambda: done.append(True)).start()
    assert loop.run_until_idle()
    assert told == [(2.0, None), (5.0, "yes")]
    assert done == [True]


def test_a_second_answer_is_nobodys() -> None:
    loop, told = Loop(), []

    def twice(resume: Callable[[Any], None]) -> None:
        resume(1)
        resume(2)

    def work() -> Work:
        told.append((yield twice))
        told.append((yield 1.0))

    Steps(loop, work(), lambda: None).start()
    loop.run_until_idle()
    assert told == [1, None]


def test_what_is_cancelled_goes_no_further_even_by_its_own_hand() -> None:
    loop, told, done = Loop(), [], []

    def work() -> Work:
        yield 1.0
        steps.cancel()
        told.append("this step is finished")
        yield 1.0
        told.append("this one is not begun")

    steps = Steps(loop, work(), lambda: done.append(True))
    steps.start()
    loop.run_until_idle()
    assert told == ["this step is finished"]
    assert done == []


def test_a_pause_does_not_keep_the_cluster_busy_until_somebody_hurries() -> None:
    loop, told = Loop(), []

    def work() -> Work:
        yield Pause(60.0)
        told.append(True)

    steps = Steps(loop, work(), lambda: None)
    steps.start()
    assert loop.run_until_idle()
    assert not told
    steps.hurry()
    assert loop.run_until_idle()
    assert told


def test_work_that_fails_is_told_and_the_loop_goes_on() -> None:
    loop, told = Loop(), []

    def work() -> Work:
        yield 1.0
        raise ValueError("no")

    Steps(loop, work(), lambda: told.append("done"), lambda error: told.append(str(error))).start()
    assert loop.run_until_idle()
    assert told == ["no"]


def test_back_off_doubles_up_to_five_minutes_and_is_forgotten_after_ten() -> None:
    back_off, now_s, delays = BackOff(), 0.0, []
    for _ in range(7):
        back_off.next("k", now_s)
        delays.append(back_off.delay_s("k"))
        now_s += 1.0
    assert delays == [10, 20, 40, 80, 160, 300, 300]
    assert back_off.remaining_s("k", now_s) == 299.0
    assert back_off.remaining_s("k", now_s + 601, since_s=now_s + 600) == 0.0
    back_off.next("k", now_s + 601)
    assert back_off.delay_s("k") == 10
    assert [duration(each) for each in (10, 80, 300, 3700)] == ["10s", "1m20s", "5m0s", "1h1m40s"]
