"""What clients say to a member: etcd's gRPC gateway (JSON over HTTP, keys and values in base64), /health and the like.

Source: api/etcdserverpb/rpc.proto with its HTTP annotations, server/etcdserver/api/etcdhttp.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Callable

from statelab.controlplane.runtime.http import HttpRequest, HttpResponse, MessageReader, encode_response
from statelab.controlplane.runtime.images.etcd import gateway
from statelab.controlplane.runtime.images.etcd.member import EtcdMember
from statelab.controlplane.runtime.images.etcd.state import Event, Json, Refused
from statelab.controlplane.runtime.network import Connection

Reply = Callable[[HttpResponse], None]
_CODES = {
    "InvalidArgument": (3, 400), "DeadlineExceeded": (4, 504), "NotFound": (5, 404), "FailedPrecondition": (9, 400),
    "OutOfRange": (11, 400), "Unimplemented": (12, 501), "Internal": (13, 500), "Unavailable": (14, 503),
}  # fmt: skip
_MOST_BYTES = 1_572_864
_JSON = {"Content-Type": "application/json"}


class Api:
    """The client port of one member."""

    def __init__(self, member: EtcdMember, version: str) -> None:
        self.member = member
        self.version = version
        self.is_ready = False
        self._early: list[Callable[[], None]] = []

    def ready(self) -> None:
        """The member has joined: what was asked before is answered now."""
        self.is_ready = True
        early, self._early = self._early, []
        for each in early:
            each()

    def accept(self, connection: Connection) -> None:
        """Requests on one connection. One that is cut short or is no HTTP ends it."""

        def on_message(first: str, headers: dict[str, str], body: bytes) -> None:
            parts = first.split(" ")
            if len(parts) != 3:
                raise ValueError("no HTTP")
            request = HttpRequest(parts[0], parts[1], headers, body, parts[2], connection.remote)
            close = headers.get("connection", "").lower() == "close"

            def reply(response: HttpResponse) -> None:
                connection.send(encode_response(response, head_only=parts[0] == "HEAD", keep_alive=not close))
                if close:
                    connection.close()

            def answer() -> None:
                self.answer(request, reply, connection)

            if self.is_ready:
                answer()
            else:
                self._early.append(answer)

        reader = MessageReader(on_message)

        def on_data(data: bytes) -> None:
            try:
                reader.feed(data)
            except ValueError:
                connection.send(encode_response(HttpResponse(400, b"400 Bad Request"), keep_alive=False))
                connection.close()

        connection.receive(on_data)

    # ---- routes

    def answer(self, request: HttpRequest, reply: Reply, connection: Connection) -> None:
        path = request.path
        if path == "/version":
            reply(
                _text(json.dumps({"etcdserver": self.version, "etcdcluster": self.version.rpartition(".")[0] + ".0"}))
            )
        elif path in ("/health", "/readyz", "/livez"):
            self._health(path, request, reply)
        elif path == "/metrics":
            reply(_text(self._metrics()))
        elif path.startswith("/v3/"):
            self._gateway(path[4:], request, reply, connection)
        else:
            reply(HttpResponse(404, b"404 page not found\n", {"Content-Type": "text/plain; charset=utf-8"}))

    def _health(self, path: str, request: HttpRequest, reply: Reply) -> None:
        serializable = path == "/livez" or request.query.get("serializable") == ["true"]

        def done(outcome: Json | Refused) -> None:
            reason = "" if not isinstance(outcome, Refused) else f"QGET ERROR:{outcome.message}"
            self._say_health(path, reply, reason)

        if serializable:
            done({})
        elif not self.member.raft.leader:
            self._say_health(path, reply, "RAFT NO LEADER")
        else:
            self.member.confirm(done)

    def _say_health(self, path: str, reply: Reply, reason: str) -> None:
        status = 503 if reason else 200
        if path == "/health":
            reply(
                _text(
                    json.dumps({"health": "false" if reason else "true", "reason": reason}, separators=(",", ":")),
                    status,
                )
            )
        else:
            check = "linearizable_read" if path == "/readyz" else "serializable_read"
            failed = f"[-]{check} failed: {reason}\n{path[1:]} check failed\n"
            reply(HttpResponse(status, (failed if reason else "ok\n").encode(), {"Content-Type": "text/plain"}))

    def _metrics(self) -> str:
        raft = self.member.raft
        lines = []
        for name, kind, value in (
            ("etcd_server_has_leader", "gauge", int(bool(raft.leader))),
            ("etcd_server_is_leader", "gauge", int(raft.role == "leader")),
            ("etcd_server_is_learner", "gauge", int(raft.id in raft.learners)),
            ("etcd_server_proposals_applied_total", "gauge", raft.applied),
            ("etcd_server_proposals_committed_total", "gauge", raft.commit),
            ("etcd_debugging_mvcc_current_revision", "gauge", self.member.state.revision),
            ("etcd_debugging_mvcc_keys_total", "gauge", len(self.member.state.range("\0", "\0"))),
            ("etcd_mvcc_db_total_size_in_bytes", "gauge", self.member.state.size()),
        ):
            lines.append(f"# TYPE {name} {kind}\n{name} {value}\n")
        return "".join(lines)

    # ---- the gateway

    def _gateway(self, path: str, request: HttpRequest, reply: Reply, connection: Connection) -> None:
        if request.method != "POST":
            reply(HttpResponse(501 if path else 404, b'{"code":12,"message":"Method Not Allowed","details":[]}', _JSON))
            return
        try:
            body = json.loads(request.body or b"{}")
            if not isinstance(body, dict):
                raise Refused("json: cannot unmarshal", "InvalidArgument")
            if path == "watch":
                self._watch(body.get("create_request") or {}, connection)
                return
            if len(request.body) > _MOST_BYTES:
                raise Refused("etcdserver: request is too large", "InvalidArgument")
            handler = gateway.HANDLERS.get(path)
            if handler is None:
                raise Refused("Not Found", "NotFound")
            handler(self, body, lambda outcome: reply(self._shown(outcome)))
        except Refused as error:
            reply(self._shown(error))
        except (ValueError, TypeError, AttributeError, binascii.Error) as error:
            reply(self._shown(Refused(f"json: {error}"[:200], "InvalidArgument")))

    def _shown(self, outcome: Json | Refused) -> HttpResponse:
        if isinstance(outcome, Refused):
            code, status = _CODES[outcome.code]
            body = {"error": outcome.message, "code": code, "message": outcome.message}
            return HttpResponse(status, gateway.dump(body), _JSON)
        return HttpResponse(200, gateway.dump({"header": self.header(), **outcome}), _JSON)

    def header(self) -> Json:
        member = self.member
        return {
            "cluster_id": str(member.cluster),
            "member_id": str(member.id),
            "revision": str(member.state.revision),
            "raft_term": str(member.raft.term),
        }

    def _watch(self, asked: Json, connection: Connection) -> None:
        """A stream of JSON lines, one for each revision that touches the keys, until the client closes."""
        member = self.member
        key, end = gateway.bytes_of(asked, "key"), gateway.bytes_of(asked, "range_end")
        since, with_before = gateway.int_of(asked, "start_revision"), bool(asked.get("prev_kv"))
        head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.send(head.encode())

        def send(result: Json) -> None:
            line = gateway.dump({"result": {"header": self.header(), **result}}) + b"\n"
            connection.send(b"%x\r\n%s\r\n" % (len(line), line))

        def tell(revision: int, events: list[Event]) -> None:
            if connection.closed:
                if tell in member.watchers:
                    member.watchers.remove(tell)
                return
            found = [each for each in events if gateway.covers(key, end, each[0].key)]
            if found and revision >= since:
                send({"events": [gateway.event_of(each, with_before) for each in found]})

        send({"created": True})
        if since and since <= member.state.revision:
            try:
                for events in member.state.events(key, end, since):
                    send({"events": [gateway.event_of(each, with_before) for each in events]})
            except Refused:
                send({"canceled": True, "compact_revision": str(member.state.compacted)})
                connection.close()
                return
        member.watchers.append(tell)


# ---- JSON


def _text(text: str, status: int = 200) -> HttpResponse:
    return HttpResponse(status, text.encode(), _JSON)
