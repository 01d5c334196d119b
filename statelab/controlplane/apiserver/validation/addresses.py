"""IPAddresses and the ServiceCIDR. Source: pkg/apis/networking/validation/validation.go.

There is one ServiceCIDR, the one that every cluster has: its range stays (apiserver/serving/addresses.py).
"""

from __future__ import annotations

from statelab.controlplane.apiserver.validation import difference, meta, names
from statelab.controlplane.apiserver.validation.fields import (
    IMMUTABLE,
    Errors,
    Fields,
    forbidden,
    go_struct,
    invalid,
    required,
)
from statelab.controlplane.apiserver.validation.rules import Rules
from statelab.controlplane.kinds import Object

_PARENT = "io.k8s.api.networking.v1.ParentReference"
_ONE_FAMILY = "StateLab does not simulate Services of two families; kind is the place to try them"


def _name(text: str) -> tuple[str, ...]:
    found = names.parse_ip(text)
    if found is None:
        return (f'ParseAddr("{text}"): unable to parse IP',)
    return () if str(found) == text else ("must be a canonical format IP address",)


def create_address(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=False, check_name=_name)
    parent: Fields | None = (obj.get("spec") or {}).get("parentRef")
    return errors + (_parent(parent, "spec.parentRef") if parent is not None else [required("spec.parentRef")])


def _parent(parent: Fields, field: str) -> Errors:
    errors = names.check_subdomain(parent["group"], f"{field}.group") if parent.get("group") else []
    for key, is_needed in (("resource", True), ("name", True), ("namespace", False)):
        text = parent.get(key, "")
        if not text and is_needed:
            errors.append(required(f"{field}.{key}"))
        errors += [invalid(f"{field}.{key}", text, words) for words in names.path_segment(text)]
    return errors


def update_address(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    new, before = ((each.get("spec") or {}).get("parentRef") for each in (obj, old))
    if difference.differ(new, before):
        errors.append(invalid("spec.parentRef", go_struct(_PARENT, new), IMMUTABLE))
    return errors


def create_range(obj: Object) -> Errors:
    return meta.metadata(obj["metadata"], namespaced=False, check_name=names.subdomain)


def update_range(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    new, before = ((each.get("spec") or {}).get("cidrs") or [] for each in (obj, old))
    if len(new) == 2 and new[:1] == before:
        return [*errors, forbidden("spec.cidrs", _ONE_FAMILY)]
    if len(new) != len(before):
        return [*errors, invalid("spec.cidrs", new, IMMUTABLE)]
    pairs = enumerate(zip(new, before, strict=True))
    return errors + [invalid(f"spec.cidrs[{at}]", one, IMMUTABLE) for at, (one, other) in pairs if one != other]


def range_status(obj: Object) -> Fields:
    """What the server says of it."""
    return {"conditions": [{
        "type": "Ready", "status": "True", "reason": "", "message": "Kubernetes Service CIDR is ready",
        "lastTransitionTime": obj["metadata"].get("creationTimestamp", ""),
    }]}  # fmt: skip


def default_range(cidr: str) -> Object:
    """The ServiceCIDR of a new cluster (pkg/controlplane/controller/defaultservicecidr)."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": "kubernetes", "finalizers": ["networking.k8s.io/service-cidr-finalizer"]},
        "spec": {"cidrs": [cidr]},
    }


RULES = {
    "ipaddresses": Rules(create_address, update_address),
    "servicecidrs": Rules(create_range, update_range, new_status=range_status),
}
