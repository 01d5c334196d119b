"""The provisioner hostpath.csi.k8s.io, as csi-driver-host-path deploys it: volumes that grow, are copied and snapshot.

Nothing of it is there until somebody makes a StorageClass that names it, as on kind nothing is until it is installed.
Its volumes lie on one node (the one a Pod was sent to, else the first that takes Pods), which bears its label.
Source: kubernetes-csi/csi-driver-host-path, external-provisioner pkg/controller/controller.go.
"""

from __future__ import annotations

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
from statelab.controlplane.controllers.volume.datasource import SNAPSHOTS, problem_of_source, source_of
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

NAME = "hostpath.csi.k8s.io"
TOPOLOGY = "topology.hostpath.csi/node"
_COMPONENT = f"{NAME}_csi-hostpathplugin-0"
_MAKE_S = 0.5  # a call to the driver and the writes around it

# Key of a claim or volume → when the driver's call returns.
_due: Memory[dict[str, float]] = Memory(lambda view: {})


def reconcile(key: str, view: View) -> float | None:
    """Make the volume of one claim (`claim/NAMESPACE/NAME`), or delete one volume (`volume/NAME`), when it is time."""
    what, _, name = key.partition("/")
    due = _due(view)
    obj = view.get("persistentvolumeclaims" if what == "claim" else "persistentvolumes", name)
    if obj is None or not (_is_asked_for(obj, view) if what == "claim" else is_to_be_deleted(obj)):
        due.pop(key, None)
        return None
    if key not in due:
        due[key] = view.now_s + _MAKE_S
        if what == "claim":
            message = f'External provisioner is provisioning volume for claim "{name}"'
            view.event(obj, "Provisioning", message, component=_COMPONENT)
    if view.now_s < due[key]:
        return due[key] - view.now_s
    del due[key]
    if what == "claim":
        _make(obj, view)
        return None
    why = "its claim is gone and its reclaim policy is Delete: the driver removes what was in it"
    view.delete("persistentvolumes", obj, why=why)
    return None


def _make(claim: Object, view: View) -> None:
    storage_class = class_of(claim, view) or {}
    problem = problem_of_source(claim, view)
    if problem is not None:
        named = storage_class["metadata"]["name"]
        message = f'failed to provision volume with StorageClass "{named}": {problem}'
        view.event(claim, "ProvisioningFailed", message, type="Warning", component=_COMPONENT)
        return  # (upstream tries again by the clock; here the source says when it has changed)
    node = _node(claim, view)
    volume = _volume(claim, storage_class, node)
    view.create("persistentvolumes", volume, why=f"pvc/{claim['metadata']['name']} asked for it")
    message = f"Successfully provisioned volume {volume['metadata']['name']}"
    view.event(claim, "ProvisioningSucceeded", message, component=_COMPONENT)


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


def _name(claim: Object) -> str:
    return f"pvc-{claim['metadata']['uid']}"


def _node(claim: Object, view: View) -> str:
    """The node whose driver makes the volume. It registers there when it is first needed: that is its label."""
    nodes = view.list("nodes")
    free = [node for node in nodes if not (node.get("spec") or {}).get("taints")]
    name = annotations_of(claim).get(SELECTED_NODE) or min(str(node["metadata"]["name"]) for node in free or nodes)
    node = view.get("nodes", name)
    if node is not None and TOPOLOGY not in (labels := node["metadata"].get("labels") or {}):
        labelled = {**node, "metadata": {**node["metadata"], "labels": {**labels, TOPOLOGY: name}}}
        view.update("nodes", labelled, why=f"the driver {NAME} registers with its kubelet")
    return name


def _volume(claim: Object, storage_class: Object, node: str) -> Object:
    spec = claim["spec"]
    name = _name(claim)
    made: Object = {
        "capacity": {"storage": spec["resources"]["requests"]["storage"]},
        "csi": {
            "driver": NAME,
            "volumeHandle": claim["metadata"]["uid"],
            "volumeAttributes": {"storage.kubernetes.io/csiProvisionerIdentity": f"csi-hostpathplugin-0-{NAME}"},
        },
        "accessModes": list(spec["accessModes"]),
        "claimRef": claim_reference(claim),
        "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
        "storageClassName": storage_class["metadata"]["name"],
        "volumeMode": spec.get("volumeMode", "Filesystem"),
        "nodeAffinity": {
            "required": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": TOPOLOGY, "operator": "In", "values": [node]}]}]
            }
        },
    }
    if storage_class.get("mountOptions"):
        made["mountOptions"] = list(storage_class["mountOptions"])
    return {"metadata": {"name": name, "annotations": {PROVISIONED_BY: NAME}}, "spec": made}


# ---- deleting


def takes_data_along(volume: Object) -> bool:
    """Whether the files go when the volume does: they stay where it was to be retained."""
    return is_ours(volume) and bool(volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete")


def is_ours(volume: Object) -> bool:
    """Whether this driver made the volume."""
    return annotations_of(volume).get(PROVISIONED_BY) == NAME


def is_to_be_deleted(volume: Object) -> bool:
    """A volume that this driver made, whose claim is gone and which is not to be kept."""
    return (
        takes_data_along(volume)
        and (volume.get("status") or {}).get("phase") in ("Released", "Failed")
        and "deletionTimestamp" not in volume["metadata"]
    )


# ---- which revisions concern what


def _on_claim(revision: Revision, view: View) -> Iterable[str]:
    own = (f"claim/{key_of(revision.object)}",) if _is_asked_for(revision.object, view) else ()
    return (*own, *_made_of("PersistentVolumeClaim", revision, view))


def _on_custom(revision: Revision, view: View) -> Iterable[str]:
    return _made_of("VolumeSnapshot", revision, view) if revision.plural == SNAPSHOTS else ()


def _made_of(kind: str, revision: Revision, view: View) -> list[str]:
    """The claims that wait for this source. Without a class of this driver nobody reads a thousand claims for it."""
    if all(each["provisioner"] != NAME for each in view.list("storageclasses")):
        return []
    namespace, _, name = revision.key.partition("/")
    return [
        f"claim/{key_of(each)}"
        for each in view.list("persistentvolumeclaims", namespace)
        if (source := source_of(each)) is not None
        and (source["kind"], source["name"]) == (kind, name)
        and _is_asked_for(each, view)
    ]


def _on_volume(revision: Revision, view: View) -> Iterable[str]:
    if revision.type == "DELETED" or not is_to_be_deleted(revision.object):
        return ()
    return (f"volume/{revision.key}",)


CONTROLLER = Controller(
    name=NAME,
    reconcile=reconcile,
    watches={"persistentvolumeclaims": _on_claim, "persistentvolumes": _on_volume},
    custom=_on_custom,
)
