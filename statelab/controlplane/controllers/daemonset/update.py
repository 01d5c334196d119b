"""A DaemonSet's rolling update: node by node, within maxUnavailable or maxSurge.

Source: pkg/controller/daemon/update.go.
"""

from __future__ import annotations

from statelab.controlplane.controllers.common.pods import is_ready, is_terminating, ready_since_s
from statelab.controlplane.controllers.common.sizes import scaled
from statelab.controlplane.controllers.daemonset.pods import is_updated
from statelab.controlplane.kinds import Object, Objects


def is_available(pod: Object, daemon_set: Object, now_s: float) -> bool:
    """Ready, and for minReadySeconds."""
    return is_ready(pod) and now_s - ready_since_s(pod) >= daemon_set["spec"].get("minReadySeconds", 0)


def surge_of(daemon_set: Object, desired: int) -> int:
    """How many nodes may have two Pods; 0 without surge."""
    rolling = _rolling(daemon_set)
    return scaled(rolling.get("maxSurge", 0), desired, round_up=True)


def _unavailable_of(daemon_set: Object, desired: int) -> int:
    return scaled(_rolling(daemon_set).get("maxUnavailable", 1), desired, round_up=True)


def _rolling(daemon_set: Object) -> Object:
    strategy = daemon_set["spec"].get("updateStrategy") or {}
    return (strategy.get("rollingUpdate") or {}) if strategy.get("type") == "RollingUpdate" else {"maxUnavailable": 0}


def roll(
    daemon_set: Object, nodes: dict[str, Objects], hash: str, desired: int, now_s: float
) -> tuple[Objects, list[str]]:
    """The Pods to delete now, and the nodes that get a second one. `nodes`: the Pods of each."""
    most_surge, most_unavailable = surge_of(daemon_set, desired), _unavailable_of(daemon_set, desired)
    if most_surge:
        return _surge(daemon_set, nodes, hash, most_surge, now_s)
    return _replace(daemon_set, nodes, hash, max(most_unavailable, 1 if desired else 0), now_s), []


def _replace(daemon_set: Object, nodes: dict[str, Objects], hash: str, most_unavailable: int, now_s: float) -> Objects:
    unavailable = 0
    broken: Objects = []
    candidates: Objects = []
    for pods in nodes.values():
        pair = _pair(pods, hash)
        if pair is None or (pair[0] is None) == (pair[1] is None):
            unavailable += 1  # `manage` deals with this node
        elif pair[0] is not None:
            unavailable += not is_available(pair[0], daemon_set, now_s)
        elif pair[1] is not None and not is_available(pair[1], daemon_set, now_s):
            broken.append(pair[1])  # nothing is lost with it
            unavailable += 1
        elif pair[1] is not None:
            candidates.append(pair[1])
    return broken + candidates[: max(0, most_unavailable - unavailable)]


def _surge(
    daemon_set: Object, nodes: dict[str, Objects], hash: str, most_surge: int, now_s: float
) -> tuple[Objects, list[str]]:
    surging = 0
    done: Objects = []
    broken: list[str] = []
    candidates: list[str] = []
    for name, pods in nodes.items():
        pair = _pair(pods, hash)
        if pair is None:
            surging += 1
            continue
        new, old = pair
        if old is None:
            continue
        if new is None:
            (candidates if is_available(old, daemon_set, now_s) else broken).append(name)
        elif not is_available(new, daemon_set, now_s):
            surging += 1
        else:
            done.append(old)
    return done, broken + candidates[: max(0, most_surge - surging)]


def _pair(pods: Objects, hash: str) -> tuple[Object | None, Object | None] | None:
    """The new and the old Pod of a node; None where there are two of either."""
    living = [pod for pod in pods if not is_terminating(pod)]
    new = [pod for pod in living if is_updated(pod, hash)]
    old = [pod for pod in living if not is_updated(pod, hash)]
    if len(new) > 1 or len(old) > 1:
        return None
    return (new[0] if new else None), (old[0] if old else None)
