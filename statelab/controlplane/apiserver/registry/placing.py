"""A Pod put on a node, and a Pod told to leave it: what binding and eviction make of it.

Source: pkg/registry/core/pod/storage (assignPod, eviction.go).
"""

from __future__ import annotations

from statelab.controlplane import errors
from statelab.controlplane.apiserver.registry.copying import fresh
from statelab.controlplane.kinds import KINDS, Object


def bound(pod: Object, node_name: str, uid: str | None, now: str) -> Object:
    """The Pod on its node. Raises ApiError 409 when it has one, is being deleted, or is not the one that was meant."""
    kind, name = KINDS["pods"], pod["metadata"]["name"]
    if uid and pod["metadata"]["uid"] != uid:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {pod['metadata']['uid']}"
        raise errors.conflict(kind, name, why)
    if pod["metadata"].get("deletionTimestamp"):
        raise errors.conflict(kind, name, f"pod {name} is being deleted, cannot be assigned to a host")
    if pod["spec"].get("nodeName"):
        raise errors.conflict(kind, name, f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"')
    if pod["spec"].get("schedulingGates"):
        raise errors.conflict(kind, name, f"pod {name} has non-empty .spec.schedulingGates")
    status = {key: value for key, value in (pod.get("status") or {}).items() if key != "nominatedNodeName"}
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": now}
    scheduled["observedGeneration"] = pod["metadata"].get("generation", 1)
    status["conditions"] = [
        *(each for each in status.get("conditions") or () if each["type"] != "PodScheduled"), scheduled
    ]  # fmt: skip
    return {
        **pod,
        "metadata": dict(pod["metadata"]),
        "spec": {**pod["spec"], "nodeName": node_name},
        "status": status,
    }


def disrupted(
    pod: Object, now: str, reason: str = "EvictionByEvictionAPI", message: str = "Eviction API: evicting"
) -> Object:
    """The Pod with the condition by which a Job or an operator tells an eviction from a failure (KEP-3329)."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    condition = {
        "type": "DisruptionTarget",
        "observedGeneration": metadata.get("generation", 1),
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    }
    conditions = [each for each in status.get("conditions") or () if each["type"] != "DisruptionTarget"]
    return {**pod, "status": {**status, "conditions": [*conditions, condition]}}


def with_ephemeral_containers(old: Object, wanted: Object) -> Object:
    """The Pod with the ephemeral containers of `wanted`, and nothing else of it."""
    spec = {key: value for key, value in old["spec"].items() if key != "ephemeralContainers"}
    if wanted.get("spec", {}).get("ephemeralContainers"):
        spec["ephemeralContainers"] = wanted["spec"]["ephemeralContainers"]
    return {**old, "metadata": dict(old["metadata"]), "spec": fresh(spec)}


def resized(old: Object, wanted: Object) -> Object:
    """The Pod with the resources of `wanted` and those of its containers, their policies too, and nothing else of it.

    Where its containers are others, that is left for validation to tell. Source: pkg/registry/core/pod/strategy.go.
    """
    spec, asked = dict(old["spec"]), wanted.get("spec") or {}
    if asked.get("resources") is not None:
        spec["resources"] = asked["resources"]
    for section in ("containers", "initContainers"):
        new, was = asked.get(section) or [], spec.get(section) or []
        if [each.get("name") for each in new] != [each["name"] for each in was]:
            spec[section] = new
        elif was:
            spec[section] = [_resized(one, other) for one, other in zip(was, new, strict=True)]
    return {**old, "metadata": dict(old["metadata"]), "spec": fresh(spec)}


def _resized(container: Object, wanted: Object) -> Object:
    kept = {key: value for key, value in container.items() if key not in ("resources", "resizePolicy")}
    return {**kept, **{key: wanted[key] for key in ("resources", "resizePolicy") if key in wanted}}
