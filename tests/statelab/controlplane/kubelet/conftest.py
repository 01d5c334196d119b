"""A cluster in virtual time, and Pods of one container to run on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.kinds import Object

BUSYBOX = "busybox:1.36"


class Cluster(ControlPlane):
    """A ControlPlane, and what a test does with and asks about Pods of one container, `main`."""

    def start(
        self, name: str = "p", image: str = "nginx:1.27", *, container: Object | None = None, **spec: Any
    ) -> None:
        self.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": image, **(container or {})}], **spec},
            }
        )

    def start_shell(self, script: str, name: str = "p", *, container: Object | None = None, **spec: Any) -> None:
        """A Pod that runs a script in busybox."""
        command = {"command": ["sh", "-c", script]}
        self.start(name, BUSYBOX, container={**command, **(container or {})}, **spec)

    def pod(self, name: str = "p") -> Object | None:
        return self.get("pods", f"default/{name}")

    def status(self, name: str = "p") -> Object:
        found = self.pod(name)
        assert found is not None, f"there is no Pod {name}"
        return found["status"]  # type: ignore[no-any-return]

    def main(self, name: str = "p") -> Object:
        """The status of its only container."""
        found = self.status(name).get("containerStatuses")
        return dict(found[0]) if found else {"restartCount": 0, "state": {}, "lastState": {}}

    def is_ready(self, name: str = "p") -> bool:
        conditions = self.status(name).get("conditions") or ()
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    def run_until(self, condition: Callable[[], bool], timeout_s: float = 120.0) -> None:
        assert self.when(condition, timeout_s=timeout_s), "it did not come to that"

    def told(self, name: str = "p") -> list[str]:
        """`reason: message` of each event about a Pod, in the order in which they were first told."""
        found = [each for each in self.list("events", "default") if each["involvedObject"]["name"] == name]
        found.sort(key=lambda each: int(each["metadata"]["name"].rpartition(".")[2], 16))
        return [f"{each['reason']}: {each['message']}" for each in found]

    def logs(self, name: str = "p", container: str = "main", *, previous: bool = False) -> list[str]:
        for kubelet in self.kubelets.values():
            find = kubelet.previous if previous else kubelet.container
            found = find(f"default/{name}", container)
            if found is not None:
                return [line.text for line in found.logs]
        return []

    def phases(self, name: str = "p") -> list[str]:
        """The phases it has gone through."""
        found = [
            each.object["status"].get("phase", "")
            for each in self.store.history
            if each.plural == "pods" and each.key == f"default/{name}"
        ]
        return [phase for index, phase in enumerate(found) if index == 0 or found[index - 1] != phase]


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()
