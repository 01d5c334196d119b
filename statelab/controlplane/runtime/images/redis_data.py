"""What a Redis server holds and how it answers commands: fakeredis, on the cluster's clock, without threads.

Only this module knows fakeredis. A command that would block a thread of fakeredis is parked instead, and tried again
when a key changes or its time is over.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import redis
from fakeredis import FakeServer
from fakeredis._core._database import Database
from fakeredis._helpers import NoResponse, SimpleError, SimpleString
from fakeredis._socket import FakeSocket
from fakeredis.model._command_info import is_write_command

from statelab.controlplane.clock import Loop
from statelab.controlplane.runtime.images.resp import Failure, Status

Reply = Callable[[Any], None]


class _Database(Database):  # type: ignore[misc]  # fakeredis has no types
    """fakeredis sets `time` from the machine's clock before each command; here it is always the cluster's."""

    def __init__(self, lock: Any, loop: Loop) -> None:
        self._loop = loop
        super().__init__(lock)

    @property
    def time(self) -> float:
        return self._loop.now_s

    @time.setter
    def time(self, value: float) -> None:
        pass


class Session(FakeSocket):  # type: ignore[misc]  # fakeredis has no types
    """One client's state in the server: its database, its transaction, its subscriptions, what it waits for."""

    def __init__(self, data: Data, reply: Reply) -> None:
        self._data = data
        self._reply = reply
        self._retry: Callable[[], bool] | None = None
        super().__init__(data.server, 0, client_class=redis.Redis)

    def run(self, arguments: Sequence[bytes]) -> None:
        """Run one command; its reply, or several of a subscription, go to `reply`."""
        self._process_command(list(arguments))

    def end(self) -> None:
        """The client has left: nothing waits for it, and it is in no list of clients. The second time does nothing."""
        self._retry = None
        if self in self._data.waiting:
            self._data.waiting.remove(self)
        if self._server is not None:
            self.close()

    @property
    def waits(self) -> bool:
        return self._retry is not None

    @property
    def database(self) -> int:
        return int(self._db_num)

    @property
    def in_transaction(self) -> bool:
        return self._transaction is not None

    def put_response(self, msg: Any) -> None:
        self._reply(_plain(msg))

    def _decode_result(self, result: Any) -> Any:
        return result

    def _blocking(
        self, timeout: float | None, func: Callable[[bool], Any], shape: Callable[[Any], Any] | None = None
    ) -> Any:
        found = func(True)
        if found is not None or self._in_transaction:
            return found if shape is None else shape(found)

        def finish(value: Any) -> None:
            self._retry = None
            self._data.waiting.remove(self)
            self._reply(_plain(value if shape is None else shape(value)))

        def retry() -> bool:
            with self._server.lock:
                value = func(False)
            if value is not None:
                finish(value)
            return value is not None

        self._retry = retry
        self._data.waiting.append(self)
        if timeout:
            loop = self._data.loop
            loop.call_later(timeout, lambda: finish(None) if self._retry is retry else None, housekeeping=True)
        return NoResponse()

    def try_again(self) -> None:
        if self._retry is not None:
            self._retry()


class Data:
    """The databases of one server."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.waiting: list[Session] = []
        self.server = FakeServer(version=(7, 4))
        self.server.dbs = defaultdict(lambda: _Database(self.server.lock, loop))
        self.dirty = 0  # changes since the last snapshot

    def session(self, reply: Reply) -> Session:
        return Session(self, reply)

    def changed(self) -> None:
        """Something was written: those that wait for a key look again."""
        for session in list(self.waiting):
            session.try_again()

    def clear(self) -> None:
        with self.server.lock:
            for database in self.server.dbs.values():
                database.clear()

    def keyspace(self) -> dict[int, tuple[int, int]]:
        """database → (keys, keys that expire), of those that are not empty."""
        found = {}
        for number, database in sorted(self.server.dbs.items()):
            keys = len(database)
            if keys:
                found[number] = (keys, sum(1 for key in database if database[key].expireat is not None))
        return found

    def dump(self) -> Iterator[list[bytes]]:
        """The commands that would make these databases anew."""
        for number, database in sorted(self.server.dbs.items()):
            keys = sorted(database)
            if keys:
                yield [b"SELECT", str(number).encode()]
            for key in keys:
                yield from self._dump_key(number, key)
                expire_at = database[key].expireat
                if expire_at is not None:
                    yield [b"PEXPIREAT", key, str(math.ceil(expire_at * 1000)).encode()]

    def ask(self, number: int, *arguments: bytes) -> Any:
        """One reply to one command, on a session of its own."""
        replies: list[Any] = []
        session = self.session(replies.append)
        session.run([b"SELECT", str(number).encode()])
        session.run(list(arguments))
        session.close()
        return replies[-1] if len(replies) > 1 else None

    def _dump_key(self, number: int, key: bytes) -> Iterator[list[bytes]]:
        kind = self.ask(number, b"TYPE", key)
        kind = kind.text if isinstance(kind, Status) else kind
        if kind == "string":
            yield [b"SET", key, self.ask(number, b"GET", key)]
        elif kind == "list":
            yield [b"RPUSH", key, *self.ask(number, b"LRANGE", key, b"0", b"-1")]
        elif kind == "set":
            yield [b"SADD", key, *sorted(self.ask(number, b"SMEMBERS", key))]
        elif kind == "hash":
            yield [b"HSET", key, *_flat(self.ask(number, b"HGETALL", key))]
        elif kind == "zset":
            pairs = self.ask(number, b"ZRANGE", key, b"0", b"-1", b"WITHSCORES")
            members, scores = pairs[::2], pairs[1::2]
            yield [b"ZADD", key, *(part for pair in zip(scores, members, strict=True) for part in pair)]
        elif kind == "stream":
            for entry, fields in self.ask(number, b"XRANGE", key, b"-", b"+"):
                yield [b"XADD", key, entry, *_flat(fields)]


def writes(name: bytes) -> bool:
    """Whether a command changes data."""
    return bool(is_write_command(name.lower()))


def _flat(value: Any) -> list[bytes]:
    if isinstance(value, dict):
        return [part for pair in value.items() for part in pair]
    return list(value)


def _plain(value: Any) -> Any:
    """A reply of fakeredis as ours."""
    if isinstance(value, SimpleString):
        return Status(value.value.decode(errors="replace"))
    if isinstance(value, SimpleError):
        return Failure(value.value)
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return repr(value).encode() if value != int(value) else str(int(value)).encode()
    return value
