"""A reconcile loop over a learner's function: when it is called, how it ends, and what it makes of mistakes."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from statelab.cluster import Problem, RequestRefused
from statelab.cluster.clocks import WallClock
from statelab.cluster.problem import Interrupted
from statelab.controlplane import ControlPlane
from statelab.tab import TabCluster

DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "caches.course.example"},
    "spec": {
        "group": "course.example",
        "scope": "Namespaced",
        "names": {"plural": "caches", "singular": "cache", "kind": "Cache", "shortNames": ["ca"]},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
PATH = "/apis/course.example/v1/namespaces/lesson/caches"


@pytest.fixture
def cluster() -> Iterator[TabCluster]:
    made = TabCluster(ControlPlane())
    made.use("lesson")
    made.plane.create(DEFINITION)
    made.plane.settle()
    yield made
    made.driver.close()


def make(cluster: TabCluster, name: str) -> None:
    body = {"apiVersion": "course.example/v1", "kind": "Cache", "metadata": {"name": name}, "spec": {"size": 1}}
    cluster.request("POST", PATH, body)


class Seen:
    """A function that notes what it was called with."""

    def __init__(self, does: Callable[[dict[str, Any]], Any] = lambda obj: None) -> None:
        self.names: list[str] = []
        self.does = does

    def __call__(self, obj: dict[str, Any]) -> Any:
        self.names.append(obj["metadata"]["name"])
        return self.does(obj)


def test_it_is_called_for_each_object_at_first_and_every_few_seconds(cluster):
    make(cluster, "one")
    make(cluster, "two")
    seen = Seen()
    cluster.loop("caches", seen, every_s=10).run(25)
    assert seen.names == ["one", "two"] * 3


def test_where_time_passes_fast_it_does_not_do_nothing_but_look(cluster, monkeypatch):
    make(cluster, "one")
    monkeypatch.setattr(TabCluster, "pace", 40.0)
    seen = Seen()
    cluster.loop("caches", seen, every_s=2).run(50)
    assert len(seen.names) == 3  # at 0, 20 and 40 of the cluster's seconds: every half of one's own


def test_it_is_called_when_one_of_them_or_of_what_it_watches_has_changed(cluster):
    make(cluster, "one")
    seen = Seen()
    loop = cluster.loop("cache", seen, also=["configmaps"], every_s=1000)
    at_s = cluster.plane.loop.now_s
    for delay_s, path, body in (
        (5, f"{PATH}/one", {"spec": {"size": 2}}),
        (10, "/api/v1/namespaces/lesson/configmaps/kube-root-ca.crt", {"data": {"a": "b"}}),
        (15, "/api/v1/namespaces/default", {"metadata": {"labels": {"a": "b"}}}),
    ):
        change = partial(cluster.connection.request, "PATCH", path, body, content_type="application/merge-patch+json")
        cluster.plane.loop.call_at(at_s + delay_s, change)
    loop.run(30)
    assert seen.names == ["one"] * 3


def test_what_it_says_is_printed_once_and_kept(cluster, capsys):
    make(cluster, "one")
    answers = iter(["looking", "looking", "done", None, "done", *[None] * 99])
    loop = cluster.loop("ca", Seen(lambda obj: next(answers)), every_s=1).run(20)
    assert loop.said == ["looking", "done"]
    assert capsys.readouterr().out == "looking\ndone\n"
    assert repr(loop) == f"It has ended after {loop.passes} passes: its 20 seconds are over."


def test_it_ends_when_what_was_waited_for_is_so(cluster):
    make(cluster, "one")
    seen = Seen()
    loop = cluster.loop("caches", seen, every_s=1).run(1000, until=lambda: len(seen.names) == 4)
    assert (len(seen.names), repr(loop)) == (4, "It has stopped after 4 passes.")


def test_a_mistake_is_told_with_its_line_and_tried_again_ever_later(cluster):
    make(cluster, "one")
    begun_s = cluster.plane.loop.now_s

    def wrong(obj):
        return obj["spec"]["nothing"]

    loop = cluster.loop("caches", wrong, every_s=1).run(10_000)
    place = f"in line {wrong.__code__.co_firstlineno + 1}"
    assert loop.said == [f'The pass failed {place}: return obj["spec"]["nothing"]: KeyError: \'nothing\'']
    assert loop.why_ended == "it has failed 10 times, one after the other."
    assert cluster.plane.loop.now_s - begun_s > 2 + 4 + 8 + 16 + 5 * 30


def test_one_who_was_quicker_is_no_mistake_and_any_other_refusal_is(cluster):
    make(cluster, "one")
    old = cluster.get("cache/one")
    cluster.patch("cache/one", {"spec": {"size": 2}})
    stale = {"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}, "status": {"a": "b"}}
    loop = cluster.loop("caches", lambda obj: cluster.patch("cache/one", stale, subresource="status"), every_s=1)
    assert loop.run(5).said == []
    assert loop.passes > 3
    refused = cluster.loop("caches", lambda obj: cluster.patch("cache/two", {}), every_s=1).run(5)
    assert 'caches.course.example "two" not found' in refused.said[0]


def goes_round(obj):
    while True:
        try:
            raise ValueError
        except Exception:
            continue


def catches_everything(obj):
    while True:
        try:
            raise ValueError
        except:  # noqa: E722 - as beginners write it
            continue


def sleeps(obj):
    time.sleep(60)


in_a_cell = pytest.mark.skipif(sys.platform == "win32", reason="no signal of ours comes there")


@pytest.mark.parametrize(
    "never_ends", [goes_round, pytest.param(catches_everything, marks=in_a_cell), pytest.param(sleeps, marks=in_a_cell)]
)
def test_a_pass_that_does_not_end_is_given_up(cluster, never_ends):
    make(cluster, "one")
    loop = cluster.loop("caches", never_ends, longest_pass_s=0.1).run(3)
    assert loop.said == ["A pass was given up after 0 s. Does it wait for something, or go round in a circle?"]
    if sys.platform != "win32":
        assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_loop_whose_namespace_or_kind_is_deleted_ends_and_says_so(cluster):
    make(cluster, "one")
    loop = cluster.loop(
        "caches", Seen(lambda obj: cluster.plane.delete("customresourcedefinitions", "caches.course.example"))
    )
    assert loop.run(60).why_ended == 'there is no kind "caches" any more.'
    loop = cluster.loop("pods", Seen(), also=[], every_s=1)
    cluster.plane.loop.call_later(5, lambda: cluster.connection.request("DELETE", "/api/v1/namespaces/lesson"))
    assert "the namespace lesson is being deleted" in loop.run(60).why_ended


def test_beside_the_cells_it_goes_on_while_time_passes_and_another_takes_its_place(cluster):
    make(cluster, "one")
    seen, others = Seen(lambda obj: "seen"), Seen()
    loop = cluster.loop("caches", seen, every_s=5).start()
    assert cluster.until(lambda: len(seen.names) == 3, timeout_s=60)
    assert repr(loop) == "It runs (3 passes)."
    other = cluster.loop("caches", others, every_s=5).start()
    cluster.until(lambda: False, timeout_s=20)
    assert (len(seen.names), loop.is_running) == (3, False)
    assert loop.why_ended == "another loop for caches has been started in its place."
    assert len(others.names) > 3
    other.stop()
    count = len(others.names)
    cluster.until(lambda: False, timeout_s=20)
    assert len(others.names) == count


def test_what_is_no_kind_or_no_function_is_said_at_once(cluster):
    with pytest.raises(Problem, match='"nopes" is no kind'):
        cluster.loop("nopes", print)
    with pytest.raises(Problem, match=r"Did you mean pods\?"):
        cluster.loop("pdos", print)
    with pytest.raises(Problem, match="a function"):
        cluster.loop("caches", 3)

    async def waits(obj): ...

    def gives(obj):
        yield obj

    for never_called in (waits, gives):
        with pytest.raises(Problem, match="without async and yield"):
            cluster.loop("caches", never_called)


def test_an_interrupted_cell_stops_its_loop(cluster):
    make(cluster, "one")

    def stopped(obj):
        raise KeyboardInterrupt

    loop = cluster.loop("caches", stopped)
    with pytest.raises(Interrupted, match="The loop was stopped after 1 passes"):
        loop.run(60)
    assert not loop.is_running


def test_a_thread_does_work_until_it_is_done_or_told_to_stop():
    clock, done, stopped = WallClock(1000.0), threading.Event(), threading.Event()
    left = iter([0.1, 0.1, None])
    clock.beside(lambda: next(left, 0.0) if not done.set() else None, "short")
    stop = clock.beside(lambda: 0.1, "long")
    [long] = [each for each in threading.enumerate() if each.name == "long"]
    assert done.wait(5)
    stop()
    long.join(5)
    assert not long.is_alive()
    assert not stopped.is_set()
    before_s = clock.now_s()
    clock.rest(50, lambda: False)
    assert clock.now_s() - before_s >= 50


def test_a_kind_that_the_cluster_has_learned_is_called_as_its_own(cluster):
    make(cluster, "one")
    assert [
        kind.name for kind in (cluster.parse(f"{each}/one")[0] for each in ("cache", "caches.course.example", "ca"))
    ] == [
        "Cache",
        "Cache",
        "Cache",
    ]
    assert [each["metadata"]["name"] for each in cluster.list("caches")] == ["one"]
    assert cluster.wait("cache/one", "Exists")["spec"] == {"size": 1}
    assert "created by you" in cluster.why("cache/one")
    cluster.patch("cache/one", {"spec": {"size": None, "deep": {"a": 1}}})
    assert cluster.get("cache/one")["spec"] == {"deep": {"a": 1}}
    with pytest.raises(RequestRefused):
        cluster.patch("cache/two", {})
    cluster.delete("cache/one")
    assert cluster.get("cache/one") is None
    with pytest.raises(Problem, match="is no kind"):
        cluster.get("cash/one")
