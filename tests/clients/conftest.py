"""A server of its own for the clients, in a process, on a port that is free; and the kubectls of this machine."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest

PACE = 20
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Server:
    url: str
    token: str
    kubeconfig: Path
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    kubeconfig, about = folder / "kubeconfig", folder / "server.json"
    command = [sys.executable, "-m", "statelab", "serve", "--in-memory", "--pace", str(PACE)]
    command += ["--kubeconfig", str(kubeconfig), "--server-file", str(about)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("StateLab serves Kubernetes"), said + process.stdout.read()
        found = json.loads(about.read_text())
        yield Server(found["url"], found["token"], kubeconfig, process)
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def namespace(server: Server) -> str:
    """A namespace of the test's own."""
    name = f"test-{os.getpid()}-{next(_NUMBERS)}"
    body = json.dumps({"metadata": {"name": name}}).encode()
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{server.url}/api/v1/namespaces", body, headers), timeout=60)
    return name


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait, a while, until something holds: the server's time goes on by itself."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + 180
        while not condition():
            assert time.monotonic() < deadline_s, "it has not come to hold"
            time.sleep(0.05)

    return wait


@lru_cache(maxsize=1)
def kubectls() -> list[str]:
    """The kubectls of this machine, one for each version."""
    places = [Path(sys.executable).parent / "kubectl", Path("/usr/bin/kubectl")]
    on_path = shutil.which("kubectl")
    if on_path:
        places.append(Path(on_path))
    found: dict[str, str] = {}
    for place in places:
        if place.exists():
            told = subprocess.run([place, "version", "--client", "-o", "json"], capture_output=True, text=True)
            if told.returncode == 0:
                found.setdefault(json.loads(told.stdout)["clientVersion"]["gitVersion"], str(place))
    return list(found.values())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kubectl_path" in metafunc.fixturenames:
        paths = kubectls()
        missing = pytest.param("", marks=pytest.mark.skip(reason="there is no kubectl on this machine"))
        metafunc.parametrize("kubectl_path", paths or [missing], ids=lambda path: path.replace("/", "-").strip("-"))
