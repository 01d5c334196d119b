"""Redis: real command semantics, an append-only file and snapshots on its volume, replication, roles.

A server is told what to do as the real one is: a configuration file, then options on the command line. Sentinel and
cluster mode are not simulated, and say so. The exchange between primary and replica is shaped as the real one's
(PING, REPLCONF, PSYNC); what is sent instead of an RDB file are the commands that make the data anew.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from statelab.controlplane.runtime.applets.resolver import address_of
from statelab.controlplane.runtime.images.redis_commands import COMMANDS, pause
from statelab.controlplane.runtime.images.redis_config import read_config
from statelab.controlplane.runtime.images.redis_data import Data, Session, writes
from statelab.controlplane.runtime.images.redis_files import Files
from statelab.controlplane.runtime.images.redis_info import VERSION, log_line
from statelab.controlplane.runtime.images.redis_replica import Link
from statelab.controlplane.runtime.images.resp import Failure, Parser, command, encode
from statelab.controlplane.runtime.network import Connection
from statelab.controlplane.runtime.programs import Task

_STOPS_AFTER_S = 0.03
# What a client may say before it has given the password, and what a replica of a primary that is away still answers.
_BEFORE_AUTH = frozenset({b"auth", b"hello", b"quit", b"reset"})


def redis_server(task: Task) -> None:
    if {"-v", "--version"} & set(task.argv):
        task.write(f"Redis server v={VERSION} sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=statelab\n")
        task.finish(0)
        return
    if "--sentinel" in task.argv or task.name == "redis-sentinel":
        task.fail("statelab: Redis Sentinel is not simulated; a kind cluster is the place to try it\n")
        return
    try:
        config = read_config(task)
    except ValueError as error:
        task.fail(f"\n*** FATAL CONFIG FILE ERROR (Redis {VERSION}) ***\n{error}\n")
        return
    if config["cluster-enabled"] == "yes":
        task.fail("statelab: Redis Cluster is not simulated; a kind cluster is the place to try it\n")
        return
    Server(task, config).start()


class Server:
    """One redis-server: its data, its clients, its primary or its replicas."""

    def __init__(self, task: Task, config: dict[str, str]) -> None:
        self.task = task
        self.config = config
        self.loop = task.loop
        self.data = Data(task.loop)
        self.files: Files = Files(self)
        self.clients: dict[Connection, Client] = {}
        self.replicas: dict[Connection, Client] = {}
        self.link: Link | None = None
        self.started_s = task.loop.now_s
        self.run_id = f"{task.container.runtime.random.getrandbits(160):040x}"
        self.replication_id = f"{task.container.runtime.random.getrandbits(160):040x}"
        self.offset = 0  # in its primary's history, or in its own; it keeps it whoever it follows
        self.has_history = False  # it has followed somebody, or somebody has followed it
        self.down_since_s: float | None = None  # since when it hears nothing of a primary; None: it never heard of one
        self.commands = 0
        self.connections = 0
        self.last_database = 0
        self.loading = False
        self.paused_until_s = 0.0
        self.pauses_only_writes = False

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
            self.log("#", f"Failed listening on port {self.port} (tcp), aborting.")
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
            self.follow(words[0], int(words[1]), at_start=True)

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
            if self.link is None and self.has_history:
                self.offset += len(encoded)
                for connection in list(self.replicas):
                    connection.send(encoded)
        self.data.dirty += 1
        self.data.changed()

    # ---- replication

    def follow(self, host: str, port: int, *, at_start: bool = False) -> None:
        """Become a replica of another server. `at_start`: it has been nothing else, and knows of no history."""
        if self.link is not None:
            self.link.close()
        else:
            self.has_history = not at_start
        self._send_replicas_away()
        self.config["replicaof"] = f"{host} {port}"
        self.link = Link(self, host, port, lambda name: address_of(self.task, name))
        self.log("*", f"Connecting to MASTER {host}:{port}")
        self.link.open()

    def lead(self) -> None:
        """Stop being a replica, with the data as they are."""
        if self.link is None:
            return
        self.link.close()
        self.link = None
        self.has_history = True
        self.config.pop("replicaof", None)
        self.replication_id = f"{self.task.container.runtime.random.getrandbits(160):040x}"
        self._send_replicas_away()
        self.log("*", "MASTER MODE enabled (user request)")

    def _send_replicas_away(self) -> None:
        """What they copied is of another history from now on: they come again, and take everything anew."""
        for connection, client in list(self.replicas.items()):
            client.gone()
            connection.close()

    def add_replica(self, client: Client) -> None:
        """Send everything, then each write as it happens."""
        self.has_history = True
        self.log("*", f"Replica {client.address}:{client.replica_port} asks for synchronization")
        self.log("*", f"Full resync requested by replica {client.address}:{client.replica_port}")
        payload = b"".join(command(each) for each in self.data.dump())
        client.connection.send(f"+FULLRESYNC {self.replication_id} {self.offset}\r\n".encode())
        client.connection.send(b"$%d\r\n%s\r\n" % (len(payload), payload))
        self.clients.pop(client.connection, None)
        self.replicas[client.connection] = client
        self.last_database = -1  # the stream starts by saying which database it means
        self.log("*", f"Synchronization with replica {client.address}:{client.replica_port} succeeded")

    # ---- pausing

    def pause(self, seconds: float, *, only_writes: bool) -> None:
        """Answer no client, or no write, for so long. Replicas are never paused."""
        until_s = self.loop.now_s + seconds
        self.pauses_only_writes = only_writes and (self.pauses_only_writes or until_s > self.paused_until_s)
        self.paused_until_s = max(self.paused_until_s, until_s)
        self.task.after(seconds, self._go_on)

    def unpause(self) -> None:
        self.paused_until_s = 0.0
        self._go_on()

    def postpones(self, name: bytes) -> bool:
        """Whether a client's command has to wait for the end of a pause."""
        return self.loop.now_s < self.paused_until_s and (not self.pauses_only_writes or writes(name))

    def _go_on(self) -> None:
        for client in list(self.clients.values()):
            client.go_on()


