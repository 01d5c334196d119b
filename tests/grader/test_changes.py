"""The bound on a repair counts what was changed, and not how it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from grader.answer import Answer
from grader.changes import changes
from grader.judge import judge
from grader.registry import task

CORPUS = Path(__file__).parent / "corpus"
REPAIRED = next((CORPUS / "ps3.repair/right").glob("01-*")).read_text(encoding="utf-8")
SET: dict[str, Any] = yaml.safe_load(REPAIRED)


def changed(**spec: Any) -> list[str]:
    return changes(SET, {**SET, "spec": {**SET["spec"], **spec}})


def test_a_default_is_no_change_whether_it_is_written_or_not() -> None:
    written = {"podManagementPolicy": "OrderedReady", "updateStrategy": {"type": "RollingUpdate"}}
    assert changed(**written) == []
    assert changes({**SET, "spec": {**SET["spec"], **written}}, SET) == []
    assert changed(podManagementPolicy="Parallel") == ["spec.podManagementPolicy"]
    assert changed(updateStrategy={"type": "OnDelete"}) == ["spec.updateStrategy"]


def test_what_the_server_wrote_is_no_change_where_somebody_pasted_it() -> None:
    pasted = {**SET, "status": {"replicas": 2}, "metadata": {**SET["metadata"], "uid": "1", "creationTimestamp": None}}
    assert changes(SET, pasted) == []


def test_a_field_that_is_lost_is_a_change() -> None:
    lost = {key: value for key, value in SET["spec"].items() if key != "serviceName"}
    assert changes(SET, {**SET, "spec": lost}) == ["spec.serviceName"]


def test_what_is_no_object_at_all_is_compared_as_it_is_written() -> None:
    assert changes(SET, {**SET, "spec": "none"}) == ["spec"]
    assert changes(SET, None) == ["the whole"]


def test_an_answer_that_writes_defaults_gets_all_points() -> None:
    text = REPAIRED.replace("containerPort: 80", "containerPort: 80\n          protocol: TCP")
    assert judge(task("ps3.repair"), Answer.of_cell(text)).is_full
