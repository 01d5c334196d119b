"""The stage shows what happened, whoever asked for it first."""

from __future__ import annotations

import pytest

from statelab.cluster import connect, local
from statelab.cluster.paths import find_home
from statelab.notebook.magics import kubectl_line
from statelab.notebook.pictures import stage_view
from statelab.notebook.pictures.stage_view import Stage

POD = {"metadata": {"name": "one"}, "spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]}}


@pytest.fixture
def stage(monkeypatch, tmp_path):
    monkeypatch.setenv("STATELAB_HOME", str(tmp_path))
    monkeypatch.setenv("STATELAB_TAB", "1")  # no thread beside: nothing happens but what is asked for
    cluster = connect().fresh("stage")
    opened = Stage(cluster)
    opened._on_message({"shown": True})
    yield opened
    opened.close()
    local.stop(find_home())


def test_what_a_cell_has_already_asked_for_is_drawn_all_the_same(stage):
    """truth() asks for the last moment's number, and takes the news with it."""
    stage._mirror.cluster.request("POST", "/api/v1/namespaces/stage/pods", POD)
    stage.latest()
    stage._on_change()
    assert any("pod/one" in key for key in stage.frame["pieces"])
    assert "pod/one" in stage.state["said"]


def test_the_line_that_runs_is_shown_as_it_runs(stage, monkeypatch):
    """Not as it stands in the cell: with the name that a variable has by then."""
    monkeypatch.setattr(stage_view._following, "stage", stage)
    kubectl_line.run(kubectl_line.expanded("get   node {lost}", {"lost": "kind-worker"}), None, stage._mirror.cluster)
    assert stage.line == "kubectl get node kind-worker"
    stage.on_cell("%%manifest web.yaml --apply\nkind: Pod")
    assert stage.line == "manifest web.yaml --apply"
