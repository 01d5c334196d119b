"""CoreDNS with its kubernetes plugin: names of Services and Pods, out of Services and EndpointSlices.

Source: github.com/coredns/coredns plugin/kubernetes (parse.go, kubernetes.go, reverse.go, ns.go) and
plugin/backend_lookup.go, with the Corefile of kind: `pods insecure`, `ttl 30`, fallthrough of the reverse zones.
The names themselves: https://github.com/kubernetes/dns/blob/master/docs/specification.md.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.reversename
import dns.rrset

from statelab.controlplane.dns_records import Endpoint, Records, Source, records_of
from statelab.controlplane.kinds import Object

CLUSTER_DOMAIN = "cluster.local"
DNS_SERVICE_IP = "10.96.0.10"  # the kube-dns Service, where every Pod's /etc/resolv.conf points
TTL_S = 30
_SCHEMA_VERSION = "1.1.0"
_REVERSE_ZONES = ("in-addr.arpa", "ip6.arpa")
_DEFAULT_NAME_SERVER = f"ns.dns.{CLUSTER_DOMAIN}"
_MAX_CNAMES = 8
# Names that exist on the internet, which cannot be asked from here: "cannot tell" is honest, "does not exist" is not.
_PUBLIC_DOMAINS = frozenset({"com", "dev", "edu", "gov", "io", "net", "org"})


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


_PLAIN = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63})*\Z", re.ASCII)  # a name that is written as it is asked for
_LONGEST_NAME = 253


@dataclass(frozen=True, slots=True)
class Step:
    """One question of a search: the full name asked, the answer's rcode, and its records as text."""

    name: str
    type: str
    rcode: str
    answers: tuple[str, ...]
    message: dns.message.Message


@dataclass(frozen=True, slots=True)
class Resolution:
    """How a resolver looked a name up: every question in order. The last one is the answer when `found`."""

    steps: tuple[Step, ...]

    @property
    def found(self) -> bool:
        return bool(self.steps) and bool(self.steps[-1].answers)

    @property
    def rcode(self) -> str:
        """The verdict of the search: NOERROR, NXDOMAIN or SERVFAIL. A name with other records only is NOERROR."""
        rcodes = [step.rcode for step in self.steps]
        if not self.found and "SERVFAIL" in rcodes:
            return "SERVFAIL"
        return "NOERROR" if "NOERROR" in rcodes else "NXDOMAIN"

    @property
    def addresses(self) -> tuple[str, ...]:
        """The IP addresses found, CNAMEs left out."""
        if not self.found:
            return ()
        wanted = {dns.rdatatype.A, dns.rdatatype.AAAA}
        return tuple(str(rdata) for rrset in self.steps[-1].message.answer if rrset.rdtype in wanted for rdata in rrset)


def pod_search(namespace: str) -> list[str]:
    """The search list in the /etc/resolv.conf of a Pod with dnsPolicy ClusterFirst."""
    return [f"{namespace}.svc.{CLUSTER_DOMAIN}", f"svc.{CLUSTER_DOMAIN}", CLUSTER_DOMAIN]


def resolve(
    name: str,
    rdtype: str = "A",
    *,
    reader: Source | Records,
    search: Sequence[str] = (),
    ndots: int = 5,
    query_id: int = 0,
) -> Resolution:
    """Look a name up as a Pod's resolver does, step by step (resolv.conf(5): search, ndots).

    A name with a trailing dot is asked as it is. One with fewer than `ndots` dots is tried with each domain of
    `search` first. `query_id` decides which of several addresses comes first, as CoreDNS's loadbalance does by chance.
    Raises ValueError for what is no domain name or no record type.
    """
    type = rdtype.upper()
    steps = []
    for candidate in search_path(name, search, ndots):
        try:
            question = dns.message.make_query(_name(candidate + "."), type, id=query_id & 0xFFFF)
        except (dns.name.LabelTooLong, dns.name.NameTooLong):
            continue  # a name that cannot be asked: a resolver skips this domain of the search
        except (dns.exception.DNSException, UnicodeError) as error:
            raise ValueError(f"{name!r} {rdtype}: {error}") from error
        reply = answer(question, reader)
        texts = tuple(str(rdata) for rrset in reply.answer for rdata in rrset)
        steps.append(Step(candidate, type, dns.rcode.to_text(reply.rcode()), texts, reply))
        if texts:
            break
    return Resolution(tuple(steps))


def addresses_of(
    name: str, *, reader: Source | Records, search: Sequence[str] = (), ndots: int = 5, query_id: int = 0
) -> tuple[str, ...]:
    """The IPv4 addresses that `resolve` finds, without the messages that it is asked and answered with."""
    candidates = [each.lower() for each in search_path(name, search, ndots)]
    if not all(_PLAIN.match(each) and len(each) <= _LONGEST_NAME for each in candidates):
        return resolve(name, reader=reader, search=search, ndots=ndots, query_id=query_id).addresses
    records = records_of(reader)
    for candidate in candidates:
        if not _within(candidate, CLUSTER_DOMAIN):
            continue  # nobody outside answers with an address
        try:
            found, _ = _Lookup(records, CLUSTER_DOMAIN).records(candidate, "A")
        except NoSuchName:
            continue
        if found:
            return tuple(text for _, type, text in _load_balanced(found, query_id & 0xFFFF) if type == "A")
    return ()


def search_path(name: str, search: Sequence[str], ndots: int = 5) -> list[str]:
    """The full names a resolver tries, in order, without the trailing dot."""
    if name.endswith("."):
        return [name.rstrip(".")]
    extended = [f"{name}.{domain}" for domain in search]
    return [name, *extended] if name.count(".") >= ndots else [*extended, name]


