"""PersistentVolumeClaims, and their spec wherever it stands.

Source: pkg/apis/core/validation/validation.go (ValidatePersistentVolumeClaimSpec and its update).
"""

from __future__ import annotations

from statelab.controlplane import quantity
from statelab.controlplane.apiserver.validation import defaults_pods, difference, meta, names, resources, warnings
from statelab.controlplane.apiserver.validation.fields import (
    NOT_POSITIVE,
    Errors,
    Fields,
    GoValue,
    forbidden,
    immutable,
    invalid,
    not_supported,
    required,
)
from statelab.controlplane.apiserver.validation.rules import Rules
from statelab.controlplane.kinds import Object

MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_RESIZE_STATES = (
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
)


def create(claim: Object) -> Errors:
    errors = meta.metadata(claim["metadata"], namespaced=True, check_name=names.subdomain)
    return errors + claim_spec(claim["spec"], "spec")


def access_modes(modes: list[str], field: str) -> Errors:
    errors: Errors = [not_supported(field, mode, MODES) for mode in modes if mode not in MODES]
    if "ReadWriteOncePod" in modes and any(mode in MODES and mode != "ReadWriteOncePod" for mode in modes):
        errors.append(forbidden(field, "may not use ReadWriteOncePod with other access modes"))
    return errors


def claim_spec(spec: Fields, field: str) -> Errors:
    errors: Errors = []
    modes: list[str] = spec.get("accessModes") or []
    if not modes:
        errors.append(required(f"{field}.accessModes", "at least 1 access mode is required"))
    errors += meta.label_selector(spec.get("selector"), f"{field}.selector")
    errors += access_modes(modes, f"{field}.accessModes")
    storage = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    here = f"{field}.resources[storage]"
    if storage is None:
        errors.append(required(here))
    elif quantity.parse(storage).nanos <= 0:
        errors.append(invalid(here, storage, NOT_POSITIVE))
    name = spec.get("storageClassName")
    if name:
        errors += names.check_subdomain(name, f"{field}.storageClassName")
    mode = spec.get("volumeMode")
    if mode is not None and mode not in VOLUME_MODES:
        errors.append(not_supported(f"{field}.volumeMode", mode, VOLUME_MODES))
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None:
        errors += _data_source(source, f"{field}.dataSource")
    if reference is not None:
        errors += _data_source(reference, f"{field}.dataSourceRef")
        if reference.get("namespace"):
            errors += names.check_label(reference["namespace"], f"{field}.dataSourceRef.namespace")
    if source is not None and reference is not None:
        path = GoValue("{}")  # the server shows the path itself, which has no public fields
        if reference.get("namespace"):
            errors.append(invalid(field, path, "may not be specified when dataSourceRef.namespace is specified"))
        elif any(source.get(key) != reference.get(key) for key in ("apiGroup", "kind", "name")):
            errors.append(invalid(field, path, "must match dataSourceRef"))
    if spec.get("volumeAttributesClassName"):
        errors += names.check_subdomain(spec["volumeAttributesClassName"], f"{field}.volumeAttributesClassName")
    return errors


def _data_source(source: Fields, field: str) -> Errors:
    errors: Errors = [required(f"{field}.{key}") for key in ("name", "kind") if not source.get(key)]
    group = source.get("apiGroup") or ""
    if not group and source.get("kind") != "PersistentVolumeClaim":
        why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        errors.append(invalid(field, source.get("kind", ""), why))
    if group:
        errors += names.check_subdomain(group, f"{field}.apiGroup")
    return errors


