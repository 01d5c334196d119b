"""One Cluster over three places to run: the embedded one, kind, and whatever a kubeconfig names."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from statelab.cluster.paths import Home, find_home
from statelab.cluster.problem import Problem

if TYPE_CHECKING:
    from statelab.cluster.cluster import Cluster
    from statelab.cluster.connection import RequestRefused
    from statelab.cluster.dns_answer import DnsAnswer
    from statelab.cluster.kubectl import KubectlResult

# On demand: the server's command line imports this package too, and needs no HTTP client to be ready.
_ON_DEMAND = {
    "Cluster": "cluster",
    "DnsAnswer": "dns_answer",
    "KubectlResult": "kubectl",
    "RequestRefused": "connection",
}


def __getattr__(name: str) -> Any:
    if name in _ON_DEMAND:
        return getattr(import_module(f"statelab.cluster.{_ON_DEMAND[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def connect(place: str | None = None, *, allow_any: bool = False) -> Cluster:
    """The cluster to work on: "embedded" (started if it does not run), "kind", or "context:NAME" of a kubeconfig.

    Without `place`, `STATELAB_CLUSTER` decides; without that, "embedded". A context that no tool for one's own machine
    made needs `allow_any`. Raises Problem when there is none to be had.
    """
    place = place or os.environ.get("STATELAB_CLUSTER") or "embedded"
    if place == "embedded":
        from statelab.cluster import local
        from statelab.cluster.embedded import EmbeddedCluster

        home = find_home()
        server, _ = local.start(home, pace=float(os.environ.get("STATELAB_PACE", "1")))
        return EmbeddedCluster(home, server)
    from statelab.cluster.kind import connect_context, connect_kind

    if place == "kind":
        return connect_kind()
    return connect_context(place.removeprefix("context:"), allow_any=allow_any)


__all__ = ["Cluster", "DnsAnswer", "Home", "KubectlResult", "Problem", "RequestRefused", "connect", "find_home"]
