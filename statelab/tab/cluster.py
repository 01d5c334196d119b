"""The embedded cluster in the process that asks: what a notebook gets where there can be no server."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dns.message import Message

from statelab.cluster import looking
from statelab.cluster.clocks import Clock
from statelab.cluster.cluster import Cluster
from statelab.cluster.connection import Connection
from statelab.cluster.custom import kind_called
from statelab.cluster.embedded_transport import HOST, Pool
from statelab.cluster.kubectl import KubectlResult
from statelab.cluster.kubectl_live import OnText
from statelab.cluster.nodes import give_back
from statelab.cluster.paths import find_home
from statelab.cluster.problem import Problem
from statelab.controlplane import ControlPlane
from statelab.controlplane.dns import answer
from statelab.controlplane.kinds import Object
from statelab.controlplane.store import Revision
from statelab.tab.driver import Driver, sleeper
from statelab.tab.lines import Lines

_ELSEWHERE = "It can be done where StateLab is installed: see the course's first page for how."


class TabCluster(Cluster):
    """As EmbeddedCluster, but its control plane is here, and lives as long as the kernel does."""

    place = "embedded"
    is_own = True
    can_stop_nodes = True

    def __init__(self, plane: ControlPlane) -> None:
        pool: Any = Pool(plane)
        super().__init__(Connection(HOST, pool=pool), context="statelab", kubeconfig=Path(os.devnull))
        self.plane = plane
        self.driver = Driver(plane)
        self._lines = Lines(plane)

    def __repr__(self) -> str:
        return f"<embedded cluster in this tab, namespace {self.namespace}>"

    def request(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        self.driver.step()
        return super().request(method, path, body, **more)

    # ---- kubectl

    def kubectl(
        self, line: str | Iterable[str], *, stdin: str | None = None, timeout_s: float = 120.0
    ) -> KubectlResult:
        parts: dict[str, list[str]] = {"stdout": [], "stderr": []}
        words = line if isinstance(line, str) else list(line)
        code = self.kubectl_live(words, lambda name, text: parts[name].append(text), stdin=stdin, timeout_s=timeout_s)
        return KubectlResult(code, "".join(parts["stdout"]), "".join(parts["stderr"]))

    def kubectl_live(
        self, line: str | Sequence[str], on_text: OnText, *, stdin: str | None = None, timeout_s: float | None = None
    ) -> int:
        looking.check_line(line)
        self.driver.step()
        return self._lines.run(line, self.namespace, on_text, stdin=stdin, timeout_s=timeout_s)

    # ---- what only the embedded one can do

    @contextmanager
    def asking_dns(self) -> Iterator[Any]:
        def ask(query: Message) -> Message:
            self.driver.step()
            return answer(query, self.plane.store)

        yield ask

    def _pause(self, seconds: float) -> None:
        self.driver.pause(seconds)

    @property
    def pace(self) -> float:
        return self.plane.loop.pace or 1.0

    @property
    def clock(self) -> Clock:
        return self.driver

    def why(self, what: str) -> str:
        kind, name = self.parse(what)
        params = {"resource": kind.plural, "namespace": self.namespace if kind.namespaced else "", "name": name}
        return str(self.request("GET", "/statelab/v1/why", params=params)["text"])

    def history(self, since: int = 0) -> list[dict[str, Any]]:
        said = self.request("GET", "/statelab/v1/history", params={"since": str(since)})
        found: list[dict[str, Any]] = said["revisions"]
        return found

    def start(self) -> TabCluster:
        return self

    def mend_nodes(self) -> None:
        give_back(self)

    def stop_node(self, name: str) -> None:
        self.request("POST", f"/statelab/v1/nodes/{name}/stop")

    def start_node(self, name: str) -> None:
        self.request("POST", f"/statelab/v1/nodes/{name}/start")

    def dns_address(self) -> Any:
        raise Problem("In a browser tab nothing can be reached over a socket.", _ELSEWHERE)

    # ---- what a picture watches

    def follow(self, plurals: Iterable[str], on_event: Callable[[str, str, Object], None]) -> Callable[[], None]:
        """Call `on_event(type, plural, object)` for each change in the namespace from now on, after each step."""
        namespace = self.namespace
        wanted = {kind.plural: kind.namespaced for kind in (kind_called(self, each) for each in plurals)}

        def take(revision: Revision) -> None:
            plural = revision.plural
            if plural in wanted and (not wanted[plural] or revision.key.partition("/")[0] == namespace):
                changes.append((revision.type, plural, revision.object))

        changes: list[tuple[str, str, Object]] = []
        stop_hearing = self.plane.store.subscribe(take)

        def look() -> None:
            taken, changes[:] = list(changes), []
            for type, plural, obj in taken:
                on_event(type, plural, obj)

        stop_looking = self.driver.listen(look)

        def stop() -> None:
            stop_hearing()
            stop_looking()

        return stop


_here: list[TabCluster] = []


def _tell_of_earlier() -> None:
    """A kernel that was closed or reloaded took its cluster with it: say so to who had one here before."""
    mark = find_home().folder / "tab"
    with suppress(OSError):
        if mark.exists():
            print("The cluster begins anew with this kernel: what you applied before is not in it. Your files are.")
        else:
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()


def connect_in_tab(place: str | None = None) -> TabCluster:
    """The cluster of this tab, made when there is none. Raises Problem for a place that a tab cannot reach."""
    place = place or os.environ.get("STATELAB_CLUSTER") or "embedded"
    if place != "embedded":
        raise Problem(f"A browser tab cannot reach {place}: the course's own cluster runs in it.", _ELSEWHERE)
    if not _here:
        _tell_of_earlier()
        made = TabCluster(ControlPlane(pace=float(os.environ.get("STATELAB_PACE", "1"))))
        _here.append(made)
        if sys.platform == "emscripten":
            time.sleep = sleeper(made.driver)
    return _here[0]
