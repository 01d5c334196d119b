"""What would happen if an object were deleted: read off the objects, in the words of the controllers that would act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import selector_of

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


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _claims_of(pod: Object) -> list[str]:
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    return [each["persistentVolumeClaim"]["claimName"] for each in volumes if each.get("persistentVolumeClaim")]


def _pod(pod: Object, objects: Objects_) -> str:
    name, owner = pod["metadata"]["name"], _controller(pod)
    if "deletionTimestamp" in pod["metadata"]:
        return f"{name} is being deleted already; deleting it again changes nothing."
    grace_s = (pod.get("spec") or {}).get("terminationGracePeriodSeconds", 30)
    first = f"Its containers get TERM, and KILL after {grace_s} s if they have not ended."
    if owner is None:
        lost = " Nothing owns it, so nothing brings it back."
        return first + lost + _claims_stay(pod)
    owning = _find(objects, f"{owner['kind'].lower()}s", owner["name"])
    if owning is None or "deletionTimestamp" in owning["metadata"]:
        return f"{first} {owner['kind']} {owner['name']}, which owns it, is going too: it does not come back."
    if owner["kind"] == "StatefulSet":
        revision = _next_revision(pod, owning)
        kept = "the same name, the same DNS name"
        claims = _claims_of(pod)
        kept += f" and the same claim {_listed(claims)}" if claims else "; it has no claim, so its files are lost"
        return (
            f"{first} Only then does StatefulSet {owner['name']} create {name} again: {kept}; "
            f"another uid and most likely another IP address.{revision}"
        )
    if owner["kind"] == "ReplicaSet":
        return (
            f"{first} ReplicaSet {owner['name']} creates another Pod at once, without waiting for it to be gone: "
            "another name, another IP address, and none of its files." + _claims_stay(pod)
        )
    return f"{first} Its {owner['kind']} {owner['name']} decides what comes next."


def _claims_stay(pod: Object) -> str:
    claims = _claims_of(pod)
    return f" Claim {_listed(claims)} stays, and so do the data." if claims else ""


def _next_revision(pod: Object, owner: Object) -> str:
    status, labels = owner.get("status") or {}, pod["metadata"].get("labels") or {}
    mine, update = labels.get("controller-revision-hash"), status.get("updateRevision")
    if not update or mine == update:
        return ""
    strategy = (owner.get("spec") or {}).get("updateStrategy") or {}
    partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
    ordinal = pod["metadata"]["name"].rpartition("-")[2]
    if strategy.get("type") == "OnDelete" or (ordinal.isdigit() and int(ordinal) >= partition):
        return f" It would come back in the new revision, {update[-10:]}."
    return f" Its ordinal is below the partition {partition}, so it would come back in its old revision."


def _claim(claim: Object, objects: Objects_) -> str:
    name = claim["metadata"]["name"]
    users = [pod["metadata"]["name"] for pod in objects.get("pods", ()) if name in _claims_of(pod)]
    held = (
        f"{_listed(users)} mounts it: it stays Terminating (kubernetes.io/pvc-protection) until that Pod is gone. "
        if users
        else ""
    )
    volume = (claim.get("spec") or {}).get("volumeName")
    if not volume:
        return f"{held}It is bound to no volume: no data are lost."
    then = "Then" if held else "At once"
    return (
        f"{held}{then} its volume {volume} is released, and with the reclaim policy Delete "
        "(the default of a StorageClass) the volume and its data are deleted. Nothing brings them back."
    )


def _service(service: Object, objects: Objects_) -> str:
    name, spec = service["metadata"]["name"], service.get("spec") or {}
    governed = [
        each["metadata"]["name"]
        for each in objects.get("statefulsets", ())
        if (each.get("spec") or {}).get("serviceName") == name
    ]
    lost = f"The name {name} is no longer known to DNS (NXDOMAIN). The Pods behind it go on running."
    if governed:
        lost += f" It governs StatefulSet {_listed(governed)}: the names of its Pods vanish with it."
    if spec.get("clusterIP") not in (None, "", "None"):
        lost += f" Its address {spec['clusterIP']} is given up; a new Service would get another."
    return lost


def _node(node: Object, objects: Objects_) -> str:
    name = node["metadata"]["name"]
    pods = [
        pod["metadata"]["name"] for pod in objects.get("pods", ()) if (pod.get("spec") or {}).get("nodeName") == name
    ]
    told = (
        f"The Node object goes; Pods bound to it ({_listed(pods)}) are deleted by pod garbage collection. "
        if pods
        else ""
    )
    return told + "A running kubelet registers its node again."


def _stateful_set(owner: Object, objects: Objects_) -> str:
    pods = [pod["metadata"]["name"] for pod in _owned(owner, "pods", objects)]
    policy = (owner.get("spec") or {}).get("persistentVolumeClaimRetentionPolicy") or {}
    keeps = policy.get("whenDeleted", "Retain") == "Retain"
    templates = (owner.get("spec") or {}).get("volumeClaimTemplates") or ()
    claims = ""
    if templates:
        claims = (
            " Its claims stay, with the data (whenDeleted: Retain)."
            if keeps
            else " Its claims are deleted with it (whenDeleted: Delete), and the data with them."
        )
    return (
        f"Its Pods ({_listed(pods) or 'none now'}) are deleted by the garbage collector, all at once and in no order; "
        f"to stop them in order, scale to 0 first. With --cascade=orphan they stay.{claims}"
    )


def _deployment(owner: Object, objects: Objects_) -> str:
    sets = [each["metadata"]["name"] for each in _owned(owner, "replicasets", objects)]
    told = f"Its ReplicaSets ({_listed(sets) or 'none now'}) are deleted, and their Pods with them."
    return told + " --cascade=orphan keeps both."


def _replica_set(owner: Object, objects: Objects_) -> str:
    above = _controller(owner)
    if above is not None:
        return f"Its Pods go with it; {above['kind']} {above['name']} makes a new one, if it still wants it."
    chosen = selector_of((owner.get("spec") or {}).get("selector"))
    pods = [p["metadata"]["name"] for p in objects.get("pods", ()) if chosen(p["metadata"].get("labels") or {})]
    return f"Its Pods ({_listed(pods) or 'none now'}) are deleted with it. --cascade=orphan keeps them."
