"""What a person calls an object: "pod/web-0", "sts/web", "pvc www-web-0", resolved to its resource and name."""

from __future__ import annotations

from statelab.cluster.problem import Problem
from statelab.controlplane.kinds import KINDS, Kind
from statelab.reader.spelling import nearest

_BY_ANY_NAME: dict[str, Kind] = {
    name: kind
    for kind in KINDS.values()
    for name in (kind.plural, kind.singular, *kind.short_names, kind.group_resource, f"{kind.singular}.{kind.group}")
}


_WHICH = (
    "Built in are pod, service, statefulset, persistentvolumeclaim and others; CustomResourceDefinitions add more. "
    "All there are: %kubectl api-resources"
)


class NoKind(Problem):
    """What was named is no kind of object."""


def kind_named(text: str) -> Kind:
    """The kind of "sts", "StatefulSet", "statefulsets.apps" … Raises Problem."""
    kind = _BY_ANY_NAME.get(text.lower())
    if kind is None:
        near = nearest(text.lower(), (name for kind in KINDS.values() for name in (kind.singular, kind.plural)))
        raise NoKind(f'"{text}" is no kind of object here.', f"Did you mean {near}?" if near else _WHICH)
    return kind


def split(what: str) -> tuple[str, str]:
    """`("sts", "web")` of "sts/web". Raises Problem."""
    kind, separator, name = what.strip().partition("/")
    if not separator:
        kind, _, name = what.strip().partition(" ")
    if not name or "/" in name:
        raise Problem(f'"{what}" does not name an object.', 'Write KIND/NAME, as in "pod/web-0" or "sts/web".')
    return kind, name.strip()


def parse(what: str) -> tuple[Kind, str]:
    """`(StatefulSet, "web")` of "sts/web". Raises Problem."""
    kind, name = split(what)
    return kind_named(kind), name


def path_of(kind: Kind, namespace: str, name: str = "") -> str:
    """The URL path of a kind's collection, or of one object in it."""
    prefix = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    middle = f"/namespaces/{namespace}" if kind.namespaced and namespace else ""
    return f"{prefix}{middle}/{kind.resource}" + (f"/{name}" if name else "")
