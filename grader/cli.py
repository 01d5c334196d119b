"""The command `grader`: judge answers from the shell."""

from __future__ import annotations

import sys
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
