"""Variations of ps4 that learners do not see. nbgrader's configuration keeps this file out of every release."""

from __future__ import annotations

from grader.choices import agrees
from grader.diagnosis import not_there, pods_not_ready
from grader.rubrics.ps4 import (
    DATA,
    HTML,
    LOG,
    by_hand,
    disasters,
    lost,
    own_volume,
    repair,
    retention,
    runs,
    two_volumes,
)
from grader.shared import remembered
from grader.trial import Trial
from grader.verdict import Verdict, no, parts, yes

OTHER_CLUSTER = "It does not hold in another cluster. What is written in it that exists only in this one?"
OTHER_NUMBERS = (
    "It does not hold for other numbers of Pods, or in another namespace. What of your answer has to change with it?"
)
SEEN_LATER = "This is looked at when you hand in; it was otherwise when it was run."


@repair.check(
    points=3,
    title="It holds in a cluster whose default class has another name",
    hidden=OTHER_CLUSTER,
    needs="a cluster of its own",
)
def in_another_cluster(trial: Trial) -> Verdict:
    if trial.get("pod/pv-pod") is None:
        return not_there(trial, "pod/pv-pod")
    other = runs.with_other_default_class(trial, "blue")
    pod = other.get("pod/pv-pod")
    if pod is None or not pod.ready:
        return no("In namespace blue, with the default class ssd, pv-pod does not get ready.")
    return yes("") if other.write("pv-pod", f"{HTML}/page", "x") and pod.claims else no("Its pages are on no claim.")


@two_volumes.check(points=3, title="It holds for four Pods, and when all have been away", hidden=OTHER_NUMBERS)
def four_of_them(trial: Trial) -> Verdict:
    other = runs.elsewhere(trial, namespace="blue", change=runs.set_replicas(4))
    told = "the set was scaled to 0 and back"
    return runs.survives(other, "db", 4, (DATA, LOG), runs.scaled_to_nothing, told)


@two_volumes.check(points=2, title="It holds when the set is deleted and made again", hidden=SEEN_LATER)
def made_again(trial: Trial) -> Verdict:
    told = "the set was deleted and made again"
    return runs.survives(trial, "db", 2, (DATA, LOG), runs.made_again, told)


@disasters.check(points=3, title="Three Pods survive all five, one after the other", hidden=OTHER_NUMBERS)
def all_of_them(trial: Trial) -> Verdict:
    other = runs.elsewhere(trial, namespace="blue", change=runs.set_replicas(3))

    def everything(trial: Trial, name: str) -> None:
        for disaster in (
            runs.restarted,
            runs.killed,
            runs.scaled_to_nothing,
            runs.made_again,
            runs.claims_deleted,
        ):
            disaster(trial, name)

    return runs.survives(other, "ledger", 3, ("/ledger",), everything, "five things happened")


@retention.check(points=3, title="It holds for other numbers, and for both one after the other", hidden=OTHER_NUMBERS)
def scaled_and_deleted(trial: Trial) -> Verdict:
    if trial.get("statefulset/queue") is None:
        return not_there(trial, "statefulset/queue")
    other = runs.elsewhere(trial, namespace="blue", change=runs.set_replicas(5))
    problem = pods_not_ready(other, "statefulset/queue", 5)
    if problem is not None:
        return problem
    other.scale("statefulset/queue", 2).settle(quiet_s=40)
    other.delete("statefulset/queue").settle(quiet_s=40)
    left = sorted(each.name for each in other.all("pvc"))
    wanted = ["jobs-queue-0", "jobs-queue-1"]
    return yes("") if left == wanted else no(f"Scaled from 5 to 2 and deleted, these claims are left: {left}.")


DECOY = """\
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: a-better-fit}
spec:
  capacity: {storage: %s}
  accessModes: %s
  storageClassName: %s
  persistentVolumeReclaimPolicy: Retain
  hostPath: {path: /srv/empty}
"""


@by_hand.check(
    points=2,
    title="The claim does not take another volume that fits as well",
    fresh=True,
    hidden="It holds only as long as there is no other volume that fits. What ties the claim to yours?",
)
def not_another_volume(trial: Trial) -> Verdict:
    volume, problem = own_volume(trial)
    if volume is None:
        return problem or no("There is no volume.")
    claim = trial.get("pvc/archive")
    assert claim is not None
    size = str(claim.at("spec", "resources", "requests", "storage"))
    modes, of_class = claim.at("spec", "accessModes"), claim.at("spec", "storageClassName") or '""'
    other = runs.elsewhere(trial, given=DECOY % (size, modes, of_class))
    return own_volume(other)[1] or yes("")


@by_hand.check(
    points=2,
    title="When the claim is deleted, volume and books stay, and nobody else gets them",
    hidden="Somebody deleted the claim. What becomes of your volume then is written in the volume.",
)
def stays_without_its_claim(trial: Trial) -> Verdict:
    volume, problem = own_volume(trial)
    if volume is None:
        return problem or no("There is no volume.")
    name = volume["metadata"]["name"]
    trial.delete("pod/reader").settle().delete("pvc/archive").settle()
    trial.apply(runs.rival("latecomer", "default", volume["spec"])).settle()
    seen = trial.get(f"pv/{name}")
    phase = seen.phase if seen else "gone"
    results = [
        (phase == "Released", f"Its claim is deleted, and volume {name} is {phase}."),
        ((trial.read("keeper", "/archive/books.txt") or "").strip() == runs.BOOKS, "The books are gone."),
    ]
    return parts(results, "")


@lost.check(points=3, title="orphan-with-when-deleted, set-with-when-scaled", hidden=SEEN_LATER)
def orphans_and_the_whole_set(trial: Trial) -> Verdict:
    return agrees(trial, _lost())


@remembered
def _lost() -> dict[str, str]:
    set_ = "statefulset/db"

    def orphaned(trial: Trial) -> Trial:
        trial.delete(set_, propagationPolicy="Orphan").settle(quiet_s=40)
        return runs.made_once_more(trial)

    def deleted(trial: Trial) -> Trial:
        trial.delete(set_).settle(quiet_s=40)
        return runs.made_once_more(trial)

    return {
        "orphan-with-when-deleted": runs.becomes_of_it(orphaned, deleted="Delete", scaled="Retain"),
        "set-with-when-scaled": runs.becomes_of_it(deleted, deleted="Retain", scaled="Delete"),
    }


# An answer to the last question, which a person grades, that deserves all points.
WHY = """\
The container's own files end with the container and an emptyDir with its Pod, so the mount of the claim at /ledger is
what helps against a process that ends and a Pod that is deleted. The claim is not the Pod's: it goes when a person
deletes it and no Pod uses it, or when the set's retention policy says Delete for that event, so whenScaled and
whenDeleted are what helps against the night and the deleted set. They say nothing about somebody who deletes a claim.
What becomes of the volume then is its reclaim policy's to say, which it has from the class it was made by: hence
reclaimPolicy: Retain in the class; the volume is Released then, and an administrator can give it back. None of this
helps when the machine with the disk burns, or when the program itself overwrites the ledger: both take the data that
are on the volume, and only a copy elsewhere helps.
"""
