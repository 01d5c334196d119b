"""Discovery: which groups, versions and resources there are, what one may do with each, and what they are called.

Both forms: a document per group and version, and everything at once ("aggregated", apidiscovery.k8s.io). What a fresh
cluster serves and this one does not is listed too, for then clients ask and get our refusal (nonresource.py).
Source: apiserver/pkg/endpoints/discovery, pkg/endpoints/installer.go; the order of groups is that of a real server.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from statelab.controlplane.apiserver.registry.apiservices import (
    CUSTOM_PRIORITIES,
    OWN_GROUP,
    PRIORITIES,
    priorities,
    version_order,
)
from statelab.controlplane.kinds import KINDS, OTHER_VERSIONS, REVIEWS, UNSTORED, Kind, Object

_SERVED = (*KINDS.values(), *OTHER_VERSIONS.values(), *REVIEWS.values())
_CUSTOM_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
_ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_ORDER = (OWN_GROUP, *PRIORITIES)

# group, version and kind of what a subresource takes or gives, where that is not the resource's own
_SUBRESOURCE_KINDS = {
    "scale": ("autoscaling", "v1", "Scale"),
    "eviction": ("policy", "v1", "Eviction"),
    "binding": ("", "v1", "Binding"),
    "exec": ("", "v1", "PodExecOptions"),
    "attach": ("", "v1", "PodAttachOptions"),
    "portforward": ("", "v1", "PodPortForwardOptions"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
}
_PROXIES = {"pods": "PodProxyOptions", "services": "ServiceProxyOptions", "nodes": "NodeProxyOptions"}
_SUBRESOURCE_VERBS = {
    "scale": ("get", "patch", "update"),
    "status": ("get", "patch", "update"),
    "ephemeralcontainers": ("get", "patch", "update"),
    "finalize": ("update",),
    "log": ("get",),
    "exec": ("create", "get"),
    "attach": ("create", "get"),
    "portforward": ("create", "get"),
    "eviction": ("create",),
    "binding": ("create",),
    "token": ("create",),
    "proxy": ("create", "delete", "get", "patch", "update"),
    "resize": ("get", "patch", "update"),
    "approval": ("get", "patch", "update"),
}
_STORED_AS_BETA = frozenset(
    {"customresourcedefinitions", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings"}
)
_UNSTORED_VERBS = {"bindings": ("create",), "componentstatuses": ("get", "list")}


def verbs(kind: Kind, subresource: str = "") -> tuple[str, ...]:
    """What one may do with a resource, or with one of its subresources."""
    if subresource:
        return _SUBRESOURCE_VERBS[subresource]
    if kind.custom is not None:
        return _CUSTOM_VERBS
    if kind.plural in REVIEWS:
        return ("create",)
    if kind.plural in _UNSTORED_VERBS:
        return _UNSTORED_VERBS[kind.plural]
    return tuple(verb for verb in _ALL_VERBS if verb != "deletecollection" or kind.delete_collection)


def subresources(kind: Kind) -> list[str]:
    """The subresources that are served as any other, sorted: not a proxy's."""
    return sorted(set(kind.subresources))


def _told_subresources(kind: Kind) -> list[str]:
    if kind.custom is not None:
        return list(kind.subresources)
    return sorted({*kind.subresources, *(("proxy",) if kind.plural in _PROXIES and not kind.group else ())})


def subresource_kind(kind: Kind, subresource: str) -> tuple[str, str, str]:
    """Group, version and kind of what a subresource takes or gives."""
    if subresource == "proxy":
        return "", "v1", _PROXIES[kind.plural]
    return _SUBRESOURCE_KINDS.get(subresource, (kind.group, kind.version, kind.name))


def group_versions() -> list[tuple[str, str]]:
    """Every served group and version, in the order of a real server."""
    return _ordered(_SERVED)


def _ordered(kinds: Iterable[Kind]) -> list[tuple[str, str]]:
    found = list(dict.fromkeys((kind.group, kind.version) for kind in kinds))
    return sorted(found, key=lambda each: _ORDER.index(each[0]) if each[0] in _ORDER else len(_ORDER))


def _told() -> list[Kind]:
    """What discovery names."""
    return [*_SERVED, *UNSTORED.values()]


def kinds_of(group: str, version: str) -> list[Kind]:
    """The served kinds of a group and version, by plural."""
    return _of(_SERVED, group, version)


def _of(kinds: Iterable[Kind], group: str, version: str) -> list[Kind]:
    found = [kind for kind in kinds if (kind.group, kind.version) == (group, version)]
    return sorted(found, key=lambda kind: kind.plural)


def document(path: str, custom: Sequence[Kind] = (), others: Iterable[Object] = ()) -> Object | None:
    """The discovery document at a path (`/api`, `/apis`, `/api/v1`, `/apis/apps`, `/apis/apps/v1`), if there is one.

    `custom`: the kinds that definitions have made. `others`: APIServices for which another server answers.
    """
    parts = tuple(path.strip("/").split("/"))
    match parts:
        case ("api",):
            addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:6443"}]
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}
        case ("apis",):
            groups = [_group(name, versions) for name, versions in _groups(custom, others)]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case ("api", version) if ("", version) in group_versions():
            return _resource_list("", version)
        case ("apis", wanted):
            for name, versions in _groups(custom, others):
                if name == wanted:
                    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)}
        case ("apis", name, version) if name and (name, version) in group_versions():
            return _resource_list(name, version)
        case ("apis", name, version) if found := _of(custom, name, version):
            return _list_of(found, name, version)
    return None


