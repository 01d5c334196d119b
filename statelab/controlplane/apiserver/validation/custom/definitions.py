"""CustomResourceDefinitions themselves: what is filled in, and what is wrong with one.

Source: apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go, v1/defaults.go, registry/strategy.go.
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.encoding.jsonpaths import steps
from statelab.controlplane.apiserver.validation import meta, names
from statelab.controlplane.apiserver.validation.custom import schemas
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    GoValue,
    immutable,
    in_order,
    invalid,
    not_supported,
    required,
)
from statelab.controlplane.apiserver.validation.rules import Rules, spec_changed
from statelab.controlplane.kinds import Object
from statelab.controlplane.syntax import rfc1035_label

_APPROVAL = "api-approved.kubernetes.io"
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("", "byte", "date", "date-time", "double", "float", "int32", "int64", "password", "name", "binary")
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


def prepare(obj: Object, old: Object | None) -> None:
    """The version that is stored counts as stored from the moment it is said."""
    status = obj.setdefault("status", {})
    stored = list(status.get("storedVersions") or [])
    for version in (obj.get("spec") or {}).get("versions") or ():
        if version.get("storage") and version["name"] not in stored:
            stored.append(version["name"])
            break
    status["storedVersions"] = stored or None


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
    if not (obj.get("status") or {}).get("storedVersions"):
        stored = (obj.get("status") or {}).get("storedVersions")
        errors.append(invalid("status.storedVersions", stored, "must have at least one stored version"))
    return errors + _approval(obj, spec) + _preserve(spec)


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
    served = {each["name"] for each in spec.get("versions") or ()}
    for index, name in enumerate((obj.get("status") or {}).get("storedVersions") or ()):
        if name not in served:
            errors.append(invalid(f"status.storedVersions[{index}]", name, "must appear in spec.versions"))
    return errors + _preserve(spec)


def _spec(spec: Fields) -> Errors:
    errors: Errors = []
    group = spec.get("group", "")
    if not group:
        errors.append(required("spec.group"))
    else:
        errors += names.check_subdomain(group, "spec.group")
        if len(group.split(".")) < 2:
            errors.append(invalid("spec.group", group, "should be a domain with at least one dot"))
    scope = spec.get("scope", "")
    if not scope:
        errors.append(required("spec.scope"))
    elif scope not in ("Cluster", "Namespaced"):
        errors.append(not_supported("spec.scope", scope, ("Cluster", "Namespaced")))
    versions = spec.get("versions")
    shared = _shared(versions or [])
    for index, version in enumerate(versions or ()):
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            errors.append(required(f"spec.versions[{index}].schema.openAPIV3Schema", "schemas are required"))
    seen = [version.get("name", "") for version in versions or ()]
    for index, version in enumerate(versions or ()):
        problems = rfc1035_label(version.get("name", ""))
        if problems:
            errors.append(invalid(f"spec.versions[{index}].name", version.get("name", ""), ",".join(problems)))
        errors += _version(version, f"spec.versions[{index}]", shared)
    shown = _shown_versions(versions, shared)
    if len(set(seen)) != len(seen):
        errors.append(invalid("spec.versions", shown, "must contain unique version names"))
    if sum(bool(version.get("storage")) for version in versions or ()) != 1:
        errors.append(invalid("spec.versions", shown, "must have exactly one version marked as storage version"))
    named = spec.get("names") or {}
    errors += [
        required(f"spec.names.{key}") for key in ("plural", "singular", "kind", "listKind") if not named.get(key)
    ]
    errors += _names(named, "spec.names")
    for version in (versions or ())[:1]:
        errors += _schema(version, "spec.validation") if "schema" in shared else []
        errors += _subresources(version, "spec.subresources") if "subresources" in shared else []
        errors += _columns(version, "spec.additionalPrinterColumns") if "additionalPrinterColumns" in shared else []
    conversion = spec.get("conversion") or {}
    if conversion.get("strategy") == "Webhook":
        words = "statelab: conversion webhooks are not simulated; a kind cluster is the place to try them"
        errors.append(invalid("spec.conversion.strategy", "Webhook", words))
    elif conversion.get("strategy") not in (None, "None"):
        errors.append(not_supported("spec.conversion.strategy", conversion["strategy"], ("None", "Webhook")))
    return errors


_PARTS = ("schema", "subresources", "additionalPrinterColumns", "selectableFields")


def _shared(versions: list[Fields]) -> frozenset[str]:
    """What all versions have alike: the server keeps it once, above them, and names it there."""
    if not versions:
        return frozenset()
    return frozenset(key for key in _PARTS if all(each.get(key) == versions[0].get(key) for each in versions))


def _shown_versions(versions: list[Fields] | None, shared: frozenset[str]) -> Any:
    """Versions in a message, as Go's internal type has them."""
    if versions is None:
        return None
    shown = []
    for each in versions:
        parts = {key[0].upper() + key[1:]: None if key in shared else each.get(key) for key in _PARTS}
        shown.append(
            {
                "Name": each.get("name", ""), "Served": bool(each.get("served")), "Storage": bool(each.get("storage")),
                "Deprecated": bool(each.get("deprecated")),
                "DeprecationWarning": each.get("deprecationWarning"), **parts,
            }
        )  # fmt: skip
    return GoValue(in_order({"": shown})[4:-1])


