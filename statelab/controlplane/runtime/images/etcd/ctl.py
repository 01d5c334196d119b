"""etcdctl: a command line for etcd, with its words and exit codes. Source: etcdctl/ctlv3, recorded from the real one.

A command is a function of a Session. It asks one endpoint after the other until one answers, as the real client's
balancer does, within the time that --command-timeout gives.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from statelab.controlplane.clock import micro_timestamp
from statelab.controlplane.runtime.applets.resolver import address_of
from statelab.controlplane.runtime.http import HttpResponse, request
from statelab.controlplane.runtime.network import NetworkError
from statelab.controlplane.runtime.programs import Task

Json = dict[str, Any]
Answered = Callable[[Json], None]
BAD_ARGUMENTS = 128
_GLOBAL = {
    "endpoints": "127.0.0.1:2379", "command-timeout": "5s", "dial-timeout": "2s", "write-out": "simple", "w": "simple",
    "cacert": "", "cert": "", "key": "", "user": "", "password": "", "keepalive-time": "2s", "keepalive-timeout": "6s",
    "hex": "false", "debug": "false", "insecure-transport": "true", "insecure-skip-tls-verify": "false",
    "insecure-discovery": "true", "discovery-srv": "", "discovery-srv-name": "", "help": "false", "h": "false",
    "d": "",
}  # fmt: skip
_GLOBAL_BOOLEAN = frozenset(name for name, value in _GLOBAL.items() if value in ("true", "false"))
_WORDS = {"connection refused": "connect: connection refused", "no route to host": "connect: no route to host"}


@dataclass(frozen=True)
class Command:
    """`flags`: name → default; one that is "true" or "false" takes no value."""

    run: Callable[[Session], None]
    flags: dict[str, str] = field(default_factory=dict)
    about: str = ""


class Usage(Exception):
    """The command was written wrongly: what is said, and the exit code."""

    def __init__(self, text: str, code: int = BAD_ARGUMENTS) -> None:
        super().__init__(text)
        self.code = code


class Session:
    """One run of etcdctl: its flags and arguments, and how it asks."""

    def __init__(self, task: Task, arguments: list[str], flags: dict[str, str]) -> None:
        self.task = task
        self.arguments = arguments
        self.flags = flags
        self.endpoints = [each.strip() for each in flags["endpoints"].split(",") if each.strip()]
        self.timeout_s = duration_s(flags["command-timeout"])
        self.deadline_s = task.loop.now_s + self.timeout_s
        self.format = flags["w"] if flags["w"] != "simple" else flags["write-out"]

    def is_on(self, flag: str) -> bool:
        return self.flags.get(flag) == "true"

    def say(self, text: str) -> None:
        self.task.write(text + "\n")

    def end(self, code: int = 0) -> None:
        self.task.finish(code)

    # ---- asking

    def ask(self, path: str, body: Json, done: Answered, *, what: str = "") -> None:
        """Ask any endpoint. `done` gets the answer; an error ends the command in etcdctl's words."""

        def failed(error: Problem) -> None:
            self.warn(self.endpoints[0], error)
            self.task.fail(f"Error: {error.shown}\n", 1)

        self._try(list(self.endpoints), path, body, done, failed)

    def ask_one(self, endpoint: str, path: str, body: Json, done: Answered, failed: Callable[[Problem], None]) -> None:
        self._try([endpoint], path, body, done, failed)

    def _try(self, left: list[str], path: str, body: Json, done: Answered, failed: Callable[[Problem], None]) -> None:
        """The first of `left`; the next where nobody is; those again where nobody was, until the time is over."""
        task, endpoints = self.task, list(left)

        def attempt(index: int, why: str) -> None:
            if task.done:
                return
            remaining = self.deadline_s - task.loop.now_s
            if remaining <= 0:
                failed(Problem("context deadline exceeded", "DeadlineExceeded", why or "context deadline exceeded"))
                return
            if index == len(endpoints):
                task.after(min(1.0, remaining), lambda: attempt(0, why))
                return
            address, port, problem = where(task, endpoints[index])
            if address is None:
                attempt(index + 1, problem)
                return

            def answered(outcome: HttpResponse | NetworkError) -> None:
                if isinstance(outcome, NetworkError):
                    if outcome.reason == "timed out" and self.deadline_s - task.loop.now_s <= 0.001:
                        failed(Problem("context deadline exceeded", "DeadlineExceeded", "context deadline exceeded"))
                        return
                    reason = _WORDS.get(outcome.reason, outcome.reason)
                    words = f"transport: Error while dialing: dial tcp {address}:{port}: {reason}"
                    attempt(
                        index + 1, f'latest balancer error: last connection error: connection error: desc = "{words}"'
                    )
                    return
                try:
                    value = json.loads(outcome.body or b"{}")
                except ValueError:
                    value = {"message": f"unexpected HTTP status code {outcome.status}", "code": 14}
                if outcome.status == 200:
                    task.guarded(lambda: done(value))
                else:
                    message = str(value.get("message", "unknown"))
                    name = _CODE_NAMES.get(value.get("code"), "Unknown")
                    failed(Problem(message, name, message))

            request(
                task.network, task.ip, address, port, f"/v3/{path}", answered, method="POST",
                body=json.dumps(body).encode(), timeout_s=remaining,
            )  # fmt: skip

        attempt(0, "")

    def warn(self, endpoint: str, error: Problem) -> None:
        """The line that the client library writes about a call that failed."""
        line = {
            "level": "warn",
            "ts": micro_timestamp(self.task.loop.now_s)[:-4] + "Z",
            "logger": "etcd-client",
            "caller": "v3/retry_interceptor.go",
            "msg": "retrying of unary invoker failed",
            "target": f"etcd-endpoints://{endpoint.partition('://')[2] or endpoint}",
            "attempt": 0,
            "error": f"rpc error: code = {error.code} desc = {error.detail}",
        }
        self.task.error(json.dumps(line, separators=(",", ":")) + "\n")

    # ---- showing

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """As tablewriter draws it: headers in the middle, cells to the right."""
        widths = [max(len(str(row[at])) for row in [header, *rows]) for at in range(len(header))]
        line = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
        self.say(line)
        self.say("|" + "|".join(f" {_middle(name, width)} " for name, width in zip(header, widths, strict=True)) + "|")
        self.say(line)
        for row in rows:
            self.say("|" + "|".join(f" {cell!s:>{width}} " for cell, width in zip(row, widths, strict=True)) + "|")
        self.say(line)

    def json(self, value: Any) -> None:
        self.say(json.dumps(numbers(value), separators=(",", ":")))


