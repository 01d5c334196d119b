"""Preemption: who goes, from where, and who must not."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object


@pytest.fixture
def plane() -> ControlPlane:
    """Two workers with two CPUs each, and two classes."""
    cluster = ControlPlane()
    make_small(cluster)
    return cluster


def make_small(cluster: ControlPlane) -> None:
    for node in ("kind-worker", "kind-worker2"):
        room = {"cpu": "2", "memory": "4Gi", "pods": "110"}
        cluster.patch("nodes", node, {"status": {"capacity": room, "allocatable": room}}, "status")
    cluster.create(priority_class("high", 1000))
    cluster.create(priority_class("middle", 500))
    cluster.settle()


def priority_class(name: str, value: int, **more: Any) -> Object:
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": value,
        **more,
    }


def pod(name: str, cpu: str = "1500m", priority: str = "", node: str = "", **spec: Any) -> Object:
    container = {"name": "main", "image": "busybox:1.36", "command": ["sleep", "9999"]}
    container["resources"] = {"requests": {"cpu": cpu}}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 2, **spec}
    if priority:
        spec["priorityClassName"] = priority
    if node:
        spec["nodeSelector"] = {"kubernetes.io/hostname": node}
    metadata = {"name": name, "labels": {"app": name.partition("-")[0]}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def where(plane: ControlPlane) -> dict[str, str]:
    return {each["metadata"]["name"]: each["spec"].get("nodeName", "") for each in plane.list("pods", "default")}


def told(plane: ControlPlane, name: str) -> list[str]:
    return [
        each["message"]
        for each in plane.list("events", "default")
        if each["involvedObject"]["name"] == name and each["reason"] == "FailedScheduling"
    ]


def fill(plane: ControlPlane, *pods: Object) -> None:
    for each in pods:
        plane.create(each)
        plane.settle()


def test_the_least_important_pods_make_room_and_the_room_is_kept(plane: ControlPlane) -> None:
    fill(plane, pod("low-1", node="kind-worker"), pod("middle-1", priority="middle", node="kind-worker2"))
    plane.create(pod("top", priority="high"))
    plane.loop.run_for(1.0)
    waiting = plane.get("pods", "default/top")
    assert waiting is not None
    assert waiting["status"]["nominatedNodeName"] == "kind-worker"
    plane.create(pod("late"))  # it came in time to take the room, and may not
    plane.settle()
    assert where(plane) == {"top": "kind-worker", "middle-1": "kind-worker2", "late": ""}
    bound = plane.get("pods", "default/top")
    assert bound is not None
    assert "nominatedNodeName" not in bound["status"]
    assert "deleted by the default-scheduler: top, which is more important" in str(plane.why("pods", "default/low-1"))


def test_no_more_go_than_must(plane: ControlPlane) -> None:
    small = [pod(f"low-{n}", "500m", node="kind-worker") for n in range(3)]
    fill(plane, *small, pod("other", "1900m", priority="high", node="kind-worker2"))
    plane.create(pod("top", "900m", priority="high"))
    plane.settle()
    left = [name for name, node in where(plane).items() if name.startswith("low") and node]
    assert (len(left), where(plane)["top"]) == (2, "kind-worker")


def test_a_class_that_never_preempts_waits(plane: ControlPlane) -> None:
    plane.create(priority_class("patient", 2000, preemptionPolicy="Never"))
    fill(plane, pod("low-1"), pod("low-2"))
    plane.create(pod("top", priority="patient"))
    plane.settle()
    assert where(plane)["top"] == ""
    assert told(plane, "top")[0].endswith("preemption: not eligible due to preemptionPolicy=Never.")


def test_pods_of_one_priority_do_not_push_each_other_out(plane: ControlPlane) -> None:
    fill(plane, pod("low-1", priority="high"), pod("low-2", priority="high"))
    plane.create(pod("top", priority="high"))
    plane.settle()
    assert where(plane)["top"] == ""
    assert "2 No preemption victims found for incoming pod." in told(plane, "top")[0]


def test_a_node_whose_budget_would_be_broken_is_left_for_one_where_none_is(plane: ControlPlane) -> None:
    fill(plane, pod("guarded", node="kind-worker"), pod("free", node="kind-worker2"))
    plane.create(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "guard"},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "guarded"}}},
        }
    )
    plane.settle()
    plane.create(pod("top", priority="high"))
    plane.settle()
    assert where(plane) == {"guarded": "kind-worker", "top": "kind-worker2"}


def test_a_victim_says_that_it_was_one(plane: ControlPlane) -> None:
    fill(plane, pod("low-1", node="kind-worker", terminationGracePeriodSeconds=60), pod("other", priority="high"))
    plane.create(pod("top", priority="high"))
    plane.loop.run_for(1.0)
    victim = plane.get("pods", "default/low-1")
    assert victim is not None
    [condition] = [each for each in victim["status"]["conditions"] if each["type"] == "DisruptionTarget"]
    assert condition["reason"] == "PreemptionByScheduler"
    assert condition["message"] == "default-scheduler: preempting to accommodate a higher priority pod"


# ---- admission


def test_the_default_class_is_that_of_pods_that_name_none_and_there_is_one(plane: ControlPlane) -> None:
    plane.create(priority_class("usual", 7, globalDefault=True))
    made = plane.create(pod("plain", "1m"))
    assert (made["spec"]["priorityClassName"], made["spec"]["priority"]) == ("usual", 7)
    with pytest.raises(ApiError) as refusal:
        plane.create(priority_class("second", 8, globalDefault=True))
    assert refusal.value.code == 403
    assert "PriorityClass usual is already marked as globalDefault. Only one default can exist" in refusal.value.message


def test_a_class_that_is_not_there_and_a_number_of_ones_own_are_refused(plane: ControlPlane) -> None:
    for spec, words in (
        ({"priorityClassName": "lost"}, "no PriorityClass with name lost was found"),
        ({"priorityClassName": "high", "priority": 5}, "the integer value of priority (5) must not be provided"),
        ({"preemptionPolicy": "Never"}, "the string value of PreemptionPolicy (Never) must not be provided"),
    ):
        document = pod("wrong")
        document["spec"] |= spec
        with pytest.raises(ApiError) as refusal:
            plane.create(document)
        assert (refusal.value.code, words in refusal.value.message) == (403, True)


def test_a_cluster_comes_with_two_classes(plane: ControlPlane) -> None:
    found = {each["metadata"]["name"]: each["value"] for each in plane.list("priorityclasses")}
    assert found["system-cluster-critical"] == 2_000_000_000
    assert found["system-node-critical"] == 2_000_001_000
    assert plane.create(pod("vital", "1m", priority="system-node-critical"))["spec"]["priority"] == 2_000_001_000
