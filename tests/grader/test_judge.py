"""A text in, a result out: explicit points whatever the text is, in the learner's terms, within the limits."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from grader.answer import Answer
from grader.judge import BROKE, judge
from grader.limits import Limits
from grader.registry import task
from grader.result import AS_ABOVE, as_text
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict, no, yes

CORPUS = Path(__file__).parent / "corpus"
MODEL = (CORPUS / "ps3.identity/right/01-the-model-answer.yaml").read_text(encoding="utf-8")


def graded(text: str, task_id: str = "ps3.identity", **options: bool) -> str:
    return as_text(judge(task(task_id), Answer.of_cell(text), **options))


def test_feedback_reads_as_in_the_design() -> None:
    shown = graded(MODEL.replace("serviceName: nginx", "serviceName: ngnix").replace("1Gi", "1024Mi"))
    assert "✓  5/5  Three Pods run: web-0, web-1, web-2" in shown
    assert "✗  0/6  Peers find each other by name" in shown
    assert "StatefulSet web says serviceName: ngnix (line 19), and there is no Service of that name." in shown
    assert "Did you mean nginx?" in shown
    assert "nslookup web-0.nginx answered: NXDOMAIN (asked inside web-2)." in shown
    assert "✓  4/4  Each Pod has its own gibibyte     (you asked for 1024Mi: that is 1Gi)" in shown
    assert 'Next: look at line 19, and try again.    [hint("ps3.identity"): 1 of 3]' in shown


def test_a_pending_claim_is_named_with_its_class_and_its_line() -> None:
    shown = graded(MODEL.replace("      accessModes", "      storageClassName: fast\n      accessModes"))
    assert "web-0 waits for its claim www-web-0, which is Pending: there is no StorageClass fast here." in shown


def test_what_the_api_server_refuses_is_told_in_its_words_with_our_line() -> None:
    result = judge(task("ps3.repair"), Answer.of_cell("%%answer ps3.repair\n" + task("ps3.repair").start))
    assert result.score == 0
    assert "no matches for kind" in result.checks[0].message or "no kind" in result.checks[0].message
    assert result.checks[0].line == 2


@pytest.mark.parametrize("text", ["", "   \n", "# only a comment", "%%answer ps3.identity\n# Write below"])
def test_no_answer_gets_explicit_zeros(text: str) -> None:
    result = judge(task("ps3.identity"), Answer.of_cell(text))
    assert (result.score, result.max, result.problem) == (0, 30, "There is no answer yet.")
    assert [each.points for each in result.checks] == [0] * len(result.checks)


@pytest.mark.parametrize(
    "text", ["a: [", "&a [*a]", "x" * 2_000_000, "\0", "- 1\n- 2", "kind: 5", "{}", "apiVersion: v1"]
)
def test_what_is_no_manifest_gets_a_reason_and_no_points(text: str) -> None:
    result = judge(task("ps3.identity"), Answer.of_cell(text))
    assert result.score == 0
    assert result.problem or result.checks[0].message


@pytest.mark.parametrize("task_id", ["ps3.repair", "ps3.order", "ps3.peers", "ps3.lookup"])
def test_what_was_given_and_not_changed_gets_nothing(task_id: str) -> None:
    assert judge(task(task_id), Answer.of_cell(task(task_id).start)).score == 0


def test_hidden_checks_say_nothing_of_what_they_try() -> None:
    result = judge(task("ps3.identity"), Answer.of_cell(MODEL.replace("replicas: 3", "replicas: 2")))
    hidden = [each for each in result.checks if each.is_hidden]
    assert hidden
    for each in hidden:
        assert not each.evidence
        assert "claims are left" not in each.message
        assert each.line is None


def test_the_learner_sees_only_what_is_visible_with_the_same_verdicts() -> None:
    text = MODEL.replace("1Gi", "1G")
    ours = judge(task("ps3.identity"), Answer.of_cell(text)).checks
    theirs = judge(task("ps3.identity"), Answer.of_cell(text), visible_only=True).checks
    assert theirs == tuple(each for each in ours if not each.is_hidden)
    assert len(theirs) < len(ours)


def test_ten_thousand_pods_are_refused_before_any_is_made() -> None:
    began = time.monotonic()
    result = judge(task("ps3.identity"), Answer.of_cell(MODEL.replace("replicas: 3", "replicas: 10000")))
    assert "10,000 Pods, and 24 are the most" in result.checks[0].message
    assert result.score == 0
    assert time.monotonic() - began < 5


def some_task(**more: object) -> Task:
    return Task("ps9.some", points=2, about="Something.", **more)  # type: ignore[arg-type]


CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


def test_a_check_that_breaks_down_gets_no_points_and_stops_no_other() -> None:
    some = some_task()

    @some.check(points=1, title="One")
    def one(trial: Trial) -> Verdict:
        raise KeyError("our mistake")

    @some.check(points=1, title="Two")
    def two(trial: Trial) -> Verdict:
        return yes("fine") if trial.get("configmap/a") else no("not there")

    result = judge(some, Answer.of_cell(CONFIG))
    assert [(each.points, each.broke) for each in result.checks] == [(0, True), (1, False)]
    assert result.checks[0].message == BROKE


def test_a_trial_without_end_is_stopped_and_the_batch_goes_on() -> None:
    some = some_task()

    @some.check(points=2, title="For ever")
    def for_ever(trial: Trial) -> Verdict:
        while True:
            trial.wait(3600)

    result = judge(some, Answer.of_cell(CONFIG), limits=Limits(wall_s=5, cluster_s=7200, events=20_000))
    assert "The trial was stopped" in result.checks[0].message


def test_partial_credit_is_never_all_of_it() -> None:
    some = some_task()

    @some.check(points=2, title="Nearly")
    def nearly(trial: Trial) -> Verdict:
        return Verdict(0.99, "nearly")

    assert judge(some, Answer.of_cell(CONFIG)).score == 1.5


def test_what_a_task_gives_cannot_be_changed_by_an_answer() -> None:
    some = some_task(given="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: given}\n")

    @some.check(points=2, title="It is as given")
    def as_given(trial: Trial) -> Verdict:
        seen = trial.get("configmap/a")
        return yes("") if seen and seen.at("data", "x") == "given" and trial.refused else no("changed")

    assert judge(some, Answer.of_cell(CONFIG + "data: {x: mine}\n")).is_full


# ---- each reason is told once


def test_what_the_api_server_refused_is_told_once_and_hidden_checks_ask_no_riddle() -> None:
    said = graded(MODEL.replace("apps/v1", "app/v1"))
    assert said.count('no matches for kind "StatefulSet"') == 1
    assert "It does not hold when the number of Pods" not in said
    assert AS_ABOVE in said


def test_a_reason_that_all_checks_share_is_told_once() -> None:
    said = graded(MODEL.replace("registry.k8s.io/nginx-slim:0.24", "nginx:no-such-tag"))
    assert said.count("web-0 does not get ready") == 1


def test_a_service_that_was_refused_is_why_no_name_leads_anywhere() -> None:
    said = graded(MODEL.replace("kind: Service", "kind: service"))
    assert 'The API server refused it: no matches for kind "service"' in said
    assert "there is no Service of that name" not in said


def test_a_hidden_check_that_fails_alone_says_what_it_is_about() -> None:
    text = (CORPUS / "ps3.peers/wrong/08-the-namespace-in-it.yaml").read_text(encoding="utf-8")
    failed = [each for each in judge(task("ps3.peers"), Answer.of_cell(text)).checks if not each.passed]
    assert [(each.is_hidden, each.message[:16]) for each in failed] == [(True, "It does not hold")]


def test_kubectl_lines_that_did_nothing_are_named_once_with_what_to_try() -> None:
    text = "kubctl scale deployment shop --replicas=6\nkubectl scale deployment shop --replicas 2 || kubectl get pods\n"
    said = " ".join(graded(text, "ps1.scale").split())
    assert said.count("begins with 'kubctl'. Did you mean kubectl?") == 1
    assert (
        "line 2: || is a shell's, and there is no shell here: write each kubectl command on a line of its own" in said
    )
    assert "Next: look at line 1" in said


def test_a_wait_that_came_to_its_end_is_not_held_to_be_the_mistake() -> None:
    text = "kubectl set image deployment/shop web=nginx:no\nkubectl rollout status deployment/shop --timeout=5s\n"
    result = judge(task("ps1.rollout"), Answer.of_cell(text))
    assert [each.line for each in result.checks if not each.passed] == [None] * len(result.checks)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (f"Here is the manifest:\n\n{MODEL}\n\nHope this helps!\n", 1, "Here is the manifest:"),
        (
            f"{MODEL}\nThis creates three Pods, each with its own claim.\n",
            MODEL.count("\n") + 2,
            "This creates three Pods",
        ),
        (f"cat <<EOF | kubectl apply -f -\n{MODEL}EOF\n", 1, "cat <<EOF | kubectl apply -f -"),
    ],
)
def test_what_is_for_people_or_for_a_shell_is_named_by_its_line(text: str, line: int, said: str) -> None:
    result = judge(task("ps3.identity"), Answer.of_cell(text))
    assert result.score == 0
    assert f"Line {line} is no part of a manifest: {said}" in (result.problem or "")


def test_the_first_of_several_things_that_are_not_so_is_what_is_said() -> None:
    text = (CORPUS / "ps4.two-volumes/right/01-the-model-answer-two-templates-two-mounts.yaml").read_text(
        encoding="utf-8"
    )
    result = judge(task("ps4.two-volumes"), Answer.of_cell(text.replace("/var/log/db", "/srv")))
    check = next(each for each in result.checks if each.id == "claims-of-their-own")
    assert (check.message, check.evidence) == (
        "db-0 has no claim at /var/log/db.",
        ("db-1 has no claim at /var/log/db.",),
    )


def test_the_line_of_what_was_refused_is_where_advice_finds_it() -> None:
    text = (CORPUS / "ps4.repair/right/01-the-model-answer-two-words-mended.yaml").read_text(encoding="utf-8")
    result = judge(task("ps4.repair"), Answer.of_cell(text.replace("apiVersion: v1", "apiVersion: v2", 1)))
    lines = text.split("\n")
    assert result.checks[0].line == lines.index("apiVersion: v1") + 1
