"""Explanations a lesson asks for: why a thing is so, and when its Pods started."""

from __future__ import annotations

from dataclasses import dataclass

from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import selector_text
from statelab.notebook import current
from statelab.notebook.telling.plain import wrapped


@dataclass(frozen=True)
class Explanation:
    """The chain of causes behind an object, as text that a notebook shows as it stands."""

    what: str
    text: str

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return wrapped(self.text)


def why(what: str) -> Explanation:
    """Why "pod/web-1" is as it is: who made it so, because of what, and what that came from.

    On the embedded cluster from its history, elsewhere from events and owners. Raises Problem for what is no object's
    name.
    """
    return Explanation(what, current().why(what))


@dataclass(frozen=True)
class Started:
    """When a Pod was created and when it became Ready, as timestamps ("" where it is not Ready)."""

    name: str
    created: str
    ready: str


def started(what: str) -> list[Started]:
    """The Pods of a workload ("sts/web") in the order of their creation."""
    owner = current().get(what)
    if owner is None:
        return []
    kind, _ = current().parse(what)
    selector = selector_text(owner["spec"].get("selector") or {}) if kind.plural != "pods" else ""
    pods = [
        Started(pod["metadata"]["name"], pod["metadata"]["creationTimestamp"], _ready_at(pod))
        for pod in _pods(selector)
    ]
    return sorted(pods, key=lambda pod: (pod.created, pod.name))


def _pods(selector: str) -> list[Object]:
    return current().list("pods", labels=selector)


def _ready_at(pod: Object) -> str:
    for condition in pod.get("status", {}).get("conditions") or ():
        if condition["type"] == "Ready" and condition["status"] == "True":
            return str(condition["lastTransitionTime"])
    return ""
