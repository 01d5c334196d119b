"""A kind cluster named `statelab`, or any other through its kubeconfig context."""

from __future__ import annotations

import os
from pathlib import Path

from statelab.cluster.cluster import Cluster
from statelab.cluster.connection import from_kubeconfig
from statelab.cluster.problem import Problem

CONTEXT = "kind-statelab"


class KindCluster(Cluster):
    """A Cluster made by kind: real, so nothing of it is simulated."""

    place = "kind"


def connect_context(context: str | None, *, allow_any: bool = False) -> Cluster:
    """The cluster behind a kubeconfig context; one that is not kind's must be allowed explicitly. Raises Problem."""
    path = Path(os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or Path.home() / ".kube" / "config")
    if not path.exists():
        raise Problem(
            f"There is no kubeconfig at {path}.", "Make a cluster with `kind create cluster --name statelab`."
        )
    connection, name, namespace = from_kubeconfig(path, context)
    if name.startswith("kind-"):
        return KindCluster(connection, context=name, kubeconfig=path, namespace=namespace)
    if not allow_any:
        raise Problem(
            f"Context {name} is neither the embedded cluster nor a kind cluster; the course changes nothing there.",
            "If you are sure, say it twice: connect(context=…, allow_any=True).",
        )
    return Cluster(connection, context=name, kubeconfig=path, namespace=namespace)
