"""What would happen if an object were deleted: read off the objects, in the words of the controllers that would act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import selector_of
from statelab.notebook.strings import say

Objects_ = Mapping[str, Sequence[Object]]


def if_deleted(key: str, objects: Objects_) -> str:
    """What deleting "pod/web-1" would bring about. `objects`: the namespace's, by plural. "" for what is not known."""
    kind, _, name = key.partition("/")
    rules = {
        "pod": ("pods", _pod),
        "persistentvolumeclaim": ("persistentvolumeclaims", _claim),
        "service": ("services", _service),
        "node": ("nodes", _node),
        "statefulset": ("statefulsets", _stateful_set),
        "deployment": ("deployments", _deployment),
        "replicaset": ("replicasets", _replica_set),
    }
    if kind not in rules:
        return ""
    plural, rule = rules[kind]
    obj = _find(objects, plural, name)
    return rule(obj, objects) if obj is not None else ""


def _find(objects: Objects_, plural: str, name: str) -> Object | None:
    return next((each for each in objects.get(plural, ()) if each["metadata"]["name"] == name), None)


def _controller(obj: Object) -> Object | None:
    references = obj["metadata"].get("ownerReferences") or ()
    return next((each for each in references if each.get("controller")), None)


def _owned(owner: Object, plural: str, objects: Objects_) -> list[Object]:
    uid = owner["metadata"].get("uid")
    return [each for each in objects.get(plural, ()) if (_controller(each) or {}).get("uid") == uid]


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: the first five, and how many more."""
    named = ", ".join(names[:5])
    return say("and_others", names=named, count=str(len(names) - 5)) if len(names) > 5 else named


def _claims_of(pod: Object) -> list[str]:
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    return [each["persistentVolumeClaim"]["claimName"] for each in volumes if each.get("persistentVolumeClaim")]


def _pod(pod: Object, objects: Objects_) -> str:
    name, owner, claims = pod["metadata"]["name"], _controller(pod), _claims_of(pod)
    if "deletionTimestamp" in pod["metadata"]:
        return say("del_already", name=name)
    seconds = (pod.get("spec") or {}).get("terminationGracePeriodSeconds", 30)
    told = [say("del_pod", seconds=str(seconds))]
    stays = [say("del_claim_stays", claims=listed(claims))] if claims else []
    if owner is None:
        return " ".join([*told, say("del_pod_alone"), *stays])
    kind = owner["kind"]
    owning = _find(objects, f"{kind.lower()}s", owner["name"])
    if owning is None or "deletionTimestamp" in owning["metadata"]:
        told.append(say("del_pod_owner_goes", kind=kind, owner=owner["name"]))
    elif kind == "StatefulSet":
        kept = say("del_kept_claims", claims=listed(claims)) if claims else say("del_kept_nothing")
        told += [say("del_pod_of_set", owner=owner["name"], name=name, kept=kept), *_next_revision(pod, owning)]
    elif kind == "ReplicaSet":
        told += [say("del_pod_of_replicas", owner=owner["name"]), *stays]
    else:
        told.append(say("del_pod_of_other", kind=kind, owner=owner["name"]))
    return " ".join(told)


def _next_revision(pod: Object, owner: Object) -> list[str]:
    status, labels = owner.get("status") or {}, pod["metadata"].get("labels") or {}
    mine, update = labels.get("controller-revision-hash"), status.get("updateRevision")
    if not update or mine == update:
        return []
    strategy = (owner.get("spec") or {}).get("updateStrategy") or {}
    partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
    ordinal = pod["metadata"]["name"].rpartition("-")[2]
    if strategy.get("type") == "OnDelete" or (ordinal.isdigit() and int(ordinal) >= partition):
        return [say("del_new_revision", revision=update[-10:])]
    return [say("del_old_revision", partition=str(partition))]


def _claim(claim: Object, objects: Objects_) -> str:
    name = claim["metadata"]["name"]
    users = [pod["metadata"]["name"] for pod in objects.get("pods", ()) if name in _claims_of(pod)]
    told = [say("del_claim_held", pods=listed(users))] if users else []
    volume = (claim.get("spec") or {}).get("volumeName")
    if not volume:
        return " ".join([*told, say("del_claim_unbound")])
    return " ".join([*told, say("del_claim_then" if users else "del_claim_at_once", volume=volume)])


def _service(service: Object, objects: Objects_) -> str:
    name, spec = service["metadata"]["name"], service.get("spec") or {}
    governed = [
        each["metadata"]["name"]
        for each in objects.get("statefulsets", ())
        if (each.get("spec") or {}).get("serviceName") == name
    ]
    told = [say("del_service", name=name)]
    if governed:
        told.append(say("del_service_governs", sets=listed(governed)))
    if spec.get("clusterIP") not in (None, "", "None"):
        told.append(say("del_service_address", address=spec["clusterIP"]))
    return " ".join(told)


def _node(node: Object, objects: Objects_) -> str:
    name = node["metadata"]["name"]
    pods = [
        pod["metadata"]["name"] for pod in objects.get("pods", ()) if (pod.get("spec") or {}).get("nodeName") == name
    ]
    return " ".join([*([say("del_node_pods", pods=listed(pods))] if pods else []), say("del_node")])


def _stateful_set(owner: Object, objects: Objects_) -> str:
    pods = [pod["metadata"]["name"] for pod in _owned(owner, "pods", objects)]
    policy = (owner.get("spec") or {}).get("persistentVolumeClaimRetentionPolicy") or {}
    told = [say("del_set", pods=listed(pods) or say("none_now"))]
    if (owner.get("spec") or {}).get("volumeClaimTemplates"):
        told.append(say("del_set_retain" if policy.get("whenDeleted", "Retain") == "Retain" else "del_set_delete"))
    return " ".join(told)


def _deployment(owner: Object, objects: Objects_) -> str:
    sets = [each["metadata"]["name"] for each in _owned(owner, "replicasets", objects)]
    return say("del_deployment", sets=listed(sets) or say("none_now"))


def _replica_set(owner: Object, objects: Objects_) -> str:
    above = _controller(owner)
    if above is not None:
        return say("del_replicas_owned", kind=above["kind"], owner=above["name"])
    chosen = selector_of((owner.get("spec") or {}).get("selector"))
    pods = [p["metadata"]["name"] for p in objects.get("pods", ()) if chosen(p["metadata"].get("labels") or {})]
    return say("del_replicas", pods=listed(pods) or say("none_now"))
