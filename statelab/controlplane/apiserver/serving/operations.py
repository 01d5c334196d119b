"""What one may ask of the API server, as data: every path with its operations, from the served kinds.

openapi.py writes them down as OpenAPI 2 and 3. Source: apiserver/pkg/endpoints/installer.go (which operations a
resource gets, and their ids), apimachinery meta/v1 types.go (the options).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from statelab.controlplane.apiserver.encoding.schemas import META
from statelab.controlplane.apiserver.serving import discovery
from statelab.controlplane.kinds import Kind

PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)

# name → type and what it is for
PARAMETERS: dict[str, tuple[str, str]] = {
    "pretty": ("string", "Whether the answer is indented for people to read."),
    "allowWatchBookmarks": ("boolean", "Whether a watch may also send BOOKMARK events, which only say how far it is."),
    "continue": ("string", "Where the next page of a list begins: what the page before gave."),
    "fieldSelector": ("string", "Only objects whose fields are so, for example metadata.name=web-0."),
    "labelSelector": ("string", "Only objects whose labels are so, for example app in (web, db)."),
    "limit": ("integer", "How many objects a page of a list holds at most."),
    "resourceVersion": ("string", "The revision to read at, or to watch from."),
    "resourceVersionMatch": ("string", "How resourceVersion is meant for a list: Exact or NotOlderThan."),
    "sendInitialEvents": ("boolean", "Whether a watch begins with what is there now, as ADDED events."),
    "timeoutSeconds": ("integer", "How long a list or a watch may last, in seconds."),
    "watch": ("boolean", "Whether to be told of changes instead of being given a list."),
    "dryRun": ("string", "With All, everything is done except to store the result."),
    "fieldManager": ("string", "Who is to own the fields that this request sets."),
    "fieldValidation": ("string", "What to do about unknown and duplicate fields: Ignore, Warn or Strict."),
    "force": ("boolean", "Whether apply takes fields that others own. Only for apply patches."),
    "gracePeriodSeconds": ("integer", "How long the object may take to end, in seconds; 0 is at once."),
    "ignoreStoreReadErrorWithClusterBreakingPotential": ("boolean", "Not used: what is stored can be read."),
    "orphanDependents": ("boolean", "The older word for propagationPolicy: true is Orphan."),
    "propagationPolicy": ("string", "What becomes of dependents: Orphan, Background or Foreground."),
    "container": ("string", "Which container of the Pod; the only one when there is one."),
    "follow": ("boolean", "Whether to go on with lines as they are written."),
    "insecureSkipTLSVerifyBackend": ("boolean", "Whether the kubelet's certificate is trusted unseen."),
    "limitBytes": ("integer", "How many bytes of log at most."),
    "previous": ("boolean", "Whether the log is that of the container that ran before."),
    "sinceSeconds": ("integer", "Only lines of the last so many seconds."),
    "stream": ("string", "Which stream: All, Stdout or Stderr."),
    "tailLines": ("integer", "How many lines from the end."),
    "timestamps": ("boolean", "Whether each line begins with its time."),
    "command": ("string", "The command to run, a parameter for each word."),
    "stdin": ("boolean", "Whether input is sent."),
    "stdout": ("boolean", "Whether standard output is wanted."),
    "stderr": ("boolean", "Whether standard error is wanted."),
    "tty": ("boolean", "Whether there is a terminal."),
    "ports": ("integer", "The ports of the Pod to reach."),
    "name": ("string", "The name of the object."),
    "namespace": ("string", "The namespace of the object."),
}

_LIST = (
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
)
_WRITE = ("dryRun", "fieldManager", "fieldValidation")
_DELETE = (
    "dryRun",
    "gracePeriodSeconds",
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "orphanDependents",
    "propagationPolicy",
)
_DELETE_LIST = tuple(name for name in _LIST if name not in ("allowWatchBookmarks", "watch"))
_LOG = (
    "container",
    "follow",
    "insecureSkipTLSVerifyBackend",
    "limitBytes",
    "previous",
    "sinceSeconds",
    "stream",
    "tailLines",
    "timestamps",
)
_ATTACH = ("container", "stderr", "stdin", "stdout", "tty")
_CONNECT = {"exec": ("command", *_ATTACH), "attach": _ATTACH, "portforward": ("ports",)}

_STATUS = META + "Status"
_DEFINITIONS = {
    "Scale": "io.k8s.api.autoscaling.v1.Scale",
    "Eviction": "io.k8s.api.policy.v1.Eviction",
    "Binding": "io.k8s.api.core.v1.Binding",
    "TokenRequest": "io.k8s.api.authentication.v1.TokenRequest",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `body` and `result` name definitions; a `result` of "" is text."""

    method: str
    action: str  # x-kubernetes-action: list, post, deletecollection, get, put, patch, delete, connect
    id: str
    about: str
    kind: tuple[str, str, str]  # group, version, kind
    parameters: tuple[str, ...] = ()
    body: str = ""
    result: str = ""
    codes: tuple[int, ...] = (200,)


@dataclass(frozen=True, slots=True)
class Path:
    path: str
    parameters: tuple[str, ...]  # in the path: namespace, name
    operations: tuple[Operation, ...]