def aggregated(path: str, version: str = "v2", custom: Sequence[Kind] = (), others: Iterable[Object] = ()) -> Object:
    """Everything below `/api` or `/apis` in one apidiscovery.k8s.io document of `version` v2 or v2beta1."""
    is_core = path.strip("/") == "api"
    named = [("", ["v1"])] if is_core else _groups(custom, others)
    stale = {(each["spec"].get("group", ""), each["spec"]["version"]) for each in others}
    changed = {kind.group for kind in custom} | {group for group, _ in stale}
    items = [
        _discovery_of(name, versions, [*_told(), *custom], stale) if name in changed else _group_discovery(name)
        for name, versions in named
    ]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": items,
    }


def _groups(custom: Sequence[Kind], others: Iterable[Object]) -> list[tuple[str, list[str]]]:
    """Every group but the core's with its versions, both in the order that their APIServices' priorities give.

    Source: kube-aggregator/pkg/apis/apiregistration/v1/helper/helpers.go.
    """
    found: dict[str, dict[str, tuple[int, int]]] = {}  # group → version → priorities
    for group, version in group_versions():
        found.setdefault(group, {})[version] = priorities(group, version)
    for kind in custom:
        found.setdefault(kind.group, {}).setdefault(kind.version, CUSTOM_PRIORITIES)
    for each in others:
        spec = each["spec"]
        wanted = spec["groupPriorityMinimum"], spec["versionPriority"]
        found.setdefault(spec.get("group", ""), {})[spec["version"]] = wanted
    found.pop("", None)
    ordered = sorted(
        found.items(), key=lambda each: min((-first, f"{version}.{each[0]}") for version, (first, _) in each[1].items())
    )
    return [
        (group, sorted(versions, key=lambda each: (-versions[each][1], version_order(each))))
        for group, versions in ordered
    ]


def _group(name: str, versions: Iterable[str]) -> Object:
    named = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": named, "preferredVersion": named[0]}


@lru_cache(maxsize=64)  # more than there are: all are asked for in turn
def _resource_list(group: str, version: str) -> Object:
    return _list_of(_of(_told(), group, version), group, version)


def _list_of(kinds: Iterable[Kind], group: str, version: str) -> Object:
    resources: list[Object] = []
    for kind in kinds:
        resources.append(_resource(kind))
        resources += [_subresource(kind, name) for name in _told_subresources(kind)]
    if not group:  # the oldest of these documents never had an apiVersion
        return {"kind": "APIResourceList", "groupVersion": version, "resources": resources}
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}",
        "resources": resources,
    }


def _resource(kind: Kind) -> Object:
    resource: Object = {
        "name": kind.resource,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": list(verbs(kind)),
        **_names(kind),
    }
    if kind.plural not in REVIEWS and kind.plural not in UNSTORED:
        resource["storageVersionHash"] = storage_version_hash(kind)
    return resource


def _subresource(kind: Kind, name: str) -> Object:
    group, version, kind_name = subresource_kind(kind, name)
    resource: Object = {"name": f"{kind.resource}/{name}", "singularName": "", "namespaced": kind.namespaced}
    if (group, version) != (kind.group, kind.version):
        resource |= {"group": group, "version": version}
    return {**resource, "kind": kind_name, "verbs": list(verbs(kind, name))}


def _names(kind: Kind) -> Object:
    names: Object = {}
    if kind.short_names:
        names["shortNames"] = list(kind.short_names)
    if kind.categories:
        names["categories"] = list(kind.categories)
    return names


def storage_version_hash(kind: Kind) -> str:
    """An opaque word that changes when a kind is stored in another version."""
    stored = KINDS.get(kind.plural, kind)
    version = "v1beta1" if kind.plural in _STORED_AS_BETA else stored.version
    digest = hashlib.sha256(f"{stored.group}/{version}/{kind.name}".encode()).digest()
    return base64.b64encode(digest[:8]).decode()


@lru_cache(maxsize=64)  # more than there are: all are asked for in turn
def _group_discovery(name: str) -> Object:
    return _discovery_of(name, [version for group, version in group_versions() if group == name], _told())


def _discovery_of(
    name: str, named: Iterable[str], kinds: Iterable[Kind], stale: Collection[tuple[str, str]] = ()
) -> Object:
    """A group's versions and what is in them; in `stale` nothing is, for nobody answers there."""
    versions = [
        {"version": version, "freshness": "Stale"}
        if (name, version) in stale
        else {
            "version": version,
            "resources": [_resource_discovery(kind) for kind in _of(kinds, name, version)],
            "freshness": "Current",
        }
        for version in named
    ]
    metadata: Object = {"name": name} if name else {}
    return {"metadata": {**metadata, "creationTimestamp": None}, "versions": versions}


def _resource_discovery(kind: Kind) -> Object:
    below = [
        {
            "subresource": name,
            "responseKind": _response_kind(*subresource_kind(kind, name)),
            "verbs": list(verbs(kind, name)),
        }
        for name in _told_subresources(kind)
    ]
    resource: Object = {
        "resource": kind.resource,
        "responseKind": _response_kind(kind.group, kind.version, kind.name),
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(verbs(kind)),
        **_names(kind),
    }
    return {**resource, "subresources": below} if below else resource


def _response_kind(group: str, version: str, kind: str) -> Object:
    return {"group": group, "version": version, "kind": kind}
