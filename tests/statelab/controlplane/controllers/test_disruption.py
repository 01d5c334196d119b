"""PodDisruptionBudgets: what they allow, and the word on one eviction."""

from __future__ import annotations

import copy

import pytest

from statelab.controlplane.controllers.disruption import may_evict
from statelab.controlplane.errors import ApiError


def budget(name="web", labels=None, **spec):
    metadata = {"name": name}
    spec = {"selector": {"matchLabels": labels or {"app": "nginx"}}, **spec}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": spec}


def web(replicas=4, image="nginx:1.27"):
    spec = {"containers": [{"name": "nginx", "image": image}], "terminationGracePeriodSeconds": 1}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "nginx"}},
            "template": {"metadata": {"labels": {"app": "nginx"}}, "spec": spec},
        },
    }


def status(cluster, name="web"):
    return cluster.get("poddisruptionbudgets", name)["status"]


def counts(cluster):
    now = status(cluster)
    return tuple(now[each] for each in ("expectedPods", "desiredHealthy", "currentHealthy", "disruptionsAllowed"))


def evict(cluster, name):
    may_evict(cluster.get("pods", name), cluster.view("apiserver"))


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"minAvailable": 3}, (4, 3, 4, 1)),
        ({"minAvailable": "60%"}, (4, 3, 4, 1)),
        ({"maxUnavailable": 1}, (4, 3, 4, 1)),
        ({"maxUnavailable": "30%"}, (4, 2, 4, 2)),
        ({"maxUnavailable": 9}, (4, 0, 4, 4)),
        ({"minAvailable": 9}, (4, 9, 4, 0)),
    ],
)
def test_a_budget_counts_by_what_the_deployment_wants(cluster, spec, expected):
    cluster.apply(web())
    cluster.apply(budget(**spec))
    cluster.settle()
    assert counts(cluster) == expected
    [told] = status(cluster)["conditions"]
    assert told["reason"] == ("SufficientPods" if expected[3] else "InsufficientPods")


def test_a_budget_that_matches_nothing_allows_nothing(cluster):
    cluster.apply(budget(minAvailable=0))
    cluster.settle()
    assert counts(cluster) == (0, 0, 0, 0)
    assert "No matching pods found" in cluster.messages("NoPods")


def test_each_eviction_is_counted_before_its_pod_is_seen_to_go(cluster):
    cluster.apply(web())
    cluster.apply(budget(maxUnavailable=1))
    cluster.settle()
    one, other, *_ = cluster.names("pods")
    evict(cluster, one)
    with pytest.raises(ApiError) as refusal:
        evict(cluster, other)
    answer = refusal.value.status()
    assert (answer["code"], answer["reason"]) == (429, "TooManyRequests")
    assert answer["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
    assert answer["details"]["causes"] == [
        {"reason": "DisruptionBudget", "message": "The disruption budget web needs 3 healthy pods and has 4 currently"}
    ]
    assert list(status(cluster)["disruptedPods"]) == [one]


def test_an_eviction_that_never_happens_is_forgotten_after_two_minutes(cluster):
    cluster.apply(web())
    cluster.apply(budget(maxUnavailable=1))
    cluster.settle()
    evict(cluster, cluster.names("pods")[0])
    cluster.settle(150)
    assert "disruptedPods" not in status(cluster)
    assert status(cluster)["disruptionsAllowed"] == 1


def test_a_budget_that_is_not_counted_yet_asks_to_wait(cluster):
    cluster.apply(web())
    cluster.settle()
    cluster.apply(budget(maxUnavailable=1))
    with pytest.raises(ApiError) as refusal:
        evict(cluster, cluster.names("pods")[0])
    details = refusal.value.status()["details"]
    assert details["retryAfterSeconds"] == 10
    assert details["causes"][0]["message"] == "The disruption budget web is still being processed by the server."


def test_two_budgets_for_one_pod_are_an_error(cluster):
    cluster.apply(web())
    cluster.apply(budget(maxUnavailable=1))
    cluster.apply(budget("other", maxUnavailable=1))
    cluster.settle()
    with pytest.raises(ApiError, match="more than one PodDisruptionBudget") as refusal:
        evict(cluster, cluster.names("pods")[0])
    assert refusal.value.code == 500


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed"])
def test_a_pod_that_does_not_run_needs_no_leave(cluster, phase):
    cluster.apply(web())
    cluster.apply(budget(maxUnavailable=0))
    cluster.settle()
    pod = copy.deepcopy(cluster.get("pods", cluster.names("pods")[0]))
    pod["status"]["phase"] = phase
    may_evict(pod, cluster.view("apiserver"))


def test_an_unhealthy_pod_may_go_if_the_rest_suffices_or_the_policy_always_allows(cluster):
    cluster.apply(web())
    cluster.apply(budget(maxUnavailable=0))
    cluster.settle()
    pod = copy.deepcopy(cluster.get("pods", cluster.names("pods")[0]))
    for each in pod["status"]["conditions"]:
        each["status"] = "False" if each["type"] == "Ready" else each["status"]
    may_evict(pod, cluster.view("apiserver"))  # 4 are healthy and 4 must be
    cluster.patch("deployments", "web", replicas=5)
    cluster.loop.run_for(0.1)
    with pytest.raises(ApiError):
        may_evict(pod, cluster.view("apiserver"))
    cluster.patch("poddisruptionbudgets", "web", unhealthyPodEvictionPolicy="AlwaysAllow")
    may_evict(pod, cluster.view("apiserver"))


def test_pods_of_unknown_owners_stop_the_count(cluster):
    owner = {
        "apiVersion": "example.com/v1",
        "kind": "Thing",
        "name": "thing",
        "uid": "12345678-0000-4000-8000-000000000000",
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "odd", "labels": {"app": "nginx"}}}
    pod["metadata"]["ownerReferences"] = [{**owner, "controller": True}]
    pod["spec"] = {"containers": [{"name": "nginx", "image": "nginx:1.27"}]}
    cluster.apply(pod)
    cluster.apply(budget(maxUnavailable=1))
    cluster.loop.run_for(0.1)
    [told] = status(cluster)["conditions"]
    assert (told["reason"], told["message"]) == ("SyncFailed", 'found no controllers for pod "odd"')
    assert status(cluster)["disruptionsAllowed"] == 0


def test_an_eviction_marks_its_pod_and_deletes_it(cluster):
    cluster.apply(web())
    cluster.apply(budget(maxUnavailable=1))
    cluster.settle()
    one, other, *_ = cluster.names("pods")
    options = cluster.plane.options()
    cluster.plane.api.evict("default", one, {"deleteOptions": {"dryRun": ["All"]}}, options)
    assert "deletionTimestamp" not in cluster.get("pods", one)["metadata"]
    answer = cluster.plane.api.evict("default", one, {}, options)
    assert (answer["status"], answer["code"]) == ("Success", 201)
    marked = cluster.get("pods", one)
    assert "deletionTimestamp" in marked["metadata"]
    told = marked["status"]["conditions"][-1]
    assert (told["type"], told["reason"], told["message"]) == (
        "DisruptionTarget",
        "EvictionByEvictionAPI",
        "Eviction API: evicting",
    )
    with pytest.raises(ApiError, match="Cannot evict pod"):
        cluster.plane.api.evict("default", other, {}, options)
    cluster.settle()
    cluster.plane.api.evict("default", other, {}, options)
