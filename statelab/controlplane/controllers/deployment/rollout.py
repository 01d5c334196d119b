"""The two strategies of a Deployment, one step at a time, and how much of the past is kept.

Source: pkg/controller/deployment/rolling.go, recreate.go, sync.go (cleanupDeployment).
"""

from __future__ import annotations

from statelab.controlplane.controllers.common.owners import title
from statelab.controlplane.controllers.common.pods import is_finished, is_terminating
from statelab.controlplane.controllers.common.sizes import counted
from statelab.controlplane.controllers.deployment.family import (
    Family,
    told,
    told_in_all,
    wanted,
    wanted_in_all,
)
from statelab.controlplane.controllers.deployment.revision import revision_of, with_new_replica_set
from statelab.controlplane.controllers.deployment.scaling import max_unavailable, new_replicas, scale
from statelab.controlplane.controllers.deployment.status import is_complete
from statelab.controlplane.view import View

_KEEP_ALL = 2**31 - 1

# ---- rolling update


def roll(family: Family, view: View) -> Family:
    """Add new Pods as far as maxSurge allows; if none can be added, remove old ones as maxUnavailable allows."""
    family = with_new_replica_set(family, view)
    for step in (_grow_new, _shrink_old):
        moved = step(family, view)
        if moved is not family:
            return moved
    if is_complete(family.deployment, family.deployment.get("status", {})):
        forget_old_replica_sets(family, view)
    return family


def _grow_new(family: Family, view: View) -> Family:
    deployment, new = family.deployment, family.new
    assert new is not None
    replicas = wanted(deployment)
    if wanted(new) == replicas:
        return family
    if wanted(new) > replicas:
        return scale(family, new, replicas, f"{title(deployment)} wants {replicas}", view)
    size = new_replicas(deployment, wanted_in_all(family.all), wanted(new))
    room = counted(size - wanted(new), "more Pod")
    why = f"{title(deployment)} rolls out a new template, and maxSurge leaves room for {room} of it"
    return scale(family, new, size, why, view)


def _shrink_old(family: Family, view: View) -> Family:
    """What may go: all Pods beyond the minimum, less the new ones that are not available yet.

    Old Pods that are not available go first, whatever their age: they are no loss, and a broken rollout that is
    followed by a good one must not hold it up.
    """
    deployment, new = family.deployment, family.new
    assert new is not None
    if not family.active_old:
        return family
    minimum = wanted(deployment) - max_unavailable(deployment)
    new_unavailable = wanted(new) - told(new, "availableReplicas")
    may_go = wanted_in_all(family.all) - minimum - new_unavailable
    if may_go <= 0:
        return family
    family = _clean_up_unhealthy(family, may_go, view)
    return _scale_down_available(family, minimum, view)


def _clean_up_unhealthy(family: Family, may_go: int, view: View) -> Family:
    for old in family.active_old:
        unavailable = wanted(old) - told(old, "availableReplicas")
        going = min(may_go, unavailable)
        if going <= 0:
            continue
        may_go -= going
        why = f"{counted(unavailable, 'old Pod')} not available: these go first, for that makes nothing worse"
        family = scale(family, old, wanted(old) - going, why, view)
    return family


def _scale_down_available(family: Family, minimum: int, view: View) -> Family:
    may_go = told_in_all(family.all, "availableReplicas") - minimum
    for old in family.active_old:
        going = min(may_go, wanted(old))
        if going <= 0:
            break
        why = (
            f"{counted(minimum + may_go, 'Pod')} available and {minimum} must be, so {counted(going, 'old Pod')} may go"
        )
        may_go -= going
        family = scale(family, old, wanted(old) - going, why, view)
    return family


# ---- recreate


def recreate(family: Family, view: View) -> Family:
    """First every old Pod away, then the new ones: there is never a Pod of each."""
    if family.active_old:
        for old in family.active_old:
            family = scale(family, old, 0, "strategy Recreate removes all old Pods before it makes new ones", view)
        return family
    if _old_pods_run(family, view):
        return family
    family = with_new_replica_set(family, view)
    assert family.new is not None
    replicas = wanted(family.deployment)
    family = scale(family, family.new, replicas, "no old Pod runs any more", view)
    if is_complete(family.deployment, family.deployment.get("status", {})):
        forget_old_replica_sets(family, view)
    return family


def _old_pods_run(family: Family, view: View) -> bool:
    if told_in_all(family.old, "replicas"):
        return True
    return any(not is_finished(pod) for old in family.old for pod in view.owned("pods", old))


# ---- history


def forget_old_replica_sets(family: Family, view: View) -> None:
    """Delete the oldest ReplicaSets beyond revisionHistoryLimit; only those that have no Pods."""
    limit = family.deployment["spec"].get("revisionHistoryLimit", _KEEP_ALL)
    if limit == _KEEP_ALL:
        return
    alive = sorted((each for each in family.old if not is_terminating(each)), key=revision_of)
    for old in alive[: max(0, len(alive) - limit)]:
        has_pods = told(old, "replicas") or wanted(old)
        is_observed = old["metadata"]["generation"] <= old.get("status", {}).get("observedGeneration", 0)
        if not has_pods and is_observed:
            why = f"{title(family.deployment)} keeps {limit} old ReplicaSets (revisionHistoryLimit)"
            view.delete("replicasets", old, why=why)
