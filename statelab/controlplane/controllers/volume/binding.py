"""The four writes that bind a claim and a volume to each other, each made only where it changes something.

Source: pkg/controller/volume/persistentvolume/pv_controller.go: bind, updateBindVolumeToClaim, bindClaimToVolume,
updateClaimStatus, updateVolumePhase.
"""

from __future__ import annotations

from statelab.controlplane.clock import timestamp
from statelab.controlplane.controllers.common.claims import (
    BIND_COMPLETED,
    BOUND_BY_CONTROLLER,
    annotations_of,
    is_reserved_for,
)
from statelab.controlplane.kinds import Object
from statelab.controlplane.quantity import nanos
from statelab.controlplane.view import View


def bind(volume: Object, claim: Object, view: View) -> None:
    """Make the claim and the volume name each other, and both say that they are Bound. Raises ApiError."""
    names = f"pvc/{claim['metadata']['name']}", f"pv/{volume['metadata']['name']}"
    volume = _volume_to_claim(volume, claim, view, why=f"{names[0]} takes it")
    volume = set_volume_phase(volume, "Bound", view, why=f"{names[0]} has it")
    claim = _claim_to_volume(claim, volume, view, why=f"{names[1]} is its volume")
    set_claim_phase(claim, "Bound", volume, view, why=f"{names[1]} is its volume")


def _volume_to_claim(volume: Object, claim: Object, view: View, *, why: str) -> Object:
    bound = reserved(volume, claim)
    return view.update("persistentvolumes", bound, why=why) if bound is not volume else volume


def reserved(volume: Object, claim: Object) -> Object:
    """The volume with a claimRef to the claim; itself where it has that already."""
    was_reserved = is_reserved_for(volume, claim)
    bound = volume
    if not was_reserved or volume["spec"]["claimRef"].get("uid") != claim["metadata"]["uid"]:
        bound = {**volume, "spec": {**volume["spec"], "claimRef": claim_reference(claim)}}
    return bound if was_reserved else with_annotations(bound, {BOUND_BY_CONTROLLER: "yes"})


def claim_reference(claim: Object) -> Object:
    metadata = claim["metadata"]
    return {
        "kind": "PersistentVolumeClaim",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "apiVersion": "v1",
        "resourceVersion": metadata["resourceVersion"],
    }


def _claim_to_volume(claim: Object, volume: Object, view: View, *, why: str) -> Object:
    bound, name = claim, volume["metadata"]["name"]
    marks = {BIND_COMPLETED: "yes"}
    if claim["spec"].get("volumeName") != name:
        bound = {**claim, "spec": {**claim["spec"], "volumeName": name}}
        marks[BOUND_BY_CONTROLLER] = "yes"
    bound = with_annotations(bound, marks)
    return view.update("persistentvolumeclaims", bound, why=why) if bound is not claim else claim


def with_annotations(obj: Object, wanted: dict[str, str]) -> Object:
    """A copy with the annotations that are missing; the object itself when none is."""
    present = annotations_of(obj)
    if all(present.get(name) == value for name, value in wanted.items()):
        return obj
    return {**obj, "metadata": {**obj["metadata"], "annotations": {**present, **wanted}}}


def set_volume_phase(volume: Object, phase: str, view: View, *, why: str, message: str = "") -> Object:
    """Write a volume's phase and message. The volume as it is then."""
    status = volume.get("status") or {}
    if status.get("phase") == phase and (status.get("message") or "") == message:
        return volume
    changed: Object = {"phase": phase}
    if message:
        changed["message"] = message
    same = status.get("phase") == phase and "lastPhaseTransitionTime" in status
    changed["lastPhaseTransitionTime"] = status["lastPhaseTransitionTime"] if same else timestamp(view.now_s)
    return view.update_status("persistentvolumes", {**volume, "status": changed}, why=why)


def set_claim_phase(claim: Object, phase: str, volume: Object | None, view: View, *, why: str) -> Object:
    """Write a claim's phase, and of its volume the access modes and the capacity. The claim as it is then."""
    before: Object = claim.get("status") or {}
    status = {name: value for name, value in before.items() if name not in ("phase", "accessModes", "capacity")}
    changed: Object = {"phase": phase}
    if volume is not None:
        changed["accessModes"] = list(volume["spec"].get("accessModes") or ())
        changed["capacity"] = _capacity(before, phase, volume)
    changed |= status
    if changed == before:
        return claim
    return view.update_status("persistentvolumeclaims", {**claim, "status": changed}, why=why)


def _capacity(before: Object, phase: str, volume: Object) -> Object:
    """A claim that is bound already keeps its own: it may lag behind on purpose while a file system grows."""
    present: Object | None = before.get("capacity")
    offered: Object = volume["spec"].get("capacity") or {}
    if present is None or "storage" not in present:
        return dict(offered)
    if before.get("phase") == phase or nanos(present["storage"]) == nanos(offered.get("storage", "0")):
        return present
    return dict(offered)
