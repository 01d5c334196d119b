"""etcdctl's commands: keys, leases, members, endpoints. `ctl.py` is how they ask; `snapshots.py` has those on files."""

from __future__ import annotations

from collections.abc import Callable

from statelab.controlplane.runtime.images.etcd import snapshots, txn, watching
from statelab.controlplane.runtime.images.etcd.ctl import (
    Command,
    Json,
    Problem,
    Session,
    Usage,
    decoded,
    encoded,
    parse,
    range_end,
)
from statelab.controlplane.runtime.images.etcd.server import version_of
from statelab.controlplane.runtime.programs import Task

_RANGE = {"prefix": "false", "from-key": "false"}


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


def _put(session: Session) -> None:
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
        body["lease"] = str(_hex(session.flags["lease"], "bad lease ID"))
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


def _get(session: Session) -> None:
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


def _del(session: Session) -> None:
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


def _compaction(session: Session) -> None:
    if len(session.arguments) != 1 or not session.arguments[0].isdigit():
        raise Usage("Error: compaction command needs 1 argument")
    revision = session.arguments[0]

    def done(_: Json) -> None:
        session.say(f"compacted revision {revision}")
        session.end()

    session.ask("kv/compaction", {"revision": revision}, done)


# ---- leases


def _hex(text: str, what: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise Usage(f'Error: {what} arg (strconv.ParseUint: parsing "{text[:40]}": invalid syntax)') from None


def _grant(session: Session) -> None:
    if len(session.arguments) != 1 or not session.arguments[0].lstrip("-").isdigit():
        raise Usage("Error: lease grant command needs TTL argument")

    def done(answer: Json) -> None:
        session.say(f"lease {int(answer['ID']):016x} granted with TTL({answer['TTL']}s)")
        session.end()

    session.ask("lease/grant", {"TTL": session.arguments[0]}, done)


def _lease_of(session: Session, command: str) -> int:
    if len(session.arguments) != 1:
        raise Usage(f"Error: {command} command needs lease ID as argument")
    return _hex(session.arguments[0], "bad lease ID")


def _revoke(session: Session) -> None:
    lease = _lease_of(session, "lease revoke")

    def done(_: Json) -> None:
        session.say(f"lease {lease:016x} revoked")
        session.end()

    session.ask("lease/revoke", {"ID": str(lease)}, done)


def _time_to_live(session: Session) -> None:
    lease = _lease_of(session, "lease timetolive")

    def done(answer: Json) -> None:
        if int(answer["TTL"]) < 0:
            session.say(f"lease {lease:016x} already expired")
        else:
            text = f"lease {lease:016x} granted with TTL({answer['grantedTTL']}s), remaining({answer['TTL']}s)"
            if session.is_on("keys"):
                text += f", attached keys([{' '.join(decoded(key) for key in answer.get('keys', []))}])"
            session.say(text)
        session.end()

    session.ask("lease/timetolive", {"ID": str(lease), "keys": session.is_on("keys")}, done)


def _lease_list(session: Session) -> None:
    def done(answer: Json) -> None:
        found = answer.get("leases", [])
        session.say(f"found {len(found)} leases")
        for each in found:
            session.say(f"{int(each['ID']):016x}")
        session.end()

    session.ask("lease/leases", {}, done)


def _keep_alive(session: Session) -> None:
    lease = _lease_of(session, "lease keep-alive")
    session.task.on_signal = lambda name: session.end(130 if name == "INT" else 143)

    def done(answer: Json) -> None:
        ttl = int(answer["result"].get("TTL", 0))
        if ttl <= 0:
            session.say(f"lease {lease:016x} expired or revoked.")
            session.end()
            return
        session.say(f"lease {lease:016x} keepalived with TTL({ttl})")
        if session.is_on("once"):
            session.end()
            return
        session.deadline_s = session.task.loop.now_s + ttl / 3 + session.timeout_s
        session.task.after(ttl / 3, again, housekeeping=True)

    def again() -> None:
        session.ask("lease/keepalive", {"ID": str(lease)}, done)

    again()


# ---- members


def _shown_member(each: Json) -> list[str]:
    status = "started" if each.get("name") else "unstarted"
    urls = (",".join(each.get(key, [])) for key in ("peerURLs", "clientURLs"))
    return [f"{int(each['ID']):x}", status, each.get("name", ""), *urls, str(bool(each.get("isLearner"))).lower()]


def _member_list(session: Session) -> None:
    def done(answer: Json) -> None:
        rows = [_shown_member(each) for each in answer["members"]]
        if session.format == "json":
            session.json(answer)
        elif session.format == "table":
            session.table(["ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS", "IS LEARNER"], rows)
        else:
            for row in rows:
                session.say(", ".join(row))
        session.end()

    linearizable = session.flags["consistency"] == "l"
    session.ask("cluster/member/list", {"linearizable": linearizable}, done)


def _member_add(session: Session) -> None:
    if not session.arguments:
        raise Usage("Error: member name not provided")
    if len(session.arguments) > 1:
        raise Usage("Error: too many arguments")
    urls = [each for each in session.flags["peer-urls"].split(",") if each]
    if not urls:
        raise Usage("Error: member peer urls not provided")
    name = session.arguments[0]

    def done(answer: Json) -> None:
        new = int(answer["member"]["ID"])
        cluster = int(answer["header"]["cluster_id"])
        session.say(f"Member {new:16x} added to cluster {cluster:16x}\n")
        known = [
            f"{name if int(each['ID']) == new else each.get('name', '')}={url}"
            for each in answer["members"]
            for url in each["peerURLs"]
        ]
        session.say(f'ETCD_NAME="{name}"\nETCD_INITIAL_CLUSTER="{",".join(known)}"')
        session.say(f'ETCD_INITIAL_ADVERTISE_PEER_URLS="{",".join(urls)}"\nETCD_INITIAL_CLUSTER_STATE="existing"')
        session.end()

    session.ask("cluster/member/add", {"peerURLs": urls, "isLearner": session.is_on("learner")}, done)


def _member_change(action: str, said: str) -> Callable[[Session], None]:
    def run(session: Session) -> None:
        if len(session.arguments) != 1:
            raise Usage("Error: member ID is not provided")
        member = _hex(session.arguments[0], "bad member ID")
        body: Json = {"ID": str(member)}
        if action == "update":
            body["peerURLs"] = [each for each in session.flags["peer-urls"].split(",") if each]
            if not body["peerURLs"]:
                raise Usage("Error: member peer urls not provided")

        def done(answer: Json) -> None:
            session.say(f"Member {member:16x} {said} {int(answer['header']['cluster_id']):16x}")
            session.end()

        session.ask(f"cluster/member/{action}", body, done)

    return run


# ---- endpoints


def _each_endpoint(session: Session, then: Callable[[list[str]], None]) -> None:
    """With --cluster all of the cluster's, else those that were named."""
    if not session.is_on("cluster"):
        then(session.endpoints)
        return

    def listed(answer: Json) -> None:
        then([url for each in answer["members"] for url in each.get("clientURLs", [])])

    session.ask("cluster/member/list", {}, listed)


def _health(session: Session) -> None:
    def check(endpoints: list[str]) -> None:
        found: dict[str, tuple[bool, float, str]] = {}
        begun_s = session.task.loop.now_s

        def note(endpoint: str, healthy: bool, error: str) -> None:
            found[endpoint] = (healthy, session.task.loop.now_s - begun_s, error)
            if len(found) == len(endpoints):
                _show_health(session, endpoints, found)

        for each in endpoints:
            body = {"key": encoded("health"), "serializable": False}
            ok = lambda _answer, each=each: note(each, True, "")  # noqa: E731

            def bad(error: Problem, each: str = each) -> None:
                session.warn(each, error)
                note(each, False, error.message)

            session.ask_one(each, "kv/range", body, ok, bad)

    _each_endpoint(session, check)


def _show_health(session: Session, endpoints: list[str], found: dict[str, tuple[bool, float, str]]) -> None:
    took = {each: f"{max(found[each][1] * 1000, 1.9):.6f}ms" for each in endpoints}
    if session.format == "table":
        rows = [
            [each, str(found[each][0]).lower(), took[each], "" if found[each][0] else found[each][2]]
            for each in endpoints
        ]
        session.table(["ENDPOINT", "HEALTH", "TOOK", "ERROR"], rows)
    elif session.format == "json":
        shown = [
            {
                "endpoint": each,
                "health": found[each][0],
                "took": took[each],
                **({"error": found[each][2]} if found[each][2] else {}),
            }
            for each in endpoints
        ]
        session.json(shown)
    else:
        for each in endpoints:
            healthy, _, error = found[each]
            if healthy:
                session.say(f"{each} is healthy: successfully committed proposal: took = {took[each]}")
            else:
                session.task.error(f"{each} is unhealthy: failed to commit proposal: {error}\n")
    if all(each[0] for each in found.values()):
        session.end()
    else:
        session.task.fail("Error: unhealthy cluster\n", 1)


def size(number: int) -> str:
    """As go-humanize writes bytes: `20 kB`, `2.1 MB`."""
    value, unit = float(number), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.1f} {unit}" if value < 10 and unit != "B" else f"{value:.0f} {unit}"


