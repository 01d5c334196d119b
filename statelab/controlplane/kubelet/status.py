"""From what runs to what the API says of it: a Pod's phase, conditions and container statuses.

Pure functions. Source: pkg/kubelet/kubelet_pods.go (getPhase, convertToAPIContainerStatuses), pkg/kubelet/status.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from statelab.controlplane import quantity
from statelab.controlplane.clock import timestamp
from statelab.controlplane.kinds import Object
from statelab.controlplane.kubelet.containers import (
    PodRecord,
    allocated,
    containers_of,
    is_init,
    is_sidecar,
    may_restart_all,
    restarts_after,
    should_restart,
)

_CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
_RESIZING = ("PodResizePending", "PodResizeInProgress")
_RESTARTING_ALL = "AllContainersRestarting"  # told of Pods with a rule that may do it (KEP-5532)
CLAIM_STATUSES = ("resourceClaimStatuses", "extendedResourceClaimStatus")  # of those who make a Pod's claims
_LOST = "The container could not be located when the pod was terminated"


def pod_status(pod: Object, record: PodRecord, host_ip: str, now_s: float, *, terminal: bool = False) -> Object:
    """The whole status. `terminal`: no container of the Pod will be started any more."""
    pod = allocated(pod, record)
    old = pod.get("status") or {}
    init = [_container_status(pod, each, record) for each in pod["spec"].get("initContainers") or ()]
    main = [_container_status(pod, each, record) for each in pod["spec"]["containers"]]
    phase = _phase(pod, init, main, terminal, record.rerun)
    if old.get("phase") in ("Failed", "Succeeded"):
        phase = old["phase"]  # a Pod never leaves a terminal phase
    status: Object = {"observedGeneration": pod["metadata"].get("generation", 1), "phase": phase}
    status["conditions"] = _conditions(pod, record, init, main, phase, now_s)
    if phase == old.get("phase"):
        status |= {name: old[name] for name in ("reason", "message") if old.get(name)}
    status |= {name: old[name] for name in CLAIM_STATUSES if old.get(name)}
    status |= {"hostIP": host_ip, "hostIPs": [{"ip": host_ip}]}
    pod_ip = record.pod_ip or old.get("podIP", "")
    if pod_ip:
        status |= {"podIP": pod_ip, "podIPs": [{"ip": pod_ip}]}
    status["startTime"] = old.get("startTime") or timestamp(now_s)
    if init:
        status["initContainerStatuses"] = init
    status["containerStatuses"] = main
    if pod["spec"].get("ephemeralContainers"):
        status["ephemeralContainerStatuses"] = [
            _ephemeral_status(pod, each, record, old) for each in pod["spec"]["ephemeralContainers"]
        ]
    status["qosClass"] = old.get("qosClass") or "BestEffort"
    status |= _pod_resources(pod, phase)
    return status


def terminated_status(pod: Object, status: Object) -> Object:
    """What is written last of all before a deleted Pod goes: what never ran counts as failed (TerminatePod)."""
    status = dict(status)
    has_init = bool(pod["spec"].get("initContainers"))
    if not has_init or any("waiting" not in each["state"] or each["lastState"] for each in status["containerStatuses"]):
        status["containerStatuses"] = [_as_lost(each) for each in status["containerStatuses"]]
    else:
        before = status["initContainerStatuses"]
        reached = max((i for i, each in enumerate(before) if _has_started(each)), default=-1)
        status["initContainerStatuses"] = [
            _as_lost(each) if index <= reached else each for index, each in enumerate(before)
        ]
    if status["phase"] not in ("Succeeded", "Failed"):
        status["phase"] = "Failed"
    return status


def _has_started(status: Object) -> bool:
    return "waiting" not in status["state"] or bool(status["lastState"])


def _as_lost(status: Object) -> Object:
    if "terminated" in status["state"]:
        return status
    terminated = {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": _LOST}
    return {**status, "state": {"terminated": terminated | {"startedAt": None, "finishedAt": None}}}


# ---- containers


def _container_status(pod: Object, container: Object, record: PodRecord) -> Object:
    name = container["name"]
    attempt = record.last.get(name)
    status: Object = {"name": name}
    if attempt is None:
        reason = "PodInitializing" if pod["spec"].get("initContainers") else "ContainerCreating"
        status |= {"state": {"waiting": {"reason": reason}}, "lastState": {}, "ready": False, "restartCount": 0}
        status |= {"image": container["image"], "imageID": "", "started": False}
    else:
        before = record.before.get(name)
        status |= {"state": attempt.api_state(), "lastState": before.api_state() if before else {}}
        status |= {"ready": _is_ready(pod, container, record), "restartCount": attempt.restarts}
        status |= {"image": attempt.image, "imageID": attempt.image_id, "containerID": attempt.container_id}
        status["started"] = attempt.state == "running" and attempt.started
        resources = container.get("resources") or {}
        if resources.get("requests"):
            status["allocatedResources"] = resources["requests"]
        status["resources"] = resources
        uid, gid, groups = attempt.user
        status["user"] = {"linux": {"uid": uid, "gid": gid, "supplementalGroups": list(groups)}}
    mounts = [_mount_status(each) for each in container.get("volumeMounts") or ()]
    if mounts:
        status["volumeMounts"] = mounts
    if name in record.waiting and should_restart(pod, container, attempt):
        reason, message = record.waiting[name]
        if "terminated" in status["state"]:
            status["lastState"] = status["state"]
        status["state"] = {"waiting": {"reason": reason} | ({"message": message} if message else {})}
    return status


def _ephemeral_status(pod: Object, container: Object, record: PodRecord, old: Object) -> Object:
    """It has no probes and no restarts, and is never ready."""
    status = _container_status(pod, container, record)
    status.pop("started", None)
    return {**status, "ready": False}


def _mount_status(mount: Object) -> Object:
    status: Object = {"name": mount["name"], "mountPath": mount["mountPath"]}
    if mount.get("readOnly"):
        recursive = mount.get("recursiveReadOnly")
        status |= {"readOnly": True, "recursiveReadOnly": "Enabled" if recursive == "Enabled" else "Disabled"}
    return status


def _is_ready(pod: Object, container: Object, record: PodRecord) -> bool:
    attempt = record.last[container["name"]]
    if is_init(pod, container["name"]) and not is_sidecar(container):
        return attempt.ended_well()
    return attempt.state == "running" and attempt.started and attempt.ready


# ---- phase


def _phase(pod: Object, init: list[Object], main: list[Object], terminal: bool, rerun: Collection[str]) -> str:
    """`rerun`: names of containers that run once more whatever their policy says. Source: getPhase."""
    pending = 0
    waiting = running = 0
    has_started = any(_has_started(each) for each in main)
    for container, status in zip(pod["spec"].get("initContainers") or (), init, strict=True):
        state, ended = status["state"], status["lastState"].get("terminated")
        if is_sidecar(container):
            running += "running" in state
            if "running" in state and not status["started"]:
                pending += not has_started
            elif "waiting" in state and not ended:
                pending += not has_started
                waiting += 1
            continue
        ended = state.get("terminated") or (ended if "waiting" in state else None)
        if ended is None:
            pending += 1
        elif ended["exitCode"] != 0 and (not restarts_after(pod, container, ended["exitCode"]) or terminal):
            return "Failed"
    stopped: list[Object] = []
    restartable = 0
    for container, status in zip(pod["spec"]["containers"], main, strict=True):
        state = status["state"]
        ended = state.get("terminated") or status["lastState"].get("terminated")
        if "running" in state:
            running += 1
        elif ended is None:
            waiting += 1
        else:
            stopped.append(ended)
            restartable += container["name"] in rerun or restarts_after(pod, container, ended["exitCode"])
    if pending or waiting:
        return "Pending"
    if running:
        return "Running"
    if restartable and not terminal:
        return "Running"
    return "Succeeded" if all(each["exitCode"] == 0 for each in stopped) else "Failed"


# ---- conditions


def _conditions(
    pod: Object, record: PodRecord, init: list[Object], main: list[Object], phase: str, now_s: float
) -> list[Object]:
    old = {each["type"]: each for each in (pod.get("status") or {}).get("conditions") or ()}
    ours = (*_CONDITIONS, *_RESIZING, _RESTARTING_ALL)
    foreign = [each for each in old.values() if each["type"] not in ours]
    foreign += [record.resizing[name] for name in _RESIZING if name in record.resizing]
    containers_ready = _containers_ready(pod, init, main, phase)
    found: dict[str, tuple[bool, str, str]] = {
        "PodReadyToStartContainers": (record.sandbox, "", ""),
        "Initialized": _initialized(pod, init, main, phase),
        "Ready": _ready(pod, foreign, containers_ready),
        "ContainersReady": containers_ready,
        "PodScheduled": (True, "", ""),
    }
    if may_restart_all(pod):
        reason = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(phase, "")
        found[_RESTARTING_ALL] = (record.restarting_all and not reason, reason, "")
    generation = pod["metadata"].get("generation", 1)
    return [*foreign, *(_condition(name, *each, generation, old.get(name), now_s) for name, each in found.items())]


def _condition(
    name: str, holds: bool, reason: str, message: str, generation: int, old: Object | None, now_s: float
) -> Object:
    status = "True" if holds else "False"
    since = old["lastTransitionTime"] if old is not None and old["status"] == status else timestamp(now_s)
    condition: Object = {"type": name, "observedGeneration": generation, "status": status, "lastProbeTime": None}
    condition["lastTransitionTime"] = since
    if reason:
        condition["reason"] = reason
    if message:
        condition["message"] = message
    return condition


def _listed(names: Iterable[str]) -> str:
    """As Go prints a slice of strings: `[nginx sidecar]`."""
    return f"[{' '.join(names)}]"


def _containers_ready(pod: Object, init: list[Object], main: list[Object], phase: str) -> tuple[bool, str, str]:
    if phase == "Succeeded":
        return False, "PodCompleted", ""
    if phase == "Failed":
        return False, "PodFailed", ""
    sidecars = [s for c, s in zip(pod["spec"].get("initContainers") or (), init, strict=True) if is_sidecar(c)]
    unready = [each["name"] for each in [*sidecars, *main] if not each["ready"]]
    if unready:
        return False, "ContainersNotReady", f"containers with unready status: {_listed(unready)}"
    return True, "", ""


def _ready(pod: Object, conditions: list[Object], containers_ready: tuple[bool, str, str]) -> tuple[bool, str, str]:
    if not containers_ready[0]:
        return containers_ready
    by_type = {each["type"]: each["status"] for each in conditions}
    problems = []
    for gate in pod["spec"].get("readinessGates") or ():
        name = gate["conditionType"]
        if name not in by_type:
            problems.append(f'corresponding condition of pod readiness gate "{name}" does not exist.')
        elif by_type[name] != "True":
            problems.append(f'the status of pod readiness gate "{name}" is not "True", but {by_type[name]}')
    return (False, "ReadinessGatesNotReady", ", ".join(problems)) if problems else (True, "", "")


def _initialized(pod: Object, init: list[Object], main: list[Object], phase: str) -> tuple[bool, str, str]:
    if phase == "Succeeded":
        return True, "PodCompleted", ""
    if any(_has_started(each) for each in main):
        return True, "", ""
    pairs = zip(pod["spec"].get("initContainers") or (), init, strict=True)
    incomplete = [s["name"] for c, s in pairs if not (s["started"] if is_sidecar(c) else s["ready"])]
    if incomplete:
        return False, "ContainersNotInitialized", f"containers with incomplete status: {_listed(incomplete)}"
    return True, "", ""


# ---- resources


def pod_requests(pod: Object, field: str = "requests") -> dict[str, str]:
    """What the Pod asks for in all: its containers together, or its init containers where they need more.

    Source: component-helpers/resource/helpers.go PodRequests (sidecars count with the containers; pod-level wins).
    """
    totals: dict[str, Any] = {}
    forms: dict[str, bool] = {}

    def take(container: Object) -> dict[str, Any]:
        amounts = (container.get("resources") or {}).get(field) or {}
        for name, text in amounts.items():
            forms.setdefault(name, quantity.is_binary(text))
        return {name: quantity.nanos(text) for name, text in amounts.items()}

    for each in pod["spec"]["containers"]:
        for name, amount in take(each).items():
            totals[name] = totals.get(name, 0) + amount
    sidecars: dict[str, Any] = {}
    highest: dict[str, Any] = {}
    for each in pod["spec"].get("initContainers") or ():
        amounts = take(each)
        if is_sidecar(each):
            for name, amount in amounts.items():
                sidecars[name] = sidecars.get(name, 0) + amount
            amounts = sidecars
        else:
            amounts = {name: amounts.get(name, 0) + sidecars.get(name, 0) for name in {**sidecars, **amounts}}
        for name, amount in amounts.items():
            highest[name] = max(highest.get(name, amount), amount)
    for name, amount in sidecars.items():
        totals[name] = totals.get(name, 0) + amount
    for name, amount in highest.items():
        totals[name] = max(totals.get(name, amount), amount)
    for name, text in ((pod["spec"].get("resources") or {}).get(field) or {}).items():
        totals[name] = quantity.nanos(text)
        forms[name] = quantity.is_binary(text)
    return {name: quantity.of_nanos(amount, binary=forms[name]).text for name, amount in sorted(totals.items())}


def _pod_resources(pod: Object, phase: str) -> Object:
    requests, limits = pod_requests(pod), pod_requests(pod, "limits")
    if phase == "Running":  # read from the Pod's cgroup, which is limited only where it is itself, or every container
        main = pod["spec"]["containers"]
        everyones = [set((each.get("resources") or {}).get("limits") or {}) for each in main]
        own = (pod["spec"].get("resources") or {}).get("limits") or {}
        limits = {name: text for name, text in limits.items() if name in own or all(name in each for each in everyones)}
    found: Object = {"allocatedResources": requests} if requests else {}
    found["resources"] = ({"limits": limits} if limits else {}) | ({"requests": requests} if requests else {})
    return found


def is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def is_terminal(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


__all__ = ["containers_of", "is_ready", "is_terminal", "pod_requests", "pod_status", "terminated_status"]
