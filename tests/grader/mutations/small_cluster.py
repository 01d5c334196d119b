"""What the oracles ask: an embedded cluster, spoken to directly. Nothing of the rubrics' code is used here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from grader.carrying_out import run
from grader.lines import parse
from grader.tasks import Task
from grader.trial import Trial
from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.serving.remote import container_name, runtime_container
from statelab.controlplane.dns import pod_search, resolve
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import BY_GROUP_VERSION_KIND
from statelab.manifest import read

Pod = dict[str, Any]


class Cluster:
    """What the task gives, then the answer. `was_refused`: the API server did not take some of the answer."""

    def __init__(
        self, text: str, given: str = "", *, namespace: str = "default", change: Callable[[Any], None] | None = None,
        quiet_s: float = 5.0, max_s: float = 300.0,
    ) -> None:  # fmt: skip
        self.cp = ControlPlane(seed=0)
        self.namespace = namespace
        self.was_refused = False
        if namespace != "default":
            self.cp.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
            self.cp.settle(max_s=10)
        theirs = [dict(each) for each in read(given).objects] if given else []
        names = {(each["kind"], each["metadata"]["name"]) for each in theirs}
        for obj in theirs:
            self.put(obj)
        self.settle()
        for item in read(text).items if text else ():
            obj = item.object
            if (item.kind, item.name) in names:
                self.was_refused = True
                continue
            try:
                if change is not None:
                    change(obj)
                self.put(obj)
            except (ApiError, KeyError, TypeError, AttributeError, ValueError):
                self.was_refused = True
        self.settle(quiet_s, max_s)

    @classmethod
    def after_lines(cls, task: Task, text: str, namespace: str, pace_s: float) -> Cluster:
        """As the kubectl lines of an answer leave it, so many seconds apart."""
        trial = Trial(task, None, namespace=namespace, seed=0, pace_s=pace_s)
        lines, refused = parse(text, shell_too=task.files is not None)
        failed, _ = run(trial, lines)
        trial.settle(quiet_s=40)
        made = cls.__new__(cls)
        made.quiet_s = 20.0  # Pods that take up to a quarter of a minute
        made.cp, made.namespace, made.was_refused = trial.cluster, namespace, bool(refused or failed)
        made.hung = any("is still there after" in each.message for each in failed)
        return made

    def put(self, obj: Any) -> None:
        kind = BY_GROUP_VERSION_KIND.get((obj.get("apiVersion"), obj.get("kind")))
        name = (obj.get("metadata") or {}).get("name") if isinstance(obj.get("metadata"), dict) else None
        if kind is not None and isinstance(name, str) and self.cp.get(kind.plural, self.key(name, kind.namespaced)):
            self.cp.apply(obj, namespace=self.namespace)
        else:
            self.cp.create(obj, namespace=self.namespace)

    def key(self, name: str, namespaced: bool = True) -> str:
        return f"{self.namespace}/{name}" if namespaced else name

    # ---- time

    quiet_s = 5.0
    hung = False  # a line waited for what never came

    def settle(self, quiet_s: float | None = None, max_s: float = 300.0) -> None:
        """Until nothing was written for a while, and no Pod is stopping."""
        quiet_s = quiet_s or self.quiet_s
        until_s = self.cp.loop.now_s + max_s
        while self.cp.loop.now_s < until_s:
            before = self.cp.store.revision
            self.wait(quiet_s)
            stopping = any("deletionTimestamp" in each["metadata"] for each in self.cp.list("pods", self.namespace))
            if self.cp.store.revision == before and not stopping:
                return

    def wait(self, seconds: float) -> None:
        self.cp.loop.run_until(lambda: False, timeout_s=seconds)

    def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        return self.cp.loop.run_until(condition, timeout_s=seconds)

    # ---- looking

    def one(self, plural: str, name: str) -> Any:
        return self.cp.get(plural, self.key(name))

    def pods(self, plural: str, owner: str) -> list[Pod]:
        """The Pods a workload controls, by name; a Deployment's through its ReplicaSets."""
        found = self.one(plural, owner)
        if found is None:
            return []
        uids = [found["metadata"]["uid"]]
        if plural == "deployments":
            uids = [each["metadata"]["uid"] for each in self.cp.store.controlled_by("replicasets", uids[0])]
        pods = [pod for uid in uids for pod in self.cp.store.controlled_by("pods", uid)]
        return sorted(pods, key=lambda pod: (len(pod["metadata"]["name"]), pod["metadata"]["name"]))

    def are_ready(self, plural: str, owner: str, count: int) -> bool:
        pods = self.pods(plural, owner)
        return len(pods) == count and all(is_ready(each) for each in pods)

    def asks(self, name: str, type: str = "A") -> list[str]:
        found = resolve(name, type, reader=self.cp.store, search=pod_search(self.namespace))
        return list(found.addresses if type == "A" else found.steps[-1].answers if found.found else ())

    def leads_to(self, name: str, pods: Iterable[Pod]) -> bool:
        addresses = {pod["status"].get("podIP") for pod in pods}
        return bool(addresses) and None not in addresses and set(self.asks(name)) == addresses

    def each_is_found(self, owner: str, service: str) -> bool:
        pods = self.pods("statefulsets", owner)
        return bool(pods) and all(self.leads_to(f"{name_of(pod)}.{service}", [pod]) for pod in pods)

    def selected(self, service: str) -> set[str]:
        """The names of the ready Pods with all labels of a Service's selector."""
        found = self.one("services", service)
        selector = (found or {}).get("spec", {}).get("selector") or {}
        return {
            name_of(pod)
            for pod in self.cp.list("pods", self.namespace)
            if selector and is_ready(pod) and selector.items() <= (pod["metadata"].get("labels") or {}).items()
        }

    # ---- acting

    def run(self, pod: str, *argv: str) -> tuple[int, str]:
        """A command in a Pod's first container: its exit code and what it said."""
        found = self.one("pods", pod)
        if found is None:
            return 1, "no such Pod"
        try:
            container = container_name(found, found["spec"]["containers"][0]["name"])
            inside = runtime_container(self.cp, self.namespace, pod, container)
        except ApiError as error:
            return 1, error.message
        said: list[bytes] = []
        codes: list[int] = []
        inside.exec(list(argv), on_output=lambda stream, data: said.append(bytes(data)), on_exit=codes.append)
        self.until(lambda: bool(codes), 60)
        return (codes or [124])[0], b"".join(said).decode("utf-8", "replace").strip()

    def kill(self, *names: str) -> None:
        for name in names:
            if self.one("pods", name) is not None:
                self.cp.delete("pods", self.key(name))
        self.settle()

    def scale(self, plural: str, owner: str, replicas: int) -> None:
        self.cp.scale(plural, self.key(owner), replicas)
        self.settle()

    def keeps(self, owner: str, count: int, folders: Iterable[str], happens: Callable[[], object]) -> bool:
        """Each member writes into each folder; something happens; does each find its own again?"""
        if not self.are_ready("statefulsets", owner, count):
            return False
        places = [(f"{owner}-{ordinal}", folder) for ordinal in range(count) for folder in folders]
        file = f"kept-{self.cp.store.revision}"
        for pod, folder in places:
            if self.run(pod, "sh", "-c", f"echo {pod} > '{folder}/{file}'")[0]:
                return False
        happens()
        return self.are_ready("statefulsets", owner, count) and all(
            self.run(pod, "cat", f"{folder}/{file}") == (0, pod) for pod, folder in places
        )


