"""Semantic versions in CEL: `semver("1.2.3").isLessThan(…)`, which versions of devices are compared with.

Source: apiserver/pkg/cel/library/semverlib.go, semver.org 2.0.0.
"""

from __future__ import annotations

import re
from typing import Any

from statelab.controlplane.apiserver.validation.custom.cel.values import CelError, Extension

_NUMBER, _PRE = r"(?:0|[1-9]\d*)", r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_VERSION = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_PRE}(?:\.{_PRE})*))?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?",
    re.ASCII,
)
_LONGEST = 256


def is_version(text: str) -> bool:
    """Whether a text is one, in all three parts."""
    return len(text) <= _LONGEST and _VERSION.fullmatch(text) is not None


class Semver(Extension):
    """A version. Raises CelError for a text that is none; `normalize` takes `v1` and `01.2` for versions, too."""

    def __init__(self, text: str, normalize: bool = False) -> None:
        found = _VERSION.fullmatch(_normal(text) if normalize else text) if len(text) <= _LONGEST else None
        if found is None:
            raise CelError(f"semver: {text[:60]!r} is no version")
        self.numbers = tuple(int(part) for part in found.groups()[:3])
        # One that is only on its way comes before the version itself, and numbers in it come before words.
        before = tuple(
            (0, int(part), "") if part.isdigit() else (1, 0, part) for part in (found[4] or "").split(".") if part
        )
        self.order = (self.numbers, not before, before)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Semver) and self.order == other.order

    def __hash__(self) -> int:
        return hash(self.order)

    def call(self, name: str, arguments: list[Any]) -> Any:
        match name, arguments:
            case (("major" | "minor" | "patch"), []):
                return self.numbers[("major", "minor", "patch").index(name)]
            case "isGreaterThan", [Semver() as other]:
                return self.order > other.order
            case "isLessThan", [Semver() as other]:
                return self.order < other.order
            case "compareTo", [Semver() as other]:
                return (self.order > other.order) - (self.order < other.order)
        return super().call(name, arguments)


def _normal(text: str) -> str:
    """Without a `v`, without leading zeros, with all three numbers."""
    start = re.match(r"[^-+]*", text.removeprefix("v"))
    numbers = start[0] if start else ""
    rest = text.removeprefix("v")[len(numbers) :]
    parts = [part.lstrip("0") or "0" for part in numbers.split(".")] if numbers else []
    return ".".join([*parts, *["0"] * (3 - len(parts))]) + rest


def function(name: str, arguments: list[Any]) -> Any:
    """`semver(text)`, `isSemver(text)`, both with a flag that takes what is nearly one. Raises CelError."""
    match arguments:
        case [str() as text]:
            normalize = False
        case [str() as text, bool() as normalize]:
            pass
        case _:
            raise CelError("no such overload")
    if name == "semver":
        return Semver(text, normalize)
    return is_version(_normal(text) if normalize else text)
