"""Points fall with what is wrong: each answer of a ladder, worse than the one before, has no more points than that."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from grader.answer import Answer
from grader.judge import judge
from grader.registry import task
from grader.result import CheckResult, Result

CORPUS = Path(__file__).parent / "corpus"
WEB = (CORPUS / "ps3.identity/right/01-the-model-answer.yaml").read_text(encoding="utf-8")
CLAIMS = WEB[WEB.index("  volumeClaimTemplates:") :]
MOUNTS = WEB[WEB.index("        volumeMounts:") : WEB.index("  volumeClaimTemplates:")]


def points(text: str) -> float:
    return judge(task("ps3.identity"), Answer.of_cell(text)).score


@pytest.mark.parametrize(
    "slip",
    [
        WEB.replace("      accessModes", "      storageClassName: fast\n      accessModes"),
        WEB.replace("1Gi", "1gi"),
        WEB.replace("ReadWriteOnce", "ReadWriteOne"),
    ],
    ids=["class", "size", "mode"],
)
def test_one_wrong_word_of_a_claim_costs_less_than_no_claims_at_all(slip: str) -> None:
    without = WEB.replace(CLAIMS, "").replace(MOUNTS, "")
    nameless = without.replace("serviceName: nginx", "serviceName: ngnix")
    ladder = [points(each) for each in (WEB, slip, without, nameless, "kind: Pod\n")]
    assert all(better > worse for better, worse in pairwise(ladder)), ladder


def test_the_next_step_is_that_of_the_first_check_that_failed() -> None:
    first = CheckResult("a", "The first", 0, 1, "no")
    second = CheckResult("b", "The second", 0, 1, "no", line=7)
    assert Result("ps9.some", (first, second)).next_step == "Next: look again at: The first, and try again."
    assert Result("ps9.some", (second, first)).next_step == "Next: look at line 7, and try again."


@pytest.mark.parametrize(
    ("of", "right", "wrong"),
    [
        ("ps3.identity", "clusterIP: None", 'clusterIP: "None "'),
        ("ps3.identity", "storage: 1Gi", "storage: 1gi"),
        ("final.budget", "maxUnavailable: 1", 'maxUnavailable: "1"'),
    ],
)
def test_what_the_api_server_refuses_is_shown_at_its_field(of: str, right: str, wrong: str) -> None:
    text = next((CORPUS / of / "right").glob("01-*")).read_text(encoding="utf-8").replace(right, wrong)
    line = next(number for number, each in enumerate(text.splitlines(), 1) if wrong in each)
    result = judge(task(of), Answer.of_cell(text))
    assert line in [each.line for each in result.checks if each.message.startswith("The API server refused it")]


def test_one_pod_is_one_pod() -> None:
    result = judge(task("ps3.identity"), Answer.of_cell(WEB.replace("replicas: 3", "replicas: 1")))
    said = " ".join(each.message for each in result.checks)
    assert "StatefulSet web asks for 1 Pod, and 3 are wanted." in said
