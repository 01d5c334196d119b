"""Watches of several kinds, each in its own order and none in step with another, become one history."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from statelab.notebook.pictures.history import History
from statelab.notebook.pictures.lanes import lanes, sentence_of
from statelab.notebook.pictures.recording import Recording

_BEGIN_S = 1_800_000_000.0


def _object(name: str, version: str | int, created_s: float = 0.0, **status: object) -> dict[str, object]:
    created = datetime.fromtimestamp(int(_BEGIN_S + created_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    meta = {"name": name, "namespace": "default", "uid": f"uid-{name}", "creationTimestamp": created}
    return {"kind": "Pod", "metadata": {**meta, "resourceVersion": str(version)}, "spec": {}, "status": status}


_READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


def _shown(recording: Recording) -> list[tuple[str, str, float]]:
    return [(each.type, each.name, round(each.at_s - _BEGIN_S, 1)) for each in recording.moments]


def test_a_pod_is_not_created_before_the_one_it_waited_for_was_ready():
    recording = Recording()
    recording.begin()
    recording.told("ADDED", "pods", _object("web-1", 10, 0.2), _BEGIN_S + 0.2)
    recording.told("MODIFIED", "pods", _object("web-1", 14, 0.2, **_READY), _BEGIN_S + 4.8)
    recording.told("ADDED", "pods", _object("web-2", 15, 4.9), _BEGIN_S + 4.9)  # its creationTimestamp says 4
    assert _shown(recording) == [("ADDED", "web-1", 0.2), ("MODIFIED", "web-1", 4.8), ("ADDED", "web-2", 4.9)]
    told = sentence_of(lanes(History("default", recording.moments).moments))
    assert told == "web-1: created at 0.0 s, ready at 4.6 s. web-2: created at 4.7 s."


def test_what_a_slow_watch_tells_stands_where_its_version_belongs_and_no_later_than_what_follows():
    recording = Recording()
    recording.begin()
    recording.told("ADDED", "pods", _object("web-0", 21), _BEGIN_S + 1.0)
    recording.told("MODIFIED", "pods", _object("web-0", 25), _BEGIN_S + 2.0)
    recording.told("ADDED", "statefulsets", _object("web", 20), _BEGIN_S + 2.5)
    recording.told("MODIFIED", "statefulsets", _object("web", 23), _BEGIN_S + 2.5)
    assert _shown(recording) == [
        ("ADDED", "web", 1.0), ("ADDED", "web-0", 1.0), ("MODIFIED", "web", 2.0), ("MODIFIED", "web-0", 2.0),
    ]  # fmt: skip
    assert [each.number for each in recording.moments] == [3, 1, 4, 2]  # as they came


def test_what_was_there_before_stands_at_its_creation_before_all_that_follows():
    recording = Recording()
    recording.found("pods", _object("web-0", 90, -30.0), _BEGIN_S)
    recording.found("statefulsets", _object("web", 95, -40.0), _BEGIN_S)
    recording.found("pods", _object("ahead", 96, +50.0), _BEGIN_S)  # the server's clock is ahead of ours
    recording.begin()
    recording.told("DELETED", "pods", _object("web-0", 91), _BEGIN_S + 1)
    assert _shown(recording) == [
        ("ADDED", "web", -40.0), ("ADDED", "web-0", -30.0), ("ADDED", "ahead", 0.0), ("DELETED", "web-0", 1.0),
    ]  # fmt: skip


def test_what_came_while_nothing_was_heard_stands_within_that_time():
    recording = Recording()
    recording.begin()
    recording.told("ADDED", "pods", _object("a", 5), _BEGIN_S + 1)
    recording.met("pods", _object("b", 9, 20.0), _BEGIN_S + 60)
    recording.met("pods", _object("c", 12, -5.0), _BEGIN_S + 60)  # the server's clock goes after ours
    recording.told("DELETED", "pods", _object("a", 5), _BEGIN_S + 60, version=30)
    assert _shown(recording) == [
        ("ADDED", "a", 1.0), ("ADDED", "b", 20.0), ("ADDED", "c", 20.0), ("DELETED", "a", 60.0),
    ]  # fmt: skip


@pytest.mark.parametrize("versions", [("x1", "x2"), ("", "")])
def test_versions_that_are_no_numbers_stay_as_they_came(versions):
    recording = Recording()
    recording.begin()
    for at_s, version in enumerate(versions):
        recording.told("ADDED", "pods", _object(f"p{at_s}", version), _BEGIN_S + at_s)
    assert [each.name for each in recording.moments] == ["p0", "p1"]
