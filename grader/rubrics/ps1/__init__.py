"""ps1, Pods that are all alike: what a Deployment does with its Pods, and for whom that is right (lesson 01)."""

from __future__ import annotations

from grader import vocabulary
from grader.choices import agrees, one_of
from grader.diagnosis import DELETED, gave_up_waiting, not_there, pods_not_ready
from grader.rubrics.ps1 import runs
from grader.rubrics.ps1.apps import breaks
from grader.rubrics.service import address_of, answers_at, found_by
from grader.tasks import AT_ONCE_S, SLOW_TYPIST_S, Task
from grader.trial import Trial
from grader.verdict import Verdict, no, partly, yes

# ---- 1. Write a Deployment and its Service

shop = Task(
    "ps1.shop",
    points=25,
    about="A Deployment `shop` of three web servers, and a Service `shop` that leads visitors to them.",
    given=runs.VISITOR,
)


@shop.check(
    points=5,
    title="Three Pods run, and a Deployment looks after them",
    hints=(
        "Which workload kind keeps a number of equal Pods running, and can update them?",
        "A Deployment called shop, with replicas: 3 and a selector that matches the template's labels.",
        "apiVersion: apps/v1, kind: Deployment; spec has replicas, selector.matchLabels and template.",
    ),
)
def three_run(trial: Trial) -> Verdict:
    return pods_not_ready(trial, "deployment/shop", 3) or yes("")


@shop.check(
    points=5,
    title="Service shop leads to these three and to nobody else",
    hints=(
        "How does a Service know which Pods are its own?",
        "kubectl get endpointslices shows what a Service has found.",
        "selector in the Service's spec, with the labels of the Pod template: app: shop here and there.",
    ),
)
def leads_to_them(trial: Trial) -> Verdict:
    return pods_not_ready(trial, "deployment/shop", 3) or found_by(trial, "shop", "deployment/shop") or yes("")


@shop.check(
    points=5,
    title="A visitor gets a page at http://shop",
    hints=(
        "A Service has two ports: the one visitors use, and the one the Pods listen on.",
        "port is the visitors', targetPort the containers'. Without targetPort they are the same.",
        "ports: [{port: 80}], because nginx listens on 80 and http:// means 80.",
    ),
)
def page_for_visitors(trial: Trial) -> Verdict:
    if trial.get("service/shop") is None:
        return not_there(trial, "service/shop")
    return answers_at(trial, "visitor", "shop", "Service") or yes("")


@shop.check(
    points=5,
    title="All three are killed: three others come, at the same address for visitors",
    hints=(
        "Who makes a new Pod when one is gone?",
        "The Deployment's ReplicaSet makes new Pods; a normal Service keeps its address whatever its Pods do.",
        "kind: Deployment for the Pods; and no clusterIP: None in the Service, so that it has one address of its own.",
    ),
)
def three_others_come(trial: Trial) -> Verdict:
    problem = pods_not_ready(trial, "deployment/shop", 3)
    if problem is not None:
        return problem
    before = trial.pods_of("deployment/shop")
    address, wrong = address_of(trial, "shop")
    if wrong is not None:
        return wrong
    for each in before:
        trial.delete(each.reference)
    trial.settle()
    problem = pods_not_ready(trial, "deployment/shop", 3) or found_by(trial, "shop", "deployment/shop")
    if problem is not None:
        return problem
    now, wrong = address_of(trial, "shop")
    if wrong is not None or now != address:
        return wrong or no(f"Visitors knew {address}, and now it is {now}.")
    return answers_at(trial, "visitor", "shop", "Service") or yes("")


# ---- 2. Predict what survives

survive = Task(
    "ps1.survive",
    points=20,
    about="Predict what survives when a Pod is deleted, and what when only its process ends.",
    answer="prediction",
    start=runs.SURVIVES,
    questions=dict.fromkeys(runs.SURVIVES.replace(":", "").split(), vocabulary.YES_NO),
    given=runs.NOTES,
    hints=(
        "Try it: write a file into each of the three places, delete the Pod, and look for the files in the new one.",
        "A deleted Pod is gone with everything in it; another takes its place. A process that ends is started again "
        "in the same Pod.",
        "A container's own files last as long as the container, an emptyDir as long as the Pod, a claim longer.",
    ),
)


@survive.check(points=5, title="The Pod is deleted: its name, its address, the Service's address")
def deleted_identity(trial: Trial) -> Verdict:
    return agrees(trial, {key: runs.survives()[key] for key in ("pod-name", "pod-address", "service-address")})


@survive.check(points=5, title="The Pod is deleted: what it wrote")
def deleted_files(trial: Trial) -> Verdict:
    return agrees(trial, {key: runs.survives()[key] for key in ("pod-tmp", "pod-scratch", "pod-data")})


@survive.check(points=4, title="Only the process ends: the Pod's name and address")
def process_identity(trial: Trial) -> Verdict:
    return agrees(trial, {key: runs.survives()[key] for key in ("process-name", "process-address")})


# ---- 3. Scale

scale = Task(
    "ps1.scale",
    points=15,
    about="Six Pods of `shop` for the sale, two for the night, none of `reports` over the weekend.",
    answer="commands",
    paces=(AT_ONCE_S, SLOW_TYPIST_S),
    given=runs.THREE_DEPLOYMENTS,
    start="kubectl get deployments\n",
)


