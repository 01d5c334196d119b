"""What clients say to a member: etcd's gRPC gateway (JSON over HTTP, keys and values in base64), /health and the like.

Source: api/etcdserverpb/rpc.proto with its HTTP annotations, server/etcdserver/api/etcdhttp.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

from statelab.controlplane.runtime.http import HttpRequest, HttpResponse, MessageReader, encode_response
from statelab.controlplane.runtime.images.etcd import applying
from statelab.controlplane.runtime.images.etcd.config import host_port, member_id
from statelab.controlplane.runtime.images.etcd.member import EtcdMember
from statelab.controlplane.runtime.images.etcd.state import NO_LEASE, NO_MEMBER, Event, Json, Refused, State, Value
from statelab.controlplane.runtime.network import Connection

Reply = Callable[[HttpResponse], None]
_CODES = {
    "InvalidArgument": (3, 400), "DeadlineExceeded": (4, 504), "NotFound": (5, 404), "FailedPrecondition": (9, 400),
    "OutOfRange": (11, 400), "Unimplemented": (12, 501), "Internal": (13, 500), "Unavailable": (14, 503),
}  # fmt: skip
_MOST_OPERATIONS = 128
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
            handler = _HANDLERS.get(path)
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
            return HttpResponse(status, _dump(body), _JSON)
        return HttpResponse(200, _dump({"header": self.header(), **outcome}), _JSON)

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
        key, end = _bytes(asked, "key"), _bytes(asked, "range_end")
        since, with_before = _int(asked, "start_revision"), bool(asked.get("prev_kv"))
        head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.send(head.encode())

        def send(result: Json) -> None:
            line = _dump({"result": {"header": self.header(), **result}}) + b"\n"
            connection.send(b"%x\r\n%s\r\n" % (len(line), line))

        def tell(revision: int, events: list[Event]) -> None:
            if connection.closed:
                if tell in member.watchers:
                    member.watchers.remove(tell)
                return
            found = [each for each in events if _covers(key, end, each[0].key)]
            if found and revision >= since:
                send({"events": [_event(each, with_before) for each in found]})

        send({"created": True})
        if since and since <= member.state.revision:
            try:
                for events in member.state.events(key, end, since):
                    send({"events": [_event(each, with_before) for each in events]})
            except Refused:
                send({"canceled": True, "compact_revision": str(member.state.compacted)})
                connection.close()
                return
        member.watchers.append(tell)


# ---- JSON


def _text(text: str, status: int = 200) -> HttpResponse:
    return HttpResponse(status, text.encode(), _JSON)


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _bytes(body: Json, name: str) -> str:
    return base64.b64decode(body.get(name) or "", validate=True).decode("latin-1")


def _int(body: Json, name: str) -> int:
    return int(body.get(name) or 0)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode("latin-1")).decode()


def _covers(key: str, end: str, name: str) -> bool:
    return name == key if not end else name >= key and (end == "\0" or name < end)


def key_value(value: Value) -> Json:
    """A mvccpb.KeyValue. What is zero is left out, as proto3 has it."""
    shown: Json = {"key": encoded(value.key)}
    for name, number in (("create_revision", value.create), ("mod_revision", value.mod), ("version", value.version)):
        if number:
            shown[name] = str(number)
    if value.value:
        shown["value"] = encoded(value.value)
    if value.lease:
        shown["lease"] = str(value.lease)
    return shown


def _event(event: Event, with_before: bool) -> Json:
    now, before = event
    shown: Json = {} if now.version else {"type": "DELETE"}
    shown["kv"] = key_value(now)
    if with_before and before is not None:
        shown["prev_kv"] = key_value(before)
    return shown


def _ranged(found: Json, keys_only: bool = False) -> Json:
    shown: Json = {}
    if found["kvs"]:
        shown["kvs"] = [key_value(each) for each in found["kvs"]]
        if keys_only:
            for each in shown["kvs"]:
                each.pop("value", None)
    if found["more"]:
        shown["more"] = True
    if found["count"]:
        shown["count"] = str(found["count"])
    return shown


def _written(answer: Json) -> Json:
    shown: Json = {}
    if answer.get("deleted"):
        shown["deleted"] = str(answer["deleted"])
    if answer.get("prev_kv"):
        shown["prev_kv"] = key_value(answer["prev_kv"])
    if answer.get("prev_kvs"):
        shown["prev_kvs"] = [key_value(each) for each in answer["prev_kvs"]]
    return shown


# ---- requests: from the gateway's JSON to what is proposed, and back

Done = Callable[[Json | Refused], None]


def _range_of(body: Json) -> Json:
    if "key" not in body:
        raise Refused("etcdserver: key is not provided", "InvalidArgument")
    return {
        "op": "range",
        "key": _bytes(body, "key"),
        "end": _bytes(body, "range_end"),
        "limit": _int(body, "limit"),
        "revision": _int(body, "revision"),
        "order": {"NONE": "", "": ""}.get(body.get("sort_order") or "", body.get("sort_order") or ""),
        "by": str(body.get("sort_target") or "KEY"),
        "count_only": bool(body.get("count_only")),
        "keys_only": bool(body.get("keys_only")),
    }


def _put_of(body: Json) -> Json:
    if not body.get("key"):
        raise Refused("etcdserver: key is not provided", "InvalidArgument")
    return {
        "op": "put",
        "key": _bytes(body, "key"),
        "value": None if body.get("ignore_value") else _bytes(body, "value"),
        "lease": None if body.get("ignore_lease") else _int(body, "lease"),
        "prev_kv": bool(body.get("prev_kv")),
    }


def _delete_of(body: Json) -> Json:
    if "key" not in body:
        raise Refused("etcdserver: key is not provided", "InvalidArgument")
    return {
        "op": "delete",
        "key": _bytes(body, "key"),
        "end": _bytes(body, "range_end"),
        "prev_kv": bool(body.get("prev_kv")),
    }


def _range(api: Api, body: Json, done: Done) -> None:
    asked = _range_of(body)

    def read(outcome: Json | Refused) -> None:
        if isinstance(outcome, Refused):
            done(outcome)
            return
        try:
            done(_ranged(applying.answer_range(api.member, asked), asked["keys_only"]))
        except Refused as error:
            done(error)

    if body.get("serializable"):
        read({})
    else:
        api.member.confirm(read)


def _then(done: Done, show: Callable[[Json], Json]) -> Done:
    return lambda outcome: done(outcome if isinstance(outcome, Refused) else show(outcome))


def _put(api: Api, body: Json, done: Done) -> None:
    api.member.propose(_put_of(body), _then(done, _written))


def _delete(api: Api, body: Json, done: Done) -> None:
    api.member.propose(_delete_of(body), _then(done, _written))


def _txn(api: Api, body: Json, done: Done) -> None:
    wanted = {name: [_operation(each) for each in body.get(name) or ()] for name in ("success", "failure")}
    compares = [_compare_of(each) for each in body.get("compare") or ()]
    if max(len(compares), *(len(each) for each in wanted.values())) > _MOST_OPERATIONS:
        raise Refused("etcdserver: too many operations in txn request", "InvalidArgument")

    def show(answer: Json) -> Json:
        shown: Json = {"succeeded": True} if answer["succeeded"] else {}
        responses = []
        for each in answer["responses"]:
            if each["op"] == "range":
                responses.append({"response_range": {"header": {}, **_ranged(each)}})
            elif each["op"] == "put":
                responses.append({"response_put": {"header": {}, **_written(each)}})
            else:
                responses.append({"response_delete_range": {"header": {}, **_written(each)}})
        return {**shown, "responses": responses} if responses else shown

    api.member.propose({"op": "txn", "compare": compares, **wanted}, _then(done, show))


def _operation(body: Json) -> Json:
    for names, read in (
        (("request_range", "requestRange"), _range_of),
        (("request_put", "requestPut"), _put_of),
        (("request_delete_range", "requestDeleteRange"), _delete_of),
    ):
        found = next((body[name] for name in names if name in body), None)
        if found is not None:
            return read(found)
    raise Refused("etcdserver: unsupported operation in txn request", "InvalidArgument")


def _compare_of(body: Json) -> Json:
    target = {"VALUE": "value", "VERSION": "version", "CREATE": "create", "MOD": "mod", "LEASE": "lease"}[
        str(body.get("target") or "VERSION")
    ]
    name = {"value": "value", "version": "version", "lease": "lease"}.get(target, f"{target}_revision")
    wanted: Any = _bytes(body, "value") if target == "value" else _int(body, name)
    return {
        "key": _bytes(body, "key"),
        "end": _bytes(body, "range_end"),
        "target": target,
        "result": str(body.get("result") or "EQUAL"),
        "wanted": wanted,
    }


def _compact(api: Api, body: Json, done: Done) -> None:
    api.member.propose({"op": "compact", "revision": _int(body, "revision")}, done)


def _grant(api: Api, body: Json, done: Done) -> None:
    ttl = _int(body, "TTL")
    if ttl <= 0:
        raise Refused("etcdserver: too small lease TTL", "InvalidArgument")
    if ttl > 9_000_000_000:
        raise Refused("etcdserver: too large lease TTL", "OutOfRange")
    lease = _int(body, "ID") or api.member.random.getrandbits(63)
    show = lambda answer: {"ID": str(answer["ID"]), "TTL": str(answer["TTL"])}  # noqa: E731
    api.member.propose({"op": "grant", "lease": lease, "ttl": ttl}, _then(done, show))


def _revoke(api: Api, body: Json, done: Done) -> None:
    api.member.propose({"op": "revoke", "lease": _int(body, "ID")}, done)


def _keep_alive(api: Api, body: Json, done: Done) -> None:
    lease = api.member.state.leases.get(_int(body, "ID"))
    if lease is None:
        done({"result": {"ID": str(_int(body, "ID"))}})
        return
    lease.expires_s = api.member.task.loop.now_s + lease.ttl
    done({"result": {"ID": str(lease.id), "TTL": str(lease.ttl)}})


def _time_to_live(api: Api, body: Json, done: Done) -> None:
    number = _int(body, "ID")
    lease = api.member.state.leases.get(number)
    if lease is None:
        done({"ID": str(number), "TTL": "-1"})
        return
    left = max(0, int(lease.expires_s - api.member.task.loop.now_s))
    shown: Json = {"ID": str(number), "TTL": str(left), "grantedTTL": str(lease.ttl)}
    if body.get("keys") and lease.keys:
        shown["keys"] = [encoded(key) for key in sorted(lease.keys)]
    done(shown)


def _leases(api: Api, body: Json, done: Done) -> None:
    found = [{"ID": str(each)} for each in sorted(api.member.state.leases)]
    done({"leases": found} if found else {})


# ---- members


def shown_members(state: State) -> list[Json]:
    found = []
    for each in sorted(state.members.values(), key=lambda each: each.id):
        shown: Json = {"ID": str(each.id)}
        if each.name:
            shown["name"] = each.name
        shown["peerURLs"] = each.peer_urls
        if each.client_urls:
            shown["clientURLs"] = each.client_urls
        if each.learner:
            shown["isLearner"] = True
        found.append(shown)
    return found


def _member_list(api: Api, body: Json, done: Done) -> None:
    def listed(outcome: Json | Refused) -> None:
        done(outcome if isinstance(outcome, Refused) else {"members": shown_members(api.member.state)})

    if body.get("linearizable"):
        api.member.confirm(listed)
    else:
        listed({})


def _member_add(api: Api, body: Json, done: Done) -> None:
    urls, learner = [str(each) for each in body.get("peerURLs") or ()], bool(body.get("isLearner"))
    if not urls or any(not host_port(each)[1] for each in urls):
        raise Refused("etcdserver: given member URLs are invalid", "InvalidArgument")
    applying.check_change(api.member, "add", {"urls": urls, "learner": learner})
    member = api.member
    new = member_id(urls, member.config.token, member.task.loop.now_s)
    shown: Json = {"ID": str(new), "peerURLs": urls, **({"isLearner": True} if learner else {})}

    def show(_: Json) -> Json:
        return {"member": shown, "members": shown_members(member.state)}

    change = {"action": "add", "member": [new, urls, "", [], learner]}
    member.propose(change, _then(done, show), "conf")


def _changes(action: str) -> Callable[[Api, Json, Done], None]:
    def change(api: Api, body: Json, done: Done) -> None:
        number = _int(body, "ID")
        applying.check_change(api.member, action, {"member": number})
        proposed: Json = {"action": action, "member": number}
        if action == "update":
            proposed["urls"] = [str(each) for each in body.get("peerURLs") or ()]
        show = lambda _: {"members": shown_members(api.member.state)}  # noqa: E731
        api.member.propose(proposed, _then(done, show), "conf")

    return change


# ---- maintenance


def _status(api: Api, body: Json, done: Done) -> None:
    member, raft = api.member, api.member.raft
    shown: Json = {"version": api.version, "dbSize": str(member.state.size())}
    if raft.leader:
        shown["leader"] = str(raft.leader)
    shown |= {"raftIndex": str(raft.commit), "raftTerm": str(raft.term), "raftAppliedIndex": str(raft.applied)}
    if not raft.leader:
        shown["errors"] = ["etcdserver: no leader"]
    shown["dbSizeInUse"] = str(member.state.size())
    if member.id in raft.learners:
        shown["isLearner"] = True
    done(shown)


def _snapshot(api: Api, body: Json, done: Done) -> None:
    done({"result": {"blob": base64.b64encode(snapshot_bytes(api.member.state)).decode()}})


def snapshot_bytes(state: State) -> bytes:
    """A snapshot's file: one line of JSON, and its SHA-256, without which nobody restores it."""
    import hashlib

    content = b"etcd-statelab " + _dump(state.packed()) + b"\n"
    return content + hashlib.sha256(content).digest()


