"""Variations of ps3 that learners do not see. nbgrader's configuration keeps this file out of every release."""

from __future__ import annotations

from grader.diagnosis import names_of_pods, not_there, pods_not_ready
from grader.given import stateful_set
from grader.rubrics.ps3 import identity, lookup, order, peers, predicted, repair, scenario
from grader.shared import remembered
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict, no, yes

SEEN_LATER = "This one is looked at when you hand in; it is not what the cluster does."
IT_DEPENDS = (
    "It does not hold when the number of Pods or the namespace is another. What of your answer has to change with it?"
)


@repair.check(points=2, title="It holds for other numbers", hidden=IT_DEPENDS)
def four_of_them(trial: Trial) -> Verdict:
    return _scaled(trial, "web", "nginx", 4)


@identity.check(points=3, title="It holds for other numbers, and when it is scaled down and up", hidden=IT_DEPENDS)
def five_and_back(trial: Trial) -> Verdict:
    verdict = _scaled(trial, "web", "nginx", 5)
    if not verdict.passed:
        return verdict
    trial.scale("statefulset/web", 1).settle()
    kept = sorted(each.name for each in trial.all("pvc"))
    if len(kept) < 5:
        return no(f"Scaled from 5 to 1, these claims are left: {', '.join(kept) or 'none'}.")
    trial.scale("statefulset/web", 3).settle()
    return pods_not_ready(trial, "statefulset/web", 3) or names_of_pods(trial, "web", "nginx") or yes("")


@peers.check(points=2, title="The list is true in another namespace", hidden=IT_DEPENDS, apart=True)
def true_elsewhere(trial: Trial) -> Verdict:
    config = trial.get("configmap/peers")
    if config is None:
        return not_there(trial, "configmap/peers")
    other = trial.again(namespace="blue").settle()
    moved = other.get("configmap/peers")
    names = str(moved.at("data", "peers") if moved else "").replace(",", "\n").split("\n")
    members = {each.ip for each in other.pods_of("statefulset/db")}
    reached = {
        record
        for each in names
        if each.strip()
        for record in other.dns(each.strip().rpartition(":")[0] or each.strip()).records
    }
    return yes("") if reached == members else no(f"Of {len(members)} members, {len(reached & members)} are found.")


@lookup.check(points=2, title="It holds for other numbers", hidden=IT_DEPENDS)
def three_of_them(trial: Trial) -> Verdict:
    return _scaled(trial, "cache", "cache", 3)


def _scaled(trial: Trial, name: str, service: str, replicas: int) -> Verdict:
    if trial.get(f"statefulset/{name}") is None:
        return not_there(trial, f"statefulset/{name}")
    trial.scale(f"statefulset/{name}", replicas).settle()
    found = [each.name for each in trial.pods_of(f"statefulset/{name}") if each.ready]
    if found != [f"{name}-{ordinal}" for ordinal in range(replicas)]:
        return pods_not_ready(trial, f"statefulset/{name}", replicas) or no(f"The Pods are {', '.join(found)}.")
    return names_of_pods(trial, name, service) or yes("")


@remembered
def _after_a_kill() -> tuple[str, ...]:
    trial = scenario()
    before = {each.uid for each in trial.pods_of("statefulset/db")}
    trial.delete("pod/db-0").settle()
    return tuple(each.name for each in trial.pods_of("statefulset/db") if each.uid not in before)


@remembered
def _with_a_bad_image() -> tuple[str, ...]:
    trial = Trial(Task("ps3.stuck", 1, "", given=stateful_set("db", replicas=3, image="nginx:no-such-tag")))
    return tuple(each.name for each in trial.pods_of("statefulset/db"))


@order.check(points=4, title="kill: db-0 is killed while all three run. Which Pods are new?", hidden=SEEN_LATER)
def after_a_kill(trial: Trial) -> Verdict:
    return predicted(trial, "kill", _after_a_kill())


@order.check(
    points=4, title="bad-image: the image cannot be pulled. Which Pods exist after a while?", hidden=SEEN_LATER
)
def stuck_at_the_first(trial: Trial) -> Verdict:
    return predicted(trial, "bad-image", _with_a_bad_image())
