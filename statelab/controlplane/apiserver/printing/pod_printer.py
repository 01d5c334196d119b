"""A Pod's row: above all its STATUS, which is no field of the Pod but a reading of all its containers.

Source: pkg/printers/internalversion/printers.go, printPod.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from statelab.controlplane.apiserver.printing.cells import AGE, NAME, Printer
from statelab.controlplane.kinds import Object

_CORE = "io.k8s.api.core.v1."
_DONE = {
    "Succeeded": "The pod has completed successfully.",
    "Failed": "The pod failed.",
}


def pod_row_conditions(pod: Object) -> list[Object]:
    phase = (pod.get("status") or {}).get("phase")
    if phase not in _DONE:
        return []
    return [{"type": "Completed", "status": "True", "reason": phase, "message": _DONE[phase]}]


def pod_cells(pod: Object, since: Callable[[str | None], str]) -> list[Any]:
    """Name, Ready, Status, Restarts, Age, IP, Node, Nominated Node, Readiness Gates."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    sidecars = {each["name"] for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"}
    seen = _read(pod, spec, status, sidecars)
    total = len(spec.get("containers") or ()) + len(sidecars)
    restarts = str(seen.restarts)
    if seen.restarts and seen.last_restart:
        restarts += f" ({since(seen.last_restart)} ago)"
    addresses = status.get("podIPs") or ()
    return [
        pod["metadata"]["name"],
        f"{seen.ready}/{total}",
        seen.reason,
        restarts,
        since(pod["metadata"].get("creationTimestamp")),
        (addresses[0].get("ip") if addresses else "") or "<none>",
        spec.get("nodeName") or "<none>",
        status.get("nominatedNodeName") or "<none>",
        _readiness_gates(spec, status),
    ]


@dataclass(slots=True)
class _Seen:
    """What the containers add up to. `last_restart` is the latest end of a container that was started again."""

    reason: str
    ready: int = 0
    restarts: int = 0
    last_restart: str = ""

    def count(self, container: Object) -> None:
        self.restarts += container.get("restartCount", 0)
        ended = ((container.get("lastState") or {}).get("terminated") or {}).get("finishedAt")
        if ended and ended > self.last_restart:  # RFC 3339 in UTC sorts as text
            self.last_restart = ended


def _read(pod: Object, spec: Object, status: Object, sidecars: set[str]) -> _Seen:
    seen = _Seen(status.get("reason") or status.get("phase") or "")
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    if conditions.get("PodScheduled", {}).get("reason") == "SchedulingGated":
        seen.reason = "SchedulingGated"
    of_sidecars = _Seen("")
    initializing = _read_init_containers(spec, status, sidecars, seen, of_sidecars)
    if not initializing or _is_true(conditions, "Initialized"):
        seen.restarts, seen.last_restart = of_sidecars.restarts, of_sidecars.last_restart
        _read_containers(status, conditions, seen)
    if pod["metadata"].get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            seen.reason = "Unknown"
        elif status.get("phase") not in _DONE:
            seen.reason = "Terminating"
    return seen


def _read_init_containers(spec: Object, status: Object, sidecars: set[str], seen: _Seen, of_sidecars: _Seen) -> bool:
    """Whether the Pod is still (or again) at its init containers: the first that is not done says the status."""
    for index, container in enumerate(status.get("initContainerStatuses") or ()):
        seen.count(container)
        is_sidecar = container["name"] in sidecars
        if is_sidecar:
            of_sidecars.count(container)
        state = container.get("state") or {}
        terminated, waiting = state.get("terminated"), state.get("waiting") or {}
        if terminated is not None and terminated.get("exitCode", 0) == 0:
            continue
        if is_sidecar and container.get("started"):
            seen.ready += bool(container.get("ready"))
            continue
        if terminated is not None:
            seen.reason = f"Init:{_ended(terminated)}"
        elif waiting.get("reason") and waiting["reason"] != "PodInitializing":
            seen.reason = f"Init:{waiting['reason']}"
        else:
            seen.reason = f"Init:{index}/{len(spec.get('initContainers') or ())}"
        return True
    return False


def _read_containers(status: Object, conditions: dict[str, Object], seen: _Seen) -> None:
    """From the last container to the first, so that the first that has something to say says it."""
    has_running = False
    for container in reversed(status.get("containerStatuses") or ()):
        seen.count(container)
        state = container.get("state") or {}
        terminated, waiting = state.get("terminated"), state.get("waiting") or {}
        if waiting.get("reason"):
            seen.reason = waiting["reason"]
        elif terminated is not None:
            seen.reason = _ended(terminated)
        elif container.get("ready") and state.get("running") is not None:
            has_running = True
            seen.ready += 1
    if seen.reason == "Completed" and has_running:
        seen.reason = "Running" if _is_true(conditions, "Ready") else "NotReady"


def _ended(terminated: Object) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _is_true(conditions: dict[str, Object], kind: str) -> bool:
    return bool(conditions.get(kind, {}).get("status") == "True")


def _readiness_gates(spec: Object, status: Object) -> str:
    gates = spec.get("readinessGates") or ()
    if not gates:
        return "<none>"
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    return f"{sum(_is_true(conditions, gate['conditionType']) for gate in gates)}/{len(gates)}"


PRINTERS = {
    "pods": Printer(
        (
            NAME,
            ("Ready", "string", 0, "The aggregate readiness state of this pod for accepting traffic."),
            ("Status", "string", 0, "The aggregate status of the containers in this pod."),
            (
                "Restarts",
                "string",
                0,
                "The number of times the containers in this pod have been restarted and when the last container in "
                "this pod has restarted.",
            ),
            AGE,
            ("IP", "string", 1, _CORE + "PodStatus#podIP"),
            ("Node", "string", 1, _CORE + "PodSpec#nodeName"),
            ("Nominated Node", "string", 1, _CORE + "PodStatus#nominatedNodeName"),
            ("Readiness Gates", "string", 1, _CORE + "PodSpec#readinessGates"),
        ),
        pod_cells,
        pod_row_conditions,
    ),
}
