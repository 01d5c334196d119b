"""Preemption: which Pods of lower priority must go, and from which node, so that a Pod that fits nowhere finds room.

Source: pkg/scheduler/framework/preemption/preemption.go, plugins/defaultpreemption/default_preemption.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from statelab.controlplane.controllers.volume.index import VolumeIndex
from statelab.controlplane.kinds import Object
from statelab.controlplane.kubelet.env import Reader
from statelab.controlplane.labels import selector_of
from statelab.controlplane.scheduling.cycle import NO_VICTIMS, NOT_HELPFUL, Outcome, fits, histogram
from statelab.controlplane.scheduling.nodeinfo import NodeInfo, PodInfo, priority_of

_MOST_NODES = 100  # as many as upstream looks at in a small cluster
_TERMINATING = "not eligible due to a terminating pod on the nominated node."
_NEVER = "not eligible due to preemptionPolicy=Never."


@dataclass(frozen=True, slots=True)
class Victims:
    """Who must leave a node: the most important first; `violations`: how many of them a disruption budget protects."""

    node: str
    pods: list[PodInfo]
    violations: int


@dataclass(slots=True)
class Plan:
    """What preemption comes to: victims, or in upstream's words why there are none."""

    victims: Victims | None = None
    message: str = ""
    left_out: dict[str, str] = field(default_factory=dict)  # node → why nothing is gained there


def plan(info: PodInfo, outcome: Outcome, nodes: Mapping[str, NodeInfo], cluster: Reader, index: VolumeIndex) -> Plan:
    """Look for a node where the removal of less important Pods makes room. Nothing is changed."""
    pod = info.pod
    if pod["spec"].get("preemptionPolicy") == "Never":
        return Plan(message=_NEVER)
    if _waits_for_victims(pod, nodes):
        return Plan(message=_TERMINATING)
    found = Plan()
    candidates: list[Victims] = []
    for rejection in outcome.rejections:
        name = rejection.node
        if not rejection.resolvable:
            found.left_out[name] = NOT_HELPFUL
        elif len(candidates) < _MOST_NODES:
            victims = _victims_on(name, info, nodes, cluster, index)
            if isinstance(victims, str):
                found.left_out[name] = victims
            else:
                candidates.append(victims)
    if candidates:
        found.victims = min(candidates, key=_cost)
    total = len(outcome.rejections)
    found.message = f"0/{total} nodes are available: {histogram(found.left_out.values())}."
    return found


def _waits_for_victims(pod: Object, nodes: Mapping[str, NodeInfo]) -> bool:
    """Victims are on their way out already: more need not go."""
    node = nodes.get((pod.get("status") or {}).get("nominatedNodeName", ""))
    if node is None:
        return False
    own = priority_of(pod)
    return any(
        priority_of(each.pod) < own and "deletionTimestamp" in each.pod["metadata"] for each in node.pods.values()
    )


def _victims_on(
    name: str, info: PodInfo, nodes: Mapping[str, NodeInfo], cluster: Reader, index: VolumeIndex
) -> Victims | str:
    """The fewest and least important Pods that must leave this node; or why even all of them would not be enough."""
    own = priority_of(info.pod)
    lower = [each for each in nodes[name].pods.values() if priority_of(each.pod) < own]
    if not lower:
        return NO_VICTIMS
    node = nodes[name].copy()
    for each in lower:
        node.remove(each.pod["metadata"]["uid"])
    with_fewer = {**nodes, name: node}
    rejection, _ = fits(info, name, with_fewer, cluster, index)
    if rejection is not None:
        return ", ".join(rejection.reasons)
    protected = _protection(cluster)
    lower.sort(key=_importance)
    guarded = [each for each in lower if protected(each.pod)]
    victims: list[PodInfo] = []
    violations = 0
    for each in [*guarded, *(one for one in lower if one not in guarded)]:
        node.add(each)  # it may stay if the Pod still fits beside it
        if fits(info, name, with_fewer, cluster, index)[0] is not None:
            node.remove(each.pod["metadata"]["uid"])
            victims.append(each)
            violations += each in guarded
    victims.sort(key=_importance)
    return Victims(name, victims, violations)


def _protection(cluster: Reader) -> Callable[[Object], bool]:
    """Whether a Pod's going would break its disruption budget; each takes one of what is allowed."""
    budgets = [
        (each["metadata"]["namespace"], selector_of(each["spec"].get("selector")), each.get("status") or {})
        for each in cluster.list("poddisruptionbudgets")
        if each["spec"].get("selector")
    ]
    allowed = [status.get("disruptionsAllowed", 0) for _, _, status in budgets]

    def protected(pod: Object) -> bool:
        metadata, broken = pod["metadata"], False
        for number, (namespace, matches, status) in enumerate(budgets):
            if namespace != metadata["namespace"] or not matches(metadata.get("labels") or {}):
                continue
            if metadata["name"] in (status.get("disruptedPods") or {}):
                continue
            allowed[number] -= 1
            broken = broken or allowed[number] < 0
        return broken

    return protected


def _importance(info: PodInfo) -> tuple[int, str, str]:
    """Smaller is more important: a higher priority, then an earlier start."""
    status = info.pod.get("status") or {}
    return -priority_of(info.pod), status.get("startTime", "9"), info.pod["metadata"]["uid"]


def _cost(victims: Victims) -> tuple[int, int, int, int, tuple[int, ...], str]:
    """Smaller is better: budgets broken, the highest priority lost, their sum, how many, then who ran the shortest."""
    priorities = [priority_of(each.pod) for each in victims.pods]
    highest = max(priorities, default=-(2**31))
    starts = [
        (each.pod.get("status") or {}).get("startTime", "") for each in victims.pods if priority_of(each.pod) == highest
    ]
    latest = tuple(-ord(letter) for letter in min(starts, default=""))
    total = sum(each + 2**31 + 1 for each in priorities)
    return victims.violations, highest, total, len(priorities), latest, victims.node
