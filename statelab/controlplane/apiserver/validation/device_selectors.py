"""The CEL of device selectors: what an expression may say of a device, and whether a device is what it asks for.

Source: dynamic-resource-allocation/cel/compile.go, apiserver/pkg/cel/library/semverlib.go.
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.validation.custom import cel
from statelab.controlplane.apiserver.validation.custom.cel import types
from statelab.controlplane.apiserver.validation.custom.cel.kubernetes import quantity_of
from statelab.controlplane.apiserver.validation.custom.cel.semver import Semver
from statelab.controlplane.apiserver.validation.fields import Errors, Fields, invalid, too_long

_LONGEST = 10 * 1024
_BUDGET = 1_000_000 // 20  # what one expression may cost for one device
_DEVICE = types.object_of(
    "kubernetes.DRADevice",
    {
        "driver": types.STRING,
        "attributes": types.map_of(types.map_of(types.DYN)),
        "capacity": types.map_of(types.map_of(types.Type("kubernetes.Quantity"))),
        "allowMultipleAllocations": types.BOOL,
    },
)


def problems(expression: str, field: str) -> Errors:
    """What is wrong with an expression."""
    if len(expression.encode()) > _LONGEST:
        return [too_long(field, _LONGEST)]
    problem, found = cel.problems(expression, {"device": _DEVICE})
    if problem:
        return [invalid(field, expression, f"compilation failed: {problem}")]
    if found.kind not in ("bool", "dyn"):
        return [invalid(field, expression, f"must evaluate to bool or the unknown type, not {found}")]
    return []


class _Domains(dict[str, Any]):
    """Of a domain that a device has nothing of there is an empty map, never an error."""

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> dict[str, Any]:
        return {}


def described(driver: str, device: Fields) -> dict[str, Any]:
    """A device of a slice as expressions see it."""
    attributes, capacity = _Domains(), _Domains()
    for name, attribute in (device.get("attributes") or {}).items():
        _put(attributes, driver, name, _value(attribute))
    for name, each in (device.get("capacity") or {}).items():
        _put(capacity, driver, name, quantity_of(each["value"]))
    return {
        "driver": driver,
        "attributes": attributes,
        "capacity": capacity,
        "allowMultipleAllocations": bool(device.get("allowMultipleAllocations")),
    }


def qualified(name: str, driver: str) -> tuple[str, str]:
    """Domain and name of an attribute; without one it is the driver's."""
    domain, slash, own = name.partition("/")
    return (domain, own) if slash else (driver, name)


def _put(found: _Domains, driver: str, name: str, value: Any) -> None:
    domain, own = qualified(name, driver)
    found.setdefault(domain, {})[own] = value


def _value(attribute: Fields) -> Any:
    if "version" in attribute:
        return Semver(attribute["version"])
    return next((attribute[key] for key in ("int", "bool", "string") if key in attribute), None)


def matches(expression: str, device: dict[str, Any], whole: cel.Budget | None = None) -> bool:
    """Whether a device, as described() gives it, is asked for. Raises CelError, TooCostly, CelSyntaxError.

    `whole`: a budget that this is to be a part of.
    """
    found = cel.evaluate(cel.parse(expression), {"device": device}, cel.Budget(_BUDGET, whole))
    if not isinstance(found, bool):
        raise cel.CelError(f"CEL result of type {cel.type_name(found)} could not be converted to bool")
    return found
