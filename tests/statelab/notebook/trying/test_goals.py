"""What an empty cell is to bring about, asked of a cluster in virtual time."""

from __future__ import annotations

import pytest

from statelab.cluster import Problem
from statelab.cluster.names import parse
from statelab.notebook.trying.goals import at, look, reader_of


class Answer:
    def __init__(self, *records: str) -> None:
        self.records, self.rcode = records, "NOERROR" if records else "NXDOMAIN"


class Asked:
    """As much of a Cluster as a goal asks, over a control plane."""

    def __init__(self, made) -> None:
        self._made = made

    def get(self, what: str):
        kind, _, name = what.partition("/")
        plural = {"sts": "statefulsets", "pod": "pods", "pvc": "persistentvolumeclaims"}[kind]
        found = [each for each in self._made.list(plural, "default") if each["metadata"]["name"] == name]
        return found[0] if found else None

    def parse(self, what: str):
        return parse(what)

    def dns(self, name: str) -> Answer:
        return Answer("10.244.1.2") if name == "web-0.nginx" else Answer()


@pytest.mark.parametrize(
    "goal",
    [
        "sts/web",
        "sts/web spec.replicas=3",
        "sts/web spec.replicas!=5",
        "sts/web Rollout",
        "pod/web-2 Ready",
        "pod/web-3 gone",
        "pod/web-0 spec.containers[0].image=nginx:1.27",
        "pvc/www-web-0 Bound",
        "dns web-0.nginx",
        "dns web-3.nginx NXDOMAIN",
        lambda: True,
        lambda: "",
    ],
)
def test_what_is_so_is_seen_to_be_so(cluster, goal):
    assert look(reader_of(goal, Asked(cluster)), Asked(cluster)).is_so


@pytest.mark.parametrize(
    ("goal", "instead"),
    [
        ("pod/web-3", "there is no pod/web-3"),
        ("pod/web-3 Ready", "there is no pod/web-3"),
        ("pod/web-3 spec.hostname=web-3", "there is no pod/web-3"),
        ("sts/web spec.replicas=5", "replicas is 3"),
        ("sts/web spec.minReadySeconds=5", "minReadySeconds is not set"),
        ("pod/web-1 gone", "its status does not say"),
        ("dns web-3.nginx", "web-3.nginx: NXDOMAIN"),
        ("dns web-0.nginx NXDOMAIN", "web-0.nginx: 10.244.1.2"),
        (lambda: False, ""),
        (lambda: "there are two primaries", "there are two primaries"),
        (lambda: {}["missing"], ""),
        (lambda: "x" * 300, "x" * 119 + "…"),  # what is cut says so
    ],
)
def test_what_is_not_so_says_what_is_so_instead(cluster, goal, instead):
    seen = look(reader_of(goal, Asked(cluster)), Asked(cluster))
    assert not seen.is_so
    if goal != "pod/web-1 gone":
        assert seen.instead == instead
    else:
        assert seen.instead


@pytest.mark.parametrize("goal", ["", "web", "nope/web", "pod/a Never=", "dns", "dns a b", "svc/a Ready", 3, None])
def test_a_line_that_says_nothing_is_refused_where_it_is_written(cluster, goal):
    if goal == "pod/a Never=":  # a field that nobody has: an empty value
        assert not look(reader_of(goal, Asked(cluster)), Asked(cluster)).is_so
        return
    with pytest.raises(Problem):
        reader_of(goal, Asked(cluster))


def test_a_place_in_an_object_is_found_or_is_nothing():
    obj = {"spec": {"list": [{"a": True}, {"a": 5}]}}
    assert at(obj, "spec.list[1].a") == 5
    assert at(obj, "spec.list[2].a") is None
    assert at(obj, "spec.list.a") is None
    assert at(obj, "spec[0]") is None
