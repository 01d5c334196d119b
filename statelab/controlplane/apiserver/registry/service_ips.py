"""Cluster IPs, IP families and node ports of Services: what is asked for is checked, the rest is handed out.

The cluster is single stack: IPv4, 10.96.0.0/16, as kind's. Source: pkg/registry/core/service/storage/alloc.go,
pkg/registry/core/service/ipallocator, portallocator.
"""

from __future__ import annotations

import ipaddress
import random
from typing import Any, Protocol

from statelab.controlplane.apiserver.validation import services as rules
from statelab.controlplane.errors import ApiError, FieldError, invalid
from statelab.controlplane.kinds import KINDS, Object

SUBNET = ipaddress.ip_network("10.96.0.0/16")
_FIRST, _LAST = int(SUBNET.network_address) + 1, int(SUBNET.broadcast_address) - 1
_STATIC = 256  # the first addresses are kept for those who ask for one by number
NODE_PORTS = range(30000, 32768)
_STATIC_NODE_PORTS = 86

Fields = dict[str, Any]


class Reader(Protocol):
    """What admission may look at."""

    def get(self, plural: str, key: str) -> Object | None: ...

    def list(self, plural: str, namespace: str = "") -> list[Object]: ...


def allocate(service: Object, old: Object | None, cluster: Reader, *, dry_run: bool = False) -> None:
    """Fill in clusterIP(s), ipFamilies, ipFamilyPolicy and nodePorts, in place. Raises ApiError 422."""
    spec = service["spec"]
    before = old["spec"] if old is not None else None
    _normalise_cluster_ips(spec, before)
    if before is not None:
        _keep_allocated(spec, before)
        _drop_of_other_type(spec, before)
    if spec["type"] == "ExternalName" or spec["type"] not in rules.TYPES:
        return
    errors = rules.cluster_ips(spec)
    if not errors:
        errors = _families(spec)
    if errors:
        raise _refusal(service, errors)
    _cluster_ip(service, spec, before, cluster, dry_run)
    _node_ports(service, spec, before, cluster, dry_run)


def _refusal(service: Object, errors: list[FieldError]) -> ApiError:
    return invalid(KINDS["services"], service["metadata"].get("name", ""), errors)


def _normalise_cluster_ips(spec: Fields, before: Fields | None) -> None:
    ip, ips = spec.get("clusterIP", ""), spec.get("clusterIPs") or []
    if before is None:
        if ip and not ips:
            spec["clusterIPs"] = [ip]
        return
    old_ip, old_ips = before.get("clusterIP", ""), before.get("clusterIPs") or []
    if old_ips and not ips and ip == old_ip:
        spec["clusterIPs"] = ips = list(old_ips)
    if ip != old_ip and ips == old_ips:
        if ip:
            spec["clusterIPs"] = [ip]
        else:
            spec.pop("clusterIPs", None)


def _keep_allocated(spec: Fields, before: Fields) -> None:
    """An update that leaves out what was handed out keeps it."""
    if spec["type"] != "ExternalName" and before["type"] != "ExternalName":
        if not spec.get("clusterIP") and not spec.get("clusterIPs") and before.get("clusterIP"):
            spec["clusterIP"], spec["clusterIPs"] = before["clusterIP"], list(before.get("clusterIPs") or ())
        for key in ("ipFamilies", "ipFamilyPolicy"):
            if key not in spec and key in before:
                spec[key] = before[key]
    if spec["type"] in rules.WITH_NODE_PORTS and before["type"] in rules.WITH_NODE_PORTS:
        taken = {port.get("nodePort") for port in spec.get("ports") or ()}
        known = {
            (port.get("protocol"), port.get("port")): port["nodePort"]
            for port in before.get("ports") or ()
            if port.get("nodePort")
        }
        for port in spec.get("ports") or ():
            number = known.get((port.get("protocol"), port.get("port")))
            if not port.get("nodePort") and number and number not in taken:
                port["nodePort"] = number
                taken.add(number)
    if rules.needs_health_check(spec) and rules.needs_health_check(before) and not spec.get("healthCheckNodePort"):
        spec["healthCheckNodePort"] = before.get("healthCheckNodePort", 0)


