"""A replica's end of replication: find the primary by name, take all its data, then follow each write."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from statelab.controlplane.runtime.images.redis_files import replay
from statelab.controlplane.runtime.images.resp import Failure, Parser, Status, command
from statelab.controlplane.runtime.network import Connection, NetworkError

if TYPE_CHECKING:
    from statelab.controlplane.runtime.images.redis_server import Server

_RETRY_S = 1.0
_ABORTED = "MASTER aborted replication with an error: "


class Link:
    """The connection to the primary; it is tried again every second until it holds."""

    def __init__(self, server: Server, host: str, port: int, resolve: Callable[[str], str | None]) -> None:
        self.host = host
        self.port = port
        self.up = False
        self._server = server
        self._resolve = resolve
        self._connection: Connection | None = None
        self._parser = Parser()
        self._waiting: list[str] = []
        self._closed = False
        self._complained = ""
        self._session = server.data.session(lambda reply: None)
        self._tries = 0

    def open(self) -> None:
        if self._closed:
            return
        address = self._resolve(self.host)
        if address is None:
            self._retry("Unable to connect to MASTER: " + "Name or service not known")
            return
        try:
            connection = self._server.task.network.connect(self._server.task.ip, address, self.port)
        except NetworkError as error:
            self._retry(f"Error condition on socket for SYNC: {error.reason.capitalize()}")
            return
        self._connection, self._parser = connection, Parser()
        self._waiting = []
        self._server.log("*", "MASTER <-> REPLICA sync started")
        connection.receive(self._received, self._lost)
        password = self._server.config["masterauth"].encode()
        if password:
            self._send("AUTH", b"AUTH", password)
        self._send("PING", b"PING")
        self._send("REPLCONF", b"REPLCONF", b"listening-port", str(self._server.port).encode())
        self._send("PSYNC", b"PSYNC", b"?", b"-1")

    def close(self) -> None:
        self._closed = True
        self._down()
        if self._connection is not None:
            self._connection.close()

    def _send(self, name: str, *arguments: bytes) -> None:
        connection = self._connection
        if connection is not None and not connection.closed:
            self._waiting.append(name)
            connection.send(command(arguments))

    def _received(self, data: bytes) -> None:
        for value in self._parser.feed(data):
            if self._closed:
                return
            if self._waiting:
                self._answered(self._waiting.pop(0), value)
            elif isinstance(value, bytes) and not self.up:
                self._take_all(value)
            elif isinstance(value, list):
                self._follow(value)

    def _answered(self, name: str, value: Any) -> None:
        if isinstance(value, Failure):
            later = value.text.startswith("NOMASTERLINK")
            said = "MASTER is currently unable to PSYNC but should be in the future: -" if later else _ABORTED
            self._server.log("*" if later else "#", f"{said}{value.text}")
            self._complained = value.text
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()
            self._waiting = []
            self._retry("")
        elif name == "PSYNC" and isinstance(value, Status):
            words = value.text.split()
            self._server.replication_id, self._server.offset = words[1], int(words[2])
            self._server.has_history = True
            self._server.log("*", f"Full resync from master: {words[1]}:{self._server.offset}")

    def _take_all(self, payload: bytes) -> None:
        self._server.log("*", "MASTER <-> REPLICA sync: Flushing old data")
        self._server.data.clear()
        self._session = self._server.data.session(lambda reply: None)
        replay(self._session, payload)
        if self._server.files.appends:
            self._server.files.rewrite()
        self.up = True
        self._complained = ""
        self._server.log("*", "MASTER <-> REPLICA sync: Finished with success")
        self._acknowledge()

    def _acknowledge(self) -> None:
        """Tell the primary how far we are. A real replica does so every second, and when it is asked."""
        if self._connection is not None:
            self._connection.send(command([b"REPLCONF", b"ACK", str(self._server.offset).encode()]))

    def _follow(self, arguments: list[bytes]) -> None:
        self._server.offset += len(command(arguments))
        self._session.run(arguments)
        encoded = command(arguments)
        self._server.files.append(encoded)
        for connection in list(self._server.replicas):  # a replica may have replicas of its own
            connection.send(encoded)
        self._server.data.changed()
        self._acknowledge()

    def _lost(self) -> None:
        if self._closed:
            return
        if self.up:
            self._down()
            self._server.log("*", "Connection with master lost.")
        self._connection = None
        self._retry("")

    def _down(self) -> None:
        if self.up:
            self._server.down_since_s = self._server.loop.now_s
        self.up = False

    def _retry(self, words: str) -> None:
        if words and words != self._complained:
            self._server.log("#", words)
            self._complained = words
        self._tries += 1
        self._server.task.after(_RETRY_S, self.open, housekeeping=self._tries > 60)
