"""`grader run --on-cluster`: send the submissions, start the Job, wait, fetch, and go on as after any run before."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable

from grader.batch.course import Course, CourseError
from grader.batch.gradebook import Gradebook
from grader.batch.journal import Journal
from grader.batch.submission import Job, keep_receipt
from grader.oncluster import bundle as bundles
from grader.oncluster import manifests
from grader.oncluster.bundle import Bundle
from grader.oncluster.courier import Courier
from grader.oncluster.manifests import Plan
from grader.place import CannotGrade
from grader.registry import tasks_of
from statelab.cluster import Cluster, Problem, RequestRefused
from statelab.controlplane.kinds import Object

_LOOK_EVERY_S = 5.0
_COURIER_WITHIN_S = 300.0
_LAST_LINES = "8"
_LONGEST_LOG = 2000
Progress = Callable[[int, int, str], None]


def pack(course: Course, assignment: str) -> Bundle:
    """The bundle of everything that was handed in, in `.statelab/grading/`. Raises CourseError, NoSuchTask."""
    tasks_of(assignment)
    with Gradebook(course.database, assignment, course.release / assignment) as gradebook:
        released = gradebook.released()
    students = course.students(assignment)
    if not students:
        raise CourseError(f"nothing of {assignment} is in {course.submitted}")
    folder = course.root / ".statelab" / "grading" / f"{assignment}-on-cluster"
    folder.mkdir(parents=True, exist_ok=True)
    return bundles.make(course, assignment, released, students, folder)


def merge(course: Course, bundle: Bundle) -> int:
    """Take over what workers have finished, as if an earlier `grader run` had: files, then the journal. How many.

    `grader run --resume` then writes the gradebook, and grades here what has no result.
    """
    assignment = bundle.assignment
    path = course.root / ".statelab" / "grading" / f"{assignment}.jsonl"
    journal = Journal(path, bundle.key, resume=True)
    try:
        found = list(bundles.results(bundle))
        for outcome in found:
            here = bundle.job(outcome.student)
            for source, step in ((here.autograded, course.autograded), (here.feedback, course.feedback)):
                target = course.folder(step, outcome.student, assignment)
                shutil.copytree(source, target, dirs_exist_ok=True)
            keep_receipt(_at_home(course, bundle, outcome.student))
        journal.append(found)
    finally:
        journal.close()
    return len(found)


def _at_home(course: Course, bundle: Bundle, student: str) -> Job:
    submitted, autograded, feedback = (
        course.folder(step, student, bundle.assignment)
        for step in (course.submitted, course.autograded, course.feedback)
    )
    return Job(student, bundle.assignment, submitted, autograded, feedback)


def grade(cluster: Cluster, plan: Plan, bundle: Bundle, progress: Progress) -> str:
    """Send, grade on the cluster, fetch into the bundle's folder; then nothing is left there but the namespace.

    What workers that failed said last; "" where none did. A Job of the same name that still works is joined.
    KeyboardInterrupt leaves it at work. Raises CannotGrade.
    """
    try:
        for each in (manifests.namespace(plan), manifests.no_network(plan), manifests.claim(plan)):
            _create(cluster, each)
        _new_courier(cluster, plan)
        _wait_for_courier(cluster, plan)
        courier = Courier(cluster, plan.namespace, plan.courier)
        if not _is_at_work(_job(cluster, plan)):
            courier.send(bundle.folder)
            _replace_job(cluster, plan)
        _wait_for_job(cluster, plan, courier, len(bundle.students), progress)
        said = _last_words(cluster, plan)  # before their Job is taken away, and they with it
        courier.fetch(bundle.folder)
        _take_away(cluster, plan)
        return said
    except RequestRefused as refusal:
        raise CannotGrade(f"The API server of context {cluster.context} says: {refusal}") from None
    except Problem as problem:
        raise CannotGrade(str(problem)) from None


_PATHS = {
    "Namespace": "/api/v1/namespaces",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
    "Pod": "/api/v1/namespaces/{}/pods",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
}


NEEDS_A_REAL_ONE = "a large class needs a real Kubernetes."
HERE = "Here, `grader run` without --on-cluster uses all cores."


def _path(obj: Object) -> str:
    return _PATHS[obj["kind"]].format(obj["metadata"].get("namespace", ""))


def _create(cluster: Cluster, obj: Object) -> None:
    """Create what is not there yet."""
    try:
        cluster.request("POST", _path(obj), obj)
    except RequestRefused as refusal:
        if refusal.code == 404 and obj["kind"] in ("NetworkPolicy", "Job"):
            raise CannotGrade(f"Context {cluster.context} knows no {obj['kind']}: {NEEDS_A_REAL_ONE} {HERE}") from None
        if refusal.code != 409:
            raise


def _job(cluster: Cluster, plan: Plan) -> Object | None:
    try:
        found: Object = cluster.request("GET", f"{_PATHS['Job'].format(plan.namespace)}/{plan.name}")
        return found
    except RequestRefused as refusal:
        if refusal.code == 404:
            return None
        raise


def _is_at_work(job: Object | None) -> bool:
    return job is not None and not _ended(job) and "deletionTimestamp" not in job["metadata"]


def _ended(job: Object) -> str:
    """Complete or Failed, with the reason of a failure; "" while it works."""
    for each in job.get("status", {}).get("conditions") or ():
        if each["type"] in ("Complete", "Failed") and each["status"] == "True":
            return f"{each['type']}: {each.get('message', '')}"
    return ""


def _replace_job(cluster: Cluster, plan: Plan) -> None:
    deadline_s = time.monotonic() + 60
    while _job(cluster, plan) is not None:  # one that has ended; its results are on the volume
        _delete(cluster, manifests.job(plan))
        if time.monotonic() > deadline_s:
            raise CannotGrade(f"The Job {plan.name} of an earlier run does not go. Delete it, and begin again.")
        time.sleep(1.0)
    _create(cluster, manifests.job(plan))


def _new_courier(cluster: Cluster, plan: Plan) -> None:
    """A courier that works: one of an earlier run is taken if it still does."""
    obj = manifests.courier(plan)
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        found = cluster.get(f"pod/{plan.courier}", plan.namespace)
        if found is None:
            _create(cluster, obj)
        elif "deletionTimestamp" not in found["metadata"]:
            if found.get("status", {}).get("phase") not in ("Succeeded", "Failed"):
                return
            _delete(cluster, obj)
        time.sleep(0.5)
    raise CannotGrade(f"The Pod {plan.courier} of an earlier run does not go. Delete it, and begin again.")


def _wait_for_courier(cluster: Cluster, plan: Plan) -> None:
    before, cluster.namespace = cluster.namespace, plan.namespace
    try:
        cluster.wait(f"pod/{plan.courier}", "Ready", timeout_s=_COURIER_WITHIN_S)
    except Problem as problem:
        raise CannotGrade(
            f"{problem.what}\nIs the image {plan.image} where the cluster finds it? "
            f"See docs/grading-on-kind.md; on kind: kind load docker-image {plan.image}"
        ) from None
    finally:
        cluster.namespace = before


def _wait_for_job(cluster: Cluster, plan: Plan, courier: Courier, students: int, progress: Progress) -> None:
    """Until the Job has ended. One that failed has results too: what is missing is graded at home."""
    while True:
        job = _job(cluster, plan)
        if job is None or _ended(job):
            return
        with contextlib.suppress(CannotGrade, ValueError):  # it is only a number that somebody looks at
            progress(courier.count(), students, f"{job.get('status', {}).get('active', 0)} Pods at work")
        time.sleep(_LOOK_EVERY_S)


def _last_words(cluster: Cluster, plan: Plan) -> str:
    """Why Pods of the Job failed, and the last lines of their logs; what several say alike is said once."""
    pods = _PATHS["Pod"].format(plan.namespace)
    found: dict[str, list[str]] = {}
    with contextlib.suppress(RequestRefused, Problem):
        for pod in cluster.request("GET", pods, params={"labelSelector": f"job-name={plan.name}"})["items"]:
            why = _why_failed(pod)
            if not why:
                continue
            name = pod["metadata"]["name"]
            try:
                log = cluster.request("GET", f"{pods}/{name}/log", params={"tailLines": _LAST_LINES})
            except (RequestRefused, Problem):  # its container never ran
                log = ""
            lines = "".join(f"\n    {line}" for line in str(log or "")[-_LONGEST_LOG:].splitlines())
            found.setdefault(f"{why}{lines}", []).append(name)
    return "\n".join(f"{', '.join(sorted(names))} failed: {said}" for said, names in found.items())


def _why_failed(pod: Object) -> str:
    """The reason in a few words, "" for a Pod that did not fail."""
    status = pod.get("status") or {}
    if status.get("phase") != "Failed":
        return ""
    ends = [(each.get("state") or {}).get("terminated") or {} for each in status.get("containerStatuses") or ()]
    codes = [f"{each.get('reason', 'Error')}, exit code {each['exitCode']}" for each in ends if each.get("exitCode")]
    return "; ".join([*codes, *([str(status["message"])] if status.get("message") else [])]) or str(
        status.get("reason") or "it does not say why"
    )


def _delete(cluster: Cluster, obj: Object) -> None:
    try:
        cluster.request("DELETE", f"{_path(obj)}/{obj['metadata']['name']}", {"propagationPolicy": "Background"})
    except RequestRefused as refusal:
        if refusal.code != 404:
            raise


def _take_away(cluster: Cluster, plan: Plan) -> None:
    """What learners handed in does not stay on the cluster."""
    for each in (manifests.job(plan), manifests.courier(plan), manifests.claim(plan)):
        _delete(cluster, each)


__all__ = ["grade", "merge", "pack"]
