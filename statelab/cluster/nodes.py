"""Nodes that a lesson took away and did not give back: its reader stopped half way."""

from __future__ import annotations

from typing import Protocol

from statelab.cluster import conditions
from statelab.cluster.names import path_of
from statelab.cluster.problem import Problem
from statelab.controlplane.kinds import KINDS, Objects

_OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


class HasNodes(Protocol):
    """A cluster whose nodes can be started."""

    def list(self, plural: str, labels: str = "", namespace: str | None = None) -> Objects: ...
    def request(self, method: str, path: str, body: object = None, *, content_type: str = ...) -> object: ...
    def start_node(self, name: str) -> None: ...


def give_back(cluster: HasNodes) -> None:
    """Start every node, uncordon every one that is cordoned, and take back that one is out of service. Raises as its
    requests do.

    A node that was stopped a moment ago is still called Ready: nobody has missed its heartbeat yet. So all are started,
    which means nothing to those that run.
    """
    for node in cluster.list("nodes"):
        name = str(node["metadata"]["name"])
        try:
            cluster.start_node(name)
        except Problem:
            if not conditions.is_true(node, "Ready"):
                raise
        taints = node["spec"].get("taints") or []
        kept = [each for each in taints if each["key"] != _OUT_OF_SERVICE]
        if node["spec"].get("unschedulable") or kept != taints:
            patch = {"spec": {"unschedulable": None, "taints": kept or None}}
            path = path_of(KINDS["nodes"], "", name)
            cluster.request("PATCH", path, patch, content_type="application/merge-patch+json")
