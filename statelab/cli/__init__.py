"""The command `statelab`: the course and its cluster, embedded or real, from a terminal."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from statelab import course
from statelab.cli import hub, nodes
from statelab.cli.asking import All, AsJson, ClusterName, KindName, tell
from statelab.cluster import local
from statelab.cluster.connection import RequestRefused
from statelab.cluster.getting import setting
from statelab.cluster.paths import find_home
from statelab.cluster.problem import Problem, in_words
from statelab.pace import note
from statelab.version import KUBERNETES_VERSION, VERSION

if TYPE_CHECKING:
    from statelab.cluster import everywhere

# As they are listed: first what a learner needs.
_COMMANDS = (
    "lab", "copy", "progress", "alone", "doctor",
    "up", "status", "down", "reset", "node", "serve",
    "site", "hub-config", "version",
)  # fmt: skip


class _Commands(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx), key=_COMMANDS.index)


app = typer.Typer(
    cls=_Commands,
    help="Stateful Kubernetes, taught on a cluster that is always at hand.\n\n"
    "Start with `statelab lab`: it starts the embedded cluster and opens the course.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(nodes.app, name="node")


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        version()
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Print the versions.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; what goes wrong is said in a sentence, with exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a pipe on Windows may not have ✓ in its code page
            stream.reconfigure(errors="replace")
    try:
        app()
    except Problem as problem:
        print(f"statelab: {problem}", file=sys.stderr)
        sys.exit(1)
    except RequestRefused as refusal:
        print(f"statelab: The API server says: {refusal}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        print(f"statelab: {in_words(error)}", file=sys.stderr)
        sys.exit(1)


@app.command()
def site(
    to: Annotated[Path, typer.Option("--to", help="The folder to write: new, empty, or a site of before.")] = Path(
        "build/site"
    ),
    as_json: AsJson = False,
) -> None:
    """Write the whole course as a static site, for browser tabs.

    It runs from any server, without one of ours.
    Needs the extra `statelab[site]`, Node.js with npm, and pip: what they fetch is kept, so that the next time is quick
    and needs no network. Try it:

        statelab site --to build/site

        python -m http.server --directory build/site
    """
    from statelab.site.build import build

    counted = build(to, say=lambda line: print(f"{line} …", file=sys.stderr, flush=True))
    if as_json:
        print(json.dumps({"to": str(to), "bytes": counted}))
        return
    print(f"The site is in {to}: {counted['total'] / 1e6:.0f} MB.")
    print(f"See it: python -m http.server --directory {to}")


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="The port to listen on; 0 lets the system choose.")] = 0,
    token_file: Annotated[
        Path | None,
        typer.Option(help="A file with the token to ask for, or - to type it; made up if not given."),
    ] = None,
    state: Annotated[Path | None, typer.Option(help="The folder in which the cluster survives.")] = None,
    in_memory: Annotated[
        bool, typer.Option("--in-memory", help="Keep nothing: the cluster ends with the server.")
    ] = False,
    pace: Annotated[float, typer.Option(help="Cluster seconds per second of yours; 10 is ten times faster.")] = 1.0,
    kubeconfig: Annotated[Path | None, typer.Option(help="Write a kubeconfig for kubectl there.")] = None,
    server_file: Annotated[Path | None, typer.Option(hidden=True)] = None,
    idle_end: Annotated[
        float, typer.Option(help="End when nobody has asked anything for so many seconds; 0 is never.")
    ] = 0.0,
) -> None:
    """Run the embedded cluster in the foreground, until Ctrl-C.

    Example: statelab serve --in-memory --kubeconfig /tmp/kc, then: kubectl --kubeconfig /tmp/kc get nodes
    """
    from statelab.serve import run  # `statelab serve` itself comes there without this module: see __main__.py

    run(port, token_file, state, in_memory, pace, kubeconfig, server_file, idle_end)


@app.command()
def up(
    pace: Annotated[float, typer.Option(help="Cluster seconds per second of yours.")] = 1.0,
    port: Annotated[int | None, typer.Option(help="The port to listen on; by default that of last time.")] = None,
    cluster: ClusterName = "embedded",
    name: KindName = None,
    node_image: Annotated[str | None, typer.Option(help="kind: another node image than kind-config.yaml's.")] = None,
    images: Annotated[bool, typer.Option(help="kind: bring the course's images to the nodes now.")] = True,
    user_kubeconfig: Annotated[
        bool, typer.Option("--user-kubeconfig", help="kind: also add it to your own kubeconfig.")
    ] = False,
    idle_end: Annotated[
        float | None,
        typer.Option(help="End it when nobody has asked anything for so many seconds; 0 is never. On a hub: an hour."),
    ] = None,
    stay: Annotated[bool, typer.Option("--stay", help="Let it run on when this terminal is closed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start this course's cluster in the background.

    One that runs already is left as it is. It ends with the terminal or the Jupyter server that it was started from;
    what it holds is kept.

    A real one: statelab up --cluster kind. It needs Docker or Podman, and kind; Ctrl-C removes what it has begun.
    """
    home = find_home()
    if cluster != "embedded":
        from statelab import real_clusters

        options: dict[str, Any] = {"name": name, "node_image": node_image, "with_images": images}
        real_clusters.check_ours(cluster)
        tell(*real_clusters.up(home, **options, user_kubeconfig=user_kubeconfig, is_quiet=as_json), as_json)
        return
    if name or node_image or user_kubeconfig:
        raise Problem("--name, --node-image and --user-kubeconfig are for a kind cluster.", "Add: --cluster kind")
    server, is_new = local.start(home, pace=pace, port=port, idle_end_s=idle_end, stay=stay)
    said = "The embedded cluster runs" if is_new else "The embedded cluster was running already"
    hint = f"For kubectl in this terminal:  {setting('KUBECONFIG', str(home.kubeconfig))}"
    tell(
        f"{said} at {server.url} (Kubernetes {KUBERNETES_VERSION}, pace {server.pace:g}).\n{note(server.pace)}{hint}",
        {**server.to_json(), "started": is_new, "kubeconfig": str(home.kubeconfig)},
        as_json,
    )


