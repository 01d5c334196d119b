"""kubectl on a cluster that is reached over HTTP: the embedded one's server, kind, any kubeconfig. No thread.

A watch is asked for again and again, for a second each time, while somebody waits: that is the waiting.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol
from urllib.parse import urlencode

from statelab.cluster.cluster import Cluster
from statelab.cluster.connection import Connection, RequestRefused
from statelab.cluster.problem import Problem
from statelab.kubectl.api import JSON, Execution, Params, Ran, Reply, Stream, ran_of
from statelab.kubectl.problems import Refused
from statelab.reader import jsonbytes

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


_CHANNELS = {1: "stdout", 2: "stderr"}
_ERROR, _STDIN, _CLOSE = 3, b"\x00", b"\xff\x00"
_PROTOCOL = "v5.channel.k8s.io"  # the first in which a client can say that its input ends
_LONGEST_S = 120.0


def _websocket(
    cluster: Cluster, namespace: str, pod: str, container: str, command: Sequence[str], stdin: bytes | None
) -> Execution:
    """Run a command over a WebSocket, to its end. Raises Refused. Source: kubelet's remotecommand, KEP-4006."""
    import websocket  # the official client brings it

    connection = cluster.connection
    asked = [("container", container), ("stdout", "true"), ("stderr", "true"), *(("command", each) for each in command)]
    if stdin is not None:
        asked.append(("stdin", "true"))
    url = f"{connection.url}/api/v1/namespaces/{namespace}/pods/{pod}/exec?{urlencode(asked)}"
    trust = connection.pool.connection_pool_kw.get("ssl_context")
    try:
        channel = websocket.create_connection(
            url.replace("http", "ws", 1), timeout=_LONGEST_S, subprotocols=[_PROTOCOL],
            header=[f"{name}: {value}" for name, value in connection.headers.items()],
            sslopt={"context": trust} if trust is not None else {},
        )  # fmt: skip
    except websocket.WebSocketBadStatusException as error:
        raise Refused(_status(error.resp_body, error.status_code)) from None
    except OSError as error:
        raise ConnectionError(str(error)) from None
    output: list[tuple[str, bytes]] = []
    try:
        if stdin is not None:
            channel.send_binary(_STDIN + stdin)
            channel.send_binary(_CLOSE)
        while frame := channel.recv():
            data = frame if isinstance(frame, bytes) else frame.encode()
            if data[0] == _ERROR:
                return Execution(output, ran_of(jsonbytes.loads(data[1:])))
            if data[0] in _CHANNELS and data[1:]:
                output.append((_CHANNELS[data[0]], data[1:]))
    except websocket.WebSocketTimeoutException:
        return Execution(output, Ran(1, f"the command did not end within {_LONGEST_S:.0f} s"))
    except websocket.WebSocketConnectionClosedException:
        pass
    finally:
        channel.close()
    return Execution(output, Ran(1, "the connection ended before the command did"))


def _status(body: bytes | None, code: int) -> dict[str, Any]:
    try:
        found = jsonbytes.loads(body or b"")
    except jsonbytes.JSONDecodeError:
        found = None
    return found if isinstance(found, dict) else {"code": code, "message": f"unable to upgrade connection: HTTP {code}"}
