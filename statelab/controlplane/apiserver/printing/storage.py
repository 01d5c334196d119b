"""PersistentVolumes, claims and StorageClasses: rows of a table. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from statelab.controlplane.apiserver.printing.cells import AGE, NAME, Printer, Since, age, name, part
from statelab.controlplane.kinds import Object

_CORE = "io.k8s.api.core.v1."
_STORAGE = "io.k8s.api.storage.v1."
_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
_DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


def access_modes(modes: Sequence[str]) -> str:
    """`RWO,ROX`: the short names, in upstream's order, each once."""
    short = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
    return ",".join(text for mode, text in short.items() if mode in modes)


def _class_name(obj: Object) -> str:
    beta = part(obj["metadata"], "annotations").get(_BETA_CLASS)
    return str(beta if beta is not None else part(obj, "spec").get("storageClassName") or "")


def _unset(value: Any) -> str:
    return "<unset>" if value is None else str(value)


def _phase(obj: Object) -> str:
    return "Terminating" if obj["metadata"].get("deletionTimestamp") else str(part(obj, "status").get("phase", ""))


def _volume(obj: Object, since: Since) -> list[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    claim = spec.get("claimRef")
    return [
        name(obj),
        str(part(spec, "capacity").get("storage", "0")),
        access_modes(spec.get("accessModes") or ()),
        spec.get("persistentVolumeReclaimPolicy", ""),
        _phase(obj),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        _class_name(obj),
        _unset(spec.get("volumeAttributesClassName")),
        status.get("reason", ""),
        age(obj, since),
        _unset(spec.get("volumeMode")),
    ]


def _claim(obj: Object, since: Since) -> list[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    bound = bool(spec.get("volumeName"))
    return [
        name(obj),
        _phase(obj),
        spec.get("volumeName", ""),
        str(part(status, "capacity").get("storage", "0")) if bound else "",
        access_modes(status.get("accessModes") or ()) if bound else "",
        _class_name(obj),
        _unset(spec.get("volumeAttributesClassName")),
        age(obj, since),
        _unset(spec.get("volumeMode")),
    ]


def _storage_class(obj: Object, since: Since) -> list[Any]:
    annotations = part(obj["metadata"], "annotations")
    is_default = any(annotations.get(name) == "true" for name in _DEFAULT_CLASS)
    return [
        f"{name(obj)} (default)" if is_default else name(obj),
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy", "Delete"),
        obj.get("volumeBindingMode", "Immediate"),
        bool(obj.get("allowVolumeExpansion")),
        age(obj, since),
    ]


PRINTERS = {
    "persistentvolumes": Printer(
        (
            NAME,
            ("Capacity", "string", 0, _CORE + "PersistentVolumeSpec#capacity"),
            ("Access Modes", "string", 0, _CORE + "PersistentVolumeSpec#accessModes"),
            ("Reclaim Policy", "string", 0, _CORE + "PersistentVolumeSpec#persistentVolumeReclaimPolicy"),
            ("Status", "string", 0, _CORE + "PersistentVolumeStatus#phase"),
            ("Claim", "string", 0, _CORE + "PersistentVolumeSpec#claimRef"),
            ("StorageClass", "string", 0, "StorageClass of the pv"),
            ("VolumeAttributesClass", "string", 0, "VolumeAttributesClass of the pv"),
            ("Reason", "string", 0, _CORE + "PersistentVolumeStatus#reason"),
            AGE,
            ("VolumeMode", "string", 1, _CORE + "PersistentVolumeSpec#volumeMode"),
        ),
        _volume,
    ),
    "persistentvolumeclaims": Printer(
        (
            NAME,
            ("Status", "string", 0, _CORE + "PersistentVolumeClaimStatus#phase"),
            ("Volume", "string", 0, _CORE + "PersistentVolumeClaimSpec#volumeName"),
            ("Capacity", "string", 0, _CORE + "PersistentVolumeClaimStatus#capacity"),
            ("Access Modes", "string", 0, _CORE + "PersistentVolumeClaimStatus#accessModes"),
            ("StorageClass", "string", 0, "StorageClass of the pvc"),
            ("VolumeAttributesClass", "string", 0, "VolumeAttributesClass of the pvc"),
            AGE,
            ("VolumeMode", "string", 1, _CORE + "PersistentVolumeClaimSpec#volumeMode"),
        ),
        _claim,
    ),
    "storageclasses": Printer(
        (
            NAME,
            ("Provisioner", "string", 0, _STORAGE + "StorageClass#provisioner"),
            ("ReclaimPolicy", "string", 0, _STORAGE + "StorageClass#reclaimPolicy"),
            ("VolumeBindingMode", "string", 0, _STORAGE + "StorageClass#volumeBindingMode"),
            ("AllowVolumeExpansion", "string", 0, _STORAGE + "StorageClass#allowVolumeExpansion"),
            AGE,
        ),
        _storage_class,
    ),
}
