"""Where there is no kubectl, ours stands in: over HTTP, for a notebook's lines, with kubectl's words."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from statelab.cluster import Cluster, stand_in
from statelab.cluster.connection import from_kubeconfig
from statelab.kubectl.stand_in import register

POD = """
apiVersion: v1
kind: Pod
metadata: {name: talker}
spec:
  containers:
  - name: main
    image: busybox:1.36
    command: [sh, -c, "echo one; echo two; sleep 3600"]
"""


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    found = tmp_path_factory.mktemp("server") / "kubeconfig"
    command = [sys.executable, "-m", "statelab", "serve", "--in-memory", "--pace", "40", "--kubeconfig", str(found)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("StateLab serves Kubernetes")
            yield found
        finally:
            process.terminate()


@pytest.fixture
def cluster(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster on a machine without kubectl."""
    monkeypatch.setattr(stand_in, "find_kubectl", lambda: None)
    register()
    connection, context, namespace = from_kubeconfig(kubeconfig, None)
    return Cluster(connection, context=context, kubeconfig=kubeconfig, namespace=namespace)


def test_a_pod_is_applied_waited_for_asked_and_deleted(cluster: Cluster) -> None:
    said = cluster.kubectl("apply -f -", stdin=POD)
    assert (said.code, said.stdout) == (0, "pod/talker created\n"), said.stderr
    assert cluster.kubectl("wait --for=condition=Ready pod/talker").stdout == "pod/talker condition met\n"
    assert cluster.kubectl("get pods -o name").stdout == "pod/talker\n"
    assert cluster.kubectl("logs talker").stdout == "one\ntwo\n"
    ran = cluster.exec("talker", "sh", "-c", "cat; echo out; echo err >&2; exit 3", stdin="in\n")
    assert (ran.code, ran.stdout, ran.stderr) == (3, "in\nout\n", "err\ncommand terminated with exit code 3\n")
    assert cluster.kubectl("delete pod talker").stdout == 'pod "talker" deleted from default namespace\n'
    assert cluster.kubectl("get pods").stderr == "No resources found in default namespace.\n"


def test_warnings_and_refusals_come_over_http_too(cluster: Cluster) -> None:
    assert cluster.kubectl("get endpoints").stderr.startswith("Warning: v1 Endpoints is deprecated")
    refused = cluster.kubectl("get pod nobody")
    assert (refused.code, refused.stderr) == (1, 'Error from server (NotFound): pods "nobody" not found\n')


def test_a_notebook_s_lines_are_told_as_they_come_and_the_namespace_is_kept(cluster: Cluster) -> None:
    said: list[tuple[str, str]] = []
    code = cluster.kubectl_live(["create", "namespace", "mine"], lambda name, text: said.append((name, text)))
    assert (code, said) == (0, [("stdout", "namespace/mine created\n")])
    cluster.kubectl("config set-context --current --namespace=mine")
    assert cluster.namespace == "mine"
    assert cluster.kubectl("get pods").stderr == "No resources found in mine namespace.\n"


def test_where_the_program_is_it_is_run(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stand_in, "find_kubectl", lambda: "/usr/bin/kubectl")
    assert stand_in.stand_in() is None
