"""Namespaces and Nodes. Source: pkg/apis/core/validation/validation.go."""

from __future__ import annotations

from statelab.controlplane.apiserver.validation import defaults_pods, meta, names, resources, scheduling
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    duplicate,
    forbidden,
    go_struct,
    invalid,
)
from statelab.controlplane.apiserver.validation.rules import Rules
from statelab.controlplane.kinds import Object

_CORE = "io.k8s.api.core.v1."


def create_namespace(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=False, check_name=names.label)
    for finalizer in (obj.get("spec") or {}).get("finalizers") or ():
        errors += names.check_qualified(finalizer, "spec.finalizers")
        errors += meta.kube_finalizer(finalizer, "spec.finalizers")
    return errors


def update_namespace(obj: Object, old: Object) -> Errors:
    return meta.metadata_update(obj["metadata"], old["metadata"])


def update_namespace_status(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    phase = (obj.get("status") or {}).get("phase", "")
    deleting = bool(obj["metadata"].get("deletionTimestamp"))
    wanted, when = ("Terminating", "is not empty") if deleting else ("Active", "is empty")
    if phase != wanted:
        errors.append(invalid("status.Phase", phase, f"may only be '{wanted}' if `deletionTimestamp` {when}"))
    return errors


# ---- Node


def create_node(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=False, check_name=names.subdomain)
    spec = obj.get("spec") or {}
    errors += scheduling.taints(spec.get("taints") or [], "metadata.taints") + _amounts(obj)
    ranges = _pod_ranges(spec)
    for index, text in enumerate(ranges):
        errors += names.check_cidr(text, f"spec.podCIDRs[{index}]")
    if len(ranges) > 1 and (len({":" in text for text in ranges}) < 2 or len(ranges) > 2):
        errors.append(invalid("spec.podCIDRs", ranges, "may specify no more than one CIDR for each IP family"))
    return errors


def _pod_ranges(spec: Fields) -> list[str]:
    """The ranges of addresses: an old client knows but one, and what it says counts."""
    ranges, first = spec.get("podCIDRs") or [], spec.get("podCIDR")
    return [first] if first and (not ranges or ranges[0] != first) else ranges


def _amounts(obj: Object) -> Errors:
    errors: Errors = []
    status = obj.get("status") or {}
    for key in ("capacity", "allocatable"):
        for name, text in sorted((status.get(key) or {}).items()):
            errors += resources.amount(name, text, f"status.{key}.{name}")
    return errors


def update_node(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"]) + _amounts(obj)
    seen: set[tuple[str, str]] = set()
    for index, address in enumerate((obj.get("status") or {}).get("addresses") or ()):
        pair = (address.get("type", ""), address.get("address", ""))
        if pair in seen:
            errors.append(duplicate(f"status.addresses[{index}]", go_struct(f"{_CORE}NodeAddress", address)))
        seen.add(pair)
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    if before.get("podCIDRs") and _pod_ranges(spec) != before["podCIDRs"]:
        why = 'node updates may not change podCIDR except from "" to valid'
        errors.append(forbidden("spec.podCIDRs", why))
    if before.get("providerID") and spec.get("providerID") != before["providerID"]:
        why = 'node updates may not change providerID except from "" to valid'
        errors.append(forbidden("spec.providerID", why))
    errors += scheduling.taints(spec.get("taints") or [], "metadata.taints")
    if spec.get("externalID", "") != before.get("externalID", ""):
        errors.append(forbidden("spec.externalID", "may not be updated"))
    return errors


def _namespace_defaults(obj: Object) -> None:
    name = obj["metadata"].get("name")
    if name:
        labels = obj["metadata"].setdefault("labels", {})
        labels["kubernetes.io/metadata.name"] = name
    obj.setdefault("spec", {})
    obj.setdefault("status", {}).setdefault("phase", "Active")


def _node_defaults(obj: Object) -> None:
    status = obj.setdefault("status", {})
    for key in ("capacity", "allocatable"):
        if key in status:
            defaults_pods.resource_list(status[key])
    if status.get("capacity") and not status.get("allocatable"):
        status["allocatable"] = dict(status["capacity"])


def _prepare_namespace(obj: Object, old: Object | None) -> None:
    """Finalizers of the spec are the cluster's: there is one from the start, and only `finalize` takes it away."""
    spec = obj.setdefault("spec", {})
    if old is None:
        finalizers = spec.setdefault("finalizers", [])
        if "kubernetes" not in finalizers:
            finalizers.append("kubernetes")
        return
    spec.pop("finalizers", None)
    if "finalizers" in old.get("spec", {}):
        spec["finalizers"] = list(old["spec"]["finalizers"])


def _active(_namespace: Object) -> Fields:
    return {"phase": "Active"}


def _as_given(node: Object) -> Fields | None:
    """A kubelet registers itself with a status."""
    return node.get("status")


RULES = {
    "namespaces": Rules(
        create_namespace,
        update_namespace,
        update_namespace_status,
        defaults=_namespace_defaults,
        prepare=_prepare_namespace,
        new_status=_active,
    ),
    "nodes": Rules(create_node, update_node, update_node, defaults=_node_defaults, new_status=_as_given),
}
