"""The PersistentVolume controller: binds claims to volumes, asks for new ones, and lets go of what is not claimed.

Two loops that meet: a claim looks for its volume, a volume for its claim. Keys are `claim/NAMESPACE/NAME` and
`volume/NAME`. Source: pkg/controller/volume/persistentvolume/pv_controller.go, whose comments tell the whole story.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.controllers.common.claims import (
    BETA_PROVISIONER,
    BIND_COMPLETED,
    BOUND_BY_CONTROLLER,
    PROVISIONER,
    SELECTED_NODE,
    ClaimUsers,
    annotations_of,
    class_name,
    class_of,
    default_class,
    is_reserved_for,
    waits_for_consumer,
)
from statelab.controlplane.controllers.common.memory import Memory
from statelab.controlplane.controllers.common.pods import is_finished
from statelab.controlplane.controllers.volume import recycling
from statelab.controlplane.controllers.volume.binding import bind, set_claim_phase, with_annotations
from statelab.controlplane.controllers.volume.index import VolumeIndex, claim_of
from statelab.controlplane.controllers.volume.matching import best_volume, mismatch
from statelab.controlplane.controllers.volume.reclaim import sync_volume
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_NO_CLASS = "no persistent volumes available for this claim and no storage class is set"
_LOST_REFERENCE = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
_LOST_VOLUME = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
_MISBOUND = "Two claims are bound to the same volume, this one is bound incorrectly"


class _Kept:
    """Indexes: who uses a claim; which volumes name a claim, and which are free."""

    def __init__(self, view: View) -> None:
        self.users = ClaimUsers(view)
        self.volumes = VolumeIndex(view.list("persistentvolumes"))


_memory = Memory(_Kept)


def reconcile(key: str, view: View) -> float | None:
    """One pass for one claim or one volume."""
    what, _, name = key.partition("/")
    if what == "volume":
        volume = view.get("persistentvolumes", name)
        if volume is not None:
            sync_volume(volume, view)
        return None
    claim = view.get("persistentvolumeclaims", name)
    if claim is None:
        return None
    if BIND_COMPLETED in annotations_of(claim):
        _sync_bound(claim, view)
    else:
        _sync_unbound(claim, view)
    return None


# ---- a claim that was never bound


def _sync_unbound(claim: Object, view: View) -> None:
    wanted = claim["spec"].get("volumeName")
    if wanted:
        _sync_named(claim, wanted, view)
        return
    delayed = waits_for_consumer(claim, view)
    volume = best_volume(claim, _memory(view).volumes.candidates([claim], view.get), only_reserved=delayed)
    if volume is not None:
        bind(volume, claim, view)
        return
    if _takes_default_class(claim, view):
        return
    if delayed and SELECTED_NODE not in annotations_of(claim):
        _tell_what_it_waits_for(claim, view)
    elif class_name(claim):
        _provision(claim, view)
        return
    else:
        view.event(claim, "FailedBinding", _NO_CLASS)
    set_claim_phase(claim, "Pending", None, view, why="no volume fits it yet")


def _sync_named(claim: Object, wanted: str, view: View) -> None:
    """The user asked for one volume by name."""
    volume = view.get("persistentvolumes", wanted)
    if volume is not None and volume["spec"].get("claimRef") is None:
        problem = mismatch(volume, claim)
        if problem is None:
            bind(volume, claim, view)
            return
        message = f'Cannot bind to requested volume "{wanted}": {problem}'
        view.event(claim, "VolumeMismatch", message, type="Warning")
    elif volume is not None and is_reserved_for(volume, claim):
        bind(volume, claim, view)
        return
    elif volume is not None and BOUND_BY_CONTROLLER not in annotations_of(claim):
        view.event(claim, "FailedBinding", f'volume "{wanted}" already bound to a different claim.', type="Warning")
    why = f"volume {wanted}, which it asks for, " + ("does not exist" if volume is None else "is not free for it")
    set_claim_phase(claim, "Pending", None, view, why=why)


def _takes_default_class(claim: Object, view: View) -> bool:
    """A claim that says nothing of its class gets the default one, even when that came later than the claim."""
    if "storageClassName" in claim["spec"] or class_name(claim):
        return False
    storage_class = default_class(view)
    if storage_class is None:
        return False
    name = storage_class["metadata"]["name"]
    spec = {**claim["spec"], "storageClassName": name}
    view.update("persistentvolumeclaims", {**claim, "spec": spec}, why=f"it names no class, and {name} is the default")
    return True


def _tell_what_it_waits_for(claim: Object, view: View) -> None:
    # Judged by the Pods that were there when the claim was written: one that came right after it is its first consumer.
    users = _memory(view).users.pods(key_of(claim), view, before=int(claim["metadata"]["resourceVersion"]))
    waiting = [pod["metadata"]["name"] for pod in users if not pod["spec"].get("nodeName") and not is_finished(pod)]
    if not waiting:
        view.event(claim, "WaitForFirstConsumer", "waiting for first consumer to be created before binding")
    elif len(waiting) == 1:
        view.event(claim, "WaitForPodScheduled", f"waiting for pod {waiting[0]} to be scheduled")
    else:
        view.event(claim, "WaitForPodScheduled", f"waiting for pods {','.join(waiting)} to be scheduled")


def _provision(claim: Object, view: View) -> None:
    """Ask the class's provisioner for a volume, by an annotation it watches for."""
    storage_class = class_of(claim, view)
    if storage_class is None:
        message = f'storageclass.storage.k8s.io "{class_name(claim)}" not found'
        view.event(claim, "ProvisioningFailed", message, type="Warning")
        return
    provisioner = storage_class["provisioner"]
    if provisioner.startswith("kubernetes.io/"):
        message = f"no volume plugin matched name: {provisioner}"
        view.event(claim, "ProvisioningFailed", message, type="Warning")
        return
    why = f"class {storage_class['metadata']['name']} has its volumes made by {provisioner}"
    asked = with_annotations(claim, {BETA_PROVISIONER: provisioner, PROVISIONER: provisioner})
    if asked is not claim:
        claim = view.update("persistentvolumeclaims", asked, why=why)
    message = (
        f"Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the "
        "system administrator. If volume creation is delayed, please verify that the provisioner is running and "
        "correctly registered."
    )
    view.event(claim, "ExternalProvisioning", message)


