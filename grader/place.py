"""Where a trial takes place: what a cluster has to offer to rubrics. Embedded here; a real one in grader/live/."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from statelab.controlplane.apiserver.registry.writing import WriteOptions
from statelab.controlplane.apiserver.serving.remote import container_name, runtime_container
from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.dns import pod_search, resolve
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object
from statelab.controlplane.store import Store
from statelab.kubectl.in_process import InProcess

if TYPE_CHECKING:
    from grader.seen import Seen
    from grader.tasks import Task
    from grader.trial import Trial
    from statelab.kubectl.api import Api

# What a check may need that not every place has.
Need = Literal["", "virtual time", "a cluster of its own"]
_EXEC_S = 60.0


class CannotGrade(Exception):
    """The place failed, not the answer: it went away, or may not be used like this. `str()` says what to do."""


class NotHere(CannotGrade):
    """This answer asks for what this place gives to nobody. The embedded cluster can grade it."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a resolver in a Pod got: `rcode` (NOERROR, NXDOMAIN, SERVFAIL), the addresses or other records, as text."""

    question: str
    rcode: str
    records: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.question} answered: {', '.join(self.records) if self.records else self.rcode}"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command in a container did."""

    code: int
    out: str
    error: str


class TrialLoop(Protocol):
    """Time: virtual, or a clock on the wall."""

    @property
    def now_s(self) -> float: ...
    def run_until(self, condition: Callable[[], bool], *, timeout_s: float) -> bool: ...


class TrialApi(Protocol):
    """The API server's rarer verbs, as ControlPlane.api has them."""

    def evict(self, namespace: str, name: str, eviction: Object, options: WriteOptions) -> Object: ...
    def patch(
        self, plural: str, namespace: str, name: str, patch_type: str, patch: Any, options: WriteOptions
    ) -> tuple[Object, bool]: ...


class TrialCluster(Protocol):
    """The cluster of one trial: all that a rubric, a behaviour or a kubectl line asks of it. Writes raise ApiError."""

    @property
    def store(self) -> Store: ...
    @property
    def loop(self) -> TrialLoop: ...
    @property
    def api(self) -> TrialApi: ...
    @property
    def kubelets(self) -> Mapping[str, Any]: ...
    def options(self) -> WriteOptions: ...
    def get(self, plural: str, key: str) -> Object | None: ...
    def create(self, obj: Object, namespace: str = ...) -> Object: ...
    def apply(self, *objects: Object, namespace: str = ...) -> list[Object]: ...
    def patch(self, plural: str, key: str, patch: Object) -> Object: ...
    def scale(self, plural: str, key: str, replicas: int) -> None: ...
    def delete(self, plural: str, key: str, **delete_options: Any) -> None: ...


class Place(Protocol):
    """Makes clusters for trials, and does in them what only the place knows how to do.

    `lacks`: what checks may need and do not find here; they are not graded here.
    """

    lacks: frozenset[Need]

    def cluster(self, task: Task, namespace: str, seed: int) -> TrialCluster:
        """An empty cluster, or what looks like one from a namespace called so. Raises CannotGrade."""
        ...

    def admit(self, obj: Object) -> Object:
        """The object as it may be applied here. Raises ApiError, or NotHere for what an answer cannot have here."""
        ...

    def is_busy(self, trial: Trial) -> bool:
        """Whether something is under way though nothing changes: an image is being pulled."""
        ...

    def patience_s(self, seconds: float) -> float:
        """How long to wait for what has to come within so many cluster seconds; a busy machine may need more."""
        ...

    def quiet_s(self, seconds: float) -> float:
        """How long nothing may have changed, where so many cluster seconds are meant, before all is called quiet."""
        ...

    def exec(self, trial: Trial, pod: Seen, container: str, argv: Sequence[str]) -> Ran: ...

    def ask(self, trial: Trial, name: str, type: str, namespace: str) -> Answered: ...

    def api(self, trial: Trial) -> Api:
        """The trial's cluster as kubectl speaks with it."""
        ...


class Embedded:
    """A Kubernetes of its own in memory, in virtual time, for each trial."""

    lacks: frozenset[Need] = frozenset()

    def cluster(self, task: Task, namespace: str, seed: int) -> ControlPlane:
        return ControlPlane(seed=seed)

    def admit(self, obj: Object) -> Object:
        return obj

    def is_busy(self, trial: Trial) -> bool:
        return False

    def patience_s(self, seconds: float) -> float:
        return seconds

    def quiet_s(self, seconds: float) -> float:
        return seconds

    def exec(self, trial: Trial, pod: Seen, container: str, argv: Sequence[str], *, within_s: float = _EXEC_S) -> Ran:
        assert isinstance(trial.cluster, ControlPlane)
        try:
            name = container_name(pod.object, container)
            where = pod.object["metadata"].get("namespace") or trial.namespace
            found = runtime_container(trial.cluster, where, pod.name, name)
        except ApiError as error:
            return Ran(1, "", error.message)
        output: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        codes: list[int] = []
        process = found.exec(
            list(argv), on_output=lambda stream, data: output[stream].extend(data), on_exit=codes.append
        )
        if not trial.when(lambda: bool(codes), timeout_s=within_s):
            process.signal("KILL")
            return Ran(124, "", f"{argv[0]} did not end within {within_s:.0f} s")
        texts = {stream: bytes(data).decode("utf-8", "replace") for stream, data in output.items()}
        return Ran(codes[0], texts["stdout"], texts["stderr"])

    def ask(self, trial: Trial, name: str, type: str, namespace: str) -> Answered:
        try:
            found = resolve(name, type, reader=trial.cluster.store, search=pod_search(namespace))
        except ValueError:
            return Answered(f"nslookup {name[:80]}", "NXDOMAIN", ())
        records = found.addresses if type == "A" else found.steps[-1].answers if found.found else ()
        return Answered(f"nslookup {name}" + ("" if type == "A" else f" ({type})"), found.rcode, tuple(sorted(records)))

    def api(self, trial: Trial) -> Api:
        assert isinstance(trial.cluster, ControlPlane)
        return InProcess(trial.cluster)


EMBEDDED = Embedded()
