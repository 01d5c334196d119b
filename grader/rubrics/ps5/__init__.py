"""ps5, Change: new versions of a StatefulSet, a few Pods at a time, by hand, and out of trouble (lesson 07)."""

from __future__ import annotations

from collections.abc import Callable

from grader import vocabulary
from grader.choices import NO_ANSWER, NO_ANSWER_TO, agrees, in_order
from grader.diagnosis import DELETED, gave_up_waiting, why_not_ready
from grader.prediction import told_unread
from grader.rubrics.ps5 import runs, systems
from grader.tasks import AT_ONCE_S, SLOW_TYPIST_S, Task
from grader.trial import Trial
from grader.verdict import Verdict, no, of_the_text, partly, parts, yes
from statelab.controlplane.runtime.images.catalog import short_name

# ---- 1. A canary

canary = Task(
    "ps5.canary",
    points=18,
    about="One Pod of five, and no other, gets the new version of StatefulSet `web`.",
    answer="commands",
    paces=(AT_ONCE_S, SLOW_TYPIST_S),
    given=runs.CANARY,
    start="kubectl get statefulset web\n",
)


def _tried(trial: Trial) -> Verdict | None:
    """Why there is no canary to speak of; None when web-4 runs the new version."""
    trial.settle()
    pod = trial.get("pod/web-4")
    if pod is None or pod.images != (runs.NEW,):
        runs_now = runs.tag(pod.images[0]) if pod else "nothing"
        return no(f"web-4 runs {runs_now}, and not {runs.tag(runs.NEW)}.")
    return None if pod.ready else no(f"web-4 has {runs.tag(runs.NEW)}, and is not Ready.", trial.evidence("pod/web-4"))


@canary.check(
    points=4,
    title="web-4 runs 0.25 and is Ready",
    hints=(
        "Two things change: what the Pods should run, and how far the change may go.",
        "kubectl set image changes the first; the second is in spec.updateStrategy.rollingUpdate.",
        "kubectl set image statefulset/web main=registry.k8s.io/nginx-slim:0.25, after the partition is 4.",
    ),
)
def canary_runs(trial: Trial) -> Verdict:
    return _tried(trial) or yes("")


@canary.check(
    points=4,
    title="No other Pod has run it at any time",
    hints=(
        "A rolling update begins as soon as the template changes. What has to be there before?",
        "A partition of n lets only ordinals n and above have the new version. Five Pods: which n leaves one?",
        """kubectl patch statefulset web -p '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":4}}}}' first.""",
    ),
)
def no_other(trial: Trial) -> Verdict:
    problem = _tried(trial)
    if problem is not None:
        return problem
    others = dict.fromkeys(
        each.name for each in runs.lives(trial, "web") if each.image == runs.NEW and each.name != "web-4"
    )
    return no(f"These have run it too: {', '.join(others)}.") if others else yes("")


@canary.check(
    points=3,
    title="Four of five are Ready at every moment",
    hints=(
        "Who replaces a Pod more carefully: you, or the StatefulSet?",
        "Deleting or scaling is not needed: the set replaces web-4 by itself.",
        "Only the patch and kubectl set image; then kubectl rollout status statefulset/web, if you like.",
    ),
)
def visitors_served(trial: Trial) -> Verdict:
    problem = _tried(trial)
    if problem is not None:
        return problem
    now = trial.get("statefulset/web")
    if now is None or now.at("spec", "replicas") != 5:
        return no("The set does not have five replicas any more.", trial.evidence("statefulset/web"))
    return runs.never_fewer(trial, "web", 5, 4)


