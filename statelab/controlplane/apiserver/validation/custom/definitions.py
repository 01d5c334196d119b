"""CustomResourceDefinitions themselves: what is filled in, and what is wrong with one.

Source: apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go, v1/defaults.go, registry/strategy.go.
"""

from __future__ import annotations

from statelab.controlplane.apiserver.validation import admission_rules, meta, names
from statelab.controlplane.apiserver.validation.custom import versions as versions_of
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    forbidden,
    immutable,
    invalid,
    not_supported,
    required,
)
from statelab.controlplane.apiserver.validation.rules import Rules, spec_changed
from statelab.controlplane.kinds import Object
from statelab.controlplane.syntax import rfc1035_label

_APPROVAL = "api-approved.kubernetes.io"
_APPROVED = ("https://", "unapproved")
FINALIZER = "customresourcecleanup.apiextensions.k8s.io"


# ---- what is filled in


def defaults(obj: Object) -> None:
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return
    named = spec.get("names") or {}
    if not named.get("singular") and named.get("kind"):
        named["singular"] = named["kind"].lower()
    if not named.get("listKind") and named.get("kind"):
        named["listKind"] = named["kind"] + "List"
    if spec.get("conversion") is None:
        spec["conversion"] = {"strategy": "None"}
    service = ((spec["conversion"].get("webhook") or {}).get("clientConfig") or {}).get("service")
    if service is not None:
        service.setdefault("port", 443)


def prepare(obj: Object, old: Object | None) -> None:
    """The version that is stored counts as stored from the moment it is said."""
    status = obj.get("status") or {}
    stored = list(status.get("storedVersions") or [])
    for version in (obj.get("spec") or {}).get("versions") or ():
        if version.get("storage") and version["name"] not in stored:
            stored.append(version["name"])
            break
    obj["status"] = {**status, "storedVersions": stored or None}


