"""PriorityClasses. Source: pkg/apis/scheduling/validation/validation.go, pkg/apis/scheduling/helpers.go."""

from __future__ import annotations

from statelab.controlplane.apiserver.validation import meta, names
from statelab.controlplane.apiserver.validation.fields import Errors, forbidden, immutable, not_supported
from statelab.controlplane.apiserver.validation.rules import Rules
from statelab.controlplane.kinds import Object

PREEMPT = "PreemptLowerPriority"
_POLICIES = (PREEMPT, "Never")
_HIGHEST = 1_000_000_000
# The two that every cluster has: value and description.
SYSTEM = {
    "system-cluster-critical": (
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
    "system-node-critical": (
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
}


def system_classes() -> list[Object]:
    """The PriorityClasses of a fresh cluster."""
    return [
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": name},
            "value": value,
            "description": description,
        }
        for name, (value, description) in SYSTEM.items()
    ]


def create(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=False, check_name=names.subdomain)
    name, value = obj["metadata"].get("name", ""), obj.get("value", 0)
    if name.startswith("system-"):
        problem = _not_a_system_class(name, value, is_default=bool(obj.get("globalDefault")))
        if problem:
            reserved = "priority class names with 'system-' prefix are reserved for system use only"
            errors.append(forbidden("metadata.name", f"{reserved}. error: {problem}"))
    elif value > _HIGHEST:
        errors.append(forbidden("value", f"maximum allowed value of a user defined priority is {_HIGHEST}"))
    policy = obj.get("preemptionPolicy")
    if policy is not None and policy not in _POLICIES:
        errors.append(not_supported("preemptionPolicy", policy, _POLICIES))
    return errors


def _not_a_system_class(name: str, value: int, *, is_default: bool) -> str:
    if name not in SYSTEM:
        return f"{name} is not a known system priority class"
    if value != SYSTEM[name][0]:
        return f"value of {name} PriorityClass must be {SYSTEM[name][0]}"
    return f"globalDefault of {name} PriorityClass must be false" if is_default else ""


def update(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    if obj.get("value", 0) != old.get("value", 0):
        errors.append(forbidden("value", "may not be changed in an update."))
    return errors + immutable(obj.get("preemptionPolicy"), old.get("preemptionPolicy"), "preemptionPolicy")


def _defaults(obj: Object) -> None:
    obj.setdefault("preemptionPolicy", PREEMPT)


def _never(_obj: Object, _old: Object) -> bool:
    return False


RULES = {"priorityclasses": Rules(create, update, defaults=_defaults, counts=_never)}
