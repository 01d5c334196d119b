"""The StatefulSet controller: Pods with names that stay, made and removed in order, each with claims of its own.

What makes a Pod web-1 is in statefulset_pods.py; its claims, in statefulset_claims.py; the templates the set had, in
revisions.py; the counts it tells, in statefulset_status.py. Here is the order of things.

Source: pkg/controller/statefulset/stateful_set_control.go (updateStatefulSet), stateful_set.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from statelab.controlplane.controllers.owners import adopt, concerned, labels_of, release, title
from statelab.controlplane.controllers.pods import is_news, is_terminating
from statelab.controlplane.controllers.revisions import history_of, template_of, truncate_history, update_revision
from statelab.controlplane.controllers.sizes import slow_start
from statelab.controlplane.controllers.statefulset_claims import (
    claim_name,
    claim_templates,
    claims_are_owned_rightly,
    create_missing_claims,
    is_blocked_by_stale_claim,
    set_claim_owners,
)
from statelab.controlplane.controllers.statefulset_pods import (
    Known,
    Member,
    first_ordinal,
    forget,
    has_identity,
    has_storage,
    known_of,
    member_of,
    new_pod,
    repaired,
)
from statelab.controlplane.controllers.statefulset_status import next_available_s, write_status
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.labels import Selector, selector_of
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
    selector = selector_of(stateful_set["spec"]["selector"])
    known = known_of(stateful_set, view)
    members = _claim_pods(stateful_set, selector, known, view)
    history = history_of(stateful_set, view)
    update, collisions = update_revision(stateful_set, history, view)
    current = _named(history, stateful_set.get("status", {}).get("currentRevision")) or update
    work = _Work(stateful_set, selector, current, update, known, view)
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
    if history and history[-1] is not update:
        history = history_of(stateful_set, view)
    truncate_history(stateful_set, history, {*names, *(member.revision for member in now_members)}, view)
    if refusal is not None:
        raise refusal
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


# ---- what one pass works with


@dataclass
class _Work:
    """A set, its Pods by ordinal (None: there is none), and those beyond its size, the highest ordinal first."""

    stateful_set: Object
    selector: Selector
    current: Object
    update: Object
    known: Known
    view: View
    replicas: list[Member | None] = field(default_factory=list)
    condemned: list[Member] = field(default_factory=list)

    def place(self, members: list[Member]) -> None:
        """Put each Pod in its place."""
        start, size = self.start, self.stateful_set["spec"]["replicas"]
        self.replicas = [None] * size
        for member in members:
            place = member.ordinal - start
            if 0 <= place < size:
                self.replicas[place] = member
            elif member.ordinal >= 0:
                self.condemned.append(member)
        self.condemned.sort(key=lambda member: member.ordinal, reverse=True)
        self.known.at_generation(self.stateful_set["metadata"]["generation"])

    @property
    def start(self) -> int:
        return first_ordinal(self.stateful_set)

    @property
    def is_ordered(self) -> bool:
        return bool(self.stateful_set["spec"].get("podManagementPolicy", "OrderedReady") != "Parallel")

    @property
    def members(self) -> list[Member]:
        return [*(member for member in self.replicas if member is not None), *self.condemned]

    @property
    def name(self) -> str:
        return str(self.stateful_set["metadata"]["name"])

    def is_available(self, member: Member) -> bool:
        return member.is_available(self.stateful_set["spec"].get("minReadySeconds", 0), self.view.now_s)

    def is_healthy(self, member: Member) -> bool:
        return self.is_available(member) and not member.is_terminating

    def reread(self, member: Member) -> Member:
        """The Pod as it is now; as it was when it is gone, which its deletion will tell the next pass."""
        pod = self.view.get("pods", key_of(member.pod))
        return member_of(pod, self.name, self.selector) if pod is not None else member

    def told(self, verb: str, pod_name: str, refusal: ApiError | None = None) -> None:
        """The event that every step on a Pod leaves."""
        if refusal is None:
            message = f"{verb} Pod {pod_name} in StatefulSet {self.name} successful"
            self.view.event(self.stateful_set, f"Successful{verb}", message)
        else:
            message = f"{verb} Pod {pod_name} in StatefulSet {self.name} failed error: {refusal.message}"
            self.view.event(self.stateful_set, f"Failed{verb}", message, type="Warning")


# ---- the order of things


def _advance(work: _Work) -> None:
    """First every ordinal has its Pod, then Pods beyond the size go, then old Pods make way for the new template.

    OrderedReady stops at the first Pod that is not yet as it should be; Parallel does all it can at once.
    """
    if not _for_all(work, range(len(work.replicas)), lambda place: _process_replica(work, place)):
        return
    if not _for_all(work, work.condemned, lambda member: _fix_claims_of_condemned(work, member)):
        return
    unhealthy = _first_unhealthy(work) if work.condemned else None
    if not _for_all(work, range(len(work.condemned)), lambda place: _process_condemned(work, place, unhealthy)):
        return
    if work.stateful_set["spec"]["updateStrategy"]["type"] == "RollingUpdate":
        _replace_outdated(work)


def _for_all(work: _Work, items: Sequence[_Item], step: Callable[[_Item], bool]) -> bool:
    """Take the step for each item. `step` answers whether the next item may follow; Parallel does not ask."""
    if work.is_ordered:
        return all(step(item) for item in items)
    refusal = slow_start(items, step)
    if refusal is not None:
        raise refusal
    return True


def _process_replica(work: _Work, place: int) -> bool:
    """See to one ordinal. Whether the next may follow in an ordered set."""
    member = work.replicas[place]
    if member is None:
        return _create(work, place)
    if work.known.is_settled(member):
        return work.is_healthy(member)
    if member.phase in ("Failed", "Succeeded"):
        if not member.is_terminating:
            _delete(work, member, f"{member.name} has {member.phase.lower()}: a new {member.name} must take its place")
            work.replicas[place] = work.reread(member)
        return False
    if member.phase == "Pending":
        create_missing_claims(work.stateful_set, member.name, member.ordinal, work.view)
        _set_owners(work, member)
    if work.is_ordered and not work.is_healthy(member):
        return False
    if not _conforms(work, member):
        member = work.replicas[place] = _repair(work, member)
    work.known.settle(member)
    return work.is_healthy(member)


def _create(work: _Work, place: int) -> bool:
    """Make the Pod of that place, and its claims before it. An ordered set waits for it."""
    ordinal = work.start + place
    name = f"{work.name}-{ordinal}"
    if is_blocked_by_stale_claim(work.stateful_set, name, ordinal, work.view):
        return False
    revision = _revision_for(work, place)
    try:
        create_missing_claims(work.stateful_set, name, ordinal, work.view)
        wished = new_pod(work.stateful_set, template_of(revision), revision["metadata"]["name"], ordinal)
        pod = work.view.create("pods", wished, why=_why_create(work, place))
    except ApiError as refusal:
        if refusal.reason != "AlreadyExists":
            work.told("Create", name, refusal)
        raise
    member = work.replicas[place] = member_of(pod, work.name, work.selector)
    _set_owners(work, member)
    work.told("Create", name)
    return False


def _revision_for(work: _Work, place: int) -> Object:
    """Ordinals below the partition stay with the current template, whatever happens to their Pods."""
    strategy = work.stateful_set["spec"]["updateStrategy"]
    if strategy["type"] != "RollingUpdate":
        return work.update
    rolling = strategy.get("rollingUpdate")
    if rolling is None:
        kept = work.stateful_set.get("status", {}).get("currentReplicas", 0)
    else:
        kept = rolling.get("partition", 0)
    return work.current if place < kept else work.update


def _why_create(work: _Work, place: int) -> str:
    first, size = work.start, len(work.replicas)
    ordinal = first + place
    wants = f"{title(work.stateful_set)} wants ordinals {first}–{first + size - 1} and no Pod had ordinal {ordinal}"
    if not work.is_ordered:
        return f"{wants}; Parallel waits for no other"
    before = work.replicas[place - 1] if place else None
    if before is None:
        return wants
    return f"{wants}; {before.name} is Ready, so OrderedReady may create {work.name}-{ordinal}"


def _set_owners(work: _Work, member: Member) -> None:
    """As much of the retention policy as can be seen to now."""
    try:
        set_claim_owners(work.stateful_set, member.pod, member.ordinal, False, work.view)
    except ApiError as refusal:
        work.told("Update", member.name, refusal)
        raise


def _conforms(work: _Work, member: Member) -> bool:
    return (
        has_identity(member)
        and has_storage(work.stateful_set, member)
        and claims_are_owned_rightly(work.stateful_set, member.pod, member.ordinal, False, work.view)
    )


def _repair(work: _Work, member: Member) -> Member:
    """Give the Pod its labels, its volumes and its claims' owners back. Raises ApiError when a write is refused."""
    try:
        if not has_storage(work.stateful_set, member):
            create_missing_claims(work.stateful_set, member.name, member.ordinal, work.view)
        set_claim_owners(work.stateful_set, member.pod, member.ordinal, False, work.view)
        pod = repaired(work.stateful_set, member)
        if pod["metadata"]["labels"] != labels_of(member.pod) or pod["spec"] is not member.pod["spec"]:
            pod = work.view.update("pods", pod, why=f"{member.name} must have the identity of ordinal {member.ordinal}")
    except ApiError as refusal:
        work.told("Update", member.name, refusal)
        raise
    work.told("Update", member.name)
    return work.reread(member)


