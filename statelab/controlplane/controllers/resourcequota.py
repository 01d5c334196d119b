"""The ResourceQuota controller: writes what a namespace uses.

Admission (apiserver/registry/quota.py) refuses what is too much.

Source: pkg/controller/resourcequota.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.apiserver.registry.quota import charge, used_texts
from statelab.controlplane.kinds import KINDS, key_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_COUNTED = [plural for plural, kind in KINDS.items() if kind.namespaced and plural != "events"]
_GATHER_S = 0.1


def reconcile(key: str, view: View) -> float | None:
    """Write what the namespace of one quota uses."""
    quota = view.get("resourcequotas", key)
    if quota is None:
        return None
    status = {"hard": dict(quota["spec"].get("hard") or {}), "used": used_texts(quota, view)}
    if status != (quota.get("status") or {}):
        counted = ", ".join(f"{name} {amount}" for name, amount in status["used"].items())
        view.update_status("resourcequotas", {**quota, "status": status}, why=f"its namespace uses {counted}")
    return None


def _on_quota(revision: Revision, view: View) -> Iterable[str]:
    own = () if revision.type == "DELETED" else (revision.key,)
    return (*own, *_on_object(revision, view))


def _on_object(revision: Revision, view: View) -> Iterable[str]:
    """A write that can change the sums: something came or went, ended or asks for another amount."""
    namespace = revision.object["metadata"].get("namespace")
    quotas = view.list("resourcequotas", namespace) if namespace else []
    if not quotas:
        return ()
    before = revision.previous if revision.type == "MODIFIED" else None
    if before is not None and charge(revision.plural, before) == charge(revision.plural, revision.object):
        return ()
    return [key_of(quota) for quota in quotas]


CONTROLLER = Controller(
    name="resourcequota-controller",
    reconcile=reconcile,
    watches={**dict.fromkeys(_COUNTED, _on_object), "resourcequotas": _on_quota},
    latency_s=_GATHER_S,
    custom=_on_object,
)
CONTROLLERS = (CONTROLLER,)
