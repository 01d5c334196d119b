"""etcdctl on leases."""

from __future__ import annotations

from statelab.controlplane.runtime.images.etcd.ctl import (
    Json,
    Session,
    Usage,
    decoded,
    hexadecimal,
)


def grant(session: Session) -> None:
    if len(session.arguments) != 1 or not session.arguments[0].lstrip("-").isdigit():
        raise Usage("Error: lease grant command needs TTL argument")

    def done(answer: Json) -> None:
        session.say(f"lease {int(answer['ID']):016x} granted with TTL({answer['TTL']}s)")
        session.end()

    session.ask("lease/grant", {"TTL": session.arguments[0]}, done)


def _lease_of(session: Session, command: str) -> int:
    if len(session.arguments) != 1:
        raise Usage(f"Error: {command} command needs lease ID as argument")
    return hexadecimal(session.arguments[0], "bad lease ID")


def revoke(session: Session) -> None:
    lease = _lease_of(session, "lease revoke")

    def done(_: Json) -> None:
        session.say(f"lease {lease:016x} revoked")
        session.end()

    session.ask("lease/revoke", {"ID": str(lease)}, done)


def time_to_live(session: Session) -> None:
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


def listing(session: Session) -> None:
    def done(answer: Json) -> None:
        found = answer.get("leases", [])
        session.say(f"found {len(found)} leases")
        for each in found:
            session.say(f"{int(each['ID']):016x}")
        session.end()

    session.ask("lease/leases", {}, done)


def keep_alive(session: Session) -> None:
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
