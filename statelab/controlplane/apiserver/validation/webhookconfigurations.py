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
    forbidden,
    invalid,
    not_supported,
    required,
)
from statelab.controlplane.apiserver.validation.rules import Rules
from statelab.controlplane.kinds import Object
from statelab.controlplane.syntax import rfc1035_label

_REVIEWS = ("v1", "v1beta1")
_SIDE_EFFECTS = ("None", "NoneOnDryRun")
_OUTSIDE = "StateLab calls no server outside of the cluster; a real cluster made with kind is the place to try it"


def create(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=False, check_name=names.subdomain)
    seen: set[str] = set()
    for index, hook in enumerate(obj.get("webhooks") or ()):
        here, name = f"webhooks[{index}]", hook.get("name", "")
        errors += _webhook(hook, here) + _versions(hook.get("admissionReviewVersions") or [], here)
        if name and name in seen:
            errors.append(duplicate(f"{here}.name", name))
        seen.add(name)
    return errors


def update(obj: Object, old: Object) -> Errors:
    return meta.metadata_update(obj["metadata"], old["metadata"]) + create(obj)


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
    errors += _client(hook.get("clientConfig") or {}, f"{field}.clientConfig")
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


def _client(config: Fields, field: str) -> Errors:
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        return [required(field, "exactly one of url or service is required")]
    if service is None:
        return [forbidden(f"{field}.url", _OUTSIDE)]
    here = f"{field}.service"
    errors: Errors = []
    if not service.get("name"):
        errors.append(required(f"{here}.name", "service name is required"))
    if not service.get("namespace"):
        errors.append(required(f"{here}.namespace", "service namespace is required"))
    if not 1 <= service.get("port", 443) <= 65535:
        words = "port is not valid: must be between 1 and 65535, inclusive"
        errors.append(invalid(f"{here}.port", service["port"], words))
    path = service.get("path")
    return errors + (_path(path, f"{here}.path") if path is not None else [])


def _path(path: str, field: str) -> Errors:
    if not path.startswith("/"):
        return [invalid(field, path, "must start with a '/'")]
    errors: Errors = []
    steps = path[1:].split("/")
    if steps and not steps[-1]:
        steps = steps[:-1]
    for index, step in enumerate(steps):
        if not step:
            errors.append(invalid(field, path, f"segment[{index}] may not be empty"))
        else:
            errors += [invalid(field, path, f"segment[{index}]: {words}") for words in names.subdomain(step)]
    return errors


def _versions(versions: list[str], field: str) -> Errors:
    here = f"{field}.admissionReviewVersions"
    if not versions:
        return [required(here, f"must specify one of {', '.join(_REVIEWS)}")]
    errors: Errors = []
    for index, version in enumerate(versions):
        if version in versions[:index]:
            errors.append(invalid(f"{here}[{index}]", version, "duplicate version"))
        else:
            errors += [invalid(f"{here}[{index}]", version, words) for words in rfc1035_label(version)]
    if not any(each in _REVIEWS for each in versions):
        errors.append(invalid(here, versions, f"must include at least one of {', '.join(_REVIEWS)}"))
    elif "v1" not in versions:
        words = "StateLab asks in version v1 alone; a real cluster made with kind is the place to try v1beta1"
        errors.append(invalid(here, versions, words))
    return errors


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
