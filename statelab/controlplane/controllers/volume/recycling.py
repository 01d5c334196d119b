"""A volume that is scrubbed by a Pod when its claim has gone, and given to the next claim: the policy Recycle.

Source: pkg/controller/volume/persistentvolume/pv_controller.go (recycleVolumeOperation), pkg/volume/plugins.go,
pkg/volume/util/recyclerclient.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane import quantity
from statelab.controlplane.controllers.common.memory import Memory
from statelab.controlplane.kinds import Object
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_PREFIX, _NAMESPACE = "recycler-for-", "default"
_IMAGE = "registry.k8s.io/build-image/debian-base:bookworm-v1.0.2"
_SCRIPT = 'test -e /scrub && find /scrub -mindepth 1 -delete && test -z "$(ls -A /scrub)" || exit 1'
_LEAST_S, _S_PER_GI = 60, 30


class _Told:
    """The events of recycler Pods that were told of their volumes already, by uid."""

    def __init__(self, view: View) -> None:
        self.uids: set[str] = set()


_memory = Memory(_Told)


def on_pod(revision: Revision) -> Iterable[str]:
    """The key of the volume that a Pod scrubs."""
    prefix = f"{_NAMESPACE}/{_PREFIX}"
    return [f"volume/{revision.key.removeprefix(prefix)}"] if revision.key.startswith(prefix) else []


def problem_or_done(volume: Object, view: View) -> str | bool:
    """Scrub a volume, one step further. True when it is clean, False while its Pod is at work, or what went wrong."""
    path = (volume["spec"].get("hostPath") or {}).get("path")
    if path is None:
        return "No recycler plugin found for the volume!"
    name = volume["metadata"]["name"]
    pod = view.get("pods", f"{_NAMESPACE}/{_PREFIX}{name}")
    if pod is None:
        if (volume.get("status") or {}).get("phase") != "Failed":
            view.create("pods", _pod(volume, path), why=f"pv/{name} is to be scrubbed for its next claim")
        return False
    _tell(pod, volume, view)
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp") or status.get("phase") not in ("Succeeded", "Failed"):
        return False
    view.delete("pods", pod, why="it has done its work")
    if status["phase"] == "Succeeded":
        return True
    words = status.get("message") or "pod failed, pod.Status.Message unknown"
    return f"Recycle failed: failed to recycle volume: {words}"


def _tell(pod: Object, volume: Object, view: View) -> None:
    """What is told of the Pod is told of the volume, too."""
    told = _memory(view).uids
    for event in view.list("events", _NAMESPACE):
        uid = event["metadata"]["uid"]
        if event["involvedObject"].get("uid") == pod["metadata"]["uid"] and uid not in told:
            told.add(uid)
            view.event(volume, "RecyclerPod", f"Recycler pod: {event['message']}", type=event["type"])


def _pod(volume: Object, path: str) -> Object:
    gibibytes = quantity.whole(volume["spec"]["capacity"]["storage"]) >> 30
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{_PREFIX}{volume['metadata']['name']}", "namespace": _NAMESPACE},
        "spec": {
            "activeDeadlineSeconds": max(_LEAST_S, gibibytes * _S_PER_GI),
            "restartPolicy": "Never",
            "volumes": [{"name": "vol", "hostPath": {"path": path}}],
            "containers": [
                {
                    "name": "pv-recycler",
                    "image": _IMAGE,
                    "command": ["/bin/sh"],
                    "args": ["-c", _SCRIPT],
                    "volumeMounts": [{"name": "vol", "mountPath": "/scrub"}],
                }
            ],
        },
    }
