"""InterPodAffinity: near some Pods, away from others, by the labels of Pods and the topology of nodes.

Source: pkg/scheduler/framework/plugins/interpodaffinity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from statelab.controlplane.kinds import Object
from statelab.controlplane.kubelet.env import Reader
from statelab.controlplane.labels import selector_of
from statelab.controlplane.scheduling.nodeinfo import NodeInfo

NO_AFFINITY = "node(s) didn't match pod affinity rules"
NO_ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
NO_EXISTING = "node(s) didn't satisfy existing pods anti-affinity rules"

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
Place = tuple[str, str]  # topology key, value


def terms(pod: Object, kind: str, when: str = _REQUIRED) -> Sequence[Object]:
    return ((pod["spec"].get("affinity") or {}).get(kind) or {}).get(when) or ()


def matches(term: Object, owner: Object, other: Object, cluster: Reader) -> bool:
    """Whether `owner`'s term means the Pod `other`."""
    namespace = other["metadata"]["namespace"]
    names = term.get("namespaces") or []
    selected = term.get("namespaceSelector")
    if not names and selected is None:
        names = [owner["metadata"]["namespace"]]
    if namespace not in names:
        if selected is None:
            return False
        found = cluster.get("namespaces", namespace) or {"metadata": {}}
        if not selector_of(selected)(found["metadata"].get("labels") or {}):
            return False
    labels = other["metadata"].get("labels") or {}
    if not selector_of(term.get("labelSelector"))(labels):
        return False
    own = owner["metadata"].get("labels") or {}
    same = all(own[key] == labels.get(key) for key in term.get("matchLabelKeys") or () if key in own)
    different = all(own[key] != labels.get(key) for key in term.get("mismatchLabelKeys") or () if key in own)
    return same and different


@dataclass(frozen=True, slots=True)
class State:
    """What is true of the whole cluster for one Pod, found once for all nodes."""

    forbidden: frozenset[Place]  # by the anti-affinity of Pods that run already
    affinity: tuple[tuple[Object, frozenset[Place]], ...]  # each required term, and where it is met
    anti_affinity: frozenset[Place]
    first_of_its_kind: bool  # no Pod matches the affinity yet, and the Pod itself does


def prepare(pod: Object, nodes: Mapping[str, NodeInfo], cluster: Reader) -> State | None:
    """None when the rules say nothing about this Pod."""
    affinity, anti = terms(pod, "podAffinity"), terms(pod, "podAntiAffinity")
    bearers = [(info, node) for node in nodes.values() for info in node.with_affinity.values()]
    if not affinity and not anti and not bearers:
        return None
    existing = [(info, node) for node in nodes.values() for info in node.pods.values()] if affinity or anti else []
    forbidden = {
        place
        for info, node in bearers
        for term in terms(info.pod, "podAntiAffinity")
        for place in _place(term, node)
        if matches(term, info.pod, pod, cluster)
    }
    if not affinity and not anti and not forbidden:
        return None
    met: list[tuple[Object, frozenset[Place]]] = []
    # An existing Pod counts for affinity only if it meets every term (podMatchesAllAffinityTerms).
    friends = [(i, n) for i, n in existing if affinity and all(matches(t, pod, i.pod, cluster) for t in affinity)]
    for term in affinity:
        met.append((term, frozenset(place for _, node in friends for place in _place(term, node))))
    against = {
        place
        for term in anti
        for info, node in existing
        if matches(term, pod, info.pod, cluster)
        for place in _place(term, node)
    }
    alone = not any(places for _, places in met) and all(matches(term, pod, pod, cluster) for term in affinity)
    return State(frozenset(forbidden), tuple(met), frozenset(against), alone)


def _place(term: Object, node: NodeInfo) -> Iterator[Place]:
    key = term["topologyKey"]
    value = (node.node["metadata"].get("labels") or {}).get(key)
    if value is not None:
        yield key, value


def reason(state: State, node: NodeInfo) -> tuple[str, bool] | None:
    """`(reason, resolvable)`, or None."""
    labels = node.node["metadata"].get("labels") or {}
    for term, places in state.affinity:
        key = term["topologyKey"]
        if key not in labels:
            return NO_AFFINITY, False
        if (key, labels[key]) not in places and not state.first_of_its_kind:
            return NO_AFFINITY, False
    own: Iterable[Place] = labels.items()
    if any(place in state.anti_affinity for place in own):
        return NO_ANTI_AFFINITY, True
    if any(place in state.forbidden for place in labels.items()):
        return NO_EXISTING, True
    return None


def preference(pod: Object, node: NodeInfo, nodes: Mapping[str, NodeInfo], cluster: Reader) -> int:
    """The weight of preferred affinity that this node meets, less that of preferred anti-affinity."""
    score = 0
    labels = node.node["metadata"].get("labels") or {}
    for kind, sign in (("podAffinity", 1), ("podAntiAffinity", -1)):
        for each in terms(pod, kind, _PREFERRED):
            term = each["podAffinityTerm"]
            key = term["topologyKey"]
            if key not in labels:
                continue
            near = [n for n in nodes.values() if (n.node["metadata"].get("labels") or {}).get(key) == labels[key]]
            count = sum(matches(term, pod, info.pod, cluster) for n in near for info in n.pods.values())
            score += sign * each["weight"] * count
    return score