def answer(query: dns.message.Message, reader: Source | Records) -> dns.message.Message:
    """The reply to one query, from what `reader` (a Store, a View, or a Records index) holds now. Never raises."""
    reply = dns.message.make_response(query, recursion_available=True, our_payload=1232)
    if query.opcode() != dns.opcode.QUERY:
        reply.set_rcode(dns.rcode.NOTIMP)
        return reply
    if len(query.question) != 1:
        reply.set_rcode(dns.rcode.FORMERR)
        return reply
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    if question.rdclass not in (dns.rdataclass.IN, dns.rdataclass.ANY):
        reply.set_rcode(dns.rcode.REFUSED)
        return reply
    zone = next((zone for zone in (CLUSTER_DOMAIN, *_REVERSE_ZONES) if _within(name, zone)), None)
    if zone is None:
        reply.set_rcode(_outside(name))
        return reply
    if question.rdtype in (dns.rdatatype.AXFR, dns.rdatatype.IXFR):
        reply.set_rcode(dns.rcode.REFUSED)
        return reply
    records = records_of(reader)
    reply.flags |= dns.flags.AA
    try:
        found, extra = _Lookup(records, zone).records(name, dns.rdatatype.to_text(question.rdtype))
    except NoSuchName:
        # The reverse zones fall through to an upstream server, and none knows these addresses either.
        reply.set_rcode(dns.rcode.NXDOMAIN)
        found, extra = [], []
    if found:
        _put(reply.answer, _load_balanced(found, query.id))
        _put(reply.additional, extra)
    else:
        _put(reply.authority, [_soa(zone, records)])
    return reply


# ---- one line of an answer: (owner, type, text)

_Line = tuple[str, str, str]


class _Lookup:
    """The plugin's ServeDNS for one zone: which records a question has, or NoSuchName."""

    def __init__(self, records: Records, zone: str) -> None:
        self._records = records
        self._zone = zone

    def records(self, name: str, type: str) -> tuple[list[_Line], list[_Line]]:
        if type == "SOA" and name == self._zone:
            return [_soa(self._zone, self._records)], []
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

    def _addresses(self, name: str, type: str, targets: list[Target], before: tuple[_Line, ...]) -> list[_Line]:
        lines: list[_Line] = []
        for target in targets:
            if target.type == type:
                lines.append((name, type, target.host))
            elif target.type == "CNAME":
                lines += self._through_alias(name, type, target.host, before)
        return list(dict.fromkeys(lines))

    def _through_alias(self, name: str, type: str, alias: str, before: tuple[_Line, ...]) -> list[_Line]:
        """An ExternalName Service is a CNAME. Its target is followed here when it is a name of this cluster."""
        line: _Line = (name, "CNAME", _full(alias))
        if alias.lower().rstrip(".") == name or line in before or len(before) >= _MAX_CNAMES:
            return []
        inside = alias.lower().rstrip(".")
        if not _within(inside, self._zone):
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

    def _reverse(self, name: str) -> list[_Line]:
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


def _services(name: str, targets: list[Target]) -> tuple[list[_Line], list[_Line]]:
    """SRV records and the addresses of their hosts. All share one priority, so they share 100 as weight."""
    targets = [target for target in targets if target.type != "CNAME"]
    weight = max(100 // len(targets), 1) if targets else 0
    with_port = [target for target in targets if target.port != -1]
    lines: list[_Line] = [(name, "SRV", f"0 {weight} {each.port} {each.name}.") for each in with_port]
    extra: list[_Line] = [(each.name, each.type, each.host) for each in with_port]
    return list(dict.fromkeys(lines)), list(dict.fromkeys(extra))


def _soa(zone: str, records: Records) -> _Line:
    text = f"ns.dns.{zone}. hostmaster.{zone}. {int(records.modified_s)} 7200 1800 86400 {TTL_S}"
    return zone, "SOA", text


def _outside(name: str) -> dns.rcode.Rcode:
    """The Corefile forwards other names to the host's resolver; the embedded cluster has no internet to ask."""
    public = name.rpartition(".")[2] in _PUBLIC_DOMAINS
    return dns.rcode.SERVFAIL if public else dns.rcode.NXDOMAIN


def _within(name: str, zone: str) -> bool:
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


def _load_balanced(lines: list[_Line], query_id: int) -> list[_Line]:
    """Turn the addresses round by the query's id: other queries see another one first (CoreDNS: loadbalance)."""
    addresses = [line for line in lines if line[1] in ("A", "AAAA")]
    if len(addresses) < 2:
        return lines
    first = query_id % len(addresses)
    return [line for line in lines if line[1] not in ("A", "AAAA")] + addresses[first:] + addresses[:first]


def _put(section: list[Any], lines: list[_Line]) -> None:
    grouped: dict[tuple[str, str], list[str]] = {}
    for owner, type, text in lines:
        grouped.setdefault((owner, type), []).append(text)
    section.extend(copy(_records(owner, type, tuple(texts))) for (owner, type), texts in grouped.items())


# The same few names and addresses are asked for again and again; what dnspython makes of a text cannot be changed.


@lru_cache(maxsize=4096)
def _records(owner: str, type: str, texts: tuple[str, ...]) -> dns.rrset.RRset:
    """Copy it: a message's own may be changed."""
    return dns.rrset.from_rdata_list(_name(owner + "."), TTL_S, [_rdata(type, text) for text in texts])


@lru_cache(maxsize=4096)
def _name(text: str) -> dns.name.Name:
    return dns.name.from_text(text)


@lru_cache(maxsize=4096)
def _rdata(type: str, text: str) -> dns.rdata.Rdata:
    return dns.rdata.from_text("IN", type, text)
