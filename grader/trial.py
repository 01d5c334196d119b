"""A fresh cluster with the learner's manifest applied: what a check asks its questions of.

Nothing a learner wrote runs outside of it. On the embedded cluster, which is where trials take place if nothing else is
said, containers are sandboxes, names are resolved inside, and no time is waited for. See grader/place.py.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from grader import shared
from grader.answer import Answer
from grader.applied import patch_of
from grader.carrying_out import run
from grader.limits import Limits, Meter, TrialOver
from grader.lines import CommandError, names_namespace, parse
from grader.place import EMBEDDED, Answered, Place, Ran, TrialCluster
from grader.prediction import Said
from grader.seen import Seen, parse_reference
from grader.starting import may_get_available, may_get_ready, may_try_again, slow_to_be_ready
from grader.tasks import AT_ONCE_S, Task
from grader.timeline import timeline
from statelab.controlplane.apiserver.encoding import strict
from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import BY_GROUP_VERSION_KIND, Kind, Object
from statelab.controlplane.labels import selector_of
from statelab.manifest import Item, advise, read
from statelab.manifest.relations import WORKLOADS, at
from statelab.reader import Path_
from statelab.reader.errors import Finding

_QUIET_S = 5.0
_GIVEN = "{kind} {name} is given by the task; leave it as it is"
_SAID_NAMESPACE = 'the namespace from the provided object "{said}" does not match the namespace "{here}".'


@dataclass(frozen=True, slots=True)
class Refused:
    """An object of the learner's that the API server did not take, in the server's words."""

    item: Item
    message: str
    is_given: bool = False  # the task's own, which the answer has written down again


class Trial:
    """One cluster, one answer. Every method that acts returns the trial, so that calls can be chained.

    `answer` may be empty: then only what the task gives is there (a prediction's scenario is run so).
    Raises TrialOver wherever a limit is reached.
    """

    def __init__(
        self,
        task: Task,
        answer: Answer | None = None,
        *,
        namespace: str | None = None,
        seed: int = 0,
        limits: Limits | None = None,
        place: Place = EMBEDDED,
        pace_s: float = 1.0,
    ) -> None:
        self.task = task
        self.seed = seed
        self.pace_s = pace_s  # between one line of the answer and the next
        self.answer = answer or Answer(("",))
        self.namespace = namespace or task.namespace
        lines, refused = (
            parse(self.answer.text, shell_too=task.files is not None) if task.answer == "commands" else ([], [])
        )
        if task.may_say_namespace and names_namespace(lines, task.namespace):
            self.namespace = task.namespace  # an answer that names the namespace is tried there, as it says
        self.limits = limits or Limits()
        self.place = place
        self.refused: list[Refused] = []
        self.items: tuple[Item, ...] = ()
        # A prediction is held against runs that all learners share: in its own trial nothing has to live.
        with_given = bool(task.given) and not (answer is not None and task.answer == "prediction")
        scene = shared.scene_of(task, self.namespace, seed, with_given) if place is EMBEDDED else None
        ready: Trial | None = shared.take(scene)
        self.cluster: TrialCluster = ready.cluster if ready else place.cluster(task, self.namespace, seed)
        if isinstance(self.cluster, ControlPlane):
            self.cluster.runtime.computing = self.limits.computing
        self.began_s: float = ready.began_s if ready else self.cluster.loop.now_s
        self.meter: Meter = Meter(self.limits, self.began_s, ready.meter.events if ready else 0)
        self._given: set[tuple[str, str]] = ready._given if ready else set()
        self._applied: dict[tuple[str, str], Object] = ready._applied if ready else {}
        if ready is None:
            self._begin(with_given)
            shared.made(scene, isinstance(self.cluster, ControlPlane) and self.cluster.runtime.worker.started)
        self.failed: list[CommandError] = []  # kubectl lines that failed, and why
        self.warned: list[CommandError] = []  # those that were carried out with a warning
        if answer is not None and task.answer == "manifest":
            self._hand_in(answer.items)
        elif answer is not None and task.answer == "commands":
            failed, self.warned = run(self, lines)
            self.failed = sorted([*refused, *failed], key=lambda each: each.line)

    def _begin(self, with_given: bool) -> None:
        """What is there before the answer."""
        if self.namespace != "default" and self.get(f"namespace/{self.namespace}") is None:
            self._apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
            # A Pod is refused in a namespace whose service account is not there yet.
            self.when(lambda: self.get("serviceaccount/default") is not None, timeout_s=10)
        if not with_given:
            return
        for item in read(self.task.given, "given").items:
            named = (item.kind, item.name)
            if named in self._given:  # a second time: it is a change of what runs already
                self.settle()
            obj = self._placed(item.object)
            if self.task.paces and self.place is EMBEDDED:
                slow_to_be_ready(obj, f"{self.task.id} {self.namespace} {self.seed}")
            self._apply(obj)
            self._given.add(named)
        self.settle()
        if self.task.before is not None:
            self.task.before(self)

    def _hand_in(self, items: Sequence[Item]) -> None:
        if len(items) > self.limits.objects:
            raise TrialOver(f"it has {len(items)} objects, and {self.limits.objects} are the most")
        for item in items:
            values = _values(item.object)
            if values > self.limits.values:
                named = f"{item.kind or 'an object'} {item.name or ''}".strip()
                raise TrialOver(f"{named} has {values:,} values, and {self.limits.values:,} are the most")
        wanted = sum(_pods(item) for item in items)
        if wanted > self.task.most_pods:
            raise TrialOver(f"it asks for {wanted:,} Pods, and {self.task.most_pods} are the most")
        self.items = tuple(items)
        for item in items:
            unset = [key for key in ("apiVersion", "kind") if not item.object.get(key)]
            if unset:
                self.refused.append(Refused(item, ", ".join(f"{key} not set" for key in unset)))
                continue
            if not isinstance(item.object.get("metadata") or {}, dict):
                self.refused.append(Refused(item, "metadata has to be a mapping, with a name in it"))
                continue
            if (item.kind, item.name) in self._given and not self.task.may_change_given:
                self.refused.append(Refused(item, _GIVEN.format(kind=item.kind, name=item.name), is_given=True))
                continue
            try:
                self._apply(self._placed(item.object))
                if self.task.pause_s:
                    self.wait(self.task.pause_s)
            except ApiError as error:
                self.refused.append(Refused(item, error.message))
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                self.refused.append(Refused(item, f"not an API object: {type(error).__name__} {error}"))

    def _placed(self, obj: Object) -> Object:
        """A copy in the trial's namespace. An object of another namespace than the task's stays where it says.

        Raises ApiError where the task's namespace is named, may not be, and the trial is elsewhere: so does kubectl.
        """
        obj = copy.deepcopy(obj)
        kind = _kind(obj)
        metadata = obj.get("metadata")
        if kind is None or not kind.namespaced or not isinstance(metadata, dict):
            return self.place.admit(obj)
        said = metadata.get("namespace")
        if said in (None, "", self.task.namespace):
            if said and said != self.namespace and not self.task.may_say_namespace:
                raise ApiError(400, "BadRequest", _SAID_NAMESPACE.format(said=said, here=self.namespace))
            metadata["namespace"] = self.namespace
        return self.place.admit(obj)

    def _apply(self, obj: Object) -> None:
        """As `kubectl apply`: create what is not there, change what is. Raises ApiError."""
        kind, metadata = _kind(obj), obj.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        if kind is None or not isinstance(metadata, dict) or not isinstance(name, str):
            self.cluster.create(obj, namespace=self.namespace)
            return
        key = f"{metadata.get('namespace') or self.namespace}/{name}" if kind.namespaced else name
        live = self.cluster.get(kind.plural, key)
        if live is None:
            self.cluster.create(obj, namespace=self.namespace)
        else:
            strict.check(copy.deepcopy(obj), kind, "Strict")
            self.cluster.patch(kind.plural, key, patch_of(self._applied.get((kind.plural, key), {}), obj, live))
        self._applied[kind.plural, key] = obj

    def again(
        self, *, namespace: str | None = None, seed: int = 1, change: Callable[[Object], None] | None = None
    ) -> Trial:
        """The same answer on another new cluster: another namespace, other chances, or each object changed."""
        answer = self.answer
        if change is not None:
            answer = Answer(answer.texts, answer.sources)
            changed = []
            for item in self.answer.items:
                obj = copy.deepcopy(item.object)
                with suppress(AttributeError, KeyError, TypeError):  # not as it should be: the API server will say so
                    change(obj)
                changed.append(Item(obj, item.document, item.path))
            answer.__dict__["items"] = tuple(changed)
        return self.beside(self.task, answer, namespace=namespace, seed=seed)

    def beside(self, task: Task, answer: Answer | None, *, namespace: str | None = None, seed: int = 3) -> Trial:
        """Another trial at the same place, in a new cluster: another task, another answer, or another namespace."""
        pace_s = AT_ONCE_S if task.paces else self.pace_s
        return Trial(
            task,
            answer,
            namespace=namespace or self.namespace,
            seed=seed,
            limits=self.limits,
            place=self.place,
            pace_s=pace_s,
        )

    # ---- time

    def settle(self, *, quiet_s: float = _QUIET_S, max_s: float = 300.0) -> Trial:
        """Let time pass until no Pod is stopping and nothing changed for `quiet_s`, at most `max_s` cluster seconds.

        Those it waits for: what looking takes, where time passes meanwhile, is a busy machine's and no patience.
        """
        store, left_s, pause_s = self.cluster.store, max_s, self.place.quiet_s(quiet_s)
        while left_s > 0:
            before = store.revision
            self.wait(pause_s)
            left_s -= pause_s
            if store.revision != before or self._is_stopping() or self.place.is_busy(self):
                continue
            if not self._is_starting():
                break
        return self

    def _is_starting(self) -> bool:
        """Whether a Pod may still get ready, or a workload go on, though nothing changes for the moment."""
        store, now_s = self.cluster.store, self.cluster.loop.now_s
        if any(may_get_ready(each, now_s) for each in store.list("pods", self.namespace)):
            return True
        workloads = (store.list(plural, self.namespace) for plural in ("statefulsets", "deployments"))
        if any(may_get_available(each) for found in workloads for each in found):
            return True
        return any(may_try_again(each) for each in store.list("jobs", self.namespace))

    def _is_stopping(self) -> bool:
        """Whether a Pod has been asked to stop and is still there: within its grace period nothing else moves."""
        return any("deletionTimestamp" in each["metadata"] for each in self.cluster.store.list("pods", self.namespace))

    def wait(self, seconds: float) -> Trial:
        """Let `seconds` of cluster time pass."""
        self._pass(lambda: False, seconds)
        return self

    def when(self, condition: Callable[[], bool], *, timeout_s: float = 300.0) -> bool:
        """Let time pass until `condition()` holds; False when it does not within `timeout_s` cluster seconds."""
        return self._pass(condition, self.place.patience_s(timeout_s))

    def _pass(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        loop = self.cluster.loop

        def ticking() -> bool:
            self.meter.tick(loop.now_s)
            return condition()

        return loop.run_until(ticking, timeout_s=timeout_s)

    # ---- looking

    def get(self, reference: str) -> Seen | None:
        """`trial.get("pod/web-1")`: the object as it is now, or None."""
        kind, name = parse_reference(reference)
        found = self.cluster.store.get(kind.plural, self._key(kind, name))
        return Seen(kind.plural, found) if found is not None else None

    def all(self, kind: str, **labels: str) -> list[Seen]:
        """All of a kind in the trial's namespace, with these labels; Pods and claims that nobody asked to stop."""
        plural = parse_reference(f"{kind}/x")[0].plural
        chosen = selector_of({"matchLabels": labels})
        objects = self.cluster.store.list(plural, self.namespace if parse_reference(f"{kind}/x")[0].namespaced else "")
        return [Seen(plural, each) for each in objects if chosen(at(each, "metadata", "labels") or {})]

    def pods_of(self, reference: str) -> list[Seen]:
        """The Pods whose controller is that object, by name; a Deployment's through its ReplicaSets, a CronJob's
        through its Jobs.

        Pods that only look so are not among them.
        """
        owner, store = self.get(reference), self.cluster.store
        owners = [owner.uid] if owner else []
        for between in ("replicasets", "jobs"):
            owners += [each["metadata"]["uid"] for uid in owners for each in store.controlled_by(between, uid)]
        owned = [pod for uid in owners for pod in store.controlled_by("pods", uid)]
        return sorted((Seen("pods", each) for each in owned), key=lambda each: _by_ordinal(each.name))

    def evidence(self, *references: str, most: int = 8) -> tuple[str, ...]:
        """What happened to these objects, as lines of a timeline."""
        lines: list[str] = []
        for each in references:
            kind, name = parse_reference(each)
            lines.extend(timeline(self.cluster.store, kind.plural, self._key(kind, name), self.began_s, most))
        return tuple(lines)

    def order(self, kind: str, type: str = "ADDED") -> list[str]:
        """The names of a kind's objects in the order in which they were first ADDED, or last DELETED."""
        plural = parse_reference(f"{kind}/x")[0].plural
        history = self.cluster.store.history
        chosen = [each.key for each in history if (each.plural, each.type) == (plural, type)]
        names = [key.rpartition("/")[2] for key in chosen if key.startswith(f"{self.namespace}/")]
        return list(dict.fromkeys(names))

    def dns(self, name: str, type: str = "A", namespace: str | None = None) -> Answered:
        """Ask cluster DNS as a Pod of the trial's namespace would, search list and all."""
        return self.place.ask(self, name, type, namespace or self.namespace)

    # ---- acting

    def delete(self, reference: str, **options: Any) -> Trial:
        """As `kubectl delete --wait=false`. What is not there is not an error: the check will see."""
        kind, name = parse_reference(reference)
        try:
            self.cluster.delete(kind.plural, self._key(kind, name), **options)
        except ApiError as error:
            if error.code != 404:
                raise
        return self

    def scale(self, reference: str, replicas: int) -> Trial:
        """Raises ApiError where there is nothing to scale."""
        kind, name = parse_reference(reference)
        self.cluster.scale(kind.plural, self._key(kind, name), replicas)
        return self

    def patch(self, reference: str, patch: Object) -> Trial:
        """A JSON merge patch. Raises ApiError."""
        kind, name = parse_reference(reference)
        self.cluster.patch(kind.plural, self._key(kind, name), patch)
        return self

    def apply(self, text: str) -> Trial:
        """Apply a manifest of the rubric's own. Raises ApiError."""
        for obj in read(text, "the check").objects:
            self._apply(self._placed(obj))
        return self

    def exec(self, pod: str, *argv: str, container: str | None = None) -> Ran:
        """Run a command in a Pod's container, as kubectl exec. A Pod that is not there or does not run: code 1."""
        seen = self.get(f"pod/{pod}")
        if seen is None:
            return Ran(1, "", f'pods "{pod}" not found')
        return self.place.exec(self, seen, container or _default_container(seen), argv)

    def log(self, pod: str, *, most: int = 40) -> list[str]:
        """The last lines that a Pod's container wrote; of one that has ended and is not begun again, its last ones."""
        seen = self.get(f"pod/{pod}")
        if seen is None:
            return []
        container, path = _default_container(seen), f"/api/v1/namespaces/{self.namespace}/pods/{pod}/log"
        api = self.place.api(self)
        for previous in ("false", "true"):
            params = {"container": container, "tailLines": str(most), "previous": previous}
            reply = api.request("GET", path, params, accept="*/*")
            if reply.code == 200 and isinstance(reply.body, str) and reply.body.strip():
                return reply.body.splitlines()
        return []

    def write(self, pod: str, path: str, text: str) -> bool:
        """Write a file inside a Pod; whether that worked."""
        return self.exec(pod, "sh", "-c", f"printf %s '{text}' > '{path}'").code == 0

    def read(self, pod: str, path: str) -> str | None:
        """A file inside a Pod; None when it cannot be read."""
        ran = self.exec(pod, "cat", path)
        return ran.out if ran.code == 0 else None

    # ---- the learner's text

    @property
    def said(self) -> Said:
        """What the learner predicted: question by question."""
        return Said(self.answer, self.task.questions, self.task.start)

    def item(self, kind: str, name: str | None = None) -> Item | None:
        """The learner's object of that kind (and name); of one that is written twice the last, which is what counts."""
        name = name or next((each.name for each in self.items if each.kind == kind), None)
        return next((each for each in reversed(self.items) if each.kind == kind and each.name == name), None)

    def line(self, kind: str, *path: str | int, name: str | None = None) -> int | None:
        """The line where the learner's object of that kind says this: `line("StatefulSet", "spec", "serviceName")`."""
        item = self.item(kind, name)
        return item.place(path).line if item else None

    def findings(self) -> list[Finding]:
        """Static advice on the whole answer, by line."""
        return [finding for manifest in self.answer.manifests for finding in advise(manifest)]

    def _key(self, kind: Kind, name: str) -> str:
        return f"{self.namespace}/{name}" if kind.namespaced else name


def _kind(obj: Object) -> Kind | None:
    version, kind = obj.get("apiVersion"), obj.get("kind")
    return BY_GROUP_VERSION_KIND.get((version, kind)) if isinstance(version, str) and isinstance(kind, str) else None


def _default_container(pod: Seen) -> str:
    """The one kubectl chooses when nobody names one: as an annotation says, else the first."""
    said = pod.at("metadata", "annotations", "kubectl.kubernetes.io/default-container")
    return str(said or pod.at("spec", "containers", 0, "name") or "")


def _values(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_values(each) for each in value.values())
    return sum(_values(each) for each in value) if isinstance(value, list) else 1


def _pods(item: Item) -> int:
    if item.kind == "Pod":
        return 1
    if item.kind == "HorizontalPodAutoscaler":
        least = at(item.object, "spec", "minReplicas")
        return least if isinstance(least, int) else 0
    if item.kind not in WORKLOADS:
        return 0
    replicas = at(item.object, "spec", "replicas")
    return max(0, replicas) if isinstance(replicas, int) else 1


def _by_ordinal(name: str) -> tuple[str, int, str]:
    stem, _, last = name.rpartition("-")
    return (stem, int(last), "") if last.isdigit() else (name, -1, name)


__all__ = ["Answered", "Path_", "Ran", "Refused", "Trial"]
