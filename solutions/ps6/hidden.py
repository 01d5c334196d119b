"""Variations of ps6 that learners do not see. nbgrader's configuration keeps this file out of every release."""

from __future__ import annotations

from grader.diagnosis import pods_not_ready
from grader.rubrics.ps6 import answers, deadlock, first, forgetful, half, leads_to, pending, ready_pods_of
from grader.trial import Trial
from grader.verdict import Verdict, no, yes

IT_DEPENDS = "It does not hold when the number of Pods is another. What of your answer has to change with it?"


@pending.check(points=3, title="It holds for other numbers", hidden=IT_DEPENDS)
def four_ledgers(trial: Trial) -> Verdict:
    return _scaled(trial, "statefulset/ledger", 4)


@answers.check(points=3, title="It holds for other numbers", hidden=IT_DEPENDS)
def five_shops(trial: Trial) -> Verdict:
    problem = _scaled(trial, "deployment/shop", 5)
    if not problem.passed:
        return problem
    for _ in range(10):
        ran = trial.exec(ready_pods_of(trial, "deployment/shop")[0], "curl", "-sS", "-o", "/dev/null", "http://shop/")
        if ran.code:
            return no(f"Of five, not every one answers: {ran.error.strip()}")
    return yes("")


@deadlock.check(
    points=2,
    title="It holds in another namespace",
    hidden=IT_DEPENDS.replace("number of Pods", "namespace"),
    apart=True,
)
def quorum_elsewhere(trial: Trial) -> Verdict:
    return pods_not_ready(trial.again(namespace="blue").settle(), "statefulset/quorum", 2) or yes("")


@forgetful.check(points=3, title="It holds for other numbers", hidden=IT_DEPENDS)
def three_notes(trial: Trial) -> Verdict:
    return _scaled(trial, "statefulset/notes", 3)


@first.check(points=4, title="It holds for other numbers", hidden=IT_DEPENDS)
def five_relays(trial: Trial) -> Verdict:
    return _scaled(trial, "statefulset/relay", 5)


@half.check(points=2, title="It holds for other numbers", hidden=IT_DEPENDS)
def four_fronts(trial: Trial) -> Verdict:
    problem = _scaled(trial, "deployment/front", 4)
    return problem if not problem.passed else leads_to(trial, "front", ready_pods_of(trial, "deployment/front"))


def _scaled(trial: Trial, reference: str, replicas: int) -> Verdict:
    if trial.get(reference) is None:
        return no(f"There is no {reference}.")
    trial.scale(reference, replicas).settle()
    return pods_not_ready(trial, reference, replicas) or yes("")


# An answer to the last question, which a person grades, that deserves all points.
WHY = """\
stops-at-the-first: `kubectl get pods` shows relay-0 Running, 0/1, and nothing else, so it is not an image and not a
claim. `kubectl describe pod relay-0` says that its readiness probe was refused at port 8080; `kubectl exec relay-0 --
curl localhost` gets a page, so the program is fine and the question is wrong. The probe asks at 8080, nginx listens
at 80, so relay-0 is never Ready, and a StatefulSet with OrderedReady makes relay-1 only when relay-0 is.
podManagementPolicy: Parallel would make all three Pods, and none would be Ready; without the probe all would be
called Ready, also one that does not listen. The port of the probe is the one field that is wrong. An alert on Pods
that are not Ready for ten minutes would have told us on the evening of the deployment.
"""
