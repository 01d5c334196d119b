"""A volume without its claim: Available again, Released, deleted, or Failed with the reason.

Source: pkg/controller/volume/persistentvolume/pv_controller.go: syncVolume, reclaimVolume, unbindVolume;
pkg/volume/hostpath (its deleter).
"""

from __future__ import annotations

from statelab.controlplane.controllers.common.claims import BOUND_BY_CONTROLLER, PROVISIONED_BY, annotations_of
from statelab.controlplane.controllers.volume import recycling
from statelab.controlplane.controllers.volume.binding import set_volume_phase
from statelab.controlplane.controllers.volume.matching import modes_differ
from statelab.controlplane.kinds import Object
from statelab.controlplane.view import View


def sync_volume(volume: Object, view: View) -> None:
    """Make one volume's phase tell the truth, and reclaim it when its claim is gone."""
    reference = volume["spec"].get("claimRef")
    if reference is None:
        set_volume_phase(volume, "Available", view, why="no claim has it")
        return
    if not reference.get("uid"):
        set_volume_phase(volume, "Available", view, why="it is kept for a claim that has not taken it yet")
        return
    claim = view.get("persistentvolumeclaims", f"{reference['namespace']}/{reference['name']}")
    if claim is not None and claim["metadata"]["uid"] != reference["uid"]:
        claim = None  # another claim of the same name
    if claim is None:
        _release(volume, f"its claim {reference['namespace']}/{reference['name']} is gone", view)
    elif not claim["spec"].get("volumeName"):
        _tell_mismatch(volume, claim, view)  # else the claim's own pass binds them
    elif claim["spec"]["volumeName"] == volume["metadata"]["name"]:
        set_volume_phase(volume, "Bound", view, why=f"pvc/{reference['name']} has it")
    elif PROVISIONED_BY in annotations_of(volume) and _policy(volume) == "Delete":
        _release(volume, f"pvc/{reference['name']} is bound to another volume", view)
    else:
        _unbind(volume, f"pvc/{reference['name']} is bound to another volume", view)


def _policy(volume: Object) -> str:
    return str(volume["spec"].get("persistentVolumeReclaimPolicy", "Retain"))


def _tell_mismatch(volume: Object, claim: Object, view: View) -> None:
    if not modes_differ(volume, claim):
        return
    names = volume["metadata"]["name"], claim["metadata"]["name"]
    about_volume = f'Cannot bind PersistentVolume to requested PersistentVolumeClaim "{names[1]}" '
    about_claim = f'Cannot bind PersistentVolume "{names[0]}" to requested PersistentVolumeClaim '
    view.event(volume, "VolumeMismatch", about_volume + "due to incompatible volumeMode.", type="Warning")
    view.event(claim, "VolumeMismatch", about_claim + "due to incompatible volumeMode.", type="Warning")


def _release(volume: Object, why: str, view: View) -> None:
    if (volume.get("status") or {}).get("phase") not in ("Released", "Failed"):
        volume = set_volume_phase(volume, "Released", view, why=why)
    policy = _policy(volume)
    if policy == "Recycle":
        recycled = recycling.problem_or_done(volume, view)
        if isinstance(recycled, str):
            _fail(volume, "VolumeFailedRecycle", recycled, view)
        elif recycled:
            view.event(volume, "VolumeRecycled", "Volume recycled")
            _unbind(volume, f"{why}, and it was scrubbed", view)
    elif policy == "Delete" and PROVISIONED_BY not in annotations_of(volume):  # else its provisioner deletes it
        problem = _deletion_problem(volume)
        if problem is None:
            view.delete("persistentvolumes", volume, why=f"{why}, and its reclaim policy is Delete")
        else:
            _fail(volume, "VolumeFailedDelete", problem, view)


def _deletion_problem(volume: Object) -> str | None:
    """Why the control plane cannot delete what is stored there; None when it can."""
    path = (volume["spec"].get("hostPath") or {}).get("path")
    if path is None:
        name = volume["metadata"]["name"]
        return f'error getting deleter volume plugin for volume "{name}": no deletable volume plugin matched'
    if not path.startswith("/tmp/") or path == "/tmp/":
        return f"host_path deleter only supports /tmp/.+ but received provided {path}"
    return None


def _fail(volume: Object, reason: str, message: str, view: View) -> None:
    status = volume.get("status") or {}
    if status.get("phase") == "Failed" and status.get("message") == message:
        return
    failed = set_volume_phase(volume, "Failed", view, why=message, message=message)
    view.event(failed, reason, message, type="Warning")


def _unbind(volume: Object, why: str, view: View) -> None:
    """Make the volume free again. A claimRef that a user wrote stays, without the uid."""
    spec = {name: value for name, value in volume["spec"].items() if name != "claimRef"}
    metadata = dict(volume["metadata"])
    annotations = annotations_of(volume)
    if BOUND_BY_CONTROLLER in annotations:
        metadata["annotations"] = {k: v for k, v in annotations.items() if k != BOUND_BY_CONTROLLER}
    else:
        kept = ("kind", "namespace", "name", "apiVersion")
        spec["claimRef"] = {name: value for name, value in volume["spec"]["claimRef"].items() if name in kept}
    freed = view.update("persistentvolumes", {**volume, "metadata": metadata, "spec": spec}, why=why)
    set_volume_phase(freed, "Available", view, why=why)
