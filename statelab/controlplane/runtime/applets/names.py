"""nslookup, dig, host, getent: what a name stands for, told as each of them tells it."""

from __future__ import annotations

from collections.abc import Mapping

import dns.rcode
import dns.rdatatype
import dns.reversename

from statelab.controlplane.dns import DNS_SERVICE_IP, Resolution
from statelab.controlplane.runtime.applets.resolver import (
    UNANSWERED_S,
    NoServer,
    ask,
    in_hosts,
    resolver_config,
    text_of,
)
from statelab.controlplane.runtime.network import is_address
from statelab.controlplane.runtime.programs import Program, Task

_TYPES = {"A", "AAAA", "SRV", "PTR", "CNAME", "SOA", "NS", "TXT", "MX", "ANY"}


def _server(task: Task) -> str:
    return (resolver_config(task).servers or ("127.0.0.1",))[0]


def _reverse(address: str) -> str:
    return dns.reversename.from_address(address).to_text().rstrip(".")


def _records(found: Resolution) -> list[tuple[str, str, str]]:
    """(owner without the last dot, type, data) of the answer."""
    if not found.found:
        return []
    return [
        (rrset.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(rrset.rdtype), rdata.to_text())
        for rrset in found.steps[-1].message.answer
        for rdata in rrset
    ]


# ---- nslookup


def nslookup(task: Task) -> None:
    """`nslookup [-type=T] NAME [SERVER]`. busybox 1.28 has words of its own, which the Kubernetes tutorials show."""
    type, words = "", []
    for word in task.argv:
        if word.startswith("-"):
            name, _, value = word.lstrip("-").partition("=")
            if name in ("type", "querytype", "q", "t"):
                type = value.upper()
        else:
            words.append(word)
    if not words:
        task.fail(
            "BusyBox v1.36.1 multi-call binary.\n\nUsage: nslookup [-type=QUERY_TYPE] [-debug] HOST [DNS_SERVER]\n"
        )
        return
    if type and type not in _TYPES:
        task.fail(f'nslookup: invalid query type "{type}"\n')
        return
    name, server = words[0], (words[1] if len(words) > 1 else _server(task))
    if not is_address(server):
        found_server = ask(task, server).addresses if _server(task) == DNS_SERVICE_IP else ()
        server = found_server[0] if found_server else server
    if server != DNS_SERVICE_IP:

        def unanswered() -> None:
            task.fail(";; connection timed out; no servers could be reached\n\n")

        task.after(UNANSWERED_S, unanswered)
        return
    image = task.container.spec.image
    if "busybox" in image and (":1.28" in image or ":1.27" in image):
        _old_nslookup(task, name, server)
        return
    separator = ":" if "busybox" in image or "alpine" in image else "#"
    task.write(f"Server:\t\t{server}\nAddress:\t{server}{separator}53\n\n")
    if is_address(name):
        found = ask(task, _reverse(name), "PTR", search=False)
        if not found.found:
            task.write(f"** server can't find {_reverse(name)}: {found.rcode}\n\n")
        for owner, _, data in _records(found):
            task.write(f"{owner}\tname = {data if separator == '#' else data.rstrip('.')}\n")
        task.write("\n" if found.found else "")
        task.finish(0 if found.found else 1)
        return
    answer = _asked(task, name, type or "A", server)
    if answer is None:
        task.fail(f"** server can't find {name}: NXDOMAIN\n\n")
        return
    found = answer
    if not found.found:
        if found.rcode == "NOERROR":
            task.write(f"*** Can't find {name}: No answer\n\n")
        else:
            task.write(f"** server can't find {name}: {found.rcode}\n\n")
        task.finish(1)
        return
    for owner, record, data in _records(found):
        if record in ("A", "AAAA"):
            task.write(f"Name:\t{owner}\nAddress: {data}\n")
        elif record == "CNAME":
            task.write(f"{owner}\tcanonical name = {data.rstrip('.')}\n")
        elif record == "SRV":
            task.write(f"{owner}\tservice = {data.rstrip('.')}\n")
        else:
            task.write(f"{owner}\t{record.lower()} = {data}\n")
    task.write("\n")
    task.finish(0)


def _old_nslookup(task: Task, name: str, server: str) -> None:
    task.write(f"Server:    {server}\nAddress 1: {server} kube-dns.kube-system.svc.cluster.local\n\n")
    addresses = [name] if is_address(name) else list((_asked(task, name, "A", server) or Resolution(())).addresses)
    if not addresses and (local := in_hosts(task, name)) is not None:
        addresses = [local]
    if not addresses:
        task.fail(f"nslookup: can't resolve '{name}'\n")
        return
    task.write(f"Name:      {name}\n")
    for number, address in enumerate(addresses, 1):
        names = _records(ask(task, _reverse(address), "PTR", search=False))
        known = f" {names[0][2].rstrip('.')}" if names else ""
        task.write(f"Address {number}: {address}{known}\n")
    task.finish(0)


def _asked(task: Task, name: str, type: str, server: str | None) -> Resolution | None:
    """None: it cannot be asked."""
    try:
        return ask(task, name, type, server=server)
    except (NoServer, ValueError):
        return None


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
    reverse = is_address(name)
    question = _reverse(name) if reverse else name
    found = _asked(task, question, "PTR" if reverse else type, words[1] if len(words) > 1 else None)
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
    for owner, record, data in _records(found):
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
        found = _asked(task, _reverse(name), "PTR", None)
        return [(name, data.rstrip(".")) for _, _, data in _records(found)[:1]] if found else []
    local = in_hosts(task, name)
    if local is not None:
        for line in text_of(task.files, "/etc/hosts").splitlines():
            if line.split()[:1] == [local] and name in line.split():
                return [(local, " ".join(line.split()[1:]))]
    found = _asked(task, name, "A", None)
    if found is None or not found.found:
        return []
    return [(data, owner) for owner, record, data in _records(found) if record == "A"]


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
            name, type = _reverse(address), "PTR"
        elif word == "-t" and waiting:
            type = waiting.pop(0).upper()
        elif word in ("-q",) and waiting:
            name = waiting.pop(0)
        elif word.startswith("-"):
            continue
        elif word.upper() in _TYPES and (name or word.isupper()):
            type = word.upper()
        elif word.upper() != "IN":
            name = word
    name, type = name or ".", type or "A"
    if server is not None and not is_address(server):
        known = _asked(task, server, "A", None)
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
        task.write("".join(f"{data}\n" for _, _, data in _records(found)))
    else:
        _write_dig(task, found, options, server or _server(task))
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
