"""The ReplicaSet controller, by what a user can see; and which Pod goes first."""

from __future__ import annotations

import pytest

from statelab.controlplane.controllers.common import sizes
from statelab.controlplane.controllers.common.pods import deletion_cost, first_to_remove
from statelab.controlplane.controllers.common.sizes import slow_start
from statelab.controlplane.errors import ApiError

NOW_S = 1_767_225_600.0 + 100_000  # 2026-01-02


def rs(replicas=3, image="nginx:1.27", **spec):
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "nginx"}},
            "template": {
                "metadata": {"labels": {"app": "nginx"}},
                "spec": {"containers": [{"name": "nginx", "image": image}], "terminationGracePeriodSeconds": 1},
            },
            **spec,
        },
    }


def bare_pod(name, **labels):
    spec = {"containers": [{"name": "nginx", "image": "nginx:1.27"}], "terminationGracePeriodSeconds": 1}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


def status(cluster):
    return cluster.get("replicasets", "web")["status"]


def test_the_number_of_pods_is_made_right_and_told(cluster):
    cluster.apply(rs())
    cluster.settle()
    assert status(cluster) == {
        "replicas": 3,
        "fullyLabeledReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "terminatingReplicas": 0,
        "observedGeneration": 1,
    }
    assert sorted(cluster.messages("SuccessfulCreate")) == [f"Created pod: {name}" for name in cluster.names("pods")]
    cluster.delete("pods", cluster.names("pods")[0])
    cluster.settle()
    assert len(cluster.names("pods")) == 3


def test_scaling_to_zero_leaves_a_short_status(cluster):
    cluster.apply(rs())
    cluster.settle()
    cluster.patch("replicasets", "web", replicas=0)
    cluster.settle()
    assert status(cluster) == {"replicas": 0, "terminatingReplicas": 0, "observedGeneration": 2}
    assert len(cluster.messages("SuccessfulDelete")) == 3


def test_an_orphan_that_matches_is_adopted_in_place_of_a_new_pod(cluster):
    cluster.apply(bare_pod("mine", app="nginx"))
    cluster.apply(rs())
    cluster.settle()
    assert len(cluster.names("pods")) == 3
    assert cluster.get("pods", "mine")["metadata"]["ownerReferences"][0]["name"] == "web"


def test_a_pod_that_matches_no_longer_is_released_and_replaced(cluster):
    cluster.apply(rs())
    cluster.settle()
    name = cluster.names("pods")[0]
    cluster.change("pods", name, lambda pod: pod["metadata"]["labels"].update(app="debugging"))
    cluster.settle()
    assert "ownerReferences" not in cluster.get("pods", name)["metadata"]
    assert len(cluster.names("pods")) == 4


def test_a_refusal_is_a_condition_until_it_is_over(cluster):
    metadata = {"name": "two"}
    cluster.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": {"pods": "2"}}})
    cluster.settle(1)
    cluster.apply(rs())
    cluster.settle(3)
    [told] = status(cluster)["conditions"]
    assert (told["type"], told["status"], told["reason"]) == ("ReplicaFailure", "True", "FailedCreate")
    assert told["message"].endswith("exceeded quota: two, requested: pods=1, used: pods=2, limited: pods=2")
    assert cluster.messages("FailedCreate")[0] == f"Error creating: {told['message']}"
    assert status(cluster)["replicas"] == 2
    cluster.delete("resourcequotas", "two")
    cluster.settle(60)
    assert "conditions" not in status(cluster)


def test_min_ready_seconds_delay_availability_not_readiness(cluster):
    cluster.apply(rs(minReadySeconds=20))
    cluster.settle(10)
    assert status(cluster)["readyReplicas"] == 3
    assert "availableReplicas" not in status(cluster)
    cluster.settle(30)
    assert status(cluster)["availableReplicas"] == 3


def test_a_large_set_is_made_and_removed_in_bursts(cluster, monkeypatch):
    monkeypatch.setattr(sizes, "IN_ONE_PASS", 5)
    for replicas in (12, 0):
        if replicas:
            cluster.apply(rs(replicas))
        else:
            cluster.patch("replicasets", "web", replicas=0)
        cluster.settle(5)
        assert status(cluster)["replicas"] == replicas


def test_a_controller_makes_a_burst_at_once_and_then_so_many_a_second():
    allowance = sizes.Allowance(now_s=0.0)
    made = 0
    while granted := allowance.take(70_000, now_s=0.0):
        assert granted <= sizes.IN_ONE_PASS
        made += granted
    assert made == 500
    assert allowance.take(70_000, now_s=0.5) == 25
    assert allowance.take(3, now_s=10.0) == 3


def test_slow_start_stops_after_the_first_batch_that_was_refused():
    asked = []

    def ask(number):
        asked.append(number)
        if number >= 5:
            raise ApiError(403, "Forbidden", f"no {number}")

    refusal = slow_start(range(100), ask)
    assert refusal is not None and refusal.message == "no 5"
    assert asked == [0, 1, 2, 3, 4, 5, 6]  # batches of 1, 2 and 4


# ---- which Pod goes first


def pod(
    name, *, node="a", phase="Running", ready="2026-01-01T01:00:00Z", born="2026-01-01T00:00:00Z", cost=None, restarts=0
):
    annotations = {"controller.kubernetes.io/pod-deletion-cost": str(cost)} if cost is not None else {}
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": ready}] if ready else []
    return {
        "metadata": {"name": name, "uid": name, "creationTimestamp": born, "annotations": annotations},
        "spec": {"nodeName": node} if node else {},
        "status": {
            "phase": phase,
            "conditions": conditions,
            "containerStatuses": [{"name": "c", "restartCount": restarts}],
        },
    }


@pytest.mark.parametrize(
    ("goes", "stays"),
    [
        (pod("goes", node=""), pod("stays", phase="Pending", ready=None)),
        (pod("goes", phase="Pending", ready=None), pod("stays", phase="Unknown", ready=None)),
        (pod("goes", ready=None), pod("stays", cost=-5)),
        (pod("goes", cost=-5), pod("stays")),
        (pod("goes"), pod("stays", cost=1)),
        (pod("goes", ready="2026-01-02T03:46:30Z"), pod("stays", restarts=5)),
        (pod("goes", restarts=2), pod("stays", restarts=1)),
        (pod("goes", born="2026-01-02T03:46:00Z"), pod("stays")),
        (pod("a-goes", ready="2026-01-01T01:00:00Z"), pod("stays", ready="2026-01-01T01:00:01Z")),
    ],
    ids=["not assigned", "pending", "not ready", "cheap", "others dear", "just ready", "restarted", "young", "by uid"],
)
def test_a_pod_goes_first_when_it_is(goes, stays):
    for pods in ([goes, stays], [stays, goes]):
        assert first_to_remove(pods, [], NOW_S)[0] is goes


def test_a_pod_goes_first_when_its_node_has_most_of_its_kind():
    crowded, alone = pod("crowded", node="a"), pod("alone", node="b", ready="2026-01-02T03:46:30Z")
    related = [crowded, alone, {**pod("old", node="a"), "metadata": {**pod("old")["metadata"]}}]
    assert first_to_remove([alone, crowded], related, NOW_S)[0] is crowded


@pytest.mark.parametrize(
    ("text", "cost"),
    [("10", 10), ("-10", -10), ("0", 0), ("+10", 0), ("007", 0), ("1.5", 0), ("", 0), ("2147483648", 0), ("-0", 0)],
)
def test_a_deletion_cost_is_an_int32_in_plain_digits_or_nothing(text, cost):
    assert deletion_cost(pod("any", cost=text)) == cost
