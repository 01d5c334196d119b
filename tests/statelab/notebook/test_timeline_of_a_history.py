"""Histories rewound, lanes, plots: from a real history of the embedded cluster."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from statelab.cluster.problem import Problem
from statelab.notebook.pictures.differing import by_name, differences
from statelab.notebook.pictures.history import History, Moment
from statelab.notebook.pictures.lanes import Lane, Scale, Span, in_sight, lanes, of_interest, ticks
from statelab.notebook.pictures.plotting import rollout, start_order
from statelab.notebook.pictures.scene import make_scene
from statelab.notebook.pictures.timeline_view import none_left

HistoryOf = Callable[[Any], History]


def test_pods_of_an_ordered_start_become_ready_before_the_next_is_created(cluster: Any, history_of: HistoryOf) -> None:
    found = [lane for lane in lanes(history_of(cluster).moments) if lane.kind == "pod"]
    assert [lane.name for lane in found] == ["web-0", "web-1", "web-2"]
    for earlier, later in pairwise(found):
        ready_s = next(span.begin_s for span in earlier.spans if span.state == "ready")
        assert ready_s <= later.begin_s


def test_a_pod_that_comes_back_is_in_the_lane_of_its_name_with_another_uid(cluster: Any, history_of: HistoryOf) -> None:
    cluster.delete("pods", "default/web-1")
    cluster.settle()
    lane = next(lane for lane in lanes(history_of(cluster).moments) if lane.key == "pod/web-1")
    assert "terminating" in [span.state for span in lane.spans]
    assert len({span.uid for span in lane.spans}) == 2
    assert lane.spans[-1].state == "ready"
    assert lane.spans[-1].end_s is None


def test_rewinding_shows_what_there_was(cluster: Any, history_of: HistoryOf) -> None:
    history = history_of(cluster)
    created = next(i for i, m in enumerate(history.moments) if m.plural == "pods" and m.name == "web-1")
    assert [pod.name for pod in make_scene(history.objects_at(created - 1), "default").pods] == ["web-0"]
    assert [pod.name for pod in make_scene(history.objects_at(created), "default").pods] == ["web-0", "web-1"]
    assert make_scene(history.objects_at(len(history) - 1), "default").pods[2].state == "ready"


def test_the_moment_before_the_last_thing_you_did_has_the_pod_you_killed(cluster: Any, history_of: HistoryOf) -> None:
    old = cluster.get("pods", "default/web-1")["metadata"]["uid"]
    cluster.delete("pods", "default/web-1")
    cluster.settle()
    history = history_of(cluster)
    pods = make_scene(history.objects_at(history.before(-1)), "default").pods
    assert next(pod.uid for pod in pods if pod.name == "web-1") == old


def test_what_is_older_than_the_history_is_there_from_its_beginning(cluster: Any, history_of: HistoryOf) -> None:
    whole = history_of(cluster).moments
    start = next(i for i, m in enumerate(whole) if m.plural == "pods" and m.name == "web-2")
    later = History("default", whole[start:], {"services": cluster.list("services", "default")})
    scene = make_scene(later.objects_at(-1), "default")
    assert "nginx" in [service.name for service in scene.services]
    assert any(workload.name == "web" for workload in scene.workloads)


def test_on_the_stage_a_claim_that_has_been_bound_for_long_leaves_its_room_to_the_picture() -> None:
    def lane(kind: str, name: str, state: str, begin_s: float) -> Lane:
        return Lane(kind, name, (Span(state, begin_s, None, "u"),))

    pods = [lane("pod", f"web-{n}", "ready", 0.0) for n in range(3)]
    old, new = lane("persistentvolumeclaim", "www-web-0", "bound", 1.0), lane("persistentvolumeclaim", "x", "bound", 95)
    scale = Scale([float(second) for second in range(0, 101, 5)], 200, 700, 40.0)
    assert in_sight([*pods, old, new], scale) == [*pods, new]
    assert in_sight([*pods, old], scale) == [*pods, old]  # of a few there is room for all


def test_where_no_pod_is_left_a_sentence_says_which_there_were(cluster: Any, history_of: HistoryOf) -> None:
    moments = history_of(cluster).moments
    first = next(i for i, moment in enumerate(moments) if moment.plural == "pods")
    assert none_left(moments[:first]) == "There is no Pod yet."
    cluster.delete("statefulsets", "default/web")
    cluster.settle()
    assert re.fullmatch(
        r"No Pod is left\. There were: web-0, web-1, web-2\. The last of them, web-\d, went at [\d:.]+\.",
        none_left(history_of(cluster).moments),
    )


def test_another_namespace_s_moments_are_left_out(history_of: HistoryOf) -> None:
    moment = Moment(1, "ADDED", "pods", "other/p", {"metadata": {"name": "p", "namespace": "other"}}, "", "", 0.0)
    assert len(History("default", [moment])) == 0


def test_two_moments_differ_in_what_changed_and_in_nothing_a_server_counts(cluster: Any, history_of: HistoryOf) -> None:
    history = history_of(cluster)
    cluster.scale("statefulsets", "default/web", 2)
    after = history_of(cluster)
    lines = differences(by_name(history.objects_at(len(history) - 1)), by_name(after.objects_at(len(history))))
    assert ("removed", "-  replicas: 3") in lines
    assert ("added", "+  replicas: 2") in lines
    assert not any("resourceVersion" in line or "managedFields" in line for _, line in lines)


def test_moments_of_one_workload_hold_its_pods_and_claims_and_nothing_else(cluster: Any, history_of: HistoryOf) -> None:
    found = of_interest(history_of(cluster), "sts/web")
    assert {(m.plural, m.name) for m in found} >= {("pods", "web-0"), ("persistentvolumeclaims", "www-web-2")}
    assert not any(m.plural in ("services", "nodes") for m in found)


def test_a_long_quiet_time_is_drawn_short_and_order_is_kept() -> None:
    scale = Scale([0.0, 1.0, 1000.0, 1001.0], 100, 500)
    xs = [scale.x(each) for each in (0.0, 1.0, 500.0, 1000.0, 1001.0)]
    assert xs == sorted(xs)
    assert scale.span < 10
    assert scale.quiet[0][1] == pytest.approx(999.0)


def test_the_axis_has_round_seconds_also_behind_a_quiet_time_which_is_named() -> None:
    scale = Scale([0.0, 3.3, 134.6, 137.0, 141.0], 190, 700)
    words = [said for _, said in ticks(scale)]
    assert "⋯ 2 min pass" in words
    assert {"2 s", "140 s"} <= set(words)
    assert all(said.split(" s")[0].isdigit() for said in words if said.endswith(" s"))


def test_plots_of_the_same_history_are_the_same_bytes(cluster: Any, history_of: HistoryOf) -> None:
    for draw in (start_order, rollout):
        assert draw(history_of(cluster), "sts/web").svg() == draw(history_of(cluster), "sts/web").svg()


def test_a_plot_is_saved_as_svg_and_png_and_as_nothing_else(cluster: Any, history_of: HistoryOf, tmp_path: Any) -> None:
    drawn = start_order(history_of(cluster), "sts/web")
    assert drawn.save(tmp_path / "start.svg").read_text().startswith("<svg")
    assert drawn.save(tmp_path / "start.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(Problem, match=r"start\.gif"):
        drawn.save(tmp_path / "start.gif")


def test_a_rollout_s_sentence_counts_to_three_ready(cluster: Any, history_of: HistoryOf) -> None:
    assert "3 Pods, 3 ready, 3 updated" in rollout(history_of(cluster), "sts/web").sentence