def _status(session: Session) -> None:
    def show(rows: list[tuple[str, Json]], failed: bool) -> None:
        lines = []
        for endpoint, each in rows:
            leads = each.get("leader") == each["header"]["member_id"]
            lines.append(
                [
                    endpoint, f"{int(each['header']['member_id']):x}", each["version"], size(int(each["dbSize"])),
                    str(leads).lower(), str(bool(each.get("isLearner"))).lower(), each["raftTerm"], each["raftIndex"],
                    each["raftAppliedIndex"], ", ".join(each.get("errors", [])),
                ]
            )  # fmt: skip
        if session.format == "json":
            session.json([{"Endpoint": endpoint, "Status": each} for endpoint, each in rows])
        elif session.format == "table":
            names = "ENDPOINT,ID,VERSION,DB SIZE,IS LEADER,IS LEARNER,RAFT TERM,RAFT INDEX,RAFT APPLIED INDEX,ERRORS"
            session.table(names.split(","), lines)
        else:
            for line in lines:
                session.say(", ".join(line))
        session.end(1 if failed else 0)

    _ask_each(session, "maintenance/status", "Failed to get the status of endpoint", show)


def _ask_each(session: Session, path: str, words: str, show: Callable[[list[tuple[str, Json]], bool], None]) -> None:
    """One endpoint after the other, each with the whole time-out."""

    def begin(endpoints: list[str]) -> None:
        rows: list[tuple[str, Json]] = []
        failures = 0

        def next_one(left: list[str]) -> None:
            nonlocal failures
            if not left:
                show(rows, failures > 0)
                return
            endpoint = left[0]
            session.deadline_s = session.task.loop.now_s + session.timeout_s

            def ok(answer: Json) -> None:
                rows.append((endpoint, answer))
                next_one(left[1:])

            def bad(error: Problem) -> None:
                nonlocal failures
                failures += 1
                session.warn(endpoint, error)
                session.task.error(f"{words} {endpoint} ({error.message})\n")
                next_one(left[1:])

            session.ask_one(endpoint, path, {}, ok, bad)

        next_one(endpoints)

    _each_endpoint(session, begin)


