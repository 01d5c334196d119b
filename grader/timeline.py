"""What happened to an object, told from the store's history: the evidence of a verdict."""

from __future__ import annotations

from collections.abc import Iterator

from grader.seen import reference, tidy
from statelab.controlplane.kinds import Object, split_key
from statelab.controlplane.store import Past, Store
from statelab.manifest.relations import at

_MOST = 8


def timeline(store: Store, plural: str, key: str, began_s: float, most: int = _MOST) -> tuple[str, ...]:
    """The latest `most` things that happened to one object, each with the seconds since the trial began."""
    lines = [
        f"{revision.at_s - began_s:7.1f} s  {reference(plural, split_key(key)[1])} {what}"
        for revision in store.history
        if revision.plural == plural and revision.key == key
        for what in _milestones(revision)
    ]
    warnings = [
        (at(event, "reason"), at(event, "message"))
        for event in store.list("events", split_key(key)[0] or "default")
        if at(event, "involvedObject", "name") == split_key(key)[1] and event.get("type") == "Warning"
    ]
    said = [f"           event {reason}: {tidy(str(message))}" for reason, message in dict.fromkeys(warnings)]
    return (*lines[-most:], *said[-2:])


def _milestones(revision: Past) -> Iterator[str]:
    now, before = revision.object, revision.previous
    by = revision.cause.actor
    if revision.type == "ADDED":
        yield f"created by {'your manifest' if by == 'you' else by}"
    elif revision.type == "DELETED":
        yield "gone"
        return
    if before is None:
        return
    if at(now, "metadata", "deletionTimestamp") and not at(before, "metadata", "deletionTimestamp"):
        yield f"asked to stop by {'the check' if by == 'you' else by}"
    if at(now, "spec", "nodeName") != at(before, "spec", "nodeName"):
        yield f"scheduled to {at(now, 'spec', 'nodeName')}"
    if at(now, "spec", "replicas") != at(before, "spec", "replicas"):
        yield f"scaled from {at(before, 'spec', 'replicas')} to {at(now, 'spec', 'replicas')} by {by}"
    if at(now, "spec", "volumeName") != at(before, "spec", "volumeName"):
        yield f"bound to volume {at(now, 'spec', 'volumeName')}"
    if at(now, "status", "phase") != at(before, "status", "phase") and at(now, "spec", "containers"):
        yield f"is {at(now, 'status', 'phase')}"
    if _ready(now) != _ready(before):
        yield "is Ready" if _ready(now) else "is not Ready any more"


def _ready(obj: Object) -> bool:
    conditions = at(obj, "status", "conditions") or ()
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
