"""Finished Jobs are deleted ttlSecondsAfterFinished later. Source: pkg/controller/ttlafterfinished."""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.clock import seconds
from statelab.controlplane.controllers.common.pods import is_terminating
from statelab.controlplane.controllers.common.sizes import counted
from statelab.controlplane.kinds import Object
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View


def reconcile(key: str, view: View) -> float | None:
    """Delete the Job if its time has come; otherwise the seconds until it does."""
    job = view.get("jobs", key)
    due_s = _due_s(job) if job is not None else None
    if job is None or due_s is None or is_terminating(job):
        return None
    if due_s > view.now_s:
        return due_s - view.now_s
    after = counted(job["spec"]["ttlSecondsAfterFinished"], "second")
    view.delete("jobs", job, why=f"it finished {after} ago (ttlSecondsAfterFinished)", propagation="Foreground")
    return None


def _due_s(job: Object) -> float | None:
    ttl_s = job["spec"].get("ttlSecondsAfterFinished")
    if ttl_s is None:
        return None
    for each in job.get("status", {}).get("conditions") or ():
        if each["type"] in ("Complete", "Failed") and each["status"] == "True":
            return seconds(each["lastTransitionTime"]) + float(ttl_s)
    return None


def _on_job(revision: Revision, _view: View) -> Iterable[str]:
    return () if revision.type == "DELETED" or _due_s(revision.object) is None else (revision.key,)


CONTROLLER = Controller("ttl-after-finished-controller", reconcile, {"jobs": _on_job}, is_timer=True)
