"""x-kubernetes-validations: each rule of a schema asked of the value it stands at, within a budget.

Source: apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from statelab.controlplane.apiserver.validation.custom import cel
from statelab.controlplane.apiserver.validation.custom.cel.evaluating import Budget
from statelab.controlplane.apiserver.validation.custom.structural import Schema
from statelab.controlplane.apiserver.validation.custom.values import ABSENT, same_element
from statelab.controlplane.apiserver.validation.fields import Errors, invalid, shown
from statelab.controlplane.errors import FieldError

_BUDGET = 200_000  # steps for all rules of one object: a tenth of a second or two
_REASONS = {
    "FieldValueInvalid": "Invalid value", "FieldValueForbidden": "Forbidden", "FieldValueRequired": "Required value",
    "FieldValueDuplicate": "Duplicate value",
}  # fmt: skip
_UNFINISHED = (
    "some validation rules were not checked because the object was invalid; correct the existing errors to complete "
    "validation"
)
_BLOCKING = ("FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid")


def has_rules(schema: Schema) -> bool:
    """Whether any part of a schema has rules."""
    return bool(schema.get("x-kubernetes-validations")) or any(has_rules(each) for each in _parts(schema))


def _parts(schema: Schema) -> Iterator[Schema]:
    yield from (schema.get("properties") or {}).values()
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield schema[key]


def unchecked(errors: Errors) -> Errors:
    """What is said in place of the rules where an object is too wrong to ask them."""
    if not any(each.reason in _BLOCKING for each in errors):
        return []
    return [FieldError("<nil>", "FieldValueInvalid", f"Invalid value: null: {_UNFINISHED}")]


def validate(value: Any, old: Any, schema: Schema, let_be: Errors) -> Errors:
    """`old` None: the object is created. `let_be` is given what is wrong with values that have not changed."""
    budget = Budget(_BUDGET)
    errors: Errors = []
    try:
        _validate(value, ABSENT if old is None else old, schema, "", budget, (errors, let_be))
    except cel.TooCostly:
        words = "validation failed due to running out of cost budget, no further validation rules will be run"
        errors.append(FieldError("<nil>", "FieldValueInvalid", f"Invalid value: null: {words}"))
    return errors


def _validate(value: Any, old: Any, schema: Schema, path: str, budget: Budget, errors: tuple[Errors, Errors]) -> None:
    for rule in schema.get("x-kubernetes-validations") or ():
        _ask(rule, value, old, schema, path, budget, errors)
    if isinstance(value, dict):
        properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
        for name in sorted(value):
            below = properties.get(name, others)
            if isinstance(below, dict):
                before = old.get(name, ABSENT) if isinstance(old, dict) else ABSENT
                inside = (f"{path}.{name}" if path else name) if name in properties else f"{path}[{name}]"
                _validate(value[name], before, below, inside, budget, errors)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, each in enumerate(value):
            before = same_element(each, old, schema)
            _validate(each, before, schema["items"], f"{path}[{index}]", budget, errors)


def uses(node: cel.Node, name: str) -> bool:
    """Whether an expression speaks of a variable."""
    return (node.op == "name" and node.value == name) or any(uses(each, name) for each in node.args)


def _ask(
    rule: dict[str, Any], value: Any, old: Any, schema: Schema, path: str, budget: Budget, errors: tuple[Errors, Errors]
) -> None:
    expression = cel.parse(rule["rule"])
    variables = {"self": value}
    is_about_change = uses(expression, "oldSelf")
    found = errors[not is_about_change and old is not ABSENT and old == value]
    if is_about_change:
        if rule.get("optionalOldSelf"):
            variables["oldSelf"] = cel.Optional(old is not ABSENT, None if old is ABSENT else old)
        elif old is ABSENT:
            return  # a rule about a change, and nothing has changed
        else:
            variables["oldSelf"] = old
    try:
        holds = cel.evaluate(expression, variables, budget)
    except cel.CelError as error:
        asked = str(rule.get("message") or rule["rule"]).strip()
        words = f"{error} evaluating rule: {asked}"
        if str(error).startswith("no such overload"):
            words = (
                f"'{error}': call arguments did not match a supported operator, function or macro signature for rule: "
            )
            words += asked
        found.append(invalid(path or "<nil>", schema.get("type", ""), words))
        return
    if holds is not True:
        found.append(_failed(rule, value, path, _message(rule, variables, budget)))


def _message(rule: dict[str, Any], variables: dict[str, Any], budget: Budget) -> str:
    if rule.get("messageExpression"):
        try:
            found = cel.evaluate(cel.parse(rule["messageExpression"]), variables, budget)
        except cel.CelError:
            found = ""
        if isinstance(found, str) and found.strip() and "\n" not in found:
            return found.strip()
    return str(rule.get("message") or "").strip() or f"failed rule: {rule['rule'].strip()}"


def _failed(rule: dict[str, Any], value: Any, path: str, words: str) -> FieldError:
    """Values of one piece are shown, objects and lists are not; a duplicate is all that is said of one."""
    reason = rule.get("reason") or "FieldValueInvalid"
    field = (path or "<nil>") if not rule.get("fieldPath") else f"{path}{rule['fieldPath']}".lstrip(".")
    told = _REASONS.get(reason, "Invalid value")
    if reason in ("FieldValueInvalid", "FieldValueDuplicate") and not isinstance(value, dict | list):
        told += f": {shown(value)}"
    return FieldError(field, reason, told if reason == "FieldValueDuplicate" else f"{told}: {words}")
