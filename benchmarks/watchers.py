"""200 watchers of one kind: each gets every change, and the one who writes is not held up for long."""

from __future__ import annotations

import multiprocessing
import selectors
import socket
import time
from collections.abc import Generator
from multiprocessing.synchronize import Event

from benchmarks.figure import Figure
from benchmarks.server import Client, Server, serving

_WATCHERS = 200
_CHANGES = 2000
_CONFIG_MAP = "/api/v1/namespaces/default/configmaps/watched"
_MERGE = "application/merge-patch+json"


def watchers() -> Generator[Figure]:
    """Merge-patches a second with 200 watchers, and how many of them got all of 2,000 changes."""
    with serving() as server:
        client = server.client()
        client.request("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "watched"}})
        _write(client, 500)
        alone = _write(client, _CHANGES)
        context = multiprocessing.get_context("spawn")
        ready, results = context.Event(), context.Queue()
        reader = context.Process(target=_read, args=(server.port, server.token, ready, results))
        reader.start()
        if not ready.wait(60):
            raise TimeoutError("the watchers were not served")
        watched = _write(client, _CHANGES)
        complete = results.get(timeout=120)
        reader.join(20)
        name = f"merge-patch with {_WATCHERS} watching"
        yield Figure(name, watched, "/s", beside=alone, aim=alone / 2, beside_what="nobody watching")
        yield Figure(f"watchers that got all of {_CHANGES} changes", complete, f"of {_WATCHERS}", aim=_WATCHERS)


def _write(client: Client, count: int) -> float:
    begun_s = time.perf_counter()
    for number in range(count):
        client.request("PATCH", _CONFIG_MAP, {"data": {"n": f"{begun_s}-{number}"}}, _MERGE)
    return count / (time.perf_counter() - begun_s)


def _read(port: int, token: str, ready: Event, results: multiprocessing.Queue[int]) -> None:
    """In a process of its own: count the events on each of the connections, for a minute at most."""
    version = _version(port, token)
    selector = selectors.DefaultSelector()
    seen: dict[socket.socket, int] = {}
    tails: dict[socket.socket, bytes] = {}
    path = f"/api/v1/namespaces/default/configmaps?watch=1&resourceVersion={version}"
    for _ in range(_WATCHERS):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        selector.register(connection, selectors.EVENT_READ)
        seen[connection], tails[connection] = 0, b""
    waiting = set(seen)
    mark, deadline_s = b'"type":"MODIFIED"', time.monotonic() + 60
    while time.monotonic() < deadline_s and any(count < _CHANGES for count in seen.values()):
        for key, _ in selector.select(1.0):
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            data = connection.recv(1 << 20)
            if not data:
                selector.unregister(connection)
                continue
            text = tails[connection] + data
            seen[connection] += text.count(mark)
            tails[connection] = text[-len(mark) + 1 :]
            waiting.discard(connection)
            if not waiting:
                ready.set()  # every watch has its headers
    results.put(sum(count >= _CHANGES for count in seen.values()))


def _version(port: int, token: str) -> str:
    import json

    client = Client(Server(port, token, None, 0.0), token)  # type: ignore[arg-type]
    return str(
        json.loads(client.request("GET", "/api/v1/namespaces/default/configmaps"))["metadata"]["resourceVersion"]
    )
