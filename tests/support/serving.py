"""`statelab serve` as a process of a test's own, to be asked, stopped and killed."""

from __future__ import annotations

import gzip
import json
import resource
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


@dataclass
class Server:
    """A server that answers. `folder` has its kubeconfig, and its `log` what it says on stderr."""

    folder: Path
    url: str
    token: str
    dns_port: int
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        """Code, decoded body, headers. Raises OSError or HTTPException when the server is gone."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        sent |= {name.replace("_", "-").lower(): value for name, value in headers.items()}
        connection.request(method, path, raw, sent)
        answer = connection.getresponse()
        data = answer.read()
        found = {name.lower(): value for name, value in answer.getheaders()}
        if found.get("content-encoding") == "gzip":
            data = gzip.decompress(data)
        connection.close()
        return answer.status, json.loads(data) if data[:1] == b"{" else data, found

    def raw(self, text: bytes) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        made.sendall(text)
        return made

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """Its exit code."""
        self.process.send_signal(signal_number)
        return self.process.wait(60)

    def kill(self) -> None:
        self.stop(signal.SIGKILL)


def start(folder: Path, *words: str, state: Path | None = None, file_bytes: int | None = None) -> Server:
    """A server on `state`, or in memory; with `file_bytes`, no file of it can grow beyond that."""
    about, kubeconfig = folder / "server.json", folder / "kubeconfig"
    command = [sys.executable, "-m", "statelab", "serve", "--server-file", str(about), "--kubeconfig", str(kubeconfig)]
    command += ["--state", str(state)] if state else ["--in-memory"]
    with open(folder / "log", "a") as log:
        process = subprocess.Popen([*command, *words], stdout=subprocess.PIPE, stderr=log, text=True)
    if file_bytes is not None:  # from outside: code between fork and exec could hang in a process that has threads
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    assert process.stdout is not None
    said = process.stdout.readline()
    assert said.startswith("StateLab serves"), said + (folder / "log").read_text()
    found = json.loads(about.read_text())
    return Server(folder, found["url"], found["token"], found["dns_port"], process)
