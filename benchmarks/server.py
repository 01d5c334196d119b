"""A `statelab serve` of the benchmark's own, and one connection to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any


@dataclass
class Server:
    """`ready_s`: wall seconds from starting the process to its first answer to `GET /readyz`."""

    port: int
    token: str
    process: subprocess.Popen[str]
    ready_s: float

    def client(self, token: str = "", **headers: str) -> Client:
        """One connection, with the server's own token or another, and more headers."""
        return Client(self, token or self.token, headers)

    def memory_kb(self) -> int:
        """The process's resident memory, as the kernel counts it. Linux only."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


class Client:
    """One connection that is kept open."""

    def __init__(self, server: Server, token: str, headers: Mapping[str, str] | None = None) -> None:
        self._connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", **(headers or {})}

    def request(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> bytes:
        """The body of the answer. Raises RuntimeError when the server refuses."""
        data = None if body is None else json.dumps(body).encode()
        self._connection.request(method, path, data, {**self._headers, "Content-Type": content_type})
        answer = self._connection.getresponse()
        found = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {found[:300]!r}")
        return found


@contextmanager
def serving(*, pace: float = 1.0) -> Iterator[Server]:
    """A server in a process of its own, in memory only."""
    with tempfile.TemporaryDirectory() as folder:
        about = Path(folder) / "server.json"
        begun_s = time.perf_counter()
        command = [sys.executable, "-m", "statelab", "serve", "--in-memory", "--pace", str(pace)]
        command += ["--server-file", str(about), "--kubeconfig", str(Path(folder) / "kubeconfig")]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        try:
            assert process.stdout is not None
            if not process.stdout.readline().startswith("StateLab serves"):
                raise RuntimeError("the server did not start")
            found = json.loads(about.read_text())
            server = Server(int(found["url"].rpartition(":")[2]), found["token"], process, 0.0)
            server.client().request("GET", "/readyz")
            server.ready_s = time.perf_counter() - begun_s
            yield server
        finally:
            process.terminate()
            process.wait(20)


def wait_until(condition: Any, timeout_s: float = 120.0) -> None:
    """Ask again and again; raises TimeoutError."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise TimeoutError("it did not come to hold")
        time.sleep(0.05)
