"""A Job's podFailurePolicy and successPolicy, and intervals of indexes.

Source: pkg/apis/batch/validation/validation.go.
"""

from __future__ import annotations

from statelab.controlplane.apiserver.encoding.go_json import go_quote
from statelab.controlplane.apiserver.validation import names
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    duplicate,
    go_value_omitted,
    invalid,
    non_negative,
    not_supported,
    required,
    too_long,
    too_many,
)

_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS = ("In", "NotIn")
_STATUSES = ("False", "True", "Unknown")
_MOST_RULES = 20
_MOST_EXIT_CODES = 255
_MOST_PATTERNS = 20
_LONGEST_INDEXES = 64 * 1024


def _valid(values: tuple[str, ...]) -> str:
    return f"valid values: [{' '.join(go_quote(each) for each in values)}]"


def failure_policy(spec: Fields, field: str) -> Errors:
    """What is wrong with `spec.podFailurePolicy`."""
    rules = spec["podFailurePolicy"].get("rules") or []
    errors = [too_many(f"{field}.rules", len(rules), _MOST_RULES)] if len(rules) > _MOST_RULES else []
    pod = (spec.get("template") or {}).get("spec") or {}
    containers = {each.get("name", "") for key in ("containers", "initContainers") for each in pod.get(key) or ()}
    for index, rule in enumerate(rules):
        errors += _failure_rule(spec, rule, f"{field}.rules[{index}]", containers)
    return errors


def _failure_rule(spec: Fields, rule: Fields, field: str, containers: set[str]) -> Errors:
    action = rule.get("action", "")
    errors: Errors = []
    if not action:
        errors.append(required(f"{field}.action", _valid(_ACTIONS)))
    elif action == "FailIndex":
        if spec.get("backoffLimitPerIndex") is None:
            errors.append(invalid(f"{field}.action", action, "requires the backoffLimitPerIndex to be set"))
    elif action not in _ACTIONS:
        errors.append(not_supported(f"{field}.action", action, _ACTIONS))
    codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions") or []
    if codes is not None:
        errors += _exit_codes(codes, f"{field}.onExitCodes", containers)
    if conditions:
        errors += _conditions(conditions, f"{field}.onPodConditions")
    if codes is not None and conditions:
        why = "specifying both OnExitCodes and OnPodConditions is not supported"
        errors.append(go_value_omitted(field, why))
    if codes is None and not conditions:
        why = "specifying one of OnExitCodes and OnPodConditions is required"
        errors.append(go_value_omitted(field, why))
    return errors


def _exit_codes(wanted: Fields, field: str, containers: set[str]) -> Errors:
    operator, values = wanted.get("operator", ""), wanted.get("values") or []
    errors: Errors = []
    if not operator:
        errors.append(required(f"{field}.operator", _valid(_OPERATORS)))
    elif operator not in _OPERATORS:
        errors.append(not_supported(f"{field}.operator", operator, _OPERATORS))
    name = wanted.get("containerName")
    if name is not None and name not in containers:
        why = "must be one of the container or initContainer names in the pod template"
        errors.append(invalid(f"{field}.containerName", name, why))
    if not values:
        errors.append(invalid(f"{field}.values", wanted.get("values"), "at least one value is required"))
    elif len(values) > _MOST_EXIT_CODES:
        errors.append(too_many(f"{field}.values", len(values), _MOST_EXIT_CODES))
    seen: set[int] = set()
    for index, value in enumerate(values):
        here = f"{field}.values[{index}]"
        if operator == "In" and value == 0:
            errors.append(invalid(here, value, "must not be 0 for the In operator"))
        if value in seen:
            errors.append(duplicate(here, value))
        seen.add(value)
    if values != sorted(values):
        errors.append(invalid(f"{field}.values", values, "must be ordered"))
    return errors


def _conditions(patterns: list[Fields], field: str) -> Errors:
    errors = [too_many(field, len(patterns), _MOST_PATTERNS)] if len(patterns) > _MOST_PATTERNS else []
    for index, pattern in enumerate(patterns):
        here = f"{field}[{index}]"
        errors += names.check_qualified(pattern.get("type", ""), f"{here}.type")
        status = pattern.get("status", "")
        if not status:
            errors.append(required(f"{here}.status", _valid(_STATUSES)))
        elif status not in _STATUSES:
            errors.append(not_supported(f"{here}.status", status, _STATUSES))
    return errors


def success_policy(spec: Fields, field: str) -> Errors:
    """What is wrong with `spec.successPolicy` of an Indexed Job."""
    rules = spec["successPolicy"].get("rules") or []
    errors: Errors = []
    if not rules:
        why = "at least one rules must be specified when the successPolicy is specified"
        errors.append(required(f"{field}.rules", why))
    if len(rules) > _MOST_RULES:
        errors.append(too_many(f"{field}.rules", len(rules), _MOST_RULES))
    for index, rule in enumerate(rules):
        errors += _success_rule(rule, spec.get("completions") or 0, f"{field}.rules[{index}]")
    return errors


def _success_rule(rule: Fields, completions: int, field: str) -> Errors:
    count, indexes = rule.get("succeededCount"), rule.get("succeededIndexes")
    errors: Errors = []
    if count is None and indexes is None:
        errors.append(required(field, "at least one of succeededCount or succeededIndexes must be specified"))
    total = 0
    if indexes is not None:
        here = f"{field}.succeededIndexes"
        if len(indexes) > _LONGEST_INDEXES:
            errors.append(too_long(here, _LONGEST_INDEXES))
        else:
            try:
                total = indexes_in(indexes, completions)
            except ValueError as problem:
                errors.append(invalid(here, indexes, f"error parsing succeededIndexes: {problem}"))
    if count is not None:
        here = f"{field}.succeededCount"
        errors += non_negative(count, here)
        if count > completions:
            why = f"must be less than or equal to {completions} (the number of specified completions)"
            errors.append(invalid(here, count, why))
        if indexes is not None and count > total:
            of = "the number of indexes in the specified succeededIndexes field"
            errors.append(invalid(here, count, f"must be less than or equal to {total} ({of})"))
    return errors


def indexes_in(text: str, completions: int) -> int:
    """How many indexes a text like `1,3-5,7` names. Raises ValueError, in the server's words."""
    total, last = 0, -1
    for interval in text.split(",") if text else ():
        first, end = _interval(interval, completions)
        if last >= first:
            raise ValueError(f"non-increasing order, previous: {last}, current: {first}")
        total += end - first + 1
        last = end
    return total


def _interval(text: str, completions: int) -> tuple[int, int]:
    limits = text.split("-")
    if len(limits) > 2:
        raise ValueError(
            f"the fragment {go_quote(text)} violates the requirement that an index interval can have at most two parts "
            "separated by '-'"
        )
    first, *rest = (_index(each, completions) for each in limits)
    if not rest:
        return first, first
    if first >= rest[0]:
        raise ValueError(f"non-increasing order, previous: {first}, current: {rest[0]}")
    return first, rest[0]


def _index(text: str, completions: int) -> int:
    digits = text.removeprefix("+")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        raise ValueError(f"cannot convert string to integer for index: {go_quote(text)}")
    if int(digits) >= completions:
        raise ValueError(f"too large index: {go_quote(text)}")
    return int(digits)
