"""VolumeBinding and VolumeRestrictions: can the Pod's claims be had on this node.

Source: pkg/scheduler/framework/plugins/{volumebinding,volumerestrictions}.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from statelab.controlplane.controllers.volume.index import VolumeIndex
from statelab.controlplane.controllers.volume.matching import best_volume, is_reachable
from statelab.controlplane.kinds import Object
from statelab.controlplane.kubelet.env import Reader
from statelab.controlplane.kubelet.volumes import claim_name, claim_names
from statelab.controlplane.scheduling.nodematch import matches_term

SELECTED_NODE = "volume.kubernetes.io/selected-node"
NO_AFFINITY = "node(s) didn't match PersistentVolume's node affinity"
NO_VOLUME = "node(s) didn't find available persistent volumes to bind"
NO_PV = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
IN_USE = "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
UNBOUND = "pod has unbound immediate PersistentVolumeClaims"
_BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
_NO_PROVISIONER = "kubernetes.io/no-provisioner"


@dataclass(slots=True)
class Claims:
    """A Pod's claims, as found at the start of a scheduling cycle. `problem`: why it fits no node at all."""

    bound: list[Object] = field(default_factory=list)
    waiting: list[Object] = field(default_factory=list)  # for this, their first consumer
    free: list[Object] = field(default_factory=list)  # volumes that one of those might have
    problem: str | None = None
    exclusive_in_use: bool = False


@dataclass(slots=True)
class Decision:
    """What has to be written before the Pod may be bound to the node.

    Volumes to reserve, claims to provision, and ResourceClaims as they will be (devices.py).
    """

    reserve: list[tuple[Object, Object]] = field(default_factory=list)  # volume, claim
    provision: list[Object] = field(default_factory=list)
    devices: list[Object] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.reserve or self.provision or self.devices)


def claims_of(pod: Object, cluster: Reader, placed: Iterable[Object], index: VolumeIndex) -> Claims:
    """Read the Pod's claims. `placed`: the Pods that are on nodes."""
    found = Claims()
    namespace = pod["metadata"]["namespace"]
    immediate = False
    for spec in pod["spec"].get("volumes") or ():
        name = claim_name(pod, spec)
        if name is None:
            continue
        claim = cluster.get("persistentvolumeclaims", f"{namespace}/{name}")
        problem = _problem(name, claim, "ephemeral" in spec)
        if problem is not None:
            found.problem = problem
            return found
        assert claim is not None
        if _is_bound(claim):
            found.bound.append(claim)
        elif _waits_for_consumer(claim, cluster) and not claim["spec"].get("volumeName"):
            found.waiting.append(claim)
        else:
            immediate = True
    if immediate:
        found.problem = UNBOUND
    if found.waiting:
        found.free = index.candidates(found.waiting, cluster.get)
    exclusive = {
        each["metadata"]["name"]
        for each in [*found.bound, *found.waiting]
        if "ReadWriteOncePod" in (each["spec"].get("accessModes") or ())
    }
    found.exclusive_in_use = bool(exclusive) and any(
        other["metadata"]["namespace"] == namespace and exclusive & set(claim_names(other)) for other in placed
    )
    return found


def _problem(name: str, claim: Object | None, ephemeral: bool) -> str | None:
    if claim is None:
        if ephemeral:
            return f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"'
        return f'persistentvolumeclaim "{name}" not found'
    if (claim.get("status") or {}).get("phase") == "Lost":
        volume = claim["spec"].get("volumeName", "")
        return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{volume}"'
    if claim["metadata"].get("deletionTimestamp"):
        return f'persistentvolumeclaim "{name}" is being deleted'
    return None


def _is_bound(claim: Object) -> bool:
    annotations = claim["metadata"].get("annotations") or {}
    return bool(claim["spec"].get("volumeName")) and _BIND_COMPLETED in annotations


def _class_of(claim: Object, cluster: Reader) -> Object | None:
    name = claim["spec"].get("storageClassName")
    return cluster.get("storageclasses", name) if name else None


def _waits_for_consumer(claim: Object, cluster: Reader) -> bool:
    storage_class = _class_of(claim, cluster)
    return storage_class is not None and storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"


def reasons(claims: Claims, node: Object, cluster: Reader) -> tuple[list[str], Decision]:
    """Why the claims cannot be had on this node, and, where they can, what must be written first."""
    found: list[str] = []
    decision = Decision()
    for claim in claims.bound:
        volume = cluster.get("persistentvolumes", claim["spec"]["volumeName"])
        if volume is None:
            found.append(NO_PV)
        elif not is_reachable(volume, node):
            found.append(NO_AFFINITY)
    taken: set[str] = set()
    for claim in claims.waiting:
        selected = (claim["metadata"].get("annotations") or {}).get(SELECTED_NODE)
        if selected and selected != node["metadata"]["name"]:
            found.append(NO_VOLUME)
            continue
        free = [each for each in claims.free if each["metadata"]["name"] not in taken]
        volume = None if selected else best_volume(claim, free, node=node)
        if volume is not None:
            taken.add(volume["metadata"]["name"])
            decision.reserve.append((volume, claim))
        elif _can_provision(claim, node, cluster):
            decision.provision.append(claim)
        else:
            found.append(NO_VOLUME)
    return list(dict.fromkeys(found)), decision


def _can_provision(claim: Object, node: Object, cluster: Reader) -> bool:
    storage_class = _class_of(claim, cluster)
    if storage_class is None or storage_class.get("provisioner") in (None, "", _NO_PROVISIONER):
        return False
    topologies = storage_class.get("allowedTopologies")
    if not topologies:
        return True
    terms = [
        {
            "matchExpressions": [
                {"key": e["key"], "operator": "In", "values": e["values"]} for e in t["matchLabelExpressions"]
            ]
        }
        for t in topologies
    ]
    return any(matches_term(term, node) for term in terms)


def are_bound(pod: Object, decision: Decision, node_name: str, cluster: Reader) -> bool | str:
    """True when every claim is bound; a string says why waiting is over; False: go on waiting."""
    for claim in [*(each for _, each in decision.reserve), *decision.provision]:
        metadata = claim["metadata"]
        now = cluster.get("persistentvolumeclaims", f"{metadata['namespace']}/{metadata['name']}")
        if now is None or now["metadata"]["uid"] != metadata["uid"]:
            return f'persistentvolumeclaim "{metadata["name"]}" not found'
        if _is_bound(now):
            volume = cluster.get("persistentvolumes", now["spec"]["volumeName"])
            if volume is not None:
                continue
        elif claim in decision.provision:
            selected = (now["metadata"].get("annotations") or {}).get(SELECTED_NODE)
            if selected != node_name:
                return f'provisioning failed for PVC "{metadata["name"]}"'
        return False
    return True
