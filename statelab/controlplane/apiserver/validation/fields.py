"""Findings of validation and how the real server words them.

Source: apimachinery/pkg/util/validation/field/errors.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from statelab.controlplane.apiserver.encoding import go_types, schemas
from statelab.controlplane.apiserver.encoding.go_json import go_quote
from statelab.controlplane.errors import FieldError
from statelab.reader import jsonbytes

Fields = dict[str, Any]
Errors = list[FieldError]

NEGATIVE = "must be greater than or equal to 0"
NOT_POSITIVE = "must be greater than zero"
IMMUTABLE = "field is immutable"


class GoValue(str):
    """A value that is rendered already: the JSON of a Go struct."""


def required(field: str, detail: str = "") -> FieldError:
    return FieldError(field, "FieldValueRequired", f"Required value: {detail}" if detail else "Required value")


def invalid(field: str, value: Any, detail: str) -> FieldError:
    text = f"Invalid value: {shown(value)}"
    return FieldError(field, "FieldValueInvalid", f"{text}: {detail}" if detail else text)


def go_value_omitted(field: str, detail: str) -> FieldError:
    """An invalid value that the message does not show (field.OmitValueType)."""
    return FieldError(field, "FieldValueInvalid", f"Invalid value: {detail}")


def not_supported(field: str, value: Any, supported: Iterable[str]) -> FieldError:
    names = ", ".join(go_quote(each) for each in supported)
    message = f"Unsupported value: {shown(value)}: supported values: {names}"
    return FieldError(field, "FieldValueNotSupported", message)


def forbidden(field: str, detail: str) -> FieldError:
    return FieldError(field, "FieldValueForbidden", f"Forbidden: {detail}")


def duplicate(field: str, value: Any, detail: str = "") -> FieldError:
    text = f"Duplicate value: {shown(value)}"
    return FieldError(field, "FieldValueDuplicate", f"{text}: {detail}" if detail else text)


def not_found(field: str, value: Any, detail: str = "") -> FieldError:
    text = f"Not found: {shown(value)}"
    return FieldError(field, "FieldValueNotFound", f"{text}: {detail}" if detail else text)


def too_long(field: str, most: int) -> FieldError:
    return FieldError(field, "FieldValueTooLong", f"Too long: may not be more than {most} bytes")


def too_many(field: str, count: int, most: int) -> FieldError:
    plural = "item" if most == 1 else "items"
    return FieldError(field, "FieldValueTooMany", f"Too many: {count}: must have at most {most} {plural}")


def shown(value: Any) -> str:
    """A value in a message: strings quoted, everything else as JSON."""
    if isinstance(value, GoValue):
        return str(value)
    if isinstance(value, str):
        return go_quote(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return html_safe(jsonbytes.dumps(value, option=jsonbytes.OPT_SORT_KEYS if isinstance(value, dict) else 0).decode())


def html_safe(text: str) -> str:
    """Go's encoder never writes <, > and & as they are."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def go_struct(definition: str, value: Fields | None) -> GoValue:
    """The JSON of the server's internal struct: Go's field names, in Go's order, zeros included."""
    return in_order(go_fields(definition, value)) if value is not None else GoValue("null")


def in_order(value: Fields) -> GoValue:
    """JSON whose keys stay in their order."""
    return GoValue(html_safe(jsonbytes.dumps(value).decode()))


def go_fields(definition: str, value: Fields) -> Fields:
    """A struct as the server's internal type: every field, by its Go name and in Go's order."""
    own_names = not definition.startswith(schemas.META)  # metav1 types are not converted: they keep their JSON names
    out: Fields = {}
    for field in go_types.fields_of(definition):
        given = value.get(field.json)
        if given is None:
            if not own_names and field.may_be_left_out:
                continue
            given = _zero(field)
        elif field.kind == "struct":
            given = go_fields(field.definition, given)
        elif field.kind == "slice" and field.definition:
            given = [go_fields(field.definition, each) for each in given]
        elif field.kind == "map" and field.definition:
            given = {key: go_fields(field.definition, given[key]) for key in sorted(given)}
        elif field.kind == "map":
            given = {key: given[key] for key in sorted(given)}
        out[field.name if own_names else field.json] = given
    return out


def _zero(field: go_types.GoField) -> Any:
    if field.pointer or field.kind in ("slice", "map", "bytes", "time", "micro-time", "raw"):
        return None
    if field.kind == "struct":
        return go_fields(field.definition, {})
    return {"string": "", "bool": False, "quantity": "0"}.get(field.kind, 0)


def selector(value: Fields | None) -> GoValue:
    """A LabelSelector in a message."""
    return go_struct(schemas.META + "LabelSelector", value)


def non_negative(value: int | None, field: str) -> Errors:
    return [invalid(field, value, NEGATIVE)] if value is not None and value < 0 else []


def immutable(new: Any, old: Any, field: str) -> Errors:
    """The two must be the same; None, "" and empty collections are all absence."""
    return [] if (new or None) == (old or None) or new == old else [invalid(field, new, IMMUTABLE)]
