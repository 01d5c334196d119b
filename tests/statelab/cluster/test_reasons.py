"""Why, from events: of this very object, in the order of time, wherever they are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from statelab.cluster.cluster import Cluster
from statelab.cluster.connection import Connection


def event(reason: str, uid: str, **times: str) -> dict[str, Any]:
    about = {"kind": "Pod", "name": "web-0", "uid": uid}
    return {"metadata": {}, "involvedObject": about, "reason": reason, "message": "it is so", **times}


class Server(Connection):
    """An object, and events by their namespace."""

    def __init__(self, obj: dict[str, Any], **events: list[dict[str, Any]]) -> None:
        super().__init__("http://127.0.0.1:1")
        self.obj, self.events = obj, events

    def request(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        if path.endswith("/events"):
            return {"items": list(self.events.get(path.split("/")[-2], []))}
        return self.obj


def told(server: Server, what: str) -> list[str]:
    cluster = Cluster(server, context="none", kubeconfig=Path("none"), namespace="lesson")
    return [line.strip().partition(":")[0] for line in cluster.why(what).splitlines()]


def test_events_are_those_of_this_object_in_the_order_of_time_under_its_state() -> None:
    pod = {"kind": "Pod", "metadata": {"name": "web-0", "uid": "new"}, "spec": {}, "status": {"phase": "Running"}}
    events = [
        event("Pulled", "new", lastTimestamp="2026-09-30T10:00:05Z"),
        event("Killing", "old", lastTimestamp="2026-09-30T10:00:07Z"),
        event("Scheduled", "new", eventTime="2026-09-30T10:00:04.900000Z"),
        event("Started", "new", eventTime="2026-09-30T10:00:05.500000Z"),
    ]
    lines = told(Server(pod, lesson=events), "pod/web-0")
    assert lines[0].startswith("pod/web-0") and "none now" not in lines[0] and lines[0] != "pod/web-0"
    assert lines[1:-1] == ["Scheduled", "Pulled", "Started"]


def test_events_of_a_node_are_in_the_namespace_default_and_carry_its_name_for_a_uid() -> None:
    node = {"kind": "Node", "metadata": {"name": "kind-worker", "uid": "4f"}, "spec": {}, "status": {}}
    events = [event("NodeNotReady", "4f"), event("Starting", "kind-worker"), event("Removed", "of another")]
    lines = told(Server(node, default=events, lesson=[event("Nothing", "4f")]), "node/kind-worker")
    assert lines[1:-1] == ["NodeNotReady", "Starting"]
