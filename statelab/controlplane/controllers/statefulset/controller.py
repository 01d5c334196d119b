"""The StatefulSet controller: Pods with names that stay, made and removed in order, each with claims of its own.

Here is the order of things. A single step (create web-1) is in statefulset_steps.py; what makes a Pod web-1, in
statefulset_pods.py; its claims, in statefulset_claims.py; the templates the set had, in revisions.py; the counts it
tells, in statefulset_status.py.

Source: pkg/controller/statefulset/stateful_set_control.go (updateStatefulSet), stateful_set.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from statelab.controlplane.controllers.common.owners import adopt, concerned, release, title
from statelab.controlplane.controllers.common.pods import is_news, is_terminating
from statelab.controlplane.controllers.common.revisions import history_of, truncate_history, update_revision
from statelab.controlplane.controllers.common.sizes import IN_ONE_PASS, allowance_of, counted, slow_start
from statelab.controlplane.controllers.statefulset.claims import (
    claim_name,
    claim_templates,
    claims_are_owned_rightly,
    create_missing_claims,
    set_claim_owners,
)
from statelab.controlplane.controllers.statefulset.pods import Member, member_of
from statelab.controlplane.controllers.statefulset.roster import Roster, forget, note, roster_of
from statelab.controlplane.controllers.statefulset.status import next_available_s, write_status
from statelab.controlplane.controllers.statefulset.steps import Work, conforms, create, delete, repair, set_owners
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.labels import selector_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_Item = TypeVar("_Item")


def reconcile(key: str, view: View) -> float | None:
    """One pass over a set: as many steps as its policy allows, then the status.

    Returns when the next Pod will have been ready for minReadySeconds. Raises ApiError when a step was refused; the
    status is told first.
    """
    stateful_set = view.get("statefulsets", key)
    if stateful_set is None:
        return None
    roster = roster_of(stateful_set, view)
    roster.begin_pass(stateful_set)
    _adopt_and_release(stateful_set, roster, view)
    history = history_of(stateful_set, view)
    update, collisions = update_revision(stateful_set, history, view)
    current = _named(history, stateful_set.get("status", {}).get("currentRevision")) or update
    work = Work(stateful_set, current, update, roster, view)
    refusal: ApiError | None = None
    try:
        if not is_terminating(stateful_set):
            _advance(work)
    except ApiError as error:
        refusal = error
    write_status(work, collisions)
    in_use = {name for name, count in roster.revisions.items() if count}
    truncate_history(stateful_set, history, {current["metadata"]["name"], update["metadata"]["name"], *in_use}, view)
    if refusal is not None:
        raise refusal
    if not work.is_ordered and not is_terminating(stateful_set) and roster.gaps(work.start, work.end, 1):
        return allowance_of(view).next_pass_s
    return next_available_s(work)


def _adopt_and_release(stateful_set: Object, roster: Roster, view: View) -> None:
    """Orphans that bear the set's labels and its name are adopted, Pods that no longer do are released."""
    if is_terminating(stateful_set):
        return
    for stray in tuple(roster.strays.values()):
        release("pods", stray.pod, stateful_set, view)
    selector = selector_of(stateful_set["spec"]["selector"])
    for orphan in view.orphans("pods", stateful_set["metadata"]["namespace"]):
        member = member_of(orphan, stateful_set["metadata"]["name"], selector)
        if member.is_selected and not member.is_terminating:
            adopt("pods", orphan, stateful_set, view)


def _named(history: list[Object], name: str | None) -> Object | None:
    return next((revision for revision in history if revision["metadata"]["name"] == name), None)


# ---- the order of things


def _advance(work: Work) -> None:
    """First every ordinal has its Pod, then Pods beyond the size go, then old Pods make way for the new template.

    OrderedReady stops at the first Pod that is not yet as it should be; Parallel does all it can at once.
    """
    if not _for_all(work, _ordinals_to_see(work), lambda ordinal: _process_replica(work, ordinal)):
        return
    condemned = work.roster.outside(work.start, work.end)
    if not _for_all(work, condemned, lambda member: _fix_claims_of_condemned(work, member)):
        return
    unhealthy = next((member for member in reversed(condemned) if not work.is_healthy(member)), None)
    if not _for_all(work, condemned, lambda member: _process_condemned(work, member, unhealthy)):
        return
    if work.stateful_set["spec"]["updateStrategy"]["type"] == "RollingUpdate":
        _replace_outdated(work)