@app.command()
def down(
    cluster: ClusterName = "embedded", name: KindName = None, everywhere: All = False, as_json: AsJson = False
) -> None:
    """Stop this course's cluster. What the embedded one holds is kept for the next `statelab up`.

    A kind cluster is deleted, with everything in it; one that this folder did not make is left as it is.
    """
    if everywhere:
        _down_everywhere(cluster, as_json)
        return
    if cluster != "embedded":
        from statelab import real_clusters

        real_clusters.check_ours(cluster)
        tell(*real_clusters.down(find_home(), name=name, is_quiet=as_json), as_json)
        return
    if name:
        raise Problem("--name is for a kind cluster.", "Add: --cluster kind")
    stopped = local.stop(find_home())
    tell("Stopped; everything in it is kept." if stopped else "It was not running.", {"stopped": stopped}, as_json)


@app.command()
def status(cluster: ClusterName = "embedded", everywhere: All = False, as_json: AsJson = False) -> None:
    """Say whether this course's cluster runs, and where. Exit code 3 when it does not."""
    if everywhere:
        found = _everywhere(cluster)
        text = "\n".join(str(each).capitalize() for each in found) or "No cluster of yours runs on this machine."
        tell(text, {"clusters": [each.to_json() for each in found]}, as_json)
        raise typer.Exit(0 if found else 3)
    home = find_home()
    if cluster != "embedded":
        from statelab import real_clusters

        text, data, is_usable = real_clusters.status(home, cluster)
        tell(text, data, as_json)
        raise typer.Exit(0 if is_usable else 3)
    server = local.running(home)
    if server is None:
        hanging = local.hanging(home)
        text = f"No cluster runs for {home.root}. Start it with `statelab up`."
        if local.slept(home):
            text = f"The cluster of {home.root} ended because nobody asked anything. `statelab up` wakes it as it was."
        if hanging is not None:
            text = f"Process {hanging} does not answer. `statelab down` stops it; nothing in it is lost."
        tell(text, {"running": False, "hanging": hanging}, as_json)
        raise typer.Exit(3)
    data = {"running": True, **server.to_json(), "kubeconfig": str(home.kubeconfig), "home": str(home.root)}
    tell(f"Running at {server.url}, process {server.pid}, pace {server.pace:g}.\nFolder: {home.root}", data, as_json)


def _everywhere(place: str) -> list[everywhere.Running]:
    if place != "embedded":
        raise Problem("--all is for embedded clusters.", f"For this one: statelab status --cluster {place}")
    from statelab.cluster import everywhere

    return everywhere.mine()


def _down_everywhere(place: str, as_json: bool) -> None:
    from statelab.cluster.everywhere import stop

    found = _everywhere(place)
    left = [each for each in found if not stop(each)]
    lines = [f"Stopped: {each}" for each in found if each not in left] or ["None was running."]
    tell("\n".join(lines), {"stopped": [each.to_json() for each in found if each not in left]}, as_json)
    if left:
        raise Problem(f"These do not end: {'; '.join(map(str, left))}.", "Restart the machine.")


@app.command()
def reset(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    cluster: ClusterName = "embedded",
    as_json: AsJson = False,
) -> None:
    """Begin again with an empty cluster. The embedded one's old state is set aside; a kind cluster is made anew."""
    home = find_home()
    question = "Set this cluster's state aside and begin with an empty one?"
    if cluster == "kind":
        question = "Delete the kind cluster with everything in it, and make a new one?"
    if not yes and not sys.stdin.isatty():
        raise Problem("Without a terminal nobody can be asked, and nothing was reset.", "Add: --yes")
    if not yes and not typer.confirm(question):
        raise typer.Exit(1)
    if cluster != "embedded":
        from statelab import real_clusters

        real_clusters.check_ours(cluster)
        tell(*real_clusters.again(home, is_quiet=as_json), as_json)
        return
    was_running = local.running(home)
    local.reset(home)
    if was_running is not None:
        local.start(home, pace=was_running.pace)
    tell(f"The cluster is empty; its old state is {home.folder / 'state-before-reset'}.", {"reset": True}, as_json)


