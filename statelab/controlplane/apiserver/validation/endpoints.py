"""Endpoints and EndpointSlices.

Source: pkg/apis/core/validation/validation.go, pkg/apis/discovery/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from statelab.controlplane.apiserver.validation import meta, names, warnings
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    duplicate,
    immutable,
    invalid,
    not_supported,
    required,
    too_many,
)
from statelab.controlplane.apiserver.validation.rules import Rules
from statelab.controlplane.apiserver.validation.services import non_special_ip, protocol
from statelab.controlplane.kinds import Object

_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_CONTROLLERS = ("endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io")
_ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")


def create_endpoints(obj: Object, old: Object | None = None) -> Errors:
    """With `old`, what it holds already is not looked at again: a thousand are written for one that is new."""
    valid = {(each["ip"], each.get("hostname"), each.get("nodeName")) for each in _addresses(old)}
    errors = meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain)
    for index, subset in enumerate(obj.get("subsets") or ()):
        here = f"subsets[{index}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            errors.append(required(here, "must specify `addresses` or `notReadyAddresses`"))
        for key in ("addresses", "notReadyAddresses"):
            for number, address in enumerate(subset.get(key) or ()):
                if (address.get("ip"), address.get("hostname"), address.get("nodeName")) not in valid:
                    errors += _address(address, f"{here}.{key}[{number}]")
        ports: list[Fields] = subset.get("ports") or []
        for number, port in enumerate(ports):
            errors += _port(port, f"{here}.ports[{number}]", needs_name=len(ports) > 1)
    return errors


def update_endpoints(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    return errors + create_endpoints(obj, old)


def _addresses(endpoints: Object | None) -> list[Fields]:
    subsets = (endpoints or {}).get("subsets") or ()
    return [each for subset in subsets for key in ("addresses", "notReadyAddresses") for each in subset.get(key) or ()]


def _address(address: Fields, field: str) -> Errors:
    ip = address.get("ip", "")
    errors = names.check_ip(ip, f"{field}.ip")
    if address.get("hostname"):
        errors += names.check_label(address["hostname"], f"{field}.hostname")
    if address.get("nodeName") is not None:
        errors += names.check_subdomain(address["nodeName"], f"{field}.nodeName")
    return errors + non_special_ip(ip, f"{field}.ip")


def _port(port: Fields, field: str, *, needs_name: bool) -> Errors:
    errors: Errors = []
    name = port.get("name", "")
    if needs_name and not name:
        errors.append(required(f"{field}.name"))
    elif name:
        errors += names.check_label(name, f"{field}.name")
    number = port.get("port", 0)
    errors += [invalid(f"{field}.port", number, words) for words in names.port_number(number)]
    errors += protocol(port, field)
    if port.get("appProtocol") is not None:
        errors += names.check_qualified(port["appProtocol"], f"{field}.appProtocol")
    return errors


def create_slice(obj: Object, old: Object | None = None) -> Errors:
    """With `old`, an endpoint that stood in the same place is not looked at again."""
    valid: list[Fields] = (old or {}).get("endpoints") or []
    errors = meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain)
    kind = obj.get("addressType", "")
    if kind not in _ADDRESS_TYPES:
        errors.append(not_supported("addressType", kind, _ADDRESS_TYPES) if kind else required("addressType"))
    endpoints: list[Fields] = obj.get("endpoints") or []
    if len(endpoints) > 1000:
        errors.append(too_many("endpoints", len(endpoints), 1000))
    else:
        for index, endpoint in enumerate(endpoints):
            if index >= len(valid) or endpoint != valid[index]:
                errors += _endpoint(endpoint, kind, f"endpoints[{index}]")
    ports: list[Fields] = obj.get("ports") or []
    if len(ports) > 20000:
        errors.append(too_many("ports", len(ports), 20000))
        return errors
    seen: set[str] = set()
    for index, port in enumerate(ports):
        name = port.get("name") or ""
        here = f"ports[{index}]"
        if name:
            errors += names.check_label(name, f"{here}.name")
        if name in seen:
            errors.append(duplicate(f"{here}.name", name))
        seen.add(name)
        errors += protocol(port, here)
        if port.get("appProtocol") is not None:
            errors += names.check_qualified(port["appProtocol"], f"{here}.appProtocol")
    return errors


def _endpoint(endpoint: Fields, kind: str, field: str) -> Errors:
    errors: Errors = []
    addresses: list[str] = endpoint.get("addresses") or []
    if not addresses:
        errors.append(required(f"{field}.addresses", "must contain at least 1 address"))
    elif len(addresses) > 100:
        errors.append(too_many(f"{field}.addresses", len(addresses), 100))
    for index, address in enumerate(addresses):
        here = f"{field}.addresses[{index}]"
        if kind in ("IPv4", "IPv6"):
            ip, wrong = names.parse_ip(address), names.check_ip(address, here)
            errors += wrong
            if ip is not None and ip.version != int(kind[-1]):
                errors.append(invalid(here, address, f"must be an {kind} address"))
            errors += non_special_ip(address, here) if ip is not None else []
        elif kind == "FQDN":
            errors += names.check_subdomain(address, here)
    for key, check in (("hostname", names.check_label), ("nodeName", names.check_subdomain)):
        if endpoint.get(key) is not None:
            errors += check(endpoint[key], f"{field}.{key}")
    if endpoint.get("deprecatedTopology"):
        errors += meta.labels(endpoint["deprecatedTopology"], f"{field}.deprecatedTopology")
    return errors


def update_slice(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    errors += create_slice(obj, old)
    return errors + immutable(obj.get("addressType"), old.get("addressType"), "addressType")


def _endpoints_defaults(obj: Object) -> None:
    for subset in obj.get("subsets") or ():
        for port in subset.get("ports") or ():
            port.setdefault("protocol", "TCP")


def _slice_defaults(obj: Object) -> None:
    for port in obj.get("ports") or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def _slice_changed(obj: Object, old: Object) -> bool:
    left, right = ({key: value for key, value in one.items() if key != "metadata"} for one in (obj, old))
    return left != right or obj["metadata"].get("labels") != old["metadata"].get("labels")


def _slice_warnings(obj: Object, _old: Object | None) -> Iterator[str]:
    if obj.get("addressType") == "FQDN":
        yield "spec.addressType: FQDN endpoints are deprecated"
    if (obj["metadata"].get("labels") or {}).get(_MANAGED_BY) in _CONTROLLERS:
        return
    for number, endpoint in enumerate(obj.get("endpoints") or ()):
        for index, address in enumerate(endpoint.get("addresses") or ()):
            yield from warnings.of_address(address, f"endpoints[{number}].addresses[{index}]")


RULES = {
    "endpoints": Rules(create_endpoints, update_endpoints, defaults=_endpoints_defaults),
    "endpointslices": Rules(
        create_slice, update_slice, defaults=_slice_defaults, counts=_slice_changed, warnings=_slice_warnings
    ),
}
