"""What each kind keeps, drops and counts when it is created or changed: the registries' strategies.

A client cannot write a status with the spec, nor a spec with the status; a changed spec gets a new generation; fields
of features that are off are dropped in silence. Source: pkg/registry/*/strategy.go, apiserver/pkg/registry/rest.
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane import qos
from statelab.controlplane.apiserver.registry import defaults
from statelab.controlplane.kinds import Object

Fields = dict[str, Any]

# Kinds whose metadata.generation counts changes of the spec.
_COUNTED = frozenset({"deployments", "replicasets", "statefulsets", "poddisruptionbudgets", "pods"})
_STATUS_STARTS_EMPTY = frozenset(
    {"deployments", "replicasets", "statefulsets", "poddisruptionbudgets", "resourcequotas", "services"}
)
_HAS_STATUS = _STATUS_STARTS_EMPTY | {"pods", "persistentvolumeclaims", "persistentvolumes", "namespaces", "nodes"}
_CONDITION_GATED = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "SchedulingGated",
    "message": "Scheduling is blocked due to non-empty scheduling gates",
}


def prepare_create(plural: str, obj: Object) -> None:
    """Make a new object what the server lets it start as. `metadata.creationTimestamp`, if set, counts as now."""
    metadata = obj["metadata"]
    metadata.pop("generation", None)
    if plural in _COUNTED or plural == "endpointslices":
        metadata["generation"] = 1
    if plural in _STATUS_STARTS_EMPTY:
        obj["status"] = defaults.empty_status(plural)
    _drop_disabled(plural, obj, None)
    if plural == "pods":
        _new_pod(obj)
    elif plural == "persistentvolumeclaims":
        obj["status"] = {"phase": "Pending"}
        _same_data_source(obj["spec"])
    elif plural == "persistentvolumes":
        obj["status"] = {"phase": "Pending"}
        now = metadata.get("creationTimestamp")
        if now:
            obj["status"]["lastPhaseTransitionTime"] = now
    elif plural == "namespaces":
        obj["status"] = {"phase": "Active"}
        finalizers = obj.setdefault("spec", {}).setdefault("finalizers", [])
        if "kubernetes" not in finalizers:
            finalizers.append("kubernetes")


def prepare_update(plural: str, obj: Object, old: Object) -> None:
    """Take from the old object what a change may not touch, and count the change."""
    if plural in _HAS_STATUS and plural != "nodes":
        _copy("status", obj, old)
    elif plural == "nodes" and "status" in old:
        obj["status"] = old["status"]
    if plural == "namespaces":
        spec = obj.setdefault("spec", {})
        spec.pop("finalizers", None)
        if "finalizers" in old.get("spec", {}):
            spec["finalizers"] = list(old["spec"]["finalizers"])
    elif plural == "secrets" and not obj.get("type"):
        obj["type"] = old.get("type", "Opaque")
    elif plural == "persistentvolumeclaims":
        _same_data_source(obj["spec"])
    _drop_disabled(plural, obj, old)
    _count(plural, obj, old)


def prepare_status_update(plural: str, obj: Object, old: Object, *, now: str = "") -> None:
    """Keep everything but the status (and harmless metadata). `now` stamps a PersistentVolume's change of phase."""
    for key in ("spec",):
        _copy(key, obj, old)
    metadata, before = obj["metadata"], old["metadata"]
    _copy("generation", metadata, before)
    if plural in ("deployments", "replicasets"):
        _copy("labels", metadata, before)
    if plural == "pods":
        _copy("ownerReferences", metadata, before)
        _copy("deletionTimestamp", metadata, before)
        status = obj.setdefault("status", {})
        if not status.get("qosClass") and (old.get("status") or {}).get("qosClass"):
            status["qosClass"] = old["status"]["qosClass"]
    if plural == "persistentvolumes" and now:
        status, last = obj.get("status") or {}, old.get("status") or {}
        key = "lastPhaseTransitionTime"
        if status.get("phase") != last.get("phase") and status.get(key) == last.get(key):
            status[key] = now


