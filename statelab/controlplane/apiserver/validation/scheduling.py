"""Where a Pod may run: affinity, tolerations, spreading. Source: pkg/apis/core/validation/validation.go."""

from __future__ import annotations

from collections import Counter

from statelab.controlplane.apiserver.validation import meta, names
from statelab.controlplane.apiserver.validation.fields import (
    NOT_POSITIVE,
    Errors,
    Fields,
    duplicate,
    forbidden,
    go_struct,
    invalid,
    not_supported,
    required,
)

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_TOLERATION = "io.k8s.api.core.v1.Toleration"


def affinity(value: Fields | None, field: str) -> Errors:
    if not value:
        return []
    errors: Errors = []
    nodes = value.get("nodeAffinity")
    if nodes is not None:
        here = f"{field}.nodeAffinity"
        if nodes.get(_REQUIRED) is not None:
            errors += node_selector(nodes[_REQUIRED], f"{here}.{_REQUIRED}")
        for index, term in enumerate(nodes.get(_PREFERRED) or ()):
            at = f"{here}.{_PREFERRED}[{index}]"
            errors += _weight(term, at) + _node_term(term.get("preference") or {}, f"{at}.preference")
    for key in ("podAffinity", "podAntiAffinity"):
        pods = value.get(key)
        if pods is None:
            continue
        for index, term in enumerate(pods.get(_REQUIRED) or ()):
            errors += _pod_term(term, f"{field}.{key}.{_REQUIRED}[{index}]")
        for index, term in enumerate(pods.get(_PREFERRED) or ()):
            at = f"{field}.{key}.{_PREFERRED}[{index}]"
            errors += _weight(term, at) + _pod_term(term.get("podAffinityTerm") or {}, f"{at}.podAffinityTerm")
    return errors


_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def _weight(term: Fields, field: str) -> Errors:
    weight = term.get("weight", 0)
    return [] if 0 < weight <= 100 else [invalid(f"{field}.weight", weight, "must be in the range 1-100")]


def node_selector(value: Fields, field: str) -> Errors:
    terms = value.get("nodeSelectorTerms") or []
    if not terms:
        return [required(f"{field}.nodeSelectorTerms", "must have at least one node selector term")]
    errors: Errors = []
    for index, term in enumerate(terms):
        errors += _node_term(term, f"{field}.nodeSelectorTerms[{index}]")
    return errors


def _node_term(term: Fields, field: str) -> Errors:
    errors: Errors = []
    for index, one in enumerate(term.get("matchExpressions") or ()):
        errors += _node_requirement(one, f"{field}.matchExpressions[{index}]")
    for index, one in enumerate(term.get("matchFields") or ()):
        errors += _node_field(one, f"{field}.matchFields[{index}]")
    return errors


