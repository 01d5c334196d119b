"""kubectl on an embedded cluster of this process: no socket; waiting lets the cluster's own time pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from statelab.controlplane.apiserver.encoding.request import LogAnswer, Response, UpgradeAnswer, WatchAnswer
from statelab.controlplane.apiserver.serving.client import InProcessClient, advance
from statelab.controlplane.apiserver.serving.remote import Execution as Session
from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.errors import ApiError
from statelab.kubectl.api import JSON, Execution, Params, Reply, Stream, ran_of
from statelab.kubectl.problems import Refused
from statelab.reader import jsonbytes as jsons


class InProcess:
    """An Api over a ControlPlane."""

    def __init__(self, cluster: ControlPlane) -> None:
        self._cluster = cluster
        self._client = InProcessClient(cluster, user_agent="kubectl/v1.37.1")

    @property
    def now_s(self) -> float:
        return self._cluster.loop.now_s

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
        reply = self._client.request(method, path, params, body, content_type=content_type, accept=accept)
        return Reply(reply.code, reply.body, reply.warnings)

    def watch(self, path: str, params: Params, accept: str = JSON) -> Stream:
        answer = self._client.answer("GET", path, {"watch": "true", **params}, accept=accept)
        if isinstance(answer, WatchAnswer):
            return _Watch(answer)
        raise refused_by(answer)

    def follow(self, path: str, params: Params) -> Stream:
        answer = self._client.answer("GET", path, params)
        if isinstance(answer, LogAnswer):
            return _Log(answer)
        if isinstance(answer, Response) and answer.code < 400:
            return _Whole(answer.body)
        raise refused_by(answer)

    def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], stdin: bytes | None, tty: bool
    ) -> Execution:
        params: dict[str, str | Sequence[str]] = {"command": list(command), "stdout": "true", "stderr": "true"}
        params["container"] = container
        if stdin is not None:
            params["stdin"] = "true"
        answer = self._client.answer("POST", f"/api/v1/namespaces/{namespace}/pods/{pod}/exec", params)
        if not isinstance(answer, UpgradeAnswer):
            raise refused_by(answer)
        execution = Execution()
        status = bytearray()

        def on_output(stream: str, data: bytes) -> None:
            if stream == "error":
                status.extend(data)
            else:
                execution.output.append((stream, data))

        def on_end() -> None:
            execution.ended = ran_of(jsons.loads(bytes(status)))

        try:
            session = Session(self._cluster, answer, on_output, on_end)
        except ApiError as error:
            raise Refused(error.status()) from None
        execution.close = session.close if execution.ended is None else (lambda: None)
        if stdin is not None:
            session.write(stdin)
            session.close_stdin()
        return execution

    # ---- letting time pass

    def wait(self, until: Callable[[], bool], timeout_s: float) -> bool:
        """Let the cluster's time pass, paced or virtual, until it holds."""
        return advance(self._cluster, until, timeout_s)


def refused_by(answer: Any) -> Refused:
    body = jsons.loads(answer.body) if isinstance(answer, Response) else {"message": "this answer is no stream"}
    return Refused(body)


class _Watch:
    def __init__(self, answer: WatchAnswer) -> None:
        self._answer = answer

    def taken(self) -> list[Any]:
        events = self._answer.watch.events
        out: list[Any] = []
        while events:
            event = events.popleft()
            out += [jsons.loads(line) for line in self._answer.encode(event.type, event.object).splitlines()]
        return out

    @property
    def is_over(self) -> bool:
        return self._answer.watch.overflowed

    def close(self) -> None:
        self._answer.watch.close()


class _Log:
    def __init__(self, answer: LogAnswer) -> None:
        self._pending: list[bytes] = []
        self._ended: list[bool] = []
        self._stop = answer.subscribe(self._pending.append, lambda: self._ended.append(True))

    def taken(self) -> list[Any]:
        out, self._pending[:] = list(self._pending), []
        return out

    @property
    def is_over(self) -> bool:
        return bool(self._ended) and not self._pending

    def close(self) -> None:
        self._stop()


class _Whole:
    def __init__(self, body: bytes) -> None:
        self._pending = [body] if body else []

    def taken(self) -> list[Any]:
        out, self._pending = list(self._pending), []
        return out

    @property
    def is_over(self) -> bool:
        return not self._pending

    def close(self) -> None:
        return