@dataclass(frozen=True)
class Problem:
    """`message` as the server has it, the name of its gRPC code, and what the client library adds."""

    message: str
    code: str
    detail: str

    @property
    def shown(self) -> str:
        return self.message


def _middle(text: str, width: int) -> str:
    left = -(-(width - len(text)) // 2)
    return " " * left + text + " " * (width - len(text) - left)


_CODE_NAMES = {
    3: "InvalidArgument", 4: "DeadlineExceeded", 5: "NotFound", 9: "FailedPrecondition", 11: "OutOfRange",
    12: "Unimplemented", 13: "Internal", 14: "Unavailable",
}  # fmt: skip
_NUMBERS = frozenset(
    (
        "cluster_id", "member_id", "revision", "raft_term", "create_revision", "mod_revision", "version", "lease",
        "count", "deleted", "ID", "TTL", "grantedTTL", "dbSize", "dbSizeInUse", "leader", "raftIndex", "raftTerm",
        "raftAppliedIndex", "compact_revision",
    )
)  # fmt: skip


def numbers(value: Any) -> Any:
    """The gateway writes 64-bit numbers as text; etcdctl's JSON has them as numbers."""
    if isinstance(value, dict):
        return {
            key: int(each)
            if key in _NUMBERS and isinstance(each, str) and each.lstrip("-").isdigit()
            else numbers(each)
            for key, each in value.items()
        }
    return [numbers(each) for each in value] if isinstance(value, list) else value


def where(task: Task, endpoint: str) -> tuple[str | None, int, str]:
    scheme, separator, rest = endpoint.rpartition("://")
    if separator and scheme == "https":
        return None, 0, "statelab: this etcd knows no TLS"
    host, _, port = rest.rpartition(":") if ":" in rest else (rest, "", "2379")
    address = address_of(task, host)
    number = int(port) if port.isdigit() else 2379
    words = f"transport: Error while dialing: dial tcp: lookup {host} on 10.96.0.10:53: no such host"
    return address, number, f'latest balancer error: last connection error: connection error: desc = "{words}"'


def duration_s(text: str) -> float:
    """A Go duration: `5s`, `1m30s`, `500ms`. Raises Usage."""
    if not re.fullmatch(r"(\d+(\.\d+)?(ms|s|m|h))+", text):
        raise Usage(f'Error: invalid argument "{text[:40]}" for "--command-timeout" flag: time: invalid duration', 1)
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    return sum(float(each[0]) * units[each[2]] for each in re.findall(r"(\d+(\.\d+)?)(ms|s|m|h)", text))


def encoded(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()


def decoded(text: str) -> str:
    return base64.b64decode(text or "").decode("utf-8", "surrogateescape")


def hexadecimal(text: str, what: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise Usage(f'Error: {what} arg (strconv.ParseUint: parsing "{text[:40]}": invalid syntax)') from None


def size(number: int) -> str:
    """As go-humanize writes bytes: `20 kB`, `2.1 MB`."""
    value, unit = float(number), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.1f} {unit}" if value < 10 and unit != "B" else f"{value:.0f} {unit}"


def range_end(key: str) -> str:
    """The first key, in base64, that does not begin with `key`."""
    data = bytearray(key.encode("utf-8", "surrogateescape"))
    while data and data[-1] == 0xFF:
        data.pop()
    if not data:
        return base64.b64encode(b"\0").decode()
    data[-1] += 1
    return base64.b64encode(bytes(data)).decode()


def parse(
    argv: Sequence[str], commands: dict[str, Command], env: dict[str, str]
) -> tuple[str, list[str], dict[str, str]]:
    """The command's name, its arguments and all flags. Raises Usage, as cobra words it."""
    names = {name.split(" ")[0] for name in commands}
    given: dict[str, str] = {}
    words: list[str] = []
    waiting = list(argv)
    found: Command | None = None
    name = ""
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            words += waiting
            break
        if not word.startswith("-") or word == "-":
            words.append(word)
            if found is None:
                two = " ".join(words[:2])
                name = two if two in commands else words[0] if words[0] in commands else ""
                found = commands.get(name)
                if found is None and words[0] not in names:
                    text = f'unknown command "{words[0][:60]}" for "etcdctl"'
                    raise Usage(f"Error: {text}\nRun 'etcdctl --help' for usage.\nError: {text}", 1)
            continue
        flag, has_value, value = word.lstrip("-").partition("=")
        known = {
            **_GLOBAL,
            **(found.flags if found else {name: "" for each in commands.values() for name in each.flags}),
        }
        if flag not in known:
            raise Usage(f"Error: unknown flag: {word.partition('=')[0][:60]}", 1)
        boolean = flag in _GLOBAL_BOOLEAN or any(
            each.flags.get(flag) in ("true", "false") for each in commands.values()
        )
        if not has_value:
            value = "true" if boolean else waiting.pop(0) if waiting else ""
            if not boolean and not value and not waiting:
                raise Usage(f"Error: flag needs an argument: {word[:60]}", 1)
        given[flag] = value
    defaults = {**_GLOBAL, **(found.flags if found else {})}
    for variable, flag in (("ETCDCTL_ENDPOINTS", "endpoints"), ("ETCDCTL_COMMAND_TIMEOUT", "command-timeout")):
        if variable in env:
            defaults[flag] = env[variable]
    if "cacert" in given or "cert" in given:
        raise Usage("Error: statelab: this etcd knows no TLS; a kind cluster is the place to try it.", 1)
    return name, words[len(name.split(" ")) :] if name else words, {**defaults, **given}
