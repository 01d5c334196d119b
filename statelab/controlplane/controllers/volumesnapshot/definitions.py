"""The three kinds of snapshot.storage.k8s.io/v1 and the driver's snapshot class: they come in with the driver.

On kind one installs them (docs/kind.md); here they are made when a StorageClass first names the driver, and what is
there already is left as it is. Source: external-snapshotter client/apis/volumesnapshot/v1/types.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from statelab.controlplane.controllers.volume.datasource import CLASSES, CONTENTS, GROUP, SNAPSHOTS
from statelab.controlplane.controllers.volume.hostpath import NAME
from statelab.controlplane.kinds import Object
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

SNAPSHOT_CLASS = "csi-hostpath-snapclass"
_WHY = f"a StorageClass names {NAME}, whose snapshots need it"
_AGAIN_S = 0.1

_TEXT: Object = {"type": "string"}
_TIME: Object = {"type": "string", "format": "date-time"}
_YES: Object = {"type": "boolean"}
_NUMBER: Object = {"type": "integer", "format": "int64"}
_SIZE: Object = {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]}
_POLICY: Object = {"type": "string", "enum": ["Delete", "Retain"]}


def _object(required: tuple[str, ...] = (), **properties: Object) -> Object:
    made: Object = {"type": "object", "properties": properties}
    return {**made, "required": list(required)} if required else made


def _rule(rule: str, message: str) -> Object:
    return {"rule": rule, "message": message}


def _fixed(name: str) -> Object:
    return {**_TEXT, "x-kubernetes-validations": [_rule("self == oldSelf", f"{name} is immutable")]}


def _one_of(first: str, second: str) -> list[Object]:
    words = f"exactly one of {first} and {second} must be set"
    return [
        _rule(f"(has(self.{first}) && !has(self.{second})) || (!has(self.{first}) && has(self.{second}))", words),
    ]


_ERROR = _object(message=_TEXT, time=_TIME)
_SNAPSHOT = _object(
    ("spec",),
    spec=_object(
        ("source",),
        source={
            **_object(
                persistentVolumeClaimName=_fixed("persistentVolumeClaimName"),
                volumeSnapshotContentName=_fixed("volumeSnapshotContentName"),
            ),
            "x-kubernetes-validations": _one_of("persistentVolumeClaimName", "volumeSnapshotContentName"),
        },
        volumeSnapshotClassName={
            **_TEXT,
            "x-kubernetes-validations": [
                _rule("size(self) > 0", "volumeSnapshotClassName must not be the empty string when set")
            ],
        },
    ),
    status=_object(
        boundVolumeSnapshotContentName=_TEXT,
        creationTime=_TIME,
        error=_ERROR,
        readyToUse=_YES,
        restoreSize=_SIZE,
        volumeGroupSnapshotName=_TEXT,
    ),
)
_REFERENCE = _object(
    apiVersion=_TEXT, fieldPath=_TEXT, kind=_TEXT, name=_TEXT, namespace=_TEXT, resourceVersion=_TEXT, uid=_TEXT
)
_CONTENT = _object(
    ("spec",),
    spec=_object(
        ("deletionPolicy", "driver", "source", "volumeSnapshotRef"),
        deletionPolicy=_POLICY,
        driver=_TEXT,
        source={
            **_object(snapshotHandle=_fixed("snapshotHandle"), volumeHandle=_fixed("volumeHandle")),
            "x-kubernetes-validations": _one_of("volumeHandle", "snapshotHandle"),
        },
        sourceVolumeMode=_fixed("sourceVolumeMode"),
        volumeSnapshotClassName=_TEXT,
        volumeSnapshotRef={
            **_REFERENCE,
            "x-kubernetes-validations": [
                _rule(
                    "has(self.name) && has(self.__namespace__)",
                    "both volumeSnapshotRef.name and volumeSnapshotRef.namespace must be set",
                )
            ],
        },
    ),
    status=_object(
        creationTime=_NUMBER,
        error=_ERROR,
        readyToUse=_YES,
        restoreSize={**_NUMBER, "minimum": 0},
        snapshotHandle=_TEXT,
        volumeGroupSnapshotHandle=_TEXT,
    ),
)
_CLASS = _object(
    ("deletionPolicy", "driver"),
    deletionPolicy=_POLICY,
    driver=_TEXT,
    parameters={"type": "object", "additionalProperties": _TEXT},
)


def _column(name: str, path: str, kind: str = "string") -> Object:
    return {"name": name, "jsonPath": path, "type": kind}


_AGE = _column("Age", ".metadata.creationTimestamp", "date")


def _definition(
    plural: str, kind: str, short: list[str], scope: str, schema: Object, columns: list[Object], **more: Any
) -> Object:
    version: Object = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "additionalPrinterColumns": [*columns, _AGE],
        "subresources": more or {},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": plural,
            "annotations": {
                "api-approved.kubernetes.io": "https://github.com/kubernetes-csi/external-snapshotter/pull/814"
            },
        },
        "spec": {
            "group": GROUP,
            "scope": scope,
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural.partition(".")[0],
                "singular": kind.lower(),
                "shortNames": short,
            },
            "versions": [version],
        },
    }


def definitions() -> tuple[Object, ...]:
    """The CustomResourceDefinitions of the three kinds."""
    return (
        _definition(
            SNAPSHOTS,
            "VolumeSnapshot",
            ["vs"],
            "Namespaced",
            _SNAPSHOT,
            [
                _column("ReadyToUse", ".status.readyToUse", "boolean"),
                _column("SourcePVC", ".spec.source.persistentVolumeClaimName"),
                _column("SourceSnapshotContent", ".spec.source.volumeSnapshotContentName"),
                _column("RestoreSize", ".status.restoreSize"),
                _column("SnapshotClass", ".spec.volumeSnapshotClassName"),
                _column("SnapshotContent", ".status.boundVolumeSnapshotContentName"),
                _column("CreationTime", ".status.creationTime", "date"),
            ],
            status={},
        ),
        _definition(
            CONTENTS,
            "VolumeSnapshotContent",
            ["vsc", "vscs"],
            "Cluster",
            _CONTENT,
            [
                _column("ReadyToUse", ".status.readyToUse", "boolean"),
                _column("RestoreSize", ".status.restoreSize", "integer"),
                _column("DeletionPolicy", ".spec.deletionPolicy"),
                _column("Driver", ".spec.driver"),
                _column("VolumeSnapshotClass", ".spec.volumeSnapshotClassName"),
                _column("VolumeSnapshot", ".spec.volumeSnapshotRef.name"),
                _column("VolumeSnapshotNamespace", ".spec.volumeSnapshotRef.namespace"),
            ],
            status={},
        ),
        _definition(
            CLASSES,
            "VolumeSnapshotClass",
            ["vsclass", "vsclasses"],
            "Cluster",
            _CLASS,
            [_column("Driver", ".driver"), _column("DeletionPolicy", ".deletionPolicy")],
        ),
    )


def reconcile(key: str, view: View) -> float | None:
    """Make what is missing; the class when its kind is served."""
    for definition in definitions():
        if view.get("customresourcedefinitions", definition["metadata"]["name"]) is None:
            view.create("customresourcedefinitions", definition, why=_WHY)
    if CLASSES not in {kind.plural for kind in view.kinds.custom}:
        return _AGAIN_S
    if view.get(CLASSES, SNAPSHOT_CLASS) is None:
        made = {"metadata": {"name": SNAPSHOT_CLASS}, "driver": NAME, "deletionPolicy": "Delete"}
        view.create(CLASSES, made, why=_WHY)
    return None


def _on_class(revision: Revision, view: View) -> Iterable[str]:
    """A class that is new: what somebody deletes of it afterwards stays deleted."""
    is_new = revision.type != "DELETED" and revision.previous is None
    return (NAME,) if is_new and revision.object["provisioner"] == NAME else ()


CONTROLLER = Controller(name="csi-hostpath-deploy", reconcile=reconcile, watches={"storageclasses": _on_class})
