"""The embedded cluster of this home: what any cluster can do, and what only this one can."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import urllib3

from statelab.cluster import local
from statelab.cluster.cluster import Cluster
from statelab.cluster.connection import Connection
from statelab.cluster.kubectl import KubectlResult
from statelab.cluster.nodes import give_back
from statelab.cluster.paths import Home
from statelab.cluster.plainly import plain_methods
from statelab.cluster.problem import Problem


@plain_methods("cluster")
class EmbeddedCluster(Cluster):
    """A Cluster that keeps every revision with its cause, and whose nodes can be stopped."""

    place = "embedded"
    when_silent = "The embedded cluster does not run. cluster.start() starts it again, with everything in it."
    is_own = True
    can_stop_nodes = True

    def __init__(self, home: Home, server: local.Server) -> None:
        connection = Connection("")
        connection.when_silent = (
            "Start the embedded one: cluster.start() here, or `statelab up` in a terminal. Nothing in it is lost."
        )
        super().__init__(connection, context="statelab", kubeconfig=home.kubeconfig)
        self.home = home
        self._come_to(server)

    def _come_to(self, server: local.Server) -> None:
        """Speak with this server, known by its certificate: another user may listen where it was."""
        trusted = local.authority(self.home)
        if trusted is None:
            raise Problem(
                f"{self.home.kubeconfig} cannot be read.", "statelab down, then statelab up: it is written anew."
            )
        self.server = server
        self.connection.url = local.secure(server.url)
        self.connection.headers["Authorization"] = f"Bearer {server.token}"
        context = ssl.create_default_context(cadata=trusted)
        self.connection.pool = urllib3.PoolManager(maxsize=8, retries=False, ssl_context=context)

    def request(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        self._wake()
        return super().request(method, path, body, **more)

    def kubectl(
        self, line: str | Iterable[str], *, stdin: str | None = None, timeout_s: float = 120.0
    ) -> KubectlResult:
        self._wake()
        return super().kubectl(line, stdin=stdin, timeout_s=timeout_s)

    def _wake(self) -> None:
        """Start it where it ended because nobody asked anything. The pictures' threads do not: they are nobody."""
        if threading.current_thread() is threading.main_thread() and local.slept(self.home):
            self.start()

    @contextmanager
    def dns_address(self) -> Iterator[tuple[str, int]]:
        if self.server.dns_port is None:
            raise Problem("This server was started without DNS.", "Start it again with `statelab up`.")
        yield "127.0.0.1", self.server.dns_port

    @property
    def pace(self) -> float:
        return self.server.pace

    def why(self, what: str) -> str:
        kind, name = self.parse(what)
        params = {"resource": kind.plural, "namespace": self.namespace if kind.namespaced else "", "name": name}
        answer = self.request("GET", "/statelab/v1/why", params=params)
        return str(answer["text"])

    def history(self, since: int = 0) -> list[dict[str, Any]]:
        """The revisions after `since`: number, type, resource, key, object, who and why, when."""
        answer = self.request("GET", "/statelab/v1/history", params={"since": str(since)})
        revisions: list[dict[str, Any]] = answer["revisions"]
        return revisions

    def start(self) -> EmbeddedCluster:
        """Start the cluster again after its server has ended; everything in it is there as it was. Raises Problem."""
        self._come_to(local.start(self.home, pace=self.server.pace)[0])
        return self

    def mend_nodes(self) -> None:
        give_back(self)

    def stop_node(self, name: str) -> None:
        """Cut a node off: its kubelet falls silent, as when a machine loses its power. Raises RequestRefused."""
        self.request("POST", f"/statelab/v1/nodes/{name}/stop")

    def start_node(self, name: str) -> None:
        """Give a stopped node back. Raises RequestRefused for a node that is not there."""
        self.request("POST", f"/statelab/v1/nodes/{name}/start")
