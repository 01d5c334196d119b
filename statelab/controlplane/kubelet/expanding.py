"""The file system of a volume that has grown is made to fill it: when a Pod that uses it is there, or comes.

Source: pkg/volume/util/operationexecutor/node_expander.go, pkg/volume/util/resize_util.go (MarkFSResizeFinished).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from statelab.controlplane.controllers.volume.resizing import PENDING, finished, state_of
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object
from statelab.controlplane.kubelet.volumes import claim_names

if TYPE_CHECKING:
    from statelab.controlplane.kubelet.kubelet import Kubelet
    from statelab.controlplane.kubelet.pods import PodWorker

ONLINE_S = 1.0  # the volume manager looks at what is mounted again and again


def later(kubelet: Kubelet, claim: Object) -> None:
    """A claim was written: if its file system is to grow and a Pod here has it mounted, do it soon."""
    if state_of(claim) != PENDING:
        return
    namespace, name = claim["metadata"]["namespace"], claim["metadata"]["name"]

    def look() -> None:
        for worker in kubelet.workers():
            pod = worker.pod
            if worker.mounted is None or worker.terminating or pod["metadata"]["namespace"] != namespace:
                continue
            if name in claim_names(pod):
                expand(worker)
                return

    kubelet.loop.call_later(ONLINE_S, look)


def expand(worker: PodWorker) -> None:
    """Make the file systems of this Pod's claims fill their volumes, where they wait for that."""
    kubelet, pod = worker.kubelet, worker.pod
    if not kubelet.is_running:
        return
    for name in claim_names(pod):
        claim = kubelet.view.get("persistentvolumeclaims", f"{pod['metadata']['namespace']}/{name}")
        if claim is None or state_of(claim) != PENDING:
            continue
        volume = kubelet.view.get("persistentvolumes", claim["spec"].get("volumeName") or "")
        if volume is None:
            continue
        message = (
            f'MountVolume.NodeExpandVolume succeeded for volume "{volume["metadata"]["name"]}" {kubelet.node_name}'
        )
        kubelet.view.event(pod, "FileSystemResizeSuccessful", message)
        kubelet.view.event(claim, "FileSystemResizeSuccessful", message)
        with suppress(ApiError):  # it could not be stored: the claim goes on waiting, and the next mount tries again
            finished(claim, volume, kubelet.view)
