"""etcdctl watch: events as they happen, until it is stopped. One whose server goes away goes on with another."""

from __future__ import annotations

import json

from statelab.controlplane.runtime.images.etcd import ctl
from statelab.controlplane.runtime.images.etcd.ctl import Json, Session, Usage, decoded
from statelab.controlplane.runtime.images.etcd.keys import key_range
from statelab.controlplane.runtime.network import Connection, NetworkError

_RETRY_S = 0.5


def run(session: Session) -> None:
    if not session.arguments:
        raise Usage("Error: bad number of arguments")
    asked = {**key_range(session, session.arguments), "prev_kv": session.is_on("prev-kv")}
    if session.flags["rev"] != "0":
        asked["start_revision"] = session.flags["rev"]
    _Watch(session, asked).open()


class _Watch:
    def __init__(self, session: Session, asked: Json) -> None:
        self.session = session
        self.asked = asked
        self.turn = 0
        self.buffer = b""
        self.connection: Connection | None = None
        session.task.on_signal = self.signal
        session.task.on_end = self.close

    def signal(self, name: str) -> None:
        if name in ("INT", "TERM"):
            self.session.end(130 if name == "INT" else 143)

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()

    def open(self) -> None:
        task, endpoints = self.session.task, self.session.endpoints
        if task.done:
            return
        address, port, _ = ctl.where(task, endpoints[self.turn % len(endpoints)])
        self.turn += 1
        try:
            if address is None:
                raise NetworkError("no such host")
            self.connection = task.network.connect(task.ip, address, port)
        except NetworkError:
            task.after(_RETRY_S, self.open, housekeeping=self.turn > 20)
            return
        self.buffer = b""
        body = json.dumps({"create_request": self.asked}).encode()
        self.connection.receive(self.received, self.lost)
        head = f"POST /v3/watch HTTP/1.1\r\nHost: {address}:{port}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.connection.send(head.encode() + body)

    def lost(self) -> None:
        self.connection = None
        if not self.session.task.done:
            self.session.task.after(_RETRY_S, self.open)

    def received(self, data: bytes) -> None:
        """Each line of the stream that begins with `{` is an answer; the rest is the chunks' framing."""
        self.buffer += data
        *lines, self.buffer = self.buffer.split(b"\n")
        for line in lines:
            if line.startswith(b"{"):
                self.show(json.loads(line)["result"])

    def show(self, result: Json) -> None:
        session = self.session
        if result.get("canceled"):
            session.task.fail(
                "watch was canceled (etcdserver: mvcc: required revision has been compacted)\n"
                "Error: watch is canceled by the server\n",
                1,
            )
            return
        for event in result.get("events", []):
            now = event["kv"]
            self.asked["start_revision"] = str(int(now["mod_revision"]) + 1)
            if session.format == "json":
                continue
            session.say(event.get("type", "PUT"))
            for each in (event.get("prev_kv"), now):
                if each is not None:
                    session.say(decoded(each["key"]))
                    session.say(decoded(each.get("value", "")))
        if session.format == "json" and result.get("events"):
            session.json(result)
