"""What kubectl needs of a cluster: requests, streams that are asked for what has come, and time. No socket, no thread.

A verb that waits is a generator: it yields a `Pause`, and whoever drives it lets the cluster's time pass and sends
back whether what was waited for has come. So the same verbs wait in virtual time, on a wall clock and in a browser.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

Object = dict[str, Any]
Params = Mapping[str, str | Sequence[str]]
T = TypeVar("T")

JSON = "application/json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
PATCHES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: decoded where it is JSON, else text."""

    code: int
    body: Any
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command in a container ended: its exit code, or why there is none."""

    code: int = 0
    failure: str = ""


def ran_of(status: dict[str, Any]) -> Ran:
    """How a command ended, from the Status on its error stream."""
    if status.get("status") == "Success":
        return Ran()
    causes = (status.get("details") or {}).get("causes") or ()
    code = next((int(each["message"]) for each in causes if each.get("reason") == "ExitCode"), None)
    return Ran(code) if code is not None else Ran(1, str(status.get("message") or ""))


@dataclass
class Execution:
    """A command that runs in a container: what it wrote since somebody looked, and how it ended, once it has."""

    output: list[tuple[str, bytes]] = field(default_factory=list)  # ("stdout" | "stderr", bytes)
    ended: Ran | None = None
    close: Callable[[], None] = lambda: None

    def taken(self) -> list[tuple[str, bytes]]:
        taken, self.output[:] = list(self.output), []
        return taken


class Stream(Protocol):
    """A watch, or a log that is followed: what has come since somebody looked."""

    def taken(self) -> list[Any]: ...
    @property
    def is_over(self) -> bool: ...
    def close(self) -> None: ...


class Api(Protocol):
    """A cluster as kubectl sees it."""

    @property
    def now_s(self) -> float:
        """Seconds since 1970, by the cluster's clock."""
        ...

    def request(
        self,
        method: str,
        path: str,
        params: Params | None = None,
        body: Any = None,
        *,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> Reply:
        """One request, answered at once. Refusals are Replies too; raises ConnectionError when nobody answers."""
        ...

    def watch(self, path: str, params: Params, accept: str = JSON) -> Stream:
        """The events of a collection, decoded. Raises Refused."""
        ...

    def follow(self, path: str, params: Params) -> Stream:
        """A log in pieces of bytes. Raises Refused."""
        ...

    def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], stdin: bytes | None, tty: bool
    ) -> Execution:
        """Start a command in a container. Raises Refused."""
        ...


@dataclass(frozen=True, slots=True)
class Pause:
    """What a verb waits for: `until()` holds, or `timeout_s` cluster seconds have passed."""

    until: Callable[[], bool]
    timeout_s: float


Steps = Generator[Pause, bool, T]
Wait = Callable[[Callable[[], bool], float], bool]


def drive(steps: Steps[T], wait: Wait) -> T:
    """Carry out steps to their end; `wait(until, timeout_s)` lets time pass."""
    answer = False
    try:
        pause = next(steps)
        while True:
            raised: list[Exception] = []
            answer = wait(_told(pause.until, raised), pause.timeout_s)
            pause = steps.throw(raised[0]) if raised else steps.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result


def _told(until: Callable[[], bool], raised: list[Exception]) -> Callable[[], bool]:
    """What is found while waiting is the verb's to answer for, not of whoever lets time pass: it ends the wait."""

    def look() -> bool:
        try:
            return until()
        except Exception as error:
            raised.append(error)
            return True

    return look
