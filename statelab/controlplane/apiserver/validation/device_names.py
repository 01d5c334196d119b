"""What claims, classes and slices of devices share: names, references to requests, tolerations, parameters, bounds.

Source: pkg/apis/resource/validation/validation.go, pkg/apis/resource/types.go (limits).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from statelab.controlplane.apiserver.validation import names, sources
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    duplicate,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)
from statelab.reader import jsonbytes

T = TypeVar("T")
RequestNames = dict[str, set[str]]  # the names of requests, each with those of its subrequests

MOST = 32  # requests, constraints, configurations, selectors, results: the devices that a claim can be given
_MOST_TOLERATIONS = 16
_MOST_CONDITIONS = 4
EFFECTS = ("NoExecute", "NoSchedule", "None")
_OPERATORS = ("Equal", "Exists")
_LONGEST_PARAMETERS = 10 * 1024
_LONGEST_POOL = 253
_LONGEST_ID = 32
_REFERENCE = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_IDENTIFIER = (
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric "
    "characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is "
    "'[A-Za-z_][A-Za-z0-9_]*')"
)


def each_of(found: Sequence[T], most: int, check: Callable[[T, str], Errors], field: str) -> Errors:
    """What is wrong with each of a list; of one that is too long, only that."""
    if len(found) > most:
        return [too_many(field, len(found), most)]
    return [error for index, each in enumerate(found) for error in check(each, f"{field}[{index}]")]


def set_of(
    found: Sequence[T], most: int, check: Callable[[T, str], Errors], field: str, key: Callable[[T], object]
) -> Errors:
    """As each_of(), of a list in which no key stands twice."""
    errors = each_of(found, most, check, field)
    if len(found) > most:
        return errors
    seen: set[object] = set()
    for index, each in enumerate(found):
        own = key(each)
        if own in seen:
            errors.append(duplicate(f"{field}[{index}]", own))
        seen.add(own)
    return errors


def by_name(value: Fields) -> str:
    """The key of most such lists."""
    return str(value.get("name", ""))


def map_of(
    found: Mapping[str, T],
    most: int,
    check_key: Callable[[str, str], Errors],
    check: Callable[[T, str], Errors],
    field: str,
) -> Errors:
    """What is wrong with the keys and values of a map, by key; most < 0: of any size."""
    if 0 <= most < len(found):
        return [too_many(field, len(found), most)]
    return [
        error
        for key in sorted(found)
        for error in (*check_key(key, field), *check(found[key], f"{field}[{_shortened(key)}]"))
    ]


def _shortened(key: str, most: int = 63 + 1 + _LONGEST_ID) -> str:
    if len(key) <= most:
        return key
    left = most - 3
    return f"{key[: (left + 1) // 2]}...{key[len(key) - left // 2 :]}"


# ---- names


def pool(name: str, field: str) -> Errors:
    if not name:
        return [required(field)]
    errors: Errors = [too_long(field, _LONGEST_POOL)] if len(name) > _LONGEST_POOL else []
    return errors + [error for part in name.split("/") for error in names.check_subdomain(part, field)]


def identifier(name: str, field: str) -> Errors:
    errors: Errors = [too_long(field, _LONGEST_ID)] if len(name) > _LONGEST_ID else []
    return errors if _IDENTIFIER.fullmatch(name) else [*errors, invalid(field, name, _NO_IDENTIFIER)]


def qualified(name: str, field: str) -> Errors:
    """An attribute's name: `model`, or with its domain `dra.example.com/model`."""
    domain, slash, own = name.partition("/")
    if not slash:
        return identifier(name, field)
    if "/" in own:
        return [invalid(field, name, "must not contain more than one slash")]
    errors = sources.driver_name(domain, field) if domain else [invalid(field, "", "the domain must not be empty")]
    return errors + (identifier(own, field) if own else [invalid(field, "", "the name must not be empty")])


def fully_qualified(name: str, field: str) -> Errors:
    errors = qualified(name, field)
    if "/" not in name:
        why = "a fully qualified name must be a domain and a name separated by a slash"
        errors.append(invalid(field, name, why))
    return errors


# ---- references to requests


def request_names(devices: Fields) -> RequestNames:
    """The requests of a claim."""
    return {
        each.get("name", ""): {sub.get("name", "") for sub in each.get("firstAvailable") or ()}
        for each in devices.get("requests") or ()
    }


