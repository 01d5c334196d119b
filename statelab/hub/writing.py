"""`statelab hub-config`: the files that a JupyterHub needs for a class, written into one folder."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from statelab.cluster.problem import Problem
from statelab.lab.settings import DEFAULTS
from statelab.version import VERSION

Spawner = Literal["pam", "simple", "container"]
SPAWNERS: tuple[Spawner, ...] = ("pam", "simple", "container")
_NBGRADER = "@jupyter/nbgrader"
_FOR_INSTRUCTORS = ("course-list", "create-assignment", "formgrader", "validate-assignment")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Hub:
    """What a site decides. `folder`: the course's in each home. `root`: where an instructor grades (absolute)."""

    course_id: str = "statelab"
    folder: str = "statelab"
    exchange: Path = Path("/srv/nbgrader/exchange")
    root: Path | None = None
    instructors: tuple[str, ...] = ()
    spawner: Spawner = "pam"
    memory: str = "1G"
    idle_s: int = 3600


def write(to: Path, hub: Hub) -> list[Path]:
    """Write the files, and make the folder readable for those whose servers read it. Raises Problem."""
    for what, name in (
        ("--course-id", hub.course_id),
        ("--folder", hub.folder),
        *(("--instructor", n) for n in hub.instructors),
    ):
        if _NAME.fullmatch(name) is None:
            raise Problem(f"{what} is {name!r}.", "Letters, digits, dots and dashes, beginning with a letter or digit.")
    if re.fullmatch(r"\d+[KMGT]?", hub.memory) is None:
        raise Problem(f"--memory is {hub.memory!r}.", "A number with K, M or G, such as 1G.")
    to = to.expanduser().resolve()
    files = {
        "jupyterhub_config.py": _hub(to, hub),
        "lab/overrides.json": _json(_defaults()),
        **{f"{who}/{name}": text for who in ("learner", "instructor") for name, text in _of(who, to, hub).items()},
    }
    written = []
    try:
        for name, text in files.items():
            path = to / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            path.chmod(0o644)
            path.parent.chmod(0o755)
            written.append(path)
        to.chmod(0o755)
        (to / "private").mkdir(mode=0o700, exist_ok=True)
        (to / "private").chmod(0o700)
    except OSError as error:
        raise Problem(f"{to} cannot be written: {error.strerror or error}.", "Name a folder of your own.") from None
    return written


