"""Device taints: Pods whose devices are tainted NoExecute go, at once or when the claim's toleration runs out.

Source: pkg/controller/devicetainteviction/device_taint_eviction.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.controllers.common.devices import PLURAL, consumers, newest, results_of
from statelab.controlplane.controllers.common.memory import Memory
from statelab.controlplane.controllers.common.pods import is_finished, is_terminating
from statelab.controlplane.controllers.common.taints import mark_disrupted, tolerated_s
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_NAME, _COMPONENT = "device-taint-eviction-controller", "device-taint-eviction"
_MESSAGE = "Device Taint manager: deleting due to NoExecute taint"

_since: Memory[dict[str, float]] = Memory(lambda view: {})  # claim key → since when its devices are tainted


def reconcile(key: str, view: View) -> float | None:
    """Look at one claim's devices: leave its Pods, wait, or evict them."""
    claim, since = view.get(PLURAL, key), _since(view)
    left_s = _tolerated_s(claim, view) if claim is not None else None
    if claim is None or left_s is None:
        since.pop(key, None)
        return None
    due_s = since.setdefault(key, view.now_s) + left_s
    if view.now_s < due_s:
        return due_s - view.now_s
    for consumer in consumers(claim):
        pod = view.get("pods", f"{claim['metadata']['namespace']}/{consumer['name']}")
        if pod is not None and pod["metadata"]["uid"] == consumer["uid"] and pod["spec"].get("nodeName"):
            _evict(pod, claim, view)
    return None


def _tolerated_s(claim: Object, view: View) -> float | None:
    """For how long a claim bears the taints of its devices; None for ever, or for as long as there are none."""
    limits = []
    for result in results_of(claim):
        taints = _taints(result, view)
        limit = tolerated_s(result.get("tolerations") or (), taints) if taints else None
        if limit is not None:
            limits.append(limit)
    return min(limits, default=None)


def _taints(result: Object, view: View) -> list[Object]:
    return [
        taint
        for each in newest(one for one in view.list("resourceslices") if _is_of(one["spec"], result))
        for device in each["spec"].get("devices") or ()
        if device["name"] == result["device"]
        for taint in device.get("taints") or ()
        if taint["effect"] == "NoExecute"
    ]


def _is_of(spec: Object, result: Object) -> bool:
    return bool(spec["driver"] == result["driver"] and spec["pool"]["name"] == result["pool"])


def _evict(pod: Object, claim: Object, view: View) -> None:
    if is_terminating(pod) or is_finished(pod):
        return
    view.event(pod, "DeviceTaintManagerEviction", "Marking for deletion", component=_COMPONENT)
    why = f"a device of its claim {claim['metadata']['name']} has a taint that the claim tolerates no longer"
    marked = mark_disrupted(pod, "DeletionByDeviceTaintManager", _MESSAGE, view, why=why)
    view.delete("pods", marked, why=why)


def _on_slice(revision: Revision, view: View) -> Iterable[str]:
    """The claims that were given something of its pool."""
    spec = revision.object["spec"]
    return [key_of(each) for each in view.list(PLURAL) if any(_is_of(spec, result) for result in results_of(each))]


def _on_claim(revision: Revision, view: View) -> Iterable[str]:
    return (revision.key,) if results_of(revision.object) else ()


CONTROLLER = Controller(_NAME, reconcile, {"resourceslices": _on_slice, PLURAL: _on_claim})
