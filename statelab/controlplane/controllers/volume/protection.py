"""Protection: a claim that a Pod uses, and a volume that a claim has, do not go away before those are done with it.

Both are finalizers, taken off here when nothing uses the object any longer.
Source: pkg/controller/volume/pvcprotection, pkg/controller/volume/pvprotection.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.controllers.common.claims import ClaimUsers
from statelab.controlplane.controllers.common.memory import Memory
from statelab.controlplane.controllers.common.pods import is_terminating
from statelab.controlplane.kinds import Object
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

CLAIM_FINALIZER = "kubernetes.io/pvc-protection"
VOLUME_FINALIZER = "kubernetes.io/pv-protection"

_users = Memory(ClaimUsers)


def reconcile_claim(key: str, view: View) -> float | None:
    """Let one claim go when it is being deleted and no Pod on a node uses it."""
    claim = view.get("persistentvolumeclaims", key)
    if claim is None:
        return None
    if not is_terminating(claim):
        if CLAIM_FINALIZER not in (claim["metadata"].get("finalizers") or ()):
            _with_finalizer("persistentvolumeclaims", claim, CLAIM_FINALIZER, view)
        return None
    # A Pod without a node does not count: the kubelet will not start one whose claim is being deleted.
    users = [pod for pod in _users(view).pods(key, view) if pod["spec"].get("nodeName")]
    if not users:
        _without_finalizer("persistentvolumeclaims", claim, CLAIM_FINALIZER, "no Pod uses it any longer", view)
    return None


def reconcile_volume(key: str, view: View) -> float | None:
    """Let one volume go when it is being deleted and no claim has it."""
    volume = view.get("persistentvolumes", key)
    if volume is None:
        return None
    if not is_terminating(volume):
        if VOLUME_FINALIZER not in (volume["metadata"].get("finalizers") or ()):
            _with_finalizer("persistentvolumes", volume, VOLUME_FINALIZER, view)
        return None
    if (volume.get("status") or {}).get("phase") != "Bound":
        _without_finalizer("persistentvolumes", volume, VOLUME_FINALIZER, "no claim has it any longer", view)
    return None


def _with_finalizer(plural: str, obj: Object, finalizer: str, view: View) -> None:
    finalizers = [*(obj["metadata"].get("finalizers") or ()), finalizer]
    changed = {**obj, "metadata": {**obj["metadata"], "finalizers": finalizers}}
    view.update(plural, changed, why="nothing that is in use may be deleted")


def _without_finalizer(plural: str, obj: Object, finalizer: str, why: str, view: View) -> None:
    finalizers = list(obj["metadata"].get("finalizers") or ())
    if finalizer not in finalizers:
        return
    finalizers.remove(finalizer)
    view.update(plural, {**obj, "metadata": {**obj["metadata"], "finalizers": finalizers}}, why=why)


def _on_object(revision: Revision, view: View) -> Iterable[str]:
    return () if revision.type == "DELETED" else (revision.key,)


def _on_pod(revision: Revision, view: View) -> Iterable[str]:
    keys = _users(view).on_pod(revision)
    return keys if revision.type == "DELETED" else ()


CLAIMS = Controller(
    name="pvc-protection-controller",
    reconcile=reconcile_claim,
    watches={"pods": _on_pod, "persistentvolumeclaims": _on_object},
)
VOLUMES = Controller(
    name="pv-protection-controller", reconcile=reconcile_volume, watches={"persistentvolumes": _on_object}
)