def _hash_kv(session: Session) -> None:
    def show(rows: list[tuple[str, Json]], failed: bool) -> None:
        for endpoint, each in rows:
            session.say(f"{endpoint}, {each['hash']}")
        session.end(1 if failed else 0)

    _ask_each(session, "maintenance/hash", "Failed to get the hash of endpoint", show)


def _defrag(session: Session) -> None:
    def show(rows: list[tuple[str, Json]], failed: bool) -> None:
        for endpoint, _ in rows:
            session.say(f"Finished defragmenting etcd member[{endpoint}]")
        session.end(1 if failed else 0)

    _ask_each(session, "maintenance/defragment", "Failed to defragment etcd member", show)


def _move_leader(session: Session) -> None:
    if len(session.arguments) != 1:
        raise Usage("Error: move-leader command needs 1 argument")
    target = _hex(session.arguments[0], "bad member ID")

    def found(answer: Json) -> None:
        if answer.get("leader") != answer["header"]["member_id"]:
            raise Usage(f"Error: no leader endpoint given at {session.endpoints}", BAD_LEADER)

        def done(_: Json) -> None:
            session.say(f"Leadership transferred from {int(answer['leader']):016x} to {target:016x}")
            session.end()

        session.ask("maintenance/transfer-leadership", {"targetID": str(target)}, done)

    session.ask("maintenance/status", {}, found)


BAD_LEADER = 128


def _alarm_list(session: Session) -> None:
    session.ask("maintenance/alarm", {}, lambda _: session.end())


def _version(session: Session) -> None:
    version = version_of(session.task)
    session.say(f"etcdctl version: {version}\nAPI version: {version.rpartition('.')[0]}")
    session.end()


def _not_built_in(name: str) -> Callable[[Session], None]:
    def run(session: Session) -> None:
        raise Usage(f"Error: statelab: etcdctl {name} is not built in; a kind cluster is the place to try it.", 1)

    return run


def _help(session: Session) -> None:
    width = max(len(name) for name in COMMANDS)
    lines = "\n".join(f"\t{name:<{width}}  {each.about}" for name, each in sorted(COMMANDS.items()) if each.about)
    version = version_of(session.task)
    session.say(
        "NAME:\n\tetcdctl - A simple command line client for etcd3.\n\nUSAGE:\n\tetcdctl [flags]\n\n"
        f"VERSION:\n\t{version}\n\nAPI VERSION:\n\t{version.rpartition('.')[0]}\n\n\nCOMMANDS:\n{lines}"
    )
    session.end()


