"""A request and what it is about: which kind, which namespace, which object, which subresource. No sockets here.

Source: apiserver/pkg/endpoints/request/requestinfo.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol
from urllib.parse import unquote

from statelab.controlplane.kinds import KINDS, Kind, Object
from statelab.controlplane.users import ADMIN, User

Query = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `path` as it came, still percent-encoded; `headers` with names in lower case.

    `user`: who asks, once that is known. `presented`: whom the client's certificate names, if it showed one.
    """

    method: str
    path: str
    query: Query = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    user: User = ADMIN
    presented: User | None = None

    def first(self, name: str) -> str:
        """The first value of a query parameter; "" when it is not there."""
        values = self.query.get(name)
        return values[0] if values else ""


@dataclass(slots=True)
class Response:
    """One HTTP answer, whole."""

    code: int
    body: bytes
    content_type: str = "application/json"
    headers: list[tuple[str, str]] = field(default_factory=list)


class Event(Protocol):
    """What a watch tells: ADDED, MODIFIED, DELETED or BOOKMARK, and the object."""

    @property
    def type(self) -> str: ...

    @property
    def object(self) -> Object: ...


class Unread(Protocol):
    """Events in order, the oldest first."""

    def __len__(self) -> int: ...

    def popleft(self) -> Event: ...


class OpenWatch(Protocol):
    """A watch as who sends it sees it (registry/watch.py): what has not been read yet, and its end."""

    overflowed: bool
    on_event: Callable[[], None] | None

    @property
    def events(self) -> Unread: ...

    def close(self) -> None: ...

    def bookmark(self, kind: str, api_version: str, *, initial_events_end: bool = False) -> Event: ...


@dataclass(slots=True)
class WatchAnswer:
    """A watch that is open: its lines come from `encode(event)`, until `timeout_s` or the client ends it.

    `is_plain`: every event of the kind in `namespace` ("" is all of them) in plain JSON, as others get it too.
    """

    watch: OpenWatch
    encode: Callable[[str, Object], bytes]
    timeout_s: float
    bookmarks: bool
    kind: Kind
    content_type: str = "application/json"
    initial_events_end: bool = False
    namespace: str = ""
    is_plain: bool = False
    headers: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class LogAnswer:
    """A log that is followed: `subscribe(write, end)` calls `write` with bytes as they come; its answer stops it."""

    subscribe: Callable[[Callable[[bytes], None], Callable[[], None]], Callable[[], None]]


@dataclass(slots=True)
class UpgradeAnswer:
    """exec, attach or portforward: the edge upgrades the connection and goes on as `action` says (streaming.py)."""

    action: str  # "exec" | "attach" | "portforward"
    namespace: str
    pod: str
    container: str = ""
    command: Sequence[str] = ()
    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    tty: bool = False
    ports: Sequence[int] = ()


Answer = Response | WatchAnswer | LogAnswer | UpgradeAnswer


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names. `name` "" is the collection; `rest` what stands behind a subresource (a proxy's path)."""

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    watch_path: bool = False  # the old form, /api/v1/watch/…


@dataclass(frozen=True, slots=True)
class Unserved:
    """A path of an API that a Kubernetes has and this one has not. `group_resource` as "jobs.batch"."""

    group_resource: str


Find = Callable[[str, str, str], Kind | None]  # group, version and plural, as they stand in the path


@lru_cache(maxsize=4096)
def resolve(path: str) -> Target | Unserved | None:
    """What `path` names, Unserved, or None where it is no path of a resource at all."""
    return resolve_among(path, _built_in)


def _built_in(group: str, version: str, plural: str) -> Kind | None:
    kind = KINDS.get(plural)
    return kind if kind is not None and (kind.group, kind.version) == (group, version) else None


def resolve_among(path: str, find: Find) -> Target | Unserved | None:
    """The same, among the kinds that `find` knows."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    if "" in rest:
        return None
    watch_path = rest[0] == "watch" and len(rest) > 1
    if watch_path:
        rest = rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and not (len(rest) == 3 and rest[2] in ("status", "finalize")):
        namespace, rest = rest[1], rest[2:]
    kind = find(group, version, rest[0])
    if kind is None:
        return Unserved(f"{rest[0]}.{group}" if group else rest[0])
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    if len(rest) > 3 or (subresource and subresource not in kind.subresources):
        return Unserved(f"{kind.group_resource}/{subresource}")
    if namespace and not kind.namespaced:
        return None
    if not namespace and kind.namespaced and name:
        return None
    return Target(kind, namespace, name, subresource, watch_path)
