"""Pods that are given other resources while they run: what the node has allowed, what waits, and what must restart.

Source: pkg/kubelet/allocation/allocation_manager.go, pkg/kubelet/status/status_manager.go (resize conditions),
pkg/kubelet/kuberuntime/kuberuntime_manager.go (which containers restart). KEP-1287.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from statelab.controlplane.clock import timestamp
from statelab.controlplane.kinds import Object
from statelab.controlplane.kubelet.containers import allocated, is_sidecar
from statelab.controlplane.kubelet.status import is_terminal
from statelab.controlplane.scheduling.nodeinfo import allocatable_of, amount, requests_of
from statelab.reader import jsonbytes

if TYPE_CHECKING:
    from statelab.controlplane.kubelet.pods import PodWorker

_PENDING, _IN_PROGRESS = "PodResizePending", "PodResizeInProgress"
_RESOURCES, _SECTIONS = ("cpu", "memory"), ("containers", "initContainers")
_AGAIN_S = 180.0  # a deferred resize is looked at again, sooner when another Pod has left the node


def changed(worker: PodWorker, before: Object) -> None:
    """The Pod's spec was written: from now on, what it asks for may be another thing than what it has."""
    if worker.record.allocated is None and _resources(worker.pod) != _resources(before):
        worker.record.allocated = _resources(before)


def _resources(pod: Object) -> dict[str, Object]:
    """By container, and under "" those of the Pod as a whole, if it has any."""
    spec = pod["spec"]
    found = {each["name"]: each.get("resources") or {} for key in _SECTIONS for each in spec.get(key) or ()}
    return {**found, "": spec["resources"]} if spec.get("resources") else found


def consider(worker: PodWorker) -> None:
    """Allow what the Pod asks for, if the node has it; say what keeps it waiting."""
    record, pod = worker.record, worker.pod
    wanted = _resources(pod)
    if record.allocated is None:
        return
    if wanted == record.allocated:
        record.resizing.pop(_PENDING, None)
        return
    refusal = _refusal(worker)
    if refusal is not None:
        reason, problem, words = refusal
        if _say(worker, _PENDING, reason, words):
            worker.kubelet.view.event(pod, f"Resize{reason}", _told(pod, problem, error=words), type="Warning")
        if reason == "Deferred":
            worker.sync_in_at_rest(_AGAIN_S)
        return
    record.resizing.pop(_PENDING, None)
    record.restart_for_resize |= _to_restart(worker, record.allocated, wanted)
    record.allocated = wanted
    for attempt in record.running():
        if attempt.runtime is not None:
            attempt.runtime.control_changed()
    _say(worker, _IN_PROGRESS)
    worker.kubelet.view.event(pod, "ResizeStarted", _told(pod, "started"))


def finish(worker: PodWorker) -> bool:
    """The containers have what was allowed: tell it. Whether there was anything to tell."""
    record = worker.record
    if _IN_PROGRESS not in record.resizing or record.restart_for_resize:
        return False
    del record.resizing[_IN_PROGRESS]
    worker.kubelet.view.event(worker.pod, "ResizeCompleted", _told(allocated(worker.pod, record), "completed"))
    return True


def _say(worker: PodWorker, type: str, reason: str = "", message: str = "") -> bool:
    """Set a condition; whether it says something new."""
    now = timestamp(worker.kubelet.loop.now_s)
    generation = worker.pod["metadata"].get("generation", 1)
    old = worker.record.resizing.get(type)
    same = old is not None and (old.get("reason", ""), old.get("message", "")) == (reason, message)
    if same and old is not None and old["observedGeneration"] == generation:
        return False
    since = old["lastTransitionTime"] if old is not None and old.get("reason", "") == reason else now
    condition: Object = {"type": type, "observedGeneration": generation, "status": "True"}
    condition |= {"lastProbeTime": now, "lastTransitionTime": since}
    condition |= {key: text for key, text in (("reason", reason), ("message", message)) if text}
    worker.record.resizing[type] = condition
    return True


def _told(pod: Object, what: str, error: str = "") -> str:
    """`Pod resize started: {"containers":[…],"generation":2}`."""
    found: dict[str, Any] = {}
    if pod["spec"].get("resources"):
        found["resources"] = _in_order(pod["spec"]["resources"])
    for key in ("initContainers", "containers"):
        shown = [
            {"name": each["name"], "resources": _in_order(each.get("resources") or {})}
            for each in pod["spec"].get(key) or ()
        ]
        if shown:
            found[key] = shown
    found["generation"] = pod["metadata"].get("generation", 1)
    if error:
        found["error"] = error
    return f"Pod resize {what}: {jsonbytes.dumps(found).decode()}"


def _in_order(resources: Object) -> Object:
    """As Go writes it: limits first, and the names of resources in their order."""
    parts = ((part, resources.get(part)) for part in ("limits", "requests"))
    return {part: {name: found[name] for name in sorted(found)} for part, found in parts if found}


def _refusal(worker: PodWorker) -> tuple[str, str, str] | None:
    """Why the node does not allow it: the condition's reason, the event's word, and what is missing."""
    kubelet = worker.kubelet
    node = kubelet.view.get("nodes", kubelet.node_name)
    if node is None:
        return None
    wanted, room = requests_of(worker.pod), allocatable_of(node)
    for name in reversed(_RESOURCES):
        if wanted.get(name, 0) > room.get(name, 0):
            words = f"{name}, requested: {wanted[name]}, capacity: {room.get(name, 0)}"
            return "Infeasible", "infeasible", f"Node didn't have enough capacity: {words}"
    has = requests_of(allocated(worker.pod, worker.record))
    others = [
        requests_of(allocated(each.pod, each.record))
        for each in kubelet.workers()
        if each is not worker and each.is_admitted and not is_terminal(each.pod)
    ]
    for name in _RESOURCES:
        used = sum(each.get(name, 0) for each in others)
        if wanted.get(name, 0) > has.get(name, 0) and used + wanted[name] > room.get(name, 0):
            words = f"{name}, requested: {wanted[name]}, used: {used}, capacity: {room.get(name, 0)}"
            return "Deferred", f"OutOf{name}", f"Node didn't have enough resource: {words}"
    return None


def _to_restart(worker: PodWorker, before: dict[str, Object], wanted: dict[str, Object]) -> set[str]:
    """Running containers whose policy for a resource that changes says RestartContainer."""
    found = set()
    spec = worker.pod["spec"]
    for container in (*spec["containers"], *(each for each in spec.get("initContainers") or () if is_sidecar(each))):
        name = container["name"]
        attempt = worker.record.last.get(name)
        if attempt is None or attempt.state != "running":
            continue
        policies = {each["resourceName"]: each["restartPolicy"] for each in container.get("resizePolicy") or ()}
        for resource in _RESOURCES:
            if policies.get(resource) == "RestartContainer" and _differs(resource, before[name], wanted[name]):
                found.add(name)
    return found


def _differs(resource: str, *of: Object) -> bool:
    amounts = {
        tuple(amount(resource, (each.get(part) or {}).get(resource, "0")) for part in ("requests", "limits"))
        for each in of
    }
    return len(amounts) > 1
