"""What a request asks for, in the words rules are written in: verb, group, resource, name; or verb and path.

Told from the path alone, so it holds for resources that nobody has defined yet.
Source: apiserver/pkg/endpoints/request/requestinfo.go, pkg/endpoints/filters/authorization.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

_VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_OF_NAMESPACES = frozenset({"status", "finalize"})
_CONNECTED = frozenset({"proxy", "log", "exec", "attach", "portforward"})


@dataclass(frozen=True, slots=True)
class Attributes:
    """One question of an authorizer. `path` is set where no resource is asked for, and then nothing else is."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    on_node: str = ""  # a list of the Pods of one node

    @property
    def full_resource(self) -> str:
        """`pods/log`, as rules name it."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def of(method: str, path: str, query: Mapping[str, Sequence[str]]) -> Attributes:
    """The attributes of an HTTP request; `path` still percent-encoded."""
    return _of(method, path, query) if query else _without_query(method, path)


@lru_cache(maxsize=2048)
def _without_query(method: str, path: str) -> Attributes:
    return _of(method, path, {})


def _of(method: str, path: str, query: Mapping[str, Sequence[str]]) -> Attributes:
    parts = [unquote(part) for part in path.strip("/").split("/")]
    if parts[0] == "api" and len(parts) > 2:
        group, rest = "", parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, rest = parts[1], parts[3:]
    else:
        return Attributes(method.lower(), path=path)
    verb = _VERBS.get(method, "")
    watched = False
    if rest[0] == "watch" and len(rest) > 1:
        watched, rest = True, rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _OF_NAMESPACES:
            rest = rest[2:]
    resource, name, subresource = (*rest[:3], "", "")[:3]
    if not name and verb == "get":
        watched = watched or (query.get("watch") or ("false",))[0] not in ("false", "0", "f", "F", "FALSE", "False")
        verb = "list"
        name = _selected(query, "metadata.name")
    if watched and verb in ("get", "list"):
        verb = "watch"
    if not name and verb == "delete":
        verb = "deletecollection"
    on_node = _selected(query, "spec.nodeName") if resource == "pods" and verb in ("list", "watch") else ""
    return Attributes(verb, group, resource, subresource, namespace, name, on_node=on_node)


def _selected(query: Mapping[str, Sequence[str]], field: str) -> str:
    """The value that a field selector asks of a field: a list of what has one name is a question about that name."""
    for selector in query.get("fieldSelector") or ():
        for term in selector.split(","):
            key, equals, value = term.partition("=")
            if key == field and equals:
                return value.removeprefix("=")
    return ""
