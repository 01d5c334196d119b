"""The status of a ResourceClaim: what was allocated, for whom it is reserved, what drivers report.

Source: pkg/apis/resource/validation/validation.go (ValidateResourceClaimStatusUpdate).
"""

from __future__ import annotations

import re

from statelab.controlplane.apiserver.validation import device_names, difference, meta, names, scheduling, sources
from statelab.controlplane.apiserver.validation.device_names import MOST, each_of, set_of
from statelab.controlplane.apiserver.validation.fields import (
    IMMUTABLE,
    Errors,
    Fields,
    duplicate,
    forbidden,
    go_struct,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)
from statelab.controlplane.kinds import Object

_ALLOCATION = "io.k8s.api.resource.v1.AllocationResult"
MOST_CONSUMERS = 256
_MOST_CONDITIONS = 8
_MOST_ADDRESSES = 16
_LONGEST_INTERFACE, _LONGEST_HARDWARE = 256, 128
_SOURCES = ("FromClaim", "FromClass")
_UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BAD_UID = (
    "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal "
    "characters"
)


def update_status(obj: Object, old: Object) -> Errors:
    """What is wrong with a status that is to replace that of `old`."""
    status, was = obj.get("status") or {}, old.get("status") or {}
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    consumers, before = status.get("reservedFor") or [], was.get("reservedFor") or []
    errors += set_of(consumers, MOST_CONSUMERS, _consumer, "status.reservedFor", lambda each: each.get("uid", ""))
    allocation = status.get("allocation")
    results = ((allocation or {}).get("devices") or {}).get("results") or []
    errors += _device_statuses(status.get("devices") or [], {_device(each) for each in results})
    if consumers and allocation is None:
        errors.append(forbidden("status.reservedFor", "may not be specified when `allocated` is not set"))
    elif obj["metadata"].get("deletionTimestamp") and any(each not in before for each in consumers):
        why = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"
        errors.append(forbidden("status.reservedFor", why))
    if allocation is None:
        return errors
    if was.get("allocation") is None:
        return errors + _allocation(allocation, device_names.request_names(obj["spec"].get("devices") or {}))
    if difference.differ(allocation, was["allocation"]):
        errors.append(invalid("status.allocation", go_struct(_ALLOCATION, allocation), IMMUTABLE))
    return errors


def _consumer(value: Fields, field: str) -> Errors:
    return [required(f"{field}.{key}") for key in ("resource", "name", "uid") if not value.get(key)]


def _device(value: Fields) -> tuple[str, ...]:
    return tuple(value.get(key) or "" for key in ("driver", "pool", "device", "shareID"))


# ---- what was allocated


def _allocation(value: Fields, known: device_names.RequestNames) -> Errors:
    devices, field = value.get("devices") or {}, "status.allocation.devices"

    def result(each: Fields, here: str) -> Errors:
        return _result(each, known, here)

    def config(each: Fields, here: str) -> Errors:
        return _config(each, known, here)

    errors = each_of(devices.get("results") or [], MOST, result, f"{field}.results")
    errors += each_of(devices.get("config") or [], 2 * MOST, config, f"{field}.config")
    selector = value.get("nodeSelector")
    if selector is not None:
        errors += scheduling.node_selector(selector, "status.allocation.nodeSelector")
    return errors


def _result(value: Fields, known: device_names.RequestNames, field: str) -> Errors:
    errors = device_names.reference(value.get("request", ""), known, f"{field}.request")
    errors += _place(value, field) + device_names.binding_conditions(value, field)
    return errors + device_names.tolerations(value, field) + _share(value, field)


def _place(value: Fields, field: str) -> Errors:
    errors = sources.driver_name(value.get("driver", ""), f"{field}.driver")
    errors += device_names.pool(value.get("pool", ""), f"{field}.pool")
    return errors + names.check_label(value.get("device", ""), f"{field}.device")


def _share(value: Fields, field: str) -> Errors:
    share = value.get("shareID")
    return [] if share is None or _UID.fullmatch(share) else [invalid(f"{field}.shareID", share, _BAD_UID)]


def _config(value: Fields, known: device_names.RequestNames, field: str) -> Errors:
    errors: Errors = []
    source = value.get("source", "")
    if not source:
        errors.append(required(f"{field}.source"))
    elif source not in _SOURCES:
        errors.append(not_supported(f"{field}.source", source, _SOURCES))
    return errors + device_names.references(value, known, field) + device_names.opaque(value, field)


# ---- what drivers report


def _device_statuses(found: list[Fields], allocated: set[tuple[str, ...]]) -> Errors:
    errors: Errors = []
    seen: set[tuple[str, ...]] = set()
    for index, each in enumerate(found):
        here, own = f"status.devices[{index}]", _device(each)
        errors += _place(each, here) + _share(each, here)
        shown = "/".join(part for part in own if part)
        if own not in allocated:
            errors.append(invalid(here, shown, "must be an allocated device in the claim"))
        if own in seen:
            errors.append(duplicate(here, shown))
        seen.add(own)
        if len(each.get("conditions") or ()) > _MOST_CONDITIONS:
            errors.append(too_many(f"{here}.conditions", len(each["conditions"]), _MOST_CONDITIONS))
        if each.get("data") is not None:
            errors += device_names.raw(each["data"], f"{here}.data")
        errors += _network(each.get("networkData") or {}, f"{here}.networkData")
    return errors


def _network(value: Fields, field: str) -> Errors:
    errors: Errors = []
    for key, longest in (("interfaceName", _LONGEST_INTERFACE), ("hardwareAddress", _LONGEST_HARDWARE)):
        if len(value.get(key, "")) > longest:
            errors.append(too_long(f"{field}.{key}", longest))
    return errors + set_of(value.get("ips") or [], _MOST_ADDRESSES, names.check_cidr, f"{field}.ips", str)
