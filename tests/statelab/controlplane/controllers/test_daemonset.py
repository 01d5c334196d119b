"""The DaemonSet controller, by what a user can see. A cluster has a control plane with a taint, and two workers."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane.kinds import Object

EVERYWHERE = [{"operator": "Exists"}]
WORKERS = ["kind-worker", "kind-worker2"]


def daemon_set(image: str = "nginx:1.27", pod: Object | None = None, **spec: Any) -> Object:
    template = {
        "metadata": {"labels": {"app": "agent"}},
        "spec": {"containers": [{"name": "nginx", "image": image}], "terminationGracePeriodSeconds": 1, **(pod or {})},
    }
    spec = {"selector": {"matchLabels": {"app": "agent"}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"}, "spec": spec}


def nodes(cluster: Any) -> list[str]:
    return sorted(pod["spec"]["nodeName"] for pod in cluster.plane.list("pods", "default"))


def status(cluster: Any) -> Object:
    found: Object = cluster.get("daemonsets", "agent")["status"]
    return found


def label(cluster: Any, node: str, **labels: str | None) -> None:
    cluster.plane.patch("nodes", node, {"metadata": {"labels": labels}})


def test_a_pod_on_every_node_that_lets_one_in(cluster: Any) -> None:
    cluster.apply(daemon_set())
    cluster.settle(20)
    assert nodes(cluster) == WORKERS
    assert (status(cluster)["desiredNumberScheduled"], status(cluster)["numberAvailable"]) == (2, 2)


def test_with_a_toleration_the_control_plane_has_one_too(cluster: Any) -> None:
    cluster.apply(daemon_set(pod={"tolerations": EVERYWHERE}))
    cluster.settle(20)
    assert nodes(cluster) == ["kind-control-plane", *WORKERS]


def test_a_label_on_a_node_brings_the_pod_and_takes_it_away(cluster: Any) -> None:
    cluster.apply(daemon_set(pod={"nodeSelector": {"disk": "ssd"}}))
    cluster.settle(10)
    assert nodes(cluster) == []
    label(cluster, "kind-worker2", disk="ssd")
    cluster.settle(10)
    assert nodes(cluster) == ["kind-worker2"]
    label(cluster, "kind-worker2", disk=None)
    cluster.settle(10)
    assert nodes(cluster) == []


def test_a_taint_that_does_not_evict_leaves_the_pod_and_counts_it_as_misplaced(cluster: Any) -> None:
    cluster.apply(daemon_set())
    cluster.settle(10)
    taint = {"key": "mine", "effect": "NoSchedule"}
    cluster.plane.patch("nodes", "kind-worker", {"spec": {"taints": [taint]}})
    cluster.settle(10)
    assert nodes(cluster) == WORKERS
    assert (status(cluster)["desiredNumberScheduled"], status(cluster)["numberMisscheduled"]) == (1, 1)


def test_a_cordoned_node_keeps_and_gets_its_daemon(cluster: Any) -> None:
    cluster.plane.patch("nodes", "kind-worker", {"spec": {"unschedulable": True}})
    cluster.apply(daemon_set())
    cluster.settle(10)
    assert nodes(cluster) == WORKERS


def test_a_rolling_update_takes_one_node_after_the_other(cluster: Any) -> None:
    cluster.apply(daemon_set())
    cluster.settle(10)
    cluster.image("daemonsets", "agent", "nginx:1.28")
    fewest = 2
    for _ in range(200):
        cluster.settle(0.1)
        fewest = min(fewest, status(cluster).get("numberAvailable", 0))
    assert fewest == 1
    assert status(cluster)["updatedNumberScheduled"] == 2
    images = {pod["spec"]["containers"][0]["image"] for pod in cluster.plane.list("pods", "default")}
    assert images == {"nginx:1.28"}


def test_with_surge_no_node_is_ever_without(cluster: Any) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    cluster.apply(daemon_set(updateStrategy=strategy))
    cluster.settle(10)
    cluster.image("daemonsets", "agent", "nginx:1.28")
    fewest, most = 2, 0
    for _ in range(200):
        cluster.settle(0.1)
        fewest = min(fewest, status(cluster).get("numberAvailable", 0))
        living = [pod for pod in cluster.plane.list("pods", "default") if "deletionTimestamp" not in pod["metadata"]]
        most = max(most, len(living))
    assert (fewest, most, len(cluster.names("pods"))) == (2, 3, 2)


def test_on_delete_waits_for_whoever_deletes_the_pods(cluster: Any) -> None:
    cluster.apply(daemon_set(updateStrategy={"type": "OnDelete"}))
    cluster.settle(10)
    before = cluster.names("pods")
    cluster.image("daemonsets", "agent", "nginx:1.28")
    cluster.settle(20)
    assert (cluster.names("pods"), status(cluster).get("updatedNumberScheduled", 0)) == (before, 0)
    cluster.delete("pods", before[0])
    cluster.settle(20)
    assert status(cluster)["updatedNumberScheduled"] == 1


def test_going_back_to_an_older_template_makes_no_third_revision(cluster: Any) -> None:
    cluster.apply(daemon_set())
    cluster.settle(10)
    for image in ("nginx:1.28", "nginx:1.27"):
        cluster.image("daemonsets", "agent", image)
        cluster.settle(20)
    found = cluster.plane.list("controllerrevisions", "default")
    assert sorted(each["revision"] for each in found) == [2, 3]
    newest = max(found, key=lambda each: int(each["revision"]))
    hash = newest["metadata"]["labels"]["controller-revision-hash"]
    pods = cluster.plane.list("pods", "default")
    assert {pod["metadata"]["labels"]["controller-revision-hash"] for pod in pods} == {hash}


def test_a_daemon_that_failed_for_good_is_replaced(cluster: Any) -> None:
    cluster.apply(daemon_set())
    cluster.settle(10)
    name = cluster.names("pods")[0]

    def fail(pod: Object) -> None:
        pod["status"]["phase"] = "Failed"

    cluster.change("pods", name, fail, "status")
    cluster.settle(20)
    assert name not in cluster.names("pods")
    assert nodes(cluster) == WORKERS
    assert len(cluster.messages("FailedDaemonPod")) == 1


@pytest.mark.parametrize("kind", ["orphan", "background"])
def test_its_pods_stay_or_go_with_it(cluster: Any, kind: str) -> None:
    cluster.apply(daemon_set())
    cluster.settle(10)
    before = cluster.names("pods")
    cluster.delete("daemonsets", "agent", propagationPolicy=kind.title())
    cluster.settle(10)
    assert cluster.names("pods") == (before if kind == "orphan" else [])
    if kind == "orphan":
        cluster.apply(daemon_set())
        cluster.settle(10)
        assert cluster.names("pods") == before  # adopted


def test_why_tells_the_node(cluster: Any) -> None:
    cluster.apply(daemon_set())
    cluster.settle(10)
    assert "has no Pod of daemonset/agent" in str(cluster.plane.why("pods", f"default/{cluster.names('pods')[0]}"))
