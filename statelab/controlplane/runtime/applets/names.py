"""dig, host, getent: what a name stands for, told as each of them tells it. `nslookup.py` has the fourth."""

from __future__ import annotations

from collections.abc import Mapping

import dns.rcode
import dns.rdatatype

from statelab.controlplane.dns import Resolution
from statelab.controlplane.runtime.applets.nslookup import nslookup
from statelab.controlplane.runtime.applets.resolver import (
    TYPES,
    UNANSWERED_S,
    NoServer,
    ask,
    asked,
    in_hosts,
    records,
    reverse,
    server_of,
    text_of,
)
from statelab.controlplane.runtime.network import is_address
from statelab.controlplane.runtime.programs import Program, Task

# ---- host


def host(task: Task) -> None:
    type, words, waiting = "A", [], list(task.argv)
    while waiting:
        word = waiting.pop(0)
        if word == "-t" and waiting:
            type = waiting.pop(0).upper()
        elif not word.startswith("-"):
            words.append(word)
    if not words:
        task.fail("Usage: host [-t type] hostname [server]\n")
        return
    name = words[0]
    is_reverse = is_address(name)
    question = reverse(name) if is_reverse else name
    found = asked(task, question, "PTR" if is_reverse else type, words[1] if len(words) > 1 else None)
    if found is None:
        task.after(UNANSWERED_S, lambda: task.fail(";; connection timed out; no servers could be reached\n"))
        return
    if not found.found:
        if found.rcode == "NOERROR":
            task.write(f"{name} has no {type} record\n")
            task.finish(1)
        else:
            number = {"NXDOMAIN": 3, "SERVFAIL": 2}.get(found.rcode, 2)
            task.write(f"Host {question} not found: {number}({found.rcode})\n")
            task.finish(1)
        return
    verbs = {
        "A": "has address", "AAAA": "has IPv6 address", "CNAME": "is an alias for", "PTR": "domain name pointer",
        "SRV": "has SRV record", "SOA": "has SOA record", "NS": "name server", "TXT": "descriptive text",
    }  # fmt: skip
    for owner, record, data in records(found):
        task.write(f"{owner} {verbs.get(record, 'has ' + record + ' record')} {data}\n")
    task.finish(0)


# ---- getent


def getent(task: Task) -> None:
    """`getent hosts NAME`, `getent ahosts NAME`, `getent passwd [NAME]`."""
    database, names = (task.argv[0] if task.argv else ""), task.argv[1:]
    if database in ("passwd", "group"):
        lines = text_of(task.files, f"/etc/{database}").splitlines()
        chosen = [line for line in lines if not names or {line.split(":")[0], line.split(":")[2]} & set(names)]
        task.write("".join(f"{line}\n" for line in chosen))
        task.finish(0 if chosen else 2)
        return
    if database not in ("hosts", "ahosts", "ahostsv4"):
        task.fail(f"Unknown database: {database}\n", 1)
        return
    missing = False
    for name in names:
        entries = _hosts_lines(task, name)
        missing = missing or not entries
        for address, full in entries:
            if database == "hosts":
                task.write(f"{address:<15} {full}\n")
            else:
                task.write("".join(f"{address:<15} {kind:<6} {full}\n" for kind in ("STREAM", "DGRAM", "RAW")))
                full = ""
    task.finish(2 if missing else 0)


def _hosts_lines(task: Task, name: str) -> list[tuple[str, str]]:
    if is_address(name):
        for line in text_of(task.files, "/etc/hosts").splitlines():
            if line.split()[:1] == [name]:
                return [(name, " ".join(line.split()[1:]))]
        found = asked(task, reverse(name), "PTR", None)
        return [(name, data.rstrip(".")) for _, _, data in records(found)[:1]] if found else []
    local = in_hosts(task, name)
    if local is not None:
        for line in text_of(task.files, "/etc/hosts").splitlines():
            if line.split()[:1] == [local] and name in line.split():
                return [(local, " ".join(line.split()[1:]))]
    found = asked(task, name, "A", None)
    if found is None or not found.found:
        return []
    return [(data, owner) for owner, record, data in records(found) if record == "A"]