@app.command()
def doctor(cluster: ClusterName = "embedded", as_json: AsJson = False) -> None:
    """Say what is here, what is missing and what to do. Exit code 1 when something needed is missing.

    With --cluster kind, what a kind cluster takes is needed too.
    """
    from statelab.doctor import examine

    findings = examine(find_home(), cluster)
    lines = [
        f"{'✓' if each.is_good else ('✗' if each.is_needed else '–')} {each.what}: {each.found}" for each in findings
    ]
    hints = [f"  → {each.hint}" for each in findings if each.hint and not each.is_good]
    tell("\n".join(lines + hints), {"findings": [each.to_json() for each in findings]}, as_json)
    if any(each.is_needed and not each.is_good for each in findings):
        raise typer.Exit(1)


@app.command()
def progress(
    as_json: AsJson = False,
    reset: Annotated[bool, typer.Option("--reset", help="Begin the record again; the old one is set aside.")] = False,
) -> None:
    """Say how far you have come in lessons and tasks.

    The record is one file, .statelab/progress.json: read it, carry it to another machine, or delete it.
    """
    from statelab.notebook.telling import progress as record
    from statelab.notebook.telling.standing import how_far

    if reset:
        was_there = record.reset()
        said = f"Begun again; the old record is {record.path().with_suffix('.before-reset.json')}."
        tell(said if was_there else "There was no record.", {"reset": was_there}, as_json)
        return
    found = how_far()
    tell(f"{found}\n\nThe record: {record.path()}", {**found.to_json(), "record": str(record.path())}, as_json)


@app.command()
def alone(
    undo: Annotated[bool, typer.Option("--undo", help="Take it back: a class begins.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say that you learn alone: nothing has to stay hidden.

    check("…") counts hidden checks at once, and shows the model answer of a task that is solved. For both it needs the
    folder solutions/, which a class does not hand out. The word is kept in one file, .statelab/alone.
    """
    from statelab.notebook.telling import alone as word

    if undo:
        said = "Taken back: hidden checks stay hidden." if word.take_back() else "You had not said so."
        tell(said, {"alone": False}, as_json)
        return
    if not word.is_alone() and not yes and not typer.confirm("Do you learn alone, and does nobody grade you?"):
        tell("Nothing has changed.", {"alone": False}, as_json)
        return
    is_new = word.say_alone()
    said = "Hidden checks count at once now, and a solved task shows its model answer." if is_new else "I know."
    tell(f"{said} To take it back: statelab alone --undo", {"alone": True}, as_json)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(
    context: typer.Context,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address instead of opening it.")] = False,
    port: Annotated[int | None, typer.Option(help="JupyterLab's port.")] = None,
    pace: Annotated[float, typer.Option(help="Cluster seconds per second of yours.")] = 1.0,
    copy_to: Annotated[
        Path | None, typer.Option(help="Open your own copy of the course in this folder; made where it is missing.")
    ] = None,
    instructor: Annotated[
        bool, typer.Option("--instructor", help="Open this folder itself, with the menus of nbgrader.")
    ] = False,
    cluster: ClusterName = "embedded",
) -> None:
    """Start the cluster and open the course in JupyterLab. Ctrl-C stops both. Other options go on to JupyterLab.

    In the folder of StateLab it opens a copy that is yours, my-course, and keeps it up to date around what you changed.
    With --cluster kind (or STATELAB_CLUSTER=kind) it makes a real cluster if there is none; Ctrl-C leaves that.
    """
    from statelab.lab import opening

    place = opening.choose(copy_to, is_instructor=instructor)
    if opening.is_on_hub():
        print("A JupyterHub runs here: open the folder in the JupyterLab that you have.")
        return
    code = opening.run(
        place,
        cluster=cluster,
        pace=pace,
        port=port,
        no_browser=no_browser,
        is_instructor=instructor,
        more=context.args,
    )
    raise typer.Exit(code)


@app.command()
def copy(
    folder: Annotated[Path, typer.Argument(help="The folder; made where it is missing.")], as_json: AsJson = False
) -> None:
    """Copy the course into a folder of yours, or update a copy.

    What you changed stays: such a file is not written over, the newer one is laid beside it, as NAME.new.ipynb.
    """
    copied = course.copy_to(folder)
    data = {"folder": str(copied.folder), "new": copied.new, "updated": copied.updated, "kept": copied.kept}
    tell(str(copied), {**data, "beside": [each.as_posix() for each in copied.beside]}, as_json)


app.command("hub-config")(hub.config)


@app.command()
def version(as_json: AsJson = False) -> None:
    """Print the versions of StateLab and of its Kubernetes."""
    tell(
        f"StateLab {VERSION}, Kubernetes {KUBERNETES_VERSION}",
        {"statelab": VERSION, "kubernetes": KUBERNETES_VERSION, "python": sys.version.split()[0]},
        as_json,
    )
