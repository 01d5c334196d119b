"""etcdctl's and etcdutl's commands and their flags. `ctl.py` is how they ask."""

from __future__ import annotations

from collections.abc import Callable

from statelab.controlplane.runtime.images.etcd import endpoints, keys, leases, membership, snapshots, txn, watching
from statelab.controlplane.runtime.images.etcd.ctl import (
    Command,
    Session,
    Usage,
    parse,
)
from statelab.controlplane.runtime.images.etcd.server import version_of
from statelab.controlplane.runtime.programs import Task

_RANGE = {"prefix": "false", "from-key": "false"}


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
        keys.put, {"lease": "0", "prev-kv": "false", "ignore-value": "false", "ignore-lease": "false"},
        "Puts the given key into the store",
    ),
    "get": Command(keys.get, _GET, "Gets the key or a range of keys"),
    "del": Command(keys.delete, {**_RANGE, "prev-kv": "false", "range": "false"}, "Removes a key or a range of keys"),
    "txn": Command(txn.run, {"interactive": "false", "i": "false"}, "Processes all the requests in one transaction"),
    "watch": Command(
        watching.run, {**_RANGE, "rev": "0", "prev-kv": "false"}, "Watches events stream on keys",
    ),
    "compaction": Command(keys.compact, {"physical": "false"}, "Compacts the event history in etcd"),
    "compact": Command(keys.compact, {"physical": "false"}),
    "lease grant": Command(leases.grant, {}, "Creates leases"),
    "lease revoke": Command(leases.revoke, {}, "Revokes leases"),
    "lease timetolive": Command(leases.time_to_live, {"keys": "false"}, "Get lease information"),
    "lease list": Command(leases.listing, {}, "List all active leases"),
    "lease keep-alive": Command(leases.keep_alive, {"once": "false"}, "Keeps leases alive (renew)"),
    "member list": Command(membership.listing, {"consistency": "l"}, "Lists all members in the cluster"),
    "member add": Command(membership.add, {"peer-urls": "", "learner": "false"}, "Adds a member into the cluster"),
    "member remove": Command(
        membership.change("remove", "removed from cluster"), {}, "Removes a member from the cluster",
    ),
    "member update": Command(
        membership.change("update", "updated in cluster"), {"peer-urls": ""}, "Updates a member in the cluster",
    ),
    "member promote": Command(
        membership.change("promote", "promoted in cluster"), {}, "Promotes a non-voting member in the cluster",
    ),
    "endpoint health": Command(endpoints.health, {"cluster": "false"}, "Checks the healthiness of endpoints"),
    "endpoint status": Command(endpoints.status, {"cluster": "false"}, "Prints out the status of endpoints"),
    "endpoint hashkv": Command(
        endpoints.hash_kv, {"cluster": "false", "rev": "0"}, "Prints the hash of each one's history",
    ),
    "snapshot save": Command(snapshots.save, {}, "Stores an etcd node backend snapshot to a given file"),
    "snapshot status": Command(snapshots.status, {}, "Gets backend snapshot status of a given file"),
    "snapshot restore": Command(snapshots.restore, snapshots.RESTORE, "Restores a member snapshot to a directory"),
    "move-leader": Command(endpoints.move_leader, {}, "Transfers leadership to another etcd cluster member."),
    "defrag": Command(endpoints.defragment, {"cluster": "false"}, "Defragments the storage of the etcd members"),
    "alarm list": Command(endpoints.alarms, {}, "Lists all alarms"),
    "version": Command(endpoints.version, {}, "Prints the version of etcdctl"),
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
