"""Redis: real command semantics, an append-only file and snapshots on its volume, replication, roles.

A server is told what to do as the real one is: a configuration file, then options on the command line. Sentinel and
cluster mode are not simulated, and say so. The exchange between primary and replica is shaped as the real one's
(PING, REPLCONF, PSYNC); what is sent instead of an RDB file are the commands that make the data anew.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

from statelab.controlplane.runtime.applets.resolver import address_of
from statelab.controlplane.runtime.images.redis_data import Data, Session, writes
from statelab.controlplane.runtime.images.redis_files import Files
from statelab.controlplane.runtime.images.redis_info import VERSION, info, log_line, role
from statelab.controlplane.runtime.images.redis_replica import Link
from statelab.controlplane.runtime.images.resp import Failure, Parser, Status, command, encode
from statelab.controlplane.runtime.network import Connection
from statelab.controlplane.runtime.programs import Task

_STOPS_AFTER_S = 0.03
_OK = Status("OK")
_DEFAULTS = {
    "port": "6379", "bind": "* -::*", "dir": "/data", "appendonly": "no", "appendfsync": "everysec", "requirepass": "",
    "masterauth": "", "save": "3600 1 300 100 60 10000", "dbfilename": "dump.rdb", "appendfilename": "appendonly.aof",
    "appenddirname": "appendonlydir", "protected-mode": "yes", "replica-read-only": "yes", "maxmemory": "0",
    "maxmemory-policy": "noeviction", "databases": "16", "timeout": "0", "loglevel": "notice", "cluster-enabled": "no",
    "replica-announce-ip": "", "replica-announce-port": "0", "replica-serve-stale-data": "yes",
    "replica-priority": "100",
    "min-replicas-to-write": "0", "min-replicas-max-lag": "10", "tcp-keepalive": "300", "daemonize": "no",
}  # fmt: skip
_OLD_NAMES = {
    "slaveof": "replicaof",
    "slave-read-only": "replica-read-only",
    "slave-announce-ip": "replica-announce-ip",
}
# What a client may say before it has given the password, and what a replica of a primary that is away still answers.
_BEFORE_AUTH = frozenset({b"auth", b"hello", b"quit", b"reset"})
_OURS = frozenset(
    {
        b"auth", b"bgrewriteaof", b"bgsave", b"config", b"debug", b"failover", b"hello", b"info", b"lastsave", b"psync",
        b"quit", b"replconf", b"replicaof", b"role", b"save", b"shutdown", b"slaveof", b"sync", b"wait", b"cluster",
        b"monitor",
    }
)  # fmt: skip


def redis_server(task: Task) -> None:
    if {"-v", "--version"} & set(task.argv):
        task.write(f"Redis server v={VERSION} sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=statelab\n")
        task.finish(0)
        return
    if "--sentinel" in task.argv or task.name == "redis-sentinel":
        task.fail("statelab: Redis Sentinel is not simulated; a kind cluster is the place to try it\n")
        return
    try:
        config = _config(task)
    except ValueError as error:
        task.fail(f"\n*** FATAL CONFIG FILE ERROR (Redis {VERSION}) ***\n{error}\n")
        return
    if config["cluster-enabled"] == "yes":
        task.fail("statelab: Redis Cluster is not simulated; a kind cluster is the place to try it\n")
        return
    Server(task, config).start()


def _config(task: Task) -> dict[str, str]:
    """The configuration: defaults, then the file, then `--name value`. Raises ValueError."""
    config = dict(_DEFAULTS)
    arguments = list(task.argv)
    if arguments and not arguments[0].startswith("-"):
        path = task.path(arguments.pop(0))
        try:
            text = task.files.read(path).decode(errors="replace")
        except OSError as error:
            raise ValueError(f"can't open config file '{path}': {error.strerror}") from None
        for number, line in enumerate(text.splitlines(), 1):
            words = shlex.split(line, comments=False) if not line.lstrip().startswith("#") else []
            if words:
                _set(config, words[0], words[1:], f"Reading the configuration file, at line {number}\n>>> '{line}'\n")
    while arguments:
        name = arguments.pop(0)
        values = []
        while arguments and not arguments[0].startswith("--"):
            values.append(arguments.pop(0))
        _set(config, name.removeprefix("--"), values, f">>> '{name} {' '.join(values)}'\n")
    return config


def _set(config: dict[str, str], name: str, values: list[str], where: str) -> None:
    name = _OLD_NAMES.get(name.lower(), name.lower())
    if not values:
        raise ValueError(f"{where}wrong number of arguments")
    if name in ("appendonly", "cluster-enabled", "protected-mode", "replica-read-only") and values[0] not in (
        "yes",
        "no",
    ):
        raise ValueError(f"{where}argument must be 'yes' or 'no'")
    if name == "port" and not values[0].isdigit():
        raise ValueError(f"{where}argument couldn't be parsed into an integer")
    config[name] = " ".join(values)


class Server:
    """One redis-server: its data, its clients, its primary or its replicas."""

    def __init__(self, task: Task, config: dict[str, str]) -> None:
        self.task = task
        self.config = config
        self.loop = task.loop
        self.data = Data(task.loop)
        self.files = Files(self)
        self.clients: dict[Connection, Client] = {}
        self.replicas: dict[Connection, Client] = {}
        self.link: Link | None = None
        self.started_s = task.loop.now_s
        self.run_id = f"{task.container.runtime.random.getrandbits(160):040x}"
        self.replication_id = f"{task.container.runtime.random.getrandbits(160):040x}"
        self.offset = 0
        self.commands = 0
        self.connections = 0
        self.last_database = 0
        self.loading = False

    @property
    def port(self) -> int:
        return int(self.config["port"])

    def start(self) -> None:
        self.log("*", "oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo")
        self.log("*", f"Redis version={VERSION}, bits=64, commit=00000000, modified=0, pid=1, just started")
        try:
            self.task.network.listen(self.task.ip, self.port, self.accept)
        except OSError:
            self.log(
                "#",
                f"Warning: Could not create server TCP listening socket *:{self.port}: bind: Address already in use",
            )
            self.log("#", "Failed listening on port {self.port} (tcp), aborting.")
            self.task.finish(1)
            return
        self.task.on_end, self.task.on_signal = self.close, self.signal
        self.log("*", f"Running mode=standalone, port={self.port}.")
        self.log("*", "Server initialized")
        try:
            self.files.load()
        except OSError as error:
            self.log("#", f"Fatal error loading the DB, check server logs. Exiting: {error}")
            self.task.finish(1)
            return
        self.log("*", "Ready to accept connections tcp")
        words = self.config.get("replicaof", "").split()
        if len(words) == 2 and words[0].lower() != "no" and words[1].isdigit():
            self.follow(words[0], int(words[1]))

    def log(self, level: str, text: str) -> None:
        letter = "S" if self.link is not None else "M"
        self.task.write(log_line(self.loop.now_s, letter, level, text))

    def signal(self, name: str) -> None:
        if name in ("TERM", "INT"):
            self.log("*", f"Received SIG{name} scheduling shutdown...")
            self.task.after(_STOPS_AFTER_S, lambda: self.shutdown(save=True))

    def shutdown(self, *, save: bool) -> None:
        self.log("#", "User requested shutdown...")
        if save and self.config["save"] not in ("", '""'):
            self.log("*", "Saving the final RDB snapshot before exiting.")
            self.files.save()
        self.log("#", "Redis is now ready to exit, bye bye...")
        self.task.finish(0)

    def close(self) -> None:
        """The process is gone, by whatever means: nothing is written any more."""
        self.task.network.unlisten(self.task.ip, self.port)
        if self.link is not None:
            self.link.close()
        for connection in [*self.clients, *self.replicas]:
            connection.close()

    # ---- clients

    def accept(self, connection: Connection) -> None:
        self.connections += 1
        client = Client(self, connection)
        self.clients[connection] = client
        connection.receive(client.feed, client.gone)

    # ---- writes

    def written(self, database: int, arguments: list[bytes]) -> None:
        """A command has changed the data: to the file, to the replicas, to those who wait."""
        stream = []
        if database != self.last_database:
            self.last_database = database
            stream.append([b"SELECT", str(database).encode()])
        stream.append(arguments)
        for each in stream:
            encoded = command(each)
            self.files.append(encoded)
            if self.link is None:
                self.offset += len(encoded)
                for connection in list(self.replicas):
                    connection.send(encoded)
        self.data.dirty += 1
        self.data.changed()

    # ---- replication

    def follow(self, host: str, port: int) -> None:
        """Become a replica of another server."""
        if self.link is not None:
            self.link.close()
        self.config["replicaof"] = f"{host} {port}"
        self.link = Link(self, host, port, lambda name: address_of(self.task, name))
        self.log("*", f"Connecting to MASTER {host}:{port}")
        self.link.open()

    def lead(self) -> None:
        """Stop being a replica, with the data as they are."""
        if self.link is None:
            return
        self.offset = self.link.offset
        self.link.close()
        self.link = None
        self.config.pop("replicaof", None)
        self.replication_id = f"{self.task.container.runtime.random.getrandbits(160):040x}"
        self.log("*", "MASTER MODE enabled (user request)")

    def add_replica(self, client: Client) -> None:
        """Send everything, then each write as it happens."""
        self.log("*", f"Replica {client.address}:{client.replica_port} asks for synchronization")
        self.log("*", f"Full resync requested by replica {client.address}:{client.replica_port}")
        payload = b"".join(command(each) for each in self.data.dump())
        client.connection.send(f"+FULLRESYNC {self.replication_id} {self.offset}\r\n".encode())
        client.connection.send(b"$%d\r\n%s\r\n" % (len(payload), payload))
        self.clients.pop(client.connection, None)
        self.replicas[client.connection] = client
        self.last_database = -1  # the stream starts by saying which database it means
        self.log("*", f"Synchronization with replica {client.address}:{client.replica_port} succeeded")


class Client:
    """A connection to the server: its commands in, its replies out."""

    def __init__(self, server: Server, connection: Connection) -> None:
        self.server = server
        self.connection = connection
        self.address = connection.remote[0]
        self.replica_port = 6379
        self.parser = Parser()
        self.session: Session = server.data.session(self.reply)
        self.authorized = not server.config["requirepass"]
        self.queue: list[list[bytes]] = []
        self.is_running = False
        self.transaction: list[list[bytes]] = []
        self.last_reply: Any = None

    def reply(self, value: Any) -> None:
        self.last_reply = value
        self.connection.send(encode(value))

    def feed(self, data: bytes) -> None:
        try:
            commands = self.parser.feed(data)
        except ValueError as error:
            self.reply(Failure(f"ERR {error}"))
            self.gone()
            self.connection.close()
            return
        self.queue += [each for each in commands if isinstance(each, list) and each and _is_command(each)]
        if self.is_running:  # the client has answered our reply at once: one command after the other
            return
        self.is_running = True
        try:
            while self.queue:
                try:
                    self.run(self.queue.pop(0))
                except (
                    ValueError,
                    LookupError,
                    TypeError,
                    AttributeError,
                ) as error:  # arguments fakeredis did not expect
                    self.reply(Failure(f"ERR {error}"))
        finally:
            self.is_running = False

    def gone(self) -> None:
        self.server.clients.pop(self.connection, None)
        if self.server.replicas.pop(self.connection, None) is not None:
            self.server.log("*", f"Connection with replica {self.address}:{self.replica_port} lost.")
        if self.session in self.server.data.waiting:
            self.server.data.waiting.remove(self.session)

    def run(self, arguments: list[bytes]) -> None:
        server = self.server
        server.commands += 1
        name = arguments[0].lower()
        if not self.authorized and name not in _BEFORE_AUTH:
            self.reply(Failure("NOAUTH Authentication required."))
            return
        if name in _OURS:
            answer = _COMMANDS[name](self, arguments[1:])
            if answer is not None:
                self.reply(answer)
            return
        if writes(name) and server.link is not None and server.config["replica-read-only"] == "yes":
            self.reply(Failure("READONLY You can't write against a read only replica."))
            return
        needed = int(server.config["min-replicas-to-write"])
        if writes(name) and needed > len(server.replicas):
            self.reply(Failure("NOREPLICAS Not enough good replicas to write."))
            return
        self.execute(name, arguments)

    def execute(self, name: bytes, arguments: list[bytes]) -> None:
        """Let the data answer, and pass on what was written."""
        was_queueing = self.session.in_transaction
        self.last_reply = None
        self.session.run(arguments)
        failed = isinstance(self.last_reply, Failure)
        if name == b"multi" or name in (b"discard",):
            self.transaction = []
        elif name == b"exec":
            queued, self.transaction = self.transaction, []
            if not failed and self.last_reply is not None:
                for each in queued:
                    self.pass_on(each)
        elif was_queueing:
            if not failed and writes(name):
                self.transaction.append(arguments)
        elif writes(name) and not failed:
            self.pass_on(arguments)

    def pass_on(self, arguments: list[bytes]) -> None:
        """As it must be told to others: what was random is told as it came out, a time to live as the moment of its
        end.
        """
        name, reply, database = arguments[0].lower(), self.last_reply, self.session.database
        if name == b"spop" and reply is not None:
            members = reply if isinstance(reply, list) else [reply]
            if members:
                self.server.written(database, [b"SREM", arguments[1], *members])
            return
        if name in (b"blpop", b"brpop") and isinstance(reply, list):
            self.server.written(database, [name[1:].upper(), reply[0]])
            return
        self.server.written(database, arguments)
        words = {each.lower() for each in arguments[2:]}
        if b"expire" in name or name in (b"setex", b"psetex", b"getex") or (name == b"set" and words & {b"ex", b"px"}):
            moment = self.server.data.ask(database, b"PEXPIRETIME", arguments[1])
            if isinstance(moment, int) and moment > 0:
                self.server.written(database, [b"PEXPIREAT", arguments[1], str(moment).encode()])


def _is_command(words: list[Any]) -> bool:
    return all(isinstance(word, bytes) for word in words)


# ---- commands that are the server's own


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
            key = _OLD_NAMES.get(given, given)
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
    if arguments and arguments[0].lower() == b"listening-port":
        client.replica_port = int(arguments[1])
    return None if arguments and arguments[0].lower() == b"ack" else _OK


def _psync(client: Client, arguments: list[bytes]) -> Any:
    client.server.add_replica(client)
    return None


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


_COMMANDS: dict[bytes, Callable[[Client, list[bytes]], Any]] = {
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
    b"wait": lambda client, arguments: len(client.server.replicas),
}
