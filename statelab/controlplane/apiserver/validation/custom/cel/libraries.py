"""CEL's functions that have a name in two parts: `optional.of(x)`, `sets.contains(a, b)`, `jsonpatch.escapeKey(k)`.

Source: cel-go cel/library.go and ext/sets.go, ext/math.go; apiserver/pkg/cel/library/jsonpatch.go.
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.validation.custom.cel.functions import equal
from statelab.controlplane.apiserver.validation.custom.cel.values import CelError, Optional, Spend, a_number

NAMES = frozenset(("optional", "sets", "jsonpatch", "math"))


def call(name: str, arguments: list[Any], spend: Spend) -> Any:
    """Raises CelError."""
    match name, arguments:
        case "optional.of", [value]:
            return Optional(True, value)
        case "optional.none", []:
            return Optional(False)
        case "optional.ofNonZeroValue", [value]:
            return Optional(True, value) if value else Optional(False)
        case "sets.contains", [list() as one, list() as other]:
            return _contains(one, other, spend)
        case "sets.equivalent", [list() as one, list() as other]:
            return _contains(one, other, spend) and _contains(other, one, spend)
        case "sets.intersects", [list() as one, list() as other]:
            spend(len(one) * len(other))
            return any(equal(each, wanted) for wanted in other for each in one)
        case "jsonpatch.escapeKey", [str() as key]:
            return key.replace("~", "~0").replace("/", "~1")
        case (("math.greatest" | "math.least"), [list() as values]) if values:
            return _extreme(name, values)
        case (("math.greatest" | "math.least"), [_, *_]):
            return _extreme(name, arguments)
    raise CelError("no such overload")


def _contains(one: list[Any], other: list[Any], spend: Spend) -> bool:
    spend(len(one) * len(other))
    return all(any(equal(each, wanted) for each in one) for wanted in other)


def _extreme(name: str, values: list[Any]) -> Any:
    return (max if name == "math.greatest" else min)(values, key=a_number)
