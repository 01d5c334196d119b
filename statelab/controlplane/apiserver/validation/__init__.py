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
from statelab.controlplane.kinds import KINDS, Kind, Object


@cache
def _all_rules() -> dict[str, Rules]:
    # Only when first asked for: labels.py and others below need single modules of this package.
    found: dict[str, Rules] = {}
    for module in iter_modules(__path__, f"{__name__}."):
        found |= getattr(import_module(module.name), "RULES", {})
    return found


def rules_of(kind: Kind | str) -> Rules:
    """All that is known of a kind (or of a built-in one's plural) beside its schema. Raises KeyError."""
    if isinstance(kind, str):
        return _all_rules()[kind]
    rules: Rules = kind.custom.rules if kind.custom is not None else _all_rules()[kind.plural]
    return rules


def kind_of(kind: Kind | str) -> Kind:
    """A kind, or the built-in one of that plural."""
    return KINDS[kind] if isinstance(kind, str) else kind


def create(kind: Kind | str, obj: Object) -> list[FieldError]:
    """What is wrong with a new object (decoded, defaulted, admitted); empty when nothing is."""
    return rules_of(kind).create(obj)


def update(kind: Kind | str, obj: Object, old: Object) -> list[FieldError]:
    """What is wrong with an object that is to replace `old`.

    Metadata are judged for every kind alike first (rest.BeforeUpdate), so a fault in them is a cause more than once.
    """
    after, before = obj["metadata"], old["metadata"]
    namespaced = kind_of(kind).namespaced
    common = meta.metadata(after, namespaced=namespaced, check_name=names.path_segment, old=before)
    common += meta.metadata_update(after, before)
    found = rules_of(kind).update(obj, old)
    return common + found if common else found


def update_status(kind: Kind | str, obj: Object, old: Object) -> list[FieldError]:
    """What is wrong with a new status."""
    return rules_of(kind).update_status(obj, old)


def warnings_of(kind: Kind | str, obj: Object, old: Object | None = None) -> list[str]:
    """What is allowed and probably not meant in an object that is created, or (with `old`) updated; each once."""
    doubts = rules_of(kind).warnings
    return list(dict.fromkeys(doubts(obj, old))) if doubts is not None else []
