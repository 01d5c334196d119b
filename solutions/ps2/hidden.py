"""Variations of ps2 that learners do not see. nbgrader's configuration keeps this file out of every release."""

from __future__ import annotations

from grader.choices import one_of
from grader.diagnosis import not_there, pods_not_ready
from grader.rubrics.ps2 import answers, early, headless, repair, runs, team
from grader.rubrics.service import answers_at, found_by
from grader.shared import remembered
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict, no, yes

IT_DEPENDS = (
    "It does not hold when the number of Pods or the namespace is another. What of your answer has to change with it?"
)
SEEN_LATER = "This one is looked at when you hand in; it was otherwise when it was asked."


@headless.check(points=2, title="Elsewhere, with a Pod that is tired", hidden=IT_DEPENDS, apart=True)
def without_the_tired(trial: Trial) -> Verdict:
    if trial.get("service/chat") is None:
        return not_there(trial, "service/chat")
    other = trial.again(namespace="market-7").settle()
    other.exec(other.pods_of("deployment/chat")[0].name, "rm", "/usr/share/nginx/html/index.html")
    other.wait(10)
    if sum(each.ready for each in other.pods_of("deployment/chat")) != 2:
        return no("The Pod did not get tired.")
    return runs.leads_to(other, "chat", "chat") or yes("")


@remembered
def _asked() -> dict[str, str]:
    trial = runs.scenario()
    asked = {"idle": trial.dns("idle"), "early": trial.dns("early")}
    asked["elsewhere"] = trial.dns("headless", namespace="far-away")
    return {question: runs.in_a_word(trial, answer) for question, answer in asked.items()}


@answers.check(points=3, title="idle: a normal Service that selects nothing", hidden=SEEN_LATER)
def idle_name(trial: Trial) -> Verdict:
    return one_of(trial, "idle", _asked()["idle"])


@answers.check(points=3, title="early: a headless Service that publishes Pods before they are Ready", hidden=SEEN_LATER)
def early_name(trial: Trial) -> Verdict:
    return one_of(trial, "early", _asked()["early"])


@answers.check(points=3, title="elsewhere: headless, asked from another namespace", hidden=SEEN_LATER)
def asked_from_elsewhere(trial: Trial) -> Verdict:
    return one_of(trial, "elsewhere", _asked()["elsewhere"])


@repair.check(
    points=3, title="It holds for the next version and other numbers, elsewhere", hidden=IT_DEPENDS, apart=True
)
def next_version(trial: Trial) -> Verdict:
    if trial.get("service/orders") is None:
        return not_there(trial, "service/orders")
    other = trial.again(namespace="market-7").settle()
    change = {"spec": {"replicas": 2, "template": {"metadata": {"annotations": {"version": "next"}}}}}
    other.patch("deployment/orders", change).settle(quiet_s=40)
    problem = pods_not_ready(other, "deployment/orders", 2) or found_by(other, "orders", "deployment/orders")
    return problem or answers_at(other, "visitor", "orders", "Service") or yes("")


@early.check(points=3, title="Five members, elsewhere", hidden=IT_DEPENDS, apart=True)
def five_members(trial: Trial) -> Verdict:
    task = Task("ps2.early-elsewhere", 1, "", start=runs.WAITING, given=runs.gossip(5), namespace=trial.task.namespace)
    other = trial.beside(task, trial.answer, namespace="market-7")
    other.when(lambda: sum(each.ready for each in other.pods_of("deployment/gossip")) == 5, timeout_s=35)
    return pods_not_ready(other, "deployment/gossip", 5) or runs.leads_to(other, "gossip", "gossip") or yes("")


@team.check(points=5, title="It holds elsewhere, with three Pods of red", hidden=IT_DEPENDS, apart=True)
def three_reds(trial: Trial) -> Verdict:
    for name in ("red", "blue"):
        if trial.get(f"deployment/{name}") is None:
            return not_there(trial, f"deployment/{name}")
    other = trial.again(namespace="market-7").settle()
    if other.get("deployment/red") is None:
        return not_there(other, "deployment/red")
    other.scale("deployment/red", 3).settle()
    problem = pods_not_ready(other, "deployment/red", 3)
    asked = [("team", ("red", "blue")), ("red.team", ("red",)), ("blue.team", ("blue",))]
    found = [problem, *(runs.leads_to(other, name, *deployments) for name, deployments in asked)]
    return next((each for each in found if each is not None), None) or yes("")