def _drop_of_other_type(spec: Fields, before: Fields) -> None:
    """What belonged to the old type and was not changed goes with it. Source: dropTypeDependentFields."""

    def drop(*keys: str) -> None:
        for key in keys:
            if spec.get(key) == before.get(key):
                spec.pop(key, None)

    if before["type"] != "ExternalName" and spec["type"] == "ExternalName":
        drop("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")
    if before["type"] in rules.WITH_NODE_PORTS and spec["type"] not in rules.WITH_NODE_PORTS:
        old_numbers = {port.get("nodePort") for port in before.get("ports") or ()}
        numbers = {port.get("nodePort") for port in spec.get("ports") or ()}
        if numbers - {None} <= old_numbers:
            for port in spec.get("ports") or ():
                port.pop("nodePort", None)
    if rules.needs_health_check(before) and not rules.needs_health_check(spec):
        drop("healthCheckNodePort")
    if before["type"] == "LoadBalancer" and spec["type"] != "LoadBalancer":
        drop("allocateLoadBalancerNodePorts", "loadBalancerClass")
    if rules.externally_accessible(before) and not rules.externally_accessible(spec):
        drop("externalTrafficPolicy")


def _families(spec: Fields) -> list[FieldError]:
    errors: list[FieldError] = []
    families = spec.get("ipFamilies") or []
    policy = spec.get("ipFamilyPolicy")
    ips = spec.get("clusterIPs") or []
    headless = ips == ["None"]
    if headless and not spec.get("selector"):
        # Nothing will be selected, so nothing can be of a family the cluster does not have.
        spec.setdefault("ipFamilyPolicy", "RequireDualStack")
        if not families:
            spec["ipFamilies"] = families = ["IPv4"]
        if spec["ipFamilyPolicy"] != "SingleStack" and len(families) == 1:
            spec["ipFamilies"] = [*families, "IPv6" if families[0] == "IPv4" else "IPv4"]
        return []
    dual = policy in ("PreferDualStack", "RequireDualStack")
    if len(ips) == 2 and not dual:
        why = "must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified"
        errors.append(rules.invalid("spec.ipFamilyPolicy", policy, why))
    if len(families) == 2 and not dual:
        why = "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified"
        errors.append(rules.invalid("spec.ipFamilyPolicy", policy, why))
    for index, family in enumerate(families):
        if family != "IPv4":
            errors.append(rules.invalid(f"spec.ipFamilies[{index}]", family, "not configured on this cluster"))
    for index, ip in enumerate(ips):
        if ip != "None" and ":" in ip and not families:
            why = "IPv6 is not configured on this cluster"
            errors.append(rules.invalid(f"spec.clusterIPs[{index}]", ips, why))
    if policy == "RequireDualStack":
        why = "this cluster is not configured for dual-stack services"
        errors.append(rules.invalid("spec.ipFamilyPolicy", policy, why))
    if not errors:
        spec.setdefault("ipFamilyPolicy", "SingleStack")
        spec["ipFamilies"] = families or ["IPv4"]
    return errors


