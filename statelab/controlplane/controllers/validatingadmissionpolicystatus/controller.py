"""Checks the types of each ValidatingAdmissionPolicy's expressions, once for each generation.

Source: pkg/controller/validatingadmissionpolicystatus/controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.apiserver.validation.typechecking import expression_warnings
from statelab.controlplane.kinds import KINDS, OTHER_VERSIONS, Kind, Object
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_PLURAL = "validatingadmissionpolicies"


def _own(revision: Revision, view: View) -> Iterable[str]:
    return [revision.key] if revision.type != "DELETED" else ()


def reconcile(key: str, view: View) -> None:
    policy = view.get(_PLURAL, key)
    if policy is None:
        return
    generation = policy["metadata"].get("generation", 1)
    if (policy.get("status") or {}).get("observedGeneration") == generation:
        return
    warnings = expression_warnings(policy, lambda *where: _find(view, *where), view.kinds.named)
    status: Object = {
        **(policy.get("status") or {}),
        "observedGeneration": generation,
        "typeChecking": {"expressionWarnings": warnings} if warnings else {},
    }
    why = "its expressions were checked against the types they are about"
    view.update_status(_PLURAL, {**policy, "status": status}, why=why)


def _find(view: View, group: str, version: str, resource: str) -> Kind | None:
    known = KINDS.get(resource)
    for kind in (known, OTHER_VERSIONS.get((f"{group}/{version}", resource))):
        if kind is not None and (kind.group, kind.version) == (group, version):
            return kind
    return view.kinds.find(group, version, resource)


CONTROLLER = Controller("validatingadmissionpolicy-status-controller", reconcile, {_PLURAL: _own})