def _copy(key: str, obj: Fields, old: Fields) -> None:
    if key in old:
        obj[key] = old[key]
    else:
        obj.pop(key, None)


def _count(plural: str, obj: Object, old: Object) -> None:
    """A new generation for what its controller must look at again."""
    metadata, before = obj["metadata"], old["metadata"]
    generation = before.get("generation")
    changed = False
    if plural in _COUNTED:
        changed = obj.get("spec") != old.get("spec")
        if plural == "deployments":
            changed = changed or (metadata.get("annotations") or {}) != (before.get("annotations") or {})
    elif plural == "endpointslices":
        left, right = ({key: value for key, value in one.items() if key != "metadata"} for one in (obj, old))
        changed = left != right or metadata.get("labels") != before.get("labels")
    if plural in _COUNTED or plural == "endpointslices":
        metadata["generation"] = (generation or 0) + 1 if changed else generation or 0
        if not metadata["generation"]:
            metadata.pop("generation")
    elif generation is not None:
        metadata["generation"] = generation
    else:
        metadata.pop("generation", None)


def _drop_disabled(plural: str, obj: Object, old: Object | None) -> None:
    """Fields of feature gates that are off in 1.36 vanish without a word, unless the old object had them already."""
    if plural == "statefulsets":
        rolling = ((obj.get("spec") or {}).get("updateStrategy") or {}).get("rollingUpdate")
        before = (((old or {}).get("spec") or {}).get("updateStrategy") or {}).get("rollingUpdate") or {}
        if rolling and "maxUnavailable" in rolling and "maxUnavailable" not in before:
            del rolling["maxUnavailable"]


def _new_pod(pod: Object) -> None:
    status: Fields = {"phase": "Pending", "qosClass": qos.qos_class(pod["spec"])}
    if pod["spec"].get("schedulingGates"):
        now = pod["metadata"].get("creationTimestamp")
        status["conditions"] = [{**_CONDITION_GATED, "lastProbeTime": None, "lastTransitionTime": now}]
    pod["status"] = status
    _selectors_of_label_keys(pod)


def _selectors_of_label_keys(pod: Object) -> None:
    """matchLabelKeys and mismatchLabelKeys become part of the selector, with the Pod's own label values."""
    labels = pod["metadata"].get("labels") or {}
    affinity = pod["spec"].get("affinity") or {}
    terms: list[Fields] = []
    for key in ("podAffinity", "podAntiAffinity"):
        one = affinity.get(key) or {}
        terms += one.get("requiredDuringSchedulingIgnoredDuringExecution") or []
        preferred = one.get("preferredDuringSchedulingIgnoredDuringExecution") or []
        terms += [each["podAffinityTerm"] for each in preferred if "podAffinityTerm" in each]
    for term in terms:
        _add_label_keys(term, labels, "matchLabelKeys", "In")
        _add_label_keys(term, labels, "mismatchLabelKeys", "NotIn")
    for constraint in pod["spec"].get("topologySpreadConstraints") or ():
        _add_label_keys(constraint, labels, "matchLabelKeys", "In")


def _add_label_keys(term: Fields, labels: Fields, field: str, operator: str) -> None:
    if term.get("labelSelector") is None:
        return
    for key in term.get(field) or ():
        if key in labels:
            requirement = {"key": key, "operator": operator, "values": [labels[key]]}
            term["labelSelector"].setdefault("matchExpressions", []).append(requirement)


def _same_data_source(spec: Fields) -> None:
    """dataSource and dataSourceRef say the same where only one is given. Source: pkg/api/persistentvolumeclaim."""
    if "dataSource" in spec and "dataSourceRef" not in spec:
        spec["dataSourceRef"] = dict(spec["dataSource"])
    elif "dataSourceRef" in spec and "dataSource" not in spec and not spec["dataSourceRef"].get("namespace"):
        source = {key: value for key, value in spec["dataSourceRef"].items() if key != "namespace"}
        group, kind = source.get("apiGroup") or "", source.get("kind")
        if (group, kind) in (("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot")):
            spec["dataSource"] = source
