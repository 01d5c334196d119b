"""What only a real kind cluster can show of `statelab up` and its like: `make test-kind`."""

from __future__ import annotations

import os

import pytest

from statelab.cluster import Cluster, Home, kind_record, kind_up
from statelab.cluster.engine import find_engine
from statelab.cluster.kind_program import find_kind
from statelab.cluster.preload import preload
from statelab.cluster.steps import Silent

pytestmark = [
    pytest.mark.kind,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(
        not os.environ.get("STATELAB_TEST_KIND"), reason="it takes minutes to make a kind cluster: make test-kind"
    ),
    pytest.mark.parametrize("cluster", ["kind"], indirect=True),
]


@pytest.fixture
def home(cluster: Cluster) -> Home:
    return Home(cluster.kubeconfig.parent.parent)


def test_up_a_second_time_finds_the_same_cluster(home):
    before = kind_record.read(home)
    again = kind_up.up(home, with_images=False)
    assert not again.is_new and {node.name: node.id for node in again.nodes} == before.nodes
    assert kind_up.status(home).lacks == ()


def test_an_image_brought_beforehand_is_on_every_node(cluster, home):
    record, engine = kind_record.read(home), find_engine()
    nodes = engine.nodes(record.name)
    there, failed = preload(engine, find_kind(), record.name, nodes, ["busybox:1.37"], Silent())
    assert (there, failed) == (["busybox:1.37"], [])
    for node in nodes:
        assert "busybox" in engine.run("exec", node.name, "crictl", "images")


def test_a_node_that_was_paused_is_woken_by_up(cluster, home):
    cluster.stop_node("statelab-test-worker")
    assert kind_up.status(home).lacks == ("statelab-test-worker is paused",)
    kind_up.up(home, with_images=False)
    assert kind_up.status(home).lacks == ()
    cluster.wait("sts/web", "Rollout", timeout_s=300)
