"""How a program in a container turns a name into an address: /etc/hosts first, then DNS as /etc/resolv.conf says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import dns.rdatatype
import dns.reversename

from statelab.controlplane.dns import Resolution, addresses_of, resolve
from statelab.controlplane.dns_lookup import DNS_SERVICE_IP
from statelab.controlplane.dns_records import Source
from statelab.controlplane.runtime.network import is_address
from statelab.controlplane.runtime.programs import Task

if TYPE_CHECKING:
    from statelab.controlplane.runtime.mounted import MountedFiles

# A resolver that nobody answers: five seconds for each of two tries.
UNANSWERED_S = 10.0


@dataclass(frozen=True, slots=True)
class ResolverConfig:
    """resolv.conf(5): who is asked, in which domains a short name is looked for."""

    servers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    ndots: int = 1


class NoServer(Exception):
    """None of the name servers answers: they are not the cluster's."""


def text_of(files: MountedFiles, path: str) -> str:
    try:
        return files.read(path).decode(errors="replace")
    except OSError:
        return ""


def resolver_config(task: Task) -> ResolverConfig:
    servers: list[str] = []
    search: tuple[str, ...] = ()
    ndots = 1
    for line in text_of(task.files, "/etc/resolv.conf").splitlines():
        words = line.split("#")[0].split()
        if words[:1] == ["nameserver"] and len(words) > 1:
            servers.append(words[1])
        elif words[:1] in (["search"], ["domain"]):
            search = tuple(words[1:])
        elif words[:1] == ["options"]:
            for option in words[1:]:
                name, _, value = option.partition(":")
                if name == "ndots" and value.isdigit():
                    ndots = min(int(value), 15)
    return ResolverConfig(tuple(servers), search, ndots)


def in_hosts(task: Task, name: str) -> str | None:
    """The address that /etc/hosts gives a name; IPv4 rather than IPv6."""
    found: str | None = None
    for line in text_of(task.files, "/etc/hosts").splitlines():
        address, *names = line.split("#")[0].split() or [""]
        if name.lower() in (each.lower() for each in names):
            if "." in address:
                return address
            found = found or address
    return found


def ask(task: Task, name: str, type: str = "A", *, server: str | None = None, search: bool = True) -> Resolution:
    """Ask the cluster's DNS, step by step. Raises NoServer, and ValueError for what is no name."""
    config = resolver_config(task)
    return resolve(
        name,
        type,
        reader=_cluster(task, server or "", config),
        search=config.search if search else (),
        ndots=config.ndots,
        query_id=task.container.runtime.random.randrange(65536),
    )


def _cluster(task: Task, server: str, config: ResolverConfig) -> Source:
    """Who answers. Raises NoServer."""
    cluster = task.network.cluster
    if DNS_SERVICE_IP not in ((server,) if server else config.servers) or cluster is None:
        raise NoServer
    if not task.network.may_connect(task.ip, DNS_SERVICE_IP, 53, "UDP"):
        raise NoServer
    return cluster


def address_of(task: Task, name: str) -> str | None:
    """The address a program connects to for this name, or None: it cannot be resolved."""
    if is_address(name):
        return name
    local = in_hosts(task, name)
    if local is not None:
        return local
    config = resolver_config(task)
    try:
        found = addresses_of(
            name,
            reader=_cluster(task, "", config),
            search=config.search,
            ndots=config.ndots,
            query_id=task.container.runtime.random.randrange(65536),
        )
    except (NoServer, ValueError):
        return None
    return found[0] if found else None


# ---- what the tools that show answers share

TYPES = frozenset({"A", "AAAA", "SRV", "PTR", "CNAME", "SOA", "NS", "TXT", "MX", "ANY"})


def server_of(task: Task) -> str:
    """The name server that answers this container: the cluster's, when it is among those of /etc/resolv.conf."""
    servers = resolver_config(task).servers or ("127.0.0.1",)
    return DNS_SERVICE_IP if DNS_SERVICE_IP in servers else servers[0]


def reverse(address: str) -> str:
    """The name under which DNS keeps what an address is called."""
    return dns.reversename.from_address(address).to_text().rstrip(".")


def records(found: Resolution) -> list[tuple[str, str, str]]:
    """(owner without the last dot, type, data) of the answer."""
    if not found.found:
        return []
    return [
        (rrset.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(rrset.rdtype), rdata.to_text())
        for rrset in found.steps[-1].message.answer
        for rdata in rrset
    ]


def asked(task: Task, name: str, type: str, server: str | None, *, search: bool = True) -> Resolution | None:
    """The answer to a question; None: it cannot be asked."""
    try:
        return ask(task, name, type, server=server, search=search)
    except (NoServer, ValueError):
        return None
