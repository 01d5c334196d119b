"""Lesson 12 where no driver copies volumes, as on a fresh kind: it says so, changes nothing, and its set still runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from statelab.controlplane import ControlPlane
from statelab.tab import TabCluster

COURSE = Path(__file__).resolve().parents[2] / "course"


class Elsewhere(TabCluster):
    """A cluster as any: what ours brings with it is not there."""

    place = "kind"


@pytest.fixture(params=[Elsewhere, TabCluster])
def cluster(request: pytest.FixtureRequest) -> Iterator[TabCluster]:
    made = request.param(ControlPlane())
    made.use("lesson-12")
    yield made
    made.driver.close()


def helpers(cluster: TabCluster, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The functions of the lesson's first cell."""
    monkeypatch.chdir(COURSE)
    cells = {each.id: each.source for each in nbformat.read("12-backups.ipynb", as_version=4).cells}
    source = cells["connect"].replace("%load_ext", "# ")
    kept: list[ast.stmt] = [each for each in ast.parse(source).body if isinstance(each, ast.FunctionDef)]
    made: dict[str, Any] = {"cluster": cluster}
    exec(compile(ast.Module(kept, []), "connect", "exec"), made)
    return made


def test_the_lesson_looks_for_a_driver_and_takes_standard_where_there_is_none(cluster, monkeypatch):
    its = helpers(cluster, monkeypatch)
    is_ours = type(cluster) is TabCluster
    assert its["can_copy"]() is is_ours
    names = {each["metadata"]["name"] for each in cluster.list("storageclasses")}
    assert names == {"standard"} | ({"csi-hostpath-sc"} if is_ours else set())
    assert cluster.kubectl("apply -f -", stdin=its["ledger"]()).code == 0
    cluster.wait("sts/ledger", "Rollout")
    claim = cluster.get("pvc/data-ledger-0")
    assert claim["spec"]["storageClassName"] == ("csi-hostpath-sc" if is_ours else "standard")
    larger = '{"spec": {"resources": {"requests": {"storage": "2Gi"}}}}'
    assert cluster.kubectl(["patch", "pvc", "data-ledger-0", "-p", larger]).code == (0 if is_ours else 1)


def test_a_driver_that_somebody_has_installed_is_taken(monkeypatch):
    cluster = Elsewhere(ControlPlane())
    cluster.use("lesson-12")
    text = (COURSE / "manifests" / "12-class.yaml").read_text().replace("csi-hostpath-sc", "theirs")
    driver = "apiVersion: storage.k8s.io/v1\nkind: CSIDriver\nmetadata: {name: hostpath.csi.k8s.io}\nspec: {}\n"
    assert cluster.kubectl("apply -f -", stdin=f"{text}---\n{driver}").code == 0
    cluster.plane.settle()
    its = helpers(cluster, monkeypatch)
    assert its["can_copy"]()
    assert its["is_ready"]("monday") is False
    cluster.driver.close()


def test_who_goes_on_in_the_middle_or_the_other_way_round_comes_to_the_restored_orders(monkeypatch):
    cluster = TabCluster(ControlPlane())
    cluster.use("lesson-12")
    its = helpers(cluster, monkeypatch)
    its["restore_first"]()  # nothing of the lesson has been run: the kernel is another, the namespace fresh
    assert its["orders"](on="again-0") == ["order/1", "order/2"]
    assert cluster.get("sts/shop") is None
    for what in ("job/restore", "sts/again", "pvc/data-again-0"):
        assert cluster.kubectl(f"delete {what}").code == 0
    assert cluster.kubectl("apply -f manifests/12-again.yaml").code == 0  # before the restore, and so empty
    cluster.wait("sts/again", "Rollout")
    assert its["orders"](on="again-0") == []
    its["restore_first"]()
    assert its["orders"](on="again-0") == ["order/1", "order/2"]
    cluster.driver.close()
