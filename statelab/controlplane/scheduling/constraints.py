"""What a claim asks of its devices together: one value of an attribute for all of them, or a different one for each.

Source: dynamic-resource-allocation/structured (matchAttributeConstraint, distinctAttributeConstraint).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from statelab.controlplane.kinds import Object
from statelab.controlplane.scheduling.pools import Candidate


@dataclass(frozen=True, slots=True)
class Constraint:
    """`requests`: the names it is about; none: all."""

    requests: frozenset[str]
    attribute: str  # "domain/name"
    is_distinct: bool

    def holds(self, given: list[tuple[str, Candidate]]) -> bool:
        """Whether it does for these devices, each with the name of its request."""
        values = [_value(device, self.attribute) for name, device in given if self._is_about(name)]
        if any(each is None for each in values):
            return False  # a device without the attribute is never chosen
        return len(set(values)) == len(values) if self.is_distinct else len(set(values)) <= 1

    def _is_about(self, name: str) -> bool:
        return not self.requests or bool(self.requests & {name, name.partition("/")[0]})


def constraints_of(claim: Object) -> list[Constraint]:
    return [
        Constraint(
            frozenset(each.get("requests") or ()),
            each.get("matchAttribute") or each.get("distinctAttribute") or "",
            not each.get("matchAttribute"),
        )
        for each in (claim["spec"].get("devices") or {}).get("constraints") or ()
    ]


def _value(device: Candidate, attribute: str) -> tuple[str, Any] | None:
    """An attribute with its type: 1 and true are not the same."""
    attributes = device.spec.get("attributes") or {}
    found = attributes.get(attribute)
    if found is None:  # one in the driver's own domain may be declared without it
        domain, _, name = attribute.partition("/")
        found = attributes.get(name) if domain == device.key[0] else None
    return next(iter(found.items())) if found else None
