"""Defaulting: what the API server fills in before it looks any further.

`apply` changes a private copy in place; what is filled in is part of each kind's rules (validation/rules.py).
"""

from __future__ import annotations

from statelab.controlplane.apiserver.encoding import decoding
from statelab.controlplane.apiserver.validation import kind_of, rules_of
from statelab.controlplane.apiserver.validation.fields import Fields
from statelab.controlplane.kinds import Kind, Object


def apply(kind: Kind | str, obj: Object) -> None:
    """Fill in the defaults of one object of that kind, Pod templates and claim templates included."""
    fill_in = rules_of(kind).defaults
    if fill_in is not None:
        fill_in(obj)


def empty_status(kind: Kind | str) -> Fields:
    """The status of an object that has none yet, as Go writes it: `{}`, or the counts that are never left out."""
    made: Fields = decoding.decoder(f"{kind_of(kind).definition}Status")({})
    return made