def _ordinals_to_see(work: Work) -> list[int]:
    """Those whose Pod is missing, new, changed or not ready; all others are as they should be."""
    restless = work.roster.restless(work.start, work.end)
    if work.is_ordered:
        return sorted([*restless, *work.roster.gaps(work.start, work.end, 1)])
    # Nobody waits for a Pod to be ready here, so one that is as it should be needs no second look.
    changed = [ordinal for ordinal in restless if not work.roster.conforms(work.roster.by_ordinal[ordinal])]
    gaps = work.roster.gaps(work.start, work.end, IN_ONE_PASS)
    return sorted([*changed, *gaps[: allowance_of(work.view).take(len(gaps), work.view.now_s)]])


def _for_all(work: Work, items: Iterable[_Item], step: Callable[[_Item], bool]) -> bool:
    """Take the step for each item. `step` answers whether the next item may follow; Parallel does not ask."""
    if work.is_ordered:
        return all(step(item) for item in items)
    refusal = slow_start(items, step)
    if refusal is not None:
        raise refusal
    return True


def _process_replica(work: Work, ordinal: int) -> bool:
    """See to one ordinal. Whether the next may follow in an ordered set."""
    member = work.roster.by_ordinal.get(ordinal)
    if member is None:
        return create(work, ordinal)
    if member.phase in ("Failed", "Succeeded"):
        if not member.is_terminating:
            delete(work, member, f"{member.name} has {member.phase.lower()}: a new {member.name} must take its place")
        return False
    if not work.roster.conforms(member):
        if member.phase == "Pending":
            create_missing_claims(work.stateful_set, member.name, ordinal, work.view)
            set_owners(work, member.pod, ordinal)
        if work.is_ordered and not work.is_healthy(member):
            return False
        if not conforms(work, member):
            repair(work, member)
            return True
        work.roster.note_conforming(member)
    if not work.is_healthy(member):
        return False
    work.roster.note_healthy(member)
    return True


# ---- scaling down


def _fix_claims_of_condemned(work: Work, member: Member) -> bool:
    if not claims_are_owned_rightly(work.stateful_set, member.pod, member.ordinal, True, work.view):
        set_claim_owners(work.stateful_set, member.pod, member.ordinal, True, work.view)
    return True


def _process_condemned(work: Work, member: Member, unhealthy: Member | None) -> bool:
    """Delete one Pod beyond the size. In an ordered set the next one waits until it is gone.

    An unhealthy Pod holds an ordered set up, unless it is the very one whose turn it is. `unhealthy`: the lowest.
    """
    if member.is_terminating:
        return False
    if work.is_ordered and not work.is_available(member) and member is not unhealthy:
        return False
    beyond = "the last beyond" if work.is_ordered else "beyond"
    wants = f"{title(work.stateful_set)} wants {counted(work.size, 'Pod')} from ordinal {work.start}"
    delete(work, member, f"{wants}, and {member.name} is {beyond}")
    return False


# ---- rolling update


def _replace_outdated(work: Work) -> None:
    """From the highest ordinal down to the partition, delete one Pod of an old template; wait for each new one."""
    rolling = work.stateful_set["spec"]["updateStrategy"].get("rollingUpdate") or {}
    wanted = work.update["metadata"]["name"]
    if work.roster.revisions[wanted] == len(work.roster.by_ordinal):
        return
    for ordinal in range(work.end - 1, work.start + rolling.get("partition", 0) - 1, -1):
        member = work.roster.by_ordinal.get(ordinal)
        if member is None:
            return
        if member.revision != wanted and not member.is_terminating:
            why = f"{member.name} has the template of {member.revision}, the set's is that of {wanted}"
            delete(work, member, f"{why}; the highest ordinal goes first")
            return
        if not work.is_healthy(member):
            return


# ---- what it watches


def _on_set(revision: Revision, view: View) -> Iterable[str]:
    if revision.type == "DELETED":
        forget(revision.object, view)
    elif revision.cause.actor == view.actor and not _has_completed(revision):
        return ()  # our own status
    return (revision.key,)


def _has_completed(revision: Revision) -> bool:
    """A rollout is over: what was the current revision is history now, and may be too much of it."""
    before = (revision.previous or {}).get("status", {})
    return bool(before.get("currentRevision") != revision.object.get("status", {}).get("currentRevision"))


def _on_pod(revision: Revision, view: View) -> Iterable[str]:
    note(revision, view)
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
            roster_of(stateful_set, view).look_again()
            yield key_of(stateful_set)


CONTROLLER = Controller(
    "statefulset-controller",
    reconcile,
    {"statefulsets": _on_set, "pods": _on_pod, "persistentvolumeclaims": _on_claim},
)
