"""What a claim is to begin with: another claim's data, or a snapshot's.

Source: external-provisioner pkg/controller/controller.go (getPVCSource, getSnapshotSource).
"""

from __future__ import annotations

from statelab.controlplane.controllers.volume.matching import requested
from statelab.controlplane.kinds import Object
from statelab.controlplane.quantity import nanos
from statelab.controlplane.view import View

GROUP = "snapshot.storage.k8s.io"
SNAPSHOTS = f"volumesnapshots.{GROUP}"
CONTENTS = f"volumesnapshotcontents.{GROUP}"
CLASSES = f"volumesnapshotclasses.{GROUP}"


def source_of(claim: Object) -> Object | None:
    """The claim's dataSourceRef, or its dataSource; None for one that begins empty."""
    spec = claim["spec"]
    found: Object | None = spec.get("dataSourceRef") or spec.get("dataSource")
    return found


def problem_of_source(claim: Object, view: View) -> str | None:
    """Why a claim cannot be made of its source yet, in the provisioner's words; None when it can."""
    source = source_of(claim)
    if source is None:
        return None
    key = f"{claim['metadata']['namespace']}/{source['name']}"
    if source["kind"] == "PersistentVolumeClaim" and not source.get("apiGroup"):
        return _claim_problem(claim, key, view)
    if source["kind"] == "VolumeSnapshot" and source.get("apiGroup") == GROUP:
        return _snapshot_problem(claim, key, view)
    return f"the embedded cluster has nobody who fills a volume from a {source['kind']}"


def _claim_problem(claim: Object, key: str, view: View) -> str | None:
    source, name = view.get("persistentvolumeclaims", key), key.partition("/")[2]
    prefix = f"error getting handle for DataSource Type PersistentVolumeClaim by Name {name}: "
    if source is None:
        return f'{prefix}error getting PVC {name} (namespace "{key.partition("/")[0]}") from api server: ' + (
            f'persistentvolumeclaim "{name}" not found'
        )
    volume = view.get("persistentvolumes", source["spec"].get("volumeName") or "")
    if (source.get("status") or {}).get("phase") != "Bound" or volume is None:
        return f"{prefix}the PVC {name} is not bound yet"
    if "csi" not in volume["spec"]:
        return f"{prefix}error, volume {volume['metadata']['name']} is not a CSI volume"
    if requested(claim) < nanos((volume["spec"].get("capacity") or {}).get("storage", "0")):
        return f"{prefix}error, new PVC request must be greater than or equal in size to the specified PVC data source"
    return None


def _snapshot_problem(claim: Object, key: str, view: View) -> str | None:
    snapshot, name = view.get(SNAPSHOTS, key), key.partition("/")[2]
    prefix = f"error getting handle for DataSource Type VolumeSnapshot by Name {name}: "
    if snapshot is None:
        return f'{prefix}error getting snapshot {name} from api server: volumesnapshots.{GROUP} "{name}" not found'
    status = snapshot.get("status") or {}
    if not status.get("readyToUse") or view.get(CONTENTS, status.get("boundVolumeSnapshotContentName") or "") is None:
        return f"{prefix}snapshot {name} is not Ready"
    size = status.get("restoreSize")
    if size is not None and requested(claim) < nanos(size):
        wanted, has = requested(claim) // 10**9, nanos(size) // 10**9
        return f"requested volume size {wanted} is less than the size {has} for the source snapshot {name}"
    return None
