"""Which cluster a name leads to: one of this machine at once, another only when it is allowed in so many words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from statelab.cluster import connect
from statelab.cluster.cluster import Cluster
from statelab.cluster.connection import Connection
from statelab.cluster.kind import KindCluster
from statelab.cluster.kubeconfig import find_context
from statelab.cluster.problem import Problem

pytestmark = pytest.mark.usefixtures("tools", "home")


def kubeconfig(path: Path, **servers: str) -> Path:
    """A kubeconfig with a context for each server; its user logs in with a program that leaves a trace."""
    trace = {"apiVersion": "client.authentication.k8s.io/v1", "command": "touch", "args": [f"{path}.ran"]}
    trace["interactiveMode"] = "Never"
    said = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server}} for name, server in servers.items()],
        "users": [{"name": "me", "user": {"exec": trace}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "me"}} for name in servers],
        "current-context": next(iter(servers)),
    }
    path.write_text(json.dumps(said))
    return path


@pytest.fixture
def production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = kubeconfig(tmp_path / "config", production="https://k8s.example.com", **{"kind-x": "https://10.0.0.1:6443"})
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


@pytest.mark.parametrize("place", ["production", "context:production"])
def test_a_cluster_that_is_not_for_trying_things_is_refused_before_anything_is_asked_of_it(production, place):
    with pytest.raises(Problem, match=r"leads to https://k8s\.example\.com") as refused:
        connect(place)
    assert "allow_any=True" in refused.value.next_step
    assert not Path(f"{production}.ran").exists(), "not even its login helper ran"


def test_what_the_kubeconfig_points_at_is_never_taken_by_itself(production):
    with pytest.raises(Problem, match="no kind cluster for this folder"):
        connect("kind")


def test_a_name_like_kinds_is_not_enough_when_it_leads_far_away(tmp_path, monkeypatch):
    path = kubeconfig(tmp_path / "config", **{"kind-statelab": "https://prod.example.com"})
    monkeypatch.setenv("KUBECONFIG", str(path))
    with pytest.raises(Problem):
        connect("kind")
    with pytest.raises(Problem, match="no cluster for trying things"):
        connect("context:kind-statelab")


def test_one_who_says_it_twice_is_believed(tmp_path, monkeypatch):
    path = tmp_path / "config"
    said = json.loads(kubeconfig(path, teacher="https://k8s.example.com").read_text())
    said["users"][0]["user"] = {"token": "t"}
    path.write_text(json.dumps(said))
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert connect("context:teacher", allow_any=True).context == "teacher"
    monkeypatch.setenv("STATELAB_CLUSTER", "context:teacher")
    with pytest.raises(Problem):
        connect()
    monkeypatch.setenv("STATELAB_ALLOW", "teacher")
    cluster = connect()
    assert (cluster.place, cluster.is_own) == ("kubeconfig", False)
    assert "kubectl --context teacher" in cluster.when_silent


@pytest.mark.parametrize(
    "name, server",
    [
        ("kind-other", "https://127.0.0.1:39871"),
        ("k3d-school", "https://0.0.0.0:6550"),
        ("minikube", "https://192.168.49.2:8443"),
        ("docker-desktop", "https://kubernetes.docker.internal:6443"),
    ],
)
def test_a_cluster_that_a_tool_made_on_this_machine_is_used_by_its_name(tmp_path, name, server):
    path = kubeconfig(tmp_path / "config", **{name: server})
    assert find_context(name, [path]).is_local


def test_another_kind_cluster_is_used_and_not_mended(tmp_path, monkeypatch):
    path = tmp_path / "config"
    said = json.loads(kubeconfig(path, **{"kind-other": "https://127.0.0.1:1"}).read_text())
    said["users"][0]["user"] = {"token": "t"}
    path.write_text(json.dumps(said))
    monkeypatch.setenv("KUBECONFIG", str(path))
    cluster = connect("context:kind-other")
    assert isinstance(cluster, KindCluster) and not cluster.is_own
    cluster.mend_nodes()  # asks nothing: nobody would answer


def test_a_name_that_is_not_there_is_told_with_those_that_are(production):
    with pytest.raises(Problem, match="no context prodution") as refused:
        connect("prodution")
    assert "production, kind-x" in refused.value.next_step


def test_all_files_of_KUBECONFIG_are_looked_in(tmp_path, monkeypatch, production):
    other = kubeconfig(tmp_path / "other", minikube="https://192.168.49.2:8443")
    assert find_context("minikube", [production, other]).path == other


@pytest.mark.parametrize("text", ["{", "[]", "- a", "clusters: [{}]", "contexts: [{name: a}]", "clusters: 3"])
def test_a_kubeconfig_that_is_broken_is_said(tmp_path, text):
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(Problem, match=r"cannot be read|has no context"):
        find_context("a", [path])


def test_without_any_kubeconfig_the_reader_is_told_what_needs_none():
    with pytest.raises(Problem, match="There is no kubeconfig") as refused:
        connect("context:anything")
    assert "statelab up" in refused.value.next_step


def test_the_default_storage_class_is_the_one_that_is_marked_so(tmp_path):
    def storage_class(name: str, made: str, **annotations: str) -> dict[str, object]:
        return {"metadata": {"name": name, "creationTimestamp": made, "annotations": annotations}}

    class Answers(Connection):
        items: list[dict[str, object]]

        def request(self, method, path, body=None, **more):
            return {"items": self.items}

    marked = {"storageclass.kubernetes.io/is-default-class": "true"}
    cluster = Cluster(Answers("http://127.0.0.1:1"), context="k3d", kubeconfig=tmp_path)
    cluster.connection.items = [
        storage_class("fast", "2026-01-03T00:00:00Z"),
        storage_class("local-path", "2026-01-01T00:00:00Z", **marked),
        storage_class("newer", "2026-01-02T00:00:00Z", **marked),
    ]
    assert cluster.default_storage_class() == "newer"
    cluster.connection.items = cluster.connection.items[:1]
    assert cluster.default_storage_class() is None
