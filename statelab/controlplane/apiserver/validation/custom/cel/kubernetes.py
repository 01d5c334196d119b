"""The types that Kubernetes adds to CEL: quantities, addresses, networks and URLs.

Source: apiserver/pkg/cel/library (quantity.go, ip.go, cidr.go, urls.go).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from statelab.controlplane import quantity
from statelab.controlplane.apiserver.validation.custom.cel.values import CelError, Quantity, number

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def address_of(text: str) -> Address:
    """Raises CelError for what is no address."""
    found: Address = or_error(lambda: ipaddress.ip_address(text), "IP Address", text)
    return found


def network_of(text: str) -> Network:
    """Raises CelError for what is no range of addresses."""
    found: Network = or_error(lambda: ipaddress.ip_network(text, strict=False), "network address", text)
    return found


def quantity_of(text: str) -> Quantity:
    try:
        return Quantity(quantity.parse(text).nanos)
    except ValueError as error:
        raise CelError(f"quantity: {error}") from None


def quantity_method(name: str, owner: Quantity, rest: list[Any]) -> Any:
    match name, rest:
        case "sign", []:
            return (owner.nanos > 0) - (owner.nanos < 0)
        case "isInteger", []:
            return owner.nanos % 10**9 == 0
        case "asInteger", [] if owner.nanos % 10**9 == 0:
            return number(owner.nanos // 10**9)
        case "asApproximateFloat", []:
            return owner.nanos / 1e9
        case "isGreaterThan", [Quantity() as other]:
            return owner.nanos > other.nanos
        case "isLessThan", [Quantity() as other]:
            return owner.nanos < other.nanos
        case "compareTo", [Quantity() as other]:
            return (owner.nanos > other.nanos) - (owner.nanos < other.nanos)
        case "add", [Quantity() as other]:
            return Quantity(owner.nanos + other.nanos)
        case "sub", [Quantity() as other]:
            return Quantity(owner.nanos - other.nanos)
        case (("add" | "sub"), [int() as other]):
            return Quantity(owner.nanos + (other if name == "add" else -other) * 10**9)
    raise CelError("no such overload")


def network_method(name: str, owner: Any, rest: list[Any]) -> Any:
    match name, rest:
        case "containsIP", [value]:
            address = value if not isinstance(value, str) else address_of(value)
            return address in owner
        case "containsCIDR", [value]:
            inner = value if not isinstance(value, str) else network_of(value)
            return bool(owner.version == inner.version and inner.subnet_of(owner))
        case "prefixLength", []:
            return owner.prefixlen
        case "ip", []:
            return owner.network_address
        case "masked", []:
            return owner
    raise CelError("no such overload")


class Url:
    def __init__(self, text: str) -> None:
        self._parts = urlsplit(text)

    def part(self, name: str) -> Any:
        parts = self._parts
        port = str(parts.port) if parts.port is not None else ""
        host = f"{parts.hostname or ''}{':' if port else ''}{port}"
        found = {
            "getScheme": parts.scheme, "getHost": host, "getHostname": parts.hostname or "", "getPort": port,
            "getEscapedPath": parts.path,
        }  # fmt: skip
        return named(found, name)


def url_of(text: str) -> Url:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise CelError("URL parse error during conversion from string") from None
    if not (parts.scheme or text.startswith("/")) or " " in text:
        raise CelError("URL parse error during conversion from string")
    return Url(text)


def is_one(make: Callable[[], Any]) -> bool:
    try:
        make()
    except (ValueError, CelError):
        return False
    return True


def or_error(make: Callable[[], Any], what: str, text: str) -> Any:
    try:
        return make()
    except (ValueError, LookupError):
        raise CelError(f"{what} parse error during conversion from string: {text[:60]}") from None


def named(found: dict[str, Any], name: str) -> Any:
    if name not in found:
        raise CelError("no such overload")
    return found[name]
