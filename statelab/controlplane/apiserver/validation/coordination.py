"""Leases. Source: pkg/apis/coordination/validation/validation.go."""

from __future__ import annotations

from statelab.controlplane.apiserver.validation import meta, names
from statelab.controlplane.apiserver.validation.fields import Errors, Fields, invalid, not_supported, required
from statelab.controlplane.apiserver.validation.rules import Rules
from statelab.controlplane.kinds import Object

_STRATEGIES = ("OldestEmulationVersion",)


def create(obj: Object) -> Errors:
    return meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain) + _spec(obj.get("spec") or {})


def update(obj: Object, old: Object) -> Errors:
    return meta.metadata_update(obj["metadata"], old["metadata"]) + _spec(obj.get("spec") or {})


def _spec(spec: Fields) -> Errors:
    errors: Errors = []
    lasts_s, changes, strategy = (spec.get(key) for key in ("leaseDurationSeconds", "leaseTransitions", "strategy"))
    if lasts_s is not None and lasts_s <= 0:
        errors.append(invalid("spec.leaseDurationSeconds", lasts_s, "must be greater than 0"))
    if changes is not None and changes < 0:
        errors.append(invalid("spec.leaseTransitions", changes, "must be greater than or equal to 0"))
    if strategy is not None:
        domain, slash, _ = strategy.partition("/")
        if not slash and strategy not in _STRATEGIES:
            errors.append(not_supported("spec.strategy", strategy, _STRATEGIES))
        elif slash:
            errors += names.check_subdomain(domain, "spec.strategy")
    if spec.get("preferredHolder") and not strategy:
        errors.append(required("spec.strategy", "strategy is required if preferredHolder is set"))
    if spec.get("holderIdentity") == "":
        errors.append(invalid("spec.holderIdentity", "", "must not be empty"))
    return errors


RULES = {"leases": Rules(create, update)}
