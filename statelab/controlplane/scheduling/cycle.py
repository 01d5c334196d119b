"""One scheduling cycle: which node a Pod goes to, or, in upstream's words, why to none.

Pure but for reading the cluster. Source: pkg/scheduler/schedule_one.go (findNodesThatFitPod, prioritizeNodes),
pkg/scheduler/framework/types.go (FitError).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from statelab.controlplane.controllers.volume.index import VolumeIndex
from statelab.controlplane.kinds import Object
from statelab.controlplane.kubelet.env import Reader
from statelab.controlplane.scheduling import fit, nodematch, podaffinity, volumes
from statelab.controlplane.scheduling.nodeinfo import NodeInfo, PodInfo, owner_uid, priority_of, scored_requests
from statelab.controlplane.scheduling.spread import Spread

if TYPE_CHECKING:
    from statelab.controlplane.scheduling.devices import Claimed

NO_NODES = "no nodes available to schedule pods"
NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"
# The dynamic resources plugin is asked after a failure too, and says these when a Pod has nothing of the kind.
_NO_CLAIMS = "no new claims to deallocate"
_NO_STATE = "not found"
_DEVICES = "DynamicResources"


class CycleError(Exception):
    """What a Pod asks for cannot be understood: no node is to blame. Its text is what upstream says."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why one node does not fit. `resolvable`: the removal of other Pods could help."""

    plugin: str
    reasons: list[str]
    resolvable: bool = False
    node: str = ""


@dataclass(slots=True)
class Outcome:
    """Where to put the Pod, or why nowhere and which plugins say so.

    `message` is the whole of it where no node was looked at; else it is made of `rejections` (`told`).
    `claimed`: what was found of the Pod's ResourceClaims, if it has some.
    """

    node: str | None = None
    decision: volumes.Decision = field(default_factory=volumes.Decision)
    message: str = ""
    plugins: set[str] = field(default_factory=set)
    rejections: list[Rejection] = field(default_factory=list)
    claimed: Claimed | None = None


def schedule(
    info: PodInfo,
    nodes: Mapping[str, NodeInfo],
    cluster: Reader,
    index: VolumeIndex,
    nominated: Mapping[str, list[PodInfo]] | None = None,
) -> Outcome:
    """Filter the nodes, score those that are left, take the best. Raises CycleError.

    `nominated`: by node, Pods for which others are being removed there. Room is kept for those that are not less
    important than this one.
    """
    pod = info.pod
    if not nodes:
        return Outcome(message=NO_NODES, plugins={"NodeAffinity"})
    placed: Iterable[Object] = (each.pod for node in nodes.values() for each in node.pods.values())
    claims = volumes.claims_of(pod, cluster, placed, index)
    if claims.problem is not None:
        # PreFilter has failed before the dynamic resources plugin could look at the Pod, and it says so.
        message = f"0/{len(nodes)} nodes are available: {claims.problem}. {_NO_STATE}"
        return Outcome(message=message, plugins={"VolumeBinding"})
    claimed = _claimed(info, cluster)
    if claimed is not None and claimed.problem is not None:
        nowhere = [Rejection(_DEVICES, [NOT_HELPFUL]) for _ in nodes]
        message = f"0/{len(nodes)} nodes are available: {claimed.problem}. {_NO_CLAIMS}, preemption: {told(nowhere)}"
        return Outcome(message=message, plugins={_DEVICES})
    affinity = podaffinity.prepare(pod, nodes, cluster)
    spread = Spread(pod, nodes)
    rejections: list[Rejection] = []
    fitting: dict[str, volumes.Decision] = {}
    for node in nodes.values():
        rejection, decision = _filter(info, node, claims, spread, affinity, cluster, claimed)
        if rejection is None and claimed is not None:
            rejection, decision.devices = _devices(claimed, node.node)
        expected = _expected(info, (nominated or {}).get(node.name, ()))
        if rejection is None and expected:
            fuller = node.copy()
            for each in expected:
                fuller.add(each)
            rejection, _ = fits(info, node.name, {**nodes, node.name: fuller}, cluster, index)
        if rejection is None:
            fitting[node.name] = decision
        else:
            rejections.append(replace(rejection, node=node.name))
    if not fitting:
        return Outcome(plugins={each.plugin for each in rejections}, rejections=rejections, claimed=claimed)
    best = min(fitting, key=lambda name: _rank(info, nodes[name], nodes, fitting[name], cluster))
    return Outcome(best, fitting[best])


def _claimed(info: PodInfo, cluster: Reader) -> Claimed | None:
    """The Pod's ResourceClaims, and resources that may be devices: `example.com/gpu`.

    Few Pods have some: what is needed for them is imported when the first one comes.
    """
    if not info.pod["spec"].get("resourceClaims") and not any("/" in each for each in info.requests):
        return None
    from statelab.controlplane.scheduling import devices

    return devices.claimed(info.pod, info.requests, cluster)


