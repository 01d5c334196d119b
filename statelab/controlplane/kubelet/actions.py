"""What a Pod's containers need, told from its spec and from what runs.

Source: pkg/kubelet/kuberuntime/kuberuntime_manager.go computePodActions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from statelab.controlplane.kinds import Object
from statelab.controlplane.kubelet.containers import (
    RESTART_ALL,
    Attempt,
    PodRecord,
    containers_of,
    is_sidecar,
    matching_action,
    restart_policy,
    should_restart,
)


def to_start(pod: Object, record: PodRecord, anew: Collection[str] = ()) -> list[Object]:
    """The containers to start now: init containers one after the other, then all the others; ephemeral ones once.

    `anew`: names of those that were stopped to be started anew, whatever the restart policy says.
    Notes in the record that the Pod is initialized, once it is.
    """
    ephemeral = pod["spec"].get("ephemeralContainers") or ()
    return _to_start(pod, record, anew) + [each for each in ephemeral if each["name"] not in record.last]


def _to_start(pod: Object, record: PodRecord, anew: Collection[str]) -> list[Object]:
    spec = pod["spec"]
    main = spec["containers"]
    initialized = record.initialized
    start: list[Object] = []
    for container in spec.get("initContainers") or ():
        attempt = record.last.get(container["name"])
        if is_sidecar(container):
            if attempt is None or attempt.state == "exited":
                start.append(container)
            if not initialized and (attempt is None or attempt.state != "running" or not attempt.started):
                return start
            continue
        again = container["name"] in record.rerun
        if initialized or (attempt is not None and attempt.ended_well() and not again):
            continue
        if attempt is None or again or should_restart(pod, container, attempt):
            start.append(container)
        return start
    record.initialized = True
    for container in main:
        name = container["name"]
        if name in anew or name in record.rerun or should_restart(pod, container, record.last.get(name)):
            start.append(container)
    return start


def have_ended_for_good(pod: Object, record: PodRecord) -> bool:
    """Whether all containers but the sidecars have, and none of them is to be started again."""
    for container in pod["spec"]["containers"]:
        attempt = record.last.get(container["name"])
        if attempt is None or attempt.state != "exited" or should_restart(pod, container, attempt):
            return False
        if attempt.name in record.rerun:
            return False
    return True


def note_restart_of_all(pod: Object, record: PodRecord) -> None:
    """Note in the record that one has ended for which a rule says RestartAllContainers."""
    for container in containers_of(pod):
        attempt = record.last.get(container["name"])
        if attempt is not None and attempt.state == "exited" and attempt.name not in record.rerun:
            record.restarting_all |= matching_action(container, attempt.exit_code) == RESTART_ALL


def begin_anew(pod: Object, record: PodRecord) -> None:
    """All have ended that a RestartAllContainers ends: the Pod begins once more with its first init container."""
    record.restarting_all = record.initialized = False
    record.rerun |= {each["name"] for key in ("initContainers", "containers") for each in pod["spec"].get(key) or ()}


@dataclass(frozen=True, slots=True)
class Stop:
    """A running container that must end: why, how long it may take (None: as the Pod says), and what follows."""

    container: Object
    attempt: Attempt
    message: str
    grace_s: float | None
    again: bool
    runs_hook: bool = True


def to_stop(pod: Object, record: PodRecord) -> Iterator[Stop]:
    """Running containers whose image or size is another by now, and those that a probe has given up.

    The first are started again whatever the restart policy says, the others unless it is Never. All but the ephemeral
    ones where a rule says RestartAllContainers, and then without their preStop hooks.
    """
    if record.restarting_all:
        for container in [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]:
            attempt = record.last.get(container["name"])
            if attempt is not None and attempt.state == "running":
                message = f"Container {attempt.name} will be restarted with all containers of its Pod"
                yield Stop(container, attempt, message, None, again=False, runs_hook=False)
        return
    for container in containers_of(pod):
        attempt = record.last.get(container["name"])
        if attempt is None or attempt.state != "running":
            continue
        runs = attempt.runtime.spec.image if attempt.runtime is not None else None
        grace_s: float | None = None
        if attempt.name in record.restart_for_resize:
            yield Stop(container, attempt, f"Container {attempt.name} resize requires restart", None, True)
            continue
        if runs not in (None, container["image"]):
            again, what = True, "definition changed"
        elif attempt.unhealthy:
            again, what = restart_policy(pod, container) != "Never", f"failed {attempt.unhealthy} probe"
            grace_s = container[f"{attempt.unhealthy}Probe"].get("terminationGracePeriodSeconds")
        else:
            continue
        message = f"Container {attempt.name} {what}" + (", will be restarted" if again else "")
        yield Stop(container, attempt, message, grace_s, again)
