"""csi-snapshotter beside the driver: makes the snapshot that a VolumeSnapshotContent asks for, and removes it.

Source: external-snapshotter pkg/sidecar-controller/snapshot_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.controllers.common.memory import Memory
from statelab.controlplane.controllers.common.pods import is_terminating
from statelab.controlplane.controllers.volume import hostpath
from statelab.controlplane.controllers.volume.datasource import CONTENTS
from statelab.controlplane.controllers.volumesnapshot.controller import BEING_DELETED, CONTENT_BOUND
from statelab.controlplane.kinds import Object, uid_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.quantity import NANO, nanos
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_CALL_S = 0.5  # a call to the driver

_due: Memory[dict[str, float]] = Memory(lambda view: {})


def reconcile(key: str, view: View) -> float | None:
    """Make or remove the snapshot of one VolumeSnapshotContent."""
    content, due = view.get(CONTENTS, key), _due(view)
    if content is None or content["spec"]["driver"] != hostpath.NAME:
        due.pop(key, None)
        return None
    if is_terminating(content):
        _let_go(content, view)
        return None
    if (content.get("status") or {}).get("readyToUse"):
        return None
    if due.setdefault(key, view.now_s + _CALL_S) > view.now_s:
        return due[key] - view.now_s
    del due[key]
    source = content["spec"]["source"]
    volume = view.get("persistentvolumes", f"pvc-{source.get('volumeHandle')}")
    status: Object = {"creationTime": int(view.now_s) * NANO, "readyToUse": True}
    status["snapshotHandle"] = source.get("snapshotHandle") or uid_of("snapshot", content["metadata"]["uid"])
    if volume is not None:
        status["restoreSize"] = nanos(volume["spec"]["capacity"]["storage"]) // NANO
    why = "the driver has made the snapshot" if volume is not None else "the driver has that snapshot"
    view.update_status(CONTENTS, {**content, "status": status}, why=why)
    return None


def _let_go(content: Object, view: View) -> None:
    """Nobody needs the content any longer when its snapshot is being deleted too."""
    metadata = content["metadata"]
    if BEING_DELETED not in (metadata.get("annotations") or {}):
        return
    left = [each for each in metadata.get("finalizers") or () if each != CONTENT_BOUND]
    if left != (metadata.get("finalizers") or []):
        changed = {**content, "metadata": {**metadata, "finalizers": left}}
        view.update(CONTENTS, changed, why="its snapshot is being deleted, and the driver has removed what it held")


def _on_custom(revision: Revision, view: View) -> Iterable[str]:
    return (revision.key,) if revision.plural == CONTENTS and revision.type != "DELETED" else ()


CONTROLLER = Controller(name="csi-snapshotter", reconcile=reconcile, watches={}, custom=_on_custom)
