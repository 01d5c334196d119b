"""What `[sig-apps] Deployment` of the Kubernetes project's e2e tests does, step by step, against a server.

Source of the steps: test/e2e/apps/deployment.go, test/e2e/framework/deployment, test/utils/deployment.go.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from e2e_client import HTTPD, MERGE, Api, Refused

pytestmark = pytest.mark.slow

PAUSE = "registry.k8s.io/pause:3.10"
AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.53"
REVISION = "deployment.kubernetes.io/revision"
ROLLING: dict[str, Any] = {"type": "RollingUpdate"}


def deployment(
    name: str, replicas: int, labels: dict[str, str], container: str, image: str, strategy: Any = None, **spec: Any
) -> Any:
    pod = {
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": container, "image": image, "securityContext": {}}],
    }
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "strategy": strategy or ROLLING,
            "template": {"metadata": {"labels": labels}, "spec": pod},
            **spec,
        },
        "status": {},
    }


def replica_set(name: str, replicas: int, labels: dict[str, str]) -> Any:
    pod = {"terminationGracePeriodSeconds": 0, "containers": [{"name": "httpd", "image": HTTPD}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec}


def _new_replica_set(api: Api, name: str) -> Any:
    """testutil.GetNewReplicaSet: the oldest one that has the Deployment's template."""
    found = api.get("deployments", name)

    def template(obj: Any) -> Any:
        labels = {k: v for k, v in obj["spec"]["template"]["metadata"]["labels"].items() if k != "pod-template-hash"}
        return {**obj["spec"]["template"], "metadata": {**obj["spec"]["template"]["metadata"], "labels": labels}}

    matching = [each for each in _replica_sets(api, found) if template(each) == template(found)]
    return min(matching, key=lambda each: each["metadata"]["creationTimestamp"], default=None)


def _replica_sets(api: Api, of: Any) -> list[Any]:
    selector = ",".join(f"{key}={value}" for key, value in of["spec"]["selector"]["matchLabels"].items())
    return [
        each
        for each in api.list("replicasets", selector)["items"]
        if any(owner["uid"] == of["metadata"]["uid"] for owner in each["metadata"].get("ownerReferences") or ())
    ]


def _at_revision(api: Api, name: str, revision: str, image: str) -> None:
    """WaitForDeploymentRevisionAndImage."""

    def holds() -> bool:
        new = _new_replica_set(api, name)
        return (
            new is not None
            and api.get("deployments", name)["metadata"].get("annotations", {}).get(REVISION) == revision
            and new["metadata"].get("annotations", {}).get(REVISION) == revision
            and new["spec"]["template"]["spec"]["containers"][0]["image"] == image
        )

    api.until(holds, f"{name} at revision {revision}")


def _complete(api: Api, name: str) -> Any:
    """WaitForDeploymentComplete."""

    def holds() -> Any:
        found = api.get("deployments", name)
        status, replicas = found["status"], found["spec"]["replicas"]
        counts = {status.get(key, 0) for key in ("updatedReplicas", "replicas", "availableReplicas")}
        return counts == {replicas} and status.get("observedGeneration", 0) >= found["metadata"]["generation"] and found

    return api.until(holds, f"{name} complete")


def _observed(api: Api, name: str) -> None:
    def holds() -> bool:
        found = api.get("deployments", name)
        return bool(found["status"].get("observedGeneration", 0) >= found["metadata"]["generation"])

    api.until(holds, f"{name} observed")


def _set_container(api: Api, name: str, /, **fields: str) -> Any:
    return api.update(
        "deployments", name, lambda each: each["spec"]["template"]["spec"]["containers"][0].update(**fields)
    )


def _running(api: Api, labels: dict[str, str], count: int) -> None:
    def holds() -> bool:
        pods = [pod for pod in api.pods(labels) if not pod["metadata"].get("deletionTimestamp")]
        return len(pods) == count and all(pod["status"].get("phase") == "Running" for pod in pods)

    api.until(holds, f"{count} Pods running")