@canary.check(
    points=3,
    title="A Pod that crashes in the night does not spread it: web-1 comes back with the old version",
    hints=(
        "Which version does a new web-1 get, and who decides?",
        "With OnDelete any Pod that is replaced gets the new version. With a partition it depends on the ordinal.",
        "type: RollingUpdate, which is the default, with rollingUpdate.partition: 4.",
    ),
)
def does_not_spread(trial: Trial) -> Verdict:
    problem = _tried(trial)
    if problem is not None:
        return problem
    trial.delete("pod/web-1").settle()
    pod = trial.get("pod/web-1")
    if pod is None or pod.images != (runs.OLD,):
        return no(f"web-1 was killed, and runs {runs.tag(pod.images[0]) if pod else 'nothing'} now.")
    return yes("")


# ---- 2. A rollout that is stuck

stuck = Task(
    "ps5.stuck",
    points=18,
    about="A rollout hangs at web-2, whose image does not exist: bring 0.25 to all three.",
    answer="commands",
    paces=(AT_ONCE_S, SLOW_TYPIST_S),
    given=runs.STUCK,
    start="kubectl get pods\n",
)


@stuck.check(
    points=3,
    title="The set asks for 0.25",
    hints=(
        "The Pods are made from the template. What does it say?",
        "kubectl set image changes the image in a set's template.",
        "kubectl set image statefulset/web main=registry.k8s.io/nginx-slim:0.25",
    ),
)
def asks_for_it(trial: Trial) -> Verdict:
    trial.settle()
    seen = trial.get("statefulset/web")
    if seen is None:
        return no("StatefulSet web is gone.")
    image = short_name(str(seen.at("spec", "template", "spec", "containers", 0, "image")))
    return yes("") if image == runs.NEW else no(f"Its template says {image}.")


@stuck.check(
    points=5,
    title="web-2 runs again, and the set has its three Pods",
    hints=(
        "The template is right, and web-2 is still as it was. What does the set wait for?",
        "It waits until web-2 is Ready, which will never be. Somebody has to take the stuck Pod away.",
        "kubectl delete pod web-2, after the template has been mended.",
    ),
)
def is_free(trial: Trial) -> Verdict:
    trial.settle()
    pods = trial.pods_of("statefulset/web")
    if [each.name for each in pods] != ["web-0", "web-1", "web-2"]:
        return no(f"The set has {', '.join(each.name for each in pods) or 'no Pods'}.")
    waiting = next((each for each in pods if not each.ready), None)
    if waiting is not None:
        return no(f"{waiting.name} is not Ready: {why_not_ready(trial, waiting)}.", trial.evidence(waiting.reference))
    return yes("")


@stuck.check(
    points=3,
    title="All three run 0.25",
    hints=(
        "When web-2 is Ready, the rollout goes on by itself.",
        "If a Pod has another version, look at updateStrategy: is there a partition, or OnDelete?",
        "kubectl rollout status statefulset/web waits until the last one is done.",
    ),
)
def all_three(trial: Trial) -> Verdict:
    trial.settle()
    return runs.all_run(trial, "web", 3, runs.NEW)


@stuck.check(
    points=4,
    title="web-0 and web-1 serve on: two are Ready at every moment",
    hints=(
        "Two of three work. What may you not touch?",
        "Only the Pod that is stuck has to go; the others are replaced one at a time, by the set.",
        "No scaling to 0, no rollout restart with deleted Pods, no --all: kubectl delete pod web-2.",
    ),
)
def two_serve_on(trial: Trial) -> Verdict:
    verdict = is_free(trial)
    return runs.never_fewer(trial, "web", 3, 2) if verdict.passed else verdict


# ---- 3. By hand

by_hand = Task(
    "ps5.by-hand",
    points=18,
    about="OnDelete: bring 0.25 to the replicas db-0 and db-2 first, to the primary db-1 last, one at a time.",
    answer="commands",
    paces=(AT_ONCE_S, SLOW_TYPIST_S),
    given=runs.BY_HAND,
    start="kubectl get pods\n",
)


