"""PodDisruptionBudgets and ResourceQuotas.

Source: pkg/apis/policy/validation/validation.go, pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from statelab.controlplane.apiserver.validation import defaults_pods, meta, names, resources
from statelab.controlplane.apiserver.validation.apps import at_most_100_percent, int_or_percent
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    go_struct,
    invalid,
    non_negative,
    not_supported,
    required,
)
from statelab.controlplane.apiserver.validation.rules import Rules, spec_changed
from statelab.controlplane.kinds import Object

_EVICTION = ("AlwaysAllow", "IfHealthyBudget")
_SCOPES = frozenset(
    {
        "Terminating",
        "NotTerminating",
        "BestEffort",
        "NotBestEffort",
        "PriorityClass",
        "CrossNamespacePodAffinity",
        "VolumeAttributesClass",
    }
)
_POD_RESOURCES = frozenset(
    {"pods", "cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory",
     "ephemeral-storage", "requests.ephemeral-storage", "limits.ephemeral-storage"}
)  # fmt: skip
_CLAIM_RESOURCES = frozenset({"persistentvolumeclaims", "requests.storage"})
_EXISTS_ONLY = frozenset({"BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity"})
_NOT_TOGETHER = ({"BestEffort", "NotBestEffort"}, {"Terminating", "NotTerminating"})


def create_budget(obj: Object) -> Errors:
    errors = _budget_spec(obj["spec"] if obj.get("spec") else {})
    return errors or meta.metadata(obj["metadata"], namespaced=True, check_name=names.path_segment)


def update_budget(obj: Object, old: Object) -> Errors:
    return _budget_spec(obj.get("spec") or {}) + meta.metadata_update(obj["metadata"], old["metadata"])


def _budget_spec(spec: Fields) -> Errors:
    errors: Errors = []
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        shown = go_struct("io.k8s.api.policy.v1.PodDisruptionBudgetSpec", spec)
        errors.append(invalid("spec", shown, "minAvailable and maxUnavailable cannot be both set"))
    for key in ("minAvailable", "maxUnavailable"):
        if spec.get(key) is not None:
            errors += int_or_percent(spec[key], f"spec.{key}") + at_most_100_percent(spec[key], f"spec.{key}")
    errors += meta.label_selector(spec.get("selector"), "spec.selector")
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in _EVICTION:
        errors.append(not_supported("spec.unhealthyPodEvictionPolicy", policy, _EVICTION))
    return errors


def update_budget_status(obj: Object, old: Object) -> Errors:
    errors: Errors = []
    status = obj.get("status") or {}
    for key in ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"):
        errors += non_negative(status.get(key), f"status.{key}")
    return errors + meta.metadata_update(obj["metadata"], old["metadata"])


# ---- ResourceQuota


def create_quota(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain)
    return errors + _quota_spec(obj.get("spec") or {}) + _quota_status(obj.get("status") or {})


def update_quota(obj: Object, old: Object) -> Errors:
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    errors = meta.metadata_update(obj["metadata"], old["metadata"]) + _quota_spec(spec)
    if set(spec.get("scopes") or ()) != set(before.get("scopes") or ()):
        errors.append(invalid("spec.scopes", spec.get("scopes"), "field is immutable"))
    return errors


def update_quota_status(obj: Object, old: Object) -> Errors:
    return meta.metadata_update(obj["metadata"], old["metadata"]) + _quota_status(obj.get("status") or {})


def _amounts(found: Fields | None, field: str) -> Errors:
    errors: Errors = []
    for name in sorted(found or ()):
        here = f"{field}[{name}]"
        errors += resources.quota_name(name, here) + resources.amount(name, (found or {})[name], here)
    return errors


def _quota_status(status: Fields) -> Errors:
    return _amounts(status.get("hard"), "status.hard") + _amounts(status.get("used"), "status.used")


def _quota_spec(spec: Fields) -> Errors:
    errors = _amounts(spec.get("hard"), "spec.hard")
    scopes: list[str] = spec.get("scopes") or []
    hard = sorted(spec.get("hard") or ())
    for scope in scopes:
        if scope not in _SCOPES:
            errors.append(invalid("spec.scopes", scopes, "unsupported scope"))
        for name in hard:
            if name in resources.STANDARD_QUOTA and not _fits(scope, name):
                errors.append(invalid("spec.scopes", scopes, "unsupported scope applied to resource"))
    errors += _conflicts(set(scopes), scopes, "spec.scopes")
    if spec.get("scopeSelector") is not None:
        errors += _scope_selector(spec, hard)
    return errors


def _conflicts(found: set[str], shown: list[str], field: str) -> Errors:
    return [invalid(field, shown or None, "conflicting scopes") for pair in _NOT_TOGETHER if pair <= found]


def _fits(scope: str, name: str) -> bool:
    if scope == "BestEffort":
        return name == "pods"
    if scope in ("Terminating", "NotTerminating", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity"):
        return name in _POD_RESOURCES
    if scope == "VolumeAttributesClass":
        return name in _CLAIM_RESOURCES
    return True


def _scope_selector(spec: Fields, hard: list[str]) -> Errors:
    errors: Errors = []
    field = "spec.scopeSelector.matchExpressions"
    found: set[str] = set()
    for one in spec["scopeSelector"].get("matchExpressions") or ():
        scope, operator, values = one.get("scopeName", ""), one.get("operator", ""), one.get("values") or []
        if scope not in _SCOPES:
            errors.append(invalid(f"{field}.scopeName", scope, "unsupported scope"))
        for name in hard:
            if name in resources.STANDARD_QUOTA and not _fits(scope, name):
                shown = go_struct("io.k8s.api.core.v1.ScopeSelector", spec["scopeSelector"])
                errors.append(invalid(field, shown, "unsupported scope applied to resource"))
        if scope in _EXISTS_ONLY and operator != "Exists":
            why = (
                "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
                "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or "
                "ResourceQuotaScopeCrossNamespacePodAffinity"
            )
            errors.append(invalid(f"{field}.operator", operator, why))
        if operator in ("In", "NotIn"):
            if not values:
                why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
                errors.append(required(f"{field}.values", why))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
                errors.append(invalid(f"{field}.values", values, why))
        else:
            errors.append(invalid(f"{field}.operator", operator, "not a valid selector operator"))
        found.add(scope)
    return errors + _conflicts(found, spec.get("scopes") or [], field)


def _quota_defaults(obj: Object) -> None:
    for part in (obj.get("spec") or {}, obj.get("status") or {}):
        for key in ("hard", "used"):
            if key in part:
                defaults_pods.resource_list(part[key])


RULES = {
    "poddisruptionbudgets": Rules(create_budget, update_budget, update_budget_status, counts=spec_changed),
    "resourcequotas": Rules(create_quota, update_quota, update_quota_status, defaults=_quota_defaults),
}
