"""Variations of ps5 that learners do not see. nbgrader's configuration keeps this file out of every release."""

from __future__ import annotations

from collections.abc import Callable

from grader.choices import agrees, both, one_of
from grader.rubrics.ps5 import allowed, by_hand, canary, chosen, partition, policy, runs, stuck, systems
from grader.shared import remembered
from grader.trial import Trial
from grader.verdict import Verdict, no, parts, yes
from statelab.controlplane.kinds import Object

AFTERWARDS = "What your lines leave behind does not work for what comes next. What else have they changed?"
SEEN_LATER = "This is looked at when you hand in; it was otherwise when it was run."


@canary.check(points=2, title="More Pods may come, and get what is right for them", hidden=AFTERWARDS)
def grows(trial: Trial) -> Verdict:
    trial.scale("statefulset/web", 7).settle().delete("pod/web-0").settle()
    wanted = {"web-0": runs.OLD, "web-3": runs.OLD, "web-4": runs.NEW, "web-5": runs.NEW, "web-6": runs.NEW}
    results = []
    for name, image in wanted.items():
        pod = trial.get(f"pod/{name}")
        results.append((pod is not None and pod.images == (image,), f"{name} does not run {runs.tag(image)}."))
    verdict = parts(results, "")
    return yes("") if verdict.passed else no(verdict.message, *verdict.evidence)


@canary.check(points=2, title="The canary is let go: the others follow", hidden=AFTERWARDS)
def is_let_go(trial: Trial) -> Verdict:
    pod = trial.get("pod/web-4")
    if pod is None or pod.images != (runs.NEW,):
        return no("There is no canary.")
    trial.scale("statefulset/web", 5).settle()
    trial.patch("statefulset/web", {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}}).settle()
    return runs.all_run(trial, "web", 5, runs.NEW)


@stuck.check(points=3, title="The next version rolls out by itself", hidden=AFTERWARDS)
def the_next_one(trial: Trial) -> Verdict:
    verdict = runs.all_run(trial, "web", 3, runs.NEW)
    if not verdict.passed:
        return verdict
    return runs.all_run(runs.set_image(trial, "web", runs.NEXT), "web", 3, runs.NEXT)


@by_hand.check(points=3, title="The next version waits for a hand again", hidden=AFTERWARDS)
def waits_again(trial: Trial) -> Verdict:
    verdict = runs.all_run(trial, "db", 3, runs.NEW)
    if not verdict.passed:
        return verdict
    trial.delete("pod/db-0").settle()
    verdict = runs.all_run(trial, "db", 3, runs.NEW)
    if not verdict.passed:
        return no("db-0 crashed, and came back with another version: " + verdict.message)
    runs.set_image(trial, "db", runs.NEXT)
    verdict = runs.all_run(trial, "db", 3, runs.NEW)
    if not verdict.passed:
        return verdict
    trial.delete("pod/db-2").settle()
    pod = trial.get("pod/db-2")
    return yes("") if pod is not None and pod.images == (runs.NEXT,) else no("db-2 was deleted, and is not new.")


def _splits(trial: Trial, name: str, replicas: int) -> str:
    """Scaled down to one: do two members leave in the same moment?"""
    if systems.never_ready(trial, name, replicas):
        return "stuck"
    trial.scale(f"statefulset/{name}", 1)
    most = 0

    def is_done() -> bool:
        nonlocal most
        pods = systems.pods(trial, name)
        most = max(most, sum(each.at("metadata", "deletionTimestamp") is not None for each in pods))
        return len(pods) == 1

    trial.when(is_done, timeout_s=300)
    return "split" if most > 1 else ""


# A member that leaves tells the others, who need 5 s to agree on the new majority.
_VOTERS = systems.System(
    3,
    """\
      - name: voter
        image: busybox:1.37
        command: [sh, -c, "trap 'exit 0' TERM; while true; do sleep 5; done"]
        lifecycle:
          preStop:
            exec: {command: [sleep, "5"]}
""",
    _splits,
)


@remembered
def _observed(name: str, policy: str) -> str:
    return systems.run(name, _VOTERS, policy)


@policy.check(points=4, title="voters: those who leave tell the others", hidden=SEEN_LATER)
def voters(trial: Trial) -> Verdict:
    return chosen(trial, "voters", _observed)


@remembered
def _beyond() -> str:
    """A partition above every ordinal: how many run the new image?"""
    return str(len(runs.new(runs.set_image(runs.set_partition(runs.canary(), "web", 9), "web", runs.NEW))))


@remembered
def _restored() -> str:
    """A broken canary, and the template of before: is web-4 replaced?"""
    trial = runs.set_image(runs.set_partition(runs.canary(), "web", 4), "web", runs.BROKEN)
    stuck = trial.get("pod/web-4")
    runs.set_image(trial, "web", runs.OLD)
    now = trial.get("pod/web-4")
    return "yes" if stuck and now and stuck.uid != now.uid else "no"


@partition.check(points=2, title="beyond, restored", hidden=SEEN_LATER)
def beyond_and_restored(trial: Trial) -> Verdict:
    return both(one_of(trial, "beyond", _beyond()), one_of(trial, "restored", _restored()))


_PATCHES: dict[str, Callable[[], Object]] = {
    "selector": lambda: {
        "selector": {"matchLabels": {"app": "db", "tier": "data"}},
        "template": {"metadata": {"labels": {"app": "db", "tier": "data"}}},
    },
    "label": lambda: {"template": {"metadata": {"labels": {"app": "db", "tier": "data"}}}},
    "retention": lambda: {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Delete"}},
}


@remembered
def _allowed() -> dict[str, str]:
    return runs.taken(_PATCHES)


@allowed.check(points=4, title="selector, label, retention", hidden=SEEN_LATER)
def rarer_changes(trial: Trial) -> Verdict:
    return agrees(trial, _allowed())


# An answer to the last question, which a person grades, that deserves all points.
WHY = """\
A StatefulSet replaces its Pods one by one from the top and goes on only when the last one it made is Ready. web-2 had
an image that does not exist, so it would never be Ready, and the set waited for it with the mended template in its
hand: I had to delete web-2. A Deployment makes Pods of the new template beside the others and removes the broken
ones, since any Pod will do. The set waits because its members are not alike: had it gone on, a second member would
have been away, perhaps the one with the only good copy, or the majority would have been lost. With a partition of 2
the same Pod would have failed, but a crash of web-0 in the meantime would have brought it back with the old version.
A canary does not tell whether the primary works with the new version, and not whether what the new version wrote can
be read again after going back.
"""
