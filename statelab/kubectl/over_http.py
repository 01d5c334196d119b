"""kubectl on a cluster that is reached over HTTP: the embedded one's server, kind, any kubeconfig. No thread.

A watch is asked for again and again, for a second each time, while somebody waits: that is the waiting.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from statelab.cluster.cluster import Cluster
from statelab.cluster.connection import Connection, RequestRefused
from statelab.cluster.problem import Problem
from statelab.kubectl.api import JSON, Execution, Params, Ran, Reply, Stream
from statelab.kubectl.problems import Refused

_LOOK_EVERY_S = 0.1
Exec = Callable[[str, str, str, Sequence[str], bytes | None], Execution]


class Translate(Protocol):
    """Names that differ between who asks and the cluster."""

    def path(self, method: str, path: str) -> str: ...
    def outward(self, value: Any) -> Any: ...
    def inward(self, value: Any) -> Any: ...


class AsItIs:
    """No difference."""

    def path(self, method: str, path: str) -> str:
        return path

    def outward(self, value: Any) -> Any:
        return value

    def inward(self, value: Any) -> Any:
        return value


class OverHttp:
    """An Api over a connection. `run_in` runs a command in a container."""

    def __init__(self, connection: Connection, run_in: Exec, names: Translate | None = None) -> None:
        self._connection = connection
        self._run_in = run_in
        self._names = names or AsItIs()

    @property
    def now_s(self) -> float:
        return time.time()

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
        query = [(k, each) for k, v in (params or {}).items() for each in ([v] if isinstance(v, str) else v)]
        try:
            code, found, headers = self._connection.answer(
                method, self._names.path(method, path), self._names.outward(body), params=query,
                content_type=content_type, accept=accept,
            )  # fmt: skip
        except Problem as problem:
            raise ConnectionError(str(problem)) from None
        return Reply(code, self._names.inward(found), [_warning(each) for each in headers])

    def watch(self, path: str, params: Params, accept: str = JSON) -> Stream:
        return _Polling(self, path, dict(params), accept)

    def lines(self, path: str, params: dict[str, Any], accept: str) -> list[Any]:
        """The events of a second. Raises Refused."""
        asked = {**{k: str(v) for k, v in params.items()}, "watch": "true", "timeoutSeconds": "1"}
        try:
            stream = self._connection.stream(self._names.path("GET", path), asked, read_timeout_s=10.0, accept=accept)
            return [self._names.inward(each) for each in stream]
        except RequestRefused as refused:
            raise Refused(self._names.inward(refused.status)) from None

    def follow(self, path: str, params: Params) -> Stream:
        return _LogPolling(self, path, dict(params))

    def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], stdin: bytes | None, tty: bool
    ) -> Execution:
        return self._run_in(namespace, pod, container, command, stdin)

    def wait(self, until: Callable[[], bool], timeout_s: float) -> bool:
        """Look again and again, until it holds."""
        deadline_s = time.monotonic() + timeout_s
        while not until():
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return False
            time.sleep(min(_LOOK_EVERY_S, left_s))
        return True


def _warning(header: str) -> str:
    quoted = header.partition('"')[2].rpartition('"')[0]
    return quoted.replace('\\"', '"').replace("\\\\", "\\")


class _Polling:
    """A watch as a row of short ones."""

    def __init__(self, api: OverHttp, path: str, params: dict[str, Any], accept: str) -> None:
        self._api = api
        self._path = path
        self._params = params
        self._accept = accept
        self.is_over = False

    def taken(self) -> list[Any]:
        try:
            found = self._api.lines(self._path, self._params, self._accept)
        except Refused:
            self.is_over = True
            return []
        for event in found:
            if event.get("type") == "ERROR":
                self.is_over = True
            version = _version(event.get("object") or {})
            if version:
                self._params["resourceVersion"] = version
        return [each for each in found if each.get("type") not in ("ERROR", "BOOKMARK")]

    def close(self) -> None:
        return


def _version(obj: dict[str, Any]) -> str:
    if obj.get("kind") == "Table":
        rows = obj.get("rows") or [{}]
        return str(((rows[-1].get("object") or {}).get("metadata") or {}).get("resourceVersion") or "")
    return str((obj.get("metadata") or {}).get("resourceVersion") or "")


class _LogPolling:
    """A log that is followed, by asking for all of it again and giving what is new."""

    def __init__(self, api: OverHttp, path: str, params: dict[str, Any]) -> None:
        self._api = api
        self._path = path
        self._params = {name: value for name, value in params.items() if name != "follow"}
        self._seen = ""
        self.is_over = False

    def taken(self) -> list[Any]:
        reply = self._api.request("GET", self._path, self._params)
        if reply.code >= 400:
            if self._seen:
                self.is_over = True
                return []
            raise Refused(reply.body if isinstance(reply.body, dict) else {"message": str(reply.body)})
        self._params.pop("tailLines", None)
        text = str(reply.body or "")
        at = text.find(self._seen) + len(self._seen) if self._seen in text else 0
        self._seen = text
        return [text[at:].encode()] if text[at:] else []

    def close(self) -> None:
        return


def api_of(cluster: Cluster) -> OverHttp:
    """An Api over whatever `connect()` gave."""

    def run_in(namespace: str, pod: str, container: str, command: Sequence[str], stdin: bytes | None) -> Execution:
        return _websocket(cluster, namespace, pod, container, command, stdin)

    return OverHttp(cluster.connection, run_in)


def _websocket(
    cluster: Cluster, namespace: str, pod: str, container: str, command: Sequence[str], stdin: bytes | None
) -> Execution:
    """Run a command by the official client's WebSocket, to its end. Raises Refused."""
    from kubernetes import client, config, stream
    from kubernetes.client.exceptions import ApiException

    api = config.new_client_from_config(str(cluster.kubeconfig), context=cluster.context)
    try:
        answer = stream.stream(
            client.CoreV1Api(api).connect_get_namespaced_pod_exec, pod, namespace, container=container,
            command=list(command), stdin=stdin is not None, stdout=True, stderr=True, tty=False, _preload_content=False,
        )  # fmt: skip
    except ApiException as error:
        raise Refused({"code": error.status, "reason": "InternalError", "message": str(error.reason)}) from None
    if stdin:
        answer.write_stdin(stdin)
    answer.run_forever(timeout=120)
    output = [
        (name, text.encode())
        for name, text in (("stdout", answer.read_stdout(timeout=0)), ("stderr", answer.read_stderr(timeout=0)))
        if text
    ]
    code = answer.returncode
    answer.close()
    return Execution(output, Ran(code) if code is not None else Ran(1, "the command did not end within 120 s"))
