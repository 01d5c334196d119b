"""The command `grader`: judge answers from the shell."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

app = typer.Typer(
    help="Judges what a learner hands in, by what it does on a cluster of its own.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ALL_POINTS, FEWER, CANNOT = 0, 1, 2


@app.callback()
def _commands() -> None:
    """Judges what a learner hands in, by what it does on a cluster of its own."""


@app.command()
def check(
    task: Annotated[
        str, typer.Argument(metavar="TASK", help="A task by name, e.g. ps3.identity (see `grader tasks`).")
    ],
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="The answer, in one or several files.")],
    json: Annotated[bool, typer.Option("--json", help="The result as JSON, for programs.")] = False,
    visible: Annotated[bool, typer.Option("--visible", help="Only what the learner's own check() sees.")] = False,
) -> None:
    """Grade one answer.

    The answer is applied to a fresh embedded cluster in virtual time, and each check of the task acts on it: kills a
    Pod, scales, asks DNS. Nothing of the answer runs on this machine.

    Ends with 0: all points. 1: fewer. 2: it cannot be graded, and why.

        grader check ps3.identity web.yaml

        grader check ps3.repair fixed.yaml --json | jq .score
    """
    from grader.answer import Answer
    from grader.judge import judge
    from grader.registry import NoSuchTask
    from grader.registry import task as task_named
    from grader.result import as_text
    from statelab.manifest import ManifestError

    try:
        chosen = task_named(task)
    except NoSuchTask as error:
        _cannot(str(error), json, task)
    try:
        answer = Answer.of_files(files)
    except ManifestError as error:
        _cannot(str(error), json, task)
    result = judge(chosen, answer, visible_only=visible)
    if json:
        _print_json(result.to_json())
    else:
        typer.echo(as_text(result))
    if result.problem is not None:
        raise typer.Exit(CANNOT)
    raise typer.Exit(ALL_POINTS if result.is_full else FEWER)


@app.command()
def tasks(
    assignment: Annotated[str | None, typer.Argument(metavar="[ASSIGNMENT]", help="Only those of e.g. ps3.")] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List the tasks, what each is about, and its points."""
    from grader.registry import NoSuchTask, assignments, tasks_of

    try:
        found = [task for each in ([assignment] if assignment else assignments()) for task in tasks_of(each).values()]
    except NoSuchTask as error:
        _cannot(str(error), json, assignment or "")
    if json:
        _print_json([{"task": each.id, "points": each.points, "about": each.about} for each in found])
        return
    for each in found:
        typer.echo(f"{each.id:<18} {each.points:>4g}  {each.about}")


@app.command()
def run(
    assignment: Annotated[str, typer.Argument(metavar="ASSIGNMENT", help="E.g. ps3.")],
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes; one a core if not given.")] = None,
    student: Annotated[list[str] | None, typer.Option("--student", help="Only this one; may be repeated.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where a run was stopped; grade nothing twice.")
    ] = False,
    unprotected: Annotated[
        bool, typer.Option("--unprotected", help="Execute cells that need it with your own rights, without a sandbox.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="The report as JSON, for programs.")] = False,
    course: Annotated[Path, typer.Option("--course", help="The folder with nbgrader_config.py.")] = Path("."),
    reports: Annotated[Path, typer.Option("--reports", help="Where the report goes.")] = Path("reports"),
) -> None:
    """Grade all submissions of an assignment, on all cores.

    Reads submitted/, writes the gradebook, autograded/ and feedback/ as `nbgrader autograde` and `nbgrader
    generate_feedback` do, and a report (HTML, CSV, JSON). It may be killed at any moment: `grader run ps3 --resume`.

    Ends with 0 when everything was graded, 1 when a submission could not be (it has 0 points; the report says why).
    """
    from grader.batch.course import CourseError, load
    from grader.batch.report import report
    from grader.batch.run import run as run_all
    from grader.registry import NoSuchTask

    try:
        where = load(course)
        with _progress(json) as progress:
            done = run_all(
                where,
                assignment,
                jobs=jobs,
                students=student or (),
                resume=resume,
                progress=progress,
                mode="unprotected" if unprotected else "sandbox",
            )
    except (CourseError, NoSuchTask) as error:
        _cannot(str(error), json, assignment)
    except KeyboardInterrupt:
        typer.echo(f"Stopped. Go on with: grader run {assignment} --resume", err=True)
        raise typer.Exit(130) from None
    found = report(done)
    paths = found.write(course / reports if not reports.is_absolute() else reports)
    unread = [each for each in found.body["students"] if each["problem"]]
    if json:
        _print_json(found.to_json())
    else:
        again = f", {done.taken_over} taken over" if done.taken_over else ""
        typer.echo(f"{done.graded} graded{again} in {done.seconds:.1f} s.")
        for each in unread:
            typer.echo(f"  {each['student']}: {each['problem']}")
        typer.echo(f"Report: {paths[-1]}")
    raise typer.Exit(FEWER if unread else ALL_POINTS)


@app.command()
def audit(
    assignment: Annotated[str, typer.Argument(metavar="ASSIGNMENT", help="E.g. ps3.")],
    corpus: Annotated[Path, typer.Option("--corpus", help="Folder of right and wrong answers.")] = Path(
        "tests/grader/corpus"
    ),
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Processes.")] = 2,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show who passes what on the corpora of right and wrong answers.

    Names checks that never decide anything, tasks that are too easy to game, and every answer that is misjudged.

    Ends with 0 when there is nothing to say against the rubric, 1 when there is, 2 when there is no corpus.
    """
    from grader import audit as audits
    from grader.registry import NoSuchTask

    try:
        found = audits.audit(assignment, corpus, jobs=jobs)
    except NoSuchTask as error:
        _cannot(str(error), json, assignment)
    if not any(each.kind == "right" for audited in found for each in audited.answers):
        _cannot(f"there are no answers to {assignment} in {corpus}", json, assignment)
    if json:
        _print_json(audits.to_json(found))
    else:
        typer.echo(audits.as_text(found))
    raise typer.Exit(FEWER if any(each.problems for each in found) else ALL_POINTS)


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int, int, str], None]]:
    """A bar with the time left, where somebody looks at it."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total, who: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True)) as bar:
        shown = bar.add_task("", total=None)

        def progress(done: int, total: int, who: str) -> None:
            bar.update(shown, completed=done, total=total, description=who)

        yield progress


def _print_json(body: object) -> None:
    import orjson

    sys.stdout.buffer.write(orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.flush()


def _cannot(why: str, json: bool, task: str) -> NoReturn:
    if json:
        _print_json({"task": task, "score": 0, "max": 0, "checks": [], "error": why})
    else:
        typer.echo(why, err=True)
    raise typer.Exit(CANNOT)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
