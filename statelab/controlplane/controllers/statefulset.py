"""The StatefulSet controller: Pods with names that stay, made and removed in order, each with claims of its own.

Here is the order of things. A single step (create web-1) is in statefulset_steps.py; what makes a Pod web-1, in
statefulset_pods.py; its claims, in statefulset_claims.py; the templates the set had, in revisions.py; the counts it
tells, in statefulset_status.py.

Source: pkg/controller/statefulset/stateful_set_control.go (updateStatefulSet), stateful_set.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar

from statelab.controlplane.controllers.owners import adopt, concerned, labels_of, release, title
from statelab.controlplane.controllers.pods import is_news, is_terminating
from statelab.controlplane.controllers.revisions import history_of, truncate_history, update_revision
from statelab.controlplane.controllers.sizes import counted, slow_start
from statelab.controlplane.controllers.statefulset_claims import (
    claim_name,
    claim_templates,
    claims_are_owned_rightly,
    create_missing_claims,
    set_claim_owners,
)
from statelab.controlplane.controllers.statefulset_pods import (
    Known,
    Member,
    forget,
    known_of,
    member_of,
)
from statelab.controlplane.controllers.statefulset_status import next_available_s, write_status
from statelab.controlplane.controllers.statefulset_steps import Work, conforms, create, delete, repair, set_owners
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.labels import Selector, selector_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_Item = TypeVar("_Item")
_BURST = 500  # Pods that a Parallel set makes in one pass


def reconcile(key: str, view: View) -> float | None:
    """One pass over a set: as many steps as its policy allows, then the status.

    Returns when the next Pod will have been ready for minReadySeconds. Raises ApiError when a step was refused; the
    status is told first.
    """
    stateful_set = view.get("statefulsets", key)
    if stateful_set is None:
        return None
    selector = selector_of(stateful_set["spec"]["selector"])
    known = known_of(stateful_set, view)
    members = _claim_pods(stateful_set, selector, known, view)
    history = history_of(stateful_set, view)
    update, collisions = update_revision(stateful_set, history, view)
    current = _named(history, stateful_set.get("status", {}).get("currentRevision")) or update
    work = Work(stateful_set, selector, current, update, known, view)
    work.place(members)
    refusal: ApiError | None = None
    try:
        if not is_terminating(stateful_set):
            _advance(work)
    except ApiError as error:
        refusal = error
    now_members = work.members
    names = (current["metadata"]["name"], update["metadata"]["name"])
    write_status(stateful_set, now_members, *names, collisions, view)
    truncate_history(stateful_set, history, {*names, *(member.revision for member in now_members)}, view)
    if refusal is not None:
        raise refusal
    if work.has_more_to_create:
        return 0.0
    return next_available_s(stateful_set, now_members, view)


def _claim_pods(stateful_set: Object, selector: Selector, known: Known, view: View) -> list[Member]:
    """The set's Pods: orphans that bear its labels and its name are adopted, Pods that no longer do are released."""
    name = stateful_set["metadata"]["name"]
    members = known.members(view.owned("pods", stateful_set), name, selector)
    kept = [member for member in members if member.is_selected]
    if is_terminating(stateful_set):
        return kept
    if len(kept) != len(members):
        for member in members:
            if not member.is_selected:
                release("pods", member.pod, stateful_set, view)
    for orphan in view.orphans("pods", stateful_set["metadata"]["namespace"]):
        if selector(labels_of(orphan)) and not is_terminating(orphan):
            adopted = (
                adopt("pods", orphan, stateful_set, view) if member_of(orphan, name, selector).is_selected else None
            )
            if adopted is not None:
                kept.append(member_of(adopted, name, selector))
    return kept


def _named(history: list[Object], name: str | None) -> Object | None:
    return next((revision for revision in history if revision["metadata"]["name"] == name), None)


# ---- the order of things


def _advance(work: Work) -> None:
    """First every ordinal has its Pod, then Pods beyond the size go, then old Pods make way for the new template.

    OrderedReady stops at the first Pod that is not yet as it should be; Parallel does all it can at once.
    """
    if not _for_all(work, _places(work), lambda place: _process_replica(work, place)):
        return
    if not _for_all(work, work.condemned, lambda member: _fix_claims_of_condemned(work, member)):
        return
    unhealthy = _first_unhealthy(work) if work.condemned else None
    if not _for_all(work, range(len(work.condemned)), lambda place: _process_condemned(work, place, unhealthy)):
        return
    if work.stateful_set["spec"]["updateStrategy"]["type"] == "RollingUpdate":
        _replace_outdated(work)


def _places(work: Work) -> Iterable[int]:
    """The places to see to in this pass: all, but not more than so many that are empty."""
    if work.is_ordered:
        return range(work.size)  # it stops at the first that is empty
    empty = list(islice((place for place in range(work.size) if place not in work.replicas), _BURST))
    work.has_more_to_create = len(work.replicas) + len(empty) < work.size
    return sorted([*work.replicas, *empty])


