"""Which PersistentVolume fits a claim: pure functions, used by the volume controller and by the scheduler.

Source: component-helpers/storage/volume/pv_helpers.go (FindMatchingVolume), pkg/controller/volume/persistentvolume
(index.go, pv_controller.go: checkVolumeSatisfyClaim), component-helpers/scheduling/corev1/nodeaffinity.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.controllers.common.claims import class_name, is_reserved_for
from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import selector_of
from statelab.controlplane.quantity import nanos
from statelab.controlplane.scheduling.nodematch import matches_selector


def best_volume(
    claim: Object, volumes: Iterable[Object], *, only_reserved: bool = False, node: Object | None = None
) -> Object | None:
    """The volume to bind the claim to: one that is reserved for it, else the smallest that fits, else None.

    `only_reserved`: a claim that waits for its first consumer is matched by the scheduler, not by the controller.
    `node`: consider only volumes that this Node can reach; a reserved one it cannot reach is no match at all.
    """
    fitting = [volume for volume in volumes if _may_hold(volume, claim)]
    fitting.sort(key=lambda volume: (len(_modes(volume)), _size(volume), volume["metadata"]["name"]))
    for volume in fitting:
        if is_reserved_for(volume, claim):
            return volume if node is None or is_reachable(volume, node) else None
    if only_reserved and node is None:
        return None
    selector = claim["spec"].get("selector")
    selects = selector_of(selector) if selector is not None else None
    for volume in fitting:
        if (
            volume["spec"].get("claimRef") is None
            and volume.get("status", {}).get("phase") == "Available"
            and (selects is None or selects(volume["metadata"].get("labels") or {}))
            and class_name(volume) == class_name(claim)
            and (node is None or is_reachable(volume, node))
        ):
            return volume
    return None


def _may_hold(volume: Object, claim: Object) -> bool:
    return (
        "deletionTimestamp" not in volume["metadata"]
        and (volume["spec"].get("claimRef") is None or is_reserved_for(volume, claim))
        and _size(volume) >= requested(claim)
        and _mode(volume) == _mode(claim)
        and set(claim["spec"].get("accessModes") or ()) <= set(_modes(volume))
    )


def mismatch(volume: Object, claim: Object) -> str | None:
    """Why a volume that the claim names cannot be its own, in the words of the VolumeMismatch event; None if it can."""
    if _size(volume) < requested(claim):
        return "requested PV is too small"
    if class_name(volume) != class_name(claim):
        return "storageClassName does not match"
    if _mode(volume) != _mode(claim):
        return "incompatible volumeMode"
    if not set(claim["spec"].get("accessModes") or ()) <= set(_modes(volume)):
        return "incompatible accessMode"
    return None


def requested(claim: Object) -> int:
    """Bytes asked for."""
    resources = claim["spec"].get("resources") or {}
    return nanos((resources.get("requests") or {}).get("storage", "0"))


def _size(volume: Object) -> int:
    return nanos((volume["spec"].get("capacity") or {}).get("storage", "0"))


def _modes(volume: Object) -> list[str]:
    return list(volume["spec"].get("accessModes") or ())


def modes_differ(volume: Object, claim: Object) -> bool:
    return _mode(volume) != _mode(claim)


def _mode(obj: Object) -> str:
    return str(obj["spec"].get("volumeMode") or "Filesystem")


def is_reachable(volume: Object, node: Object) -> bool:
    """The Node's labels match the volume's nodeAffinity (terms are alternatives)."""
    required = (volume["spec"].get("nodeAffinity") or {}).get("required")
    if required is None:
        return True
    return matches_selector(required, node)
