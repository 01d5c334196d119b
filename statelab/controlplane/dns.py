"""CoreDNS with its kubernetes plugin: names of Services and Pods, out of Services and EndpointSlices.

How a resolver asks, and how a question is answered; which records there are is found by dns_lookup.py.
With the Corefile of kind: `pods insecure`, `ttl 30`, fallthrough of the reverse zones.
The names themselves: https://github.com/kubernetes/dns/blob/master/docs/specification.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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
import dns.rrset

from statelab.controlplane.dns_lookup import CLUSTER_DOMAIN, TTL_S, Line, Lookup, NoSuchName, soa, within
from statelab.controlplane.dns_records import Records, Source, records_of

_REVERSE_ZONES = ("in-addr.arpa", "ip6.arpa")
# Names that exist on the internet, which cannot be asked from here: "cannot tell" is honest, "does not exist" is not.
_PUBLIC_DOMAINS = frozenset({"com", "dev", "edu", "gov", "io", "net", "org"})
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
        if not within(candidate, CLUSTER_DOMAIN):
            continue  # nobody outside answers with an address
        try:
            found, _ = Lookup(records, CLUSTER_DOMAIN).records(candidate, "A")
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
    zone = next((zone for zone in (CLUSTER_DOMAIN, *_REVERSE_ZONES) if within(name, zone)), None)
    if zone is None:
        reply.set_rcode(_outside(name))
        return reply
    if question.rdtype in (dns.rdatatype.AXFR, dns.rdatatype.IXFR):
        reply.set_rcode(dns.rcode.REFUSED)
        return reply
    records = records_of(reader)
    reply.flags |= dns.flags.AA
    try:
        found, extra = Lookup(records, zone).records(name, dns.rdatatype.to_text(question.rdtype))
    except NoSuchName:
        # The reverse zones fall through to an upstream server, and none knows these addresses either.
        reply.set_rcode(dns.rcode.NXDOMAIN)
        found, extra = [], []
    if found:
        _put(reply.answer, _load_balanced(found, query.id))
        _put(reply.additional, extra)
    else:
        _put(reply.authority, [soa(zone, records)])
    return reply


def _outside(name: str) -> dns.rcode.Rcode:
    """The Corefile forwards other names to the host's resolver; the embedded cluster has no internet to ask."""
    public = name.rpartition(".")[2] in _PUBLIC_DOMAINS
    return dns.rcode.SERVFAIL if public else dns.rcode.NXDOMAIN


def _load_balanced(lines: list[Line], query_id: int) -> list[Line]:
    """Turn the addresses round by the query's id: other queries see another one first (CoreDNS: loadbalance)."""
    addresses = [line for line in lines if line[1] in ("A", "AAAA")]
    if len(addresses) < 2:
        return lines
    first = query_id % len(addresses)
    return [line for line in lines if line[1] not in ("A", "AAAA")] + addresses[first:] + addresses[:first]


def _put(section: list[Any], lines: list[Line]) -> None:
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
