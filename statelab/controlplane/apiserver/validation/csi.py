"""What CSI drivers say of themselves, and the classes of a volume's attributes: stored, as by any API server.

Nobody here reads them: no driver is simulated but hostpath.csi.k8s.io, which needs none of them.
Source: pkg/apis/storage/validation/validation.go, pkg/apis/storage/v1/defaults.go, pkg/registry/storage/*/strategy.go.
"""

from __future__ import annotations

from statelab.controlplane import quantity
from statelab.controlplane.apiserver.validation import difference, meta, names, sources, warnings
from statelab.controlplane.apiserver.validation.fields import (
    IMMUTABLE,
    NEGATIVE,
    Errors,
    Fields,
    duplicate,
    forbidden,
    go_struct,
    immutable,
    invalid,
    non_negative,
    not_supported,
    required,
    too_long,
)
from statelab.controlplane.apiserver.validation.rules import Rules, keep, spec_changed
from statelab.controlplane.apiserver.validation.storage import parameters, provisioner
from statelab.controlplane.kinds import Object

_STORAGE = "io.k8s.api.storage.v1."
_GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
_LIFECYCLES = ("Persistent", "Ephemeral")
_LONGEST_NODE_ID = 256
_LARGEST_METADATA = 256 * 1024
_LONGEST_MESSAGE = 1024
_ONE_SOURCE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"


# ---- CSIDriver


def _driver_defaults(obj: Object) -> None:
    spec: Fields = obj.setdefault("spec", {})
    for key, value in (
        ("attachRequired", True),
        ("podInfoOnMount", False),
        ("storageCapacity", False),
        ("fsGroupPolicy", "ReadWriteOnceWithFSType"),
        ("requiresRepublish", False),
        ("seLinuxMount", False),
    ):
        spec.setdefault(key, value)
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]


def create_driver(obj: Object) -> Errors:
    return meta.metadata(obj["metadata"], namespaced=False, check_name=names.subdomain) + _driver(obj["spec"])


def _driver(spec: Fields) -> Errors:
    errors: Errors = []
    if spec["fsGroupPolicy"] not in _GROUP_POLICIES:
        errors.append(not_supported("spec.fsGroupPolicy", spec["fsGroupPolicy"], _GROUP_POLICIES))
    seen: set[str] = set()
    for index, one in enumerate(spec.get("tokenRequests") or ()):
        field, audience, lasts_s = f"spec.tokenRequests[{index}]", one.get("audience", ""), one.get("expirationSeconds")
        if audience in seen:
            errors.append(duplicate(f"{field}.audience", audience))
            continue
        seen.add(audience)
        if lasts_s is not None and lasts_s < 600:
            why = "may not specify a duration less than 10 minutes"
            errors.append(invalid(f"{field}.expirationSeconds", lasts_s, why))
        if lasts_s is not None and lasts_s > 1 << 32:
            why = "may not specify a duration larger than 2^32 seconds"
            errors.append(invalid(f"{field}.expirationSeconds", lasts_s, why))
    for mode in spec["volumeLifecycleModes"]:
        if mode not in _LIFECYCLES:
            errors.append(not_supported("spec.volumeLifecycleModes", mode, _LIFECYCLES))
    every_s = spec.get("nodeAllocatableUpdatePeriodSeconds")
    if every_s is not None and every_s < 10:
        why = "must be greater than or equal to 10 seconds"
        errors.append(invalid("spec.nodeAllocatableUpdatePeriodSeconds", every_s, why))
    return errors


def update_driver(obj: Object, old: Object) -> Errors:
    spec, was = obj["spec"], old["spec"]
    errors = meta.metadata_update(obj["metadata"], old["metadata"]) + _driver(spec)
    errors += immutable(spec["attachRequired"], was["attachRequired"], "spec.attachedRequired")
    return errors + immutable(spec["volumeLifecycleModes"], was["volumeLifecycleModes"], "spec.volumeLifecycleModes")


# ---- CSINode


def create_node(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=False, check_name=names.subdomain)
    seen: set[str] = set()
    for index, driver in enumerate((obj.get("spec") or {}).get("drivers") or ()):
        errors += _node_driver(driver, seen, f"spec.drivers[{index}]")
    return errors


def _node_driver(driver: Fields, seen: set[str], field: str) -> Errors:
    name, node_id = driver.get("name", ""), driver.get("nodeID", "")
    errors = sources.driver_name(name, f"{field}.name")
    if not node_id:
        errors.append(required(f"{field}.nodeID"))
    if len(node_id) > _LONGEST_NODE_ID:
        errors.append(invalid(f"{field}.nodeID", node_id, f"must be {_LONGEST_NODE_ID} characters or less"))
    errors += non_negative((driver.get("allocatable") or {}).get("count"), f"{field}.allocatable.count")
    if name in seen:
        errors.append(duplicate(f"{field}.name", name))
    seen.add(name)
    keys: set[str] = set()
    for key in driver.get("topologyKeys") or ():
        if not key:
            errors.append(required(field))
        if key in keys:
            errors.append(duplicate(field, key))
        keys.add(key)
        errors += names.check_qualified(key, field)
    return errors


