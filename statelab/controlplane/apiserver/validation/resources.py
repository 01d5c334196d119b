"""Requests and limits. Source: pkg/apis/core/validation/validation.go, pkg/apis/core/helper/helpers.go."""

from __future__ import annotations

from statelab.controlplane import quantity
from statelab.controlplane.apiserver.validation import names
from statelab.controlplane.apiserver.validation.fields import (
    NEGATIVE,
    Errors,
    Fields,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
)

_CONTAINER = frozenset({"cpu", "memory", "ephemeral-storage"})
_COUNTS = frozenset({"pods", "services", "services.nodeports", "services.loadbalancers", "replicationcontrollers",
                     "resourcequotas", "secrets", "configmaps", "persistentvolumeclaims"})  # fmt: skip
_QUOTA_ONLY = frozenset({"requests.cpu", "requests.memory", "requests.storage", "requests.ephemeral-storage",
                         "limits.cpu", "limits.memory", "limits.ephemeral-storage"})  # fmt: skip
STANDARD = _CONTAINER | _COUNTS | _QUOTA_ONLY | {"storage"}
STANDARD_QUOTA = _CONTAINER | _COUNTS | _QUOTA_ONLY
_WHOLE = _COUNTS
_HUGE = "hugepages-"


def is_huge_page(name: str) -> bool:
    return name.startswith(_HUGE)


def is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    """Whether it is the name of an extended resource: `example.com/gpu`."""
    if is_native(name) or name.startswith("requests."):
        return False
    return not names.qualified(f"requests.{name}")


def _may_overcommit(name: str) -> bool:
    return is_native(name) and not is_huge_page(name)


def resource_name(name: str, field: str) -> Errors:
    problems = names.qualified(name)
    if problems:
        return [invalid(field, name, words) for words in problems]
    if "/" not in name and name not in STANDARD and not is_huge_page(name) and not _quota_huge_page(name):
        return [invalid(field, name, "must be a standard resource type or fully qualified")]
    return []


def _quota_huge_page(name: str) -> bool:
    return name.startswith(f"requests.{_HUGE}")


def quota_name(name: str, field: str) -> Errors:
    errors = resource_name(name, field)
    if "/" not in name and name not in STANDARD_QUOTA and not is_huge_page(name) and not _quota_huge_page(name):
        errors.append(invalid(field, name, "must be a standard resource for quota"))
    return errors


def container_name(name: str, field: str) -> Errors:
    if name in _CONTAINER:
        return []
    errors = resource_name(name, field)
    if "/" not in name:
        if not is_huge_page(name):
            errors.append(invalid(field, name, "must be a standard resource for containers"))
    elif not is_native(name) and not is_extended(name):
        errors.append(invalid(field, name, "doesn't follow extended resource name standard"))
    return errors


def amount(name: str, text: str, field: str) -> Errors:
    """A quantity of a resource: not negative, and whole where the resource comes in whole units."""
    parsed = quantity.parse(text)
    errors: Errors = [invalid(field, text, NEGATIVE)] if parsed.nanos < 0 else []
    if (name in _WHOLE or is_extended(name)) and parsed.nanos % quantity.NANO:
        errors.append(invalid(field, text, "must be an integer"))
    return errors


def requirements(value: Fields, claims: set[str], field: str) -> Errors:
    """ResourceRequirements of a container; `claims` are the Pod's resource claims by name."""
    errors: Errors = []
    limits: Fields = value.get("limits") or {}
    requests: Fields = value.get("requests") or {}
    for name in sorted(limits):
        here = f"{field}.limits[{name}]"
        errors += container_name(name, here) + amount(name, limits[name], here)
        errors += _huge_page_amount(name, limits[name], here)
    for name in sorted(requests):
        text = requests[name]
        here = f"{field}.requests[{name}]"
        errors += container_name(name, here) + amount(name, text, here)
        if name in limits:
            order = quantity.compare(text, limits[name])
            if order and not _may_overcommit(name):
                why = f"must be equal to {name} limit of {limits[name]}"
                errors.append(invalid(f"{field}.requests", text, why))
            elif order > 0:
                why = f"must be less than or equal to {name} limit of {limits[name]}"
                errors.append(invalid(f"{field}.requests", text, why))
        elif not _may_overcommit(name):
            errors.append(required(f"{field}.limits", "Limit must be set for non overcommitable resources"))
        errors += _huge_page_amount(name, text, here)
    both = {*limits, *requests}
    if any(is_huge_page(name) for name in both) and not both & {"cpu", "memory"}:
        errors.append(forbidden(field, "HugePages require cpu or memory"))
    seen: set[str] = set()
    for index, claim in enumerate(value.get("claims") or ()):
        errors += _claim(claim, seen, claims, f"{field}.claims[{index}]")
    return errors


def of_pod(spec: Fields, claims: set[str], field: str) -> Errors:
    """A Pod's own resources (KEP-2837), and what they mean for its containers."""
    own = spec["resources"]
    here = f"{field}.resources"
    errors: Errors = []
    for part in ("limits", "requests"):
        for name in sorted(own.get(part) or ()):
            if name not in ("cpu", "memory") and not is_huge_page(name):
                at = f"{here}.{part}[{name}]"
                errors.append(not_supported(at, name, ("cpu", "hugepages-", "memory")))
    if own.get("claims"):
        errors.append(forbidden(f"{here}.claims", "claims may not be set for Resources at pod-level"))
    errors += requirements({key: value for key, value in own.items() if key != "claims"}, claims, here)
    for name, text in sorted((own.get("requests") or {}).items()):
        total = sum(
            quantity.parse(container["resources"]["requests"][name]).nanos
            for container in spec.get("containers") or ()
            if name in ((container.get("resources") or {}).get("requests") or {})
        )
        if quantity.parse(text).nanos < total:
            sum_text = quantity.of_nanos(total, binary=quantity.is_binary(text)).text
            why = f"must be greater than or equal to aggregate container requests of {sum_text}"
            errors.append(invalid(f"{here}.requests[{name}]", text, why))
    for index, container in enumerate(spec.get("containers") or ()):
        limits = (container.get("resources") or {}).get("limits") or {}
        for name, text in sorted((own.get("limits") or {}).items()):
            if name in limits and quantity.compare(limits[name], text) > 0:
                why = f"must be less than or equal to pod limits of {text}"
                errors.append(invalid(f"{field}.containers[{index}].resources.limits[{name}]", limits[name], why))
    return errors


def _huge_page_amount(name: str, text: str, field: str) -> Errors:
    if not is_huge_page(name):
        return []
    try:
        size = quantity.parse(name.removeprefix(_HUGE)).nanos
    except ValueError:
        size = 0
    if size > 0 and quantity.parse(text).nanos % size == 0:
        return []
    return [invalid(field, text, f"{text} is not positive integer multiple of {name}")]


def _claim(claim: Fields, seen: set[str], claims: set[str], field: str) -> Errors:
    name, request = claim.get("name", ""), claim.get("request", "")
    errors: Errors = []
    if not name:
        errors.append(required(field))
    else:
        key = f"{name}/{request}" if request else name
        if key in seen:
            errors.append(duplicate(field, key))
        seen.add(key)
        if name not in claims:
            among = f": {', '.join(sorted(claims))}" if claims else " which is empty"
            errors.append(not_found(field, name, f"must be one of the names in pod.spec.resourceClaims{among}"))
    return errors + (names.check_label(request, f"{field}.request") if request else [])
