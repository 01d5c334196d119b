"""What `[sig-apps] ReplicaSet` of the Kubernetes project's e2e tests does, step by step, against a server.

Source of the steps: test/e2e/apps/replica_set.go, test/e2e/framework/pod.
"""

from __future__ import annotations

from typing import Any

import pytest
from e2e_client import HTTPD, MERGE, Api

pytestmark = pytest.mark.slow

PAUSE = "registry.k8s.io/pause:3.10"
AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.53"
LABELS = {"name": "sample-pod", "pod": "httpd"}


def replica_set(name: str, replicas: int, labels: dict[str, str], image: str = HTTPD, **container: Any) -> Any:
    body = {"name": container.pop("container", "httpd"), "image": image, "resources": {}, **container}
    template = {
        "metadata": {"creationTimestamp": None, "labels": labels},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [body]},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    metadata = {"name": name, "creationTimestamp": None, "labels": labels}
    return {"metadata": metadata, "spec": spec, "status": {"replicas": 0}}


def _running(api: Api, labels: dict[str, str], count: int) -> list[Any]:
    """VerifyPodsRunning: so many Pods that are not going, all of them Running."""

    def found() -> Any:
        pods = [pod for pod in api.pods(labels) if not pod["metadata"].get("deletionTimestamp")]
        return len(pods) == count and all(pod["status"].get("phase") == "Running" for pod in pods) and pods

    return list(api.until(found, f"{count} Pods running"))


def _condition(api: Api, name: str, type: str) -> Any:
    found = api.get("replicasets", name)
    if found["status"].get("observedGeneration", 0) < found["metadata"]["generation"]:
        return "not seen yet"
    return next((each for each in found["status"].get("conditions") or () if each["type"] == type), None)


def test_should_serve_a_basic_image_on_each_replica(api: Api) -> None:
    name = "my-hostname-basic-5f3c1f0e-8b8f-4d55-9a39-2e5ae8f0e0fd"
    ports = [{"containerPort": 9376}]
    wanted = replica_set(name, 1, {"name": name}, AGNHOST, container=name, args=["serve-hostname"], ports=ports)
    api.create("replicasets", wanted)
    [pod] = _running(api, {"name": name}, 1)
    # WaitForPodsResponding asks through the API server's proxy, at the first port the Pod names.
    assert api.request("GET", api.path("pods", pod["metadata"]["name"], "proxy")) == pod["metadata"]["name"].encode()


def test_should_surface_a_failure_condition_on_a_common_issue_like_exceeded_quota(api: Api) -> None:
    api.create("resourcequotas", {"metadata": {"name": "condition-test"}, "spec": {"hard": {"pods": "2"}}})
    api.until(lambda: (api.get("resourcequotas", "condition-test").get("status") or {}).get("hard") == {"pods": "2"})
    api.create("replicasets", replica_set("condition-test", 3, {"name": "condition-test"}))
    failure = api.until(
        lambda: (found := _condition(api, "condition-test", "ReplicaFailure")) != "not seen yet" and found
    )
    assert (failure["status"], failure["reason"]) == ("True", "FailedCreate")
    api.update("replicasets", "condition-test", lambda each: each["spec"].update(replicas=2))
    api.until(lambda: _condition(api, "condition-test", "ReplicaFailure") is None, "the condition goes")


def test_should_adopt_matching_pods_on_creation_and_release_no_longer_matching_pods(api: Api) -> None:
    name = "pod-adoption-release"
    pod = {
        "metadata": {"name": name, "labels": {"name": name}},
        "spec": {"containers": [{"name": name, "image": HTTPD}]},
    }
    api.create("pods", pod)
    _running(api, {"name": name}, 1)
    made = api.create("replicasets", replica_set(name, 1, {"name": name}, container=name))
    uid = made["metadata"]["uid"]
    api.until(lambda: _owners(api.get("pods", name)) == [uid], "adopted")
    api.update("pods", name, lambda each: each["metadata"].update(labels={"name": "not-matching-name"}))
    api.until(lambda: _owners(api.get("pods", name)) == [], "released")
    _running(api, {"name": name}, 1)


