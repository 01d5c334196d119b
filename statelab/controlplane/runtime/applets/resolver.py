"""How a program in a container turns a name into an address: /etc/hosts first, then DNS as /etc/resolv.conf says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from statelab.controlplane import dns
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


def ask(task: Task, name: str, type: str = "A", *, server: str | None = None, search: bool = True) -> dns.Resolution:
    """Ask the cluster's DNS, step by step. Raises NoServer, and ValueError for what is no name."""
    config = resolver_config(task)
    if (server or (config.servers or ("",))[0]) not in (dns.DNS_SERVICE_IP, "") or not (server or config.servers):
        raise NoServer
    cluster = task.network.cluster
    if cluster is None or not task.network.may_connect(task.ip, dns.DNS_SERVICE_IP, 53, "UDP"):
        raise NoServer
    return dns.resolve(
        name,
        type,
        reader=cluster,
        search=config.search if search else (),
        ndots=config.ndots,
        query_id=task.container.runtime.random.randrange(65536),
    )


def address_of(task: Task, name: str) -> str | None:
    """The address a program connects to for this name, or None: it cannot be resolved."""
    if is_address(name):
        return name
    local = in_hosts(task, name)
    if local is not None:
        return local
    try:
        found = ask(task, name).addresses
    except (NoServer, ValueError):
        return None
    return found[0] if found else None
