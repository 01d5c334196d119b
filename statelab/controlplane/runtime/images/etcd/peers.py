"""The connections between members: each keeps one to every other, and sends on it what Raft has to say.

As in a real etcd it begins as an HTTP request that names cluster and sender and is refused for a stranger; after that
each line is one message. What is sent while there is none is lost. Source: server/etcdserver/api/rafthttp.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

from statelab.controlplane.runtime.applets.resolver import address_of
from statelab.controlplane.runtime.images.etcd.config import host_port
from statelab.controlplane.runtime.network import Connection, NetworkError
from statelab.controlplane.runtime.programs import Task

_RETRY_S = 0.5
_TRIES_WORTH_WAITING_FOR = 120
_GONE = "the member has been permanently removed from the cluster"


class Host(Protocol):
    """The member whose connections these are."""

    task: Task
    id: int
    cluster: int

    def received(self, sender: int, message: dict[str, Any]) -> None: ...

    def lost(self, member: int) -> None: ...

    def was_removed(self) -> None: ...

    def log(self, level: str, text: str, **fields: Any) -> None: ...


class Peer:
    """Another member, as this one reaches it."""

    def __init__(self, host: Host, member: int, urls: list[str]) -> None:
        self.id = member
        self.urls = urls
        self.active_since_s: float | None = None
        self._host = host
        self._connection: Connection | None = None
        self._greeted = False
        self._tries = 0
        self._turn = 0
        self._closed = False
        self._said = ""
        self.open()

    def open(self) -> None:
        if self._closed:
            return
        task = self._host.task
        url = self.urls[self._turn % len(self.urls)]
        self._turn += 1
        name, port = host_port(url)
        address = address_of(task, name)
        try:
            if address is None:
                raise NetworkError(f"lookup {name} on 10.96.0.10:53: no such host")
            connection = task.network.connect(task.ip, address, port)
        except NetworkError as error:
            self._failed(error.reason)
            return
        self._connection, self._greeted = connection, False
        connection.receive(self._answered, self._lost)
        head = f"GET /raft/stream/message/{self._host.id:x} HTTP/1.1\r\nHost: {name}:{port}\r\n"
        who = f"X-Etcd-Cluster-ID: {self._host.cluster:x}\r\nX-Server-From: {self._host.id:x}\r\n"
        connection.send(f"{head}{who}X-Raft-To: {self.id:x}\r\n\r\n".encode())

    def _failed(self, why: str) -> None:
        if why != self._said:
            self._said = why
            self._host.log(
                "warn", "prober detected unhealthy status", **{"remote-peer-id": f"{self.id:x}", "error": why}
            )
        self._tries += 1
        self._host.task.after(_RETRY_S, self.open, housekeeping=self._tries > _TRIES_WORTH_WAITING_FOR)

    def _answered(self, data: bytes) -> None:
        """The answer to our greeting; nothing else ever comes this way."""
        if self._greeted:
            return
        status = data.split(b" ")[1:2]
        if status == [b"200"]:
            self._greeted, self._tries, self._said = True, 0, ""
            self.active_since_s = self._host.task.loop.now_s
            self._host.log("info", "peer became active", **{"peer-id": f"{self.id:x}"})
            return
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        if status == [b"410"]:
            self._host.was_removed()
        else:
            self._failed(data.partition(b"\r\n\r\n")[2].decode(errors="replace").strip())

    def _lost(self) -> None:
        was_active, self.active_since_s = self.active_since_s is not None, None
        self._connection, self._greeted = None, False
        if self._closed:
            return
        if was_active:
            self._host.log(
                "warn", "lost TCP streaming connection with remote peer", **{"remote-peer-id": f"{self.id:x}"}
            )
        self._host.lost(self.id)
        self._failed("EOF")

    def send(self, data: bytes) -> None:
        if self._connection is None or not self._greeted:
            return
        if self._connection.closed:  # by this side: nobody tells it
            self._lost()
        else:
            self._connection.send(data)

    def close(self) -> None:
        self._closed = True
        self.active_since_s = None
        if self._connection is not None:
            self._connection.close()


def encode(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def accept(
    host: Host, connection: Connection, may_come: Callable[[int, int], str], other: Callable[[Connection, bytes], None]
) -> None:
    """A connection to the peers' port. `may_come(cluster, member)` says "", or why not; `other` answers plain HTTP."""
    buffer = b""
    sender = 0

    def on_data(data: bytes) -> None:
        nonlocal buffer, sender
        if sender:
            buffer += data
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                if not host.task.done:
                    host.received(sender, json.loads(line))
            return
        if not data.startswith(b"GET /raft/stream/"):
            other(connection, data)
            return
        headers = dict(line.lower().split(": ", 1) for line in data.decode("latin-1").split("\r\n") if ": " in line)
        cluster, member = (int(headers.get(key, "0"), 16) for key in ("x-etcd-cluster-id", "x-server-from"))
        wanted = int(headers.get("x-raft-to", "0"), 16)
        refusal = may_come(cluster, member)
        if not refusal and wanted != host.id:
            refusal = "412 Precondition Failed\r\n\r\nincompatible remote member"
        if refusal:
            connection.send(f"HTTP/1.1 {refusal}\n".encode())
            connection.close()
            return
        sender = member
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")

    connection.receive(on_data)


GONE = f"410 Gone\r\n\r\n{_GONE}"
OTHER_CLUSTER = "412 Precondition Failed\r\n\r\nrequest cluster ID mismatch"
