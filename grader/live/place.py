"""A real cluster as the place of trials: each trial's "cluster" is a throw-away namespace with guards around it."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

from grader.image_faults import unreachable
from grader.live import admission, remote
from grader.live.cluster import LiveCluster
from grader.live.names import Names
from grader.live.namespaces import Namespaces
from grader.place import EMBEDDED, Answered, CannotGrade, Need, Ran
from grader.seen import Seen
from grader.tasks import Task
from grader.trial import Trial
from statelab.cluster import Cluster, Problem, RequestRefused
from statelab.cluster.dns import ask_with_search
from statelab.controlplane.kinds import Object
from statelab.kubectl.over_http import OverHttp
from statelab.manifest.relations import at

LACKS: frozenset[Need] = frozenset(("virtual time", "a cluster of its own"))
_EXEC_S = 60.0
_BETWEEN_S = 0.1  # of wall time
_PATIENCE_S = 15.0  # of wall time
_QUIET_S = 1.0  # of wall time
_STARTING = ("", "ContainerCreating", "PodInitializing")
_START_S = 120.0  # cluster seconds that an image may take, or a volume; what takes longer will never come
_FIRST_PROBES_S = 20.0  # cluster seconds: so soon after its start a Pod's first probe may still be on its way


@dataclass(slots=True)
class _Made:
    cluster: LiveCluster
    namespace: str


class LivePlace:
    """Gives namespaces of one cluster to the trials of one answer, and takes them away again: use it in a `with`.

    `services`: the names of Services in the answer, so that `db.default` in its texts is known for a name of DNS.
    `at_once`: so many checks with trials of their own go on `beside` the others; they end with the place.
    """

    lacks = LACKS

    def __init__(
        self, namespaces: Namespaces, services: Iterable[str] = (), pace: float | None = None, at_once: int = 1
    ) -> None:
        self.namespaces = namespaces
        self.pace = pace or (float(os.environ.get("STATELAB_PACE", "1")) if namespaces.is_statelab else 1.0)
        self._services = tuple(services)
        self._made: list[_Made] = []
        self._is_over = False
        self._asking = threading.Lock()
        self._pool = ThreadPoolExecutor(at_once - 1, thread_name_prefix="trial") if at_once > 1 else None
        self._open = contextlib.ExitStack()
        self._dns: tuple[str, int] | None = None
        self._has_no_dns = False

    def __enter__(self) -> LivePlace:
        return self

    def __exit__(self, *ended: object) -> None:
        """Deletes the namespaces, without waiting for their end. A cluster that is gone keeps them: `grader clean`."""
        self._is_over = True
        for made in list(self._made):
            made.cluster.close()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)  # what still waits hears that its cluster is closed
        self._open.close()
        with contextlib.suppress(RequestRefused, Problem):
            for made in self._made:
                self.namespaces.delete(made.namespace)
        self._made.clear()

    @property
    def beside(self) -> Executor | None:
        return self._pool

    def cluster(self, task: Task, namespace: str, seed: int) -> LiveCluster:
        if self._is_over:
            raise CannotGrade("The trial was ended before its time.")
        real = self.namespaces.make(task)
        given = [each.group(1) for each in admission.SERVICE_NAMES.finditer(task.given)]
        try:
            names = Names(namespace, real, {*given, *self._services})
            cluster = LiveCluster(self.namespaces.cluster.connection, names, self.pace)
        except BaseException:
            self.namespaces.delete(real)
            raise
        self._made.append(_Made(cluster, real))
        if self._is_over:
            cluster.close()
        return cluster

    def api(self, trial: Trial) -> OverHttp:
        from grader.live.kubectl_api import api_of

        return api_of(trial)

    def admit(self, obj: Object) -> Object:
        return admission.admit(obj)

    def is_busy(self, trial: Trial) -> bool:
        """Containers are being made, volumes are being made, first probes are on their way."""
        cluster = self._live(trial)
        # A server that was held up answers before it does what was due meanwhile: that it is quiet, it says twice.
        if not cluster.store.is_abreast():
            return True
        cluster.store.pump(_BETWEEN_S)
        if not cluster.store.is_abreast():
            return True
        now_s, store = cluster.loop.now_s, cluster.store
        failed = {at(each, "involvedObject", "uid") for each in store.list("events", trial.namespace)
                  if each.get("type") == "Warning"}  # fmt: skip
        for pod in trial.all("pod"):
            if not pod.node:
                continue
            if (said := unreachable(pod)) is not None:
                raise CannotGrade(f"Node {pod.node} reaches no registry, which is no fault of the answer: {said}")
            since_s = now_s - _last_change_s(trial, pod)
            if pod.phase == "Pending" and _is_starting(pod) and since_s < _START_S:
                return True
            if pod.phase == "Running" and not pod.ready and since_s < _FIRST_PROBES_S and _is_probed(pod):
                return True
        selected = "volume.kubernetes.io/selected-node"
        return any(
            claim.phase == "Pending" and claim.uid not in failed and claim.at("metadata", "annotations", selected)
            for claim in trial.all("pvc")
        )

    def patience_s(self, seconds: float) -> float:
        """Where time runs faster than on the wall, so does a machine's slowness: the least is a while on the wall."""
        return seconds if self.pace <= 1 else max(seconds, _PATIENCE_S * self.pace)

    def quiet_s(self, seconds: float) -> float:
        return seconds if self.pace <= 1 else max(seconds, _QUIET_S * self.pace)

    def exec(self, trial: Trial, pod: Seen, container: str, argv: Sequence[str]) -> Ran:
        cluster = self._live(trial)
        where = self.namespaces.cluster
        ran = remote.run(
            [cluster.names.outward(each) for each in argv],
            kubeconfig=where.kubeconfig,
            context=where.context,
            namespace=cluster.names.real,
            pod=pod.name,
            container=container,
            within_s=_EXEC_S,
        )
        cluster.store.pump()
        return Ran(ran.code, cluster.names.inward(ran.out), cluster.names.inward(ran.error))

    def ask(self, trial: Trial, name: str, type: str, namespace: str) -> Answered:
        names = self._live(trial).names
        search = names.real if namespace == names.logical else namespace
        question = f"nslookup {name[:80]}" + ("" if type == "A" else f" ({type})")
        for is_last in (False, True):
            with self._asking:
                address = self._dns_address()
            if address is None:  # StateLab's own server: its DNS is no Pod, and this is what would answer there
                return EMBEDDED.ask(trial, name, type, namespace)
            try:
                found = ask_with_search(address, names.outward(name), type, search)
                break
            except Problem as problem:
                if "cannot be asked for" in problem.what:
                    return Answered(question, "NXDOMAIN", ())
                if is_last:
                    raise CannotGrade(str(problem)) from None
                with self._asking:  # a port-forward ends with its first broken connection: open another
                    if self._dns == address:
                        self._open.close()
                        self._dns = None
        records = [names.inward(each) for each in found.records if type != "A" or _is_address(each)]
        return Answered(question, found.rcode, tuple(sorted(records)))

    def _dns_address(self) -> tuple[str, int] | None:
        """Where cluster DNS answers, for as long as the answer is graded. Raises CannotGrade."""
        if self._dns is None and not self._has_no_dns:
            try:
                self._dns = self._open.enter_context(self.namespaces.cluster.dns_address())
            except Problem as problem:
                if not self.namespaces.is_statelab:
                    raise CannotGrade(str(problem)) from None
                self._has_no_dns = True
        return self._dns

    def _live(self, trial: Trial) -> LiveCluster:
        assert isinstance(trial.cluster, LiveCluster)
        return trial.cluster