class Client:
    """A connection to the server: its commands in, its replies out."""

    def __init__(self, server: Server, connection: Connection) -> None:
        self.server: Server = server
        self.connection = connection
        self.address = connection.remote[0]
        self.replica_port = 6379
        self.parser = Parser()
        self.authorized = not server.config["requirepass"]
        self.queue: list[list[bytes]] = []
        self.is_running = self.is_gone = False
        self.transaction: list[list[bytes]] = []
        self.last_reply: Any = None
        self.acknowledged = -1  # of a replica: how far it has come
        self.written_to = 0  # the offset after this client's last write
        self.waits_for = 0  # so many replicas; 0: it does not wait
        self.wait_number = 0

    @cached_property
    def session(self) -> Session:
        """Made when a command first needs it: most ask how the server is, and are answered without."""
        return self.server.data.session(self.reply)

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
        self.go_on()

    def go_on(self) -> None:
        """Run what was asked, as far as nothing has to be waited for."""
        if self.is_running:  # the client has answered our reply at once: one command after the other
            return
        self.is_running = True
        try:
            while self.queue and not self.waits_for and not self.server.postpones(self.queue[0][0].lower()):
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
            if self.is_gone:
                self._let_go()

    def gone(self) -> None:
        """The client has left."""
        self.is_gone = True
        self.server.clients.pop(self.connection, None)
        if self.server.replicas.pop(self.connection, None) is not None:
            self.server.log("*", f"Connection with replica {self.address}:{self.replica_port} lost.")
        if not self.is_running:
            self._let_go()

    def _let_go(self) -> None:
        session = vars(self).get("session")
        if session is not None:
            session.end()

    def run(self, arguments: list[bytes]) -> None:
        server = self.server
        server.commands += 1
        name = arguments[0].lower()
        if not self.authorized and name not in _BEFORE_AUTH:
            self.reply(Failure("NOAUTH Authentication required."))
            return
        if name == b"client" and len(arguments) > 1 and arguments[1].lower() in (b"pause", b"unpause"):
            self.reply(pause(self, arguments[1:]))
            return
        if name in COMMANDS:
            answer = COMMANDS[name](self, arguments[1:])
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

    # ---- how far the replicas are

    def has_acknowledged(self, offset: int) -> None:
        """This client is a replica, and has come so far."""
        self.acknowledged = max(self.acknowledged, offset)
        for client in list(self.server.clients.values()):
            client.look_at_replicas()

    def wait_for_replicas(self, wanted: int, timeout_s: float) -> int | None:
        """How many replicas have this client's writes; None when that is told later. `timeout_s` 0: wait for ever."""
        there = self._replicas_there()
        if there >= wanted:
            return there
        self.waits_for, number = wanted, self.server.commands
        self.wait_number = number
        if timeout_s:
            self.server.task.after(timeout_s, lambda: self.look_at_replicas(over=number))
        return None

    def look_at_replicas(self, *, over: int = 0) -> None:
        """Answer a WAIT that has what it waits for, or whose time is over: that of the command number `over`."""
        there = self._replicas_there()
        if self.waits_for and (over == self.wait_number or there >= self.waits_for):
            self.waits_for = 0
            self.reply(there)
            self.go_on()

    def _replicas_there(self) -> int:
        return sum(each.acknowledged >= self.written_to for each in self.server.replicas.values())

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
        self._pass_on(arguments)
        self.written_to = self.server.offset

    def _pass_on(self, arguments: list[bytes]) -> None:
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
