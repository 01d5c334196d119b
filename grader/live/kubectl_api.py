"""A trial's namespace on a real cluster as kubectl speaks with it: one namespace, under the name the learner knows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from grader.live.admission import refuse_outside
from grader.live.cluster import LiveCluster
from grader.seen import Seen
from grader.trial import Trial
from statelab.kubectl.api import Execution, Ran
from statelab.kubectl.over_http import OverHttp
from statelab.kubectl.problems import Fail

_IN_NAMESPACE = re.compile(r"(/namespaces/)([^/]+)(?=/|\Z)")
_PLURAL = re.compile(r"/(?:api/v1|apis/[^/]+/[^/]+)/([^/]+)")


class _Names:
    """Paths and bodies, out to the cluster and back."""

    def __init__(self, cluster: LiveCluster) -> None:
        self._names = cluster.names

    def path(self, method: str, path: str) -> str:
        """Raises Fail for another namespace, NotHere for a write to what is in none."""
        found = _IN_NAMESPACE.search(path)
        if found is None or (found.start() == path.find("/namespaces") and path.count("/") <= 4):
            plural = _PLURAL.match(path)
            if method != "GET" and plural is not None:
                refuse_outside(plural[1])
            if found is None:
                return path
        if found[2] != self._names.logical:
            raise Fail(f'namespaces "{found[2]}" is not where this task takes place')
        return path[: found.start(2)] + self._names.real + path[found.end(2) :]

    def outward(self, value: Any) -> Any:
        value = self._names.outward(value) if isinstance(value, dict | list) else value
        if isinstance(value, dict) and isinstance(value.get("metadata"), dict) and "namespace" in value["metadata"]:
            return {**value, "metadata": {**value["metadata"], "namespace": self._names.real}}
        return value

    def inward(self, value: Any) -> Any:
        return self._names.inward(value)


def api_of(trial: Trial) -> OverHttp:
    """The trial's cluster as an Api; commands run in containers as every trial runs them."""
    assert isinstance(trial.cluster, LiveCluster)

    def run_in(namespace: str, pod: str, container: str, command: Sequence[str], stdin: bytes | None) -> Execution:
        seen = trial.get(f"pod/{pod}") or Seen("pods", {"metadata": {"name": pod, "namespace": namespace}})
        ran = trial.place.exec(trial, seen, container, command)
        output = [(name, text.encode()) for name, text in (("stdout", ran.out), ("stderr", ran.error)) if text]
        return Execution(output, Ran(ran.code))

    return OverHttp(trial.cluster.requests.connection, run_in, _Names(trial.cluster))
