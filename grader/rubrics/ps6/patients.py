"""Whether a patient is still there after its cure: what was to be mended may not be taken away.

Each answers why it is gone, in the learner's terms, or None. A cure that removes the patient earns nothing, as refusing
to treat it does.
"""

from __future__ import annotations

from collections.abc import Callable

from grader.behaviour import claim_at
from grader.diagnosis import pods_not_ready
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict, no
from statelab.manifest import read
from statelab.manifest.relations import WORKLOADS

_GONE = "{kind} {name} is gone from the manifest. That mends the symptom and removes the patient."
_FEWER = "{kind} {name} has {now} of its {before} Pods. That mends the symptom and removes the patient."
_NO_CLAIMS = "{name} has no claim for what it writes to {folder} any more. That mends the symptom and loses the data."
_NO_PROBE = "{name} is not asked any more whether it is Ready. That mends the symptom: every Pod is called Ready now."
_ALONE = "Without {peer}, {name} is Ready although it cannot find it: the question is gone, and with it the symptom."

Look = Callable[[Trial], Verdict | None]


def still_there(task: Task, *more: Look) -> Look:
    """All workloads of the task's manifest, with as many Pods as they had; and what else has to hold."""

    def look(trial: Trial) -> Verdict | None:
        for given in read(task.start).items:
            if given.kind not in WORKLOADS:
                continue
            mine = trial.item(given.kind, given.name)
            if mine is None:
                return no(_GONE.format(kind=given.kind, name=given.name))
            seen = trial.get(f"{given.kind.lower()}/{given.name}")
            before, now = given.object["spec"]["replicas"], seen.at("spec", "replicas") if seen else None
            if now is not None and now < before:
                line = mine.place(("spec", "replicas")).line
                return no(_FEWER.format(kind=given.kind, name=given.name, now=now, before=before), line=line)
        return next((wrong for each in more if (wrong := each(trial)) is not None), None)

    return look


def keeps_claims(name: str, folder: str | None = None) -> Look:
    """The set still makes claims; with `folder`, its Pods still have one there."""

    def look(trial: Trial) -> Verdict | None:
        seen = trial.get(f"statefulset/{name}")
        if seen is None:
            return None
        line = trial.line("StatefulSet", "spec", "template", "spec", "volumes", name=name)
        where = folder or "its folder"
        if not seen.at("spec", "volumeClaimTemplates"):
            return no(_NO_CLAIMS.format(name=name, folder=where), line=line)
        if folder and trial.get(f"pod/{name}-0") is not None and claim_at(trial, f"{name}-0", folder) is None:
            return no(_NO_CLAIMS.format(name=name, folder=where), line=line)
        return None

    return look


def is_still_asked(name: str) -> Look:
    """The set's Pods still have a readiness probe, or a Pod that is asked in another way before it is Ready."""

    def look(trial: Trial) -> Verdict | None:
        seen = trial.get(f"statefulset/{name}")
        containers = (seen.at("spec", "template", "spec", "containers") if seen else None) or ()
        probes = ("readinessProbe", "startupProbe", "livenessProbe")
        if seen is None or any(each.get(probe) for each in containers for probe in probes):
            return None
        line = trial.line("StatefulSet", "spec", "template", "spec", "containers", 0, name=name)
        return no(_NO_PROBE.format(name=name), line=line)

    return look


def needs_its_peer(trial: Trial) -> Verdict | None:
    """Each member of quorum, left alone, is not Ready any more: its peer cannot be found."""
    reference = "statefulset/quorum"
    if pods_not_ready(trial, reference, 2) is not None:
        return None
    for alone, peer in ((0, 1), (1, 0)):
        trial.patch(reference, {"spec": {"replicas": 1, "ordinals": {"start": alone}}})
        name = f"quorum-{alone}"
        has_noticed = trial.when(lambda name=name: not _is_ready(trial, name), timeout_s=60)  # type: ignore[misc]
        trial.patch(reference, {"spec": {"replicas": 2, "ordinals": {"start": 0}}}).settle()
        if not has_noticed:
            line = trial.line("StatefulSet", "spec", "template", "spec", "containers", 0)
            return no(_ALONE.format(peer=f"quorum-{peer}", name=name), line=line)
    return None


def _is_ready(trial: Trial, name: str) -> bool:
    pod = trial.get(f"pod/{name}")
    return pod is not None and pod.ready