def _devices(claimed: Claimed, node: Object) -> tuple[Rejection | None, list[Object]]:
    from statelab.controlplane.scheduling import devices

    try:
        reason, decided = devices.reason(claimed, node)
    except devices.AllocationError as error:
        raise CycleError(f'running "{_DEVICES}" filter plugin: {error}') from None
    return (Rejection(_DEVICES, [reason]) if reason is not None else None), decided


def _expected(info: PodInfo, nominated: Iterable[PodInfo]) -> list[PodInfo]:
    uid, own = info.pod["metadata"]["uid"], priority_of(info.pod)
    return [each for each in nominated if each.pod["metadata"]["uid"] != uid and priority_of(each.pod) >= own]


def fits(
    info: PodInfo, name: str, nodes: Mapping[str, NodeInfo], cluster: Reader, index: VolumeIndex
) -> tuple[Rejection | None, volumes.Decision]:
    """Whether the Pod fits one node, as these nodes are; else the first plugin that says no."""
    pod = info.pod
    placed = (each.pod for node in nodes.values() for each in node.pods.values())
    claims = volumes.claims_of(pod, cluster, placed, index)
    affinity = podaffinity.prepare(pod, nodes, cluster)
    return _filter(info, nodes[name], claims, Spread(pod, nodes), affinity, cluster, _claimed(info, cluster))


def _filter(
    info: PodInfo,
    node: NodeInfo,
    claims: volumes.Claims,
    spread: Spread,
    affinity: podaffinity.State | None,
    cluster: Reader,
    claimed: Claimed | None,
) -> tuple[Rejection | None, volumes.Decision]:
    """The first plugin that says no, in upstream's order."""
    nothing = volumes.Decision()
    if (mismatch := nodematch.reason(info.pod, node.node)) is not None:
        return Rejection(mismatch[0], [mismatch[1]]), nothing
    if info.ports and fit.ports_conflict(info.ports, [port for ports in node.ports.values() for port in ports]):
        return Rejection("NodePorts", [fit.NO_PORTS], True), nothing
    if short := fit.insufficient(info, node, claimed.extended if claimed is not None else ()):
        return Rejection("NodeResourcesFit", [each for each, _ in short], all(can for _, can in short)), nothing
    if claims.exclusive_in_use:
        return Rejection("VolumeRestrictions", [volumes.IN_USE], True), nothing
    problems, decision = volumes.reasons(claims, node.node, cluster)
    if problems:
        return Rejection("VolumeBinding", problems), nothing
    if (uneven := spread.reason(node)) is not None:
        return Rejection("PodTopologySpread", [uneven[0]], uneven[1]), nothing
    if affinity is not None and (apart := podaffinity.reason(affinity, node)) is not None:
        return Rejection("InterPodAffinity", [apart[0]], apart[1]), nothing
    return None, decision


def _rank(
    info: PodInfo, node: NodeInfo, nodes: Mapping[str, NodeInfo], decision: volumes.Decision, cluster: Reader
) -> tuple[float, ...] | tuple[float | str, ...]:
    """Smaller is better: what the Pod asks for, then away from its siblings, then the emptiest node, then by name.

    Upstream adds weighted scores and breaks ties by chance; here the same things decide one after the other, so that
    the same manifest is spread in the same way each time.
    """
    pod = info.pod
    owner = owner_uid(pod)
    taken = scored_requests(info)
    fullest = max(
        ((node.scored[each] + taken[each]) / node.allocatable[each] for each in taken if node.allocatable.get(each)),
        default=0.0,
    )
    return (
        nodematch.dislike(pod, node.node),
        -nodematch.preference(pod, node.node) - podaffinity.preference(pod, node, nodes, cluster),
        Spread(pod, nodes, "ScheduleAnyway").crowd(node) if pod["spec"].get("topologySpreadConstraints") else 0,
        -len(decision.reserve),
        node.by_owner.get(owner, 0) if owner else 0,
        round(fullest, 6),
        node.name,
    )


def told(rejections: list[Rejection], preemption: str | None = None, claims: str = _NO_CLAIMS) -> str:
    """Why the Pod fits nowhere; `preemption`: what came of looking for Pods to remove, unless some are.

    `claims`: what came of looking for ResourceClaims to deallocate.
    """
    filters = histogram(reason for each in rejections for reason in each.reasons)
    text = f"0/{len(rejections)} nodes are available: {filters}."
    return text if preemption is None else f"{text} {claims}, preemption: {preemption}"


def histogram(reasons: Iterable[str]) -> str:
    """`1 node(s) were unschedulable, 2 Insufficient cpu`."""
    return ", ".join(sorted(f"{count} {reason}" for reason, count in Counter(reasons).items()))
