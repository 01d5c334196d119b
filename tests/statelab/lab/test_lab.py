"""The JupyterLab that a learner gets: its terminals, its menus, and that it runs for root too."""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from statelab import course
from statelab.cluster.kubectl import find_kubectl
from statelab.cluster.paths import Home, find_home
from statelab.cluster.problem import Problem
from statelab.lab import opening

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these look at POSIX shells")


@pytest.mark.slow
def test_a_terminal_speaks_with_this_course_s_cluster_whatever_the_user_s_files_set(lab: Any) -> None:
    said = lab.terminal("statelab status; echo KUBECONFIG is $KUBECONFIG; echo mine is $MINE")
    url = json.loads(Home(lab.folder).server_file.read_text())["url"]
    assert f"Running at {url}" in said
    assert f"KUBECONFIG is {Home(lab.folder).kubeconfig}" in said
    assert "mine is kept" in said


@pytest.mark.slow
@pytest.mark.kubectl
@pytest.mark.skipif(find_kubectl() is None, reason="there is no kubectl on this machine")
def test_kubectl_in_a_terminal_finds_the_nodes_of_this_cluster(lab: Any) -> None:
    server = "kubectl config view --minify -o jsonpath='at {.clusters[0].cluster.server} '"
    said = lab.terminal(f"{server}; kubectl get nodes")
    url = json.loads(Home(lab.folder).server_file.read_text())["url"]
    assert f"at {url.replace('http:', 'https:')}" in said
    assert "kind-worker2" in said


@pytest.mark.slow
def test_what_is_an_instructor_s_is_not_in_a_learner_s_menus(lab: Any) -> None:
    page = _page(lab)
    assert {each for each in page["disabledExtensions"] if each.startswith("@jupyter/nbgrader")} >= {
        "@jupyter/nbgrader:create-assignment",
        "@jupyter/nbgrader:validate-assignment",
        "@jupyter/nbgrader:formgrader",
    }
    assert "statelab-course" in [each["name"] for each in page["federated_extensions"]]


@pytest.mark.slow
def test_the_terminal_says_what_a_learner_needs_and_nothing_of_what_jupyter_loads(lab: Any) -> None:
    said = lab.said.read_text()
    assert "Ctrl-C here ends it, and the cluster with it; what you wrote stays." in said
    assert "[I " not in said
    assert "nbgrader" not in said
    with pytest.raises(urllib.error.HTTPError, match="404"):  # nbgrader's servers are not even started
        lab.ask("GET", "/formgrader")


def _page(lab: Any) -> dict[str, Any]:
    with urllib.request.urlopen(f"{lab.url}/lab?token=t", timeout=60) as answer:
        text = answer.read().decode()
    found = re.search(r'<script id="jupyter-config-data" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    page: dict[str, Any] = json.loads(found[1])
    return page


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="this is for root")
def test_root_is_told_in_one_line_what_that_means_and_is_let_in(lab: Any) -> None:
    said = lab.said.read_text()
    assert said.count("You are root") == 1
    assert lab.ask("GET", "/api/status")["started"]


def test_nobody_else_is_made_root(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert opening._as_root() == []
    assert capsys.readouterr().out == ""


def test_a_learner_in_a_clone_gets_a_copy_of_their_own_and_the_clone_stays_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tmp_path / "clone"
    course.copy_to(clone)
    (clone / course.RECORD).unlink()
    monkeypatch.setattr(course, "checkout", lambda: clone)
    monkeypatch.setenv("STATELAB_HOME", str(clone))
    place = opening.choose(None, is_instructor=False)
    assert (place.folder, place.home) == (clone / "my-course", Home(clone))
    assert (clone / "my-course" / "exercises" / "ps1" / "ps1.ipynb").is_file()
    assert "my-course/" in (Path(__file__).parents[3] / ".gitignore").read_text().splitlines()
    assert opening.choose(None, is_instructor=True).folder == clone


def test_a_copy_beside_the_source_has_the_cluster_of_the_source(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.delenv("STATELAB_HOME", raising=False)
    course.copy_to(tmp_path)
    course.copy_to(tmp_path / "my-course")
    assert find_home(tmp_path / "my-course" / "course") == Home(tmp_path)


def test_where_there_is_no_course_it_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATELAB_HOME", str(tmp_path))
    with pytest.raises(Problem, match="statelab lab --copy-to DIR"):
        opening.choose(None, is_instructor=False)


def test_a_fetched_assignment_that_lies_elsewhere_has_the_cluster_of_the_source_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STATELAB_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    course.copy_to(tmp_path / "clone")
    course.copy_to(tmp_path / "clone" / "my-course")
    (tmp_path / "ps3").mkdir()
    assert find_home(tmp_path / "ps3") == Home(tmp_path / "clone")
