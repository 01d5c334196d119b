"""Which records a name of the cluster has, as CoreDNS's kubernetes plugin finds them: Services, endpoints, Pods.

Source: github.com/coredns/coredns plugin/kubernetes (parse.go, kubernetes.go, reverse.go, ns.go) and
plugin/backend_lookup.go.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

import dns.exception
import dns.name
import dns.reversename

from statelab.controlplane.dns_records import Endpoint, Records
from statelab.controlplane.kinds import Object

CLUSTER_DOMAIN = "cluster.local"
DNS_SERVICE_IP = "10.96.0.10"  # the kube-dns Service, where every Pod's /etc/resolv.conf points
TTL_S = 30
_SCHEMA_VERSION = "1.1.0"
_DEFAULT_NAME_SERVER = f"ns.dns.{CLUSTER_DOMAIN}"
_MAX_CNAMES = 8
Line = tuple[str, str, str]  # of an answer: (owner, type, text)


class NoSuchName(Exception):
    """NXDOMAIN."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a name stands for: an address or another name (`host`), a port, and the full name it is known by."""

    host: str
    port: int
    name: str

    @property
    def type(self) -> str:
        try:
            return "A" if ipaddress.ip_address(self.host).version == 4 else "AAAA"
        except ValueError:
            return "CNAME"


class Lookup:
    """The plugin's ServeDNS for one zone: which records a question has, or NoSuchName."""

    def __init__(self, records: Records, zone: str) -> None:
        self._records = records
        self._zone = zone

    def records(self, name: str, type: str) -> tuple[list[Line], list[Line]]:
        if type == "SOA" and name == self._zone:
            return [soa(self._zone, self._records)], []
        if type == "NS" and name == self._zone:
            servers = self._name_servers()
            return [(name, "NS", f"{host}.") for host, _ in servers], [(host, "A", ip) for host, ip in servers]
        if type == "TXT" and name == f"dns-version.{self._zone}":
            return [(name, "TXT", f'"{_SCHEMA_VERSION}"')], []
        if type == "PTR":
            return self._reverse(name), []
        if name == _DEFAULT_NAME_SERVER:
            return [(name, "A", ip) for _, ip in self._name_servers() if type == "A"], []
        targets = [] if name == self._zone else self._targets(name)
        if type in ("A", "AAAA"):
            return self._addresses(name, type, targets, ()), []
        if type == "CNAME":
            return [(name, "CNAME", _full(each.host)) for each in targets if each.type == "CNAME"][:1], []
        if type == "SRV":
            return _services(name, targets)
        return [], []  # the name exists; it has no records of this type

    def _addresses(self, name: str, type: str, targets: list[Target], before: tuple[Line, ...]) -> list[Line]:
        lines: list[Line] = []
        for target in targets:
            if target.type == type:
                lines.append((name, type, target.host))
            elif target.type == "CNAME":
                lines += self._through_alias(name, type, target.host, before)
        return list(dict.fromkeys(lines))

    def _through_alias(self, name: str, type: str, alias: str, before: tuple[Line, ...]) -> list[Line]:
        """An ExternalName Service is a CNAME. Its target is followed here when it is a name of this cluster."""
        line: Line = (name, "CNAME", _full(alias))
        if alias.lower().rstrip(".") == name or line in before or len(before) >= _MAX_CNAMES:
            return []
        inside = alias.lower().rstrip(".")
        if not within(inside, self._zone):
            return [line]
        try:
            further = self._addresses(inside, type, self._targets(inside), (*before, line))
        except NoSuchName:
            return []
        return [line, *further] if further else []

    def _targets(self, name: str) -> list[Target]:
        """What a name below the zone stands for; an empty list is "no data". Source: parse.go parseRequest."""
        base = name.removesuffix(self._zone).rstrip(".")
        if base in ("", "svc", "pod"):
            return []
        labels = base.split(".")
        kind = labels.pop()
        if kind not in ("svc", "pod"):
            raise NoSuchName(name)
        namespace = labels.pop()
        if not self._records.has_namespace(namespace):
            raise NoSuchName(name)
        if not labels:
            return []
        service = labels.pop()
        if len(labels) > 2:
            raise NoSuchName(name)
        if kind == "pod":
            return [Target(_address_from_dashes(service), 0, f"{service}.{namespace}.pod.{self._zone}")]
        endpoint = labels[0] if len(labels) == 1 else ""
        port, protocol = (each.removeprefix("_") for each in labels) if len(labels) == 2 else ("", "")
        found = self._records.service(namespace, service)
        targets = list(self._service_targets(found, endpoint, port, protocol)) if found is not None else []
        if not targets:
            raise NoSuchName(name)
        return targets

    def _service_targets(self, service: Object, endpoint: str, port: str, protocol: str) -> Iterator[Target]:
        """Source: kubernetes.go findServices. A headless Service without ready endpoints has no name at all."""
        metadata, spec = service["metadata"], service["spec"]
        name = f"{metadata['name']}.{metadata['namespace']}.svc.{self._zone}"
        if spec.get("type") == "ExternalName":
            if not (endpoint or port or protocol) and spec.get("externalName"):
                yield Target(spec["externalName"], 0, name)
            return
        if spec.get("clusterIP") == "None" or endpoint:
            for each in self._records.endpoints(metadata["namespace"], metadata["name"]):
                if endpoint and each.label.lower() != endpoint:
                    continue
                for number, port_name, port_protocol in each.ports:
                    if _port_matches(port, port_name, protocol, port_protocol):
                        yield Target(each.address, number, f"{each.label}.{name}")
            return
        for each_port in spec.get("ports") or ():
            if _port_matches(port, each_port.get("name", ""), protocol, each_port.get("protocol", "TCP")):
                for address in spec.get("clusterIPs") or [spec.get("clusterIP")]:
                    if address:
                        yield Target(address, each_port["port"], name)

    def _reverse(self, name: str) -> list[Line]:
        """Source: reverse.go: a Service's address gives its name, a Pod's the name of each of its endpoints."""
        try:
            address = dns.reversename.to_address(dns.name.from_text(name))
        except (dns.exception.DNSException, ValueError):
            if name != self._zone:
                self._targets(name)
            return []
        owner = self._records.service_at(address)
        if owner is not None:
            metadata = owner["metadata"]
            return [(name, "PTR", f"{metadata['name']}.{metadata['namespace']}.svc.{CLUSTER_DOMAIN}.")]
        hosts = [_endpoint_name(each) for each in self._records.endpoints_at(address)]
        if not hosts:
            raise NoSuchName(name)
        return [(name, "PTR", f"{host}.") for host in dict.fromkeys(hosts)]

    def _name_servers(self) -> list[tuple[str, str]]:
        service = self._records.service("kube-system", "kube-dns")
        if service is not None:
            return [(f"kube-dns.kube-system.svc.{CLUSTER_DOMAIN}", service["spec"].get("clusterIP", DNS_SERVICE_IP))]
        return [(_DEFAULT_NAME_SERVER, DNS_SERVICE_IP)]


