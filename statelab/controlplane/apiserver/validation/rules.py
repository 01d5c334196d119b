"""Rules: all that the API server knows of a kind beside its schema, in one place.

A module of this package says `RULES = {"deployments": Rules(…)}` for the kinds it is about; validation/__init__.py
finds the modules, so that a new kind is a new module and no other file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from statelab.controlplane.apiserver.validation import meta
from statelab.controlplane.apiserver.validation.fields import Errors, Fields
from statelab.controlplane.kinds import Object


def only_metadata(obj: Object, old: Object) -> Errors:
    """What is wrong with an update of which only the metadata are judged."""
    return meta.metadata_update(obj["metadata"], old["metadata"])


def spec_changed(obj: Object, old: Object) -> bool:
    """Whether the spec is another: what a generation counts for most kinds."""
    return obj.get("spec") != old.get("spec")


@dataclass(frozen=True, slots=True)
class Rules:
    """What the API server does with one kind; functions that change an object change a private copy, in place.

    `create(obj)`, `update(obj, old)` and `update_status(obj, old)` find what is wrong, in upstream's words and order.
    `defaults(obj)` fills in what a manifest left out (pkg/apis/*/v1/defaults.go). The rest is upstream's strategy:
    `prepare(obj, old)` adjusts an object that is created (`old` None) or changed; `prepare_status(obj, old)` one whose
    status is written; `finish(obj)` fills in, after all that, what nobody judges.
    `counts(obj, old)` says whether a change makes a new generation; None: there is none.
    `new_status(obj)` is the status at birth; None stands for an empty one. `warnings(obj, old)` yields doubts that
    travel beside the answer; `delete_warning` goes with a deletion that says nothing about dependents.
    """

    create: Callable[[Object], Errors]
    update: Callable[[Object, Object], Errors]
    update_status: Callable[[Object, Object], Errors] = only_metadata
    defaults: Callable[[Object], None] | None = None
    prepare: Callable[[Object, Object | None], None] | None = None
    prepare_status: Callable[[Object, Object], None] | None = None
    finish: Callable[[Object], None] | None = None
    counts: Callable[[Object, Object], bool] | None = None
    new_status: Callable[[Object], Fields | None] | None = None
    warnings: Callable[[Object, Object | None], Iterable[str]] | None = None
    delete_warning: str = ""


def keep(key: str, obj: Fields, old: Fields) -> None:
    """Give `obj` the `key` of `old`, or take it away where `old` has none."""
    if key in old:
        obj[key] = old[key]
    else:
        obj.pop(key, None)
