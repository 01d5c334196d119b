"""What ps8 reads from a trial's history: which Pods ran at the same moment, on which volumes, and who was not Ready."""

from __future__ import annotations

from collections.abc import Iterator

from grader.seen import Seen
from grader.trial import Trial
from grader.verdict import Verdict, no
from statelab.controlplane.kinds import Object
from statelab.manifest.relations import at


def first_seen(trial: Trial, plural: str, name: str) -> Object | None:
    """An object as it was when it first had a place in the history."""
    key = f"{trial.namespace}/{name}"
    return next((each.object for each in trial.cluster.store.history if (each.plural, each.key) == (plural, key)), None)


def untouched(trial: Trial, pods: list[str], ready: int) -> Verdict | None:
    """Why these Pods are not those they were: one was deleted, replaced, restarted, or not Ready at some moment.

    `ready`: as many of them were Ready before the answer began; from then on all have to be. None when all is well.
    """
    was_ready: dict[str, bool] = {}
    begun = False
    for revision in trial.cluster.store.history:
        place, _, name = revision.key.rpartition("/")
        if revision.plural != "pods" or place != trial.namespace or name not in pods:
            continue
        is_ready = revision.type != "DELETED" and Seen("pods", revision.object).ready
        was_ready[name] = is_ready
        begun = begun or sum(was_ready.values()) == ready
        if begun and not is_ready:
            going = at(revision.object, "metadata", "deletionTimestamp") or revision.type == "DELETED"
            text = "was deleted" if going else "was not Ready for a while"
            return no(f"{name} {text}.", trial.evidence(f"pod/{name}", most=6))
    for name in pods:
        pod = trial.get(f"pod/{name}")
        first = first_seen(trial, "pods", name)
        if pod is None or first is None or pod.uid != first["metadata"]["uid"]:
            return no(f"{name} is not the Pod that it was.", trial.evidence(f"pod/{name}", most=6))
        if any(each.get("restartCount") for each in pod.at("status", "containerStatuses") or ()):
            return no(f"{name} was started again.", trial.evidence(f"pod/{name}", most=6))
    return None


def running(trial: Trial) -> Iterator[dict[str, Object]]:
    """The Pods that have a container running, by name, after each change of one."""
    pods: dict[str, Object] = {}
    for revision in trial.cluster.store.history:
        place, _, name = revision.key.rpartition("/")
        if revision.plural != "pods" or place != trial.namespace:
            continue
        pods.pop(name, None)
        if revision.type != "DELETED" and _has_running(revision.object):
            pods[name] = revision.object
        yield pods


def _has_running(pod: Object) -> bool:
    statuses = [*(at(pod, "status", "initContainerStatuses") or ()), *(at(pod, "status", "containerStatuses") or ())]
    return any(at(each, "state", "running") for each in statuses)


def claims_to_volumes(trial: Trial) -> dict[str, str]:
    """Every claim there ever was, with the volume it was bound to."""
    return {
        revision.key.rpartition("/")[2]: str(at(revision.object, "spec", "volumeName"))
        for revision in trial.cluster.store.history
        if revision.plural == "persistentvolumeclaims"
        and revision.key.startswith(f"{trial.namespace}/")
        and at(revision.object, "spec", "volumeName")
    }


def claims_of(pod: Object) -> list[str]:
    """The claims among a Pod's volumes."""
    claims = [at(each, "persistentVolumeClaim", "claimName") for each in at(pod, "spec", "volumes") or ()]
    return [str(each) for each in claims if each]