def _replicas(api: Api, name: str, spec: int, status: int | None = None) -> None:
    def holds() -> bool:
        found = api.get("replicasets", name)
        return bool(found["spec"]["replicas"] == spec and status in (None, found["status"]["replicas"]))

    api.until(holds, f"{name} has {spec} replicas")


# ---- rollouts


def test_deployment_reaping_should_cascade_to_its_replica_sets_and_pods(api: Api) -> None:
    wanted = deployment("test-new-deployment", 1, {"name": "httpd"}, "httpd", HTTPD)
    applied = "kubectl.kubernetes.io/last-applied-configuration"
    wanted["metadata"]["annotations"] = {"test": "should-copy-to-replica-set", applied: "should-not-copy"}
    api.create("deployments", wanted)
    _at_revision(api, "test-new-deployment", "1", HTTPD)
    _complete(api, "test-new-deployment")
    annotations = _new_replica_set(api, "test-new-deployment")["metadata"]["annotations"]
    assert annotations["test"] == "should-copy-to-replica-set" and applied not in annotations
    api.delete("deployments", "test-new-deployment", propagationPolicy="Background")
    assert not api.exists("deployments", "test-new-deployment")
    api.until(lambda: not api.list("replicasets", "name=httpd")["items"], "the ReplicaSets go")
    api.until(lambda: not api.pods({"name": "httpd"}), "the Pods go")


def test_rolling_update_deployment_should_delete_old_pods_and_create_new_ones(api: Api) -> None:
    old = replica_set("test-rolling-update-controller", 1, {"name": "sample-pod", "pod": "httpd"})
    old["metadata"]["annotations"] = {REVISION: "3546343826724305832"}
    api.create("replicasets", old)
    _running(api, {"name": "sample-pod"}, 1)
    name = "test-rolling-update-deployment"
    api.create("deployments", deployment(name, 1, {"name": "sample-pod"}, "agnhost", AGNHOST))
    _at_revision(api, name, "3546343826724305833", AGNHOST)
    found = _complete(api, name)
    new = _new_replica_set(api, name)
    others = [each for each in _replica_sets(api, found) if each["metadata"]["uid"] != new["metadata"]["uid"]]
    assert [each["metadata"]["name"] for each in others] == ["test-rolling-update-controller"]


def test_recreate_deployment_should_delete_old_pods_and_create_new_ones(api: Api) -> None:
    name, labels = "test-recreate-deployment", {"name": "sample-pod-3"}
    api.create("deployments", deployment(name, 1, labels, "agnhost", AGNHOST, {"type": "Recreate"}))
    _at_revision(api, name, "1", AGNHOST)
    _complete(api, name)
    version = api.get("deployments", name)["metadata"]["resourceVersion"]
    updated = _set_container(api, name, name="httpd", image=HTTPD)
    generation = updated["metadata"]["generation"]

    def no_new_with_old(type: str, each: Any) -> bool:
        if each["metadata"]["name"] != name:
            return False
        status = each["status"]
        if status.get("updatedReplicas", 0) > 0 and status.get("replicas", 0) != status.get("updatedReplicas"):
            raise AssertionError("old and new Pods run at the same time")
        return bool(
            status.get("observedGeneration", 0) >= generation
            and status.get("updatedReplicas") == status.get("availableReplicas") == each["spec"]["replicas"]
        )

    api.watch_until("deployments", version, no_new_with_old)


