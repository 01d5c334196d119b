"""A node that goes silent, comes back, or is taken away: what happens to it and its Pods, on a whole cluster."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane.controllers.common.pods import condition
from statelab.controlplane.controllers.common.taints import tolerates
from statelab.controlplane.controlplane import ControlPlane

Object = dict[str, Any]
NODE = "kind-worker2"
UNREACHABLE = "node.kubernetes.io/unreachable"


@pytest.fixture
def plane() -> ControlPlane:
    """A StatefulSet `web` of one and a Pod that tolerates nothing, both on the node that will be lost."""
    plane = ControlPlane()
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod("x")["spec"]}
    spec = {"replicas": 1, "serviceName": "web", "selector": {"matchLabels": {"app": "web"}}, "template": template}
    plane.create({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"}, "spec": spec})
    plane.settle()
    return plane


def pod(name: str, **spec: Any) -> Object:
    containers = [{"name": "main", "image": "nginx:1.27"}]
    wanted = {"nodeSelector": {"kubernetes.io/hostname": NODE}, "containers": containers, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": wanted}


def node(plane: ControlPlane) -> Object:
    found = plane.get("nodes", NODE)
    assert found is not None
    return found


def told(plane: ControlPlane, name: str) -> list[str]:
    return [
        f"{event['type']} {event['reason']} ({event['source']['component']}): {event['message']}"
        for event in plane.list("events")
        if event["involvedObject"]["name"] == name and event["source"].get("component")
    ]


def taints(plane: ControlPlane) -> set[tuple[str, str]]:
    return {(each["key"], each["effect"]) for each in node(plane)["spec"].get("taints") or ()}


def stop(plane: ControlPlane, seconds: float) -> None:
    plane.kubelets[NODE].stop()
    plane.loop.run_for(seconds)


def test_a_short_silence_is_no_matter(plane: ControlPlane) -> None:
    stop(plane, 40)
    assert (condition(node(plane), "Ready") or {})["status"] == "True"


def test_a_silent_node_becomes_unknown_and_is_tainted(plane: ControlPlane) -> None:
    stop(plane, 60)
    for type in ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure"):
        found = condition(node(plane), type) or {}
        assert (found["status"], found["reason"]) == ("Unknown", "NodeStatusUnknown")
        assert found["message"] == "Kubelet stopped posting node status."
    assert taints(plane) == {(UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")}
    line = f"Normal NodeNotReady (node-controller): Node {NODE} status is now: NodeNotReady"
    assert line in told(plane, NODE)


def test_its_pods_are_not_ready_and_stay_for_five_minutes(plane: ControlPlane) -> None:
    stop(plane, 60)
    web = plane.get("pods", "default/web-0")
    assert web is not None
    assert (condition(web, "Ready") or {})["status"] == "False"
    assert web["status"]["phase"] == "Running"
    assert "Warning NodeNotReady (node-controller): Node is not ready" in told(plane, "web-0")
    assert "deletionTimestamp" not in web["metadata"]
    plane.loop.run_for(300)
    web = plane.get("pods", "default/web-0")
    assert web is not None
    assert "deletionTimestamp" in web["metadata"]
    target = condition(web, "DisruptionTarget") or {}
    assert (target["reason"], target["message"]) == (
        "DeletionByTaintManager",
        "Taint manager: deleting due to NoExecute taint",
    )
    marking = "Marking for deletion Pod default/web-0"
    assert f"Normal TaintManagerEviction (taint-eviction-controller): {marking}" in told(plane, "web-0")


def test_a_set_does_not_replace_a_pod_nobody_knows_to_be_dead(plane: ControlPlane) -> None:
    before = (plane.get("pods", "default/web-0") or {})["metadata"]["uid"]
    stop(plane, 3600)
    after = (plane.get("pods", "default/web-0") or {})["metadata"]
    assert after["uid"] == before
    assert "deletionTimestamp" in after


def test_a_node_taken_out_of_service_frees_its_pods(plane: ControlPlane) -> None:
    before = (plane.get("pods", "default/web-0") or {})["metadata"]["uid"]
    stop(plane, 600)
    taint = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
    plane.patch("nodes", NODE, {"spec": {"taints": [*node(plane)["spec"]["taints"], taint]}})
    plane.loop.run_for(10)
    assert (plane.get("pods", "default/web-0") or {})["metadata"]["uid"] != before


def test_a_node_that_returns_in_time_keeps_its_pods(plane: ControlPlane) -> None:
    before = (plane.get("pods", "default/web-0") or {})["metadata"]["uid"]
    stop(plane, 120)
    plane.kubelets[NODE].start()
    plane.loop.run_for(600)
    assert taints(plane) == set()
    web = plane.get("pods", "default/web-0")
    assert web is not None
    assert web["metadata"]["uid"] == before
    assert (condition(web, "Ready") or {})["status"] == "True"
    cancelling = "Cancelling deletion of Pod default/web-0"
    assert f"Normal TaintManagerEviction (taint-eviction-controller): {cancelling}" in told(plane, "web-0")


def test_a_pod_that_returns_too_late_is_replaced(plane: ControlPlane) -> None:
    before = (plane.get("pods", "default/web-0") or {})["metadata"]["uid"]
    stop(plane, 600)
    plane.kubelets[NODE].start()
    plane.loop.run_for(60)
    web = plane.get("pods", "default/web-0")
    assert web is not None
    assert web["metadata"]["uid"] != before
    assert (condition(web, "Ready") or {})["status"] == "True"


def test_a_pod_with_a_shorter_toleration_goes_sooner_one_without_end_stays(plane: ControlPlane) -> None:
    tolerance = {"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute"}
    plane.create(pod("soon", tolerations=[{**tolerance, "tolerationSeconds": 20}]))
    plane.create(pod("never", tolerations=[tolerance]))
    plane.settle()
    stop(plane, 90)
    gone = {
        name: "deletionTimestamp" in (plane.get("pods", f"default/{name}") or {})["metadata"]
        for name in ("soon", "never", "web-0")
    }
    assert gone == {"soon": True, "never": False, "web-0": False}


def test_a_taint_that_is_not_tolerated_evicts_at_once(plane: ControlPlane) -> None:
    before = (plane.get("pods", "default/web-0") or {})["metadata"]["uid"]
    plane.patch("nodes", NODE, {"spec": {"taints": [{"key": "drain", "effect": "NoExecute"}]}})
    plane.settle()
    web = plane.get("pods", "default/web-0")
    assert web is not None
    assert web["metadata"]["uid"] != before
    assert web["status"]["phase"] == "Pending"  # there is no other node it may go to


def test_when_every_node_is_silent_nobody_is_evicted(plane: ControlPlane) -> None:
    for kubelet in plane.kubelets.values():
        kubelet.stop()
    plane.loop.run_for(900)
    assert {effect for _, effect in taints(plane)} == {"NoSchedule"}
    assert "deletionTimestamp" not in (plane.get("pods", "default/web-0") or {})["metadata"]


def test_pods_of_a_node_that_is_no_more_are_removed(plane: ControlPlane) -> None:
    before = (plane.get("pods", "default/web-0") or {})["metadata"]["uid"]
    stop(plane, 1)
    plane.delete("nodes", NODE)
    plane.loop.run_for(30)
    assert (plane.get("pods", "default/web-0") or {})["metadata"]["uid"] == before
    plane.loop.run_for(30)
    web = plane.get("pods", "default/web-0")
    assert web is None or web["metadata"]["uid"] != before
    ends = (revision.object for revision in plane.store.history if revision.type == "DELETED")
    last = next(obj for obj in ends if obj["metadata"]["uid"] == before)
    assert last["status"]["phase"] == "Failed"
    assert (condition(last, "DisruptionTarget") or {})["message"] == "PodGC: node no longer exists"


def test_a_cordoned_node_is_tainted(plane: ControlPlane) -> None:
    plane.patch("nodes", NODE, {"spec": {"unschedulable": True}})
    plane.loop.run_for(1)
    assert taints(plane) == {("node.kubernetes.io/unschedulable", "NoSchedule")}
    plane.patch("nodes", NODE, {"spec": {"unschedulable": None}})
    plane.loop.run_for(1)
    assert taints(plane) == set()


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "a", "operator": "Exists"}, True),
        ({"key": "a", "value": "1"}, True),
        ({"key": "a", "value": "2"}, False),
        ({"key": "b", "operator": "Exists"}, False),
        ({"key": "a", "operator": "Exists", "effect": "NoSchedule"}, False),
    ],
)
def test_tolerations_match_by_key_value_and_effect(toleration: Object, expected: bool) -> None:
    assert tolerates(toleration, {"key": "a", "value": "1", "effect": "NoExecute"}) is expected
