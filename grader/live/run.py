"""Grading on a cluster from the shell: one answer, a class, and what was left behind. Whatever happens, cleaned up."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from grader.answer import Answer
from grader.live.judge import judge_live
from grader.live.namespaces import Leftover, Namespaces, Security, delete, leftovers, new_run
from grader.live.place import connected
from grader.place import CannotGrade
from grader.result import Result
from grader.tasks import Task
from statelab.cluster import Problem, RequestRefused

JOBS = 4  # trials at once: each is mostly waiting, and each brings its Pods
SUBMISSION_S = 3600.0  # of wall time, for one submission


@dataclass(frozen=True)
class OnCluster:
    """Where and how to grade. It goes to worker processes, each of which connects for itself."""

    place: str
    allow_any: bool = False
    security: Security = "baseline"
    unguarded: bool = False
    run: str = field(default_factory=new_run)

    def namespaces(self) -> Namespaces:
        """Raises CannotGrade."""
        cluster = connected(self.place, allow_any=self.allow_any)
        return Namespaces(cluster, self.run, security=self.security, unguarded=self.unguarded)

    def judge_text(self) -> Callable[[Task, str], Result]:
        """For a class: every point is given, those that a cluster cannot give by the embedded one.

        Equal answers (an untouched cell, a copied one) are judged once. Raises CannotGrade.
        """
        namespaces = self.namespaces()
        held: dict[tuple[str, str], Result] = {}

        def judge_text(task: Task, text: str) -> Result:
            key = (task.id, text)
            if key not in held:
                held[key] = judge_live(task, Answer.of_cell(text), namespaces, complete=True)
            return held[key]

        return judge_text

    @contextlib.contextmanager
    def session(self) -> Iterator[Namespaces]:
        """Connected; and at the end, also after Ctrl-C or SIGTERM, no namespace of this run is left."""
        namespaces = self.namespaces()
        with _sigterm_is_ctrl_c():
            try:
                yield namespaces
            finally:
                with contextlib.suppress(Problem, RequestRefused):
                    namespaces.delete_all()


@contextlib.contextmanager
def _sigterm_is_ctrl_c() -> Iterator[None]:
    """Ended politely, we clean up as after Ctrl-C. (kill -9 leaves it to `grader clean`.)"""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def clean(
    place: str,
    *,
    allow_any: bool = False,
    older_than_s: float = 3600.0,
    everything: bool = False,
    dry_run: bool = False,
) -> tuple[list[Leftover], list[Leftover]]:
    """Take away the namespaces that trials left on a cluster: (what goes, what stays because it is too young).

    Those that go already are in neither. Raises CannotGrade.
    """
    cluster = connected(place, allow_any=allow_any)
    try:
        found = [each for each in leftovers(cluster) if not each.is_going]
        old = [each for each in found if everything or each.age_s is None or each.age_s >= older_than_s]
        for each in old if not dry_run else ():
            delete(cluster, each.name)
    except (RequestRefused, Problem) as error:
        raise CannotGrade(f"Namespaces cannot be looked through in context {cluster.context}: {error}") from None
    return old, [each for each in found if each not in old]
