"""In-place resize (KEP-1287): what the node allows, what waits for room, what restarts; in the kubelet's words."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane.apiserver.serving.client import InProcessClient, Reply
from statelab.controlplane.kinds import Object

from .conftest import Cluster

SIZE = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}}


def resize(cluster: Cluster, name: str = "p", **resources: Any) -> Reply:
    path = f"/api/v1/namespaces/default/pods/{name}/resize"
    body = {"spec": {"containers": [{"name": "main", "resources": resources}]}}
    return InProcessClient(cluster).request(
        "PATCH", path, body=body, content_type="application/strategic-merge-patch+json"
    )


def resizes(cluster: Cluster, name: str = "p") -> list[str]:
    return [line for line in cluster.told(name) if "resize" in line.lower()]


def condition(cluster: Cluster, name: str = "p") -> Object | None:
    found = [each for each in cluster.status(name)["conditions"] if each["type"].startswith("PodResize")]
    return found[0] if found else None


def test_a_running_pod_gets_more_cpu_and_goes_on(cluster: Cluster) -> None:
    cluster.start(container={"resources": SIZE})
    cluster.settle()
    assert resize(cluster, requests={"cpu": "150m"}).code == 200
    cluster.settle()
    told = (
        '{"containers":[{"name":"main","resources":{"limits":{"cpu":"200m","memory":"64Mi"},"requests":{"cpu":"150m",'
    )
    told += '"memory":"64Mi"}}}],"generation":2}'
    assert resizes(cluster) == [
        f"ResizeStarted: Pod resize started: {told}",
        f"ResizeCompleted: Pod resize completed: {told}",
    ]
    status, main = cluster.status(), cluster.main()
    assert main["restartCount"] == 0
    assert main["allocatedResources"] == main["resources"]["requests"] == {"cpu": "150m", "memory": "64Mi"}
    assert status["allocatedResources"] == {"cpu": "150m", "memory": "64Mi"}
    assert (status["observedGeneration"], condition(cluster)) == (2, None)


def test_a_container_restarts_for_a_resource_whose_policy_says_so(cluster: Cluster) -> None:
    policy = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
    cluster.start(container={"resources": SIZE, "resizePolicy": policy})
    cluster.settle()
    resize(cluster, requests={"cpu": "150m"})
    cluster.settle()
    assert cluster.main()["restartCount"] == 0
    resize(cluster, requests={"memory": "80Mi"}, limits={"memory": "80Mi"})
    cluster.settle()
    assert cluster.main()["restartCount"] == 1
    assert "Killing: Container main resize requires restart" in cluster.told()
    assert resizes(cluster)[-1].startswith("ResizeCompleted: ")


def test_what_no_node_has_is_infeasible_and_what_others_have_is_deferred_until_they_go(cluster: Cluster) -> None:
    node = {"cpu": "2", "memory": "4Gi", "pods": "110"}
    for each in cluster.list("nodes"):
        cluster.patch("nodes", each["metadata"]["name"], {"status": {"capacity": node, "allocatable": node}}, "status")
    here = {"nodeSelector": {"kubernetes.io/hostname": "kind-worker"}, "terminationGracePeriodSeconds": 1}
    cluster.start(container={"resources": {"requests": {"cpu": "500m"}}}, **here)
    cluster.start("other", container={"resources": {"requests": {"cpu": "1"}}}, **here)
    cluster.settle()
    resize(cluster, requests={"cpu": "3"})
    cluster.settle()
    found = condition(cluster)
    assert found is not None
    assert (found["type"], found["reason"], found["observedGeneration"]) == ("PodResizePending", "Infeasible", 2)
    assert found["message"] == "Node didn't have enough capacity: cpu, requested: 3000, capacity: 2000"
    assert cluster.main()["allocatedResources"] == {"cpu": "500m"}
    resize(cluster, requests={"cpu": "1500m"})
    cluster.settle()
    found = condition(cluster)
    words = "Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000"
    assert found is not None
    assert (found["reason"], found["message"]) == ("Deferred", words)
    assert resizes(cluster)[-1].startswith("ResizeDeferred: Pod resize OutOfcpu: ")
    assert resizes(cluster)[-1].endswith(f'"generation":3,"error":"{words}"}}')
    cluster.delete("pods", "default/other")
    cluster.settle()
    assert condition(cluster) is None
    assert cluster.main()["allocatedResources"] == {"cpu": "1500m"}


@pytest.mark.parametrize(
    ("resources", "said"),
    [
        (
            {"requests": {"cpu": "200m"}},
            'spec: Invalid value: "Burstable": Pod QOS Class may not change as',
        ),
        (
            {"limits": {"cpu": None}},
            "containers[0].resources.limits: Forbidden: resource limits cannot be removed",
        ),
        ({"limits": {"ephemeral-storage": "1Gi"}}, "spec: Forbidden: only cpu and memory resources are mutable"),
        (
            {"requests": {"cpu": "1"}},
            'resources.requests: Invalid value: "1": must be less than or equal to cpu',
        ),
    ],
)
def test_a_resize_is_refused_in_the_servers_words(cluster: Cluster, resources: Object, said: str) -> None:
    cluster.start(container={"resources": SIZE})
    reply = resize(cluster, **resources)
    assert reply.code == 422
    assert said in reply.body["message"]


def test_only_resources_are_taken_from_a_resize_and_limits_and_quotas_are_asked(cluster: Cluster) -> None:
    cluster.start(container={"resources": SIZE})
    path = "/api/v1/namespaces/default/pods/p/resize"
    body = {"spec": {"containers": [{"name": "main", "image": "nginx:1.28"}]}}
    merge = "application/strategic-merge-patch+json"
    reply = InProcessClient(cluster).request("PATCH", path, body=body, content_type=merge)
    assert (reply.code, reply.body["spec"]["containers"][0]["image"]) == (200, "nginx:1.27")
    for kind, spec in (
        ("LimitRange", {"limits": [{"type": "Container", "max": {"cpu": "300m"}}]}),
        ("ResourceQuota", {"hard": {"requests.memory": "70Mi"}}),
    ):
        cluster.create({"apiVersion": "v1", "kind": kind, "metadata": {"name": "few"}, "spec": spec})
    cluster.settle()
    assert "maximum cpu usage per Container is 300m" in resize(cluster, limits={"cpu": "400m"}).body["message"]
    more = resize(cluster, requests={"memory": "80Mi"}, limits={"memory": "80Mi"})
    assert "exceeded quota: few, requested: requests.memory=16Mi, used: requests.memory=64Mi" in more.body["message"]


def test_the_resources_of_a_pod_as_a_whole_are_resized_as_those_of_containers(cluster: Cluster) -> None:
    cluster.start(resources=SIZE, container={"resources": {"requests": {"cpu": "50m"}}})
    cluster.settle()
    client, path = InProcessClient(cluster), "/api/v1/namespaces/default/pods/p/resize"

    def ask(resources: Object) -> Reply:
        merge = "application/merge-patch+json"
        return client.request("PATCH", path, body={"spec": {"resources": resources}}, content_type=merge)

    assert ask({"requests": {"cpu": "150m"}, "limits": {"cpu": "400m"}}).code == 200
    cluster.settle()
    status = cluster.status()
    assert status["allocatedResources"] == {"cpu": "150m", "memory": "64Mi"}
    assert status["resources"] == {
        "limits": {"cpu": "400m", "memory": "64Mi"}, "requests": {"cpu": "150m", "memory": "64Mi"},
    }  # fmt: skip
    assert (condition(cluster), cluster.main()["restartCount"]) == (None, 0)
    told = '{"resources":{"limits":{"cpu":"400m","memory":"64Mi"},"requests":{"cpu":"150m",'
    assert resizes(cluster)[0].startswith(f"ResizeStarted: Pod resize started: {told}")
    ask({"requests": {"cpu": "6400"}, "limits": {"cpu": "6500"}})
    cluster.settle()
    found = condition(cluster)
    assert found is not None and found["reason"] == "Infeasible"
    assert cluster.status()["allocatedResources"]["cpu"] == "150m"
    for resources, said in (
        ({"limits": {"cpu": None}}, "spec.resources.limits: Forbidden: resource limits cannot be removed"),
        (
            {"requests": {"hugepages-2Mi": "2Mi"}, "limits": {"hugepages-2Mi": "2Mi"}},
            "only cpu and memory resources are",
        ),
        ({"requests": {"cpu": "10m"}}, "must be greater than or equal to aggregate container requests of 50m"),
        ({"requests": {"cpu": "6400"}, "limits": {"cpu": "6400", "memory": "64Mi"}}, "Pod QOS Class may not change"),
    ):
        reply = ask(resources)
        assert reply.code == 422 and said in reply.body["message"], reply.body
