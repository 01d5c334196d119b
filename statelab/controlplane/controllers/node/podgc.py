"""The Pod garbage collector: Pods whose node is no more, Pods of a node taken out of service, and too many ended ones.

Source: pkg/controller/podgc/gc_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.controllers.common.memory import Memory
from statelab.controlplane.controllers.common.pods import condition, is_finished, is_terminating
from statelab.controlplane.controllers.common.taints import mark_disrupted
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_QUARANTINE_S = 40.0  # a node that is gone may register again
_MOST_ENDED = 12500  # --terminated-pod-gc-threshold
_OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
_SWEEP = "*"

_ended: Memory[set[str]] = Memory(lambda view: {key_of(pod) for pod in view.list("pods") if is_finished(pod)})
_gone_since: Memory[dict[str, float]] = Memory(lambda view: {})


def reconcile(key: str, view: View) -> float | None:
    """Look at one Pod, or (`*`) at how many have ended."""
    if key == _SWEEP:
        _sweep(view)
        return None
    pod = view.get("pods", key)
    if pod is None:
        return None
    name = pod["spec"].get("nodeName")
    if not name:
        if is_terminating(pod):
            _remove(pod, "PodGC: terminating before it was scheduled", "it was never put on a node", view)
        return None
    node = view.get("nodes", name)
    if node is None:
        since_s = _gone_since(view).setdefault(name, view.now_s)
        left_s = since_s + _QUARANTINE_S - view.now_s
        if left_s > 0:
            return left_s
        _remove(pod, "PodGC: node no longer exists", f"its node {name} no longer exists", view)
    elif is_terminating(pod) and _is_out_of_service(node):
        _remove(pod, "", f"its node {name} is out of service", view)
    return None


def _is_out_of_service(node: Object) -> bool:
    if (condition(node, "Ready") or {}).get("status") == "True":
        return False
    return any(each["key"] == _OUT_OF_SERVICE for each in node["spec"].get("taints") or ())


def _remove(pod: Object, message: str, why: str, view: View) -> None:
    """Delete without grace: nobody is there who could stop it. A Pod that had not ended is Failed first."""
    if not is_finished(pod) and message:
        pod = mark_disrupted(pod, "DeletionByPodGC", message, view, why=why, phase="Failed")
    elif not is_finished(pod):
        pod = view.update_status("pods", {**pod, "status": {**pod["status"], "phase": "Failed"}}, why=why)
    view.delete("pods", pod, why=why, grace_period_s=0)


def _sweep(view: View) -> None:
    """Delete the oldest of the Pods that have ended, beyond the number that is kept."""
    excess = len(_ended(view)) - _MOST_ENDED
    if excess <= 0:
        return
    pods = [pod for key in _ended(view) if (pod := view.get("pods", key)) is not None]
    pods.sort(key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]))
    for pod in pods[:excess]:
        view.delete("pods", pod, why=f"more than {_MOST_ENDED} Pods have ended; this is the oldest", grace_period_s=0)


def _on_pod(revision: Revision, view: View) -> Iterable[str]:
    pod, ended = revision.object, _ended(view)
    if revision.type == "DELETED":
        ended.discard(revision.key)
        return ()
    keys = []
    if is_finished(pod) and revision.key not in ended:
        ended.add(revision.key)
        if len(ended) > _MOST_ENDED:
            keys.append(_SWEEP)
    name = pod["spec"].get("nodeName")
    node = view.get("nodes", name) if name else None
    if (name and node is None) or (is_terminating(pod) and (node is None or _is_out_of_service(node))):
        keys.append(revision.key)
    return keys


def _on_node(revision: Revision, view: View) -> Iterable[str]:
    name = revision.key
    if revision.type == "DELETED":
        _gone_since(view)[name] = view.now_s
    else:
        _gone_since(view).pop(name, None)
        if not _is_out_of_service(revision.object):
            return ()
    return [key_of(pod) for pod in view.list("pods") if pod["spec"].get("nodeName") == name]


CONTROLLER = Controller(name="pod-garbage-collector", reconcile=reconcile, watches={"nodes": _on_node, "pods": _on_pod})