def _for_all(work: Work, items: Iterable[_Item], step: Callable[[_Item], bool]) -> bool:
    """Take the step for each item. `step` answers whether the next item may follow; Parallel does not ask."""
    if work.is_ordered:
        return all(step(item) for item in items)
    refusal = slow_start(items, step)
    if refusal is not None:
        raise refusal
    return True


def _process_replica(work: Work, place: int) -> bool:
    """See to one ordinal. Whether the next may follow in an ordered set."""
    member = work.replicas.get(place)
    if member is None:
        return create(work, place)
    if work.known.is_settled(member):
        return work.is_healthy(member)
    if member.phase in ("Failed", "Succeeded"):
        if not member.is_terminating:
            delete(work, member, f"{member.name} has {member.phase.lower()}: a new {member.name} must take its place")
            work.replicas[place] = work.reread(member)
        return False
    if member.phase == "Pending":
        create_missing_claims(work.stateful_set, member.name, member.ordinal, work.view)
        set_owners(work, member)
    if work.is_ordered and not work.is_healthy(member):
        return False
    if not conforms(work, member):
        member = work.replicas[place] = repair(work, member)
    work.known.settle(member)
    return work.is_healthy(member)


# ---- scaling down


def _fix_claims_of_condemned(work: Work, member: Member) -> bool:
    if not claims_are_owned_rightly(work.stateful_set, member.pod, member.ordinal, True, work.view):
        set_claim_owners(work.stateful_set, member.pod, member.ordinal, True, work.view)
    return True


def _first_unhealthy(work: Work) -> Member | None:
    """The unhealthy Pod with the lowest ordinal of those that stay, or else of those that go."""
    upward = [*(work.replicas[place] for place in sorted(work.replicas)), *reversed(work.condemned)]
    return next((member for member in upward if not work.is_healthy(member)), None)


def _process_condemned(work: Work, place: int, unhealthy: Member | None) -> bool:
    """Delete one Pod beyond the size. In an ordered set the next one waits until it is gone.

    An unhealthy Pod holds an ordered set up, unless it is the very one whose turn it is.
    """
    member = work.condemned[place]
    if member.is_terminating:
        return False
    if work.is_ordered and not work.is_available(member) and member is not unhealthy:
        return False
    beyond = "the last beyond" if work.is_ordered else "beyond"
    wants = f"{title(work.stateful_set)} wants {counted(work.size, 'Pod')} from ordinal {work.start}"
    delete(work, member, f"{wants}, and {member.name} is {beyond}")
    work.condemned[place] = work.reread(member)
    return False


# ---- rolling update


def _replace_outdated(work: Work) -> None:
    """From the highest ordinal down to the partition, delete one Pod of an old template; wait for each new one."""
    rolling = work.stateful_set["spec"]["updateStrategy"].get("rollingUpdate") or {}
    wanted = work.update["metadata"]["name"]
    for place in range(work.size - 1, rolling.get("partition", 0) - 1, -1):
        member = work.replicas.get(place)
        if member is None:
            return
        if member.revision != wanted and not member.is_terminating:
            why = f"{member.name} has the template of {member.revision}, the set's is that of {wanted}"
            delete(work, member, f"{why}; the highest ordinal goes first")
            work.replicas[place] = work.reread(member)
            return
        if not work.is_healthy(member):
            return


# ---- what it watches


def _on_set(revision: Revision, view: View) -> Iterable[str]:
    if revision.type == "DELETED":
        forget(revision.object["metadata"]["uid"], view)
    elif revision.cause.actor == view.actor and not _has_completed(revision):
        return ()  # our own status
    return (revision.key,)


def _has_completed(revision: Revision) -> bool:
    """A rollout is over: what was the current revision is history now, and may be too much of it."""
    before = (revision.previous or {}).get("status", {})
    return bool(before.get("currentRevision") != revision.object.get("status", {}).get("currentRevision"))


def _on_pod(revision: Revision, view: View) -> Iterable[str]:
    if revision.type != "DELETED":
        if revision.cause.actor == view.actor:
            return ()  # the pass that wrote it has counted it
        if not is_news(revision.previous, revision.object):
            return ()
    return concerned(revision, "StatefulSet", "statefulsets", view)


def _on_claim(revision: Revision, view: View) -> Iterable[str]:
    """A claim that is gone may be missed by a Pod that waits for it, or have stood in the way of one."""
    if revision.type != "DELETED":
        return
    namespace, name = revision.object["metadata"]["namespace"], revision.object["metadata"]["name"]
    ordinal = name.rpartition("-")[2]
    for stateful_set in view.list("statefulsets", namespace) if ordinal.isdigit() else ():
        if any(claim_name(each, stateful_set, int(ordinal)) == name for each in claim_templates(stateful_set)):
            known_of(stateful_set, view).unsettle()
            yield key_of(stateful_set)


CONTROLLER = Controller(
    "statefulset-controller",
    reconcile,
    {"statefulsets": _on_set, "pods": _on_pod, "persistentvolumeclaims": _on_claim},
)
