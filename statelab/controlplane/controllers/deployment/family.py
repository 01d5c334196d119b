"""A Deployment and its ReplicaSets: the new one, whose template is the Deployment's, and the old ones.

Source: pkg/controller/deployment/util/deployment_util.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from statelab.controlplane.kinds import Object

HASH_LABEL = "pod-template-hash"


@dataclass(frozen=True)
class Family:
    """What one pass knows. `deployment` may be ahead of the store in its status, which is written at the end."""

    deployment: Object
    new: Object | None
    old: tuple[Object, ...]  # the oldest first

    @property
    def all(self) -> tuple[Object, ...]:
        return self.old if self.new is None else (*self.old, self.new)

    @property
    def active(self) -> list[Object]:
        """Those that want Pods."""
        return [each for each in self.all if wanted(each)]

    @property
    def active_old(self) -> list[Object]:
        return [each for each in self.old if wanted(each)]

    def updated(self, replica_set: Object) -> Family:
        """The same with a newer version of one of the ReplicaSets."""
        uid = replica_set["metadata"]["uid"]
        if self.new is not None and self.new["metadata"]["uid"] == uid:
            return replace(self, new=replica_set)
        return replace(self, old=tuple(replica_set if each["metadata"]["uid"] == uid else each for each in self.old))


def family_of(deployment: Object, replica_sets: Iterable[Object]) -> Family:
    """Of several ReplicaSets with the Deployment's template, the oldest is the new one."""
    oldest_first = sorted(replica_sets, key=birth)
    template = deployment["spec"]["template"]
    new = next((each for each in oldest_first if is_same_template(each["spec"]["template"], template)), None)
    return Family(deployment, new, tuple(each for each in oldest_first if each is not new))


def birth(obj: Object) -> tuple[str, str]:
    """Sorts by creation time, then name. Source: ReplicaSetsByCreationTimestamp."""
    return obj["metadata"]["creationTimestamp"], obj["metadata"]["name"]


def is_same_template(one: Object, other: Object) -> bool:
    """Equal but for the hash label that a ReplicaSet's template has beside. Source: EqualIgnoreHash."""
    return bool(one["spec"] == other["spec"]) and _metadata(one) == _metadata(other)


def _metadata(template: Object) -> Object:
    metadata = {name: value for name, value in (template.get("metadata") or {}).items() if value}
    labels = {name: value for name, value in (metadata.get("labels") or {}).items() if name != HASH_LABEL}
    return {**metadata, "labels": labels}


# ---- counting


def wanted(obj: Object) -> int:
    """spec.replicas of a Deployment or ReplicaSet."""
    return int(obj["spec"]["replicas"])


def told(replica_set: Object | None, count: str) -> int:
    """A count of the ReplicaSet's status, "availableReplicas" for one; 0 where there is none."""
    return int((replica_set or {}).get("status", {}).get(count, 0))


def wanted_in_all(replica_sets: Iterable[Object]) -> int:
    return sum(wanted(each) for each in replica_sets)


def told_in_all(replica_sets: Iterable[Object], count: str) -> int:
    return sum(told(each, count) for each in replica_sets)
