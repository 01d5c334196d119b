"""Why a node of a kind cluster is not up: its kubelet's own words, asked through the engine, before anybody guesses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from statelab.cluster.engine import Engine, Node
from statelab.cluster.engine_errors import TOO_FEW_WATCHES, explain
from statelab.cluster.problem import Problem

# Each node has a systemd, a containerd and a kubelet that watch files: three nodes take about 60, two clusters 120.
ENOUGH_INSTANCES = 512
_INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
_LINES = "200"


def why_not_up(engine: Engine, nodes: Sequence[Node]) -> Problem | None:
    """What the kubelets say that keeps a node down, where we know what it means; None where they say nothing of it."""
    for node in nodes:
        try:
            said = engine.run(
                "exec", node.name, "journalctl", "--unit", "kubelet", "--no-pager", "--output", "cat", "--lines", _LINES
            )
        except Problem:
            continue
        if any(word in said.lower() for word in TOO_FEW_WATCHES):
            found = explain(engine.name, said, "")
            return Problem(f"The kubelet of {node.name} does not start. {found.what}", found.next_step)
    return None


def watch_limit(path: Path = _INSTANCES) -> int | None:
    """How many inotify instances a user may have here; None where that cannot be read (not Linux)."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
