"""Taint-based eviction: a Pod on a node with a NoExecute taint goes, at once or when its toleration runs out.

Every Pod tolerates an unreachable node for 300 s (an admission default). Deleting is only asking: while the node is
silent nobody can say that the Pod has stopped, so it stays Terminating, and a StatefulSet waits.
Source: pkg/controller/tainteviction/taint_eviction.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.controllers.common.memory import Memory
from statelab.controlplane.controllers.common.pods import is_terminating
from statelab.controlplane.controllers.common.taints import mark_disrupted, tolerated_s
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_NAME = "taint-eviction-controller"

# Pod key → (uid, when it was scheduled for eviction, when it goes).
_scheduled: Memory[dict[str, tuple[str, float, float]]] = Memory(lambda view: {})


def reconcile(key: str, view: View) -> float | None:
    """Decide about one Pod: evict it, wait, or call the eviction off."""
    scheduled = _scheduled(view)
    pod = view.get("pods", key)
    plan = scheduled.get(key)
    if pod is None or is_terminating(pod) or (plan is not None and plan[0] != pod["metadata"]["uid"]):
        scheduled.pop(key, None)
        if pod is None or is_terminating(pod):
            return None
        plan = None
    node = view.get("nodes", pod["spec"].get("nodeName") or "")
    taints = [each for each in (node or {}).get("spec", {}).get("taints") or () if each["effect"] == "NoExecute"]
    limit_s = tolerated_s(pod["spec"].get("tolerations") or (), taints) if taints else None
    if not taints or limit_s is None:
        if plan is not None:
            del scheduled[key]
            view.event(pod, "TaintManagerEviction", f"Cancelling deletion of Pod {key}", component=_NAME)
        return None
    since_s = plan[1] if plan is not None else view.now_s
    due_s = since_s + limit_s
    if view.now_s < due_s:
        scheduled[key] = (pod["metadata"]["uid"], since_s, due_s)
        return due_s - view.now_s
    scheduled.pop(key, None)
    _evict(pod, taints, view)
    return None


def _evict(pod: Object, taints: list[Object], view: View) -> None:
    view.event(pod, "TaintManagerEviction", f"Marking for deletion Pod {key_of(pod)}", component=_NAME)
    named = ", ".join(each["key"] for each in taints)
    why = f"its node {pod['spec']['nodeName']} has the taint {named}, which it tolerates no longer"
    message = "Taint manager: deleting due to NoExecute taint"
    marked = mark_disrupted(pod, "DeletionByTaintManager", message, view, why=why)
    view.delete("pods", marked, why=why)


def _on_node(revision: Revision, view: View) -> Iterable[str]:
    if _no_execute(revision.object) == _no_execute(revision.previous) and revision.number:
        return ()
    name = revision.object["metadata"]["name"]
    return [key_of(pod) for pod in view.list("pods") if pod["spec"].get("nodeName") == name]


def _no_execute(node: Object | None) -> list[Object]:
    return [each for each in (node or {}).get("spec", {}).get("taints") or () if each["effect"] == "NoExecute"]


def _on_pod(revision: Revision, view: View) -> Iterable[str]:
    """A Pod that has just come to a node with such a taint, or whose eviction is planned and that has changed."""
    if revision.type == "DELETED" or revision.key in _scheduled(view):
        return (revision.key,)
    before = revision.previous
    name = revision.object["spec"].get("nodeName")
    if not name or (before is not None and before["spec"].get("nodeName") == name):
        return ()
    return (revision.key,) if _no_execute(view.get("nodes", name)) else ()


CONTROLLER = Controller(name=_NAME, reconcile=reconcile, watches={"nodes": _on_node, "pods": _on_pod})
