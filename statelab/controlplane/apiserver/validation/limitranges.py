"""LimitRanges. Source: pkg/apis/core/validation/validation.go (ValidateLimitRange), pkg/apis/core/v1/defaults.go."""

from __future__ import annotations

from statelab.controlplane import quantity
from statelab.controlplane.apiserver.validation import defaults_pods, meta, names, resources
from statelab.controlplane.apiserver.validation.fields import Errors, Fields, duplicate, forbidden, invalid, required
from statelab.controlplane.apiserver.validation.rules import Rules
from statelab.controlplane.kinds import Object

_LISTS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")


def create(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain)
    seen: set[str] = set()
    for index, limit in enumerate((obj.get("spec") or {}).get("limits") or ()):
        errors += _limit(limit, f"spec.limits[{index}]", seen)
    return errors


def update(obj: Object, old: Object) -> Errors:
    return create(obj)


def _limit(limit: Fields, field: str, seen: set[str]) -> Errors:
    kind: str = limit.get("type", "")
    errors: Errors = [invalid(f"{field}.type", kind, words) for words in _type_words(kind)]
    if kind in seen:
        errors.append(duplicate(f"{field}.type", kind))
    seen.add(kind)
    parts: dict[str, Fields] = {key: limit.get(key) or {} for key in _LISTS}
    check = resources.container_name if kind in ("Pod", "Container") else resources.resource_name
    for key in ("max", "min"):
        for name in sorted(parts[key]):
            errors += check(name, f"{field}.{key}[{name}]")
    if kind == "Pod":
        for key in ("default", "defaultRequest"):
            if parts[key]:
                errors.append(forbidden(f"{field}.{key}", "may not be specified when `type` is 'Pod'"))
    else:
        for key in ("default", "defaultRequest"):
            for name in sorted(parts[key]):
                errors += check(name, f"{field}.{key}[{name}]")
    if kind == "PersistentVolumeClaim" and "storage" not in parts["min"] and "storage" not in parts["max"]:
        errors.append(
            required(f"{field}.limits", "either minimum or maximum storage value is required, but neither was provided")
        )
    of_pod = kind == "Pod"
    for name in sorted({name for key in _LISTS if not (of_pod and key.startswith("default")) for name in parts[key]}):
        errors += _amounts(name, {key: parts[key][name] for key in _LISTS if name in parts[key]}, field, of_pod=of_pod)
    return errors


def _type_words(kind: str) -> tuple[str, ...]:
    words = names.qualified(kind)
    if words or "/" in kind or kind in ("Pod", "Container", "PersistentVolumeClaim"):
        return tuple(words)
    return ("must be a standard limit type or fully qualified",)


def _amounts(name: str, found: dict[str, str], field: str, *, of_pod: bool) -> Errors:
    errors: Errors = []

    def beyond(left: str, right: str) -> bool:
        return left in found and right in found and quantity.compare(found[left], found[right]) > 0

    def wrong(key: str, value: str, words: str) -> None:
        errors.append(invalid(f"{field}.{key}[{name}]", found[value], words))

    least, most, default, asked = (found.get(key, "") for key in ("min", "max", "default", "defaultRequest"))
    if beyond("min", "max"):
        wrong("min", "min", f"min value {least} is greater than max value {most}")
    if not of_pod:
        key = "defaultRequest"
        if beyond("min", key):
            wrong(key, key, f"min value {least} is greater than default request value {asked}")
        if beyond(key, "max"):
            wrong(key, key, f"default request value {asked} is greater than max value {most}")
        if beyond(key, "default"):
            wrong(key, key, f"default request value {asked} is greater than default limit value {default}")
        if beyond("min", "default"):
            wrong("default", "min", f"min value {least} is greater than default value {default}")
        if beyond("default", "max"):
            wrong("default", "max", f"default value {default} is greater than max value {most}")
    ratio = found.get("maxLimitRequestRatio")
    if ratio is not None and quantity.compare(ratio, "1") < 0:
        wrong("maxLimitRequestRatio", "maxLimitRequestRatio", f"ratio {ratio} is less than 1")
    if ratio is not None and "min" in found and "max" in found and quantity.nanos(least) > 0:
        limit = quantity.nanos(most) / quantity.nanos(least)
        if quantity.nanos(ratio) / quantity.NANO > limit:
            wrong("maxLimitRequestRatio", "maxLimitRequestRatio", f"ratio {ratio} is greater than max/min = {limit:f}")
    is_huge = resources.is_huge_page(name)
    if is_huge and not of_pod and "default" in found and "defaultRequest" in found and quantity.compare(asked, default):
        wrong("defaultRequest", "defaultRequest", f"must be equal to {name} limit of {default}")
    return errors


def _defaults(obj: Object) -> None:
    """A default limit is a maximum where there is one and nothing else is said; a default request a default limit."""
    for limit in (obj.get("spec") or {}).get("limits") or ():
        for key in _LISTS:
            if limit.get(key):
                defaults_pods.resource_list(limit[key])
        if limit.get("type") != "Container":
            continue
        default, asked = (dict(limit.get(key) or {}) for key in ("default", "defaultRequest"))
        for name, value in (limit.get("max") or {}).items():
            default.setdefault(name, value)
        for source in (default, limit.get("min") or {}):
            for name, value in source.items():
                asked.setdefault(name, value)
        for key, found in (("default", default), ("defaultRequest", asked)):
            if found:
                limit[key] = found


def _name(obj: Object, old: Object | None) -> None:
    """One without a name gets one, as nothing else does."""
    metadata = obj["metadata"]
    if not metadata.get("name") and not metadata.get("generateName"):
        metadata["name"] = metadata.get("uid", "unnamed")


RULES = {"limitranges": Rules(create, update, defaults=_defaults, prepare=_name)}
