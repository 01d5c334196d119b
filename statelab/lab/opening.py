"""What `statelab lab` does: choose the course's folder, have a cluster, and run JupyterLab there until it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from statelab import course, foreground
from statelab.cluster import local
from statelab.cluster.my_courses import FIRST_LESSON
from statelab.cluster.paths import OWN_COPY, Home, find_home
from statelab.cluster.problem import Problem
from statelab.lab import settings, terminals
from statelab.pace import note


@dataclass(frozen=True)
class Place:
    """`folder`: what JupyterLab shows. `home`: whose cluster and progress it is."""

    folder: Path
    home: Home


def choose(copy_to: Path | None, *, is_instructor: bool) -> Place:
    """The folder to open: the copy that is asked for, a learner's copy beside this source, or the course we stand in.

    A copy is made where it is missing, and brought up to date where it is there. Raises Problem where there is no
    course.
    """
    if copy_to is not None:
        return _copied(copy_to, None)
    home = find_home()
    if is_instructor or not course.is_copy(home.root):
        if not is_instructor and home.root == course.checkout():
            return _copied(home.root / OWN_COPY, home)
        if not home.has_course:
            raise Problem(
                f"There is no course in {home.root if os.environ.get('STATELAB_HOME') else Path.cwd()}.",
                "Make a copy of your own: statelab lab --copy-to DIR. Or run this in the folder of StateLab.",
            )
        print(f"The course is in {home.root}.")  # perhaps the one that was opened last, from any folder
        return Place(home.root, home)
    return _copied(home.root, home)


def _copied(folder: Path, home: Home | None) -> Place:
    copied = course.copy_to(folder)
    print(copied)
    print(f"The course is in {copied.folder}. It is yours: what you change there stays as you left it.")
    return Place(copied.folder, home or Home(copied.folder))


def is_on_hub() -> bool:
    """Whether a JupyterHub started what we run in: then its JupyterLab is the one that can be reached."""
    return any(name.startswith("JUPYTERHUB_") for name in os.environ)


def run(
    place: Place,
    *,
    cluster: str,
    pace: float,
    port: int | None,
    no_browser: bool,
    is_instructor: bool,
    more: Sequence[str],
) -> int:
    """Start the cluster and JupyterLab; the exit code when both have ended. Raises Problem when a cluster cannot be."""
    home = place.home
    is_ours = False
    kubeconfig: str | None = None
    if cluster == "embedded":
        server, is_ours = local.start(home, pace=pace)
        kubeconfig = str(home.kubeconfig)
        print(f"The embedded cluster runs at {server.url}.")
        if server.pace != pace:
            print(f"It was running already, at pace {server.pace:g}; for another one stop it first: statelab down")
        print(note(server.pace), end="")
    else:
        from statelab import real_clusters
        from statelab.cluster import kind_record

        print(real_clusters.for_the_course(home, cluster))
        if cluster == "kind" and kind_record.kubeconfig_of(home).is_file():
            kubeconfig = str(kind_record.kubeconfig_of(home))
    variables = {"STATELAB_HOME": str(home.root), "STATELAB_CLUSTER": cluster}
    variables["PYTHONSTARTUP"] = str(Path(__file__).with_name("kernel_start.py"))
    variables["STATELAB_PYTHONSTARTUP"] = os.environ.get("PYTHONSTARTUP", "")
    variables["STATELAB_LAB"] = "1"  # our extension is there: no saved output has to ask for a widget
    if kubeconfig is not None:  # ours first, so that it is current; theirs too: --cluster context:NAME looks there
        theirs = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
        variables["KUBECONFIG"] = os.pathsep.join([kubeconfig, theirs])
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={place.folder}"]
    command += settings.options(home.folder / "lab-settings", is_instructor=is_instructor)
    command += _terminal(home, variables)
    command += [f"--LabApp.default_url=/lab/tree/{FIRST_LESSON.as_posix()}"]
    command += ["--no-browser"] if no_browser else []
    command += [f"--ServerApp.port={port}"] if port is not None else []
    command += _as_root()
    print(
        "JupyterLab starts. Ctrl-C here ends it"
        + (", and the cluster with it" if is_ours else "")
        + "; what you wrote stays."
    )
    environment = {**os.environ, **variables, "PATH": os.pathsep.join([str(_ours()), os.environ.get("PATH", "")])}
    try:
        return foreground.run([*command, *more], environment, place.folder)  # nbgrader looks where it is
    finally:
        if is_ours:
            local.stop(home)


def _ours() -> Path:
    """Where this Python's programs are: our `statelab`, and our kubectl if there is one."""
    return Path(sys.executable).parent


def _terminal(home: Home, variables: dict[str, str]) -> list[str]:
    shell = terminals.shell_command(
        terminals.users_shell(), home.folder / "lab-settings" / "terminal", _ours(), variables
    )
    return [] if shell is None else [f"--ServerApp.terminado_settings=shell_command={shell!r}"]


def _as_root() -> list[str]:
    """JupyterLab refuses to run as root unasked; a container or a class machine often has nobody else."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return []
    print("You are root: what you run in this JupyterLab, notebooks and terminals, may change everything here.")
    return ["--allow-root"]