_GET = {
    **_RANGE, "limit": "0", "rev": "0", "keys-only": "false", "count-only": "false", "print-value-only": "false",
    "consistency": "l", "order": "", "sort-by": "",
}  # fmt: skip
COMMANDS: dict[str, Command] = {
    "put": Command(
        _put, {"lease": "0", "prev-kv": "false", "ignore-value": "false", "ignore-lease": "false"},
        "Puts the given key into the store",
    ),
    "get": Command(_get, _GET, "Gets the key or a range of keys"),
    "del": Command(_del, {**_RANGE, "prev-kv": "false", "range": "false"}, "Removes a key or a range of keys"),
    "txn": Command(txn.run, {"interactive": "false", "i": "false"}, "Processes all the requests in one transaction"),
    "watch": Command(
        watching.run, {**_RANGE, "rev": "0", "prev-kv": "false"}, "Watches events stream on keys",
    ),
    "compaction": Command(_compaction, {"physical": "false"}, "Compacts the event history in etcd"),
    "compact": Command(_compaction, {"physical": "false"}),
    "lease grant": Command(_grant, {}, "Creates leases"),
    "lease revoke": Command(_revoke, {}, "Revokes leases"),
    "lease timetolive": Command(_time_to_live, {"keys": "false"}, "Get lease information"),
    "lease list": Command(_lease_list, {}, "List all active leases"),
    "lease keep-alive": Command(_keep_alive, {"once": "false"}, "Keeps leases alive (renew)"),
    "member list": Command(_member_list, {"consistency": "l"}, "Lists all members in the cluster"),
    "member add": Command(_member_add, {"peer-urls": "", "learner": "false"}, "Adds a member into the cluster"),
    "member remove": Command(_member_change("remove", "removed from cluster"), {}, "Removes a member from the cluster"),
    "member update": Command(
        _member_change("update", "updated in cluster"), {"peer-urls": ""}, "Updates a member in the cluster",
    ),
    "member promote": Command(
        _member_change("promote", "promoted in cluster"), {}, "Promotes a non-voting member in the cluster",
    ),
    "endpoint health": Command(_health, {"cluster": "false"}, "Checks the healthiness of endpoints"),
    "endpoint status": Command(_status, {"cluster": "false"}, "Prints out the status of endpoints"),
    "endpoint hashkv": Command(_hash_kv, {"cluster": "false", "rev": "0"}, "Prints the hash of each one's history"),
    "snapshot save": Command(snapshots.save, {}, "Stores an etcd node backend snapshot to a given file"),
    "snapshot status": Command(snapshots.status, {}, "Gets backend snapshot status of a given file"),
    "snapshot restore": Command(snapshots.restore, snapshots.RESTORE, "Restores a member snapshot to a directory"),
    "move-leader": Command(_move_leader, {}, "Transfers leadership to another etcd cluster member."),
    "defrag": Command(_defrag, {"cluster": "false"}, "Defragments the storage of the etcd members"),
    "alarm list": Command(_alarm_list, {}, "Lists all alarms"),
    "version": Command(_version, {}, "Prints the version of etcdctl"),
    "help": Command(_help),
    **{
        name: Command(_not_built_in(name), {})
        for name in (
            "lock", "elect", "auth status", "auth enable", "auth disable", "user list", "user add", "role list",
            "role add", "check perf", "make-mirror", "alarm disarm", "user delete", "role delete",
        )
    },
}  # fmt: skip
_UTL = {
    "snapshot status": COMMANDS["snapshot status"],
    "snapshot restore": COMMANDS["snapshot restore"],
    "version": Command(lambda session: _utl_version(session)),
}


def _utl_version(session: Session) -> None:
    version = version_of(session.task)
    session.say(f"etcdutl version: {version}\nAPI version: {version.rpartition('.')[0]}")
    session.end()


def _main(commands: dict[str, Command]) -> Callable[[Task], None]:
    def run(task: Task) -> None:
        try:
            name, arguments, flags = parse(task.argv, commands, task.env)
            if not name or flags["help"] == "true" or flags["h"] == "true":
                _help(Session(task, arguments, flags))
                return
            session = Session(task, arguments, flags)
            if not session.endpoints:
                raise Usage("Error: no endpoints provided", 1)
            commands[name].run(session)
        except Usage as error:
            task.fail(f"{error}\n", error.code)

    return run


etcdctl = _main(COMMANDS)
etcdutl = _main(_UTL)
__all__ = ["etcdctl", "etcdutl"]
