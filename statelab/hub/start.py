"""What a hub runs in the place of `jupyterhub-singleuser`, as the user: their copy of the course, then their server.

    python -m statelab.hub.start FOLDER [what the hub adds]

Whatever is wrong with the copy (a full disk, a file in the way), the server starts: a learner sees their files.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import MutableMapping, Sequence
from contextlib import suppress
from pathlib import Path

from statelab import course
from statelab.cluster.paths import Home
from statelab.cluster.problem import Problem

_LONGEST_HOME = 24  # characters: a kernel's sockets are 80 characters below it, and a socket's path may have 107


def main(arguments: Sequence[str]) -> None:
    """`arguments`: the folder for the course, below the home, and the server's own arguments. Does not return."""
    name, *more = arguments
    os.umask(0o077)  # homes are open to everybody on many systems: what is written from now on is not
    folder = Path.home() / name
    try:
        print(course.copy_to(folder), file=sys.stderr)
        folder.chmod(0o700)
    except (Problem, OSError) as problem:
        print(f"statelab: {problem}", file=sys.stderr)
    prepare(os.environ, folder)
    if len(str(Path.home())) > _LONGEST_HOME:
        os.environ["JUPYTER_RUNTIME_DIR"] = str(_short_folder())
    ours = Path(sys.executable).parent
    extension = Path(__file__).parent.parent / "lab" / "extension"
    apps = ("LabApp", "JupyterNotebookApp")
    words = [*(f"--{app}.extra_labextensions_path={extension}" for app in apps), *more]
    program = ours / ("jupyterhub-singleuser.exe" if os.name == "nt" else "jupyterhub-singleuser")
    os.execv(program, [str(program), *words])


def _short_folder() -> Path:
    """A folder with a short path that is ours alone; the same one each time, unless somebody took its name."""
    folder = Path(tempfile.gettempdir(), f"jupyter-{os.getuid()}")
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        about = folder.lstat()
        if stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid() and not about.st_mode & 0o077:
            return folder
    return Path(tempfile.mkdtemp(prefix="jupyter-"))


def prepare(environment: MutableMapping[str, str], folder: Path) -> None:
    """What kernels and terminals find: our programs, and the one cluster and record of progress of this user."""
    ours = str(Path(sys.executable).parent)
    environment["PATH"] = os.pathsep.join([ours, environment.get("PATH", os.defpath)])
    environment["STATELAB_HOME"] = str(folder)
    environment["KUBECONFIG"] = str(Home(folder).kubeconfig)
    environment["STATELAB_LAB"] = "1"


if __name__ == "__main__":
    main(sys.argv[1:])
