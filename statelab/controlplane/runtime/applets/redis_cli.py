"""redis-cli: one command from its arguments, or one from each line of standard input."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from statelab.controlplane.runtime.applets.resolver import address_of
from statelab.controlplane.runtime.images.resp import Failure, Parser, Status, command
from statelab.controlplane.runtime.network import Connection, NetworkError
from statelab.controlplane.runtime.programs import Program, Task

_WORDS = {
    "connection refused": "Connection refused",
    "no route to host": "No route to host",
    "timed out": "Connection timed out",
}


_VALUED = ("-h", "-p", "-a", "-n", "-u", "-r", "-i", "-t", "--pass", "--user")


def has_command(argv: Sequence[str]) -> bool:
    """Whether the command to run is among the arguments, rather than on standard input."""
    waiting = list(argv)
    while waiting and waiting[0].startswith("-"):
        if waiting.pop(0) in _VALUED and waiting:
            waiting.pop(0)
    return bool(waiting)


def redis_cli(task: Task) -> None:
    host, port, password, database, raw = "127.0.0.1", "6379", task.env.get("REDISCLI_AUTH", ""), "", not task.tty
    fails, repeat = False, 1
    waiting = list(task.argv)
    while waiting and waiting[0].startswith("-"):
        word = waiting.pop(0)
        if word in _VALUED and waiting:
            value = waiting.pop(0)
            if word == "-h":
                host = value
            elif word == "-p":
                port = value
            elif word in ("-a", "--pass"):
                password = value
                if "--no-auth-warning" not in task.argv:
                    task.error(
                        "Warning: Using a password with '-a' or '-u' option on the command line interface may not be "
                        "safe.\n"
                    )
            elif word == "-n":
                database = value
            elif word == "-r" and value.isdigit():
                repeat = min(int(value), 10_000)
            elif word == "-u":
                host, port, password, database = _url(value, host, port, password, database)
        elif word in ("--raw", "--no-raw"):
            raw = word == "--raw"
        elif word == "-e":
            fails = True
        elif word in ("-v", "--version"):
            task.write("redis-cli 7.4.5\n")
            task.finish(0)
            return
    commands = (
        [waiting] * repeat if waiting else [_words(line) for line in task.stdin.decode(errors="replace").splitlines()]
    )
    _Session(task, host, port, password, database, raw, fails, [each for each in commands if each]).start()


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _url(text: str, host: str, port: str, password: str, database: str) -> tuple[str, str, str, str]:
    rest = text.partition("://")[2]
    rest, _, path = rest.partition("/")
    credentials, at, address = rest.rpartition("@")
    if at:
        password = credentials.rpartition(":")[2] or password
    name, _, number = address.partition(":")
    return name or host, number or port, password, path or database


class _Session:
    def __init__(
        self,
        task: Task,
        host: str,
        port: str,
        password: str,
        database: str,
        raw: bool,
        fails: bool,
        commands: list[list[str]],
    ) -> None:
        self.task = task
        self.host, self.port = host, port
        self.raw, self.fails = raw, fails
        self.setup: list[list[str]] = []
        if password:
            self.setup.append(["AUTH", password])
        if database:
            self.setup.append(["SELECT", database])
        self.commands = commands
        self.parser = Parser()
        self.connection: Connection | None = None
        self.code = 0
        self.in_setup = False

    def start(self) -> None:
        address = address_of(self.task, self.host)
        where = f"Could not connect to Redis at {self.host}:{self.port}"
        if address is None:
            self.task.fail(f"{where}: Name or service not known\n")
            return
        try:
            self.connection = self.task.network.connect(self.task.ip, address, int(self.port))
        except NetworkError as error:
            words = f"{where}: {_WORDS.get(error.reason, error.reason)}\n"
            self.task.after(error.after_s, lambda: self.task.fail(words))
            return
        self.task.on_end = self.connection.close
        self.connection.receive(self.received, self.closed)
        self.next()

    def next(self) -> None:
        if self.connection is None or self.task.done:
            return
        self.in_setup = bool(self.setup)
        if not self.setup and not self.commands:
            self.task.finish(self.code)
            return
        words = self.setup.pop(0) if self.setup else self.commands.pop(0)
        if words[0].lower() in ("quit", "exit"):
            self.task.finish(self.code)
            return
        self.connection.send(command([each.encode() for each in words]))

    def received(self, data: bytes) -> None:
        for value in self.parser.feed(data):
            if self.in_setup:
                if isinstance(value, Failure):
                    self.task.error(f"AUTH failed: {value.text}\n")
            else:
                self.task.write(format_raw(value) + b"\n" if self.raw else format_pretty(value).encode() + b"\n")
                if isinstance(value, Failure) and self.fails:
                    self.code = 1
            self.next()

    def closed(self) -> None:
        if self.commands:
            self.task.fail("Error: Server closed the connection\n")
        else:
            self.task.finish(self.code)


def format_raw(value: Any) -> bytes:
    """As into a pipe: no quotes, no types, an empty line for nil."""
    if isinstance(value, Status):
        return value.text.encode()
    if isinstance(value, Failure):
        return f"{value.text}\n".encode()
    if value is None:
        return b""
    if isinstance(value, int):
        return str(value).encode()
    if isinstance(value, list):
        return b"\n".join(format_raw(each) for each in value)
    return bytes(value)


def format_pretty(value: Any, indent: str = "") -> str:
    """As on a terminal."""
    if isinstance(value, Status):
        return value.text
    if isinstance(value, Failure):
        return f"(error) {value.text}"
    if value is None:
        return "(nil)"
    if isinstance(value, int):
        return f"(integer) {value}"
    if isinstance(value, list):
        if not value:
            return "(empty array)"
        width = len(str(len(value)))
        lines = []
        for number, each in enumerate(value, 1):
            head = f"{number:>{width}}) "
            lines.append(("" if number == 1 else indent) + head + format_pretty(each, indent + " " * len(head)))
        return "\n".join(lines)
    text = bytes(value)
    if b"\r\n" in text and text.startswith(b"#"):
        return text.decode(errors="replace").replace("\r\n", "\n")
    shown = "".join(_shown(byte) for byte in text)
    return f'"{shown}"'


def _shown(byte: int) -> str:
    known = {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t", ord('"'): '\\"', ord("\\"): "\\\\"}
    return known.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}")


APPLETS: Mapping[str, Program] = {"redis-cli": redis_cli, "valkey-cli": redis_cli}
