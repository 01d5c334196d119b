"""nslookup: busybox's of today, busybox's before 1.29, and BIND's: other words, other exit codes, other questions.

`tests/support/record_nslookup.py` asked the real busybox; BIND's and the old one's words are those of the tutorials.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from statelab.controlplane.dns import Resolution
from statelab.controlplane.dns_lookup import DNS_SERVICE_IP
from statelab.controlplane.runtime.applets.resolver import (
    TYPES,
    UNANSWERED_S,
    address_of,
    asked,
    in_hosts,
    records,
    resolver_config,
    reverse,
    server_of,
)
from statelab.controlplane.runtime.network import is_address
from statelab.controlplane.runtime.programs import Task

_USAGE = """\
BusyBox v1.36.1 multi-call binary.

Usage: nslookup [-type=QUERY_TYPE] [-debug] HOST [DNS_SERVER]

Query DNS about HOST

QUERY_TYPE: soa,ns,a,aaaa,cname,mx,txt,ptr,srv,any
"""
_UNANSWERED = ";; connection timed out; no servers could be reached\n\n"
_BUSYBOX_WAITS_S = 5.0
_TOO_OLD = re.compile(r"busybox:1\.(\d+)|busyboxplus|alpine:3\.(\d+)")  # 1.29 came with alpine 3.9
_SOA = ("serial", "refresh", "retry", "expire", "minimum")


def nslookup(task: Task) -> None:
    """`nslookup [-type=T]… NAME [SERVER]`, as the container's image has it."""
    image = task.container.spec.image
    if not task.container.spec.has_busybox:
        _of_bind(task)
    elif (old := _TOO_OLD.search(image)) and (int(old[1] or 0) < 29 if not old[2] else int(old[2]) < 9):
        _of_old_busybox(task)
    else:
        _of_busybox(task)


# ---- busybox since 1.29


def _of_busybox(task: Task) -> None:
    """No search for a name with a dot in it; every domain of the search, found or not, for one without."""
    types: list[str] = []
    words: list[str] = []
    is_debug = False
    for word in task.argv:
        name, _, value = word.lstrip("-").partition("=")
        if not word.startswith("-"):
            words.append(word)
        elif name in ("type", "querytype", "q", "t") and value:
            if value.upper() not in TYPES:
                task.fail(f'nslookup: invalid query type "{value}"\n')
                return
            types.append(value.upper())
        elif name == "debug":
            is_debug = True
        else:
            task.fail(_USAGE)
            return
    if not 1 <= len(words) <= 2:
        task.fail(_USAGE)
        return
    name, server, search = words[0], server_of(task), resolver_config(task).search
    if len(words) > 1:
        found = address_of(task, words[1])
        if found is None:
            task.fail(f"nslookup: bad address '{words[1]}'\n")
            return
        server, search = found, ()  # who names a server is asked nothing of /etc/resolv.conf
    questions = _questions(name, types, search)
    answers = [asked(task, question, type, server, search=False) for question, type in questions]
    if not all(each is not None and each.steps for each in answers):
        _unanswered(task, server, any(each is not None for each in answers))
        return
    task.write(f"Server:\t\t{server}\nAddress:\t{server}:53\n\n")
    failed = False
    for number, ((question, _), each) in enumerate(zip(questions, answers, strict=True)):
        assert each is not None
        message = each.steps[-1].message
        rcode = dns.rcode.to_text(message.rcode())
        if is_debug:
            task.write(f"Query #{number} completed in 0ms:\n")
        if rcode == "NOERROR":
            task.write(_told(message, is_debug=is_debug) + "\n")
        else:
            failed = True
            task.write(f"** server can't find {question}: {rcode}\n\n")
    task.finish(1 if failed else 0)


def _questions(name: str, types: Sequence[str], search: Sequence[str]) -> list[tuple[str, str]]:
    if not types and is_address(name):
        return [(reverse(name), "PTR")]
    names = [f"{name}.{domain}" for domain in search] if search and "." not in name else [name]
    return [(each, type) for type in dict.fromkeys(types or ("A", "AAAA")) for each in names]


def _unanswered(task: Task, server: str, is_too_long: bool) -> None:
    """Five seconds of silence. What cannot be sent at all is told, and waited for all the same."""

    def give_up() -> None:
        task.write(_UNANSWERED)
        task.finish(1)

    if is_too_long:
        task.error(f"nslookup: write to '{server}': Message too long\n")
    elif server == "127.0.0.1":
        task.error(f"nslookup: write to '{server}': Connection refused\n")
    task.after(_BUSYBOX_WAITS_S, give_up)


