"""Metadata: names, labels, annotations, owners, finalizers; and label selectors.

Source: apimachinery/pkg/api/validation/objectmeta.go, apimachinery/pkg/apis/meta/v1/validation.
"""

from __future__ import annotations

from collections.abc import Callable

from statelab.controlplane.apiserver.encoding.go_json import go_quote
from statelab.controlplane.apiserver.validation import names
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    forbidden,
    go_fields,
    go_struct,
    immutable,
    invalid,
    non_negative,
    required,
    too_long,
)

NameCheck = Callable[[str], tuple[str, ...]]
_ANNOTATIONS_LIMIT = 256 * 1024
_OWNER = "io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference"
_IMMUTABLE = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
_COMMON = ("labels", "annotations", "ownerReferences", "finalizers")
_STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")


def metadata(value: Fields, *, namespaced: bool, check_name: NameCheck, old: Fields | None = None) -> Errors:
    """The metadata of an object that is created (ValidateObjectMeta), or that is to replace one with `old`."""
    errors: Errors = []
    prefix = value.get("generateName")
    if prefix:
        errors += [invalid("metadata.generateName", prefix, words) for words in check_name(names.generated(prefix))]
    name = value.get("name")
    if not name:
        errors.append(required("metadata.name", "name or generateName is required"))
    else:
        problems = check_name(name)
        if problems:
            errors += [invalid("metadata.name", name, words) for words in problems]
    namespace = value.get("namespace")
    if namespaced:
        if not namespace:
            errors.append(required("metadata.namespace"))
        else:
            errors += names.check_label(namespace, "metadata.namespace")
    elif namespace:
        errors.append(forbidden("metadata.namespace", "not allowed on this type"))
    errors += non_negative(value.get("generation"), "metadata.generation")
    return errors + _common(value if old is None else _changed(value, old))


def _changed(value: Fields, old: Fields) -> Fields:
    """What `old` has not: the rest was judged, by the same rules, when it was stored."""
    return {key: found for key, found in value.items() if key in _COMMON and found != old.get(key)}


def _common(value: Fields) -> Errors:
    errors: Errors = []
    if value.get("labels"):
        errors += labels(value["labels"], "metadata.labels")
    if value.get("annotations"):
        errors += check_annotations(value["annotations"], "metadata.annotations")
    if value.get("ownerReferences"):
        errors += _owners(value["ownerReferences"])
    if value.get("finalizers"):
        errors += _finalizers(value["finalizers"])
    return errors


def metadata_update(value: Fields, old: Fields) -> Errors:
    """What may not change (ValidateObjectMetaUpdate)."""
    errors: Errors = []
    if old.get("deletionTimestamp"):
        added = sorted(set(value.get("finalizers") or ()) - set(old.get("finalizers") or ()))
        if added:
            listed = ", ".join(go_quote(each) for each in added)
            why = "no new finalizers can be added if the object is being deleted, found new finalizers "
            errors.append(forbidden("metadata.finalizers", f"{why}[]string{{{listed}}}"))
    if (value.get("generation") or 0) < (old.get("generation") or 0):
        errors.append(invalid("metadata.generation", value.get("generation") or 0, "must not be decremented"))
    for key in _IMMUTABLE:
        if value.get(key) != old.get(key):
            errors += immutable(value.get(key), old.get(key), f"metadata.{key}")
    return errors + _common(_changed(value, old))


def labels(value: Fields, field: str) -> Errors:
    errors: Errors = []
    for key in sorted(value):
        problems = names.qualified(key)
        if problems:
            errors += [invalid(field, key, words) for words in problems]
        problems = names.label_value(value[key])
        if problems:
            errors += [invalid(field, value[key], words) for words in problems]
    return errors


def check_annotations(value: Fields, field: str) -> Errors:
    errors: Errors = []
    size = 0
    for key in sorted(value):
        problems = names.qualified(key.lower())
        if problems:
            errors += [invalid(field, key, words) for words in problems]
        size += len(key.encode("utf-8", "replace")) + len(value[key].encode("utf-8", "replace"))
    if size > _ANNOTATIONS_LIMIT:
        errors.append(too_long(field, _ANNOTATIONS_LIMIT))
    return errors


