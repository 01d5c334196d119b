"""How many Pods each ReplicaSet of a Deployment may have, and the write that makes it so.

Source: pkg/controller/deployment/sync.go (scale), util/deployment_util.go (NewRSNewReplicas, GetReplicaSetProportion).
"""

from __future__ import annotations

import math

from statelab.controlplane.controllers.common.owners import title
from statelab.controlplane.controllers.common.sizes import scaled
from statelab.controlplane.controllers.deployment.family import Family, birth, told, wanted, wanted_in_all
from statelab.controlplane.kinds import Object
from statelab.controlplane.view import View

DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"


# ---- the bounds of a rolling update


def max_surge(deployment: Object) -> int:
    """How many Pods there may be beyond spec.replicas during a rolling update; 0 for Recreate."""
    return _fenceposts(deployment)[0]


def max_unavailable(deployment: Object) -> int:
    """How many of spec.replicas may be unavailable during a rolling update; 0 for Recreate."""
    return min(_fenceposts(deployment)[1], wanted(deployment))


def _fenceposts(deployment: Object) -> tuple[int, int]:
    """Surge rounds up, unavailability down; if both come to 0, one may be unavailable, or nothing could move."""
    strategy = deployment["spec"]["strategy"]
    if strategy["type"] != "RollingUpdate":
        return 0, 0
    bounds = strategy.get("rollingUpdate") or {}
    replicas = wanted(deployment)
    surge = scaled(bounds.get("maxSurge", 0), replicas, round_up=True)
    unavailable = scaled(bounds.get("maxUnavailable", 0), replicas, round_up=False)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def new_replicas(deployment: Object, existing: int, of_new: int) -> int:
    """The size the new ReplicaSet may have now; `existing`: what all ReplicaSets want together, `of_new` included."""
    replicas = wanted(deployment)
    if deployment["spec"]["strategy"]["type"] == "Recreate":
        return replicas
    room = replicas + max_surge(deployment) - existing
    return of_new + min(room, replicas - of_new) if room > 0 else of_new


# ---- scaling the Deployment itself


def is_scaling_event(family: Family) -> bool:
    """Someone changed the Deployment's replicas: a ReplicaSet remembers another number."""
    for replica_set in family.active:
        desired = _annotation(replica_set, DESIRED)
        if desired is not None and desired != wanted(family.deployment):
            return True
    return False


def scale_to_deployment(family: Family, view: View) -> Family:
    """Bring the ReplicaSets to the Deployment's new size; in the midst of a rollout, each in proportion."""
    replicas = wanted(family.deployment)
    only = _active_or_latest(family)
    if only is not None:
        return scale(family, only, replicas, f"{title(family.deployment)} wants {replicas}", view)
    if not family.all:
        return family
    if _is_saturated(family):
        for old in family.active_old:
            family = scale(family, old, 0, "the new ReplicaSet is complete, so no old one is needed", view)
        return family
    if family.deployment["spec"]["strategy"]["type"] == "RollingUpdate":
        return _scale_in_proportion(family, view)
    return family


def _active_or_latest(family: Family) -> Object | None:
    """The only one with Pods; if none has any, the newest. None when several have."""
    active = family.active
    if len(active) == 1:
        return active[0]
    if active or not family.all:
        return None
    return family.new if family.new is not None else family.old[-1]


def _is_saturated(family: Family) -> bool:
    if family.new is None:
        return False
    replicas = wanted(family.deployment)
    return (
        wanted(family.new) == replicas
        and _annotation(family.new, DESIRED) == replicas
        and told(family.new, "availableReplicas") == replicas
    )


def _scale_in_proportion(family: Family, view: View) -> Family:
    """Share what is to be added or removed among the ReplicaSets by size; the largest gets what rounding left."""
    deployment = family.deployment
    replicas = wanted(deployment)
    allowed = replicas + max_surge(deployment) if replicas > 0 else 0
    to_add = allowed - wanted_in_all(family.active)
    by_age = sorted(family.active, key=birth, reverse=to_add > 0)
    largest_first = sorted(by_age, key=wanted, reverse=True)
    sizes: list[int] = []
    added = 0
    for replica_set in largest_first:
        share = _share(replica_set, deployment, to_add, added)
        added += share
        sizes.append(wanted(replica_set) + share)
    if sizes and to_add:
        sizes[0] = max(0, sizes[0] + to_add - added)
    for replica_set, size in zip(largest_first, sizes, strict=True):
        why = f"{title(deployment)} was scaled to {replicas} during a rollout; each ReplicaSet takes its share"
        family = scale(family, replica_set, size, why, view, even_if_same=True)
    return family


def _share(replica_set: Object, deployment: Object, to_add: int, added: int) -> int:
    if to_add == added:
        return 0
    fraction = _fraction(replica_set, deployment)
    left = to_add - added
    return min(fraction, left) if to_add > 0 else max(fraction, left)


def _fraction(replica_set: Object, deployment: Object) -> int:
    """How the ReplicaSet's size would change if it kept its share of the Deployment."""
    size = wanted(replica_set)
    if wanted(deployment) == 0:
        return -size
    before = _annotation(replica_set, MAXIMUM) or told(deployment, "replicas")
    if not before:
        return 0
    exact = size * (wanted(deployment) + max_surge(deployment)) / before
    return math.floor(exact + 0.5) - size


# ---- the write


def scale(
    family: Family, replica_set: Object, size: int, why: str, view: View, *, even_if_same: bool = False
) -> Family:
    """Give the ReplicaSet another size, with the event that tells it. `even_if_same`: its annotations may be stale."""
    before = wanted(replica_set)
    if size == before and not even_if_same:
        return family
    annotations = {**(replica_set["metadata"].get("annotations") or {}), **size_annotations(family.deployment)}
    if size == before and annotations == replica_set["metadata"].get("annotations"):
        return family
    changed = view.update(
        "replicasets",
        {
            **replica_set,
            "metadata": {**replica_set["metadata"], "annotations": annotations},
            "spec": {**replica_set["spec"], "replicas": size},
        },
        why=why,
    )
    if size != before:
        direction = "up" if size > before else "down"
        message = f"Scaled {direction} replica set {replica_set['metadata']['name']} from {before} to {size}"
        view.event(family.deployment, "ScalingReplicaSet", message)
    return family.updated(changed)


def size_annotations(deployment: Object) -> dict[str, str]:
    """What a ReplicaSet remembers of the Deployment's size when it was last scaled."""
    replicas = wanted(deployment)
    return {DESIRED: str(replicas), MAXIMUM: str(replicas + max_surge(deployment))}


def _annotation(replica_set: Object, name: str) -> int | None:
    text = (replica_set["metadata"].get("annotations") or {}).get(name)
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None