def _delete(work: _Work, member: Member, why: str) -> None:
    try:
        work.view.delete("pods", member.pod, why=why)
    except ApiError as refusal:
        work.told("Delete", member.name, refusal)
        raise
    work.told("Delete", member.name)


# ---- scaling down


def _fix_claims_of_condemned(work: _Work, member: Member) -> bool:
    if not claims_are_owned_rightly(work.stateful_set, member.pod, member.ordinal, True, work.view):
        set_claim_owners(work.stateful_set, member.pod, member.ordinal, True, work.view)
    return True


def _first_unhealthy(work: _Work) -> Member | None:
    """The unhealthy Pod with the lowest ordinal of those that stay, or else of those that go."""
    upward = [*work.replicas, *reversed(work.condemned)]
    return next((member for member in upward if member is not None and not work.is_healthy(member)), None)


def _process_condemned(work: _Work, place: int, unhealthy: Member | None) -> bool:
    """Delete one Pod beyond the size. In an ordered set the next one waits until it is gone.

    An unhealthy Pod holds an ordered set up, unless it is the very one whose turn it is.
    """
    member = work.condemned[place]
    if member.is_terminating:
        return False
    if work.is_ordered and not work.is_available(member) and member is not unhealthy:
        return False
    size = len(work.replicas)
    why = (
        f"{title(work.stateful_set)} wants {size} Pods from ordinal {work.start}, and {member.name} is the last beyond"
    )
    _delete(work, member, why if work.is_ordered else why.replace("the last beyond", "beyond"))
    work.condemned[place] = work.reread(member)
    return False


# ---- rolling update


def _replace_outdated(work: _Work) -> None:
    """From the highest ordinal down to the partition, delete one Pod of an old template; wait for each new one."""
    rolling = work.stateful_set["spec"]["updateStrategy"].get("rollingUpdate") or {}
    wanted = work.update["metadata"]["name"]
    for place in range(len(work.replicas) - 1, rolling.get("partition", 0) - 1, -1):
        member = work.replicas[place]
        if member is None:
            return
        if member.revision != wanted and not member.is_terminating:
            why = f"{member.name} has the template of {member.revision}, the set's is that of {wanted}"
            _delete(work, member, f"{why}; the highest ordinal goes first")
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
