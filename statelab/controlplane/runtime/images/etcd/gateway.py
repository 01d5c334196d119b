"""etcd's gRPC gateway: each method's JSON (keys and values in base64) to what a member does, and its answer back.

Source: api/etcdserverpb/rpc.proto with its HTTP annotations.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any, Protocol

from statelab.controlplane.runtime.images.etcd import applying
from statelab.controlplane.runtime.images.etcd.config import host_port, member_id
from statelab.controlplane.runtime.images.etcd.member import EtcdMember
from statelab.controlplane.runtime.images.etcd.state import Event, Json, Refused, State, Value

_MOST_OPERATIONS = 128


class Served(Protocol):
    """Who answers: a member of a version."""

    member: EtcdMember
    version: str


def dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def bytes_of(body: Json, name: str) -> str:
    return base64.b64decode(body.get(name) or "", validate=True).decode("latin-1")


def int_of(body: Json, name: str) -> int:
    return int(body.get(name) or 0)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode("latin-1")).decode()


def covers(key: str, end: str, name: str) -> bool:
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


def event_of(event: Event, with_before: bool) -> Json:
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
        "key": bytes_of(body, "key"),
        "end": bytes_of(body, "range_end"),
        "limit": int_of(body, "limit"),
        "revision": int_of(body, "revision"),
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
        "key": bytes_of(body, "key"),
        "value": None if body.get("ignore_value") else bytes_of(body, "value"),
        "lease": None if body.get("ignore_lease") else int_of(body, "lease"),
        "prev_kv": bool(body.get("prev_kv")),
    }


def _delete_of(body: Json) -> Json:
    if "key" not in body:
        raise Refused("etcdserver: key is not provided", "InvalidArgument")
    return {
        "op": "delete",
        "key": bytes_of(body, "key"),
        "end": bytes_of(body, "range_end"),
        "prev_kv": bool(body.get("prev_kv")),
    }


def _range(api: Served, body: Json, done: Done) -> None:
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


def _put(api: Served, body: Json, done: Done) -> None:
    api.member.propose(_put_of(body), _then(done, _written))


def _delete(api: Served, body: Json, done: Done) -> None:
    api.member.propose(_delete_of(body), _then(done, _written))


def _txn(api: Served, body: Json, done: Done) -> None:
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
    wanted: Any = bytes_of(body, "value") if target == "value" else int_of(body, name)
    return {
        "key": bytes_of(body, "key"),
        "end": bytes_of(body, "range_end"),
        "target": target,
        "result": str(body.get("result") or "EQUAL"),
        "wanted": wanted,
    }


def _compact(api: Served, body: Json, done: Done) -> None:
    api.member.propose({"op": "compact", "revision": int_of(body, "revision")}, done)


def _grant(api: Served, body: Json, done: Done) -> None:
    ttl = int_of(body, "TTL")
    if ttl <= 0:
        raise Refused("etcdserver: too small lease TTL", "InvalidArgument")
    if ttl > 9_000_000_000:
        raise Refused("etcdserver: too large lease TTL", "OutOfRange")
    lease = int_of(body, "ID") or api.member.random.getrandbits(63)
    show = lambda answer: {"ID": str(answer["ID"]), "TTL": str(answer["TTL"])}  # noqa: E731
    api.member.propose({"op": "grant", "lease": lease, "ttl": ttl}, _then(done, show))


def _revoke(api: Served, body: Json, done: Done) -> None:
    api.member.propose({"op": "revoke", "lease": int_of(body, "ID")}, done)


def _keep_alive(api: Served, body: Json, done: Done) -> None:
    lease = api.member.state.leases.get(int_of(body, "ID"))
    if lease is None:
        done({"result": {"ID": str(int_of(body, "ID"))}})
        return
    lease.expires_s = api.member.task.loop.now_s + lease.ttl
    done({"result": {"ID": str(lease.id), "TTL": str(lease.ttl)}})


def _time_to_live(api: Served, body: Json, done: Done) -> None:
    number = int_of(body, "ID")
    lease = api.member.state.leases.get(number)
    if lease is None:
        done({"ID": str(number), "TTL": "-1"})
        return
    left = max(0, int(lease.expires_s - api.member.task.loop.now_s))
    shown: Json = {"ID": str(number), "TTL": str(left), "grantedTTL": str(lease.ttl)}
    if body.get("keys") and lease.keys:
        shown["keys"] = [encoded(key) for key in sorted(lease.keys)]
    done(shown)


def _leases(api: Served, body: Json, done: Done) -> None:
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


def _member_list(api: Served, body: Json, done: Done) -> None:
    def listed(outcome: Json | Refused) -> None:
        done(outcome if isinstance(outcome, Refused) else {"members": shown_members(api.member.state)})

    if body.get("linearizable"):
        api.member.confirm(listed)
    else:
        listed({})


def _member_add(api: Served, body: Json, done: Done) -> None:
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


def _changes(action: str) -> Callable[[Served, Json, Done], None]:
    def change(api: Served, body: Json, done: Done) -> None:
        number = int_of(body, "ID")
        applying.check_change(api.member, action, {"member": number})
        proposed: Json = {"action": action, "member": number}
        if action == "update":
            proposed["urls"] = [str(each) for each in body.get("peerURLs") or ()]
        show = lambda _: {"members": shown_members(api.member.state)}  # noqa: E731
        api.member.propose(proposed, _then(done, show), "conf")

    return change


# ---- maintenance


def _status(api: Served, body: Json, done: Done) -> None:
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


def _snapshot(api: Served, body: Json, done: Done) -> None:
    done({"result": {"blob": base64.b64encode(snapshot_bytes(api.member.state)).decode()}})


def snapshot_bytes(state: State) -> bytes:
    """A snapshot's file: one line of JSON, and its SHA-256, without which nobody restores it."""
    content = b"etcd-statelab " + dump(state.packed())
    pages = -(-max(len(content) + 1, state.size()) // 512) * 512  # a database file is made of pages
    content = content.ljust(pages - 1) + b"\n"
    return content + hashlib.sha256(content).digest()


def _hash(api: Served, body: Json, done: Done) -> None:
    done({"hash": api.member.state.hash(), "compact_revision": str(api.member.state.compacted)})


def _transfer(api: Served, body: Json, done: Done) -> None:
    member, target = api.member, int_of(body, "targetID")
    if member.raft.role != "leader":
        raise Refused("etcdserver: not leader", "FailedPrecondition")
    if target not in member.state.voting():
        raise Refused("etcdserver: bad leader transferee", "FailedPrecondition")
    member.raft.transfer_to(target)
    done({})


def _nothing(api: Served, body: Json, done: Done) -> None:
    done({})


HANDLERS: dict[str, Callable[[Served, Json, Done], None]] = {
    "kv/range": _range, "kv/put": _put, "kv/deleterange": _delete, "kv/txn": _txn, "kv/compaction": _compact,
    "lease/grant": _grant, "lease/revoke": _revoke, "kv/lease/revoke": _revoke, "lease/keepalive": _keep_alive,
    "lease/timetolive": _time_to_live, "lease/leases": _leases, "kv/lease/leases": _leases,
    "cluster/member/list": _member_list, "cluster/member/add": _member_add,
    "cluster/member/remove": _changes("remove"), "cluster/member/update": _changes("update"),
    "cluster/member/promote": _changes("promote"), "maintenance/status": _status,
    "maintenance/snapshot": _snapshot, "maintenance/hash": _hash, "maintenance/defragment": _nothing,
    "maintenance/alarm": _nothing, "maintenance/transfer-leadership": _transfer,
}  # fmt: skip