# ---- a claim that was bound once


def _sync_bound(claim: Object, view: View) -> None:
    name = claim["spec"].get("volumeName")
    volume = view.get("persistentvolumes", name) if name else None
    if not name:
        _lose(claim, "ClaimLost", _LOST_REFERENCE, view)
    elif volume is None:
        _lose(claim, "ClaimLost", _LOST_VOLUME, view)
    elif volume["spec"].get("claimRef") is None or volume["spec"]["claimRef"].get("uid") == claim["metadata"]["uid"]:
        bind(volume, claim, view)
    else:
        _lose(claim, "ClaimMisbound", _MISBOUND, view)


def _lose(claim: Object, reason: str, message: str, view: View) -> None:
    if claim.get("status", {}).get("phase") == "Lost":
        return
    lost = set_claim_phase(claim, "Lost", None, view, why="the volume it was bound to is not its own any longer")
    view.event(lost, reason, message, type="Warning")


# ---- which revisions concern what


def _on_claim(revision: Revision, view: View) -> Iterable[str]:
    volume = revision.object["spec"].get("volumeName")
    if revision.type == "DELETED":
        names = _memory(view).volumes.reserved(revision.key)
        return [f"volume/{name}" for name in dict.fromkeys([*([volume] if volume else []), *names])]
    if revision.cause.actor == view.actor and not _got_its_class(revision):
        return ()  # a pass does all that can be done, and what it wrote asks for nothing more
    return [f"claim/{revision.key}", *([f"volume/{volume}"] if volume else [])]


def _got_its_class(revision: Revision) -> bool:
    return revision.previous is not None and class_name(revision.previous) != class_name(revision.object)


def _on_volume(revision: Revision, view: View) -> Iterable[str]:
    _memory(view).volumes.note(revision)
    volume, before = revision.object, revision.previous
    claim = claim_of(volume)
    keys = [f"volume/{volume['metadata']['name']}"]
    if revision.cause.actor == view.actor:
        keys = []  # as for claims
    elif claim is not None:
        keys.append(f"claim/{claim}")
    elif before is not None and claim_of(before) is not None:
        keys.append(f"claim/{claim_of(before)}")
    if claim is None and revision.type != "DELETED" and _is_newly_available(volume, before):
        keys += _who_may_want(volume, view)
    return keys


def _is_newly_available(volume: Object, before: Object | None) -> bool:
    if volume.get("status", {}).get("phase") != "Available":
        return False
    return before is None or before.get("status", {}).get("phase") != "Available" or before["spec"] != volume["spec"]


def _who_may_want(volume: Object, view: View) -> list[str]:
    """Unbound claims of its class. (Upstream looks at all claims every 15 s instead.)"""
    return [
        f"claim/{key_of(claim)}"
        for claim in view.list("persistentvolumeclaims")
        if BIND_COMPLETED not in annotations_of(claim)
        and (
            claim["spec"].get("volumeName") == volume["metadata"]["name"]
            or (class_name(claim) == class_name(volume) and not waits_for_consumer(claim, view))
        )
    ]


def _on_class(revision: Revision, view: View) -> Iterable[str]:
    """A new class may be the one that claims wait for."""
    if revision.type == "DELETED":
        return ()
    name = revision.object["metadata"]["name"]
    return [
        f"claim/{key_of(claim)}"
        for claim in view.list("persistentvolumeclaims")
        if BIND_COMPLETED not in annotations_of(claim)
        and (class_name(claim) == name or "storageClassName" not in claim["spec"])
    ]


def _on_pod(revision: Revision, view: View) -> Iterable[str]:
    _memory(view).users.on_pod(revision)
    return recycling.on_pod(revision)


CONTROLLER = Controller(
    name="persistentvolume-controller",
    reconcile=reconcile,
    watches={
        "pods": _on_pod,
        "storageclasses": _on_class,
        "persistentvolumes": _on_volume,
        "persistentvolumeclaims": _on_claim,
    },
)
