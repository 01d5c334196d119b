"""Who carries a kubectl line out where there is no such program: statelab.kubectl, once it has named itself here.

It stands above this package, so it cannot be called by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from statelab.cluster.kubectl import KubectlResult, find_kubectl

if TYPE_CHECKING:
    from statelab.cluster.cluster import Cluster

OnText = Callable[[str, str], None]  # "stdout" or "stderr", and what was written there
Run = Callable[["Cluster", Sequence[str], str | None, OnText, float | None], int]  # words, stdin, …, timeout in seconds

_runs: list[Run] = []


def register(run: Run) -> None:
    """Let `run` carry lines out where there is no program."""
    _runs[:] = [run]


def stand_in() -> Run | None:
    """Who carries lines out instead of the program; None where there is one, or nobody has named itself."""
    return _runs[0] if _runs and find_kubectl() is None else None


def result_of(run: Run, cluster: Cluster, words: Sequence[str], stdin: str | None, timeout_s: float) -> KubectlResult:
    """All that a line writes."""
    said: dict[str, list[str]] = {"stdout": [], "stderr": []}
    code = run(cluster, words, stdin, lambda name, text: said[name].append(text), timeout_s)
    return KubectlResult(code, "".join(said["stdout"]), "".join(said["stderr"]))
