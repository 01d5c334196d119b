"""What CSI drivers say of themselves: rows of a table. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.printing.cells import AGE, NAME, Printer, Since, age, name, part
from statelab.controlplane.kinds import Object

_DRIVER = "io.k8s.api.storage.v1.CSIDriverSpec#"


def _driver(obj: Object, since: Since) -> list[Any]:
    spec = part(obj, "spec")
    requests = spec.get("tokenRequests")
    audiences = "<unset>" if requests is None else ",".join(each.get("audience", "") for each in requests)
    flags = [spec.get(key, key == "attachRequired") for key in ("attachRequired", "podInfoOnMount", "storageCapacity")]
    modes = ",".join(spec.get("volumeLifecycleModes") or ()) or "<none>"
    return [name(obj), *flags, audiences, bool(spec.get("requiresRepublish")), modes, age(obj, since)]


def _node(obj: Object, since: Since) -> list[Any]:
    return [name(obj), len(part(obj, "spec").get("drivers") or ()), age(obj, since)]


def _capacity(obj: Object, since: Since) -> list[Any]:
    return [name(obj), obj.get("storageClassName", ""), obj.get("capacity") or "<unset>"]


def _attachment(obj: Object, since: Since) -> list[Any]:
    spec = part(obj, "spec")
    volume = part(spec, "source").get("persistentVolumeName") or ""
    attached = bool(part(obj, "status").get("attached"))
    return [name(obj), spec.get("attacher", ""), volume, spec.get("nodeName", ""), attached, age(obj, since)]


def _attributes(obj: Object, since: Since) -> list[Any]:
    return [name(obj), obj.get("driverName", ""), age(obj, since)]


PRINTERS = {
    "csidrivers": Printer(
        (
            NAME,
            ("AttachRequired", "boolean", 0, _DRIVER + "attachRequired"),
            ("PodInfoOnMount", "boolean", 0, _DRIVER + "podInfoOnMount"),
            ("StorageCapacity", "boolean", 0, _DRIVER + "storageCapacity"),
            ("TokenRequests", "string", 0, _DRIVER + "tokenRequests"),
            ("RequiresRepublish", "boolean", 0, _DRIVER + "requiresRepublish"),
            ("Modes", "string", 0, _DRIVER + "volumeLifecycleModes"),
            AGE,
        ),
        _driver,
    ),
    "csinodes": Printer(
        (NAME, ("Drivers", "integer", 0, "Drivers indicates the number of CSI drivers registered on the node"), AGE),
        _node,
    ),
    "csistoragecapacities": Printer(
        (
            NAME,
            ("StorageClassName", "string", 0, "io.k8s.api.storage.v1.CSIStorageCapacity#storageClassName"),
            ("Capacity", "string", 0, "io.k8s.api.storage.v1.CSIStorageCapacity#capacity"),
        ),
        _capacity,
    ),
    "volumeattachments": Printer(
        (
            NAME,
            ("Attacher", "string", 0, "io.k8s.api.storage.v1.VolumeAttachmentSpec#attacher"),
            ("PV", "string", 0, "io.k8s.api.storage.v1.VolumeAttachmentSource#persistentVolumeName"),
            ("Node", "string", 0, "io.k8s.api.storage.v1.VolumeAttachmentSpec#nodeName"),
            ("Attached", "boolean", 0, "io.k8s.api.storage.v1.VolumeAttachmentStatus#attached"),
            AGE,
        ),
        _attachment,
    ),
    "volumeattributesclasses": Printer(
        (NAME, ("DriverName", "string", 0, "io.k8s.api.storage.v1.VolumeAttributesClass#driverName"), AGE), _attributes
    ),
}
