"""The command `statelab`: the embedded cluster and the course, from a terminal."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from statelab import foreground
from statelab.cluster import local
from statelab.cluster.paths import Home, find_home
from statelab.cluster.problem import Problem
from statelab.version import KUBERNETES_VERSION, VERSION

app = typer.Typer(
    help="Stateful Kubernetes, taught on a cluster that is always at hand.\n\n"
    "Start with `statelab lab`: it starts the embedded cluster and opens the course.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
node_app = typer.Typer(help="Take a node of the embedded cluster away, and give it back.", no_args_is_help=True)
app.add_typer(node_app, name="node")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]


def main() -> None:
    """Run the command line; what goes wrong is said in a sentence, with exit code 1."""
    try:
        app()
    except Problem as problem:
        print(f"statelab: {problem}", file=sys.stderr)
        sys.exit(1)


def _tell(text: str, data: dict[str, Any], as_json: bool) -> None:
    print(json.dumps(data) if as_json else text)


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="The port to listen on; 0 lets the system choose.")] = 0,
    token: Annotated[str | None, typer.Option(help="The bearer token to ask for; made up if not given.")] = None,
    state: Annotated[Path | None, typer.Option(help="The folder in which the cluster survives.")] = None,
    in_memory: Annotated[
        bool, typer.Option("--in-memory", help="Keep nothing: the cluster ends with the server.")
    ] = False,
    pace: Annotated[float, typer.Option(help="Cluster seconds per second of yours; 10 is ten times faster.")] = 1.0,
    kubeconfig: Annotated[Path | None, typer.Option(help="Write a kubeconfig for kubectl there.")] = None,
    server_file: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run the embedded cluster in the foreground, until Ctrl-C.

    Example: statelab serve --in-memory --kubeconfig /tmp/kc, then: kubectl --kubeconfig /tmp/kc get nodes
    """
    from statelab.server import serve as run

    if state is not None and in_memory:
        raise Problem("--state and --in-memory contradict each other.", "Give one of them.")
    if not pace > 0:
        raise Problem(f"--pace must be greater than 0, not {pace:g}.")
    folder = None if in_memory else (state or find_home().state)
    run(port=port, token=token, state=folder, pace=pace, kubeconfig=kubeconfig, server_file=server_file)


@app.command()
def up(
    pace: Annotated[float, typer.Option(help="Cluster seconds per second of yours.")] = 1.0,
    port: Annotated[int | None, typer.Option(help="The port to listen on; by default that of last time.")] = None,
    as_json: AsJson = False,
) -> None:
    """Start this folder's cluster in the background; one that runs already is left as it is."""
    home = find_home()
    server, is_new = local.start(home, pace=pace, port=port)
    said = "The embedded cluster runs" if is_new else "The embedded cluster was running already"
    hint = f"For kubectl in this terminal:  export KUBECONFIG={shlex.quote(str(home.kubeconfig))}"
    _tell(
        f"{said} at {server.url} (Kubernetes {KUBERNETES_VERSION}, pace {server.pace:g}).\n{hint}",
        {**server.to_json(), "started": is_new, "kubeconfig": str(home.kubeconfig)},
        as_json,
    )


@app.command()
def down(as_json: AsJson = False) -> None:
    """Stop this folder's cluster. What it holds is kept for the next `statelab up`."""
    stopped = local.stop(find_home())
    _tell("Stopped; everything in it is kept." if stopped else "It was not running.", {"stopped": stopped}, as_json)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Say whether this folder's cluster runs, and where. Exit code 3 when it does not."""
    home = find_home()
    server = local.running(home)
    if server is None:
        _tell(f"No cluster runs for {home.root}. Start it with `statelab up`.", {"running": False}, as_json)
        raise typer.Exit(3)
    data = {"running": True, **server.to_json(), "kubeconfig": str(home.kubeconfig), "home": str(home.root)}
    _tell(f"Running at {server.url}, process {server.pid}, pace {server.pace:g}.\nFolder: {home.root}", data, as_json)


