"""Scenes and their drawing: what is shown, in which words, and that nothing from an object becomes markup."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.image_names import is_stand_in
from statelab.notebook.pictures.cluster_view import Newcomers
from statelab.notebook.pictures.consequences import if_deleted
from statelab.notebook.pictures.picture import Picture, Piece, draw, frame_of
from statelab.notebook.pictures.scene import ClaimShown, NodeShown, PodShown, Scene, ServiceShown, make_scene
from statelab.notebook.pictures.shown import SlotShown, WorkloadShown
from statelab.notebook.strings import ENGLISH

Objects = Callable[[Any], dict[str, list[Any]]]


def _pod(name: str, node: str = "n", **more: Any) -> PodShown:
    facts = {
        "state": "ready",
        "said": "Ready",
        "ordinal": "",
        "revision": "r",
        "ip": "10.0.0.1",
        "claims": (),
        "uid": name,
    }
    return PodShown(name=name, node=node, **{**facts, **more})


def test_a_claim_whose_pod_is_gone_waits_on_the_node_of_its_volume(cluster: Any, objects_of: Objects) -> None:
    before = draw(make_scene(objects_of(cluster), "default"))
    cluster.scale("statefulsets", "default/web", 2)
    cluster.settle()
    scene = make_scene(objects_of(cluster), "default")
    picture = draw(scene)
    waiting = next(claim for claim in scene.claims if claim.name == "www-web-2")
    assert "waits" in picture.pieces["persistentvolumeclaim/www-web-2"].classes
    assert "waits" not in before.pieces["persistentvolumeclaim/www-web-2"].classes
    assert _is_inside(picture, "persistentvolumeclaim/www-web-2", f"node/{waiting.node}")
    assert "www-web-2: Bound, mounted by nobody: its data wait" in picture.sentence


def _is_inside(picture: Picture, inner: str, outer: str) -> bool:
    one, two = picture.pieces[inner], picture.pieces[outer]
    width, height = _size(two)
    return two.x <= one.x < two.x + width and two.y <= one.y < two.y + height


def _size(piece: Piece) -> tuple[float, float]:
    width, height = (float(each) for each in re.findall(r'(?:width|height)="([\d.]+)"', piece.inner)[:2])
    return width, height


def test_a_claim_that_is_mounted_lies_right_under_its_pod(cluster: Any, objects_of: Objects) -> None:
    for width in (960, 480, 330):
        picture = draw(make_scene(objects_of(cluster), "default"), width=width)
        for number in range(3):
            pod, claim = picture.pieces[f"pod/web-{number}"], picture.pieces[f"persistentvolumeclaim/www-web-{number}"]
            assert claim.y - pod.y == _size(pod)[1]
            assert pod.x < claim.x < pod.x + 20


def test_nothing_lies_on_a_pod_and_nothing_leaves_the_picture(cluster: Any, objects_of: Objects) -> None:
    cluster.scale("statefulsets", "default/web", 9)
    cluster.settle()
    for width in (960, 480):
        picture = draw(make_scene(objects_of(cluster), "default"), width=width)
        boxes = []
        for key, piece in picture.pieces.items():
            if key.startswith("pod/"):
                wide, high = _size(piece)
                boxes.append((piece.x, piece.y, piece.x + wide, piece.y + high))
        assert len(boxes) == 9
        assert all(x >= 0 and right <= picture.width and bottom <= picture.height for x, _, right, bottom in boxes)
        for one, two in itertools.combinations(boxes, 2):
            assert one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1]


def test_a_statefulset_has_a_slot_for_each_ordinal_also_an_empty_one(cluster: Any, objects_of: Objects) -> None:
    cluster.scale("statefulsets", "default/web", 5)
    [found] = make_scene(objects_of(cluster), "default").workloads
    assert [slot.label for slot in found.slots] == ["0", "1", "2", "3", "4"]
    assert [slot.pod for slot in found.slots] == ["web-0", "web-1", "web-2", "", ""]


def test_no_slot_leaves_the_picture_however_long_its_workload_s_name_and_narrow_the_picture(
    cluster: Any, objects_of: Objects
) -> None:
    long = copy.deepcopy(cluster.get("statefulsets", "default/web"))
    long["metadata"] = {"name": "a-database-with-a-name-that-goes-on-for-a-while", "uid": "u"}
    objects = objects_of(cluster)
    objects["statefulsets"] = [*objects["statefulsets"], long]
    scene = make_scene(objects, "default")
    for width in (330, 480, 960):
        for each in scene.workloads:
            piece = draw(scene, width=width).pieces[each.key]
            lefts = [float(x) for x in re.findall(r'class="slot \w+" transform="translate\(([\d.]+)', piece.inner)]
            assert len(lefts) == 3
            assert piece.x + max(lefts) + 46 <= width


def test_no_word_lies_on_another_or_leaves_its_box() -> None:
    """Measured as PNGs are drawn: in DejaVu Sans, the widest of the usual fonts."""
    names = [f"shop-67f654fd96-{end}" for end in ("gbvwd", "mwxzp")]
    slots = tuple(SlotShown(name[-5:], name, "ready", 2) for name in names)
    part = WorkloadShown("ReplicaSet", "shop-67f654fd96", 2, 2, version=2, slots=slots)
    claim = ClaimShown("www-web-2", "Bound", "1Gi", "v", "", "n")
    pods = [_pod(name, said=said, version=2, ip="10.244.11.250") for name, said in zip(names, _LONG, strict=True)]
    pods.append(_pod("typo", said="ImagePullBackOff", state="failing", is_stand_in=True))
    for width in (460, 700, 960):
        nodes = (NodeShown("n", True, False), NodeShown("m", True, False))
        shown = draw(Scene("d", nodes, tuple(pods), (claim,), workloads=(part,)), width=width)
        for key, piece in shown.pieces.items():
            _assert_no_word_is_covered(f"{key} at {width}", piece.inner)
        words = " ".join(piece.inner for piece in shown.pieces.values())
        assert all(each in words for each in (">gbvwd<", ">Running, not ready<", ">ImagePullBackOff<"))
        assert "its data wait" in " ".join(re.sub("<[^>]*>", " ", words).split())


_LONG = ("Running, not ready", "Terminating")
_SIZES = {"tiny": 10.0, "small": 11.0, "mono": 11.0, "name": 12.0}
_EMS = {"m": 0.97, "w": 0.82, "W": 0.99, "M": 0.86, "i": 0.28, "l": 0.28, ".": 0.32, "-": 0.36, " ": 0.32}


def _assert_no_word_is_covered(where: str, inner: str) -> None:
    root = ElementTree.fromstring(f"<svg>{inner}</svg>")
    for box in (root, *(each for each in root.iter("g") if "slot" in each.get("class", ""))):
        rect = box.find("rect")
        spans = [_span(each) for each in box.findall("text")]
        for (one, y, left, right), (two, other_y, other_left, other_right) in itertools.combinations(spans, 2):
            assert abs(y - other_y) > 6 or right <= other_left + 1 or other_right <= left + 1, (where, one, two)
        for said, _, left, right in spans:
            assert rect is None or (left >= 0 and right <= float(rect.get("width", 0)) + 1), (where, said)


def _span(element: ElementTree.Element) -> tuple[str, float, float, float]:
    """What is written, on which line, and from where to where."""
    said, classes = element.text or "", element.get("class", "").split()
    size = next((_SIZES[name] for name in classes if name in _SIZES), 13.0)
    size *= 1.12 if {"strong", "name"} & set(classes) else 1
    wide = size * sum(0.602 if "mono" in classes else _EMS.get(letter, 0.62) for letter in said)
    x = float(element.get("x", 0)) - (wide if "end" in classes else 0)
    return said, float(element.get("y", 0)), x, x + wide


def test_a_deployment_owns_replicasets_and_they_own_the_pods_in_their_versions(objects_of: Objects) -> None:
    plane = ControlPlane(seed=3)
    plane.apply(deployment("nginx:1.27"))
    plane.settle()
    plane.apply(deployment("nginx:1.28"))
    plane.settle()
    scene = make_scene(objects_of(plane), "default")
    [found] = scene.workloads
    assert [(part.kind, part.version, len(part.slots)) for part in found.parts] == [("ReplicaSet", 2, 2)]
    assert {pod.version for pod in scene.pods} == {2}
    picture = draw(scene)
    assert f"owns/{found.parts[0].key}" in picture.pieces
    assert "v2" in next(piece.inner for key, piece in picture.pieces.items() if key.startswith("pod/"))


def deployment(image: str) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def test_a_statefulset_s_pods_are_told_apart_by_their_version_while_it_is_updated(
    cluster: Any, objects_of: Objects
) -> None:
    partitioned = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    changed = copy.deepcopy(cluster.get("statefulsets", "default/web"))
    changed["spec"] |= {"updateStrategy": partitioned}
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:1.28"
    cluster.apply({each: changed[each] for each in ("apiVersion", "kind", "spec")} | {"metadata": {"name": "web"}})
    cluster.settle()
    scene = make_scene(objects_of(cluster), "default")
    assert [pod.version for pod in scene.pods] == [1, 1, 2]


def test_a_pod_has_the_names_that_lead_to_it(cluster: Any, objects_of: Objects) -> None:
    scene = make_scene(objects_of(cluster), "default")
    assert [pod.names for pod in scene.pods] == [("web-0.nginx",), ("web-1.nginx",), ("web-2.nginx",)]
    assert "◇ web-1.nginx" in draw(scene).pieces["pod/web-1"].inner


def test_a_pod_keeps_its_piece_when_it_comes_back_and_its_ghost_tells_what_it_was(
    cluster: Any, objects_of: Objects
) -> None:
    before = make_scene(objects_of(cluster), "default").pods
    cluster.delete("pods", "default/web-1")
    cluster.settle()
    picture = draw(make_scene(objects_of(cluster), "default"), ghosts=before)
    old = next(pod for pod in before if pod.name == "web-1")
    assert f"was {old.ip}" in picture.pieces["pod/web-1"].label
    assert "was" not in picture.pieces["pod/web-0"].label


def test_a_pod_that_is_gone_is_a_ghost_in_the_room_it_was_in() -> None:
    scene = Scene("default", nodes=(NodeShown("n", True, False),))
    assert "ghost/web-9" in draw(scene, ghosts=(_pod("web-9"),)).pieces


def test_the_same_scene_is_drawn_to_the_same_bytes(cluster: Any, objects_of: Objects) -> None:
    scene = make_scene(objects_of(cluster), "default")
    assert draw(scene).svg() == draw(scene).svg()


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_a_name_holds_the_picture_is_well_formed_and_holds_no_element_of_it(name: str, said: str) -> None:
    scene = Scene(
        name,
        nodes=(NodeShown(name, True, False),),
        pods=(_pod(name, name, said=f"<script>{said}", ip=f'"{said}', claims=(name,)),),
        claims=(ClaimShown(name, said, "1Gi", "", name),),
        services=(ServiceShown(name, said, True, ((name, (said,)),)),),
    )
    root = ElementTree.fromstring(draw(scene).svg())
    kinds = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert kinds <= {"svg", "title", "style", "rect", "g", "text", "path"}


def test_five_thousand_pods_are_counted_not_drawn_one_by_one() -> None:
    pods = tuple(_pod(f"web-{n}", f"n{n % 2}") for n in range(5000))
    scene = Scene("default", nodes=(NodeShown("n0", True, False), NodeShown("n1", True, False)), pods=pods)
    frame = frame_of(draw(scene))
    assert sum(key.startswith("pod/") for key in frame["order"]) == 1500
    assert "and 1750 more Pods" in frame["pieces"]["node/n0"][2]
    assert len(frame["title"]) < 500


def test_a_pod_that_only_seems_to_run_says_so(objects_of: Objects) -> None:
    plane = ControlPlane(seed=5)
    plane.apply(deployment("postgres:17"))
    plane.settle()
    picture = draw(make_scene(objects_of(plane), "default", is_stand_in))
    cards = [piece for key, piece in picture.pieces.items() if key.startswith("pod/")]
    assert len(cards) == 2
    assert all("stand-in" in card.classes and "only seems to run" in card.label for card in cards)
    assert not is_stand_in("nginx:1.27")
    assert not is_stand_in("::")


def test_deleting_a_statefulset_s_pod_is_told_to_bring_it_back_as_itself(cluster: Any, objects_of: Objects) -> None:
    told = if_deleted("pod/web-1", objects_of(cluster))
    assert "creates web-1 again" in told or "create web-1 again" in told
    assert "the same claim www-web-1" in told


def test_deleting_a_claim_in_use_is_told_to_wait_for_its_pod(cluster: Any, objects_of: Objects) -> None:
    assert "pvc-protection" in if_deleted("persistentvolumeclaim/www-web-0", objects_of(cluster))


def test_deleting_the_governing_service_is_told_to_take_the_names_along(cluster: Any, objects_of: Objects) -> None:
    assert "governs StatefulSet web" in if_deleted("service/nginx", objects_of(cluster))


def test_deleting_a_statefulset_is_told_to_leave_its_claims(cluster: Any, objects_of: Objects) -> None:
    assert "claims stay" in if_deleted("statefulset/web", objects_of(cluster))


def test_a_pod_without_a_node_waits_in_a_room_below_and_no_other_room_moves() -> None:
    nodes = (NodeShown("n", True, False), NodeShown("m", True, False))
    before = draw(Scene("default", nodes=nodes, pods=(_pod("web-0"),)))
    after = draw(Scene("default", nodes=nodes, pods=(_pod("web-0"), _pod("web-1", node="", state="pending"))))
    for key in ("node/n", "node/m", "pod/web-0"):
        assert after.pieces[key].svg(key) == before.pieces[key].svg(key)
    assert after.pieces["waiting"].y > after.pieces["node/n"].y


def test_a_pod_that_has_no_node_yet_is_shown_when_it_waits_longer_than_a_moment() -> None:
    newcomers = Newcomers()
    scene = Scene("default", pods=(_pod("web-0"), _pod("web-1", node="")))
    calm, again_s = newcomers.without(scene, 100.0)
    assert [pod.name for pod in calm.pods] == ["web-0"]
    assert newcomers.without(scene, 100.0 + again_s) == (scene, 0.0)
    of_the_same_name = Scene("default", pods=(_pod("web-0"), _pod("web-1", node="", uid="another")))
    assert newcomers.without(of_the_same_name, 200.0)[1] > 0


def test_what_a_picture_says_is_in_the_table_of_strings(monkeypatch: Any, cluster: Any, objects_of: Objects) -> None:
    """A Chinese edition translates that table, and nothing else."""
    objects = objects_of(cluster)
    nothing_english = {key: "".join(re.findall(r"\{\w+\}", text)) for key, text in ENGLISH.items()}
    monkeypatch.setattr("statelab.notebook.strings.ENGLISH", nothing_english)
    scene = make_scene(objects, "default")
    picture = draw(scene)
    told = [picture.sentence, *(piece.label for piece in picture.pieces.values())]
    told += [if_deleted(key, objects) for key in ("pod/web-1", "statefulset/web", "service/nginx", "node/kind-worker")]
    told += re.findall(r">([^<]+)<", picture.svg())
    english = {"namespace", "on", "is", "of", "mounted", "by", "its", "node", "pods", "claims", "the"}
    for each in told:
        assert not english & set(re.findall(r"[a-z]+", each.lower().replace("-", ""))), each
