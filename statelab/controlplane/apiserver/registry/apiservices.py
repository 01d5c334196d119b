"""Which API server answers for which group and version: APIServices, and the order that they give discovery.

Every group that this server answers for has one that is local; those that name a Service are of other servers, which
nobody here can be (serving/aggregation.py). Source: kube-aggregator/pkg/apiserver, pkg/apis/apiregistration/v1/helper,
pkg/controlplane/apiserver/aggregator.go (priorities).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from statelab.controlplane.kinds import KINDS, OTHER_VERSIONS, REVIEWS, Object
from statelab.controlplane.store import Revision, Store

PLURAL = "apiservices"
OWN_GROUP = "apiregistration.k8s.io"  # before all others, and no APIService is of it
MANAGED = "kube-aggregator.kubernetes.io/automanaged"
ON_START, ALWAYS = "onstart", "true"

# In the order of discovery. Of resource.k8s.io the table that was read had an older version alone: its place in what a
# fresh 1.36 says of itself tells the number.
PRIORITIES = {
    "": 18000, "apps": 17800, "events.k8s.io": 17750, "authentication.k8s.io": 17700, "authorization.k8s.io": 17600,
    "autoscaling": 17500, "batch": 17400, "certificates.k8s.io": 17300, "networking.k8s.io": 17200, "policy": 17100,
    "rbac.authorization.k8s.io": 17000, "storage.k8s.io": 16800, "admissionregistration.k8s.io": 16700,
    "apiextensions.k8s.io": 16700, "scheduling.k8s.io": 16600, "coordination.k8s.io": 16500, "node.k8s.io": 16300,
    "discovery.k8s.io": 16200, "resource.k8s.io": 16200, "flowcontrol.apiserver.k8s.io": 16100,
}  # fmt: skip
CUSTOM_PRIORITIES = 1000, 100
_VERSIONS = {("", "v1"): 1, ("autoscaling", "v2"): 30, ("flowcontrol.apiserver.k8s.io", "v1"): 21}
_GENERATION = re.compile(r"v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?")


def priorities(group: str, version: str) -> tuple[int, int]:
    """Of one of this server's own: its group's among groups, and its own among the group's versions."""
    if group == OWN_GROUP:
        return 20001, 15
    return PRIORITIES.get(group, min(PRIORITIES.values()) - 100), _VERSIONS.get((group, version), 15)


def own() -> list[Object]:
    """An APIService for each group and version of a fresh cluster, by name."""
    kinds = (*KINDS.values(), *OTHER_VERSIONS.values(), *REVIEWS.values())
    served = {(kind.group, kind.version) for kind in kinds if kind.group != OWN_GROUP}
    return sorted((_local(*each, is_custom=False) for each in served), key=lambda each: str(each["metadata"]["name"]))


def of_definition(definition: Object) -> list[Object]:
    """One for each version that a CustomResourceDefinition has served."""
    spec = definition["spec"]
    return [_local(spec["group"], each["name"], is_custom=True) for each in spec["versions"] if each.get("served")]


def _local(group: str, version: str, *, is_custom: bool) -> Object:
    first, last = CUSTOM_PRIORITIES if is_custom else priorities(group, version)
    spec = {"version": version, "groupPriorityMinimum": first, "versionPriority": last}
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{version}.{group}", "labels": {MANAGED: ALWAYS if is_custom else ON_START}},
        "spec": {**spec, "group": group} if group else spec,
    }


def version_of(api_service: Object) -> str:
    """The group and version it is about, as an apiVersion."""
    group, version = api_service["spec"].get("group", ""), str(api_service["spec"]["version"])
    return f"{group}/{version}" if group else version


def version_order(version: str) -> tuple[int, int, int, str]:
    """A key by which the newest stable version comes first: v2, v1, v1beta2, v1alpha1, and then words.

    Source: apimachinery/pkg/version/helpers.go CompareKubeAwareVersionStrings.
    """
    found = _GENERATION.fullmatch(version)
    if found is None:
        return (3, 0, 0, version)
    return ((None, "beta", "alpha").index(found[2]), -int(found[1]), -int(found[3] or 0), version)


class OtherServers:
    """The APIServices that name a Service: groups and versions for which another server answers."""

    def __init__(self, store: Store) -> None:
        self._found: dict[str, Object] = {}
        for each in store.list(PLURAL):
            self._take(each)
        store.subscribe(self._on_revision, PLURAL)

    def _on_revision(self, revision: Revision) -> None:
        self._found.pop(revision.key, None)
        if revision.type != "DELETED":
            self._take(revision.object)

    def _take(self, api_service: Object) -> None:
        spec = api_service["spec"]
        if spec.get("service") and spec.get("group") != OWN_GROUP:
            self._found[str(api_service["metadata"]["name"])] = api_service

    def __iter__(self) -> Iterator[Object]:
        return iter(self._found.values())

    def __bool__(self) -> bool:
        return bool(self._found)

    def of_path(self, path: str) -> Object | None:
        """The one that answers for a path below a group and version."""
        parts = path.split("/", 4)
        if len(parts) > 3 and parts[1] == "apis":
            return self._found.get(f"{parts[3]}.{parts[2]}")
        return self._found.get(f"{parts[2]}.") if len(parts) > 2 and parts[1] == "api" else None

    def of_service(self, namespace: str, name: str) -> list[str]:
        """The names of those that a Service stands behind."""
        return [
            own_name
            for own_name, each in self._found.items()
            if (each["spec"]["service"].get("namespace"), each["spec"]["service"].get("name")) == (namespace, name)
        ]