def _cluster_ip(service: Object, spec: Fields, before: Fields | None, cluster: Reader, dry_run: bool) -> None:
    ip = spec.get("clusterIP", "")
    if ip == "None" or (before is not None and before.get("clusterIP") == ip and ip):
        return
    if before is not None and before["type"] != "ExternalName" and before.get("clusterIP"):
        return  # validation says that it may not change
    used = {each["spec"].get("clusterIP") for each in cluster.list("services")} if not dry_run or not ip else set()
    used |= {each["metadata"]["name"] for each in cluster.list("ipaddresses")}
    if not ip:
        spec["clusterIP"] = _next_ip(used, _random(cluster))
        spec["clusterIPs"] = [spec["clusterIP"]]
        return
    number = int(ipaddress.ip_address(ip)) if ":" not in ip else 0
    why = ""
    if not _FIRST <= number <= _LAST:
        why = f"the provided IP ({ip}) is not in the valid range. The range of valid IPs is {SUBNET}"
    elif ip in used:
        why = "provided IP is already allocated"
    if why:
        raise _refusal(service, [rules.invalid("spec.clusterIPs", [ip], f"failed to allocate IP {ip}: {why}")])


def _random(cluster: Reader) -> random.Random:
    found = getattr(cluster, "random", None)
    return found if isinstance(found, random.Random) else random.Random(0)


def _next_ip(used: set[str | None], dice: random.Random) -> str:
    for _ in range(64):
        ip = str(ipaddress.ip_address(dice.randint(_FIRST + _STATIC, _LAST)))
        if ip not in used:
            return ip
    for number in (*range(_FIRST + _STATIC, _LAST + 1), *range(_FIRST, _FIRST + _STATIC)):
        ip = str(ipaddress.ip_address(number))
        if ip not in used:
            return ip
    raise ApiError(500, "InternalError", "Internal error occurred: failed to allocate a serviceIP: range is full")


def _node_ports(service: Object, spec: Fields, before: Fields | None, cluster: Reader, dry_run: bool) -> None:
    wanted = spec["type"] == "NodePort" or (
        spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts", True)
    )
    ports = spec.get("ports") or []
    asked = [port for port in ports if port.get("nodePort")]
    health = rules.needs_health_check(spec)
    if spec["type"] not in rules.WITH_NODE_PORTS or not (wanted or asked or health):
        return
    own = {(port.get("protocol"), port.get("nodePort")) for port in (before or {}).get("ports") or ()}
    used: set[tuple[str, int]] = set()
    for each in cluster.list("services"):
        if each["metadata"].get("uid") != service["metadata"].get("uid") or before is None:
            used |= {
                (p.get("protocol", "TCP"), p["nodePort"]) for p in each["spec"].get("ports") or () if p.get("nodePort")
            }
    for index, port in enumerate(ports):
        number = port.get("nodePort")
        if not number or (port.get("protocol"), number) in own:
            continue
        why = ""
        if number not in NODE_PORTS:
            why = "provided port is not in the valid range. The range of valid ports is 30000-32767"
        elif (port.get("protocol", "TCP"), number) in used and not dry_run:
            why = "provided port is already allocated"
        if why:
            raise _refusal(service, [rules.invalid(f"spec.ports[{index}].nodePort", number, why)])
        used.add((port.get("protocol", "TCP"), number))
    taken = {number for _, number in used}
    numbers: dict[int, int] = {port["port"]: port["nodePort"] for port in asked}
    for port in ports:
        if not wanted or port.get("nodePort"):
            continue
        # The same port in two protocols gets one number.
        same = numbers.get(port.get("port", 0))
        number = (
            same if same and (port.get("protocol", "TCP"), same) not in used else _next_port(taken, _random(cluster))
        )
        port["nodePort"] = numbers[port.get("port", 0)] = number
        used.add((port.get("protocol", "TCP"), number))
        taken.add(number)
    if health and not spec.get("healthCheckNodePort"):
        spec["healthCheckNodePort"] = _next_port(taken, _random(cluster))


def _next_port(taken: set[int], dice: random.Random) -> int:
    for _ in range(64):
        number = dice.randint(NODE_PORTS.start + _STATIC_NODE_PORTS, NODE_PORTS.stop - 1)
        if number not in taken:
            return number
    for number in NODE_PORTS:
        if number not in taken:
            return number
    raise ApiError(500, "InternalError", "Internal error occurred: failed to allocate a nodePort: range is full")