def _node_requirement(value: Fields, field: str) -> Errors:
    errors: Errors = []
    operator, values = value.get("operator", ""), value.get("values") or []
    if operator in ("In", "NotIn"):
        if not values:
            errors.append(required(f"{field}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(forbidden(f"{field}.values", why))
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            why = "must be specified single value when `operator` is 'Lt' or 'Gt'"
            errors.append(required(f"{field}.values", why))
    else:
        errors.append(invalid(f"{field}.operator", operator, "not a valid selector operator"))
    return errors + names.check_qualified(value.get("key", ""), f"{field}.key")


def _node_field(value: Fields, field: str) -> Errors:
    errors: Errors = []
    operator, values = value.get("operator", ""), value.get("values") or []
    if operator in ("In", "NotIn"):
        if len(values) != 1:
            why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
            errors.append(required(f"{field}.values", why))
    else:
        errors.append(invalid(f"{field}.operator", operator, "not a valid selector operator"))
    if value.get("key") != "metadata.name":
        errors.append(invalid(f"{field}.key", value.get("key", ""), "not a valid field selector key"))
    else:
        for index, text in enumerate(values):
            errors += names.check_subdomain(text, f"{field}.values[{index}]")
    return errors


def _pod_term(term: Fields, field: str) -> Errors:
    errors = meta.label_selector(term.get("labelSelector"), f"{field}.labelSelector")
    errors += meta.label_selector(term.get("namespaceSelector"), f"{field}.namespaceSelector")
    for name in term.get("namespaces") or ():
        errors += names.check_label(name, f"{field}.namespace")
    errors += _label_keys(term, field)
    key = term.get("topologyKey", "")
    if not key:
        errors.append(required(f"{field}.topologyKey", "can not be empty"))
    return errors + names.check_qualified(key, f"{field}.topologyKey")


def _label_keys(term: Fields, field: str) -> Errors:
    errors: Errors = []
    found = term.get("labelSelector")
    match, mismatch = term.get("matchLabelKeys") or [], term.get("mismatchLabelKeys") or []
    for key, keys in (("matchLabelKeys", match), ("mismatchLabelKeys", mismatch)):
        if keys and found is None:
            errors.append(forbidden(f"{field}.{key}", "must not be specified when labelSelector is not set"))
        elif keys:
            for index, each in enumerate(keys):
                errors += names.check_qualified(each, f"{field}.{key}[{index}]")
    if found is not None:
        seen = set(found.get("matchLabels") or ())
        places = {name: index for index, name in enumerate(match)}
        for expression in found.get("matchExpressions") or ():
            name = expression.get("key", "")
            if name in places and name in seen:
                why = "exists in both matchLabelKeys and labelSelector"
                errors.append(invalid(f"{field}[{places[name]}]", name, why))
            seen.add(name)
    excluded = set(mismatch)
    for index, each in enumerate(match):
        if each in excluded:
            why = "exists in both matchLabelKeys and mismatchLabelKeys"
            errors.append(invalid(f"{field}.matchLabelKeys[{index}]", each, why))
    return errors


def tolerations(found: list[Fields], field: str) -> Errors:
    errors: Errors = []
    for index, one in enumerate(found):
        here = f"{field}[{index}]"
        key, operator = one.get("key", ""), one.get("operator", "")
        value, effect = one.get("value", ""), one.get("effect", "")
        if key and names.qualified(key):
            errors += names.check_qualified(key, f"{here}.key")
        if not key and operator != "Exists":
            why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            errors.append(invalid(f"{here}.operator", operator, why))
        if one.get("tolerationSeconds") is not None and effect != "NoExecute":
            why = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            errors.append(invalid(f"{here}.effect", effect, why))
        if operator in ("Equal", ""):
            problems = names.label_value(value)
            if problems:
                errors.append(invalid(f"{here}.operator", value, ";".join(problems)))
        elif operator == "Exists":
            if value:
                why = "value must be empty when `operator` is 'Exists'"
                errors.append(invalid(f"{here}.operator", go_struct(_TOLERATION, one), why))
        else:
            errors.append(not_supported(f"{here}.operator", operator, ("Equal", "Exists")))
        if effect and effect not in EFFECTS:
            errors.append(not_supported(f"{here}.effect", effect, EFFECTS))
    return errors


def taints(found: list[Fields], field: str) -> Errors:
    errors: Errors = []
    seen: set[tuple[str, str]] = set()
    for index, one in enumerate(found):
        here = f"{field}[{index}]"
        key, value, effect = (one.get(name, "") for name in ("key", "value", "effect"))
        errors += names.check_qualified(key, f"{here}.key")
        problems = names.label_value(value)
        if problems:
            errors.append(invalid(f"{here}.value", value, ";".join(problems)))
        if effect not in EFFECTS:
            errors.append(not_supported(f"{here}.effect", effect, EFFECTS) if effect else required(f"{here}.effect"))
        if (key, effect) in seen:
            shown = go_struct("io.k8s.api.core.v1.Taint", one)
            errors.append(duplicate(here, shown, "taints must be unique by key and effect pair"))
        seen.add((key, effect))
    return errors


def spread(found: list[Fields], field: str) -> Errors:
    """topologySpreadConstraints."""
    errors: Errors = []
    left = Counter((one.get("topologyKey", ""), one.get("whenUnsatisfiable", "")) for one in found)
    for index, one in enumerate(found):
        here = f"{field}[{index}]"
        skew, key, action = one.get("maxSkew", 0), one.get("topologyKey", ""), one.get("whenUnsatisfiable", "")
        if skew <= 0:
            errors.append(invalid(f"{here}.maxSkew", skew, NOT_POSITIVE))
        if not key:
            errors.append(required(f"{here}.topologyKey", "can not be empty"))
        if action not in ("DoNotSchedule", "ScheduleAnyway"):
            supported = ("DoNotSchedule", "ScheduleAnyway")
            errors.append(not_supported(f"{here}.whenUnsatisfiable", action, supported))
        left[key, action] -= 1
        if left[key, action]:  # the last of its like is the one that may stay
            errors.append(duplicate(f"{here}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {action}}}"))
        domains = one.get("minDomains")
        if domains is not None:
            if domains <= 0:
                errors.append(invalid(f"{here}.minDomains", domains, NOT_POSITIVE))
            if action != "DoNotSchedule":
                why = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
                errors.append(invalid(f"{here}.minDomains", domains, why))
        for policy in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            if one.get(policy) is not None and one[policy] not in ("Honor", "Ignore"):
                errors.append(not_supported(f"{here}.{policy}", one[policy], ("Honor", "Ignore")))
        errors += _spread_keys(one, f"{here}.matchLabelKeys")
        errors += meta.label_selector(one.get("labelSelector"), f"{here}.labelSelector")
    return errors


def _spread_keys(constraint: Fields, field: str) -> Errors:
    keys = constraint.get("matchLabelKeys") or []
    if not keys:
        return []
    errors: Errors = []
    found = constraint.get("labelSelector")
    taken: set[str] = set()
    if found is None:
        errors.append(forbidden(field, "must not be specified when labelSelector is not set"))
    else:
        taken = set(found.get("matchLabels") or ())
        counted = Counter(each.get("key", "") for each in found.get("matchExpressions") or ())
        own = set(keys)
        # One requirement for each key is the server's own, made of the Pod's label.
        taken |= {key for key, count in counted.items() if count > 1 or key not in own}
    for index, key in enumerate(keys):
        errors += names.check_qualified(key, f"{field}[{index}]")
        if key in taken:
            why = "exists in both matchLabelKeys and labelSelector"
            errors.append(invalid(f"{field}[{index}]", key, why))
    return errors