@scale.check(
    points=4,
    title="For the sale, six Pods of shop are Ready at once",
    hints=(
        "There is a kubectl verb that changes a number of replicas and nothing else.",
        "After kubectl scale, the Pods still need a moment. What waits for them?",
        "kubectl scale deployment shop --replicas=6, then kubectl rollout status deployment shop.",
    ),
)
def six_at_once(trial: Trial) -> Verdict:
    most = max(runs.ready_over_time(trial, "shop"), default=0)
    if most >= 6:
        late = gave_up_waiting(trial, but_for=DELETED)
        if late is not None:
            return partly(0.5, late.message, line=late.line)
        return yes("") if most == 6 else no(f"At most six were wanted, and {most} were Ready.")
    return no(f"At most {most} Pods of shop were Ready at once.")


@scale.check(
    points=4,
    title="In the end, shop has two",
    hints=(
        "The lines are carried out from top to bottom; the last number is the one that stays.",
        "Scale a second time, after the wait.",
        "kubectl scale deployment shop --replicas=2 as the next line.",
    ),
)
def two_in_the_end(trial: Trial) -> Verdict:
    trial.settle(quiet_s=40)
    return runs.has_scaled(trial, "shop", 2).at(None)


@scale.check(
    points=4,
    title="Nothing of reports runs, and it can come back on Monday; cart has not noticed anything",
    hints=(
        "A Deployment can be there without a single Pod.",
        "Deleting it would lose its template. Its number of replicas can be 0.",
        "kubectl scale deployment reports --replicas=0; and name the Deployments you mean, rather than --all.",
    ),
)
def reports_rest(trial: Trial) -> Verdict:
    trial.settle(quiet_s=40)
    return runs.rests(trial, "reports", "cart")


# ---- 4. Roll out, and undo

rollout = Task(
    "ps1.rollout",
    points=15,
    about="Roll out two versions of `shop`, undo the broken one, and go back to what ran in the morning.",
    answer="commands",
    paces=(SLOW_TYPIST_S,),
    given=runs.with_helper("shop", 3),
    start="kubectl rollout history deployment shop\n",
)


@rollout.check(
    points=3,
    title="0.27 runs in all Pods of shop before anything else is tried",
    hints=(
        "One kubectl verb sets the image of one container of a Deployment.",
        "kubectl set image deployment/shop CONTAINER=IMAGE; then wait until the rollout is finished.",
        f"kubectl set image deployment/shop web={runs.NEW}, then kubectl rollout status deployment/shop.",
    ),
)
def new_version_runs(trial: Trial) -> Verdict:
    return runs.was_complete(trial, runs.NEW, runs.FIRST)


@rollout.check(
    points=3,
    title="newest is tried, and undone: 0.27 is back",
    hints=(
        "A rollout that cannot succeed waits. kubectl rollout status can wait for a limited time.",
        "After the broken version, one line brings back the version before.",
        "kubectl rollout undo deployment/shop, then kubectl rollout status deployment/shop.",
    ),
)
def broken_one_undone(trial: Trial) -> Verdict:
    return (
        runs.was_tried(trial, runs.BROKEN)
        or runs.was_given_up(trial, runs.BROKEN)
        or runs.was_complete(trial, runs.NEW, runs.BROKEN)
    )


@rollout.check(
    points=3,
    title="In the end, what ran in the morning runs again",
    hints=(
        "kubectl rollout undo goes back by one revision. Which one is that, after an undo?",
        "kubectl rollout history shows the revisions; undo can be told to which one to go.",
        "kubectl rollout undo deployment/shop --to-revision=1",
    ),
)
def morning_again(trial: Trial) -> Verdict:
    trial.settle(quiet_s=40)
    return runs.is_as_in_the_morning(trial, "shop", 3)


@rollout.check(
    points=3,
    title="Visitors never notice: three Pods are Ready at every moment",
    hints=(
        "Who sees to it that old Pods stay until new ones are Ready?",
        "A rolling update does. Deleting Pods or scaling to 0 goes past it.",
        "Use only set image, rollout status and rollout undo.",
    ),
)
def never_fewer(trial: Trial) -> Verdict:
    trial.settle(quiet_s=40)
    tried = runs.was_tried(trial, runs.NEW)
    if tried is not None:
        return tried
    fewest = min(runs.ready_over_time(trial, "shop"))
    return yes("") if fewest >= 3 else no(f"For a while only {fewest} of 3 Pods were Ready.")


# ---- 5. Who may be a Deployment?

which = Task(
    "ps1.which",
    points=15,
    about="Four applications run as Deployments: say what breaks, if anything does.",
    answer="prediction",
    start="site:\nthumbs:\nledger:\nvoters:\n",
    questions=dict.fromkeys(("site", "thumbs", "ledger", "voters"), vocabulary.BREAKS),
    hints=(
        "Imagine every Pod replaced by another that has nothing but the same template. What is missing, and to whom?",
        "What can be made again is not missing. What all share, all write. What has a new name is not found any more.",
        "nothing, where any Pod will do; data, where additions get lost; names, where peers look for each other.",
    ),
)


@which.check(points=4, title="site: the pages of a shop")
def pages_of_a_shop(trial: Trial) -> Verdict:
    return one_of(trial, "site", breaks("site"))


@which.check(points=4, title="ledger: one counter, kept on a claim")
def one_counter(trial: Trial) -> Verdict:
    return one_of(trial, "ledger", breaks("ledger"))


__all__ = ["rollout", "scale", "shop", "survive", "which"]
