"""A whole control plane in virtual time, with the few verbs that the workload controllers' tests speak."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.kinds import Object
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View


class Cluster:
    """Objects are named without their namespace, which is `default`. `log`: what happened, `pods web-0 ADDED`."""

    def __init__(self) -> None:
        self.plane = ControlPlane()
        self.store, self.loop = self.plane.store, self.plane.loop
        self.log: list[str] = []
        self.events: list[Object] = []
        self.store.subscribe(self._note)

    def _note(self, revision: Revision) -> None:
        if revision.plural == "events":
            self.events.append(revision.object)
        else:
            self.log.append(f"{revision.plural} {revision.key.rpartition('/')[2]} {revision.type}")

    def view(self, actor: str) -> View:
        return self.plane.view(actor)

    def settle(self, seconds: float = 60.0) -> None:
        self.loop.run_for(seconds)

    # ---- reading

    def get(self, plural: str, name: str) -> Object:
        found = self.plane.get(plural, f"default/{name}")
        assert found is not None, f"there is no {plural}/{name}"
        return found

    def names(self, plural: str) -> list[str]:
        return [obj["metadata"]["name"] for obj in self.plane.list(plural, "default")]

    def messages(self, reason: str, kind: str | None = None) -> list[str]:
        """The messages of the events of that reason, in order, each once."""
        told = [e["message"] for e in self.events if e["reason"] == reason]
        return list(dict.fromkeys(told))

    # ---- writing

    def apply(self, obj: Object) -> Object:
        return self.plane.create(obj)

    def patch(self, plural: str, name: str, **spec: Any) -> None:
        self.plane.patch(plural, f"default/{name}", {"spec": spec})

    def change(self, plural: str, name: str, change: Callable[[Object], Any], subresource: str | None = None) -> None:
        obj = copy.deepcopy(self.get(plural, name))
        change(obj)
        self.plane.api.update(plural, obj, self.plane.options(), subresource)

    def image(self, plural: str, name: str, image: str) -> None:
        def set_image(obj: Object) -> None:
            obj["spec"]["template"]["spec"]["containers"][0]["image"] = image

        self.change(plural, name, set_image)

    def delete(self, plural: str, name: str, **options: Any) -> None:
        self.plane.delete(plural, f"default/{name}", **options)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()
