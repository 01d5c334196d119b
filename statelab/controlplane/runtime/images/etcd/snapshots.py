"""Snapshots of an etcd: saving one, looking at one, and beginning a new cluster from one.

A snapshot file is pages of a database, and its SHA-256 behind them; one that was cut is refused. Source:
etcdutl/snapshot/v3_snapshot.go.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib

from statelab.controlplane.clock import micro_timestamp
from statelab.controlplane.runtime.images.etcd import config
from statelab.controlplane.runtime.images.etcd.bootstrap import not_advertised
from statelab.controlplane.runtime.images.etcd.ctl import Json, Session, Usage, size
from statelab.controlplane.runtime.images.etcd.log import Log
from statelab.controlplane.runtime.images.etcd.state import Member, State

RESTORE = {
    "data-dir": "", "name": "default", "initial-cluster": "", "initial-cluster-token": "etcd-cluster",
    "initial-advertise-peer-urls": "http://localhost:2380", "skip-hash-check": "false", "wal-dir": "",
    "bump-revision": "0", "mark-compacted": "false",
}  # fmt: skip
_MAGIC = b"etcd-statelab "
_HASH_BYTES = 32
_PAGE_BYTES = 512  # the smallest; whether there is a hash is told by what is left over of them


def _note(session: Session, text: str, **fields: object) -> None:
    line = {"level": "info", "ts": micro_timestamp(session.task.loop.now_s), "msg": text, **fields}
    session.task.error(json.dumps(line, separators=(",", ":")) + "\n")


def save(session: Session) -> None:
    if len(session.arguments) != 1:
        raise Usage("Error: snapshot save expects one argument")
    if len(session.endpoints) > 1:
        listed = " ".join(session.endpoints)
        raise Usage(f"Error: snapshot must be requested to one selected node, not multiple [{listed}]", 5)
    path = session.task.path(session.arguments[0])
    endpoint = session.endpoints[0]
    _note(session, "created temporary db file", path=f"{session.arguments[0]}.part")
    _note(session, "fetching snapshot", endpoint=endpoint)

    def done(answer: Json) -> None:
        content = base64.b64decode(answer["result"]["blob"])
        try:
            session.task.files.write(path, content)
        except OSError as error:
            session.task.fail(f"Error: could not open {session.arguments[0]}.part ({error.strerror})\n", 1)
            return
        _note(session, "fetched snapshot", endpoint=endpoint)
        _note(session, "saved", path=session.arguments[0])
        session.say(f"Snapshot saved at {session.arguments[0]}")
        session.end()

    session.ask("maintenance/snapshot", {}, done)


def _read(session: Session, *, check: bool = True, verb: str) -> tuple[State, bytes]:
    """Raises Usage where the file is none, or is cut."""
    name = session.arguments[0]
    try:
        content = session.task.files.read(session.task.path(name))
    except OSError:
        raise Usage(f"Error: {verb} {name}: no such file or directory", 1) from None
    body, digest = content[:-_HASH_BYTES], content[-_HASH_BYTES:]
    if check and len(content) % _PAGE_BYTES != _HASH_BYTES:
        raise Usage("Error: snapshot missing hash but --skip-hash-check=false", 1)
    if check and hashlib.sha256(body).digest() != digest:
        raise Usage(f"Error: expected sha256 {_bytes(digest)}, got {_bytes(hashlib.sha256(body).digest())}", 1)
    try:
        return State.unpacked(json.loads(body[len(_MAGIC) :])), content
    except (ValueError, LookupError, TypeError):
        raise Usage("Error: snapshot file integrity check failed. 1 errors found.\nunexpected EOF", 1) from None


def _bytes(digest: bytes) -> str:
    """As Go's %v prints them."""
    return f"[{' '.join(map(str, digest))}]"


def status(session: Session) -> None:
    if len(session.arguments) != 1:
        raise Usage("Error: snapshot status requires exactly one argument")
    state, content = _read(session, verb="stat")
    keys = sum(len(state.history[key]) for key in state.keys)
    digest, total = zlib.crc32(content), state.size()

    if session.format == "json":
        session.json({"hash": digest, "revision": state.revision, "totalKey": keys, "totalSize": total})
    elif session.format == "table":
        row = [f"{digest:x}", str(state.revision), str(keys), size(total)]
        session.table(["HASH", "REVISION", "TOTAL KEYS", "TOTAL SIZE"], [row])
    else:
        session.say(f"{digest:x}, {state.revision}, {keys}, {size(total)}")
    session.end()


def restore(session: Session) -> None:
    """A data directory from which one member of a new cluster starts, with the snapshot's keys in it."""
    if len(session.arguments) != 1:
        raise Usage("Error: snapshot restore requires exactly one argument")
    flags, task = session.flags, session.task
    name = flags["name"]
    directory = flags["data-dir"] or f"{name}.etcd"
    path = task.path(directory)
    if task.files.exists(path):
        raise Usage(f'Error: data-dir "{directory}" exists', 1)
    try:
        urls = config.urls("initial-advertise-peer-urls", flags["initial-advertise-peer-urls"])
        text = flags["initial-cluster"] or ",".join(f"{name}={each}" for each in urls)
        cluster = config.initial_cluster(text)
    except config.ConfigError as error:
        raise Usage(f"Error: {str(error).splitlines()[0]}", 1) from None
    if name not in cluster:
        raise Usage(f'Error: couldn\'t find local name "{name}" in the initial cluster configuration', 1)
    why = not_advertised(name, cluster[name], urls)
    if why:
        raise Usage(f"Error: {why}", 1)
    where = {"path": session.arguments[0], "wal-dir": f"{directory}/member/wal", "data-dir": directory}
    _note(session, "restoring snapshot", **where)
    state, _ = _read(session, check=not session.is_on("skip-hash-check"), verb="open")
    token = flags["initial-cluster-token"]
    members = [Member(config.member_id(each, token), list(each), key) for key, each in cluster.items()]
    state.members, state.removed, state.leases = {each.id: each for each in members}, set(), {}
    own = next(each for each in members if each.name == name)
    identity = config.cluster_id([each.id for each in members])
    for each in members:
        _note(session, "added member", **{"cluster-id": f"{identity:x}", "added-peer-id": f"{each.id:x}"})
        each.name = ""
    log = Log(task.files, path)
    log.set_meta({"member": own.id, "cluster": identity})
    log.set_state(term=1)
    log.start_from(len(members), 1, state.packed())
    _note(session, "restored snapshot", **where)
    session.end()
