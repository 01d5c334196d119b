"""A pace other than 1 makes two clocks of one: it is said where it is chosen, and ages in tables are right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from statelab.cli import app
from statelab.cluster import local
from statelab.controlplane.apiserver.serving.client import InProcessClient
from statelab.controlplane.controlplane import ControlPlane
from statelab.pace import note


@pytest.mark.parametrize(("pace", "said"), [(1.0, 0), (10.0, 1), (0.5, 1)])
def test_up_says_in_one_line_what_its_pace_means(pace: float, said: int, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("STATELAB_HOME", str(tmp_path))
    server = local.Server("http://127.0.0.1:9", "t", 1, pace)
    monkeypatch.setattr(local, "start", lambda home, **_: (server, True))
    done = CliRunner().invoke(app, ["up", "--pace", str(pace)])
    assert done.exit_code == 0
    assert done.stdout.count("The cluster's clock") == said
    assert note(pace).count("\n") == said


def test_the_api_server_counts_ages_by_the_clock_of_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """At pace 60 a namespace that is a minute of yours old is an hour old, in the table that kubectl prints."""
    now_s = 1000.0
    monkeypatch.setattr("statelab.controlplane.clock.time.monotonic", lambda: now_s)
    cluster = ControlPlane(pace=60)
    client = InProcessClient(cluster)
    client.request("POST", "/api/v1/namespaces", body={"metadata": {"name": "old"}})
    now_s += 60
    cluster.loop.run_due(limit=100_000)
    answer = client.request("GET", "/api/v1/namespaces/old", accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    (row,) = answer.body["rows"]
    assert row["cells"] == ["old", "Active", "60m"]