def _owners(pod: Any) -> list[str]:
    return [each["uid"] for each in pod["metadata"].get("ownerReferences") or () if each.get("controller")]


def test_should_have_a_working_scale_subresource(api: Api) -> None:
    api.create("replicasets", replica_set("test-rs", 1, LABELS))
    _running(api, {"name": "sample-pod"}, 1)
    scale = api.get("replicasets", "test-rs", "scale")
    assert (scale["spec"]["replicas"], scale["status"]["replicas"]) == (1, 1)
    scale["metadata"]["resourceVersion"] = ""
    scale["spec"]["replicas"] = 2
    assert api.request("PUT", api.path("replicasets", "test-rs", "scale"), scale)["spec"]["replicas"] == 2
    assert api.get("replicasets", "test-rs")["spec"]["replicas"] == 2
    api.patch("replicasets", "test-rs", {"metadata": {}, "spec": {"replicas": 4}, "status": {"replicas": 0}}, "scale")
    assert api.get("replicasets", "test-rs")["spec"]["replicas"] == 4


def test_replace_and_patch(api: Api) -> None:
    version = api.list("replicasets", "test-rs=patched", everywhere=True)["metadata"]["resourceVersion"]
    api.create("replicasets", replica_set("test-rs", 1, LABELS))
    _running(api, {"name": "sample-pod"}, 1)
    api.update("replicasets", "test-rs", lambda each: each["spec"].update(replicas=2))
    pod = {"terminationGracePeriodSeconds": 0, "containers": [{"name": "test-rs", "image": PAUSE}]}
    patch = {"metadata": {"labels": {"test-rs": "patched"}}, "spec": {"replicas": 3, "template": {"spec": pod}}}
    api.patch("replicasets", "test-rs", patch)

    def is_patched(_: str, each: Any) -> bool:
        status = each.get("status", {})
        return (
            status.get("readyReplicas") == status.get("availableReplicas") == 3
            and each["spec"]["template"]["spec"]["containers"][0]["image"] == PAUSE
            and each["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 0
        )

    api.watch_until("replicasets", version, is_patched, "labelSelector=test-rs%3Dpatched")


def test_should_list_and_delete_a_collection_of_replicasets(api: Api) -> None:
    labels = {**LABELS, "e2e": "x7k2p"}
    api.create("replicasets", replica_set("test-rs", 3, labels))
    _running(api, {"name": "sample-pod"}, 3)
    assert len(api.list("replicasets", "e2e=x7k2p", everywhere=True)["items"]) == 1
    api.delete_collection("replicasets", "e2e=x7k2p", gracePeriodSeconds=1)
    assert not api.list("replicasets", "e2e=x7k2p", everywhere=True)["items"]
    api.until(lambda: not api.pods(labels), "the Pods go with their owner")


def test_should_validate_replicaset_status_endpoints(api: Api) -> None:
    query = "labelSelector=name%3Dsample-pod%2Cpod%3Dhttpd"
    version = api.list("replicasets", "name=sample-pod,pod=httpd", everywhere=True)["metadata"]["resourceVersion"]
    api.create("replicasets", replica_set("test-rs", 1, LABELS))
    _running(api, {"name": "sample-pod"}, 1)
    assert api.get("replicasets", "test-rs", "status")["status"]["replicas"] == 1
    added = {"type": "StatusUpdate", "status": "True", "lastTransitionTime": None, "reason": "E2E"}
    added["message"] = "Set from e2e test"
    api.update_status("replicasets", "test-rs", lambda each: each["status"].setdefault("conditions", []).append(added))

    def shows(type: str) -> Any:
        return lambda _, each: any(
            condition["type"] == type for condition in each.get("status", {}).get("conditions") or ()
        )

    api.watch_until("replicasets", version, shows("StatusUpdate"), query)
    patch = {"status": {"conditions": [{"type": "StatusPatched", "status": "True"}]}}
    api.patch("replicasets", "test-rs", patch, "status", type=MERGE)
    api.watch_until("replicasets", version, shows("StatusPatched"), query)
