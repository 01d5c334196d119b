"""What is kept, dropped and counted when an object is created or changed: the registries' strategies.

A client cannot write a status with the spec, nor a spec with the status; a changed spec gets a new generation. What a
kind does beside that is part of its rules (validation/rules.py). Source: pkg/registry/*/strategy.go,
apiserver/pkg/registry/rest.
"""

from __future__ import annotations

from statelab.controlplane.apiserver.registry import defaults
from statelab.controlplane.apiserver.validation import kind_of, rules_of
from statelab.controlplane.apiserver.validation.rules import keep
from statelab.controlplane.kinds import Kind, Object


def prepare_create(kind: Kind | str, obj: Object) -> None:
    """Make a new object what the server lets it start as. `metadata.creationTimestamp`, if set, counts as now."""
    rules, metadata = rules_of(kind), obj["metadata"]
    metadata.pop("generation", None)
    if rules.counts is not None:
        metadata["generation"] = 1
    if "status" in kind_of(kind).subresources:
        status = rules.new_status(obj) if rules.new_status is not None else defaults.empty_status(kind)
        if status is not None:
            obj["status"] = status
    if rules.prepare is not None:
        rules.prepare(obj, None)


def prepare_update(kind: Kind | str, obj: Object, old: Object) -> None:
    """Take from the old object what a change may not touch, and count the change."""
    rules = rules_of(kind)
    if "status" in kind_of(kind).subresources:
        keep("status", obj, old)
    if rules.prepare is not None:
        rules.prepare(obj, old)
    metadata, generation = obj["metadata"], old["metadata"].get("generation") or 0
    if rules.counts is not None and rules.counts(obj, old):
        generation += 1
    if generation:
        metadata["generation"] = generation
    else:
        metadata.pop("generation", None)


def finish(kind: Kind | str, obj: Object) -> None:
    """What the server fills in when it reads back what it stored."""
    complete = rules_of(kind).finish
    if complete is not None:
        complete(obj)


def prepare_status_update(kind: Kind | str, obj: Object, old: Object) -> None:
    """Keep everything but the status (and harmless metadata)."""
    keep("spec", obj, old)
    keep("generation", obj["metadata"], old["metadata"])
    prepare = rules_of(kind).prepare_status
    if prepare is not None:
        prepare(obj, old)