# ---- dig


def dig(task: Task) -> None:
    """`dig [@SERVER] NAME [TYPE] [+short] [+search] [-x ADDRESS]`. Without +search a name is asked as it is."""
    name, type, server = "", "", None
    options: set[str] = set()
    waiting = list(task.argv)
    while waiting:
        word = waiting.pop(0)
        if word.startswith("@"):
            server = word[1:]
        elif word.startswith("+"):
            options.add(word[1:].partition("=")[0])
        elif word == "-x" and waiting:
            address = waiting.pop(0)
            if not is_address(address):
                task.fail(f"Invalid IP address {address}\n", 1)
                return
            name, type = reverse(address), "PTR"
        elif word == "-t" and waiting:
            type = waiting.pop(0).upper()
        elif word in ("-q",) and waiting:
            name = waiting.pop(0)
        elif word.startswith("-"):
            continue
        elif word.upper() in TYPES and (name or word.isupper()):
            type = word.upper()
        elif word.upper() != "IN":
            name = word
    name, type = name or ".", type or "A"
    if server is not None and not is_address(server):
        known = asked(task, server, "A", None)
        if known is None or not known.addresses:
            task.fail(f"dig: couldn't get address for '{server}': not found\n", 10)
            return
        server = known.addresses[0]
    try:
        found = ask(task, name, type, server=server, search="search" in options)
    except ValueError:
        task.fail(f"dig: '{name}' is not a legal name\n", 10)
        return
    except NoServer:
        words = (
            f"\n; <<>> DiG 9.18 <<>> {' '.join(task.argv)}\n;; global options: +cmd\n;; no servers could be reached\n"
        )
        task.after(UNANSWERED_S, lambda: task.fail(words, 9))
        return
    if not found.steps:
        task.fail(f"dig: '{name}' is not a legal name\n", 10)
        return
    if "short" in options:
        task.write("".join(f"{data}\n" for _, _, data in records(found)))
    else:
        _write_dig(task, found, options, server or server_of(task))
    task.finish(0)


def _write_dig(task: Task, found: Resolution, options: set[str], server: str) -> None:
    message = found.steps[-1].message
    sections = (("ANSWER", message.answer), ("AUTHORITY", message.authority), ("ADDITIONAL", message.additional))
    if "noall" not in options:
        counts = ", ".join(f"{name}: {sum(len(each) for each in section)}" for name, section in sections)
        task.write(
            f"\n; <<>> DiG 9.18 <<>> {' '.join(task.argv)}\n;; global options: +cmd\n;; Got answer:\n"
            f";; ->>HEADER<<- opcode: QUERY, status: {dns.rcode.to_text(message.rcode())}, id: {message.id}\n"
            f";; flags: qr aa rd ra; QUERY: 1, {counts}\n\n;; QUESTION SECTION:\n"
        )
        question = message.question[0]
        task.write(f";{question.name.to_text():<30}\tIN\t{dns.rdatatype.to_text(question.rdtype)}\n\n")
    for name, section in sections:
        if not section or ("noall" in options and name.lower() not in options):
            continue
        if "noall" not in options:
            task.write(f";; {name} SECTION:\n")
        for rrset in section:
            for rdata in rrset:
                kind = dns.rdatatype.to_text(rrset.rdtype)
                task.write(f"{rrset.name.to_text():<31}\t{rrset.ttl}\tIN\t{kind}\t{rdata.to_text()}\n")
        if "noall" not in options:
            task.write("\n")
    if "noall" not in options:
        task.write(f";; Query time: 0 msec\n;; SERVER: {server}#53({server}) (UDP)\n\n")


APPLETS: Mapping[str, Program] = {"nslookup": nslookup, "host": host, "getent": getent, "dig": dig}
