"""Who owns which Pod: workloads with a slot for each Pod they want, as a scene shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from statelab.controlplane.kinds import Object
from statelab.notebook.pictures.shown import PodShown, SlotShown, WorkloadShown

Objects = Mapping[str, Sequence[Object]]
Versions = Mapping[str, int]


def workloads(objects: Objects, pods: Sequence[PodShown], versions: Versions) -> tuple[WorkloadShown, ...]:
    """StatefulSets, Deployments with their ReplicaSets, CronJobs with their Jobs, and what stands alone."""
    by_owner: dict[str, list[PodShown]] = {}
    for pod in pods:
        by_owner.setdefault(pod.owner, []).append(pod)
    found = [_stateful_set(obj, by_owner) for obj in _by_name(objects, "statefulsets")]
    for parent, plural, part in (("deployments", "replicasets", _replica_set), ("cronjobs", "jobs", _job)):
        parts = [(_owner(obj), part(obj, by_owner, versions)) for obj in _by_name(objects, plural)]
        kind = parent[:-1]
        parents = [f"{kind}/{obj['metadata']['name']}" for obj in _by_name(objects, parent)]
        for obj in _by_name(objects, parent):
            mine = [each for owner, each in parts if owner == f"{kind}/{obj['metadata']['name']}"]
            found.append(_parent(obj, "Deployment" if kind == "deployment" else "CronJob", mine))
        found += [each for owner, each in parts if owner not in parents]
    return tuple(found)


def _by_name(objects: Objects, plural: str) -> list[Object]:
    return sorted(objects.get(plural, ()), key=lambda obj: str(obj["metadata"]["name"]))


def _owner(obj: Object) -> str:
    for each in obj["metadata"].get("ownerReferences") or ():
        if each.get("controller"):
            return f"{each['kind'].lower()}/{each['name']}"
    return ""


def _slot(pod: PodShown, label: str) -> SlotShown:
    return SlotShown(label, pod.name, pod.state, pod.version)


def _stateful_set(obj: Object, by_owner: Mapping[str, Sequence[PodShown]]) -> WorkloadShown:
    name, spec = str(obj["metadata"]["name"]), obj.get("spec") or {}
    first = int((spec.get("ordinals") or {}).get("start", 0))
    pods = {_ordinal(pod): pod for pod in by_owner.get(f"statefulset/{name}", ())}
    wanted = range(first, first + int(spec.get("replicas", 1)))
    slots = [
        _slot(pods[each], str(each)) if each in pods else SlotShown(str(each))
        for each in sorted({*wanted, *(each for each in pods if each >= 0)})
    ]
    return _made(obj, "StatefulSet", slots)


def _ordinal(pod: PodShown) -> int:
    last = pod.ordinal or pod.name.rpartition("-")[2]
    return int(last) if last.isdigit() else -1


def _replica_set(obj: Object, by_owner: Mapping[str, Sequence[PodShown]], versions: Versions) -> WorkloadShown:
    name = str(obj["metadata"]["name"])
    slots = [_slot(pod, pod.name[-5:]) for pod in by_owner.get(f"replicaset/{name}", ())]
    wanted = int((obj.get("spec") or {}).get("replicas", 1))
    slots += [SlotShown("")] * (wanted - len(slots))
    return _made(obj, "ReplicaSet", slots, version=versions.get(name, 0))


def _job(obj: Object, by_owner: Mapping[str, Sequence[PodShown]], _versions: Versions) -> WorkloadShown:
    name, spec, status = str(obj["metadata"]["name"]), obj.get("spec") or {}, obj.get("status") or {}
    slots = [_slot(pod, pod.name[-5:]) for pod in by_owner.get(f"job/{name}", ())]
    wanted = int(spec.get("completions") or spec.get("parallelism") or 1)
    return WorkloadShown("Job", name, int(status.get("succeeded") or 0), wanted, slots=tuple(slots))


def _parent(obj: Object, kind: str, parts: Sequence[WorkloadShown]) -> WorkloadShown:
    """A Deployment or CronJob; of its parts those that have or want a Pod, the newest first, and at least that."""
    ordered = sorted(parts, key=lambda each: -each.version)
    alive = [each for each in ordered if each.slots] or ordered[:1]
    if kind == "CronJob":
        active = len((obj.get("status") or {}).get("active") or ())
        return WorkloadShown(kind, str(obj["metadata"]["name"]), active, active, parts=tuple(alive[-3:]))
    return _made(obj, kind, (), parts=alive)


def _made(
    obj: Object, kind: str, slots: Sequence[SlotShown], *, version: int = 0, parts: Sequence[WorkloadShown] = ()
) -> WorkloadShown:
    status, spec = obj.get("status") or {}, obj.get("spec") or {}
    containers = ((spec.get("template") or {}).get("spec") or {}).get("containers") or [{}]
    return WorkloadShown(
        kind,
        str(obj["metadata"]["name"]),
        int(status.get("readyReplicas") or 0),
        int(spec.get("replicas", 1)),
        str(containers[0].get("image", "")),
        str(containers[0].get("name", "")),
        version,
        tuple(slots),
        tuple(parts),
    )
