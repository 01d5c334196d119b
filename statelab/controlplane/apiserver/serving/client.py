"""A client without sockets: the same requests and answers as over HTTP, in this process, in the cluster's own time.

>>> client = InProcessClient(ControlPlane())
>>> client.request("GET", "/api/v1/nodes").body["items"]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from statelab.controlplane.apiserver.encoding.request import (
    Answer,
    LogAnswer,
    Request,
    Response,
    UpgradeAnswer,
    WatchAnswer,
)
from statelab.controlplane.apiserver.encoding.urls import parse_query
from statelab.controlplane.apiserver.serving.handler import Handler, refusal
from statelab.controlplane.apiserver.serving.remote import Execution
from statelab.controlplane.errors import ApiError, bad_request
from statelab.reader import jsonbytes

if TYPE_CHECKING:
    from statelab.controlplane.clock import Loop
    from statelab.controlplane.controlplane import ControlPlane

_PAUSE_S = 0.001


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `body` is decoded where it is JSON, else text; `warnings` are those of the Warning headers."""

    code: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What a command in a container said, and its exit code."""

    code: int
    stdout: bytes
    stderr: bytes


class InProcessClient:
    """Speaks with one cluster as a client over HTTP would. Nothing here needs a token."""

    def __init__(self, cluster: ControlPlane, *, user_agent: str = "statelab") -> None:
        self.cluster = cluster
        self.handler = Handler(cluster)
        self._user_agent = user_agent

    def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str | Sequence[str]] | None = None,
        body: Any = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Reply:
        """One request. `body`: bytes as they are, anything else as JSON. A watch is asked for with `watch`."""
        answer = self.answer(method, path, params, body, content_type=content_type, accept=accept)
        if not isinstance(answer, Response):
            close(answer)
            answer = refusal(bad_request("this answer is a stream: ask for it with watch() or exec()"))
        return _reply(answer)

    def answer(
        self,
        method: str,
        path: str,
        params: Mapping[str, str | Sequence[str]] | None = None,
        body: Any = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Answer:
        """As `request`, but the answer as the handler gives it: streams too."""
        path, _, in_path = path.partition("?")
        query: dict[str, list[str]] = {name: list(values) for name, values in parse_query(in_path).items()}
        for name, value in (params or {}).items():
            query[name] = [value] if isinstance(value, str) else list(value)
        raw = b"" if body is None else body if isinstance(body, bytes) else jsonbytes.dumps(body)
        headers = {"accept": accept, "user-agent": self._user_agent}
        if body is not None:
            headers["content-type"] = content_type
        return self.handler.handle(Request(method, path, query, headers, raw))

    def watch(
        self, path: str, params: Mapping[str, str] | None = None, *, timeout_s: float | None = None
    ) -> Iterator[Any]:
        """The events of a watch, letting time pass between them; it ends after `timeout_s` cluster seconds.

        Raises ApiError when the watch is refused.
        """
        wanted = {"watch": "true", **(params or {})}
        if timeout_s is not None:
            wanted["timeoutSeconds"] = str(max(1, round(timeout_s)))
        answer = self.answer("GET", path, wanted)
        if isinstance(answer, Response) and answer.code >= 400:
            status = jsonbytes.loads(answer.body)
            raise ApiError(answer.code, status.get("reason", ""), status["message"], status.get("details"))
        for chunk in chunks(self.cluster, answer):
            yield from (jsonbytes.loads(line) for line in chunk.splitlines())

    def exec(
        self,
        namespace: str,
        pod: str,
        command: Sequence[str],
        *,
        container: str = "",
        stdin: bytes | None = None,
        timeout_s: float = 60.0,
    ) -> ExecResult:
        """Run a command in a container, to its end. Raises ApiError; TimeoutError after `timeout_s` cluster seconds."""
        params: dict[str, str | Sequence[str]] = {"command": list(command), "stdout": "true", "stderr": "true"}
        if container:
            params["container"] = container
        if stdin is not None:
            params["stdin"] = "true"
        answer = self.answer("POST", f"/api/v1/namespaces/{namespace}/pods/{pod}/exec", params)
        if not isinstance(answer, UpgradeAnswer):
            assert isinstance(answer, Response)
            status = jsonbytes.loads(answer.body)
            raise ApiError(answer.code, status.get("reason", ""), status["message"], status.get("details"))
        said: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray(), "error": bytearray()}
        ended: list[bool] = []
        session = Execution(
            self.cluster, answer, lambda stream, data: said[stream].extend(data), lambda: ended.append(True)
        )
        if stdin is not None:
            session.write(stdin)
            session.close_stdin()
        if not advance(self.cluster, lambda: bool(ended), timeout_s):
            session.close()
            raise TimeoutError(f"{' '.join(command)}: no end within {timeout_s:g} s")
        status = jsonbytes.loads(bytes(said["error"]))
        causes = (status.get("details") or {}).get("causes") or ()
        code = next((int(each["message"]) for each in causes if each.get("reason") == "ExitCode"), 0)
        return ExecResult(code, bytes(said["stdout"]), bytes(said["stderr"]))


def chunks(cluster: ControlPlane, answer: Answer) -> Iterator[bytes]:
    """The body of an answer in pieces, as they come; time passes while the next one is waited for."""
    if isinstance(answer, Response):
        yield answer.body
    elif isinstance(answer, WatchAnswer):
        yield from _watch_chunks(cluster, answer)
    elif isinstance(answer, LogAnswer):
        yield from _log_chunks(cluster, answer)
    else:
        raise bad_request("Upgrade request required")


def close(answer: Answer) -> None:
    """Forget an answer that nobody reads."""
    if isinstance(answer, WatchAnswer):
        answer.watch.close()


def unread(answer: WatchAnswer) -> bytes:
    """The lines of a watch that nobody has read yet; asked for the first time, what ends its initial events, too."""
    watch, lines = answer.watch, []
    while watch.events:
        event = watch.events.popleft()
        lines.append(answer.encode(event.type, event.object))
    if answer.initial_events_end:
        answer.initial_events_end = False
        bookmark = watch.bookmark(answer.kind.name, answer.kind.api_version, initial_events_end=True)
        lines.append(answer.encode(bookmark.type, bookmark.object))
    return b"".join(lines)


def _watch_chunks(cluster: ControlPlane, answer: WatchAnswer) -> Iterator[bytes]:
    watch = answer.watch
    ends_at_s = cluster.loop.now_s + answer.timeout_s
    try:
        while not watch.overflowed:
            if lines := unread(answer):
                yield lines
            left_s = ends_at_s - cluster.loop.now_s
            if left_s <= 0 or not advance(cluster, lambda: bool(watch.events) or watch.overflowed, left_s):
                return
    finally:
        watch.close()


def _log_chunks(cluster: ControlPlane, answer: LogAnswer) -> Iterator[bytes]:
    pending: list[bytes] = []
    ended: list[bool] = []
    stop = answer.subscribe(pending.append, lambda: ended.append(True))
    try:
        while True:
            if pending:
                data = b"".join(pending)
                pending.clear()
                yield data
            elif ended or not advance(cluster, lambda: bool(pending or ended), 86400.0):
                return
    finally:
        stop()


def advance(cluster: ControlPlane, condition: Callable[[], bool], timeout_s: float) -> bool:
    """Let time pass until `condition()` holds, in virtual or paced time; False after `timeout_s` cluster seconds."""
    loop: Loop = cluster.loop
    if loop.pace is None:
        return loop.run_until(condition, timeout_s=timeout_s)
    ends_at_s = loop.now_s + timeout_s
    while not condition():
        cluster.runtime.pump()
        loop.run_due()
        if loop.now_s >= ends_at_s:
            return condition()
        loop.pause(_PAUSE_S)
    return True


def _reply(answer: Response) -> Reply:
    headers = {name: value for name, value in answer.headers if name != "Warning"}
    warnings = [_warning_text(value) for name, value in answer.headers if name == "Warning"]
    if answer.content_type.startswith("application/json"):
        try:
            return Reply(answer.code, jsonbytes.loads(answer.body), headers, warnings)
        except jsonbytes.JSONDecodeError:  # the lines of a watch that ended at once
            pass
    return Reply(answer.code, answer.body.decode("utf-8", "replace"), headers, warnings)


def _warning_text(header: str) -> str:
    quoted = header.partition('"')[2].rpartition('"')[0]
    return quoted.replace('\\"', '"').replace("\\\\", "\\")