def reference(name: str, known: RequestNames, field: str) -> Errors:
    """`request` or `request/subrequest`."""
    parts = name.split("/")
    if len(parts) > 2:
        return [invalid(field, name, _REFERENCE)]
    errors = [error for part in parts for error in names.check_label(part, field)]
    if parts[0] not in known or (len(parts) == 2 and parts[1] not in known[parts[0]]):
        errors.append(invalid(field, name, _REFERENCE))
    return errors


def references(value: Fields, known: RequestNames, field: str) -> Errors:
    """The `requests` that a constraint or a configuration is about."""

    def check(name: str, here: str) -> Errors:
        return reference(name, known, here)

    return set_of(value.get("requests") or [], MOST, check, f"{field}.requests", str)


# ---- parameters, tolerations, taints, conditions


def opaque(value: Fields, field: str) -> Errors:
    """A driver's own configuration."""
    own = value.get("opaque")
    if own is None:
        return [required(f"{field}.opaque")]
    errors = sources.driver_name(own.get("driver", ""), f"{field}.opaque.driver")
    return errors + raw(own.get("parameters"), f"{field}.opaque.parameters")


def raw(value: object, field: str) -> Errors:
    """JSON of a driver's own: an object, at most 10 Ki long."""
    if value is None:
        return [required(field)]
    if len(jsonbytes.dumps(value)) > _LONGEST_PARAMETERS:
        return [too_long(field, _LONGEST_PARAMETERS)]
    return [] if isinstance(value, dict) else [invalid(field, "<value omitted>", "must be a valid JSON object")]


def tolerations(value: Fields, field: str) -> Errors:
    return each_of(value.get("tolerations") or [], _MOST_TOLERATIONS, _toleration, f"{field}.tolerations")


def _toleration(value: Fields, field: str) -> Errors:
    key, text = value.get("key", ""), value.get("value", "")
    errors = names.check_qualified(key, f"{field}.key") if key else []
    operator = value.get("operator", "")
    if operator == "Exists":
        if text:
            errors.append(invalid(f"{field}.value", text, "must be empty for operator `Exists`"))
    elif operator == "Equal":
        errors += [invalid(f"{field}.value", text, words) for words in names.label_value(text)]
    else:
        errors.append(not_supported(f"{field}.operator", operator, _OPERATORS))
    if value.get("effect") and value["effect"] not in EFFECTS:
        errors.append(not_supported(f"{field}.effect", value["effect"], EFFECTS))
    return errors


def taint(value: Fields, field: str) -> Errors:
    errors = names.check_qualified(value.get("key", ""), f"{field}.key")
    text = value.get("value", "")
    errors += [invalid(f"{field}.value", text, words) for words in names.label_value(text)]
    if not value.get("effect"):
        errors.append(required(f"{field}.effect"))
    elif value["effect"] not in EFFECTS:
        errors.append(not_supported(f"{field}.effect", value["effect"], EFFECTS))
    return errors


def binding_conditions(value: Fields, field: str) -> Errors:
    """The conditions that a driver must report before a Pod is bound, and those that say that it failed."""
    wanted, failures = value.get("bindingConditions") or [], value.get("bindingFailureConditions") or []
    errors: Errors = []
    for key, found in (("bindingConditions", wanted), ("bindingFailureConditions", failures)):
        errors += each_of(found, _MOST_CONDITIONS, names.check_qualified, f"{field}.{key}")
    for key, found in (("bindingConditions", wanted), ("bindingFailureConditions", failures)):
        for index, name in enumerate(found):
            here = f"{field}.{key}[{index}]"
            if name in found[:index]:
                errors.append(duplicate(here, name))
            if found is failures and name in wanted:
                why = "bindingFailureConditions must not overlap with bindingConditions"
                errors.append(invalid(here, name, why))
    if failures and not wanted:
        why = "bindingConditions are required to use bindingFailureConditions"
        errors.append(invalid(f"{field}.bindingConditions", wanted, why))
    if wanted and not failures:
        why = "bindingFailureConditions are required to use bindingConditions"
        errors.append(invalid(f"{field}.bindingFailureConditions", failures, why))
    return errors