def _version(version: Fields, field: str, shared: frozenset[str]) -> Errors:
    errors = [] if "schema" in shared else _schema(version, f"{field}.schema")
    if "subresources" not in shared:
        errors += _subresources(version, f"{field}.subresources")
    if "additionalPrinterColumns" not in shared:
        errors += _columns(version, f"{field}.additionalPrinterColumns")
    return errors


def _schema(version: Fields, field: str) -> Errors:
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    return schemas.check(schema, f"{field}.openAPIV3Schema") if schema else []


def _subresources(version: Fields, field: str) -> Errors:
    scale = (version.get("subresources") or {}).get("scale")
    if scale is None:
        return []
    errors: Errors = []
    for key, roots in (("specReplicasPath", (".spec",)), ("statusReplicasPath", (".status",))):
        errors += _path(scale.get(key, ""), f"{field}.scale.{key}", roots)
    if scale.get("labelSelectorPath"):
        errors += _path(scale["labelSelectorPath"], f"{field}.scale.labelSelectorPath", (".spec", ".status"))
    return errors


def _path(path: str, field: str, roots: tuple[str, ...]) -> Errors:
    if not path:
        return [required(field)]
    if problem := _json_path(path, field):
        return problem
    if not path.startswith(tuple(f"{root}." for root in roots)):
        return [invalid(field, path, f"should be a json path under {' or '.join(roots)}")]
    return []


def _json_path(path: str, field: str) -> Errors:
    if path[:1] != ".":
        return [invalid(field, path, "must be a simple json path starting with .")]
    return (
        []
        if path == "." or steps(path) is not None
        else [invalid(field, path, "must be a json path in the dot notation")]
    )


def _columns(version: Fields, field: str) -> Errors:
    errors: Errors = []
    for index, column in enumerate(version.get("additionalPrinterColumns") or ()):
        here = f"{field}[{index}]"
        if not column.get("name"):
            errors.append(required(f"{here}.name"))
        kind, form = column.get("type", ""), column.get("format", "")
        if not kind:
            errors.append(required(f"{here}.type", f"must be one of {','.join(_COLUMN_TYPES)}"))
        elif kind not in _COLUMN_TYPES:
            errors.append(not_supported(f"{here}.type", kind, _COLUMN_TYPES))
        if form not in _COLUMN_FORMATS:
            errors.append(not_supported(f"{here}.format", form, sorted(each for each in _COLUMN_FORMATS if each)))
        if not column.get("jsonPath"):
            errors.append(required(f"{here}.JSONPath"))
        else:
            errors += _json_path(column["jsonPath"], f"{here}.JSONPath")
    return errors


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
    if named.get("kind") and named.get("kind") == named.get("listKind"):
        errors.append(invalid(f"{field}.listKind", named["listKind"], "kind and listKind may not be the same"))
    return errors


def _label(text: str) -> tuple[str, ...]:
    return rfc1035_label(text) if text else ()


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
    if said.startswith(("https://", "unapproved")):
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
        create, update, defaults=defaults, prepare=prepare, counts=spec_changed, new_status=new_status
    )
}
