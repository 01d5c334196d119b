"""The command `grader`: judge answers from the shell."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from grader.bars import bar, bar_after_a_while

if TYPE_CHECKING:
    from grader.answer import Answer
    from grader.live.run import OnCluster
    from grader.result import Result
    from grader.tasks import Task

app = typer.Typer(
    help="Judges what a learner hands in, by what it does on a cluster of its own.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ALL_POINTS, FEWER, CANNOT = 0, 1, 2

_CLUSTER = "Where: embedded, kind, or a context of your kubeconfig. Elsewhere than embedded it takes minutes."
_ALLOW_ANY = "Yes, on this context, which is neither the course's own cluster nor kind's."
_UNGUARDED = "Also where the cluster knows no NetworkPolicy or LimitRange. Only if nothing else runs there."
_SECURITY = "Pod security that is enforced: baseline, or restricted, which stops images that run as root."
Cluster = Annotated[str, typer.Option("--cluster", "--context", metavar="PLACE", help=_CLUSTER)]
AllowAny = Annotated[bool, typer.Option("--allow-any", help=_ALLOW_ANY)]
Unguarded = Annotated[bool, typer.Option("--unguarded", help=_UNGUARDED)]
PodSecurity = Annotated[str, typer.Option("--pod-security", metavar="LEVEL", help=_SECURITY)]


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
    cluster: Cluster = "embedded",
    allow_any: AllowAny = False,
    unguarded: Unguarded = False,
    pod_security: PodSecurity = "baseline",
) -> None:
    """Grade one answer.

    The answer is applied to a fresh embedded cluster in virtual time, and each check of the task acts on it: kills a
    Pod, scales, asks DNS. Nothing of the answer runs on this machine.

    With --cluster it is applied to a real one, in a namespace that is guarded and thrown away. Checks that need virtual
    time or a cluster of their own are not graded there; their points count neither way, and it says so.

    Ends with 0: all points. 1: fewer. 2: it cannot be graded, and why.

        grader check ps3.identity web.yaml

        grader check ps3.repair fixed.yaml --json | jq .score

        grader check ps3.identity web.yaml --cluster kind
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
    if cluster == "embedded":
        result = judge(chosen, answer, visible_only=visible)
    else:
        result = _judged_on(chosen, answer, visible, _on_cluster(cluster, allow_any, unguarded, pod_security), json)
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
    cluster: Cluster = "embedded",
    allow_any: AllowAny = False,
    unguarded: Unguarded = False,
    pod_security: PodSecurity = "baseline",
    on_cluster: Annotated[
        bool, typer.Option("--on-cluster", help="Grade as a Job in the cluster that --cluster names; see below.")
    ] = False,
    image: Annotated[
        str | None, typer.Option("--image", help="The grader's image, for the Job; statelab-grader:VERSION.")
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Pods of the Job; 8 if not given.")] = None,
    namespace: Annotated[str, typer.Option("--namespace", help="Where the Job is.")] = "statelab-grading",
    storage_class: Annotated[
        str | None, typer.Option("--storage-class", help="Of the Job's volume; the cluster's default if not given.")
    ] = None,
    shared: Annotated[
        bool, typer.Option("--shared", help="The storage can be used from several nodes (ReadWriteMany).")
    ] = False,
    render: Annotated[bool, typer.Option("--render", help="Print the Job and all it needs; apply nothing.")] = False,
    others_may_read: Annotated[
        bool, typer.Option("--others-may-read", help="Go on where other users of this machine can read the course.")
    ] = False,
) -> None:
    """Grade all submissions of an assignment, on all cores.

    Reads submitted/, writes the gradebook, autograded/ and feedback/ as `nbgrader autograde` and `nbgrader
    generate_feedback` do, and a report (HTML, CSV, JSON). It may be killed at any moment: `grader run ps3 --resume`.

    With --cluster each answer is tried on a real cluster, in namespaces that are guarded and thrown away, four at once
    if --jobs says no other number. What needs virtual time or a cluster of its own is graded on the embedded cluster
    all the same, so that nobody's points depend on the place; the feedback says which.

    With --on-cluster the submissions go to a volume of a cluster, and an Indexed Job grades them there, in Pods from
    an image that `docker build` makes of this repository; the results come back into the same gradebook. Run again, it
    goes on: what has a result is not graded twice. What has none in the end is graded here.

        grader run ps3 --cluster kind

        grader run ps3 --on-cluster --cluster kind --workers 16

        grader run ps3 --on-cluster --render > job.yaml

    Ends with 0 when everything was graded, 1 when a submission could not be (it has 0 points; the report says why).
    """
    from grader import closed
    from grader.batch.course import CourseError, load
    from grader.batch.report import report
    from grader.batch.run import run as run_all
    from grader.place import CannotGrade
    from grader.registry import NoSuchTask

    place = None if cluster == "embedded" else _on_cluster(cluster, allow_any, unguarded, pod_security)
    try:
        where = load(course)
        is_open = None if others_may_read or render else closed.problem(where.root, "add --others-may-read")
        if is_open is not None:
            raise CourseError(is_open)
        if on_cluster or render:
            from grader.oncluster import command

            plan = command.plan(
                where, assignment, image=image, workers=workers, namespace=namespace,
                storage_class=storage_class, shared=shared,
            )  # fmt: skip
            if render:
                typer.echo(command.render(plan), nl=False)
                return
            with bar(json) as progress:
                count, failed = command.grade(cluster, where, plan, progress, allow_any=allow_any)
            if failed:
                typer.echo(failed, err=True)
            typer.echo(f"{count} came back from the cluster.", err=True)
            place, resume = None, True  # the rest is what any run does that goes on after another
        with contextlib.ExitStack() as stack:
            more: dict[str, Any] = {}
            if place is not None:
                from grader.live.run import JOBS, SUBMISSION_S

                stack.enter_context(place.session())
                jobs = jobs or JOBS
                more = {"judging": place.judge_text, "limit_s": SUBMISSION_S}
            progress = stack.enter_context(bar(json))
            done = run_all(
                where,
                assignment,
                jobs=jobs,
                students=student or (),
                resume=resume,
                progress=progress,
                mode="unprotected" if unprotected else "sandbox",
                **more,
            )
    except (CourseError, NoSuchTask, CannotGrade) as error:
        _cannot(str(error), json, assignment)
    except KeyboardInterrupt:
        again = "the Job goes on; the same command joins it" if on_cluster else f"grader run {assignment} --resume"
        typer.echo(f"Stopped. Go on with: {again}", err=True)
        raise typer.Exit(130) from None
    found = report(done)
    paths = found.write(course / reports if not reports.is_absolute() else reports)
    unread = [each for each in found.body["students"] if each["problem"]]
    if json:
        _print_json(found.to_json())
    else:
        again = f", {done.taken_over} taken over" if done.taken_over else ""
        typer.echo(f"{done.graded} graded{again} in {done.seconds:.1f} s.")
        outside = ", ".join(each["student"] for each in found.body["students"] if not each["in_class_list"])
        if outside:
            typer.echo(f"  Not in your class list: {outside}")
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