def paths(group: str, version: str) -> Iterator[Path]:
    """Every path of a group and version, in alphabetical order."""
    found = [path for kind in discovery.kinds_of(group, version) for path in _paths_of(kind)]
    yield from sorted(found, key=lambda each: each.path)


def tag(group: str, version: str) -> str:
    short = _short(group)
    return f"{short[:1].lower()}{short[1:]}_{version}" if short else f"core_{version}"


def _short(group: str) -> str:
    return "".join(part.capitalize() for part in group.removesuffix(".k8s.io").split("."))


def _paths_of(kind: Kind) -> Iterator[Path]:
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    scope = ("namespace",) if kind.namespaced else ()
    base = f"{root}/namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else f"{root}/{kind.plural}"
    if discovery.verbs(kind) == ("create",):
        yield Path(base, scope, (_post(kind),))
        return
    yield Path(base, scope, tuple(_collection(kind)))
    yield Path(f"{base}/{{name}}", (*scope, "name"), tuple(_object(kind)))
    for subresource in discovery.subresources(kind):
        path = f"{base}/{{name}}/{subresource}"
        yield Path(path, (*scope, "name"), tuple(_subresource(kind, subresource)))
    if kind.namespaced:
        yield Path(f"{root}/{kind.plural}", (), (_list(kind, f"{kind.name}ForAllNamespaces"),))


def _words(kind: Kind) -> tuple[str, str]:
    """The two parts of an operation's id that say what it is about: `CoreV1` and `NamespacedPod`."""
    return (_short(kind.group) or "Core") + kind.version.capitalize(), (
        f"Namespaced{kind.name}" if kind.namespaced else kind.name
    )


def _kind(kind: Kind) -> tuple[str, str, str]:
    return kind.group, kind.version, kind.name


def _list(kind: Kind, what: str) -> Operation:
    where, _ = _words(kind)
    about = f"list or watch objects of kind {kind.name}"
    return Operation("get", "list", f"list{where}{what}", about, _kind(kind), _LIST, result=f"{kind.definition}List")


def _collection(kind: Kind) -> Iterator[Operation]:
    where, what = _words(kind)
    yield _list(kind, what)
    yield _post(kind)
    if "deletecollection" in discovery.verbs(kind):
        yield Operation(
            "delete",
            "deletecollection",
            f"delete{where}Collection{what}",
            f"delete collection of {kind.name}",
            _kind(kind),
            tuple(sorted({*_DELETE_LIST, *_DELETE})),
            META + "DeleteOptions",
            _STATUS,
        )


def _post(kind: Kind) -> Operation:
    where, what = _words(kind)
    article = "an" if kind.name[0] in "AEIOU" else "a"
    name, about, codes = f"create{where}{what}", f"create {article} {kind.name}", (200, 201, 202)
    return Operation("post", "post", name, about, _kind(kind), _WRITE, kind.definition, kind.definition, codes)


def _object(kind: Kind) -> Iterator[Operation]:
    where, what = _words(kind)
    yield from _read_replace_patch(f"{where}{what}", f"the specified {kind.name}", kind.definition, _kind(kind))
    result = kind.definition if kind.plural in ("pods", "services", "persistentvolumeclaims") else _STATUS
    yield Operation(
        "delete",
        "delete",
        f"delete{where}{what}",
        f"delete the specified {kind.name}",
        _kind(kind),
        _DELETE,
        META + "DeleteOptions",
        result,
        (200, 202),
    )


def _read_replace_patch(
    name: str, what: str, definition: str, shown: tuple[str, str, str], *, only: str = ""
) -> Iterator[Operation]:
    if only in ("", "get"):
        yield Operation("get", "get", f"read{name}", f"read {what}", shown, result=definition)
    if only in ("", "put"):
        yield Operation(
            "put", "put", f"replace{name}", f"replace {what}", shown, _WRITE, definition, definition, (200, 201)
        )
    if not only:
        parameters = (*_WRITE, "force")
        about = f"partially update {what}"
        yield Operation(
            "patch", "patch", f"patch{name}", about, shown, parameters, META + "Patch", definition, (200, 201)
        )


def _subresource(kind: Kind, name: str) -> Iterator[Operation]:
    where, what = _words(kind)
    shown = discovery.subresource_kind(kind, name)
    camel = name.capitalize()
    full = f"{where}{what}{camel}"
    if name in ("status", "scale", "finalize", "ephemeralcontainers", "resize", "approval"):
        definition = _DEFINITIONS.get(shown[2], kind.definition)
        about = f"{name} of the specified {kind.name}"
        only = "put" if name == "finalize" else ""
        yield from _read_replace_patch(full, about, definition, shown, only=only)
    elif name == "log":
        yield Operation("get", "get", f"read{full}", f"read log of the specified {kind.name}", shown, _LOG)
    elif name in _CONNECT:
        for method in ("get", "post"):
            operation_id = f"connect{where}{method.capitalize()}{what}{camel}"
            about = f"connect {method.upper()} requests to {name} of {kind.name}"
            yield Operation(method, "connect", operation_id, about, shown, _CONNECT[name])
    else:
        definition = _DEFINITIONS[shown[2]]
        about = f"create {name} of a {kind.name}"
        codes = (200, 201, 202)
        yield Operation("post", "post", f"create{full}", about, shown, _WRITE, definition, definition, codes)
