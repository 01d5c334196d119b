"""Variations of ps1 that learners do not see. nbgrader's configuration keeps this file out of every release."""

from __future__ import annotations

from grader.choices import agrees, one_of
from grader.diagnosis import not_there, pods_not_ready
from grader.given import headless
from grader.rubrics.ps1 import rollout, runs, scale, shop, survive, which
from grader.rubrics.ps1.apps import replace_all
from grader.rubrics.service import answers_at, found_by, served_on_every_node, slow_to_start, visited_during
from grader.shared import remembered
from grader.tasks import SLOW_TYPIST_S, Task
from grader.trial import Trial
from grader.verdict import Verdict, no, yes

IT_DEPENDS = (
    "It does not hold when the number of Pods or the namespace is another. What of your answer has to change with it?"
)
SEEN_LATER = "This is looked at when you hand in; it was otherwise when it was run."
OTHERS = "Your lines do not do the same where there are other Pods. What is written in that is true only here?"


@shop.check(
    points=5, title="It holds for other numbers, another namespace and the next version", hidden=IT_DEPENDS, apart=True
)
def five_elsewhere(trial: Trial) -> Verdict:
    if trial.get("deployment/shop") is None:
        return not_there(trial, "deployment/shop")
    other = trial.again(namespace="market-7", change=slow_to_start).settle()
    if other.get("deployment/shop") is None:
        return not_there(other, "deployment/shop")
    problem = pods_not_ready(other, "deployment/shop", 3) or answers_at(other, "visitor", "shop", "Service")
    if problem is not None:
        return problem
    before = {each.uid for each in other.pods_of("deployment/shop")}
    other.patch("deployment/shop", {"spec": {"template": {"metadata": {"annotations": {"version": "next"}}}}})

    def is_over() -> bool:
        return not before & {each.uid for each in other.pods_of("deployment/shop")} and not _is_under_way(other)

    problem = visited_during(other, "visitor", "shop", is_over)
    if problem is not None:
        return no(f"While the next version was rolled out, visitors got nothing for a while. {problem.message}")
    other.scale("deployment/shop", 5).settle(quiet_s=40)
    problem = pods_not_ready(other, "deployment/shop", 5) or found_by(other, "shop", "deployment/shop")
    problem = problem or answers_at(other, "visitor", "shop", "Service")
    service = other.get("service/shop")
    if problem is None and service is not None and service.at("spec", "internalTrafficPolicy") == "Local":
        other.scale("deployment/shop", 1).settle()
        problem = served_on_every_node(other, "shop")
    return problem or yes("")


def _is_under_way(trial: Trial) -> bool:
    return pods_not_ready(trial, "deployment/shop", 3) is not None


@survive.check(points=6, title="Only the process ends: what it wrote", hidden=SEEN_LATER)
def process_files(trial: Trial) -> Verdict:
    seen = _files_after_the_process()
    return agrees(trial, {key: seen[key] for key in ("process-tmp", "process-scratch")})


@remembered
def _files_after_the_process() -> dict[str, str]:
    return runs.after("process", runs.process_ends, files=("tmp", "scratch"))


@scale.check(points=3, title="It holds where other numbers run, elsewhere", hidden=OTHERS, apart=True)
def other_numbers(trial: Trial) -> Verdict:
    # Five of six are Available by default. Here shop is Available however many of its Pods are Ready.
    shop = runs.deployment("shop", 1).replace(
        "  selector:", "  strategy: {rollingUpdate: {maxUnavailable: 100%}}\n  selector:", 1
    )
    given = shop + runs.deployment("reports", 4) + runs.deployment("cart", 3)
    task = Task("ps1.scale-elsewhere", 1, "", answer="commands", paces=(SLOW_TYPIST_S,), given=given)
    other = trial.beside(task, trial.answer, namespace="market-7", seed=5).settle(quiet_s=40)
    most = max(runs.ready_over_time(other, "shop"), default=0)
    if most != 6:
        return no(f"{most} Pods of shop were Ready at most.")
    verdict = runs.has_scaled(other, "shop", 2)
    return verdict if not verdict.passed else runs.rests(other, "reports", "cart")


@rollout.check(points=3, title="It holds for five Pods, elsewhere", hidden=OTHERS, apart=True)
def five_of_them(trial: Trial) -> Verdict:
    task = Task(
        "ps1.rollout-elsewhere", 1, "", answer="commands", paces=(SLOW_TYPIST_S,), given=runs.with_helper("shop", 5)
    )
    other = trial.beside(task, trial.answer, namespace="market-7", seed=5).settle(quiet_s=40)
    for verdict in (
        runs.was_complete(other, runs.NEW, runs.FIRST),
        runs.was_tried(other, runs.BROKEN) or runs.was_complete(other, runs.NEW, runs.BROKEN),
    ):
        if not verdict.passed:
            return verdict
    if min(runs.ready_over_time(other, "shop")) < 4:  # a quarter of five, rounded down, may be away
        return no(f"Only {min(runs.ready_over_time(other, 'shop'))} of 5 were Ready for a while.")
    return runs.is_as_in_the_morning(other, "shop", 5)


_THUMBS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: thumbs}
spec:
  replicas: 2
  selector: {matchLabels: {app: thumbs}}
  template:
    metadata: {labels: {app: thumbs}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: worker
        image: busybox:1.36
        command: [sh, -c, "[ -e /scratch/cat ] || { sleep 2; echo a small cat > /scratch/cat; }; sleep 1000000"]
        volumeMounts: [{name: scratch, mountPath: /scratch}]
      volumes: [{name: scratch, emptyDir: {}}]
"""


@remembered
def _thumbs() -> str:
    trial = Trial(Task("ps1.thumbs", 1, "", given=_THUMBS)).settle()
    before = [trial.read(each.name, "/scratch/cat") for each in trial.pods_of("deployment/thumbs")]
    replace_all(trial, "thumbs")
    after = [trial.read(each.name, "/scratch/cat") for each in trial.pods_of("deployment/thumbs")]
    return "nothing" if None not in before and before == after else "data"


@which.check(points=4, title="thumbs: small pictures of large ones", hidden=SEEN_LATER)
def small_pictures(trial: Trial) -> Verdict:
    return one_of(trial, "thumbs", _thumbs())


@remembered
def _voters() -> str:
    trial = Trial(
        Task("ps1.voters", 1, "", given=headless("voters", app="voters") + runs.deployment("voters", 3))
    ).settle()
    written_down = [f"{each.name}.voters" for each in trial.pods_of("deployment/voters")]
    replace_all(trial, "voters")
    return "nothing" if all(trial.dns(each).records for each in written_down) else "names"


@which.check(points=3, title="voters: three members that agree by majority", hidden=SEEN_LATER)
def three_members(trial: Trial) -> Verdict:
    return one_of(trial, "voters", _voters())


# An answer to the last question, which a person grades, that deserves all points.
WHY = """\
`ledger` breaks the assumption that nothing important is shared or kept: a Deployment has one template, so
both Pods mount the same claim, and when both read 7 both write 8. Nobody gets an error; the total is too
small. `voters` breaks the assumption that any Pod can take another's place: a replacement has a new name and
address, and Pods of a Deployment have no DNS names of their own anyway, so every name in the list answers
NXDOMAIN. Both need members that stay who they are, each with its own claim: a StatefulSet with a headless
Service, and for `ledger` one of them that does all the writing. `thumbs` writes files, but they can be made
again at any time, so any Pod can replace any other.
"""
