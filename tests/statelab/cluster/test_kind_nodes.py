"""On kind a node is a container: it is stopped by freezing it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from statelab.cluster.connection import Connection
from statelab.cluster.kind import KindCluster
from statelab.cluster.problem import Problem


@pytest.fixture
def cluster(tmp_path: Path) -> KindCluster:
    return KindCluster(Connection("http://127.0.0.1:1"), context="kind-statelab", kubeconfig=tmp_path / "config")


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A docker that writes down what it is asked, and knows one node only."""
    asked = tmp_path / "asked"
    tool = tmp_path / "bin" / "docker"
    tool.parent.mkdir()
    tool.write_text(
        f'#!/bin/sh\necho "$@" >> {asked}\n'
        '[ "$2" = statelab-worker ] || { echo "No such container: $2" >&2; exit 1; }\n'
        '[ "$1" = pause ] || { echo "Container $2 is not paused" >&2; exit 1; }\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    return asked


def test_a_stopped_node_is_a_paused_container(cluster, docker):
    cluster.stop_node("statelab-worker")
    assert docker.read_text() == "pause statelab-worker\n"


def test_starting_a_node_that_was_never_stopped_is_no_error(cluster, docker):
    cluster.start_node("statelab-worker")
    assert docker.read_text() == "unpause statelab-worker\n"


def test_a_node_that_docker_does_not_know_is_said_in_dockers_words(cluster, docker):
    with pytest.raises(Problem, match="No such container: nowhere"):
        cluster.stop_node("nowhere")


def test_without_docker_the_learner_is_told_the_line_to_type(cluster, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Problem, match="docker pause statelab-worker"):
        cluster.stop_node("statelab-worker")
