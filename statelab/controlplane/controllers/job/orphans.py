"""Pods that wait to be counted by a Job that is gone: nobody will, so they are let go.

Source: pkg/controller/job/job_controller.go (syncOrphanPod).
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.controllers.common.owners import controller_of
from statelab.controlplane.controllers.job.controller import is_finished, is_ours
from statelab.controlplane.controllers.job.manage import untracked
from statelab.controlplane.controllers.job.pods import is_tracked
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View


def reconcile(key: str, view: View) -> None:
    """Take the finalizer from a Pod that no living Job will count."""
    pod = view.get("pods", key)
    if pod is None or not is_tracked(pod) or not _is_orphan(pod, view):
        return
    view.update("pods", untracked(pod), why="the Job that would count it is gone")


def _is_orphan(pod: Object, view: View) -> bool:
    owner = controller_of(pod)
    if owner is None:
        return True
    if owner["kind"] != "Job":
        return False
    job = view.get("jobs", f"{pod['metadata']['namespace']}/{owner['name']}")
    if job is None or job["metadata"]["uid"] != owner["uid"]:
        return True
    return is_ours(job) and is_finished(job)


def _on_pod(revision: Revision, view: View) -> Iterable[str]:
    if revision.type == "DELETED" or not is_tracked(revision.object):
        return ()
    return (revision.key,) if _is_orphan(revision.object, view) else ()


def _on_job(revision: Revision, view: View) -> Iterable[str]:
    if revision.type != "DELETED" and not is_finished(revision.object):
        return ()
    return [key_of(pod) for pod in view.owned("pods", revision.object) if is_tracked(pod)]


CONTROLLER = Controller("job-controller", reconcile, {"jobs": _on_job, "pods": _on_pod})