def update_node(obj: Object, old: Object) -> Errors:
    errors = create_node(obj)
    was = {each["name"]: each for each in (old.get("spec") or {}).get("drivers") or ()}
    for driver in (obj.get("spec") or {}).get("drivers") or ():
        before = was.get(driver.get("name"))
        if before is not None:
            new, old_driver = ({**one, "allocatable": None} for one in (driver, before))
            errors += immutable(new, old_driver, "spec.drivers")
    return errors


# ---- VolumeAttachment


def create_attachment(obj: Object) -> Errors:
    spec = obj.get("spec") or {}
    errors = _attachment(obj) + sources.driver_name(spec.get("attacher", ""), "spec.attacher")
    volume = (spec.get("source") or {}).get("persistentVolumeName")
    return errors + (names.check_subdomain(volume, "spec.source.persistentVolumeName") if volume is not None else [])


def _attachment(obj: Object) -> Errors:
    spec = obj.get("spec") or {}
    errors = meta.metadata(obj["metadata"], namespaced=False, check_name=names.subdomain)
    if not spec.get("attacher"):
        errors.append(required("spec.attacher"))
    source = spec.get("source") or {}
    volume, inline = source.get("persistentVolumeName"), source.get("inlineVolumeSpec")
    if volume is None and inline is None:
        errors.append(required("spec.source", _ONE_SOURCE))
    elif volume is not None and inline is not None:
        errors.append(forbidden("spec.source", _ONE_SOURCE))
    elif volume == "":
        errors.append(required("spec.source.persistentVolumeName", "must specify non empty persistentVolumeName"))
    errors += names.check_subdomain(spec.get("nodeName", ""), "spec.nodeName")
    return errors + _attachment_status(obj.get("status") or {})


def _attachment_status(status: Fields) -> Errors:
    errors: Errors = []
    size = sum(len(key) + len(value) for key, value in (status.get("attachmentMetadata") or {}).items())
    if size > _LARGEST_METADATA:
        errors.append(too_long("status.attachmentMetadata", _LARGEST_METADATA))
    for key in ("attachError", "detachError"):
        error = status.get(key) or {}
        if len(error.get("message", "")) > _LONGEST_MESSAGE:
            errors.append(too_long(f"status.{key}.message", _LARGEST_METADATA))
        if error.get("errorCode", 0) < 0:
            why = "must be between 0 and 2147483647, inclusive"
            errors.append(invalid(f"status.{key}.errorCode", error["errorCode"], why))
    return errors


def update_attachment(obj: Object, old: Object) -> Errors:
    errors = _attachment(obj)
    if difference.differ(obj.get("spec"), old.get("spec")):
        shown = go_struct(f"{_STORAGE}VolumeAttachmentSpec", obj.get("spec"))
        errors.append(invalid("spec", shown, IMMUTABLE))
    return errors


def _new_attachment(obj: Object) -> Fields:
    return {"attached": False}


def _keep_status(obj: Object, old: Object | None) -> None:
    if old is not None:
        keep("status", obj, old)


# ---- CSIStorageCapacity


def create_capacity(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain)
    errors += meta.label_selector(obj.get("nodeTopology"), "nodeTopology")
    errors += names.check_subdomain(obj.get("storageClassName", ""), "storageClassName")
    amount = obj.get("capacity")
    if amount is not None and quantity.compare(amount, "0") < 0:
        errors.append(invalid("capacity", amount, NEGATIVE))
    return errors


def update_capacity(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    for key in ("nodeTopology", "storageClassName"):
        errors += immutable(obj.get(key), old.get(key), key)
    return errors


# ---- VolumeAttributesClass


def create_attributes(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=False, check_name=names.subdomain)
    errors += provisioner(obj.get("driverName", ""), "driverName")
    if not obj.get("parameters"):
        return [*errors, required("parameters", "must contain at least one key/value pair")]
    return errors + parameters(obj["parameters"])


def update_attributes(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    for key in ("driverName", "parameters"):
        if difference.differ(obj.get(key), old.get(key)):
            errors.append(forbidden(key, f"updates to {key} are forbidden."))
    return errors + create_attributes(obj)


RULES = {
    "csidrivers": Rules(create_driver, update_driver, defaults=_driver_defaults, counts=spec_changed),
    "csinodes": Rules(create_node, update_node),
    "csistoragecapacities": Rules(create_capacity, update_capacity, warnings=warnings.storage_capacity),
    "volumeattachments": Rules(
        create_attachment, update_attachment, update_attachment, prepare=_keep_status, new_status=_new_attachment
    ),
    "volumeattributesclasses": Rules(create_attributes, update_attributes),
}