def _hash(api: Api, body: Json, done: Done) -> None:
    done({"hash": api.member.state.hash(), "compact_revision": str(api.member.state.compacted)})


def _transfer(api: Api, body: Json, done: Done) -> None:
    member, target = api.member, _int(body, "targetID")
    if member.raft.role != "leader":
        raise Refused("etcdserver: not leader", "FailedPrecondition")
    if target not in member.state.voting():
        raise Refused("etcdserver: bad leader transferee", "FailedPrecondition")
    member.raft.transfer_to(target)
    done({})


def _nothing(api: Api, body: Json, done: Done) -> None:
    done({})


_HANDLERS: dict[str, Callable[[Api, Json, Done], None]] = {
    "kv/range": _range, "kv/put": _put, "kv/deleterange": _delete, "kv/txn": _txn, "kv/compaction": _compact,
    "lease/grant": _grant, "lease/revoke": _revoke, "kv/lease/revoke": _revoke, "lease/keepalive": _keep_alive,
    "lease/timetolive": _time_to_live, "lease/leases": _leases, "kv/lease/leases": _leases,
    "cluster/member/list": _member_list, "cluster/member/add": _member_add,
    "cluster/member/remove": _changes("remove"), "cluster/member/update": _changes("update"),
    "cluster/member/promote": _changes("promote"), "maintenance/status": _status,
    "maintenance/snapshot": _snapshot, "maintenance/hash": _hash, "maintenance/defragment": _nothing,
    "maintenance/alarm": _nothing, "maintenance/transfer-leadership": _transfer,
}  # fmt: skip
__all__ = ["NO_LEASE", "NO_MEMBER", "Api", "encoded", "shown_members", "snapshot_bytes"]
