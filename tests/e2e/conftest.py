"""A server in a process, and a namespace of each test's own."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for e2e_client

from e2e_client import PACE, Api, Refused

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def e2e_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str, Path]]:
    folder = tmp_path_factory.mktemp("e2e")
    about, kubeconfig = folder / "server.json", folder / "kubeconfig"
    command = [sys.executable, "-m", "statelab", "serve", "--in-memory", "--pace", str(PACE)]
    command += ["--kubeconfig", str(kubeconfig), "--server-file", str(about)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("StateLab serves")
        found = json.loads(about.read_text())
        yield int(found["url"].rpartition(":")[2]), found["token"], kubeconfig
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def api(e2e_server: tuple[int, str, Path]) -> Iterator[Api]:
    """A namespace made and waited for as the framework does it, and taken away with all that is in it."""
    name = f"e2e-{os.getpid()}-{next(_NUMBERS)}"
    made = Api(*e2e_server, name)
    labels = {"e2e-framework": "statelab", "pod-security.kubernetes.io/enforce": "privileged"}
    created = made.request("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
    made.until(lambda: made.exists("serviceaccounts", "default"), "the default service account")
    made.until(lambda: made.exists("configmaps", "kube-root-ca.crt"), "the root certificate")
    yield made
    made.request("DELETE", f"/api/v1/namespaces/{name}")

    def is_gone() -> bool:
        try:
            left = made.request("GET", f"/api/v1/namespaces/{name}")
        except Refused as refused:
            return refused.code == 404
        assert left["metadata"]["uid"] == created["metadata"]["uid"]
        return False

    made.until(is_gone, "the namespace goes")
