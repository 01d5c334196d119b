"""The controller of ResourceClaims: which keys a revision concerns. Its two halves are pods.py and claims.py.

Source: pkg/controller/resourceclaim/controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.controllers.common.devices import PLURAL, claim_keys, consumers, has_claims, is_done
from statelab.controlplane.controllers.common.owners import controller_of
from statelab.controlplane.controllers.resourceclaim import claims, pods
from statelab.controlplane.kinds import split_key
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_POD, _CLAIM = "pod:", "claim:"


def reconcile(key: str, view: View) -> float | None:
    """Make the claims that a Pod lacks, or free a claim that nobody uses any longer."""
    if key.startswith(_POD):
        pods.reconcile(key.removeprefix(_POD), view)
    else:
        claims.reconcile(key.removeprefix(_CLAIM), view)
    return None


def _on_pod(revision: Revision, view: View) -> Iterable[str]:
    pod = revision.object
    if not has_claims(pod):
        return ()
    if revision.type == "DELETED" or is_done(pod):
        return [f"{_CLAIM}{key}" for key in claim_keys(pod)]
    return [f"{_POD}{revision.key}"]


def _on_claim(revision: Revision, view: View) -> Iterable[str]:
    """The claim itself, and the Pods that are known to use it: one may have to be made anew."""
    claim, namespace = revision.object, split_key(revision.key)[0]
    owner = controller_of(claim)
    names = {each["name"] for each in consumers(claim) if each["resource"] == "pods"}
    if owner is not None and owner["kind"] == "Pod":
        names.add(owner["name"])
    keys = [f"{_POD}{namespace}/{name}" for name in sorted(names)]
    return keys if revision.type == "DELETED" else [f"{_CLAIM}{revision.key}", *keys]


CONTROLLER = Controller("resource-claim-controller", reconcile, {"pods": _on_pod, PLURAL: _on_claim})