def _told(message: dns.message.Message, *, is_debug: bool) -> str:
    is_authoritative = bool(message.flags & dns.flags.AA)
    lines = [] if is_authoritative and not is_debug else ["authoritative answer:"]
    if not is_authoritative:
        lines = ["Non-authoritative answer:"]
    for rrset in message.answer:
        asked_for = message.question[0].name  # an answer repeats a name as it was asked, in capitals or not
        name = asked_for if rrset.name == asked_for else rrset.name
        owner, kind = name.to_text(omit_final_dot=True), dns.rdatatype.to_text(rrset.rdtype)
        lines += [_line(owner, kind, rdata.to_text()) for rdata in rrset]
    return "".join(f"{each}\n" for each in lines)


def _line(owner: str, kind: str, data: str) -> str:
    if kind in ("A", "AAAA"):
        return f"Name:\t{owner}\nAddress: {data}"
    if kind == "SOA":
        origin, mail, *numbers = data.split()
        rest = [f"\t{name} = {value}" for name, value in zip(_SOA, numbers, strict=True)]
        return "\n".join([owner, f"\torigin = {origin.rstrip('.')}", f"\tmail addr = {mail.rstrip('.')}", *rest])
    verb = {
        "CNAME": "canonical name", "PTR": "name", "NS": "nameserver", "SRV": "service", "TXT": "text",
        "MX": "mail exchanger",
    }.get(kind, kind.lower())  # fmt: skip
    return f"{owner}\t{verb} = {data.rstrip('.') if kind != 'TXT' else data}"


# ---- busybox before 1.29, which asks the C library


def _of_old_busybox(task: Task) -> None:
    words = [each for each in task.argv if not each.startswith("-")]
    if not words:
        task.fail(_USAGE)
        return
    name, server = words[0], words[1] if len(words) > 1 else server_of(task)
    if server != DNS_SERVICE_IP:
        task.after(UNANSWERED_S, lambda: task.fail(f"nslookup: can't resolve '{name}'\n"))
        return
    task.write(f"Server:    {server}\nAddress 1: {server} kube-dns.kube-system.svc.cluster.local\n\n")
    addresses = [name] if is_address(name) else list((asked(task, name, "A", server) or Resolution(())).addresses)
    if not addresses and (local := in_hosts(task, name)) is not None:
        addresses = [local]
    if not addresses:
        task.fail(f"nslookup: can't resolve '{name}'\n")
        return
    task.write(f"Name:      {name}\n")
    for number, address in enumerate(addresses, 1):
        names = records(asked(task, reverse(address), "PTR", None, search=False) or Resolution(()))
        known = f" {names[0][2].rstrip('.')}" if names else ""
        task.write(f"Address {number}: {address}{known}\n")
    task.finish(0)


# ---- BIND's: dnsutils, agnhost, Debian and the rest


@dataclass(frozen=True, slots=True)
class _Asked:
    name: str
    server: str
    type: str


def _read(task: Task) -> _Asked | None:
    """The line of BIND's nslookup; None when its words have been answered."""
    type, words = "", []
    for word in task.argv:
        if word.startswith("-"):
            name, _, value = word.lstrip("-").partition("=")
            if name in ("type", "querytype", "q", "t"):
                type = value.upper()
        else:
            words.append(word)
    if type and type not in TYPES:
        task.write(f"unknown query type: {type.lower()}\n")
        type = ""
    if not words:
        task.finish(0)  # its prompt, where nobody types
        return None
    server = words[1] if len(words) > 1 else server_of(task)
    if not is_address(server):
        found = address_of(task, server)
        if found is None:
            task.fail(f"nslookup: couldn't get address for '{server}': not found\n")
            return None
        server = found
    return _Asked(words[0], server, type)


def _of_bind(task: Task) -> None:
    line = _read(task)
    if line is None:
        return
    name, server = line.name, line.server
    if server != DNS_SERVICE_IP:

        def unanswered() -> None:
            task.write(_UNANSWERED)
            task.finish(1)

        task.after(UNANSWERED_S, unanswered)
        return
    task.write(f"Server:\t\t{server}\nAddress:\t{server}#53\n\n")
    question, type = (reverse(name), "PTR") if is_address(name) else (name, line.type or "A")
    found = asked(task, question, type, server, search=type != "PTR")
    if found is None or not found.found:
        rcode = found.rcode if found is not None else "NXDOMAIN"
        no_answer = f"*** Can't find {question}: No answer\n\n"
        task.write(no_answer if rcode == "NOERROR" else f"** server can't find {question}: {rcode}\n\n")
        task.finish(1)
        return
    for owner, record, data in records(found):
        # BIND ends the names of these with their dot, and busybox does not.
        task.write(_line(owner, record, data) + ("." if record in ("CNAME", "PTR", "NS", "SRV", "MX") else "") + "\n")
    task.write("\n")
    task.finish(0)
