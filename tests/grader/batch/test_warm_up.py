"""What `grader run` loads before it forks its workers."""

from __future__ import annotations

import pytest

from grader import shared
from grader.batch import run
from grader.place import EMBEDDED
from grader.tasks import Task
from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.runtime import worker


def test_a_process_that_is_forked_later_has_run_pods_and_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ControlPlane] = []

    def cluster(task: Task, namespace: str, seed: int) -> ControlPlane:
        made.append(ControlPlane(seed=seed))
        return made[-1]

    monkeypatch.setattr(EMBEDDED, "cluster", cluster)
    monkeypatch.setattr(worker, "_start_thread", lambda **_: pytest.fail("a thread was started"))
    run.warm_up()
    assert [each["status"]["phase"] for each in made[0].store.list("pods")] == ["Running"]
    assert shared.learned() == shared.Learned()
