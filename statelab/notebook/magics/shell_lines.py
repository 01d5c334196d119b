"""`!kubectl get pods`: a line that the notebook gives to the shell means the same cluster and namespace as %kubectl."""

from __future__ import annotations

import atexit
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from statelab.cluster import Cluster
from statelab.cluster.kubectl import write_front


def keep_pointed(shell: Any) -> None:
    """Before each cell, let this kernel's environment name the cluster that was connected last, and its namespace.

    What the environment named before comes after it, so that its contexts are still found.
    """
    folder = TemporaryDirectory(prefix="statelab-")
    atexit.register(folder.cleanup)
    front = Path(folder.name, "kubeconfig")
    theirs = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

    def before_a_cell(*_: Any) -> None:
        from statelab.notebook import connected

        cluster = connected()
        if cluster is not None:
            _point(front, cluster, theirs)

    shell.events.register("pre_run_cell", before_a_cell)


def _point(front: Path, cluster: Cluster, theirs: str) -> None:
    try:
        is_there = write_front(front, cluster.kubeconfig, cluster.context, cluster.namespace)
    except (OSError, ValueError, AttributeError):  # a kubeconfig that is gone, or none, is told by what needs it
        return
    if is_there:
        os.environ["KUBECONFIG"] = os.pathsep.join([str(front), str(cluster.kubeconfig), theirs])
