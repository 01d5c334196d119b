"""The commands a Redis server answers itself: who it follows, how it is configured, what it says about itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from statelab.controlplane.runtime.images.redis_config import OLD_NAMES
from statelab.controlplane.runtime.images.redis_info import VERSION, info, role
from statelab.controlplane.runtime.images.resp import Failure, Status

if TYPE_CHECKING:
    from statelab.controlplane.runtime.images.redis_server import Client

_OK = Status("OK")


def _auth(client: Client, arguments: list[bytes]) -> Any:
    password = client.server.config["requirepass"]
    if not password:
        return Failure(
            "ERR AUTH <password> called without any password configured for the default user. "
            "Are you sure your configuration is correct?"
        )
    if not arguments or arguments[-1].decode(errors="replace") != password:
        return Failure("WRONGPASS invalid username-password pair or user is disabled.")
    client.authorized = True
    return _OK


def _config_command(client: Client, arguments: list[bytes]) -> Any:
    what = arguments[0].lower() if arguments else b""
    config = client.server.config
    if what == b"get" and len(arguments) > 1:
        found: list[bytes] = []
        for pattern in arguments[1:]:
            text = pattern.decode(errors="replace").lower()
            for name in sorted(config):
                if text in (name, "*") or (text.endswith("*") and name.startswith(text[:-1])):
                    found += [name.encode(), config[name].encode()]
        return found
    if what == b"set" and len(arguments) >= 3:
        for option, value in zip(arguments[1::2], arguments[2::2], strict=False):
            given = option.decode(errors="replace").lower()
            key = OLD_NAMES.get(given, given)
            if key not in config:
                return Failure(f"ERR Unknown option or number of arguments for CONFIG SET - '{given}'")
            if key in ("port", "dir", "bind", "databases", "cluster-enabled"):
                return Failure(
                    f"ERR CONFIG SET failed (possibly related to argument '{key}') - can't set immutable config"
                )
            turned_on = key == "appendonly" and value == b"yes" and config[key] != "yes"
            config[key] = value.decode(errors="replace")
            if turned_on:
                client.server.files.rewrite()
        return _OK
    return _OK if what in (b"resetstat", b"rewrite") else Failure("ERR syntax error")


def _replicaof(client: Client, arguments: list[bytes]) -> Any:
    if len(arguments) != 2:
        return Failure("ERR wrong number of arguments for 'replicaof' command")
    host, port = (each.decode(errors="replace") for each in arguments)
    if (host.lower(), port.lower()) == ("no", "one"):
        client.server.lead()
        return _OK
    if not port.isdigit():
        return Failure("ERR value is not an integer or out of range")
    if client.server.config.get("replicaof") == f"{host} {port}":
        return Status("OK Already connected to specified master")
    client.server.follow(host, int(port))
    return _OK


def _replconf(client: Client, arguments: list[bytes]) -> Any:
    what = arguments[0].lower() if arguments else b""
    if what == b"listening-port":
        client.replica_port = int(arguments[1])
    if what == b"ack":
        client.has_acknowledged(int(arguments[1]))
        return None
    return _OK


def _psync(client: Client, arguments: list[bytes]) -> Any:
    link = client.server.link
    if link is not None and not link.up:
        return Failure("NOMASTERLINK Can't SYNC while not connected with my master")
    client.server.add_replica(client)
    return None


def _wait(client: Client, arguments: list[bytes]) -> Any:
    if len(arguments) != 2:
        return Failure("ERR wrong number of arguments for 'wait' command")
    if client.server.link is not None:
        return Failure(
            "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is "
            "configured to be writable (which is not the default) writes to replicas are just local and are not "
            "propagated."
        )
    try:
        wanted, timeout_ms = int(arguments[0]), int(arguments[1])
    except ValueError:
        return Failure("ERR value is not an integer or out of range")
    if timeout_ms < 0:
        return Failure("ERR timeout is negative")
    return client.wait_for_replicas(wanted, timeout_ms / 1000)


def pause(client: Client, arguments: list[bytes]) -> Any:
    """CLIENT PAUSE and CLIENT UNPAUSE: the server is busy with other things, so to speak."""
    if arguments[0].lower() == b"unpause":
        client.server.unpause()
        return _OK
    mode = arguments[2].lower() if len(arguments) > 2 else b"all"
    if len(arguments) not in (2, 3) or mode not in (b"all", b"write"):
        return Failure("ERR syntax error")
    if not arguments[1].isdigit():
        return Failure("ERR timeout is not an integer or out of range")
    client.server.pause(int(arguments[1]) / 1000, only_writes=mode == b"write")
    return _OK


def _save(client: Client, arguments: list[bytes]) -> Any:
    client.server.files.save()
    return _OK


def _bgsave(client: Client, arguments: list[bytes]) -> Any:
    client.server.files.save()
    return Status("Background saving started")


def _bgrewriteaof(client: Client, arguments: list[bytes]) -> Any:
    client.server.files.rewrite()
    return Status("Background append only file rewriting started")


def _shutdown(client: Client, arguments: list[bytes]) -> Any:
    save = b"nosave" not in [each.lower() for each in arguments]
    client.server.task.after(0.0, lambda: client.server.shutdown(save=save))
    return None


def _quit(client: Client, arguments: list[bytes]) -> Any:
    client.reply(_OK)
    client.gone()
    client.connection.close()


def _hello(client: Client, arguments: list[bytes]) -> Any:
    if arguments and arguments[0] not in (b"2", b"3"):
        return Failure("NOPROTO unsupported protocol version")
    if b"AUTH" in [each.upper() for each in arguments]:
        answer = _auth(client, arguments[-1:])
        if isinstance(answer, Failure):
            return answer
    if not client.authorized:
        return Failure("NOAUTH HELLO must be called with the client already authenticated")
    if arguments and arguments[0] == b"3":
        return Failure("NOPROTO unsupported protocol version")
    mine = b"replica" if client.server.link is not None else b"master"
    return [
        b"server",
        b"redis",
        b"version",
        VERSION.encode(),
        b"proto",
        2,
        b"id",
        1,
        b"mode",
        b"standalone",
        b"role",
        mine,
        b"modules",
        [],
    ]


def _unsupported(client: Client, arguments: list[bytes]) -> Any:
    return Failure("ERR not simulated by the embedded cluster; a kind cluster is the place to try it")


COMMANDS: dict[bytes, Callable[[Client, list[bytes]], Any]] = {
    b"auth": _auth,
    b"bgrewriteaof": _bgrewriteaof,
    b"bgsave": _bgsave,
    b"cluster": lambda client, arguments: Failure("ERR This instance has cluster support disabled"),
    b"config": _config_command,
    b"debug": _unsupported,
    b"failover": _unsupported,
    b"hello": _hello,
    b"info": lambda client, arguments: info(client.server, [each.decode().lower() for each in arguments]),
    b"lastsave": lambda client, arguments: int(client.server.files.saved_s),
    b"monitor": _unsupported,
    b"psync": _psync,
    b"quit": _quit,
    b"replconf": _replconf,
    b"replicaof": _replicaof,
    b"role": lambda client, arguments: role(client.server),
    b"save": _save,
    b"shutdown": _shutdown,
    b"slaveof": _replicaof,
    b"sync": _psync,
    b"wait": _wait,
}
