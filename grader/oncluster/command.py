"""What `grader run --on-cluster` does before and after the cluster's part."""

from __future__ import annotations

import yaml

from grader.batch.course import Course
from grader.batch.gradebook import Gradebook
from grader.batch.journal import rubric_key
from grader.live.place import connected
from grader.oncluster import run as on_cluster
from grader.oncluster.manifests import Plan, manifests
from grader.oncluster.run import Progress
from grader.place import CannotGrade
from statelab.version import VERSION

_IMITATIONS = f"Its containers imitate programs and cannot grade: {on_cluster.NEEDS_A_REAL_ONE}"

IMAGE = f"statelab-grader:{VERSION}"
NAMESPACE = "statelab-grading"
WORKERS = 8


def plan(
    course: Course,
    assignment: str,
    *,
    image: str | None = None,
    workers: int | None = None,
    namespace: str = NAMESPACE,
    storage: str = "1Gi",
    storage_class: str | None = None,
    shared: bool = False,
) -> Plan:
    """How this assignment is graded on a cluster, with the rubric as it is now. Raises CourseError.

    `shared`: the storage can be used from several nodes at once (ReadWriteMany).
    """
    with Gradebook(course.database, assignment, course.release / assignment) as gradebook:
        key = rubric_key(assignment, gradebook.released())
    access = "ReadWriteMany" if shared else "ReadWriteOnce"
    count = max(1, min(workers or WORKERS, len(course.students(assignment)) or 1))
    return Plan(assignment, key, namespace, image or IMAGE, count, storage, access, storage_class)


def render(plan: Plan) -> str:
    """What would be applied, to read or to apply by hand."""
    return yaml.safe_dump_all(manifests(plan), sort_keys=False)


def grade(place: str, course: Course, plan: Plan, progress: Progress, *, allow_any: bool = False) -> tuple[int, str]:
    """Grade on the cluster and take the results over: how many there were, and what workers that failed said.

    `run(resume=True)` does the rest. Raises CannotGrade, CourseError.
    """
    if place == "embedded":
        raise CannotGrade(f"This is the embedded cluster. {_IMITATIONS} Name another: --cluster, kind or a context.")
    cluster = connected(place, allow_any=allow_any)
    if cluster.request("GET", "/version")["gitVersion"].endswith("+statelab"):
        raise CannotGrade(f"Context {cluster.context} is an embedded cluster. {_IMITATIONS} {on_cluster.HERE}")
    bundle = on_cluster.pack(course, plan.assignment)
    said = on_cluster.grade(cluster, plan, bundle, progress)
    return on_cluster.merge(course, bundle), said
