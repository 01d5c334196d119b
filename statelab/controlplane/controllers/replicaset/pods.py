"""What the ReplicaSet controller needs to know of each Pod, read once for each version of the Pod.

A pass looks at all Pods of a set; of a thousand, only a few have changed since the last one.
"""

from __future__ import annotations

from dataclasses import dataclass

from statelab.controlplane.controllers.common.memory import Memory
from statelab.controlplane.controllers.common.owners import labels_of
from statelab.controlplane.controllers.common.pods import (
    is_active,
    is_finished,
    is_ready,
    is_terminating,
    ready_since_s,
)
from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import Selector, label_selector_of, matching, selector_of
from statelab.controlplane.view import View


@dataclass(frozen=True, slots=True)
class Replica:
    """One Pod that a ReplicaSet controls. `is_replica`: it counts, being active and selected."""

    pod: Object
    is_replica: bool
    is_stray: bool  # active, but the selector matches it no longer
    is_going: bool  # being deleted, and not finished yet
    is_fully_labeled: bool
    is_ready: bool
    ready_since_s: float


@dataclass(slots=True)
class _Known:
    generation: int
    selector: Selector
    fully_labeled: Selector
    replicas: dict[str, Replica]


def _nothing(_view: View) -> dict[str, _Known]:
    return {}


_known = Memory(_nothing)


def replicas_of(replica_set: Object, view: View) -> list[Replica]:
    """All Pods that the set controls."""
    uid, generation = replica_set["metadata"]["uid"], replica_set["metadata"]["generation"]
    known = _known(view).get(uid)
    if known is None or known.generation != generation:
        spec = replica_set["spec"]
        template_labels = (spec["template"].get("metadata") or {}).get("labels")
        known = _Known(generation, selector_of(label_selector_of(replica_set)), matching(template_labels), {})
        _known(view)[uid] = known
    before, now, found = known.replicas, {}, []
    for pod in view.owned("pods", replica_set):
        pod_uid = pod["metadata"]["uid"]
        replica = before.get(pod_uid)
        if replica is None or replica.pod is not pod:
            replica = _read(pod, known)
        now[pod_uid] = replica
        found.append(replica)
    known.replicas = now
    return found


def forget(replica_set: Object, view: View) -> None:
    _known(view).pop(replica_set["metadata"]["uid"], None)


def _read(pod: Object, known: _Known) -> Replica:
    labels = labels_of(pod)
    selected, active, ready = known.selector(labels), is_active(pod), is_ready(pod)
    return Replica(
        pod=pod,
        is_replica=active and selected,
        is_stray=active and not selected,
        is_going=selected and is_terminating(pod) and not is_finished(pod),
        is_fully_labeled=known.fully_labeled(labels),
        is_ready=ready,
        ready_since_s=ready_since_s(pod) if ready else 0.0,
    )