def update(claim: Object, old: Object) -> Errors:
    # Upstream looks at the whole claim twice, and says twice what it finds.
    errors = create(claim) + meta.metadata_update(claim["metadata"], old["metadata"]) + create(claim)
    spec, before = claim["spec"], old["spec"]
    annotation, was = ((one["metadata"].get("annotations") or {}).get(_CLASS_ANNOTATION, "") for one in (claim, old))
    errors += immutable(annotation, was, f"metadata.annotations.{_CLASS_ANNOTATION}")
    new_size, old_size = (_storage(one["spec"]) for one in (claim, old))
    compared, original = dict(spec), dict(before)
    if not before.get("volumeName"):
        original["volumeName"] = spec.get("volumeName")
    if before.get("storageClassName") is None and spec.get("storageClassName") is not None:
        original["storageClassName"] = spec["storageClassName"]
    is_bound = (claim.get("status") or {}).get("phase") == "Bound"
    if is_bound and "requests" in (spec.get("resources") or {}):
        requests = {**spec["resources"]["requests"], "storage": old_size}
        compared["resources"] = {**spec["resources"], "requests": requests}
    if is_bound and compared.get("volumeAttributesClassName") is not None:
        compared["volumeAttributesClassName"] = original.get("volumeAttributesClassName")
    if difference.differ(compared, original):
        why = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
        )
        shown = difference.text(_SPEC, original, compared)
        errors.append(forbidden("spec", f"{why}\n{shown}"))
    if quantity.compare(new_size, old_size) < 0:
        capacity = ((old.get("status") or {}).get("capacity") or {}).get("storage", "0")
        if quantity.compare(new_size, capacity) <= 0:
            field = "spec.resources.requests.storage"
            errors.append(forbidden(field, "field can not be less than status.capacity"))
    errors += immutable(spec.get("volumeMode"), before.get("volumeMode"), "volumeMode")
    name, was_name = spec.get("volumeAttributesClassName"), before.get("volumeAttributesClassName")
    if was_name is not None and name != was_name and not name:
        value = "nil" if name is None else "an empty string"
        why = f"update from non-nil value to {value} is forbidden"
        errors.append(forbidden("spec.volumeAttributesClassName", why))
    return errors


_SPEC = "io.k8s.api.core.v1.PersistentVolumeClaimSpec"


def _storage(spec: Fields) -> str:
    return str(((spec.get("resources") or {}).get("requests") or {}).get("storage", "0"))


def update_status(claim: Object, old: Object) -> Errors:
    errors = meta.metadata_update(claim["metadata"], old["metadata"])
    if not claim["spec"].get("accessModes"):
        errors.append(required("Spec.accessModes"))
    status = claim.get("status") or {}
    for name, text in (status.get("capacity") or {}).items():
        if quantity.parse(text).nanos < 0:
            field = f"status.capacity[{name}]"
            value = quantity.parse(text).nanos // quantity.NANO
            errors.append(invalid(field, value, "must be a valid resource quantity"))
    for name, state in (status.get("allocatedResourceStatuses") or {}).items():
        if state not in _RESIZE_STATES:
            errors.append(not_supported("status.allocatedResourceStatus", name, sorted(_RESIZE_STATES)))
    for name, text in (status.get("allocatedResources") or {}).items():
        errors += resources.amount(name, text, f"status.allocatedResources[{name}]")
    return errors


def _prepare(claim: Object, _old: Object | None) -> None:
    _same_data_source(claim["spec"])


def _same_data_source(spec: Fields) -> None:
    """dataSource and dataSourceRef say the same where only one is given. Source: pkg/api/persistentvolumeclaim."""
    if "dataSource" in spec and "dataSourceRef" not in spec:
        spec["dataSourceRef"] = dict(spec["dataSource"])
    elif "dataSourceRef" in spec and "dataSource" not in spec and not spec["dataSourceRef"].get("namespace"):
        source = {key: value for key, value in spec["dataSourceRef"].items() if key != "namespace"}
        group, kind = source.get("apiGroup") or "", source.get("kind")
        if (group, kind) in (("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot")):
            spec["dataSource"] = source


def _pending(_claim: Object) -> Fields:
    return {"phase": "Pending"}


RULES = {
    "persistentvolumeclaims": Rules(
        create,
        update,
        update_status,
        defaults=defaults_pods.claim,
        prepare=_prepare,
        new_status=_pending,
        warnings=warnings.claim,
    ),
}
