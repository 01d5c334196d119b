"""What a Pod starts as, and what its registry keeps of it. Source: pkg/registry/core/pod/strategy.go, pkg/api/pod."""

from __future__ import annotations

from statelab.controlplane.apiserver.validation import defaults_pods, pods, pods_update, warnings
from statelab.controlplane.apiserver.validation.fields import Fields
from statelab.controlplane.apiserver.validation.rules import Rules, keep, spec_changed
from statelab.controlplane.kinds import Object
from statelab.controlplane.qos import qos_class

_CONDITION_GATED = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "SchedulingGated",
    "message": "Scheduling is blocked due to non-empty scheduling gates",
}


def _new_status(pod: Object) -> Fields:
    status: Fields = {"phase": "Pending", "qosClass": qos_class(pod["spec"])}
    if pod["spec"].get("schedulingGates"):
        now = pod["metadata"].get("creationTimestamp")
        status["conditions"] = [{**_CONDITION_GATED, "lastProbeTime": None, "lastTransitionTime": now}]
    return status


def _prepare(pod: Object, old: Object | None) -> None:
    """matchLabelKeys and mismatchLabelKeys become part of the selector, with the Pod's own label values."""
    if old is not None:
        return
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


def _prepare_status(pod: Object, old: Object) -> None:
    keep("ownerReferences", pod["metadata"], old["metadata"])
    keep("deletionTimestamp", pod["metadata"], old["metadata"])
    status = pod.setdefault("status", {})
    if not status.get("qosClass") and (old.get("status") or {}).get("qosClass"):
        status["qosClass"] = old["status"]["qosClass"]


RULES = {
    "pods": Rules(
        pods.create,
        pods_update.update,
        pods_update.update_status,
        defaults=defaults_pods.pod,
        prepare=_prepare,
        prepare_status=_prepare_status,
        counts=spec_changed,
        new_status=_new_status,
        warnings=warnings.pod,
    ),
}