def test_deployment_should_delete_old_replica_sets(api: Api) -> None:
    api.create("replicasets", replica_set("test-cleanup-controller", 1, {"name": "cleanup-pod", "pod": "httpd"}))
    _running(api, {"name": "cleanup-pod"}, 1)
    version = api.list("pods")["metadata"]["resourceVersion"]
    created: list[str] = []

    def pods_added(type: str, pod: Any) -> bool:
        if type == "ADDED":
            created.append(pod["spec"]["containers"][0]["name"])
        return type == "DELETED"

    seen = api.in_background(lambda: api.watch_until("pods", version, pods_added))
    name = "test-cleanup-deployment"
    labels = {"name": "cleanup-pod"}
    api.create("deployments", deployment(name, 1, labels, "agnhost", AGNHOST, revisionHistoryLimit=0))
    api.until(lambda: len(_replica_sets(api, api.get("deployments", name))) == 1 and _new_replica_set(api, name))
    api.until(lambda: not api.exists("replicasets", "test-cleanup-controller"), "the old one goes")
    seen()
    assert created == ["agnhost"]


def test_deployment_should_support_rollover(api: Api) -> None:
    api.create("replicasets", replica_set("test-rollover-controller", 1, {"name": "rollover-pod", "pod": "httpd"}))
    _running(api, {"name": "rollover-pod"}, 1)
    api.until(lambda: api.get("replicasets", "test-rollover-controller")["status"].get("readyReplicas") == 1)
    name, stuck = "test-rollover-deployment", "gcr.io/google_samples/gb-redisslave:nonexistent"
    strategy = {**ROLLING, "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    labels = {"name": "rollover-pod"}
    api.create("deployments", deployment(name, 1, labels, "redis-slave", stuck, strategy, minReadySeconds=10))
    api.until(lambda: api.get("deployments", name)["status"].get("updatedReplicas", 0) >= 1, "it begins")
    _at_revision(api, name, "1", stuck)
    _replicas(api, "test-rollover-controller", 1, 1)
    first = _new_replica_set(api, name)["metadata"]["name"]
    _replicas(api, first, 1, 1)
    _set_container(api, name, name="agnhost", image=AGNHOST)
    _observed(api, name)
    _at_revision(api, name, "2", AGNHOST)
    _complete(api, name)
    _replicas(api, "test-rollover-controller", 0, 0)
    _replicas(api, first, 0, 0)


@pytest.mark.parametrize("seed", range(3))
def test_iterative_rollouts_should_eventually_progress(api: Api, seed: int) -> None:
    name, dice = "webserver", random.Random(seed)
    more = {"progressDeadlineSeconds": 300, "revisionHistoryLimit": 2}
    api.create("deployments", deployment(name, 6, {"name": "httpd"}, "httpd", HTTPD, **more))

    def scaled(each: Any) -> None:
        chance = dice.random()
        if chance < 0.3:
            each["spec"]["replicas"] += 1
        elif chance < 0.6 and each["spec"]["replicas"] > 1:
            each["spec"]["replicas"] -= 1

    def rolled(number: int) -> Callable[[Any], None]:
        def change(each: Any) -> None:
            container = each["spec"]["template"]["spec"]["containers"][0]
            container.setdefault("env", []).append({"name": f"A{number}", "value": str(number)})
            scaled(each)

        return change

    def rolled_back(each: Any) -> None:
        each["metadata"].setdefault("annotations", {})["deprecated.deployment.rollback.to"] = "0"

    def toggled(each: Any) -> None:
        each["spec"]["paused"] = not each["spec"].get("paused", False)
        scaled(each)

    for number in range(20):
        if dice.random() < 0.6:
            api.stays(lambda: True, number * dice.random())
        chance = dice.random()
        if chance < 0.8:
            change = [rolled(number), rolled_back, scaled, toggled][int(chance * 5)]
            api.update("deployments", name, change)
            continue
        for pod in api.pods({"name": "httpd"}):
            if dice.random() < 0.5:
                try:
                    api.delete("pods", pod["metadata"]["name"])
                except Refused as refused:
                    assert refused.code == 404
    api.update("deployments", name, lambda each: each["spec"].update(paused=False))
    _observed(api, name)
    found = _complete(api, name)
    assert found["metadata"]["annotations"].get("deprecated.deployment.rollback.to") is None
    api.until(
        lambda: any(
            (each["type"], each.get("reason")) == ("Progressing", "NewReplicaSetAvailable")
            for each in api.get("deployments", name)["status"]["conditions"]
        ),
        "complete, as its condition says",
    )


# ---- owners


def test_replica_set_orphaning_and_adoption_regarding_controller_ref(api: Api) -> None:
    labels = {"name": "httpd"}
    made = api.create("deployments", deployment("test-orphan-deployment", 1, labels, "httpd", HTTPD))
    _complete(api, "test-orphan-deployment")
    [owned] = _replica_sets(api, made)
    api.delete("deployments", "test-orphan-deployment", propagationPolicy="Orphan")
    api.until(lambda: not api.exists("deployments", "test-orphan-deployment"), "the Deployment goes")

    def is_orphaned() -> bool:
        [each] = api.list("replicasets", "name=httpd")["items"]
        return not each["metadata"].get("ownerReferences")

    api.until(is_orphaned, "orphaned")
    adopting = api.create("deployments", deployment("test-adopt-deployment", 1, labels, "httpd", HTTPD))
    _complete(api, "test-adopt-deployment")
    [adopted] = _replica_sets(api, adopting)
    assert adopted["metadata"]["uid"] == owned["metadata"]["uid"]
    assert len(api.list("replicasets", "name=httpd")["items"]) == 1


# ---- scaling


def test_deployment_should_have_a_working_scale_subresource(api: Api) -> None:
    name = "test-new-deployment"
    api.create("deployments", deployment(name, 1, {"name": "httpd"}, "httpd", HTTPD))
    _complete(api, name)
    scale = api.get("deployments", name, "scale")
    assert (scale["spec"]["replicas"], scale["status"]["replicas"]) == (1, 1)
    scale["metadata"]["resourceVersion"] = ""
    scale["spec"]["replicas"] = 2
    assert api.request("PUT", api.path("deployments", name, "scale"), scale)["spec"]["replicas"] == 2
    assert api.get("deployments", name)["spec"]["replicas"] == 2
    api.patch("deployments", name, {"metadata": {}, "spec": {"replicas": 4}, "status": {"replicas": 0}}, "scale")
    assert api.get("deployments", name)["spec"]["replicas"] == 4


def test_deployment_should_support_proportional_scaling(api: Api) -> None:
    name, labels = "webserver-deployment", {"name": "httpd"}
    strategy = {**ROLLING, "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}
    api.create("deployments", deployment(name, 10, labels, "httpd", HTTPD, strategy))
    _observed(api, name)
    _running(api, labels, 10)
    _complete(api, name)
    first = _new_replica_set(api, name)["metadata"]["name"]
    _set_container(api, name, image="webserver:404")
    _observed(api, name)
    api.until(lambda: api.get("replicasets", first)["status"].get("availableReplicas") == 8, "8 of the first")
    _replicas(api, first, 8, 8)
    second = api.until(lambda: _new_replica_set(api, name))["metadata"]["name"]
    _replicas(api, second, 5, 5)
    assert not api.get("replicasets", second)["status"].get("availableReplicas")
    api.update("deployments", name, lambda each: each["spec"].update(replicas=30))
    # 17 more, shared as 8 to 5 stand: 20 and 13.
    _replicas(api, first, 20)
    _replicas(api, second, 13)


# ---- the whole life, and status


def test_should_run_the_lifecycle_of_a_deployment(api: Api) -> None:
    name, selector = "test-deployment", "test-deployment-static=true"
    query = "labelSelector=test-deployment-static%3Dtrue"
    labels = {"test-deployment-static": "true"}

    def version() -> str:
        return str(api.list("deployments", selector, everywhere=True)["metadata"]["resourceVersion"])

    def seen(since: str, condition: Callable[[str, Any], Any]) -> None:
        api.watch_until("deployments", since, condition, query)

    since = version()
    wanted = deployment(name, 2, labels, name, AGNHOST)
    wanted["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 1
    api.create("deployments", wanted)
    seen(since, lambda type, each: type == "ADDED" and each["metadata"]["name"] == name)
    seen(since, lambda _, each: each["status"].get("readyReplicas") == 2)
    pod = {"terminationGracePeriodSeconds": 2, "containers": [{"name": name, "image": PAUSE}]}
    patch = {"metadata": {"labels": {"test-deployment": "patched"}}, "spec": {"replicas": 1, "template": {"spec": pod}}}
    api.patch("deployments", name, patch)
    seen(since, lambda type, each: type == "MODIFIED")

    def is_scaled(_: str, each: Any) -> bool:
        status, template = each["status"], each["spec"]["template"]["spec"]
        return (
            status.get("readyReplicas") == status.get("updatedReplicas") == 1
            and not status.get("unavailableReplicas")
            and template["containers"][0]["image"] == PAUSE
            and template["terminationGracePeriodSeconds"] == 2
        )

    seen(since, is_scaled)
    listed = api.list("deployments", selector, everywhere=True)
    assert [each["metadata"]["name"] for each in listed["items"]] == [name]
    since = listed["metadata"]["resourceVersion"]
    # The object of the beginning again, without a resourceVersion: an update need not name one.
    wanted["metadata"]["labels"] = {**labels, "test-deployment": "updated"}
    wanted["spec"]["template"]["spec"]["containers"][0]["image"] = HTTPD
    api.request("PUT", api.path("deployments", name), {"apiVersion": "apps/v1", "kind": "Deployment", **wanted})
    seen(since, lambda type, each: type == "MODIFIED")
    found = api.get("deployments", name, "status")
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == HTTPD
    assert found["metadata"]["labels"]["test-deployment"] == "updated"

    def is_done(_: str, each: Any) -> bool:
        status = each["status"]
        return status.get("readyReplicas") == status.get("updatedReplicas") == 2 and not status.get(
            "unavailableReplicas"
        )

    seen(since, is_done)
    patch = {"metadata": {"labels": {"test-deployment": "patched-status"}}, "status": {"readyReplicas": 0}}
    patch["status"]["availableReplicas"] = 0
    api.patch("deployments", name, patch, "status")
    seen(since, lambda type, each: type == "MODIFIED")
    found = api.get("deployments", name, "status")
    assert found["metadata"]["labels"]["test-deployment"] == "updated"
    seen(since, is_done)
    api.delete_collection("deployments", selector, gracePeriodSeconds=1)
    seen(since, lambda type, each: type == "DELETED" and each["metadata"]["name"] == name)


def test_should_validate_deployment_status_endpoints(api: Api) -> None:
    query, labels = "labelSelector=e2e%3Dtesting", {"name": "httpd", "e2e": "testing"}
    since = api.list("deployments", "e2e=testing", everywhere=True)["metadata"]["resourceVersion"]
    name = "test-deployment-x7k2p"
    api.create("deployments", deployment(name, 1, labels, "httpd", HTTPD))
    _at_revision(api, name, "1", HTTPD)
    _complete(api, name)
    assert api.get("deployments", name, "status")["status"]["conditions"]
    added = {"type": "StatusUpdate", "status": "True", "lastUpdateTime": None, "lastTransitionTime": None}
    added |= {"reason": "E2E", "message": "Set from e2e test"}
    api.update_status("deployments", name, lambda each: each["status"]["conditions"].append(added))

    def shows(type: str) -> Any:
        return lambda _, each: any(
            condition["type"] == type for condition in each.get("status", {}).get("conditions") or ()
        )

    api.watch_until("deployments", since, shows("StatusUpdate"), query)
    patch = {"status": {"conditions": [{"type": "StatusPatched", "status": "True"}]}}
    api.patch("deployments", name, patch, "status", type=MERGE)
    api.watch_until("deployments", since, shows("StatusPatched"), query)
