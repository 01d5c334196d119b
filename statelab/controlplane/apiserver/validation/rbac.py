"""Roles, ClusterRoles and their bindings.

Source: pkg/apis/rbac/validation/validation.go, pkg/apis/rbac/v1/defaults.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from statelab.controlplane.apiserver.validation import meta, names
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    go_struct,
    invalid,
    not_supported,
    required,
)
from statelab.controlplane.apiserver.validation.rules import Rules
from statelab.controlplane.kinds import Object

_GROUP = "rbac.authorization.k8s.io"
_REFERENCE = "io.k8s.api.rbac.v1.RoleRef"
_SUBJECTS = ("ServiceAccount", "User", "Group")


def _metadata(obj: Object) -> Errors:
    return meta.metadata(obj["metadata"], namespaced=_is_namespaced(obj), check_name=names.path_segment)


def _is_namespaced(obj: Object) -> bool:
    return not str(obj["kind"]).startswith("Cluster")


# ---- roles


def create_role(obj: Object) -> Errors:
    errors = _metadata(obj)
    for index, rule in enumerate(obj.get("rules") or ()):
        errors += _rule(rule, f"rules[{index}]", namespaced=_is_namespaced(obj))
    selectors = (obj.get("aggregationRule") or {}).get("clusterRoleSelectors")
    if obj.get("aggregationRule") is not None:
        here = "aggregationRule.clusterRoleSelectors"
        if not selectors:
            errors.append(required(here, "at least one clusterRoleSelector required if aggregationRule is non-nil"))
        for index, selector in enumerate(selectors or ()):
            errors += meta.label_selector(selector, f"{here}[{index}]")
    return errors


def update_role(obj: Object, old: Object) -> Errors:
    return create_role(obj) + meta.metadata_update(obj["metadata"], old["metadata"])


def _rule(rule: Fields, field: str, *, namespaced: bool) -> Errors:
    errors: Errors = []
    if not rule.get("verbs"):
        errors.append(required(f"{field}.verbs", "verbs must contain at least one value"))
    urls = rule.get("nonResourceURLs")
    if urls:
        here = f"{field}.nonResourceURLs"
        if namespaced:
            errors.append(invalid(here, urls, "namespaced rules cannot apply to non-resource URLs"))
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            errors.append(invalid(here, urls, "rules cannot apply to both regular resources and non-resource URLs"))
        return errors
    if not rule.get("apiGroups"):
        errors.append(required(f"{field}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        errors.append(required(f"{field}.resources", "resource rules must supply at least one resource"))
    return errors


# ---- bindings


def create_binding(obj: Object) -> Errors:
    errors = _metadata(obj)
    reference, namespaced = obj.get("roleRef") or {}, _is_namespaced(obj)
    group, kind, name = (reference.get(key, "") for key in ("apiGroup", "kind", "name"))
    kinds: Sequence[str] = ("Role", "ClusterRole") if namespaced else ("ClusterRole",)
    if group != _GROUP:
        errors.append(not_supported("roleRef.apiGroup", group, (_GROUP,)))
    if kind not in kinds:
        errors.append(not_supported("roleRef.kind", kind, kinds))
    if not name:
        errors.append(required("roleRef.name"))
    errors += [invalid("roleRef.name", name, words) for words in names.path_segment(name)]
    for index, subject in enumerate(obj.get("subjects") or ()):
        errors += _subject(subject, f"subjects[{index}]", namespaced=namespaced)
    return errors


def update_binding(obj: Object, old: Object) -> Errors:
    errors = create_binding(obj) + meta.metadata_update(obj["metadata"], old["metadata"])
    if obj.get("roleRef") != old.get("roleRef"):
        errors.append(invalid("roleRef", go_struct(_REFERENCE, obj.get("roleRef") or {}), "cannot change roleRef"))
    return errors


def _subject(subject: Fields, field: str, *, namespaced: bool) -> Errors:
    kind, name, group = (subject.get(key, "") for key in ("kind", "name", "apiGroup"))
    errors: Errors = [] if name else [required(f"{field}.name")]
    if kind == "ServiceAccount":
        errors += [invalid(f"{field}.name", name, words) for words in names.subdomain(name)] if name else []
        if group:
            errors.append(not_supported(f"{field}.apiGroup", group, ("",)))
        if not namespaced and not subject.get("namespace"):
            errors.append(required(f"{field}.namespace"))
    elif kind in _SUBJECTS:
        if not name:
            errors.append(invalid(f"{field}.name", name, f"{kind.lower()} name cannot be empty"))
        if group != _GROUP:
            errors.append(not_supported(f"{field}.apiGroup", group, (_GROUP,)))
    else:
        errors.append(not_supported(f"{field}.kind", kind, _SUBJECTS))
    return errors


def _binding_defaults(obj: Object) -> None:
    reference = obj.setdefault("roleRef", {})
    if not reference.get("apiGroup"):
        reference["apiGroup"] = _GROUP
    for subject in obj.get("subjects") or ():
        if not subject.get("apiGroup") and subject.get("kind") in ("User", "Group"):
            subject["apiGroup"] = _GROUP


_ROLE = Rules(create_role, update_role)
_BINDING = Rules(create_binding, update_binding, defaults=_binding_defaults)
RULES = {"roles": _ROLE, "clusterroles": _ROLE, "rolebindings": _BINDING, "clusterrolebindings": _BINDING}
