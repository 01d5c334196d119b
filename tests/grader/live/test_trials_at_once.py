"""Several trials of one answer at once on a real cluster, each in its namespace; and what is seen of it meanwhile."""

from __future__ import annotations

import io
import sys
import threading
from pathlib import Path

import pytest

from grader import bars
from grader.answer import Answer
from grader.live.judge import judge_live
from grader.live.namespaces import Namespaces, leftovers
from grader.live.place import LivePlace
from grader.place import CannotGrade
from grader.registry import task

CORPUS = Path(__file__).parents[1] / "corpus"


@pytest.mark.slow
@pytest.mark.kubectl
def test_what_is_tried_elsewhere_is_tried_beside_the_rest_with_the_same_points(namespaces: Namespaces) -> None:
    answer = Answer.of_files([next((CORPUS / "ps6.deadlock/right").glob("01-*"))])
    threads: list[str] = []
    make = namespaces.make
    namespaces.make = lambda task: threads.append(threading.current_thread().name) or make(task)  # type: ignore
    told: list[tuple[int, int]] = []
    found = judge_live(
        task("ps6.deadlock"), answer, namespaces, at_once=3, told=lambda done, total, title: told.append((done, total))
    )
    assert found.is_full, found
    assert threads[0] == "MainThread" and threads[1].startswith("trial")
    assert told == [(number, len(found.checks)) for number in range(len(found.checks) + 1)]
    assert not [each for each in leftovers(namespaces.cluster) if not each.is_going]


@pytest.mark.slow
@pytest.mark.kubectl
def test_a_trial_that_still_waits_ends_with_its_place_and_leaves_no_namespace(namespaces: Namespaces) -> None:
    chosen, began, said = task("ps6.deadlock"), threading.Event(), []
    with LivePlace(namespaces, at_once=2) as place:
        cluster = place.cluster(chosen, "default", 0)

        def wait_for_ever() -> None:
            began.set()
            try:
                cluster.loop.run_until(lambda: False, timeout_s=300)
            except CannotGrade as over:
                said.append(str(over))

        assert place.beside is not None
        place.beside.submit(wait_for_ever)
        assert began.wait(10)
    assert said == ["The trial was ended before its time."]
    with pytest.raises(CannotGrade):
        place.cluster(chosen, "default", 0)
    assert not [each for each in leftovers(namespaces.cluster) if not each.is_going]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_tells_which_check_is_asked_once_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {}
    for after_s, waits_s in ((0.0, 10.0), (3600.0, 0.0)):
        screen = _Terminal()
        monkeypatch.setattr(sys, "stderr", screen)
        monkeypatch.setattr(bars, "_BAR_AFTER_S", after_s)
        with bars.bar_after_a_while(False) as told:
            told(1, 4, "Both members get Ready")
            timers = [each for each in threading.enumerate() if isinstance(each, threading.Timer)]
            for each in timers:
                each.join(waits_s)
        shown[after_s] = screen.getvalue()
    assert "1/4" in shown[0.0] and "Both members get Ready" in shown[0.0]
    assert shown[3600.0].strip() == ""


def test_nobody_who_reads_a_file_or_json_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = _Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(bars, "_BAR_AFTER_S", 0.0)
    with bars.bar_after_a_while(True) as told:
        told(0, 1, "x")
    assert screen.getvalue() == ""
