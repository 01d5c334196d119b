"""A claim whose users have gone: no longer reserved for them, deallocated, and deleted if it was one Pod's own.

Source: pkg/controller/resourceclaim/controller.go (syncClaim).
"""

from __future__ import annotations

from statelab.controlplane.controllers.common.devices import (
    FINALIZER,
    PLURAL,
    allocation_of,
    consumers,
    is_done,
    unprotected,
)
from statelab.controlplane.controllers.common.owners import controller_of
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object
from statelab.controlplane.view import View

_FREED = "nothing is allocated to it any longer"


def reconcile(key: str, view: View) -> None:
    """Free one claim of users that are done. Raises ApiError."""
    claim = view.get(PLURAL, key)
    if claim is None:
        return
    had = consumers(claim)
    left = [each for each in had if _uses(each, claim, view)]
    is_protected = FINALIZER in (claim["metadata"].get("finalizers") or ())
    if len(left) < len(had):
        status = {**claim["status"], "reservedFor": left}
        if not left and is_protected:
            status.pop("allocation", None)
        claim = view.update_status(PLURAL, {**claim, "status": status}, why=_why(left))
        if is_protected and not allocation_of(claim):
            claim = unprotected(claim, view, why=_FREED)
    elif is_protected and claim["metadata"].get("deletionTimestamp") and not left:
        if allocation_of(claim):
            status = {name: value for name, value in claim["status"].items() if name != "allocation"}
            claim = view.update_status(
                PLURAL, {**claim, "status": status}, why="it is being deleted and nobody uses it"
            )
        claim = unprotected(claim, view, why=_FREED)
    if not left:
        _delete_if_unused(claim, view)


def _why(left: list[Object]) -> str:
    return "a Pod that used it is done" if left else "no Pod uses it any longer: its devices are free"


def _uses(consumer: Object, claim: Object, view: View) -> bool:
    """Whether a consumer is a Pod that may still run."""
    if consumer.get("apiGroup") or consumer["resource"] != "pods":
        raise ApiError(500, "InternalError", f"unsupported ReservedFor entry: {consumer}")
    pod = view.get("pods", f"{claim['metadata']['namespace']}/{consumer['name']}")
    return pod is not None and pod["metadata"]["uid"] == consumer["uid"] and not is_done(pod)


def _delete_if_unused(claim: Object, view: View) -> None:
    """One that was made for a Pod goes when the Pod is done; when it is gone, the garbage collector sees to it."""
    owner = controller_of(claim)
    if owner is None or owner["kind"] != "Pod":
        return
    pod = view.get("pods", f"{claim['metadata']['namespace']}/{owner['name']}")
    if pod is not None and (pod["metadata"]["uid"] != owner["uid"] or is_done(pod)):
        view.delete(PLURAL, claim, why=f"{owner['name']}, which it was made for, is done")
