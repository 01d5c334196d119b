"""Questions to a cluster's DNS over TCP, with a Pod's search path. Source: resolv.conf(5), kubelet's ndots:5."""

from __future__ import annotations

import time
from collections.abc import Callable

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype

from statelab.cluster.dns_answer import DnsAnswer
from statelab.cluster.problem import Problem

Ask = Callable[[dns.message.Message], dns.message.Message]
_NDOTS = 5
_TIMEOUT_S = 5.0
_ASK_AGAIN_S = 0.5
_CLUSTER_DOMAIN = ".cluster.local."
_UPSTREAM_FAILS = ("SERVFAIL", "REFUSED")


def over_tcp(address: tuple[str, int]) -> Ask:
    """A way to the DNS server at (host, port). It raises OSError or DNSException when there is no answer."""
    from dns.query import tcp  # with it come sockets, TLS and QUIC: a tab has none of them

    return lambda query: tcp(query, address[0], timeout=_TIMEOUT_S, port=address[1])


def ask_with_search(address: tuple[str, int], name: str, type: str, namespace: str) -> DnsAnswer:
    """Ask as a Pod's resolver does: the search path first for a name with few dots. Raises Problem."""
    return answer_with_search(over_tcp(address), name, type, namespace)


def ask_until(
    ask: Callable[[], DnsAnswer],
    name: str,
    *,
    at_least: int,
    timeout_s: float,
    pause: Callable[[float], None] = time.sleep,
) -> DnsAnswer:
    """`ask` again and again, until there are so many records. Raises Problem when there are not, in wall time.

    `pause`: how to wait so many seconds.
    """
    deadline_s = time.monotonic() + timeout_s
    while True:
        found = ask()
        if len(found.records) >= at_least:
            return found
        if time.monotonic() > deadline_s:
            raise Problem(
                f"DNS has {len(found.records)} of {at_least} records for {name} after {timeout_s:.0f} s: {found}",
                "Is there a Service of that name, and are its Pods Ready? %kubectl get services,endpointslices",
            )
        pause(_ASK_AGAIN_S)


def answer_with_search(ask: Ask, name: str, type: str, namespace: str) -> DnsAnswer:
    """As `ask_with_search`, whatever way a question takes to the server. Raises Problem.

    The last step of the search leaves the cluster. Without a network beyond it that step fails (SERVFAIL), and tells
    nothing: what the cluster said of its own names stands, and `tried` has every step.
    """
    try:
        wanted = dns.rdatatype.from_text(type)
    except dns.rdatatype.UnknownRdatatype:
        raise Problem(f'"{type}" is no type of DNS record.', 'Ask for "A", "AAAA", "SRV", "CNAME" or "PTR".') from None
    tried: list[tuple[str, str]] = []
    best: DnsAnswer | None = None
    for candidate in candidates(name, namespace):
        answer = _ask(ask, candidate, wanted, type)
        tried.append((candidate, answer.rcode))
        is_of_others = answer.rcode in _UPSTREAM_FAILS and not candidate.endswith(_CLUSTER_DOMAIN)
        if best is None or (best.rcode == "NXDOMAIN" and not is_of_others):
            best = answer
        if answer.records:
            best = answer
            break
    assert best is not None
    return DnsAnswer(best.name, type, best.rcode, best.records, best.ttl_s, tuple(tried))


def candidates(name: str, namespace: str) -> list[str]:
    """The absolute names a resolver tries for `name`, in order."""
    if name.endswith("."):
        return [name]
    searched = [
        f"{name}.{domain}" for domain in (f"{namespace}.svc.cluster.local.", "svc.cluster.local.", "cluster.local.")
    ]
    absolute = f"{name}."
    return [absolute, *searched] if name.count(".") >= _NDOTS else [*searched, absolute]


def _ask(ask: Ask, name: str, wanted: dns.rdatatype.RdataType, type: str) -> DnsAnswer:
    try:
        query = dns.message.make_query(name, wanted)
        response = ask(query)
    except (dns.exception.DNSException, ValueError) as error:
        raise Problem(f'"{name}" cannot be asked for: {error}') from None
    except OSError as error:
        raise Problem(
            f"The cluster's DNS does not answer: {error}", "See whether the cluster runs: `statelab status`."
        ) from None
    records, ttl_s = [], None
    for rrset in response.answer:
        if rrset.rdtype == wanted or rrset.rdtype == dns.rdatatype.CNAME:
            ttl_s = rrset.ttl
            records += [rdata.to_text() for rdata in rrset]
    return DnsAnswer(name, type, dns.rcode.to_text(response.rcode()), tuple(records), ttl_s)
