"""The provisioner rancher.io/local-path, as kind has it: a folder of a node becomes a PersistentVolume.

It acts when the volume controller has asked for a volume (an annotation on the claim), and deletes what it made when
the claim is gone and the reclaim policy says so.
Source: github.com/rancher/local-path-provisioner provisioner.go; sigs.k8s.io/sig-storage-lib-external-provisioner.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from statelab.controlplane.controllers.common.claims import (
    PROVISIONED_BY,
    PROVISIONER,
    SELECTED_NODE,
    annotations_of,
    class_of,
    waits_for_consumer,
)
from statelab.controlplane.controllers.common.memory import Memory
from statelab.controlplane.controllers.volume.binding import claim_reference
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

NAME = "rancher.io/local-path"
FOLDER = "/var/local-path-provisioner"
_FASTEST_S, _SLOWEST_S = 1.0, 1.6  # a helper Pod makes the folder: that is what learners wait for on kind
_DELETE_S = 1.0
_MADE = re.compile(rf"{FOLDER}/(pvc-[0-9a-f-]{{36}})_[^/]+/?$")
_ALONE = {"ReadWriteOnce", "ReadWriteOncePod"}

# Key of a claim or volume → when the helper Pod is done.
_memory: Memory[dict[str, float]] = Memory(lambda view: {})


def reconcile(key: str, view: View) -> float | None:
    """Make the volume of one claim (`claim/NAMESPACE/NAME`), or delete one volume (`volume/NAME`), when it is time."""
    what, _, name = key.partition("/")
    due = _memory(view)
    obj = view.get("persistentvolumeclaims" if what == "claim" else "persistentvolumes", name)
    if obj is None or not (_is_asked_for(obj, view) if what == "claim" else _is_to_be_deleted(obj)):
        due.pop(key, None)
        return None
    if key not in due:
        problem = _problem(obj, view) if what == "claim" else None
        if problem is not None:
            storage_class = class_of(obj, view)
            named = storage_class["metadata"]["name"] if storage_class is not None else ""
            message = f'failed to provision volume with StorageClass "{named}": {problem}'
            view.event(obj, "ProvisioningFailed", message, type="Warning")
            return None
        due[key] = view.now_s + (view.random.uniform(_FASTEST_S, _SLOWEST_S) if what == "claim" else _DELETE_S)
    if view.now_s < due[key]:
        return due[key] - view.now_s
    del due[key]
    if what == "claim":
        why = f"pvc/{obj['metadata']['name']} asked for it, for a Pod on {annotations_of(obj).get(SELECTED_NODE)}"
        view.create("persistentvolumes", _volume(obj, view), why=why)
    else:
        why = "its claim is gone and its reclaim policy is Delete: the folder and what was in it are removed"
        view.delete("persistentvolumes", obj, why=why)
    return None


# ---- making


def _is_asked_for(claim: Object, view: View) -> bool:
    annotations = annotations_of(claim)
    if annotations.get(PROVISIONER) != NAME or claim["spec"].get("volumeName"):
        return False
    if "deletionTimestamp" in claim["metadata"] or view.get("persistentvolumes", _name(claim)) is not None:
        return False
    storage_class = class_of(claim, view)
    if storage_class is None or storage_class["provisioner"] != NAME:
        return False
    return SELECTED_NODE in annotations or not waits_for_consumer(claim, view)


def _problem(claim: Object, view: View) -> str | None:
    """Why this provisioner cannot make the volume, in its words; None when it can."""
    spec = claim["spec"]
    if spec.get("selector") is not None:
        return "claim.Spec.Selector is not supported"
    if not set(spec.get("accessModes") or ()) <= _ALONE:
        return "NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes"
    if SELECTED_NODE not in annotations_of(claim):
        return "configuration error, no node was specified"
    return None


def _name(claim: Object) -> str:
    return f"pvc-{claim['metadata']['uid']}"


def _volume(claim: Object, view: View) -> Object:
    metadata, spec = claim["metadata"], claim["spec"]
    name, node_name = _name(claim), annotations_of(claim)[SELECTED_NODE]
    storage_class = class_of(claim, view) or {}
    node = view.get("nodes", node_name)
    hostname = ((node or {}).get("metadata", {}).get("labels") or {}).get("kubernetes.io/hostname", node_name)
    on_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [hostname]}
    path = f"{FOLDER}/{name}_{metadata['namespace']}_{metadata['name']}"
    made: Object = {
        "capacity": {"storage": spec["resources"]["requests"]["storage"]},
        "hostPath": {"path": path, "type": "DirectoryOrCreate"},
        "accessModes": list(spec["accessModes"]),
        "claimRef": claim_reference(claim),
        "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
        "storageClassName": storage_class.get("metadata", {}).get("name", ""),
        "volumeMode": "Filesystem",
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_node]}]}},
    }
    if storage_class.get("mountOptions"):
        made["mountOptions"] = list(storage_class["mountOptions"])
    marks = {"local.path.provisioner/selected-node": node_name, PROVISIONED_BY: NAME}
    return {"metadata": {"name": name, "annotations": marks}, "spec": made}


def folder_owner(path: str) -> str | None:
    """The PersistentVolume whose files lie in a folder this provisioner made; None for any other path.

    A volume that was retained can be had again by making one by hand with the same path, as on kind.
    """
    found = _MADE.match(path)
    return found[1] if found else None


# ---- deleting


def takes_data_along(volume: Object) -> bool:
    """Whether the files go when the volume does: they stay where it was to be retained."""
    if annotations_of(volume).get(PROVISIONED_BY) != NAME:
        return False
    return bool(volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete")


def _is_to_be_deleted(volume: Object) -> bool:
    return (
        annotations_of(volume).get(PROVISIONED_BY) == NAME
        and (volume.get("status") or {}).get("phase") in ("Released", "Failed")
        and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
        and "deletionTimestamp" not in volume["metadata"]
    )


# ---- which revisions concern what


def _on_claim(revision: Revision, view: View) -> Iterable[str]:
    return (f"claim/{key_of(revision.object)}",) if _is_asked_for(revision.object, view) else ()


def _on_volume(revision: Revision, view: View) -> Iterable[str]:
    if revision.type == "DELETED" or not _is_to_be_deleted(revision.object):
        return ()
    return (f"volume/{revision.key}",)


CONTROLLER = Controller(
    name=NAME, reconcile=reconcile, watches={"persistentvolumeclaims": _on_claim, "persistentvolumes": _on_volume}
)
