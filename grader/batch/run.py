"""`grader run`: all submissions of an assignment to the gradebook, autograded notebooks, feedback and a report."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from grader import shared
from grader.answer import Answer
from grader.batch.alone import alone
from grader.batch.class_list import strangers
from grader.batch.course import Course, CourseError
from grader.batch.gradebook import Gradebook, NotebookGrades, utc
from grader.batch.journal import Journal, rubric_key
from grader.batch.pool import Lost, Pool
from grader.batch.submission import Job, Outcome, digest, failed, grade_submission
from grader.given import headless, stateful_set
from grader.limits import Limits
from grader.nbgrader import find_our_programs
from grader.nbgrader.cells import SourceCell
from grader.nbgrader.grade import JudgeText, Results
from grader.nbgrader.submissions import without_state
from grader.place import CannotGrade
from grader.registry import task, tasks_of
from grader.result import Result
from grader.sandbox import Mode
from grader.tasks import Task
from grader.trial import Trial

LIMIT_S = 120.0  # of wall time, for one submission
_FLUSH_EVERY = 25
_FLUSH_S = 2.0
_AT_ONCE = 10  # submissions for one process, which begins with as many copies of each scene
Judging = Callable[[], JudgeText]
Progress = Callable[[int, int, str], None]  # done, of how many, who


@dataclass(frozen=True, slots=True)
class Run:
    """What a run did. `totals`: student → (score, max), as the gradebook has it now. `strangers`: not in the class."""

    assignment: str
    outcomes: Mapping[str, Outcome]
    totals: dict[str, tuple[float, float]]
    graded: int
    taken_over: int
    seconds: float
    strangers: frozenset[str] = frozenset()


def run(
    course: Course,
    assignment: str,
    *,
    jobs: int | None = None,
    students: Collection[str] = (),
    resume: bool = False,
    progress: Progress = lambda done, total, who: None,
    limit_s: float = LIMIT_S,
    mode: Mode = "sandbox",
    judging: Judging | None = None,
) -> Run:
    """Grade. `students`: only these. `resume`: what an earlier run finished is not graded again.

    `judging`: called in each process, gives what judges an answer there; the embedded cluster if not given.

    Raises CourseError, NoSuchTask. KeyboardInterrupt leaves everything so that `resume` goes on.
    """
    began = time.monotonic()
    tasks_of(assignment)  # before anything else: is there such a rubric?
    find_our_programs()
    folder = course.root / ".statelab" / "grading"
    with Gradebook(course.database, assignment, course.release / assignment) as gradebook, alone(folder, assignment):
        released = gradebook.released()
        chosen = course.students(assignment)
        missing = set(students) - set(chosen)
        if missing:
            raise CourseError(f"nothing of {assignment} was handed in by {', '.join(sorted(missing))}")
        unknown = strangers(gradebook.students(), folder, chosen)
        chosen = [each for each in chosen if not students or each in students]
        if not chosen:
            raise CourseError(f"nothing of {assignment} is in {course.submitted}")
        for each in chosen:
            for step in (course.submitted, course.autograded, course.feedback):
                without_state(course.folder(step, each, assignment))
        resume_from = resume or bool(students)
        journal = Journal(folder / f"{assignment}.jsonl", rubric_key(assignment, released), resume=resume_from)
        try:
            jobs_left = [job_of(course, assignment, each, mode) for each in chosen]
            done = {each.student for each in jobs_left if resume and _is_done(each, journal, released)}
            writer = _Writer(gradebook, journal, course)
            writer.take_over(journal.outcomes[each] for each in sorted(done))
            todo = [each for each in jobs_left if each.student not in done]
            results = Results(Limits(execute=mode))
            work = partial(_worker, released, judging, results)
            graded = _grade(todo, released, writer, work, results, jobs, limit_s, partial(progress), len(done))
        finally:
            journal.close()
        outcomes = journal.outcomes.of(course.students(assignment))
        return Run(assignment, outcomes, gradebook.totals(), graded, len(done), time.monotonic() - began, unknown)


def job_of(course: Course, assignment: str, student: str, mode: Mode) -> Job:
    """What to grade for a student, and where it goes."""
    folder = partial(course.folder, student=student, assignment=assignment)
    return Job(student, assignment, folder(course.submitted), folder(course.autograded), folder(course.feedback), mode)


def _is_done(job: Job, journal: Journal, released: dict[str, list[SourceCell]]) -> bool:
    outcome = journal.outcomes.get(job.student)
    if outcome is None or outcome.digest != digest(job.submitted, list(released)):
        return False
    return all(
        (job.autograded / f"{name}.ipynb").is_file() and (job.feedback / f"{name}.html").is_file() for name in released
    )


def _grade(
    todo: list[Job],
    released: dict[str, list[SourceCell]],
    writer: _Writer,
    work: Callable[[], Callable[[Job], Graded | Stopped]],
    results: Results,
    jobs: int | None,
    limit_s: float,
    progress: Progress,
    before: int,
) -> int:
    count = min(jobs or os.cpu_count() or 1, max(1, len(todo)))
    pool: Pool[Job, Graded | Stopped] = Pool(work, count, limit_s, recycled_after=_AT_ONCE)
    done = 0
    if pool.forks and todo:
        warm_up()
    try:
        for job, found in pool.run(todo, _Preparing(pool) if pool.forks else lambda: False):
            if isinstance(found, Stopped):  # nobody loses points because a cluster went away
                raise CourseError(f"{found.why} What was graded is kept: grader run {job.assignment} --resume")
            if isinstance(found, Lost):
                writer.add(failed(job, released, found.why))
            else:
                writer.add(found.outcome)
                results.take_over(found.results)
                left = len(todo) - done
                shared.take_over(found.learned, min(_AT_ONCE, left // count))
            done += 1
            progress(before + done, before + len(todo), job.student)
    finally:
        pool.close()
        writer.flush()
    return done


def warm_up() -> None:
    """Load what every trial needs, before workers are forked: each would for itself, for as long as a submission.

    What is run here runs in no thread: a process that has one is not to be forked.
    """
    answer = Answer((headless("web", app="web") + stateful_set("web", replicas=1),))
    trial = Trial(Task("grader.warm", 1, ""), answer).settle()
    trial.findings()
    trial.dns("web-0.web")
    shared.learned()  # nothing of it is for others


@dataclass(frozen=True, slots=True)
class Stopped:
    """The place where answers are judged failed: the run ends, and nothing is said of this submission."""

    why: str


@dataclass(frozen=True, slots=True)
class Graded:
    """An outcome, and what its process found out that the next ones need not."""

    outcome: Outcome
    learned: shared.Learned
    results: dict[tuple[str, str], Result]


def _worker(
    released: dict[str, list[SourceCell]], judging: Judging | None, results: Results
) -> Callable[[Job], Graded | Stopped]:
    """`results`: those of the parent, as far as it has them."""
    judge_text: JudgeText | None = None if judging is not None else results

    def work(job: Job) -> Graded | Stopped:
        nonlocal judge_text
        try:
            if judge_text is None:
                assert judging is not None
                judge_text = judging()
            outcome = grade_submission(job, released, judge_text)
        except CannotGrade as error:
            return Stopped(str(error))
        return Graded(outcome, shared.learned(), results.learned())

    return work


class _Preparing:
    """Makes ready what workers have needed, while they work; when all is there, new ones take their places."""

    def __init__(self, pool: Pool[Any, Any]) -> None:
        self._pool = pool
        self._is_new = False

    def __call__(self) -> bool:
        if shared.prepare(begun):
            self._is_new = True
            return True
        if self._is_new:
            self._is_new = False
            gc.collect()
            gc.freeze()  # a child's garbage collector does not look at it, so that its memory stays shared
            self._pool.renew()
        return False


def begun(scene: shared.Scene) -> Trial:
    """A trial that stands where its answer would be handed in."""
    chosen = task(scene.task)
    unanswered = None if scene.with_given or not chosen.given else Answer(("",))
    return Trial(chosen, unanswered, namespace=scene.namespace, seed=scene.seed)


class _Writer:
    """Outcomes go to the journal, then to the gradebook, some at a time: each once, or again with the same effect."""

    def __init__(self, gradebook: Gradebook, journal: Journal, course: Course) -> None:
        self._gradebook = gradebook
        self._journal = journal
        self._course = course
        self._penalty = _penalty(course)  # now: a rule that cannot be had is told before anything is graded
        self._held: list[Outcome] = []
        self._last_s = time.monotonic()

    def add(self, outcome: Outcome) -> None:
        self._held.append(outcome)
        if len(self._held) >= _FLUSH_EVERY or time.monotonic() - self._last_s > _FLUSH_S:
            self.flush()

    def flush(self) -> None:
        self._journal.append(self._held)
        self.take_over(self._held)
        self._held = []
        self._last_s = time.monotonic()

    def take_over(self, outcomes: Iterable[Outcome]) -> None:
        """Into the gradebook: those of an earlier run, which may have ended between journal and gradebook, too."""
        rows = [row for outcome in outcomes for row in self._rows(outcome)]
        if rows:
            self._gradebook.write(rows, self._penalty)

    def _rows(self, outcome: Outcome) -> Iterator[NotebookGrades]:
        path = self._course.submitted / outcome.student / self._gradebook.assignment / "timestamp.txt"
        timestamp = _timestamp(path)
        for name, found in outcome.notebooks.items():
            yield NotebookGrades(outcome.student, name, found["scores"], frozenset(found["unanswered"]), timestamp)


def _timestamp(path: Path) -> str | None:
    if not path.is_file() or path.is_symlink():
        return None
    return utc(path.read_bytes()[:200].decode("utf-8", "replace"))


def _penalty(course: Course) -> Callable[[str, float, float], float | None]:
    """The course's own rule for late submissions. nbgrader's two are known here; a plugin is asked itself.

    Raises CourseError for a plugin that cannot be had.
    """
    if "plugin_class" in course.config.AssignLatePenalties:
        from traitlets import import_item

        plugin = course.config.AssignLatePenalties.plugin_class
        if str(course.root) not in sys.path:  # as nbgrader does: a plugin is a file beside nbgrader_config.py
            sys.path.insert(0, str(course.root))
        try:
            made = (import_item(plugin) if isinstance(plugin, str) else plugin)(config=course.config)
        except (ImportError, AttributeError) as error:
            raise CourseError(f"AssignLatePenalties.plugin_class of nbgrader_config.py: {error}") from None
        rule: Callable[[str, float, float], float | None] = made.late_submission_penalty
        return rule
    is_zero = course.config.LateSubmissionPlugin.get("penalty_method", "none") == "zero"
    return lambda student, score, seconds: score if is_zero else None