def _defaults() -> dict[str, Any]:
    return {**DEFAULTS, "@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True}}


def _of(who: str, to: Path, hub: Hub) -> dict[str, str]:
    """One kind of user's part of JUPYTER_CONFIG_PATH."""
    is_instructor = who == "instructor"
    disabled = {"@jupyterlab/apputils-extension:announcements": True}
    off: dict[str, bool] = {}
    if not is_instructor:
        disabled |= {f"{_NBGRADER}:{each}": True for each in _FOR_INSTRUCTORS}
        off = {
            f"nbgrader.server_extensions.{each}": False for each in ("course_list", "formgrader", "validate_assignment")
        }
    server: dict[str, Any] = {
        # Not a login shell: that would set PATH anew, and neither kubectl nor statelab would be found.
        "ServerApp": {"terminado_settings": {"shell_command": ["bash"]}, "jpserver_extensions": off},
        # Sockets in the user's own folder: no other user can take a kernel's ports while it starts.
        "KernelManager": {"transport": "ipc"},
        "MappingKernelManager": {"cull_idle_timeout": hub.idle_s, "cull_interval": 300, "cull_connected": True},
    }
    if is_instructor:  # JupyterHub lets nobody frame its pages, and formgrader is a frame
        policy = {"Content-Security-Policy": "frame-ancestors 'self'"}
        server["ServerApp"]["tornado_settings"] = {"headers": policy}
    return {
        "jupyter_server_config.json": _json(server),
        "jupyter_lab_config.json": _json({"LabApp": {"app_settings_dir": str(to / "lab")}}),
        "labconfig/page_config.json": _json({"disabledExtensions": disabled}),
        "nbgrader_config.py": _nbgrader(hub, is_instructor),
    }


def _nbgrader(hub: Hub, is_instructor: bool) -> str:
    lines = [
        f"# Written by statelab hub-config {VERSION}. What holds for every folder and every command of nbgrader.",
        "from grader.nbgrader import configure",
        "",
        "c = get_config()",
        "configure(c)",
        f"c.CourseDirectory.course_id = {hub.course_id!r}",
        f"c.Exchange.root = {str(hub.exchange)!r}",
    ]
    if hub.spawner != "pam":  # there all users are one to the system
        lines += ["import os", 'c.CourseDirectory.student_id = os.environ.get("JUPYTERHUB_USER") or "*"']
    if is_instructor and hub.root is not None:
        lines.append(f"c.CourseDirectory.root = {str(hub.root)!r}")
    return "\n".join(lines) + "\n"


def _hub(to: Path, hub: Hub) -> str:
    python = "python" if hub.spawner == "container" else sys.executable
    default = f"/lab/tree/{hub.folder}/course/00-start-here.ipynb"
    culler = [sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={hub.idle_s}"]
    return f'''# Written by statelab hub-config {VERSION}. Start it with: jupyterhub -f {to / "jupyterhub_config.py"}
# Change what is yours; `load_subconfig("{to / "jupyterhub_config.py"}")` in a file of your own keeps the two apart.
from pathlib import Path

from statelab.hub.spawning import before_start

c = get_config()
SETTINGS = Path({str(to)!r})
INSTRUCTORS = {set(hub.instructors) or "set()"}

# ---- who: everybody who has an account here and its password. Fewer: c.Authenticator.allowed_users = {{...}}
c.Authenticator.allow_all = True

# ---- what is started: each user's copy of the course is made or brought up to date, as that user; then their server
c.Spawner.cmd = [{python!r}, "-m", "statelab.hub.start", {hub.folder!r}]
c.Spawner.pre_spawn_hook = before_start(SETTINGS, INSTRUCTORS, choose_port={hub.spawner != "container"})
c.Spawner.notebook_dir = "~"
c.Spawner.default_url = {default!r}
c.Spawner.environment = {{"STATELAB_IDLE_END": "{hub.idle_s}"}}
c.Spawner.start_timeout = 180  # twelve at once on two cores took 55 s
c.Spawner.http_timeout = 180
{_SPAWNING[hub.spawner].format(to=to, exchange=hub.exchange, memory=hub.memory, version=VERSION)}
# ---- what ends: a server that nobody uses; its kernels and its cluster end with it, and sooner by themselves
c.JupyterHub.load_roles = [
    {{
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    }}
]
c.JupyterHub.services = [{{"name": "idle-culler", "command": {culler!r}}}]

# ---- what is the hub's alone: cookies and tokens can be forged by who reads them
c.JupyterHub.cookie_secret_file = str(SETTINGS / "private/jupyterhub_cookie_secret")
c.JupyterHub.db_url = "sqlite:///" + str(SETTINGS / "private/jupyterhub.sqlite")
c.ConfigurableHTTPProxy.pid_file = str(SETTINGS / "private/proxy.pid")
'''


_SPAWNING: dict[Spawner, str] = {
    "pam": """
# ---- where: as a process of each Unix user, whose password PAM asks for
c.JupyterHub.spawner_class = "localprocess"
c.Spawner.mem_limit = "{memory}"  # this spawner only tells the user; jupyterhub-systemdspawner enforces it
""",
    "simple": """
# ---- where: as a process of whoever runs the hub. For trying it out: its users are not kept apart!
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{to}/homes/{{username}}"
c.Spawner.mem_limit = "{memory}"  # this spawner only tells the user
""",
    "container": """
# ---- where: each user in a container of their own (pip install dockerspawner), from the image that
#      docker build --target learner -t statelab-learner:{version} .   makes: no answers are in it
c.JupyterHub.spawner_class = "dockerspawner.DockerSpawner"
c.DockerSpawner.image = "statelab-learner:{version}"
c.DockerSpawner.remove = True
c.DockerSpawner.volumes = {{
    "statelab-home-{{username}}": "/home/jovyan",
    "{exchange}": "{exchange}",
    "{to}": {{"bind": "{to}", "mode": "ro"}},
}}
c.Spawner.mem_limit = "{memory}"
c.JupyterHub.hub_ip = "0.0.0.0"  # containers ask the hub from outside: keep its port 8081 inside your network
""",
}


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1) + "\n"
