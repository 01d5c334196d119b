"""A real JupyterHub with real Unix users, made for this and taken away; where it cannot be, the reason is said."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
COURSE = "k8s101"
_START_WITHIN_S = 120


@dataclass
class Site:
    """A machine with a hub. `users`: role (teacher, anna, ben) → Unix name."""

    folder: Path
    python: Path
    users: dict[str, str]
    url: str = ""
    hub: subprocess.Popen[bytes] | None = None
    token: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def settings(self) -> Path:
        return self.folder / "hub"

    @property
    def exchange(self) -> Path:
        return self.folder / "exchange"

    @property
    def course_root(self) -> Path:
        return self.home("teacher") / COURSE

    def home(self, who: str) -> Path:
        return Path(pwd.getpwnam(self.users[who]).pw_dir)

    def run(self, who: str, command: str, at: Path | None = None) -> subprocess.CompletedProcess[str]:
        """A shell line as this user, with what their server's terminals have."""
        user = pwd.getpwnam(self.users[who])
        kind = "instructor" if who == "teacher" else "learner"
        environment = {
            "HOME": user.pw_dir,
            "USER": user.pw_name,
            "PATH": f"{self.python.parent}:{os.defpath}",
            "JUPYTER_CONFIG_PATH": str(self.settings / kind),
        }
        return subprocess.run(
            ["sh", "-c", command], cwd=at or user.pw_dir, env=environment, user=user.pw_uid, group=user.pw_gid,
            extra_groups=[], umask=0o077, capture_output=True, text=True, timeout=240,
        )  # fmt: skip

    def ask(
        self, method: str, path: str, body: Any = None, token: str | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        """Of the hub's proxy: code, JSON or text, headers."""
        data = json.dumps(body).encode() if body is not None else (b"" if method == "POST" else None)
        headers = {"Authorization": f"token {token or self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                code, text, found = answer.status, answer.read().decode(), answer.headers
        except urllib.error.HTTPError as error:
            code, text, found = error.code, error.read().decode(errors="replace"), error.headers
        try:
            said = json.loads(text)
        except ValueError:
            said = text
        return code, said, {name.lower(): value for name, value in found.items()}

    def token_of(self, who: str) -> str:
        return str(self.ask("POST", f"/hub/api/users/{self.users[who]}/tokens")[1]["token"])


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    if shutil.which("configurable-http-proxy") is None:
        pytest.skip("there is no configurable-http-proxy (npm install -g configurable-http-proxy)")
    if sys.platform != "linux" or os.getuid() != 0 or shutil.which("useradd") is None:
        pytest.skip("only root of a Linux can make the Unix users of this test")
    pytest.importorskip("jupyterhub")
    folder = Path(tempfile.mkdtemp(prefix="hub", dir="/tmp"))
    folder.chmod(0o755)
    mark = secrets.token_hex(2)
    made = Site(folder, folder / "env/bin/python", {who: f"{who}-{mark}" for who in ("teacher", "anna", "ben")})
    with contextlib.ExitStack() as leaving:
        leaving.callback(shutil.rmtree, folder, ignore_errors=True)
        _environment(folder / "env")
        for name in made.users.values():
            home = folder / "home" / name
            home.parent.mkdir(exist_ok=True)
            done = subprocess.run(
                ["useradd", "--create-home", "--home-dir", str(home), "--shell", "/bin/bash", name], capture_output=True
            )
            if done.returncode:
                pytest.skip(f"no user can be made here: {done.stderr.decode().strip()}")
            leaving.callback(subprocess.run, ["userdel", name], capture_output=True)
            runtime = Path(tempfile.gettempdir(), f"jupyter-{pwd.getpwnam(name).pw_uid}")
            leaving.callback(shutil.rmtree, runtime, ignore_errors=True)
            leaving.callback(_end_all_of, pwd.getpwnam(name).pw_uid)
            home.chmod(0o755)  # as Debian makes them: what is closed must be so by itself
        _course(made)
        leaving.callback(_end_services, made)
        leaving.enter_context(_hub(made))
        yield made


def _environment(folder: Path) -> None:
    """An environment that every user can read, with this one's packages: this Python may lie in a closed home."""
    ours = Path(sysconfig.get_path("purelib"))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidates = [Path(sys.executable).resolve(), Path(f"/usr/bin/{version}"), Path(f"/usr/local/bin/{version}")]
    nobody = pwd.getpwnam("nobody")

    def can_use(python: Path) -> bool:
        words = [str(python), "-c", f"import os; os.listdir({str(ours)!r}); os.listdir({str(ROOT / 'statelab')!r})"]
        with contextlib.suppress(OSError):  # one that may not be executed
            return subprocess.run(words, user=nobody.pw_uid, capture_output=True, cwd="/").returncode == 0
        return False

    for python in (each for each in candidates if each.exists() and can_use(each)):
        subprocess.run([str(python), "-m", "venv", "--clear", "--without-pip", str(folder)], check=True, timeout=60)
        if can_use(folder / "bin" / "python"):  # it leads to the Python that made ours, which may lie in a closed home
            break
    else:
        pytest.skip(f"no Python {version} and these packages can be read by other users here")
    (folder / f"lib/{version}/site-packages/ours.pth").write_text(f"import site; site.addsitedir({str(ours)!r})\n")
    for each in importlib.metadata.entry_points(group="console_scripts"):
        program = folder / "bin" / each.name
        module, _, function = each.value.partition(":")
        program.write_text(
            f"#!{folder}/bin/python\nimport sys\nfrom {module} import {function.split('.')[0]}\n"
            f"sys.exit({function.split(' ')[0]}())\n"
        )
        program.chmod(0o755)
    for each in ("share", "etc"):
        (folder / each).symlink_to(Path(sys.prefix) / each)
    kubectl = Path(sys.prefix) / "bin/kubectl"
    if kubectl.exists():
        (folder / "bin/kubectl").unlink(missing_ok=True)
        shutil.copy(kubectl.resolve(), folder / "bin/kubectl")


def _course(site: Site) -> None:
    """As the page for instructors says: the source in the teacher's home, closed; the exchange; the hub's settings."""
    root = site.course_root
    shutil.copytree(ROOT / "solutions/ps3", root / "solutions/ps3", ignore=shutil.ignore_patterns("__pycache__"))
    user = pwd.getpwnam(site.users["teacher"])
    (root / "nbgrader_config.py").write_text(
        "from grader.nbgrader import configure\nc = get_config()\nconfigure(c)\n"
        f"c.CourseDirectory.course_id = {COURSE!r}\n"
    )
    (root / "students.csv").write_text(f"id,first_name\n{site.users['anna']},Anna\n{site.users['ben']},Ben\n")
    for path in (root, *root.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid)
    root.chmod(0o700)
    site.exchange.mkdir()
    site.exchange.chmod(0o1777)
    done = subprocess.run(
        [str(site.python.parent / "statelab"), "hub-config", "--to", str(site.settings), "--course-id", COURSE,
         "--exchange", str(site.exchange), "--course-root", str(root), "--instructor", site.users["teacher"]],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def _free() -> int:
    with socket.socket() as asking:
        asking.bind(("127.0.0.1", 0))
        return int(asking.getsockname()[1])


@contextlib.contextmanager
def _hub(site: Site) -> Iterator[None]:
    """The hub as it was written, but with ports of its own and no passwords: what is tried is not PAM."""
    site.url = f"http://127.0.0.1:{_free()}"
    config = site.folder / "test_config.py"
    config.write_text(
        f"""
load_subconfig({str(site.settings / "jupyterhub_config.py")!r})
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.bind_url = {site.url!r}
c.JupyterHub.hub_port = {_free()}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{_free()}"
c.JupyterHub.services.append({{"name": "test", "api_token": {site.token!r}}})
scopes = ["admin:users", "admin:servers", "access:servers", "tokens"]
c.JupyterHub.load_roles.append({{"name": "test", "services": ["test"], "scopes": scopes}})
"""
    )
    config.chmod(0o600)
    try:
        start_hub(site, config)
        yield
    finally:
        assert site.hub is not None
        site.hub.terminate()
        try:
            site.hub.wait(30)
        except subprocess.TimeoutExpired:
            site.hub.kill()
            site.hub.wait(10)


def start_hub(site: Site, config: Path | None = None) -> None:
    """Start the hub, or start it again after it was killed, and wait until it answers."""
    config = config or site.folder / "test_config.py"
    with (site.folder / "hub.log").open("a") as log:
        (site.folder / "hub.log").chmod(0o600)
        site.hub = subprocess.Popen(
            [str(site.python), "-m", "jupyterhub", "-f", str(config)], cwd=site.folder, stdout=log, stderr=log,
            env={"PATH": f"{site.python.parent}:{os.environ['PATH']}", "HOME": str(site.folder)},
        )  # fmt: skip
    hub = site.hub
    until(lambda: hub.poll() is None and _answers(site), lambda: (site.folder / "hub.log").read_text()[-3000:])


def _answers(site: Site) -> bool:
    try:
        return site.ask("GET", "/hub/api/")[0] == 200
    except OSError:
        return False


def until(holds: Any, why: Any) -> None:
    """Wait for what another process does; `why` is asked when it does not."""
    deadline_s = time.monotonic() + _START_WITHIN_S
    while not holds():
        assert time.monotonic() < deadline_s, why()
        time.sleep(0.2)


def _end_services(site: Site) -> None:
    """A hub that is killed leaves its services: what runs by the Python that was made for this test."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes().startswith(f"{site.python}\0".encode()):
                os.kill(int(path.parent.name), 9)


def _end_all_of(uid: int) -> None:
    """What a user of ours, made for this test, has left running: only ever of a user that this test has made."""
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if path.stat().st_uid == uid:
                os.kill(int(path.name), 9)
