"""The snapshot-controller: a VolumeSnapshot gets its class and its content, says what became of it, and lets it go.

Source: external-snapshotter pkg/common-controller/snapshot_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.clock import timestamp
from statelab.controlplane.controllers.common.claims import annotations_of
from statelab.controlplane.controllers.common.pods import is_terminating
from statelab.controlplane.controllers.volume.binding import with_annotations
from statelab.controlplane.controllers.volume.datasource import CLASSES, CONTENTS, GROUP, SNAPSHOTS, source_of
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.quantity import NANO
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_PREFIX = "snapshot.storage.kubernetes.io"
AS_SOURCE = f"{_PREFIX}/volumesnapshot-as-source-protection"
BOUND = f"{_PREFIX}/volumesnapshot-bound-protection"
CONTENT_BOUND = f"{_PREFIX}/volumesnapshotcontent-bound-protection"
CLAIM_AS_SOURCE = f"{_PREFIX}/pvc-as-source-protection"
BEING_DELETED = f"{_PREFIX}/volumesnapshot-being-deleted"
_DEFAULT_CLASS = f"{_PREFIX}/is-default-class"


def reconcile(key: str, view: View) -> float | None:
    """One pass for one VolumeSnapshot."""
    snapshot = view.get(SNAPSHOTS, key)
    if snapshot is None:
        return None
    if is_terminating(snapshot):
        _let_go(snapshot, view)
        return None
    source = snapshot["spec"]["source"]
    if "volumeSnapshotContentName" in source:
        _bind_existing(snapshot, source["volumeSnapshotContentName"], view)
    elif "volumeSnapshotClassName" not in snapshot["spec"]:
        _take_default_class(snapshot, view)
    elif (content := view.get(CONTENTS, _content_name(snapshot))) is None:
        _make_content(snapshot, view)
    else:
        _report(snapshot, content, view)
    return None


def _content_name(snapshot: Object) -> str:
    return f"snapcontent-{snapshot['metadata']['uid']}"


def _claim(snapshot: Object, view: View) -> Object | None:
    name = snapshot["spec"]["source"].get("persistentVolumeClaimName")
    return view.get("persistentvolumeclaims", f"{snapshot['metadata']['namespace']}/{name}") if name else None


def _driver(snapshot: Object, view: View) -> str | None:
    claim = _claim(snapshot, view)
    volume = view.get("persistentvolumes", claim["spec"].get("volumeName") or "") if claim is not None else None
    found: str | None = (volume["spec"].get("csi") or {}).get("driver") if volume is not None else None
    return found


def _take_default_class(snapshot: Object, view: View) -> None:
    driver = _driver(snapshot, view)
    marked = [
        each
        for each in view.list(CLASSES)
        if annotations_of(each).get(_DEFAULT_CLASS) == "true" and each["driver"] == driver
    ]
    if len(marked) != 1:
        why = (
            "cannot find default snapshot class" if not marked else f"{len(marked)} default snapshot classes were found"
        )
        _fail(snapshot, "SetDefaultSnapshotClassFailed", f"Failed to set default snapshot class with error {why}", view)
        return
    name = marked[0]["metadata"]["name"]
    spec = {**snapshot["spec"], "volumeSnapshotClassName": name}
    view.update(SNAPSHOTS, {**snapshot, "spec": spec}, why=f"it names no class, and {name} is the default")


def _make_content(snapshot: Object, view: View) -> None:
    name, namespace = snapshot["metadata"]["name"], snapshot["metadata"]["namespace"]
    failed = "Failed to create snapshot content with error "
    class_name = snapshot["spec"]["volumeSnapshotClassName"]
    snapshot_class = view.get(CLASSES, class_name)
    if snapshot_class is None:
        why = f'volumesnapshotclass.{GROUP} "{class_name}" not found'
        _fail(snapshot, "GetSnapshotClassFailed", f"Failed to get snapshot class with error {why}", view)
        return
    claim = _claim(snapshot, view)
    if claim is None:
        why = f"snapshot controller failed to update {name} on API server: cannot get claim from snapshot"
        _fail(snapshot, "SnapshotContentCreationFailed", failed + why, view)
        return
    volume = view.get("persistentvolumes", claim["spec"].get("volumeName") or "")
    inputs = f"failed to get input parameters to create snapshot {name}: "
    if volume is None or (claim.get("status") or {}).get("phase") != "Bound":
        unbound = f"the PVC {claim['metadata']['name']} is not yet bound to a PV, will not attempt to take a snapshot"
        why = f'{inputs}"{unbound}"'
        _fail(snapshot, "SnapshotContentCreationFailed", failed + why, view)
        return
    if (volume["spec"].get("csi") or {}).get("driver") != snapshot_class["driver"]:
        why = f"cannot find CSI PersistentVolumeSource for volume {volume['metadata']['name']}"
        _fail(snapshot, "SnapshotContentCreationFailed", f'{failed}{inputs}"{why}"', view)
        return
    snapshot = _with_finalizers(SNAPSHOTS, snapshot, (AS_SOURCE, BOUND), view)
    _with_finalizers("persistentvolumeclaims", claim, (CLAIM_AS_SOURCE,), view)
    content = {
        "metadata": {"name": _content_name(snapshot), "finalizers": [CONTENT_BOUND]},
        "spec": {
            "deletionPolicy": snapshot_class["deletionPolicy"],
            "driver": snapshot_class["driver"],
            "source": {"volumeHandle": volume["spec"]["csi"]["volumeHandle"]},
            "sourceVolumeMode": volume["spec"].get("volumeMode", "Filesystem"),
            "volumeSnapshotClassName": class_name,
            "volumeSnapshotRef": _reference(snapshot),
        },
    }
    view.create(CONTENTS, content, why=f"volumesnapshot/{name} asks for it")
    message = f"Waiting for a snapshot {namespace}/{name} to be created by the CSI driver."
    view.event(snapshot, "CreatingSnapshot", message)


def _reference(snapshot: Object) -> Object:
    metadata = snapshot["metadata"]
    names = {name: metadata[name] for name in ("name", "namespace", "uid", "resourceVersion")}
    return {"apiVersion": snapshot["apiVersion"], "kind": snapshot["kind"], **names}


def _bind_existing(snapshot: Object, name: str, view: View) -> None:
    content = view.get(CONTENTS, name)
    if content is None:
        _fail(snapshot, "SnapshotContentMissing", "VolumeSnapshotContent is missing", view)
        return
    reference, metadata = content["spec"]["volumeSnapshotRef"], snapshot["metadata"]
    named = (reference.get("namespace"), reference.get("name")) == (metadata["namespace"], metadata["name"])
    if not named or reference.get("uid", metadata["uid"]) != metadata["uid"]:
        message = f"VolumeSnapshotContent [{name}] is bound to a different snapshot"
        _fail(snapshot, "SnapshotContentMisbound", message, view)
        return
    snapshot = _with_finalizers(SNAPSHOTS, snapshot, (AS_SOURCE, BOUND), view)
    if not reference.get("uid"):
        spec = {**content["spec"], "volumeSnapshotRef": {**reference, "uid": metadata["uid"]}}
        content = view.update(CONTENTS, {**content, "spec": spec}, why=f"volumesnapshot/{metadata['name']} takes it")
    content = _with_finalizers(CONTENTS, content, (CONTENT_BOUND,), view)
    _report(snapshot, content, view)


def _report(snapshot: Object, content: Object, view: View) -> None:
    """Say of the snapshot what its content says of itself."""
    before, said = snapshot.get("status") or {}, content.get("status") or {}
    status: Object = {"boundVolumeSnapshotContentName": content["metadata"]["name"]}
    status["readyToUse"] = bool(said.get("readyToUse"))
    if "creationTime" in said:
        status["creationTime"] = timestamp(said["creationTime"] / NANO)
    if "restoreSize" in said:
        status["restoreSize"] = _binary(said["restoreSize"])
    if status != before:
        why = f"volumesnapshotcontent/{content['metadata']['name']} says so"
        snapshot = view.update_status(SNAPSHOTS, {**snapshot, "status": status}, why=why)
    name = f"{snapshot['metadata']['namespace']}/{snapshot['metadata']['name']}"
    if "creationTime" in status and "creationTime" not in before:
        view.event(snapshot, "SnapshotCreated", f"Snapshot {name} was successfully created by the CSI driver.")
    if status["readyToUse"] and not before.get("readyToUse"):
        view.event(snapshot, "SnapshotReady", f"Snapshot {name} is ready to use.")
    claim = _claim(snapshot, view)
    if claim is not None and status["readyToUse"] and not _is_being_made(claim, view):
        _without_finalizers("persistentvolumeclaims", claim, (CLAIM_AS_SOURCE,), "its snapshot is made", view)


def _is_being_made(claim: Object, view: View) -> bool:
    """Whether a snapshot of the claim is not ready yet."""
    name = claim["metadata"]["name"]
    return any(
        each["spec"]["source"].get("persistentVolumeClaimName") == name
        and (each.get("status") or {}).get("boundVolumeSnapshotContentName")
        and not each["status"].get("readyToUse")
        for each in view.list(SNAPSHOTS, claim["metadata"]["namespace"])
    )


def _binary(count: int) -> str:
    """A number of bytes as a quantity: with the largest binary unit that leaves a whole number."""
    units = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
    level = 0
    while count and count % 1024 == 0 and level < len(units) - 1:
        count, level = count // 1024, level + 1
    return f"{count}{units[level]}"


def _fail(snapshot: Object, reason: str, message: str, view: View) -> None:
    status = snapshot.get("status") or {}
    if (status.get("error") or {}).get("message") != message:
        error = {"message": message, "time": timestamp(view.now_s)}
        changed = {**status, "readyToUse": False, "error": error}
        snapshot = view.update_status(SNAPSHOTS, {**snapshot, "status": changed}, why=message)
        view.event(snapshot, reason, message, type="Warning")


# ---- letting go


def _let_go(snapshot: Object, view: View) -> None:
    metadata = snapshot["metadata"]
    if not metadata.get("finalizers"):
        return
    if _is_needed(snapshot, view):
        return
    bound = (snapshot.get("status") or {}).get("boundVolumeSnapshotContentName") or _content_name(snapshot)
    content = view.get(CONTENTS, bound)
    if content is not None and content["spec"]["deletionPolicy"] == "Delete":
        why = f"volumesnapshot/{metadata['name']} is being deleted, and its deletionPolicy is Delete"
        marked = with_annotations(content, {BEING_DELETED: "yes"})
        if marked is not content:
            content = view.update(CONTENTS, marked, why=why)
        if not is_terminating(content):
            view.delete(CONTENTS, content, why=why)
        return  # its deletion is the next step
    if content is not None:
        content = with_annotations(content, {BEING_DELETED: "yes"})
        why = f"volumesnapshot/{metadata['name']} goes, and what it was made of is retained"
        view.update(CONTENTS, content, why=why)
        _without_finalizers(CONTENTS, view.get(CONTENTS, bound) or content, (CONTENT_BOUND,), why, view)
    claim = _claim(snapshot, view)
    if claim is not None and not _is_being_made(claim, view):
        _without_finalizers("persistentvolumeclaims", claim, (CLAIM_AS_SOURCE,), "its snapshot is gone", view)
    _without_finalizers(SNAPSHOTS, snapshot, (AS_SOURCE, BOUND), "nothing of it is left that needs it", view)


def _is_needed(snapshot: Object, view: View) -> bool:
    """A claim is being made from it."""
    for claim in view.list("persistentvolumeclaims", snapshot["metadata"]["namespace"]):
        source = source_of(claim)
        if source is None or (source["kind"], source["name"]) != ("VolumeSnapshot", snapshot["metadata"]["name"]):
            continue
        if (claim.get("status") or {}).get("phase") == "Pending" and not is_terminating(claim):
            return True
    return False


def _with_finalizers(plural: str, obj: Object, wanted: tuple[str, ...], view: View) -> Object:
    present = obj["metadata"].get("finalizers") or []
    missing = [each for each in wanted if each not in present]
    if not missing:
        return obj
    metadata = {**obj["metadata"], "finalizers": [*present, *missing]}
    return view.update(plural, {**obj, "metadata": metadata}, why="it must not go while a snapshot needs it")


def _without_finalizers(plural: str, obj: Object, unwanted: tuple[str, ...], why: str, view: View) -> None:
    present = obj["metadata"].get("finalizers") or []
    left = [each for each in present if each not in unwanted]
    if left != present:
        view.update(plural, {**obj, "metadata": {**obj["metadata"], "finalizers": left}}, why=why)


# ---- which revisions concern what


def _on_custom(revision: Revision, view: View) -> Iterable[str]:
    obj = revision.object
    if revision.plural == SNAPSHOTS:
        return (revision.key,) if revision.type != "DELETED" else ()
    if revision.plural == CONTENTS:
        reference = obj["spec"]["volumeSnapshotRef"]
        return (f"{reference.get('namespace')}/{reference.get('name')}",)
    if revision.plural == CLASSES:
        return [key_of(each) for each in view.list(SNAPSHOTS) if "error" in (each.get("status") or {})]
    return ()


def _on_claim(revision: Revision, view: View) -> Iterable[str]:
    """A claim that a failed snapshot waits for, or that is made of one."""
    namespace, _, name = revision.key.partition("/")
    source = source_of(revision.object)
    made_of = source["name"] if source is not None and source["kind"] == "VolumeSnapshot" else None
    return [
        key_of(each)
        for each in view.list(SNAPSHOTS, namespace)
        if each["metadata"]["name"] == made_of
        or ("error" in (each.get("status") or {}) and each["spec"]["source"].get("persistentVolumeClaimName") == name)
    ]


CONTROLLER = Controller(
    name="snapshot-controller",
    reconcile=reconcile,
    watches={"persistentvolumeclaims": _on_claim},
    custom=_on_custom,
)
