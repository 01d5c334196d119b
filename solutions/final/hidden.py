"""Variations of final that learners do not see. nbgrader's configuration keeps this file out of every release."""

from __future__ import annotations

from grader.diagnosis import not_there
from grader.rubrics.final import NEW, budget, care, lost, probes, runs, store, texts, update, whole_elsewhere
from grader.trial import Trial
from grader.verdict import Verdict, no, yes
from statelab.controlplane.kinds import Object

IT_DEPENDS = "It does not hold when the number of members is another. What of your answer has to change with it?"
ELSEWHERE = "It does not hold in another namespace. What of your answer has to change with it?"


@store.check(points=2, title="It holds for other numbers", hidden=IT_DEPENDS)
def five_members(trial: Trial) -> Verdict:
    if trial.get("statefulset/redis") is None:
        return not_there(trial, "statefulset/redis")
    trial.scale("statefulset/redis", 5).settle()
    return runs.replicates(trial, "redis", 5) or runs.own_claims(trial, "redis", 1024**3) or yes("")


@store.check(points=3, title="It holds in another namespace", hidden=ELSEWHERE, apart=True)
def in_blue(trial: Trial) -> Verdict:
    other = trial.again(namespace="blue").settle()
    problem = runs.replicates(other, "redis", 3)
    return problem or runs.clients_reach_the_primary(other, "redis-primary", "redis") or yes("")


@probes.check(
    points=4,
    title="It holds when there is more to load",
    hidden="Two minutes are too long for it.",
    needs="virtual time",
)
def loads_longer(trial: Trial) -> Verdict:
    other = trial.again(change=_with_more_to_load)
    verdict = care.ready_after(other, "sessions", 2, 120.0)
    return verdict if not verdict.passed else care.restarted_once(other, "sessions-0", 120.0)


def _with_more_to_load(obj: Object) -> None:
    if obj.get("kind") == "StatefulSet":
        for container in obj["spec"]["template"]["spec"]["containers"]:
            container["command"] = ["sh", "-c", texts.SCRIPT.replace("sleep 40", "sleep 120")]


@budget.check(points=3, title="It holds for other numbers", hidden=IT_DEPENDS)
def of_five(trial: Trial) -> Verdict:
    return care.guarded(trial, "orders") or care.holds_for(trial, "orders", (3, 5, 6, 7, 10)) or yes("")


@update.check(points=3, title="It holds in another namespace", hidden=ELSEWHERE, apart=True)
def updated_in_blue(trial: Trial) -> Verdict:
    other = trial.again(namespace="blue", seed=3).settle(quiet_s=20)
    for verdict in (care.canary(other, "orders", 2, NEW), care.all_run(other, "orders", 3, NEW)):
        if not verdict.passed:
            return no(verdict.message, verdict.evidence)
    return yes("")


@lost.check(points=2, title="Each line comes to its end, and it holds in another namespace", hidden=ELSEWHERE)
def mended_in_blue(trial: Trial) -> Verdict:
    hangs = next((each for each in trial.failed if "is still there after" in each.message), None)
    if hangs is not None:
        return no(f"Line {hangs.line} waited for ever, and somebody had to end it: {hangs.message}", line=hangs.line)
    return whole_elsewhere(trial, "blue", 3)
