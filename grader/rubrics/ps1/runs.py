"""The scenarios of ps1: what is given, what is run, and what was seen of a Deployment's Pods over time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from grader.diagnosis import pods_not_ready
from grader.rubrics.service import address_of
from grader.seen import Seen
from grader.shared import remembered
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict, no, yes
from statelab.controlplane.kinds import Object
from statelab.controlplane.runtime.images.catalog import short_name
from statelab.manifest.relations import at

FIRST = "registry.k8s.io/nginx-slim:0.24"
NEW = "registry.k8s.io/nginx-slim:0.27"
BROKEN = "registry.k8s.io/nginx-slim:newest"

_A_MINUTE_S = 60 + 15  # and a second for each line that looks around meanwhile

VISITOR = """\
---
apiVersion: v1
kind: Pod
metadata: {name: visitor, labels: {app: visitor}}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: main, image: "busybox:1.36", command: [sleep, "1000000"]}]
"""


def deployment(name: str, replicas: int, *, more: str = "", image: str = FIRST) -> str:
    """A Deployment whose Pods have the label app: `name` and a container `web`. `more`: further lines of the Pod."""
    return f"""\
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {{name: web, image: "{image}", ports: [{{containerPort: 80}}]}}
{more}"""


def with_helper(name: str, replicas: int) -> str:
    """The Deployment of the rollout: beside `web` there is a second container, which nobody wants to change."""
    helper = '      - {name: log, image: "busybox:1.36", command: [sleep, "1000000"]}\n'
    return deployment(name, replicas, more=helper)


THREE_DEPLOYMENTS = deployment("shop", 3) + deployment("reports", 2) + deployment("cart", 2)

# ---- what survives

SURVIVES = """\
pod-name:
pod-address:
pod-tmp:
pod-scratch:
pod-data:
service-address:
process-name:
process-address:
process-tmp:
process-scratch:
"""

NOTES = f"""\
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: notes}}
spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: notes}}
spec: {{selector: {{app: notes}}, ports: [{{port: 80}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: notes}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: notes}}}}
  template:
    metadata: {{labels: {{app: notes}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: {FIRST}
        volumeMounts: [{{name: scratch, mountPath: /scratch}}, {{name: data, mountPath: /data}}]
      volumes: [{{name: scratch, emptyDir: {{}}}}, {{name: data, persistentVolumeClaim: {{claimName: notes}}}}]
"""


@remembered
def survives() -> dict[str, str]:
    """Question → yes or no, as it was when it was run."""
    return {
        **after("pod", lambda trial, pod: trial.delete(pod.reference), files=("tmp", "scratch", "data")),
        **after("process", process_ends),
    }


def process_ends(trial: Trial, pod: Seen) -> None:
    """The first process of its container ends; the Pod does not."""
    trial.exec(pod.name, "kill", "1")


def after(what: str, happens: Callable[[Trial, Seen], object], *, files: Sequence[str] = ()) -> dict[str, str]:
    """What is as it was when `what` has happened to a Pod of notes: its name and address, and these files."""
    trial = Trial(Task("ps1.notes", 1, "", given=NOTES)).settle()
    before, others = trial.pods_of("deployment/notes")[0], trial.pods_of("deployment/notes")[1:]
    address = address_of(trial, "notes")[0]
    for place in files:
        trial.write(before.name, f"/{place}/note", "remember")
    happens(trial, before)
    trial.settle()
    known = {each.uid for each in others}
    now = next(each for each in trial.pods_of("deployment/notes") if each.uid not in known)
    same = {
        f"{what}-name": now.name == before.name,
        f"{what}-address": now.ip == before.ip,
        **{f"{what}-{place}": trial.read(now.name, f"/{place}/note") == "remember" for place in files},
    }
    if what == "pod":
        same["service-address"] = address_of(trial, "notes")[0] == address
    return {question: "yes" if answer else "no" for question, answer in same.items()}


# ---- a Deployment's Pods over time


@dataclass(frozen=True)
class Moment:
    """After one write to the store: what the Deployment asks for, and the Pods it has that nobody asked to stop."""

    wanted: int
    images: tuple[str, ...]
    pods: tuple[Seen, ...]

    @property
    def image(self) -> str:
        """The first container's."""
        return self.images[0]

    @property
    def ready(self) -> int:
        return sum(each.ready for each in self.pods)

    @property
    def is_complete(self) -> bool:
        """Every Pod is Ready and of the images that are asked for, and there are as many as wanted."""
        return len(self.pods) == self.wanted == self.ready and all(each.images == self.images for each in self.pods)


def moments(trial: Trial, name: str) -> Iterator[Moment]:
    """The life of a Deployment and its Pods, write by write, from the first moment when it was complete."""
    pods: dict[str, Object] = {}
    asked: Object = {}
    begun = False
    for revision in trial.cluster.store.history:
        if revision.key == f"{trial.namespace}/{name}" and revision.plural == "deployments":
            asked = revision.object
        elif revision.plural == "pods" and (Seen("pods", revision.object).owner or "").startswith(
            f"ReplicaSet/{name}-"
        ):
            pods[revision.key] = revision.object
            if revision.type == "DELETED" or at(revision.object, "metadata", "deletionTimestamp"):
                del pods[revision.key]
        else:
            continue
        containers = at(asked, "spec", "template", "spec", "containers") or [{"image": ""}]
        moment = Moment(
            at(asked, "spec", "replicas") or 0,
            tuple(short_name(each["image"]) for each in containers),
            tuple(Seen("pods", each) for each in pods.values()),
        )
        begun = begun or moment.is_complete
        if begun:
            yield moment


def ready_over_time(trial: Trial, name: str) -> list[int]:
    """How many Pods of a Deployment were Ready, write by write."""
    return [each.ready for each in moments(trial, name)]


def was_tried(trial: Trial, image: str) -> Verdict | None:
    """Why an image was not rolled out to shop; None when the Deployment has asked for it at some time."""
    seen = [each.image for each in moments(trial, "shop")]
    if image in seen:
        return None
    return no(f"Container web of shop was never asked to run {_tag(image)}.", f"It was: {_way(seen)}")


def was_given_up(trial: Trial, image: str) -> Verdict | None:
    """Why shop asked too long for an image that does not exist; None where it was given a minute at most.

    Somebody who types slowly needs more: then nobody is asked how long it took. Nor is anybody where time runs faster
    than on the wall, and a machine's pauses with it.
    """
    if trial.pace_s > 1 or trial.place.patience_s(_A_MINUTE_S) > _A_MINUTE_S:
        return None
    began_s: float | None = None
    for revision in trial.cluster.store.history:
        if (revision.plural, revision.key) != ("deployments", f"{trial.namespace}/shop"):
            continue
        asked = _tag(at(revision.object, "spec", "template", "spec", "containers", 0, "image")) == _tag(image)
        if asked:
            began_s = revision.at_s if began_s is None else began_s
        elif began_s is not None:
            took_s = revision.at_s - began_s
            if took_s > _A_MINUTE_S:
                return no(
                    f"shop asked for {_tag(image)} for {round(took_s)} s. A minute at most was to be given.",
                    "kubectl rollout status --timeout=60s waits so long.",
                )
            began_s = None
    return None


def was_complete(trial: Trial, image: str, earlier: str) -> Verdict:
    """Whether `image` ran in every Pod at some moment after `earlier` was asked for, with no third one between."""
    problem = was_tried(trial, image)
    if problem is not None:
        return problem
    life = list(moments(trial, "shop"))
    begin = next((i for i, each in enumerate(life) if each.image == earlier), len(life))
    for moment in life[begin:]:
        if moment.image == image and moment.is_complete:
            if moment.images[1:] == life[0].images[1:]:
                return yes("")
            return no(f"The second container was changed too: it runs {', '.join(map(_tag, moment.images[1:]))}.")
        if moment.image not in (image, earlier):
            break
    way = _way([each.image for each in life])
    return no(f"{_tag(image)} did not run in all Pods of shop before the next step.", f"It was asked for: {way}")


def is_as_in_the_morning(trial: Trial, name: str, replicas: int) -> Verdict:
    """Whether the first template runs again, everywhere, after others have been tried."""
    tried = was_tried(trial, NEW)
    if tried is not None:
        return tried
    problem = pods_not_ready(trial, f"deployment/{name}", replicas)
    if problem is not None:
        return problem
    first = next(
        each.object["metadata"]["name"]
        for each in trial.cluster.store.history
        if each.plural == "replicasets" and each.key.startswith(f"{trial.namespace}/{name}-")
    )
    pods = trial.pods_of(f"deployment/{name}")
    if all(each.owner == f"ReplicaSet/{first}" for each in pods):
        return yes("")
    now = ", ".join(f"{_tag(each)}" for each in pods[0].images)
    return no(f"The Pods run {now}: this is not the template of the morning.", trial.evidence(f"deployment/{name}"))


def _tag(image: str) -> str:
    return image.removeprefix("registry.k8s.io/")


def _way(images: list[str]) -> str:
    way = [image for i, image in enumerate(images) if i == 0 or images[i - 1] != image]
    return " → ".join(_tag(each) for each in way[:10])


# ---- scaling


def _first(trial: Trial, name: str) -> Object | None:
    """The Deployment as it was when it came."""
    key = f"{trial.namespace}/{name}"
    history = trial.cluster.store.history
    return next((each.object for each in history if (each.plural, each.key) == ("deployments", key)), None)


def has_scaled(trial: Trial, name: str, replicas: int) -> Verdict:
    """Whether this Deployment has so many Pods in the end, and has them by scaling alone."""
    now, first = trial.get(f"deployment/{name}"), _first(trial, name)
    if now is None or first is None:
        return no(f"Deployment {name} is gone.", trial.evidence(f"deployment/{name}"))
    problem = pods_not_ready(trial, f"deployment/{name}", replicas)
    if problem is not None:
        return problem
    if now.at("spec", "template") != first["spec"]["template"]:
        return no(f"{name} has {replicas} Pods, and its template has changed.")
    return yes("")


def rests(trial: Trial, name: str, bystander: str) -> Verdict:
    """Whether a Deployment is there without Pods, as it was otherwise, and another one has not been touched."""
    now, first = trial.get(f"deployment/{name}"), _first(trial, name)
    if now is None or first is None:
        return no(f"Deployment {name} is gone, and its template with it.", trial.evidence(f"deployment/{name}"))
    pods = trial.pods_of(f"deployment/{name}")
    if pods:
        return no(f"{pods[0].name} runs.", trial.evidence(f"deployment/{name}"))
    if now.at("spec", "template") != first["spec"]["template"]:
        return no(f"{name} rests, and its template has changed.")
    other = trial.get(f"deployment/{bystander}")
    if other is None or other.at("metadata", "generation") != 1:
        return no(f"{bystander} was changed too.", trial.evidence(f"deployment/{bystander}"))
    if [each for each in trial.order("pod", "DELETED") if each.startswith(f"{bystander}-")]:
        return no(f"A Pod of {bystander} was killed.", trial.evidence(f"deployment/{bystander}"))
    return yes("")
