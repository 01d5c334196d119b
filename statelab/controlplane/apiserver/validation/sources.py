"""Volume sources that Pods and PersistentVolumes share, one small rule each.

Source: pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

from statelab.controlplane.apiserver.validation import names
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    invalid,
    not_supported,
    required,
    too_long,
)

# Where the path in messages is not the field's own name.
PATH = {"gcePersistentDisk": "persistentDisk"}
LONG_PORTAL = (
    "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters "
    "if iscsi.initiatorName is specified."
)
_LUN = "must be between 0 and 255, inclusive"
_PARTITION = "must be between 1 and 255, inclusive"
_IQN = re.compile(r"iqn\.\d{4}-\d{2}\.([A-Za-z0-9\-.]+)(:[^,;*&$|\s]+)", re.ASCII)
_EUI = re.compile(r"eui.[A-Za-z0-9]{16}")
_NAA = re.compile(r"naa.[A-Za-z0-9]{32}")
_HOST_PATHS = ("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket")


def source(key: str, value: Fields, field: str, *, persistent: bool = False, volume_name: str = "") -> Errors:
    """What is wrong with one volume source. `persistent` in a PersistentVolume, whose secrets have namespaces."""
    if key == "iscsi":
        return _iscsi(value, field, persistent=persistent, volume_name=volume_name)
    if key == "csi" and persistent:
        return _csi_persistent(value, field)
    if key == "azureFile" and persistent and value.get("secretNamespace") == "":
        return [*_azure_file(value, field), required(f"{field}.secretNamespace")]
    if key in ("cinder", "storageos"):
        return _RULES[key](value, field) + _secret(value, field, namespaced=persistent)
    rule = _RULES.get(key)
    return rule(value, field) if rule else _all_required(value, field, _REQUIRED.get(key, ()))


def _all_required(value: Fields, field: str, keys: tuple[str, ...]) -> Errors:
    return [required(f"{field}.{key}") for key in keys if not value.get(key)]


_REQUIRED: dict[str, tuple[str, ...]] = {
    "glusterfs": ("endpoints", "path"),
    "rbd": ("monitors", "image"),
    "cephfs": ("monitors",),
    "vsphereVolume": ("volumePath",),
    "photonPersistentDisk": ("pdID",),
    "portworxVolume": ("volumeID",),
    "scaleIO": ("gateway", "system", "volumeName"),
}


def no_backsteps(path: str, field: str) -> Errors:
    return [invalid(field, path, "must not contain '..'")] if ".." in path.split("/") else []


def descending_path(path: str, field: str) -> Errors:
    """A relative path that goes down only."""
    errors: Errors = [invalid(field, path, "must be a relative path")] if path.startswith("/") else []
    return errors + no_backsteps(path, field)


def local_path(path: str, field: str) -> Errors:
    """A relative path whose first name does not start with two dots."""
    errors = descending_path(path, field)
    if path.startswith("..") and not path.startswith("../"):
        errors.append(invalid(field, path, "must not start with '..'"))
    return errors


def _host_path(value: Fields, field: str) -> Errors:
    if not value.get("path"):
        return [required(f"{field}.path")]
    errors = no_backsteps(value["path"], f"{field}.path")
    if value.get("type") is not None and value["type"] not in _HOST_PATHS:
        errors.append(not_supported(f"{field}.type", value["type"], _HOST_PATHS))
    return errors


def _local(value: Fields, field: str) -> Errors:
    return no_backsteps(value["path"], f"{field}.path") if value.get("path") else [required(f"{field}.path")]


def _git_repo(value: Fields, field: str) -> Errors:
    errors = _all_required(value, field, ("repository",))
    return errors + descending_path(value.get("directory", ""), f"{field}.directory")


def _partitioned(name: str) -> Callable[[Fields, str], Errors]:
    def rule(value: Fields, field: str) -> Errors:
        errors = _all_required(value, field, (name,))
        if not 0 <= value.get("partition", 0) <= 255:
            errors.append(invalid(f"{field}.partition", value["partition"], _PARTITION))
        return errors

    return rule


def _nfs(value: Fields, field: str) -> Errors:
    errors = _all_required(value, field, ("server", "path"))
    if not value.get("path", "").startswith("/"):
        errors.append(invalid(f"{field}.path", value.get("path", ""), "must be an absolute path"))
    return errors


def _iscsi(value: Fields, field: str, *, persistent: bool, volume_name: str) -> Errors:
    errors = _all_required(value, field, ("targetPortal",))
    initiator = value.get("initiatorName")
    if persistent and initiator is not None and len(f"{volume_name}:{value.get('targetPortal', '')}") > 64:
        errors.append(invalid(f"{field}.targetportal", value.get("targetPortal", ""), LONG_PORTAL))
    start = "must be valid format" if persistent else "must be valid format starting with iqn, eui, or naa"
    iqn = value.get("iqn", "")
    errors += _qualified_initiator(iqn, f"{field}.iqn", start) if iqn else [required(f"{field}.iqn")]
    if not 0 <= value.get("lun", 0) <= 255:
        errors.append(invalid(f"{field}.lun", value["lun"], _LUN))
    if (value.get("chapAuthDiscovery") or value.get("chapAuthSession")) and value.get("secretRef") is None:
        errors.append(required(f"{field}.secretRef"))
    if persistent and value.get("secretRef") is not None and not value["secretRef"].get("name"):
        errors.append(required(f"{field}.secretRef.name"))
    if initiator is not None:
        errors += _qualified_initiator(initiator, f"{field}.initiatorname", start)
    return errors


def _qualified_initiator(text: str, field: str, start: str) -> Errors:
    form = {"iqn": _IQN, "eui": _EUI, "naa": _NAA}.get(text[:3])
    if form is None:
        return [invalid(field, text, start)]
    return [] if form.fullmatch(text) else [invalid(field, text, "must be valid format")]


def _fc(value: Fields, field: str) -> Errors:
    errors: Errors = []
    wwns, wwids = value.get("targetWWNs") or [], value.get("wwids") or []
    if not wwns and not wwids:
        errors.append(required(f"{field}.targetWWNs", "must specify either targetWWNs or wwids, but not both"))
    if wwns and wwids:
        why = "targetWWNs and wwids can not be specified simultaneously"
        errors.append(invalid(f"{field}.targetWWNs", wwns, why))
    if wwns:
        if value.get("lun") is None:
            errors.append(required(f"{field}.lun", "lun is required if targetWWNs is specified"))
        elif not 0 <= value["lun"] <= 255:
            errors.append(invalid(f"{field}.lun", value["lun"], _LUN))
    return errors


def _flocker(value: Fields, field: str) -> Errors:
    errors: Errors = []
    name, uuid = value.get("datasetName", ""), value.get("datasetUUID", "")
    if not name and not uuid:
        errors.append(required(field, "one of datasetName and datasetUUID is required"))
    if name and uuid:
        errors.append(invalid(field, "resource", "datasetName and datasetUUID can not be specified simultaneously"))
    if "/" in name:
        errors.append(invalid(f"{field}.datasetName", name, "must not contain '/'"))
    return errors


def _quobyte(value: Fields, field: str) -> Errors:
    errors: Errors = []
    pairs = "must be a host:port pair or multiple pairs separated by commas"
    registry = value.get("registry", "")
    if not registry:
        errors.append(required(f"{field}.registry", pairs))
    elif len(value.get("tenant", "")) >= 65:
        errors.append(required(f"{field}.tenant", "must be a UUID and may not exceed a length of 64 characters"))
    else:
        for pair in registry.split(","):
            host, colon, _ = pair.rpartition(":")
            if not colon or (":" in host and not host.startswith("[")):
                errors.append(invalid(f"{field}.registry", registry, pairs))
    return errors + _all_required(value, field, ("volume",))


def _flex(value: Fields, field: str) -> Errors:
    errors = _all_required(value, field, ("driver",))
    for key in sorted(value.get("options") or ()):
        namespace = "." + key.split("/", 1)[0].lower()
        if namespace.endswith((".kubernetes.io", ".k8s.io")):
            why = "kubernetes.io and k8s.io namespaces are reserved"
            errors.append(invalid(f"{field}.options[{key}]", key, why))
    return errors


def _azure_file(value: Fields, field: str) -> Errors:
    return _all_required(value, field, ("secretName", "shareName"))


def _azure_disk(value: Fields, field: str) -> Errors:
    errors = _all_required(value, field, ("diskName", "diskURI"))
    caching, kind, uri = value.get("cachingMode"), value.get("kind"), value.get("diskURI", "")
    if caching is not None and caching not in ("None", "ReadOnly", "ReadWrite"):
        errors.append(not_supported(f"{field}.cachingMode", caching, ("None", "ReadOnly", "ReadWrite")))
    if kind is not None and kind not in ("Dedicated", "Managed", "Shared"):
        errors.append(not_supported(f"{field}.kind", kind, ("Dedicated", "Managed", "Shared")))
    managed = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
    blob = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
    if kind == "Managed" and not uri.startswith("/subscriptions/"):
        errors.append(not_supported(f"{field}.diskURI", uri, (managed,)))
    if kind is not None and kind != "Managed" and not uri.startswith("https://"):
        errors.append(not_supported(f"{field}.diskURI", uri, (blob,)))
    return errors


def _cinder(value: Fields, field: str) -> Errors:
    return _all_required(value, field, ("volumeID",))


def _storage_os(value: Fields, field: str) -> Errors:
    name = value.get("volumeName", "")
    errors = names.check_label(name, f"{field}.volumeName") if name else [required(f"{field}.volumeName")]
    if value.get("volumeNamespace"):
        errors += names.check_label(value["volumeNamespace"], f"{field}.volumeNamespace")
    return errors


def _secret(value: Fields, field: str, *, namespaced: bool) -> Errors:
    secret = value.get("secretRef")
    if secret is None:
        return []
    keys = ("name", "namespace") if namespaced else ("name",)
    return [required(f"{field}.secretRef.{key}") for key in keys if not secret.get(key)]


def driver_name(name: str, field: str) -> Errors:
    errors: Errors = [] if name else [required(field)]
    if len(name) > 63:
        errors.append(too_long(field, 63))
    return errors + [invalid(field, name, words) for words in names.subdomain(name.lower())]


def _csi(value: Fields, field: str) -> Errors:
    errors = driver_name(value.get("driver", ""), f"{field}.driver")
    secret = value.get("nodePublishSecretRef")
    if secret is not None:
        name = secret.get("name", "")
        if not name:
            errors.append(required(f"{field}.nodePublishSecretRef.name"))
        errors += [invalid(f"{field}.name", name, words) for words in names.subdomain(name) if name]
    return errors


def _csi_persistent(value: Fields, field: str) -> Errors:
    errors = driver_name(value.get("driver", ""), f"{field}.driver") + _all_required(value, field, ("volumeHandle",))
    for key in (
        "controllerPublishSecretRef",
        "controllerExpandSecretRef",
        "nodePublishSecretRef",
        "nodeExpandSecretRef",
    ):
        secret = value.get(key)
        if secret is None:
            continue
        name, namespace = secret.get("name", ""), secret.get("namespace", "")
        errors += names.check_subdomain(name, f"{field}.{key}.name") if name else [required(f"{field}.{key}.name")]
        here = f"{field}.{key}.namespace"
        errors += names.check_label(namespace, here) if namespace else [required(here)]
    return errors


def _image(value: Fields, field: str) -> Errors:
    errors = _all_required(value, field, ("reference",))
    policy = value.get("pullPolicy", "")
    if policy not in ("Always", "IfNotPresent", "Never"):
        supported = ("Always", "IfNotPresent", "Never")
        errors.append(
            not_supported(f"{field}.pullPolicy", policy, supported) if policy else required(f"{field}.pullPolicy")
        )
    return errors


def is_root(path: str) -> bool:
    return posixpath.normpath(path or ".") in ("/", "//")


_RULES: dict[str, Callable[[Fields, str], Errors]] = {
    "hostPath": _host_path,
    "local": _local,
    "gitRepo": _git_repo,
    "gcePersistentDisk": _partitioned("pdName"),
    "awsElasticBlockStore": _partitioned("volumeID"),
    "nfs": _nfs,
    "fc": _fc,
    "flocker": _flocker,
    "quobyte": _quobyte,
    "flexVolume": _flex,
    "azureFile": _azure_file,
    "azureDisk": _azure_disk,
    "cinder": _cinder,
    "storageos": _storage_os,
    "csi": _csi,
    "image": _image,
}
