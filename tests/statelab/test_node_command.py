"""`statelab node label`: kubectl label's words and answers, on the cluster that `statelab node` speaks with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from typer.testing import CliRunner

from statelab import cli
from statelab.cli import nodes
from statelab.cluster.problem import Problem
from statelab.controlplane import ControlPlane
from statelab.tab import TabCluster

ZONE = "topology.kubernetes.io/zone"
Say = Callable[..., tuple[int, str]]


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Iterator[Say]:
    """`say("NODE", …)`: the exit code and all that is printed."""
    cluster = TabCluster(ControlPlane())
    monkeypatch.setattr(nodes, "_running", lambda place: cluster)

    def label(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli.app, ["node", "label", *words])
        if isinstance(done.exception, Problem):
            return done.exit_code, str(done.exception)
        return done.exit_code, done.output

    yield label
    cluster.driver.close()


def test_a_node_is_put_into_a_zone_moved_and_taken_out_again(say: Say) -> None:
    assert say("kind-worker", f"{ZONE}=a") == (0, "node/kind-worker labeled\n")
    code, said = say("kind-worker", f"{ZONE}=b")
    assert (code, said) == (1, f"error: '{ZONE}' already has a value (a), and --overwrite is false\n")
    code, said = say("kind-worker", f"{ZONE}=b", "--overwrite", "--json")
    assert json.loads(said)["labels"][ZONE] == "b"
    assert f"{ZONE}=b\n" in say("kind-worker")[1], "without labels, they are listed"
    code, said = say("kind-worker", f"{ZONE}-", "--json")
    told = json.loads(said)
    assert (code, told["node"]) == (0, "kind-worker")
    assert ZONE not in told["labels"] and told["labels"]["kubernetes.io/hostname"] == "kind-worker"


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("nope", "zone=a"), 'nodes "nope" not found'),
        (("kind-worker", "zone=a b"), "invalid label value"),
        (("kind-worker", "kind-worker2", "zone=a"), "'kind-worker2' is no label."),
        (("kind-worker", "--", "--token=x"), "'--token=x' is no label."),
    ],
)
def test_a_slip_is_told_and_changes_nothing(say: Say, words: tuple[str, ...], wanted: str) -> None:
    before = say("kind-worker")
    code, said = say(*words)
    assert (code, wanted in said) == (1, True), said
    assert say("kind-worker") == before
