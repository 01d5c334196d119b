"""What a Pod's containers need, told from its spec and from what runs.

Source: pkg/kubelet/kuberuntime/kuberuntime_manager.go computePodActions.
"""

from __future__ import annotations

from collections.abc import Iterator

from statelab.controlplane.kinds import Object
from statelab.controlplane.kubelet.containers import Attempt, PodRecord, containers_of, is_sidecar, should_restart


def to_start(pod: Object, record: PodRecord) -> list[Object]:
    """The containers to start now: init containers one after the other, then all the others.

    Notes in the record that the Pod is initialized, once it is.
    """
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
    start += [each for each in main if should_restart(pod, each, record.last.get(each["name"]))]
    return start


def have_ended_for_good(pod: Object, record: PodRecord) -> bool:
    """Whether all containers but the sidecars have, and none of them is to be started again."""
    for container in pod["spec"]["containers"]:
        attempt = record.last.get(container["name"])
        if attempt is None or attempt.state != "exited" or should_restart(pod, container, attempt):
            return False
    return True


def changed(pod: Object, record: PodRecord) -> Iterator[Attempt]:
    """Containers that run another image than the spec says by now."""
    for container in containers_of(pod):
        attempt = record.last.get(container["name"])
        runs = attempt.runtime.spec.image if attempt is not None and attempt.runtime is not None else None
        if attempt is not None and attempt.state == "running" and runs not in (None, container["image"]):
            yield attempt
