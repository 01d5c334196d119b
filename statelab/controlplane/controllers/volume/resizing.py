"""external-resizer beside the driver: a claim that asks for more gets it in two steps, the volume's and the kubelet's.

Source: kubernetes-csi/external-resizer pkg/controller/{controller,expand_and_recover,resize_status}.go; the states are
KEP-1790's.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.clock import timestamp
from statelab.controlplane.controllers.common.memory import Memory
from statelab.controlplane.controllers.common.pods import is_terminating
from statelab.controlplane.controllers.volume import hostpath
from statelab.controlplane.controllers.volume.matching import requested
from statelab.controlplane.kinds import Object
from statelab.controlplane.manager import Controller
from statelab.controlplane.quantity import nanos
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

IN_PROGRESS, PENDING, ON_NODE = "ControllerResizeInProgress", "NodeResizePending", "NodeResizeInProgress"
_RESIZING, _FILE_SYSTEM = "Resizing", "FileSystemResizePending"
_WAITING = "Waiting for user to (re-)start a pod to finish file system resize of volume on node."
_COMPONENT = f"external-resizer {hostpath.NAME}"
_EXPAND_S = 0.5  # a call to the driver

_due: Memory[dict[str, float]] = Memory(lambda view: {})


def reconcile(key: str, view: View) -> float | None:
    """Bring one claim that wants to grow a step further."""
    claim, due = view.get("persistentvolumeclaims", key), _due(view)
    volume = _volume_to_grow(claim, view) if claim is not None else None
    if claim is None or volume is None:
        due.pop(key, None)
        return None
    name = volume["metadata"]["name"]
    if state_of(claim) in (None, PENDING):
        claim = _mark(claim, IN_PROGRESS, view, condition={"type": _RESIZING}, why=f"pv/{name} is being made bigger")
        view.event(claim, "Resizing", f"External resizer is resizing volume {name}", component=_COMPONENT)
    if key not in due:
        due[key] = view.now_s + _EXPAND_S
    if view.now_s < due[key]:
        return due[key] - view.now_s
    del due[key]
    size = claim["status"]["allocatedResources"]["storage"]
    if nanos(size) > nanos(volume["spec"]["capacity"]["storage"]):
        spec = {**volume["spec"], "capacity": {**volume["spec"]["capacity"], "storage": size}}
        view.update("persistentvolumes", {**volume, "spec": spec}, why=f"the driver has made it {size}")
    condition, why = {"type": _FILE_SYSTEM, "message": _WAITING}, f"pv/{name} has room for a larger file system"
    claim = _mark(claim, PENDING, view, condition=condition, size=size, why=why)
    message = "Require file system resize of volume on node"
    view.event(claim, "FileSystemResizeRequired", message, component=_COMPONENT)
    return None


def state_of(claim: Object) -> str | None:
    """How far the growing has come; None when the claim does not grow."""
    states = (claim.get("status") or {}).get("allocatedResourceStatuses") or {}
    found: str | None = states.get("storage")
    return found


def finished(claim: Object, volume: Object, view: View) -> Object:
    """The kubelet has made the file system as large as the volume: the claim says so. The claim as it is then."""
    status = {name: value for name, value in claim["status"].items() if name != "conditions"}
    others = [each for each in claim["status"].get("conditions") or () if each["type"] not in (_RESIZING, _FILE_SYSTEM)]
    if others:
        status["conditions"] = others
    states = {key: value for key, value in status.pop("allocatedResourceStatuses", {}).items() if key != "storage"}
    if states:
        status["allocatedResourceStatuses"] = states
    status["capacity"] = {**(status.get("capacity") or {}), "storage": volume["spec"]["capacity"]["storage"]}
    why = f"the file system on pv/{volume['metadata']['name']} fills its volume"
    return view.update_status("persistentvolumeclaims", {**claim, "status": status}, why=why)


def _mark(claim: Object, state: str, view: View, *, condition: Object, why: str, size: str = "") -> Object:
    status = claim["status"]
    others = [each for each in status.get("conditions") or () if each["type"] not in (_RESIZING, _FILE_SYSTEM)]
    now = timestamp(view.now_s)
    made = {"status": "True", "lastProbeTime": None, "lastTransitionTime": now, **condition}
    wanted = size or claim["spec"]["resources"]["requests"]["storage"]
    changed = {
        **status,
        "allocatedResources": {**(status.get("allocatedResources") or {}), "storage": wanted},
        "allocatedResourceStatuses": {**(status.get("allocatedResourceStatuses") or {}), "storage": state},
        "conditions": [*others, made],
    }
    return view.update_status("persistentvolumeclaims", {**claim, "status": changed}, why=why)


def _volume_to_grow(claim: Object, view: View) -> Object | None:
    """The volume that the driver is to make bigger, or that it has begun to."""
    if is_terminating(claim) or (claim.get("status") or {}).get("phase") != "Bound":
        return None
    volume = view.get("persistentvolumes", claim["spec"].get("volumeName") or "")
    if volume is None or not hostpath.is_ours(volume):
        return None
    if state_of(claim) == IN_PROGRESS:
        return volume
    if state_of(claim) == ON_NODE or requested(claim) <= nanos(volume["spec"]["capacity"]["storage"]):
        return None
    return volume


def _on_claim(revision: Revision, view: View) -> Iterable[str]:
    if revision.type == "DELETED" or _volume_to_grow(revision.object, view) is None:
        return ()
    return (revision.key,)


CONTROLLER = Controller(name="external-resizer", reconcile=reconcile, watches={"persistentvolumeclaims": _on_claim})
