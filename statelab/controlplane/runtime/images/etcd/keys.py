"""etcdctl on keys: put, get, del, compaction."""

from __future__ import annotations

from statelab.controlplane.runtime.images.etcd.ctl import (
    Json,
    Session,
    Usage,
    decoded,
    encoded,
    hexadecimal,
    range_end,
)


def key_range(session: Session, arguments: list[str]) -> Json:
    """`key`, `key end`, and what --prefix and --from-key make of it."""
    key = arguments[0]
    asked: Json = {"key": encoded(key)}
    if session.is_on("prefix") and session.is_on("from-key"):
        raise Usage("Error: `--prefix` and `--from-key` cannot be set at the same time, choose one")
    if session.is_on("prefix"):
        asked["range_end"] = range_end(key)
        asked["key"] = encoded(key) if key else encoded("\0")
    elif session.is_on("from-key"):
        asked = {"key": encoded(key or "\0"), "range_end": encoded("\0")}
    elif len(arguments) > 1:
        asked["range_end"] = encoded(arguments[1])
    return asked


def show_values(session: Session, found: list[Json], *, keys_only: bool = False, values_only: bool = False) -> None:
    for each in found:
        if not values_only:
            session.say(decoded(each["key"]))
        if not keys_only:
            session.say(decoded(each.get("value", "")))
        elif not values_only:
            session.say("")


def _fields(session: Session, answer: Json) -> None:
    header = answer["header"]
    for name, key in (
        ("ClusterID", "cluster_id"), ("MemberID", "member_id"), ("Revision", "revision"), ("RaftTerm", "raft_term"),
    ):  # fmt: skip
        session.say(f'"{name}" : {header[key]}')
    for each in answer.get("kvs", ()):
        session.say(f'"Key" : "{decoded(each["key"])}"')
        session.say(f'"CreateRevision" : {each["create_revision"]}\n"ModRevision" : {each["mod_revision"]}')
        session.say(f'"Version" : {each["version"]}\n"Value" : "{decoded(each.get("value", ""))}"')
        session.say(f'"Lease" : {each.get("lease", 0)}')
    session.say(f'"More" : {str(bool(answer.get("more"))).lower()}\n"Count" : {answer.get("count", 0)}')


# ---- keys


def put(session: Session) -> None:
    arguments = session.arguments
    stdin = session.task.stdin.decode("utf-8", "surrogateescape")
    if not arguments or (len(arguments) == 1 and not stdin and not session.is_on("ignore-value")):
        raise Usage("Error: put command needs 1 argument and input from stdin or 2 arguments")
    body: Json = {"key": encoded(arguments[0])}
    if session.is_on("ignore-value"):
        body["ignore_value"] = True
    else:
        body["value"] = encoded(arguments[1] if len(arguments) > 1 else stdin)
    if session.is_on("ignore-lease"):
        body["ignore_lease"] = True
    elif session.flags["lease"] != "0":
        body["lease"] = str(hexadecimal(session.flags["lease"], "bad lease ID"))
    if session.is_on("prev-kv"):
        body["prev_kv"] = True

    def done(answer: Json) -> None:
        if session.format == "json":
            session.json(answer)
        else:
            session.say("OK")
            if "prev_kv" in answer:
                show_values(session, [answer["prev_kv"]])
        session.end()

    session.ask("kv/put", body, done)


def get(session: Session) -> None:
    if not session.arguments:
        raise Usage("Error: get command needs one argument as key and an optional argument as range_end")
    flags, body = session.flags, key_range(session, session.arguments)
    if flags["limit"] != "0":
        body["limit"] = flags["limit"]
    if flags["rev"] != "0":
        body["revision"] = flags["rev"]
    if flags["consistency"] not in ("l", "s"):
        raise Usage(f'Error: unknown consistency flag "{flags["consistency"]}"', 4)
    body["serializable"] = flags["consistency"] == "s"
    order, target = flags["order"].upper(), flags["sort-by"].upper()
    if order not in ("", "ASCEND", "DESCEND"):
        raise Usage(f"Error: bad sort order {flags['order']}", 4)
    targets = {"": "KEY", "CREATE": "CREATE", "KEY": "KEY", "MODIFY": "MOD", "VALUE": "VALUE", "VERSION": "VERSION"}
    if target not in targets:
        raise Usage(f"Error: bad sort target {flags['sort-by']}", 4)
    body |= {"sort_target": targets[target], "sort_order": order or ("ASCEND" if target else "")}
    body |= {"keys_only": session.is_on("keys-only"), "count_only": session.is_on("count-only")}

    def done(answer: Json) -> None:
        if session.format == "json":
            session.json(answer)
        elif session.format == "fields":
            _fields(session, answer)
        elif session.is_on("count-only"):
            session.say(str(answer.get("count", 0)))
        else:
            values_only = session.is_on("print-value-only")
            show_values(session, answer.get("kvs", []), keys_only=session.is_on("keys-only"), values_only=values_only)
        session.end()

    session.ask("kv/range", body, done)


def delete(session: Session) -> None:
    if not session.arguments:
        raise Usage("Error: del command needs one argument as key and an optional argument as range_end")
    body = {**key_range(session, session.arguments), "prev_kv": session.is_on("prev-kv")}

    def done(answer: Json) -> None:
        if session.format == "json":
            session.json(answer)
        else:
            session.say(str(answer.get("deleted", 0)))
            show_values(session, answer.get("prev_kvs", []))
        session.end()

    session.ask("kv/deleterange", body, done)


def compact(session: Session) -> None:
    if len(session.arguments) != 1 or not session.arguments[0].isdigit():
        raise Usage("Error: compaction command needs 1 argument")
    revision = session.arguments[0]

    def done(_: Json) -> None:
        session.say(f"compacted revision {revision}")
        session.end()

    session.ask("kv/compaction", {"revision": revision}, done)


# ---- leases
