"""What one pass over a StatefulSet works with, and the steps it can take on one Pod: create, repair, delete.

When which step is taken is in statefulset.py. Source: pkg/controller/statefulset/stateful_pod_control.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from statelab.controlplane.controllers.common.owners import labels_of, title
from statelab.controlplane.controllers.common.revisions import template_of
from statelab.controlplane.controllers.statefulset.claims import (
    claims_are_owned_rightly,
    create_missing_claims,
    is_blocked_by_stale_claim,
    set_claim_owners,
)
from statelab.controlplane.controllers.statefulset.pods import (
    Member,
    first_ordinal,
    has_identity,
    has_storage,
    new_pod,
    repaired,
)
from statelab.controlplane.controllers.statefulset.roster import Roster
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object
from statelab.controlplane.view import View


@dataclass(frozen=True)
class Work:
    """A set, its Pods, the revisions they may have, and the cluster it all is in."""

    stateful_set: Object
    current: Object
    update: Object
    roster: Roster
    view: View

    @property
    def name(self) -> str:
        return str(self.stateful_set["metadata"]["name"])

    @property
    def is_ordered(self) -> bool:
        return bool(self.stateful_set["spec"].get("podManagementPolicy", "OrderedReady") != "Parallel")

    @property
    def size(self) -> int:
        return int(self.stateful_set["spec"]["replicas"])

    @property
    def start(self) -> int:
        """The first ordinal."""
        return first_ordinal(self.stateful_set)

    @property
    def end(self) -> int:
        """The first ordinal beyond."""
        return self.start + self.size

    def is_available(self, member: Member) -> bool:
        return member.is_available(self.stateful_set["spec"].get("minReadySeconds", 0), self.view.now_s)

    def is_healthy(self, member: Member) -> bool:
        return self.is_available(member) and not member.is_terminating

    def told(self, verb: str, pod_name: str, refusal: ApiError | None = None) -> None:
        """The event that every step on a Pod leaves."""
        if refusal is None:
            message = f"{verb} Pod {pod_name} in StatefulSet {self.name} successful"
            self.view.event(self.stateful_set, f"Successful{verb}", message)
        else:
            message = f"{verb} Pod {pod_name} in StatefulSet {self.name} failed error: {refusal.message}"
            self.view.event(self.stateful_set, f"Failed{verb}", message, type="Warning")


def create(work: Work, ordinal: int) -> bool:
    """Make the Pod of that ordinal, and its claims before it. An ordered set waits for it."""
    name = f"{work.name}-{ordinal}"
    if is_blocked_by_stale_claim(work.stateful_set, name, ordinal, work.view):
        return False
    revision = _revision_for(work, ordinal)
    try:
        create_missing_claims(work.stateful_set, name, ordinal, work.view)
        wished = new_pod(work.stateful_set, template_of(revision), revision["metadata"]["name"], ordinal)
        pod = work.view.create("pods", wished, why=_why_create(work, ordinal))
    except ApiError as refusal:
        if refusal.reason != "AlreadyExists":
            work.told("Create", name, refusal)
        raise
    set_owners(work, pod, ordinal)
    work.told("Create", name)
    return False


def _revision_for(work: Work, ordinal: int) -> Object:
    """Ordinals below the partition stay with the current template, whatever happens to their Pods."""
    strategy = work.stateful_set["spec"]["updateStrategy"]
    if strategy["type"] != "RollingUpdate":
        return work.update
    rolling = strategy.get("rollingUpdate")
    if rolling is None:
        kept = work.stateful_set.get("status", {}).get("currentReplicas", 0)
    else:
        kept = rolling.get("partition", 0)
    return work.current if ordinal < work.start + kept else work.update


def _why_create(work: Work, ordinal: int) -> str:
    wants = f"{title(work.stateful_set)} wants ordinals {work.start}–{work.end - 1} and no Pod had ordinal {ordinal}"
    if not work.is_ordered:
        return f"{wants}; Parallel waits for no other"
    before = work.roster.by_ordinal.get(ordinal - 1) if ordinal > work.start else None
    if before is None:
        return wants
    return f"{wants}; {before.name} is Ready, so OrderedReady may create {work.name}-{ordinal}"


def set_owners(work: Work, pod: Object, ordinal: int) -> None:
    """As much of the retention policy as can be seen to now."""
    try:
        set_claim_owners(work.stateful_set, pod, ordinal, False, work.view)
    except ApiError as refusal:
        work.told("Update", pod["metadata"]["name"], refusal)
        raise


def conforms(work: Work, member: Member) -> bool:
    return (
        has_identity(member)
        and has_storage(work.stateful_set, member)
        and claims_are_owned_rightly(work.stateful_set, member.pod, member.ordinal, False, work.view)
    )


def repair(work: Work, member: Member) -> None:
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


def delete(work: Work, member: Member, why: str) -> None:
    try:
        work.view.delete("pods", member.pod, why=why)
    except ApiError as refusal:
        work.told("Delete", member.name, refusal)
        raise
    work.told("Delete", member.name)
