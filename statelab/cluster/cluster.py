"""One interface over every place a cluster can be: what a notebook, a check or a picture asks of it."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from statelab.cluster import conditions, looking, typed
from statelab.cluster.clocks import Clock, WallClock, until
from statelab.cluster.connection import Connection, RequestRefused
from statelab.cluster.custom import kind_called, parse_for
from statelab.cluster.dns_answer import DnsAnswer
from statelab.cluster.kubectl import KubectlResult, run_kubectl
from statelab.cluster.kubectl_live import OnText, run_live
from statelab.cluster.loops import Loop
from statelab.cluster.names import path_of
from statelab.cluster.plainly import plain_methods
from statelab.cluster.problem import Problem
from statelab.cluster.resting import look_on
from statelab.cluster.stand_in import result_of, stand_in
from statelab.cluster.waiting import next_state, wait_for
from statelab.cluster.watching import Watcher
from statelab.controlplane.kinds import KINDS, Kind, Object, Objects

_MADE_HERE = {"app.kubernetes.io/managed-by": "statelab"}
_LOOK_AGAIN_S = 0.5
_DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


@plain_methods("cluster")
class Cluster:
    """A cluster and the namespace we are in. `place` is "embedded", "kind" or "kubeconfig".

    What only one place can do (causes, rewinding, stopping a node) is in the subclass for that place; here is what
    every Kubernetes can do, and a sentence for what not every one can.
    """

    place = "kubeconfig"
    when_silent = ""  # what to do when no server answers kubectl, where we know
    is_own = False  # the course made it: what it finds there may be cleared away
    can_stop_nodes = False

    def __init__(self, connection: Connection, *, context: str, kubeconfig: Path, namespace: str = "default") -> None:
        self.connection = connection
        self.context = context
        self.kubeconfig = kubeconfig
        self.namespace = namespace

    def __repr__(self) -> str:
        return f"<{self.place} cluster {self.context} at {self.connection.url}, namespace {self.namespace}>"

    # ---- objects

    def parse(self, what: str) -> tuple[Kind, str]:
        """The kind and the name of "pod/web-0", or of "redisgroup/redis" where the cluster has learned that kind.

        Raises Problem.
        """
        return parse_for(self, what)

    def request(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """A request to the API server, decoded. Raises RequestRefused, or Problem when no cluster answers."""
        looking.check_request(method, path)
        return self.connection.request(method, path, body, **more)

    def get(self, what: str, namespace: str | None = None) -> Object | None:
        """The object called "pod/web-0", or None."""
        kind, name = self.parse(what)
        try:
            found: Object = self.request("GET", path_of(kind, namespace or self.namespace, name))
        except RequestRefused as refusal:
            if refusal.code == 404:
                return None
            raise
        return found

    def list(self, plural: str, labels: str = "", namespace: str | None = None) -> Objects:
        """The objects of one kind ("pods") in the namespace, chosen by a label selector ("app=web"): perhaps none.

        Raises Problem for what is no kind.
        """
        params = {"labelSelector": labels} if labels else None
        kind = kind_called(self, plural)
        answer = self.request("GET", path_of(kind, namespace or self.namespace), params=params)
        return [{"apiVersion": kind.api_version, "kind": kind.name, **item} for item in answer["items"]]

    def patch(self, what: str, change: Object, *, subresource: str = "") -> Object:
        """Merge a change into an object: `patch("pod/web-0", {"metadata": {"labels": {"role": "primary"}}})`; None
        takes a field away. `subresource`: "status". With a `resourceVersion` in it, it is refused (409) when
        somebody has written meanwhile. Returns the object. Raises RequestRefused.
        """
        kind, name = self.parse(what)
        path = path_of(kind, self.namespace, name) + (f"/{subresource}" if subresource else "")
        changed: Object = self.request("PATCH", path, change, content_type="application/merge-patch+json")
        return changed

    def delete(self, what: str, *, grace_period_s: int | None = None, propagation: str = "Background") -> None:
        """Delete an object; one that is gone already is no error."""
        kind, name = self.parse(what)
        body: Object = {"propagationPolicy": propagation}
        if grace_period_s is not None:
            body["gracePeriodSeconds"] = grace_period_s
        try:
            self.request("DELETE", path_of(kind, self.namespace, name), body)
        except RequestRefused as refusal:
            if refusal.code != 404:
                raise

    # ---- kubectl

    def kubectl(
        self, line: str | Iterable[str], *, stdin: str | None = None, timeout_s: float = 120.0
    ) -> KubectlResult:
        """Run a kubectl line against this cluster and namespace. Raises Problem for a line that cannot be split."""
        arguments = typed.words(line) if isinstance(line, str) else list(line)
        arguments = arguments[1:] if arguments[:1] == ["kubectl"] else arguments
        looking.check_line(arguments)
        timeout_s = looking.at_most(timeout_s, for_an_answer=True)
        if (instead := stand_in()) is not None:
            return result_of(instead, self, arguments, stdin, timeout_s)
        result = run_kubectl(
            arguments,
            kubeconfig=self.kubeconfig,
            context=self.context,
            namespace=self.namespace,
            stdin=stdin,
            timeout_s=timeout_s,
            keep=self._keep,
        )
        if result.code and "was refused" in result.stderr and self.when_silent:
            return replace(result, stderr=f"{result.stderr}{self.when_silent}\n")
        return result

    def kubectl_live(
        self, line: str | Sequence[str], on_text: OnText, *, stdin: str | None = None, timeout_s: float | None = None
    ) -> int:
        """Run kubectl, telling of what it writes as it comes; its exit code.

        A `str` is a line for the shell, with pipes and redirections. Raises Problem, and KeyboardInterrupt when it is
        stopped; then nothing of it runs on.
        """
        looking.check_line(line)
        refused = False

        def told(name: str, text: str) -> None:
            nonlocal refused
            refused = refused or (name == "stderr" and "was refused" in text)
            on_text(name, text)

        if not isinstance(line, str) and (instead := stand_in()) is not None:
            return instead(self, line, stdin, on_text, timeout_s)
        code = run_live(
            line,
            kubeconfig=self.kubeconfig,
            context=self.context,
            namespace=self.namespace,
            on_text=told,
            stdin=stdin,
            timeout_s=timeout_s,
            keep=self._keep,
        )
        if code and refused and self.when_silent:
            on_text("stderr", f"{self.when_silent}\n")
        return code

    def _keep(self, namespace: str) -> None:
        """As `kubectl config set-context --current --namespace` has it."""
        self.namespace = namespace

    # ---- waiting

    def wait(self, what: str, condition: str = "Ready", timeout_s: float = 120.0) -> Object | None:
        """Wait until an object is as named: "Ready", "Bound", "Deleted", "Rollout", "Observed", "Exists", a condition.

        Of a Pod also why a container waits: "ImagePullBackOff", "CrashLoopBackOff".
        Returns the object (None when it was to be deleted). Raises Problem saying how it stood when time ran out.
        """
        return wait_for(self, what, condition, looking.at_most(timeout_s))

    def until(self, is_so: Callable[[], Any], timeout_s: float = 60.0) -> bool:
        """Look again and again until `is_so()`; False when it was not so within so many seconds of the cluster's time.

        Raises Interrupted.
        """
        return until(self.clock, is_so, timeout_s, _LOOK_AGAIN_S)

    def wait_and_see(self, timeout_s: float = 60.0, *, still_s: float = 3.0) -> bool:
        """Look on until the namespace is at rest: every Pod Ready or ended, every workload as it is wished, nothing
        going, and nothing changed for `still_s`. At most `timeout_s`; both are the cluster's seconds, and never less of
        yours than a busy machine needs to get things done.

        For who wants to see what comes, and not to say it beforehand. Whether it is at rest; raises Interrupted.
        """
        return look_on(self, timeout_s, still_s)

    # ---- inside Pods

    def exec(self, pod: str, *argv: str, container: str = "", stdin: str | None = None) -> KubectlResult:
        """Run a command in a Pod's container (its first, unless named) and give back what it printed.

        A command that fails raises nothing: its exit code is in `code`. `stdin`: what it reads.
        """
        where = ["-c", container] if container else []
        interactive = ["-i"] if stdin is not None else []
        return self.kubectl(["exec", *interactive, pod.removeprefix("pod/"), *where, "--", *argv], stdin=stdin)

    def dns(self, name: str, type: str = "A") -> DnsAnswer:
        """Ask the cluster's DNS for a name as a Pod of this namespace would: with the search path. Raises Problem."""
        from statelab.cluster.dns import answer_with_search

        with self.asking_dns() as ask:
            return answer_with_search(ask, name, type, self.namespace)

    def wait_for_name(self, name: str, type: str = "A", at_least: int = 1, timeout_s: float = 60.0) -> DnsAnswer:
        """Ask for a name until it has so many records: DNS hears of Pods a moment after they are Ready.

        Raises Problem saying what it has when time ran out.
        """
        from statelab.cluster.dns import answer_with_search, ask_until

        with self.asking_dns() as ask:
            return ask_until(
                lambda: answer_with_search(ask, name, type, self.namespace),
                name,
                at_least=at_least,
                timeout_s=looking.at_most(timeout_s),
                pause=self._pause,
            )

    @contextmanager
    def asking_dns(self) -> Iterator[Any]:
        """Give a function that takes a question to the cluster's DNS, a `dns.message.Message`, and brings the answer.

        It raises DNSException or OSError when there is none.
        """
        from statelab.cluster.dns import over_tcp

        with self.dns_address() as address:
            yield over_tcp(address)

    def _pause(self, seconds: float) -> None:
        time.sleep(seconds)

    def dns_address(self) -> Any:
        """A context manager giving `(host, port)` where the cluster's DNS answers over TCP."""
        from statelab.cluster.portforward import forward_to_coredns

        return forward_to_coredns(self)

    def default_storage_class(self) -> str | None:
        """The StorageClass of claims that name none: the one so annotated, the newest where several are."""
        marked = [each for each in self.list("storageclasses") if _is_default(each)]
        marked.sort(key=lambda each: str(each["metadata"]["name"]))
        newest = max(marked, key=lambda each: str(each["metadata"]["creationTimestamp"]), default=None)
        return str(newest["metadata"]["name"]) if newest is not None else None

    # ---- what a picture watches

    def watch(self, plurals: Iterable[str], on_event: Callable[[str, str, Object], None]) -> Watcher:
        """Call `on_event(type, plural, object)` for all there is and for every change, from a thread, until `close()`.

        A connection that breaks is made again, and `("RESET", plural, {})` is told first: forget what you knew.
        """
        return Watcher(self, tuple(plurals), on_event)

    def follow(self, plurals: Iterable[str], on_event: Callable[[str, str, Object], None]) -> Callable[[], None] | None:
        """As `watch`, without a thread, from now on: only a cluster of this process can; of others, None."""
        return None

    def loop(
        self,
        plural: str,
        reconcile: Callable[[Object], Any],
        *,
        also: Iterable[str] = ("pods",),
        every_s: float = 2.0,
        longest_pass_s: float = 60.0,
    ) -> Loop:
        """A loop that calls `reconcile(obj)` for each object of a kind: at first, when one of them or of the kinds in
        `also` has changed, and every so many seconds. `.run(30)` runs it in a cell, `.start()` beside the next ones
        until `.stop()`. It ends by itself, and a pass that takes longer than `longest_pass_s` is given up. Raises
        Problem for what is no kind.
        """
        here = copy.copy(self)  # it stays in its namespace when the notebook goes to another
        return Loop(here, plural, reconcile, also, every_s, longest_pass_s)

    def run_kopf(self, registry: Any) -> Any:
        """Run the handlers of a `kopf.OperatorRegistry` against this cluster and namespace, beside the cells, until
        `.stop()` of what it returns. Where kopf cannot run, says why and returns None.
        """
        from statelab.cluster.with_kopf import run_beside

        return run_beside(self, registry)

    @property
    def pace(self) -> float:
        """How many of the cluster's seconds pass in one on the wall."""
        return 1.0

    @property
    def clock(self) -> Clock:
        """How time passes for who works beside this cluster."""
        return WallClock(self.pace)

    def why(self, what: str) -> str:
        """Why an object is as it is, from its events and owners."""
        from statelab.cluster.reasons import from_events

        return from_events(self, what)

    # ---- what not every place can do

    def history(self, since: int = 0) -> Objects:
        """What happened before anybody watched: only the embedded cluster keeps that. Says so, and gives nothing."""
        print(
            "A real cluster keeps no history of its objects. timeline() shows what happened since it, or show(), "
            "was first called here; %kubectl get events tells of the last hour."
        )
        return []

    def start(self) -> Cluster:
        """Start a cluster whose server has ended: only the embedded one can be started so. Says what to do."""
        print(f"{self.context} is not started from here. {self.when_silent}".rstrip())
        return self

    def stop_node(self, name: str) -> None:
        """Cut a node off. Raises Problem here: the machines of a cluster like this one are not ours."""
        raise Problem(
            f"Nodes of {self.context} cannot be stopped from here.",
            "Do this step on the embedded cluster or on kind; on your own machines, stop the node's kubelet.",
        )

    def start_node(self, name: str) -> None:
        """Give a node back. Raises Problem here, as `stop_node` does."""
        self.stop_node(name)

    # ---- namespaces

    def use(self, namespace: str) -> Cluster:
        """Make the namespace if need be, and stay in it."""
        if self.get(f"namespace/{namespace}") is None:
            try:
                metadata = {"name": namespace, **({} if self.place == "embedded" else {"labels": _MADE_HERE})}
                self.request("POST", "/api/v1/namespaces", {"metadata": metadata})
            except RequestRefused as refusal:
                if refusal.code != 409:
                    raise
        self.namespace = namespace
        with suppress(Problem):  # without its service account a namespace takes no Pods yet
            self.wait("serviceaccount/default", "Exists", timeout_s=10)
        return self

    def fresh(self, namespace: str, timeout_s: float = 90.0) -> Cluster:
        """An empty namespace of that name: what yesterday left in it is deleted first. Raises Problem when it stays.

        Nodes that a lesson stopped or cordoned and never gave back are given back, where they are the course's own.
        """
        self.namespace = namespace  # first: whatever fails below, nothing goes on in another namespace
        self.mend_nodes()
        found = self.get(f"namespace/{namespace}")
        if found is not None:
            if not self.is_own and not (_MADE_HERE.items() <= (found["metadata"].get("labels") or {}).items()):
                raise Problem(
                    f"The course did not make the namespace {namespace} on {self.context}; it is left as it is.",
                    f"If nobody needs what is in it: kubectl delete namespace {namespace}, then run this again.",
                )
            self.request("DELETE", f"/api/v1/namespaces/{namespace}")
            deadline_s = time.monotonic() + timeout_s
            while self.get(f"namespace/{namespace}") is not None:
                if time.monotonic() > deadline_s:
                    raise Problem(
                        f"Namespace {namespace} is still being deleted: {self._what_holds()}.",
                        "Wait a moment and run this again. See it: kubectl describe namespace " + namespace,
                    )
                next_state(self, KINDS["namespaces"], namespace, self.get(f"namespace/{namespace}"), 1.0)
        return self.use(namespace)

    def mend_nodes(self) -> None:
        """Give back nodes that were stopped or cordoned. Does nothing to a cluster that is not the course's own."""

    def _what_holds(self) -> str:
        """What is left in a namespace that does not go."""
        pods = [str(pod["metadata"]["name"]) for pod in self.list("pods")]
        nodes = {pod["spec"].get("nodeName", "") for pod in self.list("pods")}
        silent = [name for name in sorted(nodes - {""}) if not conditions.is_true(self.get(f"node/{name}"), "Ready")]
        held = f"its Pods {', '.join(pods)} are not gone" if pods else "something in it has a finalizer"
        return held + (f", and their node {', '.join(silent)} does not answer" if silent else "")


def _is_default(storage_class: Object) -> bool:
    annotations = storage_class["metadata"].get("annotations") or {}
    return any(annotations.get(each) == "true" for each in _DEFAULT_CLASS)
