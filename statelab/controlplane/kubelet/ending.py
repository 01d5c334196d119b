"""The end of a Pod on its node, and what is left of one after the node was away.

Source: pkg/kubelet/kubelet.go (SyncTerminatingPod, SyncTerminatedPod), kuberuntime_container.go (killContainer).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from statelab.controlplane.clock import seconds
from statelab.controlplane.kinds import Object
from statelab.controlplane.kubelet.containers import Attempt, containers_of, is_sidecar
from statelab.controlplane.kubelet.status import pod_status, terminated_status
from statelab.controlplane.kubelet.steps import Work

if TYPE_CHECKING:
    from statelab.controlplane.kubelet.pods import PodWorker

_UNMOUNT_S = (0.05, 0.15)
_TELL_S = (0.02, 0.06)


def terminate(worker: PodWorker, removed: bool) -> Work:
    """Stop its containers within its grace period, say how they ended, let the object go."""
    kubelet, metadata, spec = worker.kubelet, worker.pod["metadata"], worker.pod["spec"]
    grace_s = metadata.get("deletionGracePeriodSeconds", spec.get("terminationGracePeriodSeconds", 30))
    if removed:
        grace_s = 0
    deadline_s = kubelet.loop.now_s + grace_s
    sidecars = [each for each in spec.get("initContainers") or () if is_sidecar(each)]
    names = {each["name"] for each in sidecars}
    others = [each for each in containers_of(worker.pod) if each["name"] not in names]
    yield partial(_stop_all, worker, others, grace_s)
    for sidecar in reversed(sidecars):  # KEP-753: after all others, the last one started first
        yield partial(_stop_all, worker, [sidecar], deadline_s - kubelet.loop.now_s)
    worker.stop_probes()
    yield kubelet.random.uniform(*_UNMOUNT_S)
    worker.remove_sandbox()
    if removed:
        return
    status = pod_status(worker.pod, worker.record, kubelet.host_ip, kubelet.loop.now_s, terminal=True)
    worker.put(terminated_status(worker.pod, status))
    yield kubelet.random.uniform(*_TELL_S)
    worker.is_done = True
    why = f"{metadata['name']}'s containers have stopped and its volumes are unmounted"
    kubelet.view.delete("pods", worker.pod, why=why, grace_period_s=0)


def _stop_all(worker: PodWorker, containers: list[Object], grace_s: float, resume: Callable[[None], None]) -> None:
    found = [(each, worker.record.last.get(each["name"])) for each in containers]
    alive = [(each, attempt) for each, attempt in found if attempt is not None and attempt.state == "running"]
    left = len(alive)

    def one_less() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            resume(None)

    if not alive:
        resume(None)
    for container, attempt in alive:
        worker.stop_container(container, attempt, grace_s, f"Stopping container {attempt.name}", one_less)


# ---- a node that comes back


def adopt(worker: PodWorker) -> None:
    """After a restart of the node: what ran has ended, unseen. It starts again as restart policies say, init first."""
    status, record, now_s = worker.pod.get("status") or {}, worker.record, worker.kubelet.loop.now_s
    ran = False
    for each in status.get("containerStatuses") or ():
        if "waiting" not in each["state"] or each.get("lastState"):
            ran = True
            record.last[each["name"]] = _lost(each, now_s)
    for each in status.get("initContainerStatuses") or ():
        if each.get("containerID"):
            record.last[each["name"]] = _lost(each, now_s)
            record.rerun.add(each["name"])  # in a new sandbox everything is set up anew
    for each in status.get("ephemeralContainerStatuses") or ():
        if each.get("containerID"):
            record.last[each["name"]] = _lost(each, now_s)  # it is not started again
    if ran:
        words = "Pod sandbox changed, it will be killed and re-created."
        worker.kubelet.view.event(worker.pod, "SandboxChanged", words)


def _lost(status: Object, now_s: float) -> Attempt:
    """The attempt behind a status the API remembers. A container that ran when the node went: exit code 255."""
    state = status["state"]
    running, ended = state.get("running"), state.get("terminated") or (status.get("lastState") or {}).get("terminated")
    attempt = Attempt(
        status["name"], status["restartCount"], status.get("containerID", ""), status["image"], status["imageID"]
    )
    attempt.state = "exited"
    if running is not None:
        attempt.exit_code, attempt.reason = 255, "Unknown"
        attempt.started_at_s, attempt.finished_at_s = seconds(running["startedAt"]), now_s
    elif ended is not None:
        attempt.exit_code, attempt.reason = ended["exitCode"], ended.get("reason", "")
        attempt.message = ended.get("message", "")
        attempt.started_at_s = seconds(ended["startedAt"]) if ended.get("startedAt") else 0.0
        attempt.finished_at_s = seconds(ended["finishedAt"]) if ended.get("finishedAt") else 0.0
    return attempt