def is_ready(pod: Pod) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def name_of(obj: Any) -> str:
    return str(obj["metadata"]["name"])


def claims(pod: Pod) -> list[str]:
    volumes = pod["spec"].get("volumes", ())
    return [each["persistentVolumeClaim"]["claimName"] for each in volumes if "persistentVolumeClaim" in each]


def claim_for(pod: Pod, folder: str) -> str | None:
    """The claim that is mounted at exactly this folder, writable."""
    held = {
        each["name"]: each.get("persistentVolumeClaim", {}).get("claimName") for each in pod["spec"].get("volumes", ())
    }
    for mount in pod["spec"]["containers"][0].get("volumeMounts", ()):
        if mount["mountPath"].rstrip("/") == folder and not mount.get("readOnly"):
            return held.get(mount["name"])
    return None


def differing(before: Any, after: Any, free: Iterable[str] = ()) -> int:
    """In how many places two objects differ, not counting below fields called `free`. None is not there."""
    left, right = dict(_leaves(before)), dict(_leaves(after))
    inner = [{path[:depth] for path in side for depth in range(len(path))} for side in (left, right)]
    found = set()
    for path in {*left, *right}:
        if left.get(path) != right.get(path):
            found.add(
                next(path[:n] for n in range(len(path) + 1) if not (path[:n] in inner[0] and path[:n] in inner[1]))
            )
    return sum(not set(free) & set(path) for path in found)


def _leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterable[tuple[tuple[str | int, ...], Any]]:
    items = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    if items:
        for key, child in items:
            yield from _leaves(child, (*path, key))
    elif value is not None:
        yield path, (type(value) is bool, value)


def objects(text: str) -> dict[tuple[str, str], Any]:
    return {(item.kind, item.name): item.object for item in read(text).items}
