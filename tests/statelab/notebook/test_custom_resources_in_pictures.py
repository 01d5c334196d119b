"""Custom resources in pictures: drawn as their definition's columns say, followed as soon as their kind is learned."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from statelab.controlplane import ControlPlane
from statelab.notebook.pictures.cluster_view import scene_of
from statelab.notebook.pictures.customs import kinds_defined
from statelab.notebook.pictures.differing import by_name
from statelab.notebook.pictures.history import History, Moment
from statelab.notebook.pictures.lanes import of_interest
from statelab.notebook.pictures.live import Mirror
from statelab.notebook.pictures.picture import draw
from statelab.notebook.pictures.scene import Scene, make_scene
from statelab.notebook.pictures.selecting import Selection
from statelab.notebook.pictures.shown import CustomShown
from statelab.notebook.pictures.timeline_view import told
from statelab.tab import TabCluster

MANIFESTS = Path(__file__).resolve().parents[3] / "course" / "manifests"
DEFINITION = yaml.safe_load((MANIFESTS / "13-crd.yaml").read_text())
GROUP = yaml.safe_load((MANIFESTS / "13-group.yaml").read_text())
PATH = "/apis/course.example/v1/namespaces/lesson/redisgroups"


@pytest.fixture
def cluster() -> Iterator[TabCluster]:
    made = TabCluster(ControlPlane())
    made.use("lesson")
    yield made
    made.driver.close()


def learn(cluster: TabCluster) -> None:
    cluster.plane.create(DEFINITION)
    cluster.plane.settle()
    cluster.driver.step()


def shown(mirror: Mirror) -> tuple[CustomShown, ...]:
    mirror.cluster.get("namespace/lesson")  # a step, in which news is told
    return make_scene(mirror.objects(), "lesson").customs


def test_what_its_columns_show_stands_in_a_hexagon_of_its_own(cluster: TabCluster) -> None:
    learn(cluster)
    cluster.request("POST", PATH, GROUP)
    cluster.patch("redisgroup/redis", {"status": {"primary": "redis-1", "epoch": 2}}, subresource="status")
    scene = scene_of(cluster)
    columns = (("Members", "3"), ("Copies", "2"), ("Primary", "redis-1"), ("Epoch", "2"))
    assert scene.customs == (CustomShown("RedisGroup", "redis", columns),)
    picture = draw(scene)
    piece = picture.pieces["redisgroup/redis"]
    assert piece.classes == "custom"
    assert piece.label == "RedisGroup redis: Members 3, Copies 2, Primary redis-1, Epoch 2."
    assert "Primary redis-1" in picture.svg()
    assert piece.label in picture.sentence


def test_a_mirror_follows_a_kind_that_is_learned_while_it_looks(cluster: TabCluster) -> None:
    mirror = Mirror(cluster)
    assert (shown(mirror), mirror.customs) == ((), ())
    learn(cluster)
    assert mirror.customs == ("redisgroups.course.example",)
    cluster.request("POST", PATH, GROUP)
    assert [each.name for each in shown(mirror)] == ["redis"]
    cluster.patch("redisgroup/redis", {"status": {"primary": "redis-0"}}, subresource="status")
    assert ("Primary", "redis-0") in shown(mirror)[0].columns
    cluster.delete("redisgroup/redis")
    assert shown(mirror) == ()
    assert not mirror.is_away
    mirror.close()


def test_a_selected_one_tells_why_it_is_so_and_notices_that_it_has_changed(cluster: TabCluster) -> None:
    learn(cluster)
    cluster.request("POST", PATH, GROUP)
    mirror = Mirror(cluster)
    selection = Selection(mirror, has_buttons=True)
    parts = {each["title"]: each["text"] for each in selection.select("redisgroup/redis")["parts"]}
    assert "members: 3" in "".join(parts.values())
    assert not selection.has_changed()
    cluster.patch("redisgroup/redis", {"spec": {"members": 5}})
    cluster.driver.step()
    assert selection.has_changed()
    mirror.close()


def test_a_history_with_them_is_rewound_and_told(cluster: TabCluster) -> None:
    learn(cluster)
    cluster.request("POST", PATH, GROUP)
    cluster.patch("redisgroup/redis", {"status": {"primary": "redis-1"}}, subresource="status")
    moments = [
        Moment(r.number, r.type, r.plural, r.key, r.object, r.cause.actor, r.cause.why, r.at_s)
        for r in cluster.plane.store.history
    ]
    history = History("lesson", moments)
    *_, made, changed = range(len(history.moments))
    assert make_scene(history.objects_at(made), "lesson").customs[0].columns == (("Members", "3"), ("Copies", "2"))
    assert ("Primary", "redis-1") in make_scene(history.objects_at(changed), "lesson").customs[0].columns
    assert told(history.moments[made]).startswith("you: created redisgroup/redis")
    assert "redisgroup/redis" in by_name(history.objects_at(changed))
    assert {each.plural for each in of_interest(history)} == {"redisgroups.course.example"}


def test_kinds_that_are_not_served_or_in_no_namespace_are_left_out() -> None:
    whole: dict[str, Any] = {**DEFINITION["spec"], "scope": "Cluster"}
    established = {"conditions": [{"type": "Established", "status": "True"}]}
    assert kinds_defined([DEFINITION]) == {}
    assert kinds_defined([{**DEFINITION, "spec": whole, "status": established}]) == {}
    assert list(kinds_defined([{**DEFINITION, "status": established}])) == ["redisgroups.course.example"]


def test_nothing_of_an_object_becomes_markup_and_many_have_room() -> None:
    many = tuple(CustomShown("A<b>", f"one-{n}", (("<i>", "</svg>"),)) for n in range(9))
    picture = draw(Scene("lesson", customs=many), width=500)
    ElementTree.fromstring(picture.svg())
    hexagons = [piece for piece in picture.pieces.values() if piece.classes == "custom"]
    assert len(hexagons) == 9
    assert len({(piece.x, piece.y) for piece in hexagons}) == 9
    assert all(piece.x < 500 for piece in hexagons)


def test_one_with_much_to_show_stays_in_the_picture() -> None:
    long = CustomShown("VolumeSnapshot", "monday", tuple((f"Column{n}", "x" * 20) for n in range(5)))
    drawn = draw(Scene("lesson", customs=(long,)), width=480).pieces[long.key]
    right = max(float(each) for each in re.findall(r"[LH] ?([\d.]+)", drawn.inner))
    assert drawn.x + right <= 480 - drawn.x  # as much room at its right as at its left
