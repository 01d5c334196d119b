"""Taints of nodes and of devices, who tolerates them, and what is said of a Pod that has to go.

Source: component-helpers/scheduling/corev1 (tolerations), pkg/controller/tainteviction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from statelab.controlplane.clock import timestamp
from statelab.controlplane.controllers.common.pods import condition
from statelab.controlplane.kinds import Object
from statelab.controlplane.view import View


def tolerates(toleration: Mapping[str, object], taint: Mapping[str, object]) -> bool:
    """Source: corev1.Toleration.ToleratesTaint."""
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("key") not in (None, "", taint["key"]):
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Exists":
        return True
    return operator == "Equal" and (toleration.get("value") or "") == (taint.get("value") or "")


def tolerated_s(tolerations: Sequence[Object], taints: Sequence[Object]) -> float | None:
    """For how long the taints are borne; None for ever. 0 when one of them is not tolerated at all."""
    used = []
    for taint in taints:
        toleration = next((each for each in tolerations if tolerates(each, taint)), None)
        if toleration is None:
            return 0.0
        used.append(toleration)
    limits = [each["tolerationSeconds"] for each in used if each.get("tolerationSeconds") is not None]
    return float(max(min(limits), 0)) if limits else None


def mark_disrupted(pod: Object, reason: str, message: str, view: View, *, why: str, phase: str = "") -> Object:
    """Write the condition DisruptionTarget, and `phase` if given: the control plane removes the Pod, it did not end."""
    before = condition(pod, "DisruptionTarget")
    target: Object = {"type": "DisruptionTarget", "status": "True", "lastProbeTime": None}
    if pod["metadata"].get("generation"):
        target["observedGeneration"] = pod["metadata"]["generation"]
    target |= {"lastTransitionTime": timestamp(view.now_s), "reason": reason, "message": message}
    status = dict(pod.get("status") or {})
    conditions = [each for each in status.get("conditions") or () if each is not before]
    status["conditions"] = [*conditions, target]
    if phase:
        status["phase"] = phase
    return view.update_status("pods", {**pod, "status": status}, why=why)
