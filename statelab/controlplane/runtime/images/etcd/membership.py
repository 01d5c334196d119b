"""etcdctl on members."""

from __future__ import annotations

from collections.abc import Callable

from statelab.controlplane.runtime.images.etcd.ctl import (
    Json,
    Session,
    Usage,
    hexadecimal,
)


def _shown_member(each: Json) -> list[str]:
    status = "started" if each.get("name") else "unstarted"
    urls = (",".join(each.get(key, [])) for key in ("peerURLs", "clientURLs"))
    return [f"{int(each['ID']):x}", status, each.get("name", ""), *urls, str(bool(each.get("isLearner"))).lower()]


def listing(session: Session) -> None:
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


def add(session: Session) -> None:
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


def change(action: str, said: str) -> Callable[[Session], None]:
    def run(session: Session) -> None:
        if len(session.arguments) != 1:
            raise Usage("Error: member ID is not provided")
        member = hexadecimal(session.arguments[0], "bad member ID")
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
