"""Helpers that keep plumbing off a lesson's page: a manifest to read, and Pods before and after."""

from __future__ import annotations

import pytest

from statelab.cluster import Problem
from statelab.notebook.trying.pods import Pods, _seen
from statelab.notebook.trying.reading import read_manifest


@pytest.fixture
def long(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "web.yaml").write_text("".join(f"line{number}: <{number}>\n" for number in range(30)))
    (tmp_path / "short.yaml").write_text("a: 1\nb: 2\n")


def test_a_long_manifest_is_folded_around_what_is_marked_and_can_be_opened(long):
    shown = read_manifest("web.yaml", "line12:")._repr_html_()
    part, _, whole = shown.partition("<details>")
    assert "font-weight:bold'>▸  line12: &lt;12&gt;</span>" in part
    assert "line11" in part
    assert "line10" not in part
    assert part.count("⋯") == 2
    assert "<summary>web.yaml, all 30 lines</summary>" in whole
    assert "line29" in whole
    assert "white-space:pre-wrap;word-break:normal" in part  # JupyterLab breaks the lines of a cell's output anywhere


def test_a_short_manifest_is_whole_and_as_text_every_line_is_there(long):
    assert "<details>" not in read_manifest("short.yaml", "b:")._repr_html_()
    assert repr(read_manifest("short.yaml", "b:")) == "  a: 1\n▸ b: 2"
    assert repr(read_manifest("short.yaml")) == "a: 1\nb: 2"


@pytest.mark.parametrize("arguments", [("nope.yaml",), ("short.yaml", "c:")])
def test_a_file_or_a_mark_that_is_not_there_is_said(long, arguments):
    with pytest.raises(Problem):
        read_manifest(*arguments)


def seen(made) -> Pods:
    return Pods([_seen(pod) for pod in made.list("pods", "default")])


def test_a_pod_of_a_set_that_was_killed_is_made_again_under_its_name(cluster):
    before = seen(cluster)
    cluster.delete("pods", "default/web-1")
    cluster.settle()
    since = seen(cluster).since(before)
    assert (since.again, since.same, since.gone, since.new) == (["web-1"], ["web-0", "web-2"], [], [])
    stayed = since.stayed("web-1")
    assert {"Name", "claim"} <= set(stayed)
    assert "uid" not in stayed
    assert "made again under its name" in repr(since)
    assert "www-web-1, the same" in repr(since)
    assert "web-0   untouched" in repr(since)


def test_pods_are_found_by_place_and_by_name_and_are_their_names(cluster):
    found = seen(cluster)
    assert [str(pod) for pod in found] == ["web-0", "web-1", "web-2"]
    assert found["web-1"] is found[1]
    assert "web-2" in found
    assert "web-3" not in found
    assert found[0].claims == ("www-web-0",)
    assert "nginx:1.27" in repr(found)


def test_who_is_gone_and_who_is_new(cluster):
    before = seen(cluster)
    others = Pods([*list(before)[1:]])
    assert others.since(before).gone == ["web-0"]
    assert before.since(others).new == ["web-0"]
    assert repr(Pods([])) == "There are no Pods."
