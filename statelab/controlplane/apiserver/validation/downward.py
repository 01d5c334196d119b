"""The downward API: which of its own fields a Pod may show to its containers.

Source: pkg/apis/core/validation/validation.go, pkg/apis/core/pods/helpers.go.
"""

from __future__ import annotations

from statelab.controlplane import quantity
from statelab.controlplane.apiserver.validation import names, sources
from statelab.controlplane.apiserver.validation.fields import Errors, Fields, invalid, not_supported, required

_FILE_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
_IN_VOLUMES = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)
IN_ENV = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
_CONVERTIBLE = frozenset(
    {
        *IN_ENV,
        *_IN_VOLUMES,
        "spec.hostname",
        "spec.restartPolicy",
        "spec.schedulerName",
        "status.phase",
        "status.nominatedNodeName",
    }
)
_RESOURCES = (
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
)
_BYTES = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
_DIVISORS = {
    "cpu": (("1m", "1"), "only divisor's values 1m and 1 are supported with the cpu resource"),
    "memory": (_BYTES, f"only divisor's values {', '.join(_BYTES)} are supported with the memory resource"),
    "ephemeral-storage": (
        _BYTES,
        f"only divisor's values {', '.join(_BYTES)} are supported with the local ephemeral storage resource",
    ),
}


def downward_file(item: Fields, field: str) -> Errors:
    """One file of a downwardAPI volume."""
    path = item.get("path", "")
    errors: Errors = [] if path else [required(f"{field}.path")]
    errors += sources.local_path(path, f"{field}.path")
    if item.get("fieldRef") is not None:
        errors += field_ref(item["fieldRef"], _IN_VOLUMES, f"{field}.fieldRef")
        if item.get("resourceFieldRef") is not None:
            why = "fieldRef and resourceFieldRef can not be specified simultaneously"
            errors.append(invalid(field, "resource", why))
    elif item.get("resourceFieldRef") is not None:
        errors += resource_ref(item["resourceFieldRef"], f"{field}.resourceFieldRef", in_volume=True)
    else:
        errors.append(required(field, "one of fieldRef and resourceFieldRef is required"))
    mode = item.get("mode")
    if mode is not None and not 0 <= mode <= 0o777:
        errors.append(invalid(f"{field}.mode", mode, _FILE_MODE))
    return errors


def field_ref(value: Fields, allowed: tuple[str, ...], field: str) -> Errors:
    if not value.get("apiVersion"):
        return [required(f"{field}.apiVersion")]
    path = value.get("fieldPath", "")
    if not path:
        return [required(f"{field}.fieldPath")]
    version = value["apiVersion"]
    if version != "v1":
        why = f"error converting fieldPath: unsupported pod version: {version}"
        return [invalid(f"{field}.fieldPath", path, why)]
    base, bracket, rest = path.partition("['")
    if bracket and rest.endswith("']"):
        subscript = rest[:-2]
        if base == "metadata.annotations":
            return names.check_qualified(subscript.lower(), field)
        if base == "metadata.labels":
            return names.check_qualified(subscript, field)
        why = f"error converting fieldPath: field label does not support subscript: {path}"
        return [invalid(f"{field}.fieldPath", path, why)]
    if path == "spec.host":
        path = "spec.nodeName"
    if path not in _CONVERTIBLE:
        why = f"error converting fieldPath: field label not supported: {path}"
        return [invalid(f"{field}.fieldPath", path, why)]
    return [] if path in allowed else [not_supported(f"{field}.fieldPath", path, allowed)]


def resource_ref(value: Fields, field: str, *, in_volume: bool) -> Errors:
    errors: Errors = []
    resource = value.get("resource", "")
    huge = resource.startswith(("limits.hugepages-", "requests.hugepages-"))
    if in_volume and not value.get("containerName"):
        errors.append(required(f"{field}.containerName"))
    elif not resource:
        errors.append(required(f"{field}.resource"))
    elif resource not in _RESOURCES and not huge:
        errors.append(not_supported(f"{field}.resource", resource, _RESOURCES))
    divisor = value.get("divisor", "0")
    if quantity.parse(divisor).nanos == 0:
        return errors
    allowed, why = _DIVISORS.get(resource.partition(".")[2], ((), ""))
    if huge:
        allowed, why = _BYTES, f"only divisor's values {', '.join(_BYTES)} are supported with the hugepages resource"
    if why and divisor not in allowed:
        errors.append(invalid(f"{field}.divisor", resource, why))
    return errors


def config_key_ref(value: Fields, field: str) -> Errors:
    """A key of a ConfigMap or Secret, by name."""
    name, key = value.get("name", ""), value.get("key", "")
    errors = names.check_subdomain(name, f"{field}.name")
    if not key:
        return [*errors, required(f"{field}.key")]
    return errors + [invalid(f"{field}.key", key, words) for words in names.config_key(key)]
