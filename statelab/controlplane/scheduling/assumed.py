"""What the scheduler has decided of volumes: the cluster as it will be when that is written, and the writing.

A volume that is about to be reserved is free no more, and a claim whose node is chosen has it: the next Pod is judged
by that. Source: pkg/scheduler/util/assumecache, pkg/scheduler/framework/plugins/volumebinding/binder.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from statelab.controlplane.controllers.volume.binding import reserved, with_annotations
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.kubelet.env import Reader
from statelab.controlplane.scheduling.volumes import SELECTED_NODE, Decision
from statelab.controlplane.view import View

_DEVICES = "resourceclaims"


class Assumed:
    """A Reader. What is assumed of an object holds until it is written, by whomever, or forgotten."""

    def __init__(self, cluster: Reader) -> None:
        self._cluster = cluster
        self._objects: dict[tuple[str, str], Object] = {}

    def assume(self, decision: Decision, node: str) -> None:
        self._objects |= {(plural, key_of(obj)): obj for plural, obj in _decided(decision, node)}
        for claim in decision.devices:  # one that has devices already may be used by several at once
            stored = self._cluster.get(_DEVICES, key_of(claim))
            if stored is None or not (stored.get("status") or {}).get("allocation"):
                self._objects[_DEVICES, key_of(claim)] = claim

    def forget(self, decision: Decision) -> None:
        for plural, obj in [*_decided(decision, ""), *((_DEVICES, claim) for claim in decision.devices)]:
            if plural != _DEVICES or self.is_assumed(plural, obj):
                self._objects.pop((plural, key_of(obj)), None)

    def is_assumed(self, plural: str, obj: Object) -> bool:
        """Whether an object is as it will be, and not written yet."""
        return self._objects.get((plural, key_of(obj))) is obj

    def get(self, plural: str, key: str) -> Object | None:
        found = self._cluster.get(plural, key)
        assumed = self._objects.get((plural, key)) if self._objects else None
        if assumed is None or found is None:
            return found
        same = found["metadata"]["resourceVersion"] == assumed["metadata"]["resourceVersion"]
        return assumed if same else found

    def list(self, plural: str, namespace: str = "") -> list[Object]:
        found = self._cluster.list(plural, namespace)
        if plural != _DEVICES or not self._objects:
            return found
        # Those of extended resources are made with the binding: nothing of that name is stored.
        to_be_made = [each for (kind, key), each in self._objects.items() if kind == plural and "<" in key]
        return [*found, *(each for each in to_be_made if namespace in ("", each["metadata"]["namespace"]))]


def write(decision: Decision, node: str, pod_name: str, view: View) -> None:
    """Tell the volume controller: which volume is for which claim, which node was chosen. Raises ApiError.

    What another Pod of the same claim has written already is not written again.
    """
    whys = {
        "persistentvolumes": f"{pod_name} will use it on {node}",
        "persistentvolumeclaims": f"{pod_name}, its first consumer, goes to {node}",
    }
    for plural, obj in _decided(decision, node):
        now = view.get(plural, key_of(obj))
        if now is None or not _says_the_same(now, obj):
            view.update(plural, obj, why=whys[plural])


def _says_the_same(now: Object, wanted: Object) -> bool:
    def said(obj: Object) -> tuple[object, object]:
        reference = obj["spec"].get("claimRef") or {}
        return reference.get("uid"), (obj["metadata"].get("annotations") or {}).get(SELECTED_NODE)

    return said(now) == said(wanted)


def _decided(decision: Decision, node: str) -> Iterator[tuple[str, Object]]:
    """The volumes with their claimRefs and the claims with their node: the volume controller will do the rest."""
    for volume, claim in decision.reserve:
        yield "persistentvolumes", reserved(volume, claim)
    for claim in decision.provision:
        yield "persistentvolumeclaims", with_annotations(claim, {SELECTED_NODE: node})
