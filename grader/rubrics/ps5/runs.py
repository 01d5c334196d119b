"""What ps5 reads from a trial's history, the clusters it gives, and the runs behind its predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from grader.diagnosis import why_not_ready
from grader.given import IMAGE, headless, stateful_set
from grader.seen import Seen
from grader.shared import remembered
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict, no, yes
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object

OLD = IMAGE
NEW = "registry.k8s.io/nginx-slim:0.25"
NEXT = "registry.k8s.io/nginx-slim:0.26"
BROKEN = "nginx:no-such-tag"

CANARY = headless("web", app="web") + stateful_set("web", replicas=5)
STUCK = headless("web", app="web") + stateful_set("web", replicas=3) + stateful_set("web", replicas=3, image=BROKEN)
BY_HAND = headless("db", app="db") + stateful_set("db", replicas=3) + "  updateStrategy: {type: OnDelete}\n"

# ---- what was


@dataclass(frozen=True, slots=True)
class Life:
    """One Pod that there was: its name and image, and the places in the history where it came, was Ready, and went."""

    name: str
    image: str
    came: int
    ready: int | None = None
    went: int | None = None  # asked to stop


def lives(trial: Trial, name: str) -> list[Life]:
    """Every Pod a StatefulSet has had, in the order in which they came."""
    found: dict[str, Life] = {}
    for place, revision in enumerate(trial.cluster.store.history):
        pod = Seen("pods", revision.object)
        if revision.plural != "pods" or not _is_member(trial, revision.key, name):
            continue
        life = found.get(pod.uid) or Life(pod.name, pod.images[0], place)
        ready = life.ready if life.ready is not None else place if pod.ready else None
        is_going = revision.type == "DELETED" or pod.at("metadata", "deletionTimestamp") is not None
        went = life.went if life.went is not None else place if is_going else None
        found[pod.uid] = Life(life.name, life.image, life.came, ready, went)
    return list(found.values())


def _is_member(trial: Trial, key: str, name: str) -> bool:
    namespace, _, pod = key.rpartition("/")
    stem, _, ordinal = pod.rpartition("-")
    return namespace == trial.namespace and stem == name and ordinal.isdigit()


def ready_over_time(trial: Trial, name: str, replicas: int) -> Iterator[int]:
    """How many members were Ready, write by write, from the first moment when all were."""
    pods: dict[str, bool] = {}
    begun = False
    for revision in trial.cluster.store.history:
        if revision.plural != "pods" or not _is_member(trial, revision.key, name):
            continue
        pods[revision.key] = revision.type != "DELETED" and Seen("pods", revision.object).ready
        count = sum(pods.values())
        begun = begun or count == replicas
        if begun:
            yield count


def never_fewer(trial: Trial, name: str, replicas: int, least: int) -> Verdict:
    fewest = min(ready_over_time(trial, name, replicas), default=0)
    return yes("") if fewest >= least else no(f"For a while only {fewest} of {replicas} Pods were Ready.")


def tag(image: str) -> str:
    """Without its registry, where that is the usual one."""
    return image.removeprefix("registry.k8s.io/")


def all_run(trial: Trial, name: str, replicas: int, image: str) -> Verdict:
    """Whether there are so many Pods of that set, all Ready, all with this image."""
    pods = trial.pods_of(f"statefulset/{name}")
    if trial.get(f"statefulset/{name}") is None:
        return no(f"StatefulSet {name} is gone.")
    if len(pods) != replicas or not all(each.ready for each in pods):
        waiting = next((each for each in pods if not each.ready), None)
        why = f": {waiting.name}, {why_not_ready(trial, waiting)}" if waiting else ""
        return no(f"{sum(each.ready for each in pods)} of {replicas} Pods are Ready{why}.")
    others = [f"{each.name} ({tag(each.images[0])})" for each in pods if each.images != (image,)]
    return yes("") if not others else no(f"Not with {tag(image)}: {', '.join(others)}.")


def set_image(trial: Trial, name: str, image: str) -> Trial:
    container = {"name": "main", "image": image}
    seen = trial.get(f"statefulset/{name}")
    kept = dict((seen.at("spec", "template", "spec", "containers", 0) if seen else None) or {})
    return trial.patch(
        f"statefulset/{name}", {"spec": {"template": {"spec": {"containers": [{**kept, **container}]}}}}
    ).settle()


def set_partition(trial: Trial, name: str, partition: int) -> Trial:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}
    return trial.patch(f"statefulset/{name}", {"spec": {"updateStrategy": strategy}}).settle()


# ---- what the predictions are held against


def canary() -> Trial:
    """Five Pods of web, Ready."""
    return Trial(Task("ps5.run", 1, "", given=CANARY)).settle()


def new(trial: Trial) -> tuple[str, ...]:
    """Which Pods of web run the new image."""
    return tuple(each.name for each in trial.pods_of("statefulset/web") if each.images == (NEW,))


def _version(trial: Trial, pod: str) -> str:
    seen = trial.get(f"pod/{pod}")
    return "none" if seen is None else "new" if seen.images == (NEW,) else "old"


@remembered
def updated() -> tuple[str, ...]:
    """Partition 3, then the new image: who runs it?"""
    return new(set_image(set_partition(canary(), "web", 3), "web", NEW))


@remembered
def lowered() -> tuple[str, ...]:
    """Then the partition is lowered to 1: who is replaced, in which order?"""
    trial = set_image(set_partition(canary(), "web", 3), "web", NEW)
    before = len(lives(trial, "web"))
    set_partition(trial, "web", 1)
    return tuple(each.name for each in lives(trial, "web")[before:])


@remembered
def versions() -> dict[str, str]:
    """What runs after a kill below and above the partition, and in a Pod that is new."""
    trial = set_image(set_partition(canary(), "web", 3), "web", NEW)
    trial.delete("pod/web-1").delete("pod/web-4").settle().scale("statefulset/web", 6).settle()
    return {"killed-below": _version(trial, "web-1"), "killed-above": _version(trial, "web-4"),
            "scaled-up": _version(trial, "web-5")}  # fmt: skip


_PATCHES: dict[str, Callable[[], Object]] = {
    "replicas": lambda: {"replicas": 5},
    "image": lambda: {"template": {"spec": {"containers": [{"name": "main", "image": NEW}]}}},
    "service-name": lambda: {"serviceName": "other"},
    "management": lambda: {"podManagementPolicy": "Parallel"},
    "strategy": lambda: {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}},
    "claim-size": lambda: {"volumeClaimTemplates": [_claim("2Gi")]},
}


def _claim(size: str) -> Object:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return {"metadata": {"name": "data"}, "spec": spec}


def taken(patches: Mapping[str, Callable[[], Object]]) -> dict[str, str]:
    """Which of these changes of a StatefulSet that runs the API server takes: by their name, yes or no."""
    found = {}
    claims = "  volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], "
    given = headless("db", app="db") + stateful_set("db", replicas=2)
    given += claims + "resources: {requests: {storage: 1Gi}}}}]\n"
    trial = Trial(Task("ps5.run", 1, "", given=given)).settle()
    for question, patch in patches.items():
        try:
            trial.patch("statefulset/db", {"spec": patch()})
            found[question] = "yes"
        except ApiError:
            found[question] = "no"
    return found


@remembered
def allowed() -> dict[str, str]:
    """Which of the usual changes it takes."""
    return taken(_PATCHES)
