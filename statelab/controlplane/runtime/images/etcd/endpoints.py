"""etcdctl on endpoints: how they are, and their maintenance."""

from __future__ import annotations

from collections.abc import Callable

from statelab.controlplane.runtime.images.etcd.ctl import (
    Json,
    Problem,
    Session,
    Usage,
    encoded,
    hexadecimal,
    size,
)
from statelab.controlplane.runtime.images.etcd.server import version_of


def _each_endpoint(session: Session, then: Callable[[list[str]], None]) -> None:
    """With --cluster all of the cluster's, else those that were named."""
    if not session.is_on("cluster"):
        then(session.endpoints)
        return

    def listed(answer: Json) -> None:
        then([url for each in answer["members"] for url in each.get("clientURLs", [])])

    session.ask("cluster/member/list", {}, listed)


def health(session: Session) -> None:
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


def status(session: Session) -> None:
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


def hash_kv(session: Session) -> None:
    def show(rows: list[tuple[str, Json]], failed: bool) -> None:
        for endpoint, each in rows:
            session.say(f"{endpoint}, {each['hash']}")
        session.end(1 if failed else 0)

    _ask_each(session, "maintenance/hash", "Failed to get the hash of endpoint", show)


def defragment(session: Session) -> None:
    def show(rows: list[tuple[str, Json]], failed: bool) -> None:
        for endpoint, _ in rows:
            session.say(f"Finished defragmenting etcd member[{endpoint}]")
        session.end(1 if failed else 0)

    _ask_each(session, "maintenance/defragment", "Failed to defragment etcd member", show)


def move_leader(session: Session) -> None:
    if len(session.arguments) != 1:
        raise Usage("Error: move-leader command needs 1 argument")
    target = hexadecimal(session.arguments[0], "bad member ID")

    def found(answer: Json) -> None:
        if answer.get("leader") != answer["header"]["member_id"]:
            raise Usage(f"Error: no leader endpoint given at {session.endpoints}", BAD_LEADER)

        def done(_: Json) -> None:
            session.say(f"Leadership transferred from {int(answer['leader']):016x} to {target:016x}")
            session.end()

        session.ask("maintenance/transfer-leadership", {"targetID": str(target)}, done)

    session.ask("maintenance/status", {}, found)


BAD_LEADER = 128


def alarms(session: Session) -> None:
    session.ask("maintenance/alarm", {}, lambda _: session.end())


def version(session: Session) -> None:
    version = version_of(session.task)
    session.say(f"etcdctl version: {version}\nAPI version: {version.rpartition('.')[0]}")
    session.end()