def new_status(_obj: Object) -> Fields:
    return {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": None}


def terminating(status: Fields, at: str) -> Fields:
    """The status of a definition that is being deleted. `at`: RFC 3339."""
    words = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
    condition = {"type": "Terminating", "status": "True", "lastTransitionTime": at, "reason": "InstanceDeletionPending"}
    return {**status, "conditions": [*(status.get("conditions") or []), {**condition, "message": words}]}


# ---- what is wrong


def create(obj: Object) -> Errors:
    spec = obj.get("spec") or {}
    named = spec.get("names") or {}

    def check_name(name: str) -> tuple[str, ...]:
        wanted = f"{named.get('plural', '')}.{spec.get('group', '')}"
        found = tuple(names.subdomain(name))
        return found if name == wanted else (*found, 'must be spec.names.plural+"."+spec.group')

    errors = meta.metadata(obj["metadata"], namespaced=False, check_name=check_name)
    errors += _spec(spec)
    return errors + _stored_versions(obj) + _approval(obj, spec) + _preserve(spec)


def update(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    errors += _spec(spec)
    established = any(
        each.get("type") == "Established" and each.get("status") == "True"
        for each in (old.get("status") or {}).get("conditions") or ()
    )
    if established:
        errors += immutable(spec.get("scope"), before.get("scope"), "spec.scope")
        errors += immutable(spec["names"].get("kind"), before["names"].get("kind"), "spec.names.kind")
    errors += immutable(spec.get("group"), before.get("group"), "spec.group")
    errors += immutable(spec["names"].get("plural"), before["names"].get("plural"), "spec.names.plural")
    errors += _stored_versions(obj)
    if _approval_state(obj) != _approval_state(old):
        errors += _approval(obj, spec)
    return errors if before.get("preserveUnknownFields") else errors + _preserve(spec)


def _stored_versions(obj: Object) -> Errors:
    stored = (obj.get("status") or {}).get("storedVersions")
    field = "status.storedVersions"
    if not stored:
        return [invalid(field, stored, "must have at least one stored version")]
    versions = (obj.get("spec") or {}).get("versions") or ()
    names = [each.get("name", "") for each in versions]
    errors = [
        invalid(field, stored, f"must have the storage version {each['name']}")
        for each in versions
        if each.get("storage") and each["name"] not in stored
    ]
    for index, name in enumerate(stored):
        if name not in names:
            words = f"missing from spec.versions; {name} was previously a storage version, and must remain in "
            words += "spec.versions until a storage migration ensures no data remains persisted in "
            errors.append(invalid(f"{field}[{index}]", name, f"{words}{name} and removes {name} from {field}"))
    return errors


def _spec(spec: Fields) -> Errors:
    errors: Errors = []
    group = spec.get("group", "")
    if not group:
        errors.append(required("spec.group"))
    else:
        problems = names.subdomain(group)
        if not problems and "." not in group:
            problems = ("should be a domain with at least one dot",)
        errors += [invalid("spec.group", group, ",".join(problems))] if problems else []
    scope = spec.get("scope", "")
    if not scope:
        errors.append(required("spec.scope"))
    elif scope not in ("Cluster", "Namespaced"):
        errors.append(not_supported("spec.scope", scope, ("Cluster", "Namespaced")))
    versions = spec.get("versions")
    shared = versions_of.shared_parts(versions or [])
    for index, version in enumerate(versions or ()):
        if (version.get("schema") or {}).get("openAPIV3Schema") is None:
            errors.append(required(f"spec.versions[{index}].schema.openAPIV3Schema", "schemas are required"))
    seen = [version.get("name", "") for version in versions or ()]
    for index, version in enumerate(versions or ()):
        problems = rfc1035_label(version.get("name", ""))
        if problems:
            errors.append(invalid(f"spec.versions[{index}].name", version.get("name", ""), ",".join(problems)))
        errors += versions_of.check(version, f"spec.versions[{index}]", shared)
    shown = versions_of.shown(versions, shared)
    if len(set(seen)) != len(seen):
        errors.append(invalid("spec.versions", shown, "must contain unique version names"))
    if sum(bool(version.get("storage")) for version in versions or ()) != 1:
        errors.append(invalid("spec.versions", shown, "must have exactly one version marked as storage version"))
    named = spec.get("names") or {}
    errors += [
        required(f"spec.names.{key}") for key in ("plural", "singular", "kind", "listKind") if not named.get(key)
    ]
    errors += _names(named, "spec.names")
    errors += versions_of.check_shared(versions or [], shared)
    return errors + _conversion(spec.get("conversion") or {}, "spec.conversion")


def _conversion(conversion: Fields, field: str) -> Errors:
    strategy, webhook = conversion.get("strategy"), conversion.get("webhook") or {}
    if strategy == "Webhook":
        return _by_webhook(webhook, field)
    errors: Errors = []
    if not strategy and conversion:
        errors.append(required(f"{field}.strategy"))
    elif strategy not in (None, "None"):
        errors.append(not_supported(f"{field}.strategy", strategy, ("None", "Webhook")))
    words = "should not be set when strategy is not set to Webhook"
    if webhook.get("clientConfig") is not None:
        errors.append(forbidden(f"{field}.webhookClientConfig", words))
    if webhook.get("conversionReviewVersions"):
        errors.append(forbidden(f"{field}.conversionReviewVersions", words))
    return errors


def _by_webhook(webhook: Fields, field: str) -> Errors:
    config, here = webhook.get("clientConfig"), f"{field}.webhookClientConfig"
    errors = (
        [required(here, "required when strategy is set to Webhook")]
        if config is None
        else admission_rules.client(config, here)
    )
    return errors + admission_rules.review_versions(
        webhook.get("conversionReviewVersions") or [], f"{field}.conversionReviewVersions"
    )


def _names(named: Fields, field: str) -> Errors:
    errors: Errors = []
    for key in ("plural", "singular"):
        errors += [invalid(f"{field}.{key}", named[key], words) for words in _label(named.get(key, ""))]
    for key in ("kind", "listKind"):
        problems = _label(named.get(key, "").lower())
        if problems:
            words = "may have mixed case, but should otherwise match: " + ",".join(problems)
            errors.append(invalid(f"{field}.{key}", named[key], words))
    for key in ("shortNames", "categories"):
        for index, name in enumerate(named.get(key) or ()):
            errors += [invalid(f"{field}.{key}[{index}]", name, words) for words in rfc1035_label(name)]
        if key == "shortNames" and named.get("kind") and named.get("kind") == named.get("listKind"):
            errors.append(invalid(f"{field}.listKind", named["listKind"], "kind and listKind may not be the same"))
    return errors


def _label(text: str) -> tuple[str, ...]:
    return rfc1035_label(text) if text else ()


def _approval_state(obj: Object) -> str:
    """What is said of the approval, as far as it matters: the same fault is found once."""
    said = (obj["metadata"].get("annotations") or {}).get(_APPROVAL)
    return "missing" if not said else next((each for each in _APPROVED if said.startswith(each)), "invalid")


def _approval(obj: Object, spec: Fields) -> Errors:
    """Groups of Kubernetes' own may be added to by its own reviewers only."""
    group = spec.get("group", "")
    if not group.endswith((".k8s.io", ".kubernetes.io")) and group not in ("k8s.io", "kubernetes.io"):
        return []
    said = (obj["metadata"].get("annotations") or {}).get(_APPROVAL)
    field = f"metadata.annotations[{_APPROVAL}]"
    where = "see https://github.com/kubernetes/enhancements/pull/1111"
    if not said:
        return [required(field, f'protected groups must have approval annotation "{_APPROVAL}", {where}')]
    if said.startswith(_APPROVED):
        return []
    words = (
        f'protected groups must have approval annotation "{_APPROVAL}" with either a URL or a reason starting with '
        f'"unapproved", {where}'
    )
    return [invalid(field, said, words)]


def _preserve(spec: Fields) -> Errors:
    if not spec.get("preserveUnknownFields"):
        return []
    words = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
    return [invalid("spec.preserveUnknownFields", True, words)]


RULES = {
    "customresourcedefinitions": Rules(
        create,
        update,
        defaults=defaults,
        prepare=prepare,
        counts=spec_changed,
        new_status=new_status,
        warnings=versions_of.warnings,
    )
}
