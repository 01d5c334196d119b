"""What CEL's values are here, beside Python's own, and what they are called.

Source: cel-spec langdef.md, cel-go's optional types, apiserver/pkg/cel/library/quantity.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Spend = Callable[[int], None]
_LARGEST, _SMALLEST = 2**63 - 1, -(2**63)


class CelError(Exception):
    """The expression comes to nothing for these values."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A resource.Quantity, in billionths."""

    nanos: int


@dataclass(frozen=True, slots=True)
class Optional:
    """A value that need not be there: `oldSelf` of a rule with optionalOldSelf. Source: cel-go, OptionalTypes."""

    has_value: bool
    value: Any = None


class Extension:
    """A value of a library: what it is called upon it answers itself (an authorizer, say)."""

    def member(self, name: str) -> Any:
        """Raises CelError for what it does not have."""
        raise CelError(f"no such key: {name}")

    def call(self, name: str, arguments: list[Any]) -> Any:
        """Raises CelError for what it does not have."""
        raise CelError("no such overload")


_ESCAPED = {"__underscores__": "__", "__dot__": ".", "__dash__": "-", "__slash__": "/"}


def unescaped(name: str) -> str:
    """A property's name as it stands in the object: CEL names escape what they cannot hold."""
    if "__" not in name:
        return name
    reserved = re.fullmatch(r"__(\w+?)__", name)
    if reserved and name not in _ESCAPED:
        return reserved[1]
    return re.sub("__(?:underscores|dot|dash|slash)__", lambda found: _ESCAPED[found[0]], name)


def type_name(value: Any) -> str:
    for kind, name in ((bool, "bool"), (int, "int"), (float, "double"), (str, "string"), (list, "list"), (dict, "map")):
        if isinstance(value, kind):
            return name
    return "null_type" if value is None else type(value).__name__.lower()


def size_of(value: Any) -> int:
    return len(value) if isinstance(value, str | list | dict | bytes) else 1


def a_number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CelError("no such overload")
    return value


def number(value: int | float) -> int | float:
    if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
        raise CelError("integer overflow")
    return value
