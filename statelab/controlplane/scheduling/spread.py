"""PodTopologySpread: no topology may hold many more of the matching Pods than another.

Source: pkg/scheduler/framework/plugins/podtopologyspread (filtering.go, common.go).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import Selector, selector_of
from statelab.controlplane.scheduling import nodematch
from statelab.controlplane.scheduling.nodeinfo import NodeInfo

NO_LABEL = "node(s) didn't match pod topology spread constraints (missing required label)"
NO_SPREAD = "node(s) didn't match pod topology spread constraints"


class Spread:
    """The hard constraints of one Pod, with the matching Pods of every topology counted once."""

    def __init__(self, pod: Object, nodes: Mapping[str, NodeInfo], when: str = "DoNotSchedule") -> None:
        self._pod = pod
        found = pod["spec"].get("topologySpreadConstraints") or ()
        self._constraints = [each for each in found if each.get("whenUnsatisfiable", "DoNotSchedule") == when]
        self._selectors = [_selector(pod, each) for each in self._constraints]
        self._counts: list[dict[str, int]] = []
        keys = [each["topologyKey"] for each in self._constraints]
        for constraint, selector in zip(self._constraints, self._selectors, strict=True):
            counts: dict[str, int] = {}
            for node in nodes.values():
                labels = node.node["metadata"].get("labels") or {}
                if all(key in labels for key in keys) and _counts_node(pod, constraint, node):
                    value = labels[constraint["topologyKey"]]
                    counts[value] = counts.get(value, 0) + _matching(pod, selector, node)
            self._counts.append(counts)

    def __bool__(self) -> bool:
        return bool(self._constraints)

    def reason(self, node: NodeInfo) -> tuple[str, bool] | None:
        """`(reason, resolvable)`, or None."""
        labels = node.node["metadata"].get("labels") or {}
        for constraint, selector, counts in zip(self._constraints, self._selectors, self._counts, strict=True):
            value = labels.get(constraint["topologyKey"])
            if value is None:
                return NO_LABEL, False
            least = min(counts.values(), default=0)
            if len(counts) < constraint.get("minDomains", 1):
                least = 0
            own = int(selector(self._pod["metadata"].get("labels") or {}))
            if counts.get(value, 0) + own - least > constraint["maxSkew"]:
                return NO_SPREAD, True
        return None

    def crowd(self, node: NodeInfo) -> int:
        """How many matching Pods share this node's topologies: fewer is better."""
        labels = node.node["metadata"].get("labels") or {}
        pairs = zip(self._constraints, self._counts, strict=True)
        return sum(counts.get(labels.get(constraint["topologyKey"], ""), 0) for constraint, counts in pairs)


def _selector(pod: Object, constraint: Object) -> Selector:
    selector = constraint.get("labelSelector")
    own = pod["metadata"].get("labels") or {}
    keys: Sequence[str] = [key for key in constraint.get("matchLabelKeys") or () if key in own]
    matches = selector_of(selector)
    return (lambda labels: matches(labels) and all(labels.get(key) == own[key] for key in keys)) if keys else matches


def _counts_node(pod: Object, constraint: Object, node: NodeInfo) -> bool:
    if constraint.get("nodeAffinityPolicy", "Honor") == "Honor" and not nodematch.matches_node(pod, node.node):
        return False
    taints = constraint.get("nodeTaintsPolicy", "Ignore") == "Honor"
    return not taints or nodematch.untolerated(pod, node.node, ("NoSchedule", "NoExecute")) is None


def _matching(pod: Object, selector: Selector, node: NodeInfo) -> int:
    namespace = pod["metadata"]["namespace"]
    return sum(
        info.pod["metadata"]["namespace"] == namespace
        and not info.pod["metadata"].get("deletionTimestamp")
        and selector(info.pod["metadata"].get("labels") or {})
        for info in node.pods.values()
    )
