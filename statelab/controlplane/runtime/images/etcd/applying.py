"""What an applied entry does: the same on every member. Source: server/etcdserver/apply.go, txn/txn.go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from statelab.controlplane.runtime.images.etcd.state import NO_MEMBER, Event, Json, Member, Refused, Value

if TYPE_CHECKING:
    from statelab.controlplane.runtime.images.etcd.member import EtcdMember


def apply(member: EtcdMember, data: Json, kind: str) -> Json:
    """Returns what the client is told. Raises Refused."""
    if kind == "conf":
        return _members(member, data)
    state = member.state
    op = data["op"]
    if op == "publish":
        found = state.members.get(data["member"])
        if found is not None:
            found.name, found.client_urls = data["name"], data["urls"]
        return {}
    if op == "compact":
        state.compact(data["revision"])
        return {}
    if op == "grant":
        state.grant(data["lease"], data["ttl"], member.task.loop.now_s)
        return {"ID": data["lease"], "TTL": data["ttl"]}
    revision = state.revision + 1
    events: list[Event] = []
    if op == "revoke":
        events = state.revoke(data["lease"], revision)
        answer: Json = {}
    elif op == "txn":
        answer = _txn(member, data, revision, events)
    else:
        answer = _write(member, data, revision, events)
    if events:
        member.changed(revision, events)
    return answer


def _write(member: EtcdMember, data: Json, revision: int, events: list[Event]) -> Json:
    state = member.state
    if data["op"] == "put":
        before, event = state.put(data["key"], data["value"], data["lease"], revision)
        events.append(event)
        return {"prev_kv": before} if data.get("prev_kv") and before else {}
    gone = state.delete(data["key"], data["end"], revision)
    events += gone
    found: Json = {"deleted": len(gone)}
    if data.get("prev_kv"):
        found["prev_kvs"] = [before for _, before in gone if before]
    return found


def _txn(member: EtcdMember, data: Json, revision: int, events: list[Event]) -> Json:
    state = member.state
    holds = all(_compare(member, each) for each in data["compare"])
    chosen = data["success"] if holds else data["failure"]
    written = [each["key"] for each in chosen if each["op"] == "put"]
    if len(set(written)) != len(written):
        raise Refused("etcdserver: duplicate key given in txn request", "InvalidArgument")
    for each in chosen:  # what cannot be done stops the whole before anything is
        if each["op"] == "put" and each["lease"] and each["lease"] not in state.leases:
            raise Refused("etcdserver: requested lease not found", "NotFound")
    responses: list[Json] = []
    before = state.revision
    for each in chosen:
        if each["op"] == "range":
            responses.append({"op": "range", **answer_range(member, each)})
            continue
        responses.append({"op": each["op"], **_write(member, each, revision, events)})
        if events:
            state.revision = revision  # what follows in the transaction sees what came before
    state.revision = before
    return {"succeeded": holds, "responses": responses}


def _compare(member: EtcdMember, asked: Json) -> bool:
    found = member.state.range(asked["key"], asked.get("end", ""))
    values: list[Value] = found or [Value(asked["key"], "", 0, 0, 0)]
    target, wanted = asked["target"], asked["wanted"]
    if target == "value" and not found:
        return False
    for each in values:
        is_now: Any = {
            "value": each.value, "version": each.version, "create": each.create, "mod": each.mod, "lease": each.lease,
        }[target]  # fmt: skip
        holds = {
            "EQUAL": is_now == wanted, "NOT_EQUAL": is_now != wanted,
            "GREATER": is_now > wanted, "LESS": is_now < wanted,
        }[asked["result"]]  # fmt: skip
        if not holds:
            return False
    return True


def answer_range(member: EtcdMember, asked: Json) -> Json:
    """The keys asked for, sorted and cut. Raises Refused."""
    found = member.state.range(asked["key"], asked["end"], asked.get("revision", 0))
    for name, field, sign in (
        ("min_mod", "mod", 1), ("max_mod", "mod", -1), ("min_create", "create", 1), ("max_create", "create", -1),
    ):  # fmt: skip
        if bound := asked.get(name):
            found = [each for each in found if sign * getattr(each, field) >= sign * bound]
    order = asked.get("order", "")
    if order:
        by = {"VERSION": "version", "CREATE": "create", "MOD": "mod", "VALUE": "value"}.get(asked.get("by", ""), "key")
        found.sort(key=lambda each: getattr(each, by), reverse=order == "DESCEND")
    count, limit = len(found), asked.get("limit", 0)
    more = bool(limit) and count > limit
    shown = found[:limit] if limit else found
    return {"kvs": [] if asked.get("count_only") else shown, "count": count, "more": more}


# ---- members


def _members(member: EtcdMember, data: Json) -> Json:
    state, action = member.state, data["action"]
    if action == "add":
        new = Member(*data["member"])
        if new.id not in state.removed:
            state.members[new.id] = Member(new.id, list(new.peer_urls), new.name, list(new.client_urls), new.learner)
        member.log(
            "info",
            "added member",
            **{
                "added-peer-id": f"{new.id:x}",
                "added-peer-peer-urls": new.peer_urls,
                "added-peer-is-learner": new.learner,
            },
        )
    else:
        found = state.members.get(data["member"])
        if found is None:
            raise NO_MEMBER
        if action == "remove":
            del state.members[found.id]
            state.removed.add(found.id)
            member.log("info", "removed member", **{"removed-remote-peer-id": f"{found.id:x}"})
        elif action == "update":
            found.peer_urls = data["urls"]
        else:
            found.learner = False
    member.members_changed()
    return {}


def check_change(member: EtcdMember, action: str, asked: Json) -> None:
    """Whether the members may change so now: what keeps a cluster from losing its quorum. Raises Refused."""
    state, now_s = member.state, member.task.loop.now_s
    voters = state.voting()
    if action == "add":
        urls = {url for each in state.members.values() for url in each.peer_urls}
        if urls & set(asked["urls"]):
            raise Refused("etcdserver: Peer URLs already exists", "FailedPrecondition")
    elif asked["member"] not in state.members:
        raise NO_MEMBER
    if action == "add" and asked.get("learner") and state.learners():
        raise Refused("etcdserver: too many learner members in cluster", "FailedPrecondition")
    if action == "promote":
        if not state.members[asked["member"]].learner:
            raise Refused("etcdserver: can only promote a learner member", "FailedPrecondition")
        progress = member.raft.progress.get(asked["member"])
        if progress is None or progress.match < 0.9 * member.raft_log.last_index:
            raise Refused(
                "etcdserver: can only promote a learner member which is in sync with leader", "FailedPrecondition"
            )
    if not member.config.strict:
        return
    started = [each for each in voters if state.members[each].name]
    connected = [
        each for each in voters if (since := member.active_since(each)) is not None and since <= now_s - _HEALTHY_FOR_S
    ]
    connected += [member.id] if member.id not in connected else []
    too_few = Refused("etcdserver: re-configuration failed due to not enough started members", "FailedPrecondition")
    unhealthy = Refused("etcdserver: unhealthy cluster", "Unavailable")
    if action == "add":
        if not asked.get("learner"):
            if len(voters) > 1 and len(started) < (len(voters) + 1) // 2 + 1 and len(started) != 1:
                raise too_few
            if len(started) == 1 and len(voters) > 1:
                raise too_few
        if len(connected) < len(voters):
            raise unhealthy
    elif action == "remove" and asked["member"] in voters:
        left = voters - {asked["member"]}
        if left and len([each for each in started if each in left]) < len(left) // 2 + 1:
            raise too_few
        if asked["member"] != member.id and member.active_since(asked["member"]) is None:
            return  # one that is down is no part of the quorum
        if len(connected) - 1 < 1 + (len(voters) - 2) // 2:
            raise unhealthy


_HEALTHY_FOR_S = 5.0