def _last_change_s(trial: Trial, pod: Seen) -> float:
    history = trial.cluster.store.history
    return next((each.at_s for each in reversed(history) if each.plural == "pods" and each.key == pod.key), 0.0)


def _is_starting(pod: Seen) -> bool:
    statuses = [*(pod.at("status", "initContainerStatuses") or ()), *(pod.at("status", "containerStatuses") or ())]
    reasons = [str(at(each, "state", "waiting", "reason") or "") for each in statuses if at(each, "state", "waiting")]
    return all(each in _STARTING for each in reasons)


def _is_probed(pod: Seen) -> bool:
    return any(each.get("readinessProbe") for each in pod.at("spec", "containers") or ())


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def connected(place: str, *, allow_any: bool = False) -> Cluster:
    """The cluster to grade on. Raises CannotGrade for one that is not there, or that nobody said is for this."""
    from statelab.cluster import connect

    try:
        cluster = connect(place, allow_any=allow_any)
        cluster.request("GET", "/version", timeout_s=10.0)
    except Problem as problem:
        raise CannotGrade(str(problem)) from None
    cluster.connection.pool.connection_pool_kw["maxsize"] = 64  # a watch for each kind, for each trial
    return cluster


__all__ = ["LACKS", "LivePlace", "connected"]
