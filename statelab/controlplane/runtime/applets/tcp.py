"""nc, telnet and ping: is somebody there?"""

from __future__ import annotations

from collections.abc import Mapping

from statelab.controlplane.runtime.applets.resolver import address_of
from statelab.controlplane.runtime.applets.system import duration_s
from statelab.controlplane.runtime.network import Connection, NetworkError
from statelab.controlplane.runtime.programs import Program, Task

_ROUND_TRIP_S = 0.0004
_WORDS = {
    "connection refused": "Connection refused",
    "no route to host": "No route to host",
    "timed out": "Operation timed out",
}


def nc(task: Task) -> None:
    """`nc -z HOST PORT`, `-v`, `-w SECONDS`; `nc -l -p PORT`; `… | nc HOST PORT`."""
    flags, words, wait_s, port_text = "", [], None, ""
    waiting = list(task.argv)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("-") or word == "-":
            words.append(word)
            continue
        for at, letter in enumerate(word[1:], 1):
            flags += letter
            if letter in "wpqisc" and (letter != "c" or len(word) == 2):
                value = word[at + 1 :] or (waiting.pop(0) if waiting else "")
                if letter == "w":
                    wait_s = duration_s(value)
                elif letter == "p":
                    port_text = value
                break
    if "l" in flags:
        _listen(task, port_text or (words[-1] if words else ""), "k" in flags)
        return
    if len(words) < 2:
        task.fail("nc: missing host or port\n")
        return
    host = words[0]
    ports = _ports(words[1])
    if not ports:
        task.fail(f"nc: bad port '{words[1]}'\n")
        return
    address = address_of(task, host)
    if address is None:
        task.fail(f"nc: bad address '{host}'\n")
        return
    if "u" in flags:
        _send(task, address, ports[0], wait_s)
        return
    _try(task, host, address, ports, "z" in flags, "v" in flags, wait_s)


def _send(task: Task, address: str, port: int, wait_s: float | None) -> None:
    """Standard input as one datagram, and what is said to it. Without -w there is no end but the task's own."""
    reply = task.network.send(task.ip, address, port, task.stdin) if task.stdin else None
    if reply:
        task.after(_ROUND_TRIP_S, lambda: task.write(reply))
    if wait_s is not None:
        task.after(wait_s, lambda: task.finish(0))


def _ports(text: str) -> list[int]:
    first, dash, last = text.partition("-")
    if not first.isdigit() or (dash and not last.isdigit()):
        return []
    found = range(int(first), int(last or first) + 1)
    return [port for port in found[:1024] if 0 < port < 65536]


def _try(
    task: Task, host: str, address: str, ports: list[int], scan: bool, verbose: bool, wait_s: float | None
) -> None:
    opened = 0
    for port in ports:
        try:
            connection = task.network.connect(task.ip, address, port)
        except NetworkError as error:
            if len(ports) == 1:
                _refused(task, host, address, port, error, verbose, wait_s)
                return
            continue
        opened += 1
        if verbose:
            task.error(f"{host} ({address}:{port}) open\n")
        if not scan:
            _talk(task, connection, wait_s)
            return
        connection.close()
    task.after(_ROUND_TRIP_S, lambda: task.finish(0 if opened else 1))


def _refused(
    task: Task, host: str, address: str, port: int, error: NetworkError, verbose: bool, wait_s: float | None
) -> None:
    after_s, words = error.after_s, _WORDS.get(error.reason, error.reason)
    if wait_s is not None and after_s > wait_s:
        after_s, words = wait_s, "Operation timed out"

    def tell() -> None:
        if words == "Operation timed out" and wait_s is not None:
            task.fail(f"nc: {host} ({address}:{port}): {words}\n" if verbose else "nc: timed out\n")
        elif verbose:
            task.fail(f"nc: {host} ({address}:{port}): {words}\n")
        else:
            task.fail(f"nc: can't connect to remote host ({address}): {words}\n")

    task.after(after_s, tell)


def _talk(task: Task, connection: Connection, wait_s: float | None) -> None:
    """Send standard input, print what comes, until the other side closes; or for the time of `-w`."""
    task.on_end = connection.close
    connection.receive(task.write, lambda: task.finish(0))
    connection.send(task.stdin)
    # The other side of a real one would see that our input has ended, and close: here, silence tells.
    task.after(wait_s if wait_s is not None else 1.0, lambda: task.finish(0))


def _listen(task: Task, port_text: str, keep: bool) -> None:
    if not port_text.isdigit() or not 0 < int(port_text) < 65536:
        task.fail(f"nc: bad port '{port_text}'\n")
        return
    port = int(port_text)

    def accept(connection: Connection) -> None:
        def on_data(data: bytes) -> None:
            task.write(data)
            if task.stdin:
                connection.close()
                over()

        connection.send(task.stdin)
        connection.receive(on_data, over)

    def over() -> None:
        if not keep:
            task.finish(0)

    try:
        task.network.listen(task.ip, port, accept)
    except OSError:
        task.fail("nc: bind: Address already in use\n")
        return
    task.on_end = lambda: task.network.unlisten(task.ip, port)


def telnet(task: Task) -> None:
    words = [each for each in task.argv if not each.startswith("-")]
    host, port = (words[0] if words else ""), (words[1] if len(words) > 1 else "23")
    address = address_of(task, host)
    if address is None or not port.isdigit():
        task.fail(f"telnet: bad address '{host}'\n")
        return
    try:
        connection = task.network.connect(task.ip, address, int(port))
    except NetworkError as error:
        words_ = f"telnet: can't connect to remote host ({address}): {_WORDS.get(error.reason, error.reason)}\n"
        task.after(error.after_s, lambda: task.fail(words_))
        return
    task.error(f"Connected to {host}\n")
    _talk(task, connection, None)


def ping(task: Task) -> None:
    """`ping -c COUNT -W SECONDS HOST`: a Pod that is there answers."""
    count, wait_s, host = 0, 1.0, ""
    waiting = list(task.argv)
    while waiting:
        word = waiting.pop(0)
        if word[:2] in ("-c", "-W", "-w", "-i", "-s", "-t") and word[0] == "-":
            value = word[2:] or (waiting.pop(0) if waiting else "1")
            if word[:2] == "-c":
                count = int(value) if value.isdigit() else 1
            elif word[:2] in ("-W", "-w"):
                wait_s = duration_s(value) or 1.0
        elif not word.startswith("-"):
            host = word
    address = address_of(task, host)
    if address is None:
        task.fail(f"ping: bad address '{host}'\n")
        return
    task.write(f"PING {host} ({address}): 56 data bytes\n")
    answers = task.network.exists(address, task.ip)
    sent = 0

    def summary(code: int) -> None:
        received = sent if answers else 0
        lost = 100 if not received else 0
        task.write(f"\n--- {host} ping statistics ---\n")
        task.write(f"{sent} packets transmitted, {received} packets received, {lost}% packet loss\n")
        if received:
            task.write("round-trip min/avg/max = 0.061/0.074/0.092 ms\n")
        task.finish(code)

    def once() -> None:
        nonlocal sent
        if answers:
            task.write(f"64 bytes from {address}: seq={sent} ttl=63 time=0.074 ms\n")
        sent += 1
        if count and sent >= count:
            task.after(0.0 if answers else wait_s, lambda: summary(0 if answers else 1))
        else:
            task.after(1.0, once, housekeeping=not count)

    once()


APPLETS: Mapping[str, Program] = {"nc": nc, "netcat": nc, "ncat": nc, "telnet": telnet, "ping": ping}
