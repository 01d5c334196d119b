"""The embedded cluster of this home as a process: start it in the background, find it, stop it."""

from __future__ import annotations

import base64
import json
import math
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

from statelab.cluster import process, users
from statelab.cluster.my_courses import opened
from statelab.cluster.paths import SLEPT, Home, make_private
from statelab.cluster.problem import Problem
from statelab.cluster.takeover import bring_home

_START_WITHIN_S = 20.0
_STOP_WITHIN_S = 10.0
_HOUR_S = 3600.0


@dataclass(frozen=True)
class Server:
    """A server that runs: as it wrote itself into `.statelab/server.json`."""

    url: str
    token: str
    pid: int
    pace: float
    dns_port: int | None = None
    version: str = ""

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "token"}


def running(home: Home) -> Server | None:
    """The server of this home, if one runs and answers."""
    server = _read(home)
    return server if server is not None and process.is_alive(server.pid) and _answers(home, server) else None


def hanging(home: Home) -> int | None:
    """The process of this home's server when it is there and does not answer."""
    server = _read(home)
    if server is None or not process.is_alive(server.pid) or not _is_ours(home, server) or _answers(home, server):
        return None
    return server.pid


def start(
    home: Home, *, pace: float = 1.0, port: int | None = None, idle_end_s: float | None = None, stay: bool = False
) -> tuple[Server, bool]:
    """The server of this home, started if it does not run; and whether it was. Raises Problem.

    It ends when the Jupyter server or the terminal that we are in is gone, unless it is to `stay`; and when nobody has
    asked it anything for `idle_end_s` seconds (`idle_end()` if not given; 0 is never).
    """
    bring_home(home)
    opened(home.root)
    server = running(home)
    if server is not None:
        users.add(home.folder, stay=stay)
        return server, False
    before = _read(home)
    if home.server_file in make_private(home.folder):
        home.server_file.unlink()  # its token could be read by others: the server makes up another
    command = [sys.executable, "-m", "statelab", "serve", "--state", str(home.state), "--pace", str(pace)]
    command += ["--kubeconfig", str(home.kubeconfig), "--server-file", str(home.server_file)]
    command += ["--idle-end", str(idle_end() if idle_end_s is None else idle_end_s)]
    users.add(home.folder, stay=stay)
    (home.folder / SLEPT).unlink(missing_ok=True)
    command += ["--port", str(port if port is not None else _port_of(before))]
    with open(os.open(home.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as log:
        said_before = log.tell()
        detached: dict[str, Any] = {"start_new_session": True}
        if os.name == "nt":
            detached = {"creationflags": 0x00000208}  # CREATE_NEW_PROCESS_GROUP | DETACHED_PROCESS
        started = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **detached)
    try:
        had_port = before is not None and port is None
        return _wait_until_ready(home, started, had_port=had_port, pace=pace, said_before=said_before), True
    except KeyboardInterrupt:
        process.end(started.pid, _STOP_WITHIN_S)
        raise


def idle_end() -> float:
    """After how many seconds without a request a cluster ends: $STATELAB_IDLE_END; an hour on a JupyterHub; else never.

    Raises Problem for what is no number of seconds.
    """
    said = os.environ.get("STATELAB_IDLE_END")
    if not said:
        return _HOUR_S if os.environ.get("JUPYTERHUB_API_URL") else 0.0
    try:
        found = float(said)
    except ValueError:
        found = -1.0
    if not 0 <= found < math.inf:
        raise Problem(f"STATELAB_IDLE_END is {said!r}.", "It is a number of seconds, and 0 is never.")
    return found


def slept(home: Home) -> bool:
    """Whether its server has ended because nobody asked it anything: it may be woken without asking."""
    return (home.folder / SLEPT).exists()


def _port_of(before: Server | None) -> int:
    """The port of last time, so that a kubeconfig stays good; 0 lets the system choose."""
    if before is None:
        return 0
    return int(before.url.rpartition(":")[2])


def _wait_until_ready(
    home: Home, started: subprocess.Popen[bytes], *, had_port: bool, pace: float, said_before: int
) -> Server:
    """`said_before`: how long the log was before this run; what earlier ones said there explains nothing."""
    deadline_s = time.monotonic() + _START_WITHIN_S
    while time.monotonic() < deadline_s:
        server = _read(home)
        if server is not None and server.pid == started.pid and _answers(home, server):
            return server
        if started.poll() is not None:
            said = _tail(home, said_before)
            if had_port and "port" in said.lower():
                return start(home, pace=pace, port=0)[0]  # someone took our port while we were away
            raise Problem(f"The embedded cluster did not start:\n{said}", f"The whole log is {home.log}.")
        time.sleep(0.02)
    process.end(started.pid, _STOP_WITHIN_S)
    raise Problem(f"The embedded cluster did not answer within {_START_WITHIN_S:.0f} s.", f"Its log is {home.log}.")


def stop(home: Home) -> bool:
    """Stop the server of this home; whether one ran. What it holds is kept. Raises Problem when it cannot be ended.

    One that has stopped answering is stopped too. Its number alone proves nothing, its command line does: it names this
    home's state.
    """
    server = _read(home)
    if server is None or not process.is_alive(server.pid):
        return False
    if not _is_ours(home, server) and not _answers(home, server):
        return False  # the system has given its number to another process
    if not process.end(server.pid, _STOP_WITHIN_S):  # its journal survives being killed
        raise Problem(f"Process {server.pid}, the embedded cluster, does not end.", "Restart the machine.")
    users.forget(home.folder)
    return True


def _is_ours(home: Home, server: Server) -> bool:
    return process.was_started_with(server.pid, "serve", str(home.state))


def reset(home: Home) -> None:
    """An empty cluster: the state of the old one is kept aside as `.statelab/state-before-reset`."""
    stop(home)
    if home.state.exists():
        aside = home.folder / "state-before-reset"
        if aside.exists():
            shutil.rmtree(aside)
        home.state.rename(aside)


def _read(home: Home) -> Server | None:
    try:
        found = json.loads(home.server_file.read_text())
        return Server(**{name: found[name] for name in Server.__dataclass_fields__ if name in found})
    except (OSError, ValueError, TypeError):
        return None


def authority(home: Home) -> str | None:
    """The certificate that this home's server is known by, as PEM; None where there is no kubeconfig to read it from.

    Who listens at a port of ours while we do not is not known by it, and is told no token.
    """
    try:
        found = json.loads(home.kubeconfig.read_text(encoding="utf-8"))
        return base64.b64decode(found["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None


def _answers(home: Home, server: Server) -> bool:
    import http.client
    import ssl
    import urllib.request  # here: it takes longer to import than the rest of the command line

    trusted = authority(home)
    try:
        if trusted is None:  # somebody took the kubeconfig away: what is asked then needs no token
            request, context = urllib.request.Request(f"{server.url}/version"), None
        else:
            headers = {"Authorization": f"Bearer {server.token}"}
            request = urllib.request.Request(f"{secure(server.url)}/api", headers=headers)
            context = ssl.create_default_context(cadata=trusted)
        with urllib.request.urlopen(request, timeout=5, context=context) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError, http.client.HTTPException):  # what is no HTTP, no TLS, or not known by our certificate
        return False


def secure(url: str) -> str:
    """The same server, by HTTPS."""
    return url.replace("http://", "https://", 1)


def _tail(home: Home, after: int, lines: int = 5) -> str:
    """The log's last lines of those that begin behind `after` bytes."""
    try:
        with home.log.open("rb") as log:
            log.seek(after)
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
