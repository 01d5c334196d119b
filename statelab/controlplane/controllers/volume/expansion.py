"""The volume expander: a claim that asks for more than its volume has.

Only a storage driver can make a volume bigger, and rancher.io/local-path does not; as on kind, the request is taken
(if the class allows it: admission sees to that) and the claim says who is waited for. Who comes: resizing.py.
Source: pkg/controller/volume/expand/expand_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.controllers.common.pods import is_terminating
from statelab.controlplane.controllers.volume.matching import requested
from statelab.controlplane.kinds import Object
from statelab.controlplane.manager import Controller
from statelab.controlplane.quantity import nanos
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_MESSAGE = (
    "Ignoring the PVC: didn't find a plugin capable of expanding the volume; waiting for an external controller to "
    "process this PVC."
)


def reconcile(key: str, view: View) -> float | None:
    """Tell whom one claim that wants to grow waits for."""
    claim = view.get("persistentvolumeclaims", key)
    if claim is not None and not is_terminating(claim) and _wants_more(claim):
        view.event(claim, "ExternalExpanding", _MESSAGE, component="volume_expand")
    return None


def _wants_more(claim: Object) -> bool:
    status = claim.get("status") or {}
    if status.get("phase") != "Bound":
        return False
    return requested(claim) > nanos((status.get("capacity") or {}).get("storage", "0"))


def _on_claim(revision: Revision, view: View) -> Iterable[str]:
    """Only the moment at which a claim starts to want more."""
    before = revision.previous
    if revision.type == "DELETED" or before is None or requested(revision.object) <= requested(before):
        return ()
    return (revision.key,)


CONTROLLER = Controller(name="volume-expander", reconcile=reconcile, watches={"persistentvolumeclaims": _on_claim})
