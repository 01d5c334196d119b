"""When a Pod's volumes are set up, and when their files follow the ConfigMaps and Secrets they were made of.

Source: pkg/volume/util/operationexecutor, pkg/util/goroutinemap/exponentialbackoff (0.5 s, doubled up to 2 min 2 s).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from statelab.controlplane.controllers.common.devices import has_claims
from statelab.controlplane.kubelet.expanding import expand
from statelab.controlplane.kubelet.steps import Pause, Work
from statelab.controlplane.kubelet.volumes import Files, MountError, files_builder, files_of, mount_all, write_files

if TYPE_CHECKING:
    from statelab.controlplane.kubelet.pods import PodWorker
    from statelab.controlplane.runtime.volumes import Volume

_FIRST_RETRY_S = 0.5
_LONGEST_RETRY_S = 122.0
_TRIES_WORTH_WAITING_FOR = 4
_DEVICES_RETRY_S = (12.0, 15.0)  # a sync of the Pod that failed is repeated


def mount(worker: PodWorker) -> Work:
    """Set up all volumes, trying again for as long as one cannot be."""
    kubelet = worker.kubelet
    delay_s, tries = _FIRST_RETRY_S, 0
    while True:
        try:
            mounted = mount_all(worker.pod, worker.facts(), kubelet.view, kubelet.volumes, kubelet.node_name)
        except MountError as error:
            worker.needs = error.needs
            kubelet.view.event(worker.pod, "FailedMount", error.message, type="Warning")
            tries += 1
            yield Pause(delay_s) if tries > _TRIES_WORTH_WAITING_FOR else delay_s
            delay_s = min(2 * delay_s, _LONGEST_RETRY_S)
        else:
            worker.needs = None
            if has_claims(worker.pod):
                yield from _prepare_devices(worker)
            worker.mounted = mounted
            expand(worker)
            return


def _prepare_devices(worker: PodWorker) -> Work:
    """Try for as long as the devices of the Pod's ResourceClaims are not ready. Imported when a Pod has some."""
    from statelab.controlplane.kubelet import devices

    while not devices.prepare(worker.pod, worker.kubelet.view):
        yield Pause(worker.kubelet.random.uniform(*_DEVICES_RETRY_S))


def refresh(worker: PodWorker) -> None:
    """Make the files of volumes that were made of API objects what those objects say now."""
    for spec in worker.pod["spec"].get("volumes") or ():
        if files_builder(spec) is None or worker.mounted is None:
            continue
        volume = worker.mounted[spec["name"]].volume
        try:
            after = files_of(worker.pod, spec, worker.facts(), worker.kubelet.view)
        except MountError as error:
            worker.kubelet.view.event(worker.pod, "FailedMount", error.message, type="Warning")
            continue
        # The modes of what is there are not compared: a file whose content is the same is left alone.
        before: Files = {path: (volume.read("/" + path), after.get(path, (b"", 0))[1]) for path in _files(volume)}
        write_files(volume, before, after)


def _files(volume: Volume) -> list[str]:
    return [path.lstrip("/") for path in volume.list() if not path.endswith("/")]
