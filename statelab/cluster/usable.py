"""Whether a real cluster can be used for a lesson: its nodes, its DNS, its default StorageClass."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from statelab.cluster import conditions
from statelab.cluster.connection import RequestRefused
from statelab.cluster.portforward import has_dns
from statelab.cluster.problem import Problem
from statelab.cluster.steps import Steps

if TYPE_CHECKING:
    from statelab.cluster.cluster import Cluster

_LOOK_AGAIN_S = 1.0
_LOOK_FOR_A_REASON_S = 30.0  # a healthy kind cluster is usable by then


def lacks(cluster: Cluster, nodes: int = 1) -> list[str]:
    """What it still lacks, each in a few words; [] when it can be used. Raises Problem or RequestRefused."""
    found: list[str] = []
    there = cluster.list("nodes")
    ready = [node for node in there if conditions.is_true(node, "Ready")]
    if len(there) < nodes or len(ready) < len(there):
        found.append(f"{len(ready)} of {max(nodes, len(there))} nodes are Ready")
    if not has_dns(cluster):
        found.append("no Pod of CoreDNS is Ready")
    if cluster.default_storage_class() is None:
        found.append("there is no default StorageClass")
    if cluster.get("serviceaccount/default", namespace="default") is None:
        found.append("namespace default has no service account yet")
    return found


def wait_until_usable(
    cluster: Cluster, steps: Steps, *, nodes: int, timeout_s: float, why_not: Callable[[], Problem | None]
) -> None:
    """Wait for all of it, telling what is waited for.

    Raises Problem when it takes longer than `timeout_s`, and what `why_not` finds, asked now and then and at the end.
    """
    deadline_s = time.monotonic() + timeout_s
    look_s = time.monotonic() + min(_LOOK_FOR_A_REASON_S, timeout_s)
    steps.now("Looking whether nodes, DNS and storage are ready")
    while True:
        try:
            missing = lacks(cluster, nodes)
        except (Problem, RequestRefused) as problem:
            missing = [str(problem).splitlines()[0].rstrip(".")]
        if not missing:
            return
        if time.monotonic() > look_s:
            look_s += _LOOK_FOR_A_REASON_S
            if (reason := why_not()) is not None:
                raise reason
        if time.monotonic() > deadline_s:
            raise Problem(
                f"The cluster runs and is not ready after {timeout_s:.0f} s: {'; '.join(missing)}.",
                "Run this again to go on waiting, or `statelab down --cluster kind` to begin again. "
                "If memory is short: three nodes want 4 GiB.",
            )
        steps.now(f"Waiting: {'; '.join(missing)}")
        time.sleep(_LOOK_AGAIN_S)