@app.command()
def reset(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False, as_json: AsJson = False
) -> None:
    """Begin again with an empty cluster. The old state is set aside, not deleted."""
    home = find_home()
    if (
        not yes
        and sys.stdin.isatty()
        and not typer.confirm("Set this cluster's state aside and begin with an empty one?")
    ):
        raise typer.Exit(1)
    was_running = local.running(home)
    local.reset(home)
    if was_running is not None:
        local.start(home, pace=was_running.pace)
    _tell("The cluster is empty; its old state is .statelab/state-before-reset.", {"reset": True}, as_json)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what is here, what is missing and what to do. Exit code 1 when something needed is missing."""
    from statelab.doctor import examine

    findings = examine(find_home())
    lines = [
        f"{'✓' if each.is_good else ('✗' if each.is_needed else '–')} {each.what}: {each.found}" for each in findings
    ]
    hints = [f"  → {each.hint}" for each in findings if each.hint and not each.is_good]
    _tell("\n".join(lines + hints), {"findings": [each.to_json() for each in findings]}, as_json)
    if any(each.is_needed and not each.is_good for each in findings):
        raise typer.Exit(1)


@app.command()
def progress(
    as_json: AsJson = False,
    reset: Annotated[bool, typer.Option("--reset", help="Begin the record again; the old one is set aside.")] = False,
) -> None:
    """Say how far you have come: lessons run, predictions made, tasks passed.

    The record is one file, .statelab/progress.json: read it, carry it to another machine, or delete it.
    """
    from statelab.notebook import progress as record
    from statelab.notebook.standing import how_far

    if reset:
        was_there = record.reset()
        said = f"Begun again; the old record is {record.path().with_suffix('.before-reset.json')}."
        _tell(said if was_there else "There was no record.", {"reset": was_there}, as_json)
        return
    found = how_far()
    _tell(f"{found}\n\nThe record: {record.path()}", {**found.to_json(), "record": str(record.path())}, as_json)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(
    context: typer.Context,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address instead of opening it.")] = False,
    port: Annotated[int | None, typer.Option(help="JupyterLab's port.")] = None,
    pace: Annotated[float, typer.Option(help="Cluster seconds per second of yours.")] = 1.0,
) -> None:
    """Start the cluster and open the course in JupyterLab. Ctrl-C stops both. Other options go on to JupyterLab."""
    home = find_home()
    first = home.course / "00-start-here.ipynb"
    if not first.is_file():
        raise Problem(
            f"There is no course in {home.root}.", "Run this in the folder of StateLab, or name it: STATELAB_HOME=…"
        )
    is_ours = False
    if os.environ.get("STATELAB_CLUSTER", "embedded") == "embedded":
        server, is_ours = local.start(home, pace=pace)
        print(f"The embedded cluster runs at {server.url}.")
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={home.root}"]
    command.append(f"--LabApp.app_settings_dir={_lab_settings(home)}")
    command += [f"--LabApp.default_url=/lab/tree/{first.relative_to(home.root).as_posix()}"]
    command += ["--no-browser"] if no_browser else []
    command += [f"--ServerApp.port={port}"] if port is not None else []
    environment = {**os.environ, "STATELAB_HOME": str(home.root), "PATH": _path_with_ours()}
    try:
        code = foreground.run([*command, *context.args], environment)
    finally:
        if is_ours:
            local.stop(home)
    raise typer.Exit(code)


def _lab_settings(home: Home) -> Path:
    """JupyterLab's defaults for this course: it does not ask a learner about news. Their own settings still win."""
    folder = home.folder / "lab-settings"
    folder.mkdir(parents=True, exist_ok=True)
    overrides = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
    (folder / "overrides.json").write_text(json.dumps(overrides, indent=1) + "\n")
    return folder


def _path_with_ours() -> str:
    """PATH with this Python's folder first, so that a notebook's terminal finds our kubectl."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


@node_app.command("stop")
def node_stop(name: str) -> None:
    """Cut a node off, as when its machine loses power. Its Pods' taints expire after five minutes of cluster time."""
    _embedded(find_home()).stop_node(name)
    print(f"{name} is silent now; `kubectl get nodes` shows it NotReady in about 40 s of cluster time.")


@node_app.command("start")
def node_start(name: str) -> None:
    """Give a stopped node back."""
    _embedded(find_home()).start_node(name)
    print(f"{name} is back.")


def _embedded(home: Home) -> Any:
    from statelab.cluster.embedded import EmbeddedCluster

    server = local.running(home)
    if server is None:
        raise Problem("The embedded cluster does not run.", "Start it with `statelab up`.")
    return EmbeddedCluster(home, server)


@app.command()
def version(as_json: AsJson = False) -> None:
    """Print the versions of StateLab and of the Kubernetes it follows."""
    _tell(
        f"StateLab {VERSION}, Kubernetes {KUBERNETES_VERSION}",
        {"statelab": VERSION, "kubernetes": KUBERNETES_VERSION, "python": sys.version.split()[0]},
        as_json,
    )
