"""A JupyterLab as `statelab lab` starts it, with a user whose shells set everything anew when they start."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import websocket

from statelab import course

# What Debian's /etc/profile does to PATH, and what many a user of Kubernetes has in their own files.
SETS_ALL_ANEW = "export PATH=/usr/local/bin:/usr/bin:/bin\nexport KUBECONFIG=/nowhere/of-theirs\nexport MINE=kept\n"


@dataclass(frozen=True)
class Lab:
    url: str
    folder: Path
    said: Path  # what the command printed

    def ask(self, method: str, path: str) -> Any:
        request = urllib.request.Request(f"{self.url}{path}", method=method, headers={"Authorization": "token t"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def terminal(self, line: str) -> str:
        """What a line prints in a new terminal, typed over its websocket as the page does."""
        name = self.ask("POST", "/api/terminals")["name"]
        url = f"{self.url.replace('http', 'ws', 1)}/terminals/websocket/{name}?token=t"
        with _closing(websocket.create_connection(url, timeout=60)) as socket_:
            socket_.send(json.dumps(["stdin", f"{line}; echo 'the' end of it\r"]))
            heard = ""
            while "the end of it" not in heard:
                kind, *rest = json.loads(socket_.recv())
                heard += rest[0] if kind == "stdout" else ""
        return heard


class _closing:
    def __init__(self, held: websocket.WebSocket) -> None:
        self._held = held

    def __enter__(self) -> websocket.WebSocket:
        return self._held

    def __exit__(self, *_: object) -> None:
        self._held.close()


def make_home(folder: Path) -> Path:
    """A user's home whose start-up files set PATH and KUBECONFIG to something else."""
    folder.mkdir()
    for name in (".profile", ".zshrc"):
        (folder / name).write_text(SETS_ALL_ANEW)
    (folder / ".config" / "fish").mkdir(parents=True)
    fish = "set -gx PATH /usr/local/bin /usr/bin /bin\nset -gx KUBECONFIG /nowhere/of-theirs\nset -gx MINE kept\n"
    (folder / ".config" / "fish" / "config.fish").write_text(fish)
    return folder


@pytest.fixture
def users_home(tmp_path: Path) -> Path:
    return make_home(tmp_path / "home")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab") / "the course, it's mine"
    course.copy_to(folder)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STATELAB_")}
    environment |= {"HOME": str(make_home(folder.parent / "home")), "SHELL": "/bin/bash"}
    environment |= {"KUBECONFIG": "/nowhere/inherited"}
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "statelab", "lab", "--no-browser", "--port", str(port)]
    said = folder.parent / "lab.log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [*command, "--IdentityProvider.token=t"], env=environment, cwd=folder, stdout=log, stderr=log
        )
    found_lab = Lab(f"http://127.0.0.1:{port}", folder, said)
    try:
        _wait_for(found_lab, process)
        yield found_lab
    finally:
        process.terminate()
        process.wait(60)


def _wait_for(lab: Lab, process: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + 180
    while True:
        try:
            lab.ask("GET", "/api")
            return
        except OSError:
            assert process.poll() is None, lab.said.read_text()
            assert time.monotonic() < deadline_s, lab.said.read_text()
            time.sleep(0.1)