def _services(name: str, targets: list[Target]) -> tuple[list[Line], list[Line]]:
    """SRV records and the addresses of their hosts. All share one priority, so they share 100 as weight."""
    targets = [target for target in targets if target.type != "CNAME"]
    weight = max(100 // len(targets), 1) if targets else 0
    with_port = [target for target in targets if target.port != -1]
    lines: list[Line] = [(name, "SRV", f"0 {weight} {each.port} {each.name}.") for each in with_port]
    extra: list[Line] = [(each.name, each.type, each.host) for each in with_port]
    return list(dict.fromkeys(lines)), list(dict.fromkeys(extra))


def soa(zone: str, records: Records) -> Line:
    text = f"ns.dns.{zone}. hostmaster.{zone}. {int(records.modified_s)} 7200 1800 86400 {TTL_S}"
    return zone, "SOA", text


def within(name: str, zone: str) -> bool:
    return name == zone or name.endswith("." + zone)


def _full(host: str) -> str:
    return host if host.endswith(".") else host + "."


def _port_matches(port: str, port_name: str, protocol: str, port_protocol: str) -> bool:
    return port.lower() in ("", port_name.lower()) and protocol.lower() in ("", port_protocol.lower())


def _endpoint_name(endpoint: Endpoint) -> str:
    return f"{endpoint.label}.{endpoint.service}.{endpoint.namespace}.svc.{CLUSTER_DOMAIN}"


def _address_from_dashes(label: str) -> str:
    """`10-244-0-5` is 10.244.0.5, whether such a Pod exists or not: that is `pods insecure`."""
    separator = "." if label.count("-") == 3 and "--" not in label else ":"
    try:
        return str(ipaddress.ip_address(label.replace("-", separator)))
    except ValueError:
        raise NoSuchName(label) from None
