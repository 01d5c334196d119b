"""ps8.backup: a CronJob whose copies are tried: the schedule passes, a wrong line is typed, everything is destroyed."""

from __future__ import annotations

import re

from grader.diagnosis import not_there, pending_claim
from grader.rubrics.ps8 import texts
from grader.rubrics.ps8.copies import Copy, copies, etcdctl, last_word_of_jobs, restored, revision_of
from grader.rubrics.ps8.history import untouched
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict, no, partly, yes
from statelab.controlplane.quantity import whole

RUN_S, MARGIN_S = 300.0, 20.0  # five minutes, and the time a copy takes
NOTICED_S = 600.0
_FIRST_RUN_S = 3_900.0  # a schedule that is too slow is told so elsewhere: here it only has to run

_GI = 1024**3

backup = Task(
    "ps8.backup",
    points=24,
    about="A CronJob `backup` for the etcd `shop`, whose copies are restored when everything has been destroyed.",
    may_say_namespace=False,
    given=texts.SHOP,
    needs="virtual time",
)
_MANY_FILES = (
    "How many copies are there after three runs? The last one is of the shop after the wrong line.",
    "Each run needs a file of its own. The etcd image has no shell that could ask for the date; what else differs?",
    "env with fieldRef metadata.name gives POD_NAME, and /backups/$(POD_NAME).db is another file for each run.",
)


# In a command Kubernetes puts a variable's value there; of one that is not in the container's env it leaves the text.
_UNSET = re.compile(r"\$\((\w+)\)")


def _line(trial: Trial, *path: str | int) -> int | None:
    return trial.line("CronJob", "spec", *path) or trial.line("CronJob")


def _no_run(trial: Trial) -> Verdict | None:
    """Why no run of the CronJob has ended well; None when one has. Waits for the first, if nobody has yet."""
    if trial.get("cronjob/backup") is None:
        return not_there(trial, "cronjob/backup")
    if not _has_run(trial) and trial.cluster.loop.now_s - trial.began_s < RUN_S:  # nobody has waited yet
        etcdctl(trial, "put", "order/1", "tea")
        if not trial.when(lambda: _has_run(trial) or _has_failed(trial), timeout_s=_FIRST_RUN_S) or _has_failed(trial):
            trial.when(lambda: _has_run(trial), timeout_s=RUN_S)
        trial.settle()
    return None if _has_run(trial) else _why_no_run(trial)


def _has_failed(trial: Trial) -> bool:
    """One has failed, or waits for what will hardly come."""
    pods = trial.pods_of("cronjob/backup")
    return any(each.phase == "Failed" or (each.phase == "Pending" and each.waiting_for) for each in pods)


def _has_run(trial: Trial) -> bool:
    seen = trial.get("cronjob/backup")
    if seen is not None and seen.at("status", "lastSuccessfulTime"):
        return True  # also when the Jobs that went well are not kept
    return any(each.phase == "Succeeded" for each in trial.pods_of("cronjob/backup"))


def _why_no_run(trial: Trial) -> Verdict:
    job = trial.get("cronjob/backup")
    assert job is not None
    if job.at("spec", "suspend"):
        return no("CronJob backup is suspended, so it never runs.", line=_line(trial, "suspend"))
    pods = trial.pods_of("cronjob/backup")
    if not pods:
        schedule = job.at("spec", "schedule")
        return no(
            f"In an hour CronJob backup made no Pod. Its schedule is {schedule!r}.", line=_line(trial, "schedule")
        )
    waits = pending_claim(trial, pods[-1])
    if waits is not None:
        return waits
    said = last_word_of_jobs(trial, pods)
    line = _line(trial, "jobTemplate", "spec", "template", "spec", "containers", 0)
    return no(
        f"The backup has been started, and has not ended well: {said}", trial.evidence(pods[-1].reference), line=line
    )


@backup.check(
    points=4,
    title="It runs by itself, and ends well",
    hints=(
        "Which kind makes a Job again and again? Look at its schedule, and at the logs of its last Pod.",
        "A CronJob: five fields of a schedule, and a jobTemplate. etcdctl has to be told where the shop answers.",
        'schedule: "*/5 * * * *", image quay.io/coreos/etcd:v3.5.21, '
        "command: [etcdctl, --endpoints=http://shop-0.shop:2379, snapshot, save, …], restartPolicy: Never",
    ),
)
def runs_by_itself(trial: Trial) -> Verdict:
    return _no_run(trial) or yes("")


@backup.check(
    points=4,
    title="The copies are whole snapshots, on a claim `backups` that is not the shop's",
    hints=(
        "Where does the file lie when the Pod of the Job is gone?",
        "On a claim of its own called backups, mounted in the Job's Pod; and its name ends in .db.",
        "A PersistentVolumeClaim backups; volumeMounts: [{name: backups, mountPath: /backups}]; save /backups/….db",
    ),
)
def whole_copies(trial: Trial) -> Verdict:
    problem = _no_run(trial)
    if problem is not None:
        return problem
    return _why_no_copies(trial, copies(trial)) or _is_small(trial) or yes("")


def _is_small(trial: Trial) -> Verdict | None:
    """Why the claim is not large enough, for half of the points; None when it is."""
    claim = trial.get("pvc/backups")
    size = str(claim.at("spec", "resources", "requests", "storage")) if claim else ""
    if whole(size) >= _GI:
        return None
    line = trial.line("PersistentVolumeClaim", "spec", "resources", "requests", "storage", name="backups")
    return partly(0.5, f"Claim backups asks for {size}, and 1Gi or more is wanted.", line=line)