@app.command()
def bundle(
    to: Annotated[
        Path | None, typer.Option("--to", help="A zip to write, or a new folder; statelab-VERSION.zip if not given.")
    ] = None,
) -> None:
    """Make what learners get: the course, the exercises and the packages, without model answers and hidden checks.

    The same sources make the same bytes. Ends with 2 when something in them is not for learners, and says what.
    """
    from grader import bundle as bundles

    to = to or Path(f"{bundles.NAME}.zip")
    try:
        count = bundles.bundle(to)
    except bundles.BundleError as error:
        _cannot(str(error), False, "")
    typer.echo(f"{to}: {count} files, with no model answer and no hidden check.")


@app.command()
def clean(
    cluster: Annotated[
        str, typer.Option("--cluster", "--context", metavar="PLACE", help="kind, or a context of your kubeconfig.")
    ] = "kind",
    older_than: Annotated[float, typer.Option("--older-than", min=0, help="Minutes: what is younger stays.")] = 60.0,
    everything: Annotated[bool, typer.Option("--all", help="Of any age: also of a run that goes on now.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and leave it.")] = False,
    allow_any: AllowAny = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Take away what trials left on a cluster when their grading was killed.

    A trial's namespace is deleted when its grading ends, after Ctrl-C too. After kill -9, or when the network was gone,
    it stays. Only namespaces that `grader` made are looked at: by their label and by their name.

    Ends with 0, also when there is nothing to do; 2 when the cluster cannot be asked.

        grader clean --cluster kind

        grader clean --context lab --allow-any --older-than 10
    """
    from grader.live import run as live
    from grader.place import CannotGrade

    if cluster == "embedded":
        _cannot("Trials on the embedded cluster live in this process's memory: nothing stays of them.", json, "")
    try:
        old, young = live.clean(
            cluster, allow_any=allow_any, older_than_s=older_than * 60, everything=everything, dry_run=dry_run
        )
    except CannotGrade as error:
        _cannot(str(error), json, "")
    if json:
        body = {"deleted": [each.to_json() for each in old], "kept": [each.to_json() for each in young]}
        _print_json({**body, "dryRun": dry_run})
        return
    for each in old:
        began = f"begun by {each.owner}" + (f" {each.age_s / 60:.0f} minutes ago" if each.age_s is not None else "")
        typer.echo(f"{each.name}  {each.task}, {began}: {'would be deleted' if dry_run else 'deleted'}")
    if young:
        count = "One is younger" if len(young) == 1 else f"{len(young)} are younger"
        typer.echo(f"{count} than {older_than:g} minutes, and may be in use. With --all they go too.")
    if not old and not young:
        typer.echo("Nothing is left of any trial.")


def _on_cluster(place: str, allow_any: bool, unguarded: bool, security: str) -> OnCluster:
    from grader.live.run import OnCluster

    if security not in ("baseline", "restricted"):
        raise typer.BadParameter("--pod-security is baseline or restricted")
    return OnCluster(place, allow_any, "restricted" if security == "restricted" else "baseline", unguarded)


def _judged_on(task: Task, answer: Answer, visible: bool, place: OnCluster, json: bool) -> Result:
    from grader.live.judge import judge_live
    from grader.live.run import JOBS
    from grader.place import CannotGrade

    try:
        with place.session() as namespaces:
            with bar_after_a_while(json) as told:
                result = judge_live(task, answer, namespaces, visible_only=visible, at_once=JOBS, told=told)
            for note in namespaces.notes if not json else ():
                typer.echo(note, err=True)
            return result
    except CannotGrade as error:
        _cannot(str(error), json, task.id)
    except KeyboardInterrupt:
        typer.echo("Stopped. The trial's namespaces are being deleted.", err=True)
        raise typer.Exit(130) from None


def _print_json(body: object) -> None:
    from statelab.reader import jsonbytes

    sys.stdout.buffer.write(jsonbytes.dumps(body, option=jsonbytes.OPT_INDENT_2) + b"\n")
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