@by_hand.check(
    points=4,
    title="All three run 0.25",
    hints=(
        "With OnDelete nothing happens when the template changes. What makes it happen?",
        "Change the image in the template, then delete a Pod: the new one is made from the new template.",
        "kubectl set image statefulset/db main=registry.k8s.io/nginx-slim:0.25, then kubectl delete pod, three times.",
    ),
)
def all_are_new(trial: Trial) -> Verdict:
    trial.settle()
    return runs.all_run(trial, "db", 3, runs.NEW)


@by_hand.check(
    points=5,
    title="The primary, db-1, is the last: it goes when both replicas are new and Ready",
    hints=(
        "In which order do your lines delete the Pods?",
        "kubectl delete waits until the Pod is gone, and not until the new one is Ready. What waits for that?",
        "After each delete: kubectl wait --for=condition=Ready pod/db-0 --timeout=60s",
    ),
)
def primary_last(trial: Trial) -> Verdict:
    trial.settle()
    found = {each.name: each for each in runs.lives(trial, "db") if each.image == runs.NEW}
    old = [each for each in runs.lives(trial, "db") if each.name == "db-1" and each.went is not None]
    if "db-1" not in found or not old:
        return no("db-1 has not been replaced by one with 0.25.")
    went = old[0].went or 0
    results = []
    for name in ("db-0", "db-2"):
        ready = found[name].ready if name in found else None
        results.append((ready is not None and ready < went, f"db-1 went before {name} was Ready with 0.25."))
    late = gave_up_waiting(trial, but_for=DELETED)
    results += [(late is None, late.message if late else "")]
    return parts(results, "").at(late.line if late else None)


@by_hand.check(
    points=4,
    title="One at a time: two are Ready at every moment",
    hints=(
        "How many Pods does a line with two names delete?",
        "Wait for the new Pod before you delete the next.",
        "delete, wait, delete, wait, delete: each delete with one name.",
    ),
)
def one_at_a_time(trial: Trial) -> Verdict:
    problem = all_are_new(trial)
    return runs.never_fewer(trial, "db", 3, 2) if problem.passed else problem


@by_hand.check(
    points=2,
    title="Each Pod was replaced once, and no more",
    hints=(
        "A primary that moves twice is a failover too many.",
        "Pods that are deleted before the template has changed come back as they were.",
        "First the image, then three deletes.",
    ),
)
def once_each(trial: Trial) -> Verdict:
    problem = all_are_new(trial)
    if not problem.passed:
        return problem
    names = [each.name for each in runs.lives(trial, "db")]
    often = [f"{name} {names.count(name) - 1} times" for name in ("db-0", "db-1", "db-2") if names.count(name) != 2]
    return no(f"Replaced: {', '.join(often)}.") if often else yes("")


# ---- 4. Which policy?

QUESTIONS = """\
ring:
ring-otherwise:
copies:
copies-otherwise:
workers:
workers-otherwise:
voters:
voters-otherwise:
"""

policy = Task(
    "ps5.policy",
    points=18,
    about="Choose Parallel or OrderedReady for four systems, and say what would be seen with the other.",
    answer="prediction",
    start=QUESTIONS,
    questions={
        each: vocabulary.OTHERWISE if each.endswith("-otherwise") else vocabulary.POLICY
        for each in QUESTIONS.replace(":", "").split()
    },
    hints=(
        "Run the system in your head twice: all at once, and one after the other, each Ready before the next.",
        "Who waits for whom? A Pod that waits for a later one, or one that needs an earlier one, cannot have both.",
        "stuck: some Pod never gets ready. crashes: a container ends and is restarted. late: not ready within 60 s. "
        "split: two members leave in the same moment.",
    ),
)


