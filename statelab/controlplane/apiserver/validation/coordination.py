"""Leases. Source: pkg/apis/coordination/validation/validation.go, pkg/registry/coordination/lease/strategy.go."""

from __future__ import annotations

from statelab.controlplane.apiserver.validation import meta, names
from statelab.controlplane.apiserver.validation.fields import Errors, Fields, invalid
from statelab.controlplane.apiserver.validation.rules import Rules
from statelab.controlplane.kinds import Object


def prepare(obj: Object, _old: Object | None) -> None:
    """Coordinated leader election is off in a cluster without its gate: what belongs to it vanishes."""
    for key in ("strategy", "preferredHolder"):
        (obj.get("spec") or {}).pop(key, None)


def create(obj: Object) -> Errors:
    return meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain) + _spec(obj.get("spec") or {})


def update(obj: Object, old: Object) -> Errors:
    return meta.metadata_update(obj["metadata"], old["metadata"]) + _spec(obj.get("spec") or {})


def _spec(spec: Fields) -> Errors:
    errors: Errors = []
    lasts_s, changes = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if lasts_s is not None and lasts_s <= 0:
        errors.append(invalid("spec.leaseDurationSeconds", lasts_s, "must be greater than 0"))
    if changes is not None and changes < 0:
        errors.append(invalid("spec.leaseTransitions", changes, "must be greater than or equal to 0"))
    if spec.get("holderIdentity") == "":
        errors.append(invalid("spec.holderIdentity", "", "must not be empty"))
    return errors


RULES = {"leases": Rules(create, update, prepare=prepare)}
