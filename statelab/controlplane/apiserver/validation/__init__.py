"""Validation: every rule a whole object must keep, in upstream's words and order. One module per family of kinds.

A module that says `RULES` (rules.py) is found by itself: to add a kind is to add its module.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from statelab.controlplane.apiserver.validation import meta, names
from statelab.controlplane.apiserver.validation.rules import Rules
from statelab.controlplane.errors import FieldError
from statelab.controlplane.kinds import KINDS, Object


@cache
def _all_rules() -> dict[str, Rules]:
    # Only when first asked for: labels.py and others below need single modules of this package.
    found: dict[str, Rules] = {}
    for module in iter_modules(__path__, f"{__name__}."):
        found |= getattr(import_module(module.name), "RULES", {})
    return found


def rules_of(plural: str) -> Rules:
    """All that is known of a kind beside its schema. Raises KeyError where no module says it."""
    return _all_rules()[plural]


def create(plural: str, obj: Object) -> list[FieldError]:
    """What is wrong with a new object (decoded, defaulted, admitted); empty when nothing is."""
    return rules_of(plural).create(obj)


def update(plural: str, obj: Object, old: Object) -> list[FieldError]:
    """What is wrong with an object that is to replace `old`.

    Metadata are judged for every kind alike first (rest.BeforeUpdate), so a fault in them is a cause more than once.
    """
    common = meta.metadata(
        obj["metadata"], namespaced=KINDS[plural].namespaced, check_name=names.path_segment
    ) + meta.metadata_update(obj["metadata"], old["metadata"])
    found = rules_of(plural).update(obj, old)
    return common + found if common else found


def update_status(plural: str, obj: Object, old: Object) -> list[FieldError]:
    """What is wrong with a new status."""
    return rules_of(plural).update_status(obj, old)


def warnings_of(plural: str, obj: Object, old: Object | None = None) -> list[str]:
    """What is allowed and probably not meant in an object that is created, or (with `old`) updated; each once."""
    doubts = rules_of(plural).warnings
    return list(dict.fromkeys(doubts(obj, old))) if doubts is not None else []
