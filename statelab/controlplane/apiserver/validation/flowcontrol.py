"""FlowSchemas and PriorityLevelConfigurations: who would wait for whom where requests are many.

Source: pkg/apis/flowcontrol/validation/validation.go, pkg/apis/flowcontrol/v1/defaults.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from statelab.controlplane.apiserver.validation import meta, names
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    duplicate,
    forbidden,
    go_struct,
    invalid,
    not_supported,
    required,
)
from statelab.controlplane.apiserver.validation.flowcontrol_default import MANDATORY
from statelab.controlplane.apiserver.validation.rules import Rules, spec_changed
from statelab.controlplane.kinds import Object

_DEFINITION = "io.k8s.api.flowcontrol.v1."
_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
_MOST_PRECEDENCE = 10_000
_MOST_QUEUES = 10_000_000
_MOST_HASH_BITS = 60
_OF_KIND = {"ServiceAccount": "serviceAccount", "User": "user", "Group": "group"}
_NAMESPACES = "each member of this list must be '*' or a DNS-1123 label; "


def _metadata(obj: Object) -> Errors:
    return meta.metadata(obj["metadata"], namespaced=False, check_name=names.subdomain)


def _as_it_must_be(obj: Object, plural: str, definition: str) -> Errors:
    """Two of each kind a cluster cannot do without are as they are."""
    name, spec = obj["metadata"].get("name", ""), obj.get("spec") or {}
    wanted = MANDATORY.get((plural, name))
    if wanted is None or {**spec, "exempt": None} == {**wanted, "exempt": None}:
        return []
    return [invalid("spec", go_struct(_DEFINITION + definition, spec), f"spec of '{name}' must equal the fixed value")]


def _conditions(obj: Object) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, condition in enumerate((obj.get("status") or {}).get("conditions") or ()):
        here, kind = f"status.conditions[{index}].type", condition.get("type", "")
        if kind in seen:
            errors.append(duplicate(here, kind))
        seen.add(kind)
        if not kind:
            errors.append(required(here, "must not be empty"))
    return errors


def update_status(obj: Object, old: Object) -> Errors:
    return meta.metadata_update(obj["metadata"], old["metadata"]) + _conditions(obj)


# ---- FlowSchemas


def create_schema(obj: Object) -> Errors:
    spec, name = obj.get("spec") or {}, obj["metadata"].get("name", "")
    errors = _metadata(obj)
    precedence, here = spec.get("matchingPrecedence", 0), "spec.matchingPrecedence"
    if precedence <= 0:
        errors.append(invalid(here, precedence, "must be a positive value"))
    if precedence > _MOST_PRECEDENCE:
        errors.append(invalid(here, precedence, f"must not be greater than {_MOST_PRECEDENCE}"))
    if precedence == 1 and name != "exempt":
        words = "only the schema named 'exempt' may have matchingPrecedence 1"
        errors.append(invalid(here, precedence, words))
    method = spec.get("distinguisherMethod")
    if method is not None and method.get("type") not in ("ByNamespace", "ByUser"):
        shown = go_struct(_DEFINITION + "FlowDistinguisherMethod", method)
        errors.append(not_supported("spec.distinguisherMethod.type", shown, ("ByNamespace", "ByUser")))
    level = (spec.get("priorityLevelConfiguration") or {}).get("name", "")
    here = "spec.priorityLevelConfiguration.name"
    errors += names.check_subdomain(level, here) if level else [required(here, "must reference a priority level")]
    for index, rule in enumerate(spec.get("rules") or ()):
        errors += _rule(rule, f"spec.rules[{index}]")
    return errors + _as_it_must_be(obj, "flowschemas", "FlowSchemaSpec") + _conditions(obj)


def update_schema(obj: Object, old: Object) -> Errors:
    return create_schema(obj)


def _rule(rule: Fields, field: str) -> Errors:
    errors: Errors = []
    subjects, of_resources, of_paths = (
        rule.get(key) or [] for key in ("subjects", "resourceRules", "nonResourceRules")
    )
    for index, subject in enumerate(subjects):
        errors += _subject(subject, f"{field}.subjects[{index}]")
    if not subjects:
        errors.append(required(f"{field}.subjects", "subjects must contain at least one value"))
    if not of_resources and not of_paths:
        words = "at least one of resourceRules and nonResourceRules has to be non-empty"
        errors.append(required(field, words))
    for index, each in enumerate(of_resources):
        errors += _resource_rule(each, f"{field}.resourceRules[{index}]")
    for index, each in enumerate(of_paths):
        errors += _path_rule(each, f"{field}.nonResourceRules[{index}]")
    return errors


def _subject(subject: Fields, field: str) -> Errors:
    kind = subject.get("kind", "")
    if kind not in _OF_KIND:
        return [not_supported(f"{field}.kind", kind, sorted(_OF_KIND))]
    own = _OF_KIND[kind]
    found, here = subject.get(own), f"{field}.{own}"
    errors: Errors = []
    if found is None:
        errors.append(required(here, f"{own} is required when subject kind is '{kind}'"))
    else:
        name = found.get("name", "")
        if not name:
            errors.append(required(f"{here}.name"))
        if kind == "ServiceAccount":
            if name and name != "*":
                errors += names.check_subdomain(name, f"{here}.name")
            namespace = found.get("namespace", "")
            words = "must specify namespace for service account"
            at = f"{here}.namespace"
            errors += names.check_label(namespace, at) if namespace else [required(at, words)]
    for other_kind, other in _OF_KIND.items():
        if other != own and subject.get(other) is not None:
            errors.append(
                forbidden(f"{field}.{other}", f"{other} is forbidden when subject kind is not '{other_kind}'")
            )
    return errors


def _listed(value: Fields, key: str, field: str, words: str, others: str) -> Errors:
    """A list that is not empty, and has "*" alone if at all."""
    found = value.get(key) or []
    if not found:
        return [required(f"{field}.{key}", words)]
    if "*" in found and len(found) > 1:
        return [invalid(f"{field}.{key}", found, f"if '*' is present, must not specify other {others}")]
    return []


def _verbs(value: Fields, field: str) -> Errors:
    verbs = value.get("verbs") or []
    errors = _listed(value, "verbs", field, "verbs must contain at least one value", "verbs")
    if verbs and "*" not in verbs and not set(verbs) <= set(_VERBS):
        errors.append(not_supported(f"{field}.verbs", verbs, _VERBS))
    return errors


def _resource_rule(rule: Fields, field: str) -> Errors:
    errors = _verbs(rule, field)
    words = "resource rules must supply at least one "
    errors += _listed(rule, "apiGroups", field, words + "api group", "api groups")
    errors += _listed(rule, "resources", field, words + "resource", "resources")
    namespaces: list[str] = rule.get("namespaces") or []
    here = f"{field}.namespaces"
    if not namespaces and not rule.get("clusterScope"):
        words = "resource rules that are not cluster scoped must supply at least one namespace"
        errors.append(required(here, words))
    elif "*" in namespaces:
        if len(namespaces) > 1:
            errors.append(invalid(here, namespaces, "if '*' is present, must not specify other namespaces"))
    else:
        for index, each in enumerate(namespaces):
            errors += [invalid(f"{here}[{index}]", each, _NAMESPACES + words) for words in names.label(each)]
    return errors


def _path_rule(rule: Fields, field: str) -> Errors:
    words = "nonResourceURLs must contain at least one value"
    paths: Sequence[str] = rule.get("nonResourceURLs") or []
    errors = _verbs(rule, field) + _listed(rule, "nonResourceURLs", field, words, "non-resource URLs")
    for index, path in enumerate(paths if "*" not in paths else ()):
        problem = _path_problem(path)
        if problem:
            errors.append(invalid(f"{field}.nonResourceURLs[{index}]", path, problem))
    return errors


def _path_problem(path: str) -> str:
    if not path:
        return "must not be empty"
    if path == "/":
        return ""
    if not path.startswith("/"):
        return "must start with slash"
    if " " in path:
        return "must not contain white-space"
    if "//" in path:
        return "must not contain double slash"
    stars = path.count("*")
    return "wildcard can only do suffix matching" if stars > 1 or (stars and not path.endswith("/*")) else ""


# ---- PriorityLevelConfigurations


def create_level(obj: Object) -> Errors:
    spec, name = obj.get("spec") or {}, obj["metadata"].get("name", "")
    kind, limited, exempt = spec.get("type", ""), spec.get("limited"), spec.get("exempt")
    errors = _metadata(obj)
    if (name == "exempt") != (kind == "Exempt"):
        errors.append(invalid("spec.type", kind, "type must be 'Exempt' if and only if name is 'exempt'"))
    if kind == "Exempt":
        if limited is not None:
            errors.append(forbidden("spec.limited", "must be nil if the type is not Limited"))
        errors += _shares(exempt or {}, "spec.exempt")
    elif kind == "Limited":
        if exempt is not None:
            errors.append(forbidden("spec.exempt", "must be nil if the type is Limited"))
        if limited is None:
            errors.append(required("spec.limited", "must not be empty when type is Limited"))
        else:
            errors += _limited(limited, "spec.limited")
    else:
        errors.append(not_supported("spec.type", kind, ("Exempt", "Limited")))
    of = "prioritylevelconfigurations"
    return errors + _as_it_must_be(obj, of, "PriorityLevelConfigurationSpec") + _conditions(obj)


def update_level(obj: Object, old: Object) -> Errors:
    return create_level(obj)


def _shares(value: Fields, field: str) -> Errors:
    errors: Errors = []
    shares, lent = value.get("nominalConcurrencyShares"), value.get("lendablePercent")
    if shares is not None and shares < 0:
        errors.append(invalid(f"{field}.nominalConcurrencyShares", shares, "must be a non-negative integer"))
    if lent is not None and not 0 <= lent <= 100:
        errors.append(invalid(f"{field}.lendablePercent", lent, "must be between 0 and 100, inclusive"))
    return errors


def _limited(value: Fields, field: str) -> Errors:
    errors = _shares(value, field)
    borrowed = value.get("borrowingLimitPercent")
    if borrowed is not None and borrowed < 0:
        errors.append(
            invalid(f"{field}.borrowingLimitPercent", borrowed, "if specified, must be a non-negative integer")
        )
    response = value.get("limitResponse") or {}
    here, kind, queuing = f"{field}.limitResponse", response.get("type", ""), response.get("queuing")
    if kind == "Reject":
        if queuing is not None:
            words = "must be nil if limited.limitResponse.type is not Limited"
            errors.append(forbidden(f"{here}.queuing", words))
    elif kind == "Queue":
        if queuing is None:
            words = "must not be empty if limited.limitResponse.type is Limited"
            errors.append(required(f"{here}.queuing", words))
        else:
            errors += _queuing(queuing, f"{here}.queuing")
    else:
        errors.append(not_supported(f"{here}.type", kind, ("Queue", "Reject")))
    return errors


def _queuing(value: Fields, field: str) -> Errors:
    errors: Errors = []
    limit, queues, hand = (value.get(key, 0) for key in ("queueLengthLimit", "queues", "handSize"))
    if limit <= 0:
        errors.append(invalid(f"{field}.queueLengthLimit", limit, "must be positive"))
    if queues <= 0:
        errors.append(invalid(f"{field}.queues", queues, "must be positive"))
    elif queues > _MOST_QUEUES:
        errors.append(invalid(f"{field}.queues", queues, f"must not be greater than {_MOST_QUEUES}"))
    if hand <= 0:
        errors.append(invalid(f"{field}.handSize", hand, "must be positive"))
    elif hand > queues:
        errors.append(invalid(f"{field}.handSize", hand, f"should not be greater than queues ({queues})"))
    elif (bits := _entropy_bits(queues, hand)) > _MOST_HASH_BITS:
        words = f"required entropy bits of deckSize {queues} and handSize {hand} should not be greater than "
        errors.append(invalid(f"{field}.handSize", hand, f"{words}{_MOST_HASH_BITS}" if bits else ""))
    return errors


def _entropy_bits(deck: int, hand: int) -> int:
    """What it takes to deal a hand. Source: apiserver/pkg/util/shufflesharding (RequiredEntropyBits)."""
    ways = 1
    for left in range(min(hand, 64)):
        ways *= deck - left
    return ways.bit_length()


# ---- what is filled in


def _fill_in_schema(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    if not spec.get("matchingPrecedence"):
        spec["matchingPrecedence"] = 1000
    for rule in spec.get("rules") or ():
        for each in rule.get("resourceRules") or ():
            if each.get("namespaces") == []:
                del each["namespaces"]


def _fill_in_level(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    if spec.get("type") == "Exempt":
        exempt = spec.setdefault("exempt", {})
        exempt.setdefault("nominalConcurrencyShares", 0)
        exempt.setdefault("lendablePercent", 0)
    limited = spec.get("limited")
    if limited is not None:
        limited.setdefault("nominalConcurrencyShares", 30)
        limited.setdefault("lendablePercent", 0)
        queuing = (limited.get("limitResponse") or {}).get("queuing")
        if queuing is not None:
            for key, value in (("queues", 64), ("handSize", 8), ("queueLengthLimit", 50)):
                if not queuing.get(key):
                    queuing[key] = value


RULES = {
    "flowschemas": Rules(create_schema, update_schema, update_status, defaults=_fill_in_schema, counts=spec_changed),
    "prioritylevelconfigurations": Rules(
        create_level, update_level, update_status, defaults=_fill_in_level, counts=spec_changed
    ),
}