def _owners(owners: list[Fields]) -> Errors:
    errors: Errors = []
    field = "metadata.ownerReferences"
    controller = ""
    for owner in owners:
        version = owner.get("apiVersion") or ""
        if not version.rpartition("/")[2]:
            errors.append(invalid(f"{field}.apiVersion", version, "version must not be empty"))
        for key in ("kind", "name", "uid"):
            if not owner.get(key):
                errors.append(invalid(f"{field}.{key}", owner.get(key) or "", "must not be empty"))
        if (version, owner.get("kind")) == ("v1", "Event"):
            errors.append(invalid(field, go_struct(_OWNER, owner), "/v1, Kind=Event is disallowed from being an owner"))
        if owner.get("controller"):
            if controller:
                why = (
                    'Only one reference can have Controller set to true. Found "true" in references for '
                    f"{controller} and {owner.get('name', '')}"
                )
                errors.append(invalid(field, [go_fields(_OWNER, each) for each in owners], why))
            else:
                controller = owner.get("name", "")
    return errors


def _finalizers(finalizers: list[str]) -> Errors:
    errors: Errors = []
    for finalizer in finalizers:
        errors += names.check_qualified(finalizer, "metadata.finalizers")
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        why = "finalizer orphan and foregroundDeletion cannot be both set"
        errors.append(invalid("metadata.finalizers", finalizers, why))
    for index, finalizer in enumerate(finalizers):
        errors += kube_finalizer(finalizer, f"metadata.finalizers[{index}]")
    return errors


def kube_finalizer(finalizer: str, field: str) -> Errors:
    if "/" in finalizer or finalizer in _STANDARD_FINALIZERS:
        return []
    return [invalid(field, finalizer, "name is neither a standard finalizer name nor is it fully qualified")]


def label_selector(value: Fields | None, field: str) -> Errors:
    """ValidateLabelSelector: of a selector that may be absent."""
    if value is None:
        return []
    errors: Errors = []
    if value.get("matchLabels"):
        errors += labels(value["matchLabels"], f"{field}.matchLabels")
    for index, one in enumerate(value.get("matchExpressions") or ()):
        errors += _requirement(one, f"{field}.matchExpressions[{index}]")
    return errors


def _requirement(value: Fields, field: str) -> Errors:
    errors: Errors = []
    operator = value.get("operator", "")
    values: list[str] = value.get("values") or []
    if operator in ("In", "NotIn"):
        if not values:
            errors.append(required(f"{field}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(forbidden(f"{field}.values", why))
    else:
        errors.append(invalid(f"{field}.operator", operator, "not a valid selector operator"))
    errors += names.check_qualified(value.get("key", ""), f"{field}.key")
    for index, text in enumerate(values):
        errors += [invalid(f"{field}.values[{index}]", text, words) for words in names.label_value(text)]
    return errors


def selects(value: Fields | None) -> Callable[[Fields], bool] | None:
    """LabelSelectorAsSelector for validation: a predicate on labels, or None where the selector cannot be one."""
    if value is None:
        return lambda _labels: False
    wanted: Fields = value.get("matchLabels") or {}
    expressions: list[Fields] = value.get("matchExpressions") or []
    for key, text in wanted.items():
        if names.qualified(key) or names.label_value(text):
            return None
    for one in expressions:
        operator, values = one.get("operator"), one.get("values") or []
        known = operator in ("In", "NotIn", "Exists", "DoesNotExist")
        if not known or (operator in ("In", "NotIn")) != bool(values) or names.qualified(one.get("key", "")):
            return None
        if any(names.label_value(text) for text in values):
            return None

    def matches(found: Fields) -> bool:
        return all(found.get(key) == text for key, text in wanted.items()) and all(
            _holds(one, found) for one in expressions
        )

    return matches


def _holds(requirement: Fields, found: Fields) -> bool:
    key, operator, values = requirement.get("key"), requirement.get("operator"), requirement.get("values") or []
    if operator == "In":
        return key in found and found[key] in values
    if operator == "NotIn":
        return key not in found or found[key] not in values
    return (key in found) == (operator == "Exists")


def is_empty(value: Fields) -> bool:
    return not value.get("matchLabels") and not value.get("matchExpressions")
