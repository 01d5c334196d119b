"""On kind a node is a container: it is stopped by pausing it, when it is one of this cluster's workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from statelab.cluster.cluster import Cluster
from statelab.cluster.connection import Connection
from statelab.cluster.kind import KindCluster
from statelab.cluster.problem import Problem


@pytest.fixture
def cluster(tools, tmp_path: Path) -> KindCluster:
    tools.add_cluster("statelab")
    return KindCluster(Connection("http://127.0.0.1:1"), context="kind-statelab", kubeconfig=tmp_path / "config")


def test_a_stopped_node_is_a_paused_container(cluster, tools):
    cluster.stop_node("statelab-worker")
    assert tools.changes() == [["docker", "pause", "statelab-worker"]]
    cluster.stop_node("statelab-worker")
    assert len(tools.changes()) == 1, "one that is silent already is left so"


def test_starting_a_node_lets_it_go_on_and_one_that_was_never_stopped_is_no_error(cluster, tools):
    cluster.stop_node("statelab-worker")
    cluster.start_node("statelab-worker")
    cluster.start_node("statelab-worker2")
    assert tools.changes()[1:] == [["docker", "unpause", "statelab-worker"]]


def test_a_container_that_is_no_node_of_this_cluster_is_not_paused(cluster, tools):
    tools.add_cluster("theirs")
    for name in ("theirs-worker", "postgres"):
        with pytest.raises(Problem, match=f"kind-statelab has no node {name}") as refused:
            cluster.stop_node(name)
        assert "statelab-worker2" in refused.value.next_step
    assert tools.changes() == []


def test_the_control_plane_is_not_stopped(cluster, tools):
    with pytest.raises(Problem, match="the whole API would fall silent"):
        cluster.stop_node("statelab-control-plane")
    assert tools.changes() == []


def test_without_an_engine_the_reader_is_told_what_to_get(cluster, tools):
    tools.remove("docker")
    tools.remove("podman")
    with pytest.raises(Problem, match="Docker or Podman, and this machine has neither"):
        cluster.stop_node("statelab-worker")


def test_nodes_of_a_cluster_that_is_no_kind_cluster_are_not_ours_to_stop(tmp_path):
    somebodys = Cluster(Connection("http://127.0.0.1:1"), context="teachers", kubeconfig=tmp_path / "config")
    with pytest.raises(Problem, match="Nodes of teachers cannot be stopped from here"):
        somebodys.stop_node("node-1")
