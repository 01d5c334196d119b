"""Configurations of webhooks that validate or mutate.

Source: pkg/apis/admissionregistration/validation/validation.go, apiserver/pkg/util/webhook/validation.go.
"""

from __future__ import annotations

from statelab.controlplane.apiserver.validation import admission_rules as shared
from statelab.controlplane.apiserver.validation import meta, names
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    duplicate,
    invalid,
    not_supported,
    required,
)
from statelab.controlplane.apiserver.validation.rules import Rules
from statelab.controlplane.kinds import Object

_SIDE_EFFECTS = ("None", "NoneOnDryRun")


def create(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=False, check_name=names.subdomain)
    seen: set[str] = set()
    for index, hook in enumerate(obj.get("webhooks") or ()):
        here, name = f"webhooks[{index}]", hook.get("name", "")
        errors += _webhook(hook, here)
        errors += shared.review_versions(hook.get("admissionReviewVersions") or [], f"{here}.admissionReviewVersions")
        if name and name in seen:
            errors.append(duplicate(f"{here}.name", name))
        seen.add(name)
    return errors


def update(obj: Object, old: Object) -> Errors:
    return create(obj)


def _webhook(hook: Fields, field: str) -> Errors:
    errors = _qualified(hook.get("name", ""), f"{field}.name")
    for index, rule in enumerate(hook.get("rules") or ()):
        errors += shared.rule(rule, f"{field}.rules[{index}]")
    errors += shared.one_of(hook.get("failurePolicy"), f"{field}.failurePolicy", shared.FAILURE_POLICIES)
    errors += shared.one_of(hook.get("matchPolicy"), f"{field}.matchPolicy", shared.MATCH_POLICIES)
    effects, here = hook.get("sideEffects"), f"{field}.sideEffects"
    if effects is None:
        errors.append(required(here, f"must specify one of {', '.join(_SIDE_EFFECTS)}"))
    elif effects not in _SIDE_EFFECTS:
        errors.append(not_supported(here, effects, _SIDE_EFFECTS))
    timeout_s = hook.get("timeoutSeconds")
    if timeout_s is not None and not 1 <= timeout_s <= 30:
        words = "the timeout value must be between 1 and 30 seconds"
        errors.append(invalid(f"{field}.timeoutSeconds", timeout_s, words))
    for key in ("namespaceSelector", "objectSelector"):
        errors += meta.label_selector(hook.get(key), f"{field}.{key}")
    again, here = hook.get("reinvocationPolicy"), f"{field}.reinvocationPolicy"
    errors += shared.one_of(again, here, shared.REINVOCATION_POLICIES)
    errors += shared.client(hook.get("clientConfig") or {}, f"{field}.clientConfig")
    conditions = hook.get("matchConditions") or []
    return errors + shared.match_conditions(conditions, f"{field}.matchConditions", params=False)


def _qualified(name: str, field: str) -> Errors:
    """A name of at least three parts (IsFullyQualifiedName)."""
    if not name:
        return [required(field)]
    if problems := names.subdomain(name):
        return [invalid(field, name, ",".join(problems))]
    if len(name.split(".")) < 3:
        return [invalid(field, name, "should be a domain with at least three segments separated by dots")]
    return []


def _fill_in(obj: Object) -> None:
    for hook in obj.get("webhooks") or ():
        for key, value in (("failurePolicy", "Fail"), ("matchPolicy", "Equivalent"), ("timeoutSeconds", 10)):
            hook.setdefault(key, value)
        for key in ("namespaceSelector", "objectSelector"):
            hook.setdefault(key, {})
        shared.fill_in_rules(hook.get("rules") or ())
        service = (hook.get("clientConfig") or {}).get("service")
        if service is not None:
            service.setdefault("port", 443)


def _fill_in_mutating(obj: Object) -> None:
    _fill_in(obj)
    for hook in obj.get("webhooks") or ():
        hook.setdefault("reinvocationPolicy", "Never")


def _changed(obj: Object, old: Object) -> bool:
    return obj.get("webhooks") != old.get("webhooks")


RULES = {
    "validatingwebhookconfigurations": Rules(create, update, defaults=_fill_in, counts=_changed),
    "mutatingwebhookconfigurations": Rules(create, update, defaults=_fill_in_mutating, counts=_changed),
}