def chosen(trial: Trial, name: str, observed: Callable[[str, str], str] = systems.observed) -> Verdict:
    """The learner's policy for a system, and what they say of the other, beside what was seen with both."""
    goes_wrong = {each.lower(): observed(name, each) for each in ("OrderedReady", "Parallel")}
    read, otherwise = trial.said.read(name), trial.said.read(f"{name}-otherwise")
    said = read.word
    if read.unread:
        return of_the_text(no(told_unread(name, read, vocabulary.POLICY), line=read.line))
    if said is None:
        return of_the_text(no(NO_ANSWER, line=read.line))
    if goes_wrong[said]:
        return no(f"{name} was run so, and something goes wrong.", line=read.line)
    other = next(each for each in goes_wrong if each != said)
    if otherwise.unread:
        wrong = told_unread(f"{name}-otherwise", otherwise, vocabulary.OTHERWISE)
        return of_the_text(partly(0.25, f"So it works. {wrong}", line=otherwise.line), wrong)
    if otherwise.is_open:
        wrong = NO_ANSWER_TO.format(question=f"{name}-otherwise")
        return of_the_text(partly(0.25, f"So it works. {wrong}", line=otherwise.line), wrong)
    if otherwise.word != goes_wrong[other]:
        return partly(
            0.25, f"So it works. With the other policy {name} was seen to do something else.", line=otherwise.line
        )
    return yes("")


@policy.check(points=5, title="ring: ready when it finds all the others")
def ring(trial: Trial) -> Verdict:
    return chosen(trial, "ring")


@policy.check(points=5, title="copies: begins by asking the member below")
def copies(trial: Trial) -> Verdict:
    return chosen(trial, "copies")


@policy.check(points=4, title="workers: six that know nothing of one another")
def workers(trial: Trial) -> Verdict:
    return chosen(trial, "workers")


# ---- 5. Predict, with a partition

STATE = """\
updated: []
killed-below:
killed-above:
scaled-up:
lowered: []
beyond:
restored:
"""

partition = Task(
    "ps5.partition",
    points=9,
    about="Predict what a partition of 3 does to the five Pods of `web`.",
    answer="prediction",
    start=STATE,
    questions={
        **dict.fromkeys(("updated", "lowered"), vocabulary.pods("web")),
        **dict.fromkeys(("killed-below", "killed-above", "scaled-up"), vocabulary.OLD_NEW),
        "beyond": vocabulary.COUNT,
        "restored": vocabulary.REPLACED,
    },
    hints=(
        "Try it: five Pods, partition 3, a new image; then kill, scale and lower the partition.",
        "Ordinals at or above the partition have the new version, those below the old one, also when they are killed.",
        "updated has two names. A rolling update goes from the highest ordinal it may touch down to the partition.",
    ),
)


@partition.check(points=2, title="updated: which Pods run the new version?")
def who_is_updated(trial: Trial) -> Verdict:
    return in_order(trial, "updated", runs.updated(), share=1.0, any_order=True)


@partition.check(points=3, title="killed-below, killed-above, scaled-up: old or new?")
def which_version(trial: Trial) -> Verdict:
    return agrees(trial, runs.versions())


@partition.check(points=2, title="lowered: which Pods are replaced, in which order?")
def who_is_replaced(trial: Trial) -> Verdict:
    return in_order(trial, "lowered", runs.lowered(), share=0.5)


# ---- 6. What may change?

CHANGES = """\
replicas:
image:
service-name:
management:
strategy:
claim-size:
selector:
label:
retention:
"""

allowed = Task(
    "ps5.allowed",
    points=9,
    about="Predict for nine changes of a StatefulSet that runs whether the API server accepts them.",
    answer="prediction",
    start=CHANGES,
    questions=dict.fromkeys(CHANGES.replace(":", "").split(), vocabulary.TAKEN),
    hints=(
        "Try it with kubectl patch. The API server says which fields may change.",
        "What a Pod is made from may change, and how Pods are replaced. What says whose they are may not.",
        "Four are refused. The claim templates are among them: operators meet that one first.",
    ),
)


@allowed.check(points=5, title="replicas, image, service-name, management, strategy, claim-size")
def usual_changes(trial: Trial) -> Verdict:
    return agrees(trial, runs.allowed())
