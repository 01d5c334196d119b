"""A kind cluster: this folder's own, or another; and any cluster by the name of its kubeconfig context."""

from __future__ import annotations

import os
from pathlib import Path

from statelab.cluster import kind_record
from statelab.cluster.cluster import Cluster
from statelab.cluster.connection import Connection, from_kubeconfig
from statelab.cluster.engine import Engine, Node, find_engine
from statelab.cluster.kind_record import DEFAULT_NAME, kubeconfig_of
from statelab.cluster.kubeconfig import find_context
from statelab.cluster.nodes import give_back
from statelab.cluster.paths import Home, find_home
from statelab.cluster.plainly import plain_methods
from statelab.cluster.problem import Problem

CONTEXT = f"kind-{DEFAULT_NAME}"
_SILENT = (
    "If it was stopped or deleted: `statelab up --cluster kind` in a terminal wakes it, or makes a new one. "
    "Then run the lesson again from its top."
)
_SILENT_ELSEWHERE = "Is it running? See: kubectl --context {context} get nodes. If it was deleted, connect to another."


@plain_methods("cluster")
class KindCluster(Cluster):
    """A Cluster made by kind: real, so nothing of it is simulated. Its nodes are containers of Docker or Podman.

    `is_own`: this folder made it, and may mend and clear it.
    """

    place = "kind"
    can_stop_nodes = True

    def __init__(
        self,
        connection: Connection,
        *,
        context: str,
        kubeconfig: Path,
        namespace: str = "default",
        is_own: bool = False,
        engine: str = "",
    ) -> None:
        super().__init__(connection, context=context, kubeconfig=kubeconfig, namespace=namespace)
        self.is_own = is_own
        self.when_silent = _SILENT if is_own else _SILENT_ELSEWHERE.format(context=context)
        connection.when_silent = self.when_silent
        self._engine = engine

    def stop_node(self, name: str) -> None:
        """Freeze a node: its kubelet falls silent, as when a cable is cut. Raises Problem when that cannot be."""
        engine, node = self._node(name)
        if node.role != "worker":
            raise Problem(
                f"{name} is the control plane: with it the whole API would fall silent.",
                "Stop one of the workers: kubectl get nodes",
            )
        if node.state != "paused":
            engine.run("pause", name)

    def start_node(self, name: str) -> None:
        """Let a frozen node go on, or start one that was stopped. Raises Problem when that cannot be."""
        engine, node = self._node(name)
        if node.state == "paused":
            engine.run("unpause", name)
        elif node.state != "running":
            engine.run("start", name)

    def mend_nodes(self) -> None:
        if self.is_own:  # another kind cluster may have its reasons
            give_back(self)

    def _node(self, name: str) -> tuple[Engine, Node]:
        """The container of a node, if it is one of this very cluster: a container of that name may be anything."""
        engine = find_engine(self._engine)
        there = engine.nodes(self.context.removeprefix("kind-"))
        found = next((node for node in there if node.name == name), None)
        if found is None:
            known = ", ".join(node.name for node in there) or "none"
            raise Problem(f"{self.context} has no node {name} in {engine.title}.", f"There are: {known}.")
        return engine, found


def connect_kind(home: Home | None = None) -> Cluster:
    """The kind cluster that this folder made; else the one called statelab in the user's kubeconfig. Raises Problem."""
    home = home or find_home()
    record, kubeconfig = kind_record.read(home), kubeconfig_of(home)
    if record is None or not kubeconfig.is_file():
        try:
            return connect_context(CONTEXT)
        except Problem as problem:
            raise Problem(
                "There is no kind cluster for this folder.",
                "Make one (it takes two minutes, and Docker or Podman): statelab up --cluster kind",
            ) from problem
    connection, name, namespace = from_kubeconfig(kubeconfig, record.context)
    return KindCluster(
        connection, context=name, kubeconfig=kubeconfig, namespace=namespace, is_own=True, engine=record.engine
    )


def connect_context(name: str, *, allow_any: bool = False) -> Cluster:
    """The cluster behind a kubeconfig context, by name; never the current one by default. Raises Problem.

    One that was not made for this machine (a teacher's, production) has to be allowed in so many words, and until then
    nothing is asked of it: not even its login helper runs.
    """
    context = find_context(name)
    if not (context.is_local or allow_any or os.environ.get("STATELAB_ALLOW") == name):
        raise Problem(
            f"Context {name} leads to {context.server}, which is no cluster for trying things; "
            "the course changes nothing there.",
            f'If it is meant for the course, say it twice: statelab.connect("context:{name}", allow_any=True), '
            f"or STATELAB_CLUSTER=context:{name} STATELAB_ALLOW={name} make lab",
        )
    connection, _, namespace = from_kubeconfig(context.path, name)
    if name.startswith("kind-"):
        return KindCluster(connection, context=name, kubeconfig=context.path, namespace=namespace)
    cluster = Cluster(connection, context=name, kubeconfig=context.path, namespace=namespace)
    cluster.when_silent = connection.when_silent = _SILENT_ELSEWHERE.format(context=name)
    return cluster