def _why_no_copies(trial: Trial, found: list[Copy] | None) -> Verdict | None:
    line = _line(trial, "jobTemplate", "spec", "template", "spec", "volumes")
    if found is None:
        claim = trial.get("pvc/backups")
        if claim is None:
            return not_there(trial, "pvc/backups")
        why = "Nobody has ever mounted it." if claim.phase == "Pending" else ""
        return no(f"Claim backups is {claim.phase}. {why}".strip(), trial.evidence("pvc/backups"), line=line)
    if not found:
        command = _line(trial, "jobTemplate", "spec", "template", "spec", "containers", 0)
        return no("On the claim backups there is no file that ends in .db.", line=command)
    if not any(each.is_whole for each in found):
        return no(f"{found[-1].path} is no whole snapshot: {found[-1].said}", line=line)
    return None


@backup.check(
    points=5,
    title="Of what was written, the last five minutes at most are missing",
    hints=(
        "How long may it be until the next copy?",
        "The schedule's first field says in which minutes. 5 alone is once an hour.",
        'schedule: "*/5 * * * *"',
    ),
)
def five_minutes(trial: Trial) -> Verdict:
    problem = _no_run(trial)
    if problem is not None:
        return problem
    etcdctl(trial, "put", "order/2", "rice")  # a run has just been: the next may take all of its time
    written = revision_of(trial)
    trial.wait(RUN_S + MARGIN_S).settle()
    found = copies(trial)
    problem = _why_no_copies(trial, found) or untouched(trial, ["shop-0"], 1)
    if problem is not None:
        return problem
    if any(each.is_whole and each.revision >= written for each in found or ()):
        return yes("")
    return no(
        "An order was written, five minutes passed, and it is in no copy.",
        trial.evidence("cronjob/backup", most=6),
        line=_line(trial, "schedule"),
    )


@backup.check(
    points=5,
    title="A wrong line is noticed after ten minutes: a copy from before it is there",
    hints=_MANY_FILES,
)
def from_before_the_wrong_line(trial: Trial) -> Verdict:
    problem = _no_run(trial) or _why_no_copies(trial, then := copies(trial))
    if problem is not None:
        return problem
    before = revision_of(trial)
    etcdctl(trial, "del", "order/", "--prefix")
    trial.wait(NOTICED_S + MARGIN_S).settle()
    found = copies(trial) or []
    if any(each.is_whole and 1 < each.revision <= before for each in found):
        return yes("")
    line = _line(trial, "jobTemplate", "spec", "template", "spec", "containers", 0)
    many = f"the only copy, {found[0].path}, is" if len(found) == 1 else f"all {len(found)} copies are"
    said = f"All orders were deleted. Ten minutes later {many} of the shop after that."
    paths = {each.path for each in found}
    if gone := [each.path for each in then or () if each.is_whole and each.path not in paths]:
        said += f" {gone[-1]}, which was of before, has been removed by then."
    if found and (unset := _UNSET.search(found[0].path)):
        said += f" No variable {unset[1]} is set in that container's env, so $({unset[1]}) has stayed as it is written."
    return no(said, line=line)


@backup.check(
    points=4,
    title="Everything is destroyed, shop, Pods and claim, and is restored from what is left",
    hints=(
        "What happens to your copies when the shop does not answer, and the CronJob runs on?",
        "A copy that is on the shop's claim, or that the next failed run writes over, is none.",
        "etcdctl snapshot save to a new file each time, on claim backups, and nothing that deletes.",
    ),
)
def everything_is_destroyed(trial: Trial) -> Verdict:
    problem = _no_run(trial) or _why_no_copies(trial, copies(trial))
    if problem is not None:
        return problem
    etcdctl(trial, "put", "order/1", "coffee")
    etcdctl(trial, "put", "order/2", "bread")
    trial.wait(RUN_S + MARGIN_S)
    wanted = revision_of(trial)
    trial.delete("statefulset/shop").settle().delete("pvc/data-shop-0").wait(RUN_S + MARGIN_S)
    found = [each for each in copies(trial) or () if each.is_whole]
    if not found:
        return no("After the loss, and one more run of the CronJob, no whole copy is left.", line=_line(trial))
    orders = restored(trial, max(found, key=lambda each: each.revision))
    if isinstance(orders, Verdict):
        return orders
    right = {"order/1": "coffee", "order/2": "bread"}
    if orders == right:
        return yes("")
    newest = max(each.revision for each in found)
    missing = [key for key in right if orders.get(key) != right[key]]
    late = "" if newest >= wanted else " The newest copy is older than five minutes."
    return partly(0.25 if orders else 0.0, f"Restored, and {', '.join(missing)} is not what it was.{late}")


def copied(trial: Trial) -> Verdict:
    """Within five minutes an order is in a whole copy."""
    etcdctl(trial, "put", "order/1", "tea")
    written = revision_of(trial)
    trial.wait(RUN_S + MARGIN_S).settle()
    found = copies(trial)
    problem = _why_no_copies(trial, found)
    if problem is not None:
        return problem
    is_there = any(each.is_whole and each.revision >= written for each in found or ())
    return yes("") if is_there else no("An order was written, five minutes passed, and it is in no copy.")


__all__ = ["backup", "copied"]
