"""Waiting for objects, against an API server that is a list of answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from statelab.cluster.cluster import Cluster
from statelab.cluster.connection import Connection, RequestRefused


def pod(uid: str) -> dict[str, Any]:
    return {"kind": "Pod", "metadata": {"name": "web-0", "uid": uid, "resourceVersion": "1"}, "spec": {}, "status": {}}


class Answers(Connection):
    """Gives the next object for every GET, and a watch that ends at once."""

    def __init__(self, *objects: dict[str, Any] | None) -> None:
        super().__init__("http://127.0.0.1:1")
        self.left = list(objects)

    def request(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        found = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        if found is None:
            raise RequestRefused(404, {"message": "not found"})
        return found

    def stream(self, path: str, params: dict[str, str], *, read_timeout_s: float = 0.0) -> Iterator[Any]:
        yield from ()


def cluster(*objects: dict[str, Any] | None) -> Cluster:
    return Cluster(Answers(*objects), context="none", kubeconfig=Path("none"))


def test_a_pod_whose_successor_has_its_name_already_was_deleted():
    assert cluster(pod("old"), pod("old"), pod("new")).wait("pod/web-0", "Deleted", timeout_s=5) is None


def test_a_pod_that_is_gone_was_deleted():
    assert cluster(pod("old"), None).wait("pod/web-0", "Deleted", timeout_s=5) is None
