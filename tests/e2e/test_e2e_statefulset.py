"""What `[sig-apps] StatefulSet` of the Kubernetes project's e2e tests does, step by step, against a server.

Source of the steps: test/e2e/apps/statefulset.go, test/e2e/framework/statefulset.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from e2e_client import HTTPD, MERGE, NEW_HTTPD, Api, Refused, is_ready

pytestmark = pytest.mark.slow

LABELS = {"foo": "bar", "baz": "blah"}
REVISION = "controller-revision-hash"
HTTP_PROBE = {
    "httpGet": {"path": "/index.html", "port": 80},
    "periodSeconds": 1,
    "successThreshold": 1,
    "failureThreshold": 1,
}
PAUSE_PROBE = {
    "exec": {"command": ["test", "-f", "/data/statefulset-continue"]},
    "periodSeconds": 1,
    "successThreshold": 1,
    "failureThreshold": 1,
}


def stateful_set(name: str, replicas: int, *, claims: bool = False, probe: Any = None, **spec: Any) -> Any:
    container: dict[str, Any] = {"name": "webserver", "image": HTTPD, "resources": {}}
    pod: dict[str, Any] = {"containers": [container]}
    if probe:
        container["readinessProbe"] = probe
    if claims:
        container["volumeMounts"] = [{"name": "datadir", "mountPath": "/data/"}, {"name": "home", "mountPath": "/home"}]
        pod["volumes"] = [{"name": "home", "hostPath": {"path": "/tmp/home"}}]
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1"}}}
        spec["volumeClaimTemplates"] = [{"metadata": {"name": "datadir", "creationTimestamp": None}, "spec": claim}]
    return {
        "kind": "StatefulSet",
        "apiVersion": "apps/v1",
        "metadata": {"name": name, "creationTimestamp": None},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"creationTimestamp": None, "labels": LABELS}, "spec": pod},
            "serviceName": "test",
            "updateStrategy": {"type": "RollingUpdate"},
            **spec,
        },
        "status": {"replicas": 0, "availableReplicas": 0},
    }


@pytest.fixture(autouse=True)
def service(api: Api) -> Any:
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}]
    spec = {"selector": LABELS, "clusterIP": "None", "ports": ports}
    api.create("services", {"metadata": {"name": "test", "labels": LABELS}, "spec": spec})
    yield
    _delete_all(api)


def _delete_all(api: Api) -> None:
    """DeleteAllStatefulSets: scale to 0, wait, delete; then the claims, and their volumes must go."""
    for each in api.list("statefulsets")["items"]:
        name = each["metadata"]["name"]
        _scale(api, name, 0)
        _until_status(api, name, replicas=0)
        api.delete("statefulsets", name, orphanDependents=False)
    volumes = set()
    for claim in api.list("persistentvolumeclaims")["items"]:
        volumes.add(claim["spec"].get("volumeName"))
        api.delete("persistentvolumeclaims", claim["metadata"]["name"])
    api.until(
        lambda: not volumes & {each["metadata"]["name"] for each in api.list("persistentvolumes")["items"]},
        "the volumes go",
    )


def _scale(api: Api, name: str, replicas: int) -> None:
    _set_replicas(api, name, replicas)
    api.until(lambda: len(api.pods(_labels(api, name))) == replicas, f"{name} scaled to {replicas}")


def _labels(api: Api, name: str) -> dict[str, str]:
    return dict(api.get("statefulsets", name)["spec"]["selector"]["matchLabels"])


def _set_replicas(api: Api, name: str, replicas: int) -> Any:
    return api.update("statefulsets", name, lambda each: each["spec"].update(replicas=replicas))


def _set_image(api: Api, name: str, image: str) -> Any:
    return api.update(
        "statefulsets", name, lambda each: each["spec"]["template"]["spec"]["containers"][0].update(image=image)
    )


def _observed(api: Api, name: str) -> Any:
    """waitForStatus."""

    def found() -> Any:
        each = api.get("statefulsets", name)
        return each if each["status"].get("observedGeneration", 0) >= each["metadata"]["generation"] else None

    return api.until(found, "the controller has seen it")


def _until_status(api: Api, name: str, **wanted: int) -> Any:
    def holds() -> Any:
        each = api.get("statefulsets", name)
        if each["status"].get("observedGeneration", 0) < each["metadata"]["generation"]:
            return None
        return each if all(each["status"].get(key, 0) == value for key, value in wanted.items()) else None

    return api.until(holds, f"status {wanted}")


def _exec_in_all(api: Api, command: str, *, may_be_gone: bool = False) -> None:
    for pod in api.pods(LABELS):
        api.run(pod["metadata"]["name"], command, may_be_gone=may_be_gone)


def _break_probe(api: Api) -> None:
    _exec_in_all(api, "mv -v /usr/local/apache2/htdocs/index.html /tmp/ || true")


def _restore_probe(api: Api) -> None:
    # At this pace a set that scales down may have taken a Pod away before its turn comes here; upstream does not mind.
    _exec_in_all(api, "mv -v /tmp/index.html /usr/local/apache2/htdocs/ || true", may_be_gone=True)


def _delete_pod(api: Api, name: str) -> None:
    api.delete("pods", name, gracePeriodSeconds=0)


def _images(pods: list[Any]) -> list[str]:
    return [pod["spec"]["containers"][0]["image"] for pod in pods]


def _revisions(pods: list[Any]) -> list[str]:
    return [pod["metadata"]["labels"][REVISION] for pod in pods]


def _saturate(api: Api, name: str, replicas: int) -> None:
    """Let each new Pod become Ready in its turn, by the file that its probe asks for."""
    for index in range(replicas):
        api.wait_for_running(LABELS, index + 1, index)
        _resume(api)
    api.wait_for_running(LABELS, replicas, replicas)


def _resume(api: Api) -> None:
    def the_paused_one() -> str | None:
        # At this pace a probe has 50 ms: on a busy machine it fails now and then, and a Pod is not ready for a moment.
        paused = [pod["metadata"]["name"] for pod in api.pods(LABELS) if not is_ready(pod)]
        return paused[0] if len(paused) == 1 else None

    paused = api.until(the_paused_one, "one paused Pod")
    api.run(paused, "dd if=/dev/zero of=/data/statefulset-continue bs=1 count=1 conv=fsync; sync")


# ---- identity


def test_should_provide_basic_identity(api: Api) -> None:
    api.create("statefulsets", stateful_set("ss", 3, claims=True, probe=PAUSE_PROBE))
    _saturate(api, "ss", 3)
    _check_mount(api)
    for pod in api.pods(LABELS):
        assert api.run(pod["metadata"]["name"], "printf $(hostname)") == pod["metadata"]["name"]
    _exec_in_all(api, "echo $(hostname) | dd of=/data/hostname conv=fsync")
    _exec_in_all(api, "ln -s /data/hostname /data/hostname-symlink")
    _scale(api, "ss", 0)
    _until_status(api, "ss", replicas=0)
    _set_replicas(api, "ss", 3)
    api.wait_for_running(LABELS, 3, 3)
    _check_mount(api)
    _exec_in_all(api, 'if [ "$(cat /data/hostname)" = "$(hostname)" ]; then exit 0; else exit 1; fi')
    _exec_in_all(api, 'if [ "$(cat /data/hostname-symlink)" = "$(hostname)" ]; then exit 0; else exit 1; fi')


def _check_mount(api: Api) -> None:
    for command in ("ls -idlh /data", "find /data", f"touch /data/{time.time_ns()}"):
        _exec_in_all(api, command)


def test_should_adopt_matching_orphans_and_release_non_matching_pods(api: Api) -> None:
    made = api.create("statefulsets", stateful_set("ss", 1, claims=True, probe=PAUSE_PROBE))
    _saturate(api, "ss", 1)
    pod = api.pods(LABELS)[0]
    assert _owner(pod) == made["metadata"]["uid"]
    api.update("pods", "ss-0", lambda each: each["metadata"].pop("ownerReferences"))
    api.until(lambda: _owner(api.get("pods", "ss-0")) == made["metadata"]["uid"], "adopted")
    api.update("pods", "ss-0", lambda each: each["metadata"].pop("labels"))
    api.until(lambda: _owner(api.get("pods", "ss-0")) is None, "released")
    api.update("pods", "ss-0", lambda each: each["metadata"].update(labels=pod["metadata"]["labels"]))
    api.until(lambda: _owner(api.get("pods", "ss-0")) == made["metadata"]["uid"], "adopted again")


def _owner(pod: Any) -> Any:
    owners = pod["metadata"].get("ownerReferences") or ()
    return next((each["uid"] for each in owners if each.get("controller")), None)


def test_should_not_deadlock_when_a_pods_predecessor_fails(api: Api) -> None:
    api.create("statefulsets", stateful_set("ss", 2, claims=True, probe=PAUSE_PROBE))
    api.wait_for_running(LABELS, 1, 0)
    _resume(api)
    api.wait_for_running(LABELS, 2, 1)
    _delete_pod(api, "ss-0")
    api.wait_for_running(LABELS, 2, 1)
    _resume(api)
    api.wait_for_running(LABELS, 2, 2)


# ---- updates


@pytest.mark.parametrize("claims", [False, True])
def test_should_perform_rolling_updates_and_roll_backs_of_template_modifications(api: Api, claims: bool) -> None:
    probe = HTTP_PROBE
    api.create("statefulsets", stateful_set("ss2", 3, claims=claims, probe=probe))
    api.wait_for_running(LABELS, 3, 3)
    before = _observed(api, "ss2")["status"]
    current = before["currentRevision"]
    assert current == before["updateRevision"]
    assert set(_revisions(api.pods(LABELS))) == {current}
    for image in (NEW_HTTPD, HTTPD):
        api.run("ss2-1", "mv -v /usr/local/apache2/htdocs/index.html /tmp/ || true")
        api.until(lambda: not is_ready(api.get("pods", "ss2-1")), "ss2-1 not ready")
        _set_image(api, "ss2", image)
        status = _observed(api, "ss2")["status"]
        assert status["currentRevision"] != status["updateRevision"]
        api.run("ss2-1", "mv -v /tmp/index.html /usr/local/apache2/htdocs/ || true")
        done = _until_status(api, "ss2", updatedReplicas=3, readyReplicas=3, currentReplicas=3)
        assert done["status"]["currentRevision"] == done["status"]["updateRevision"] == status["updateRevision"]
        pods = api.pods(LABELS)
        assert _images(pods) == [image] * 3
        assert set(_revisions(pods)) == {status["updateRevision"]}
    assert api.get("statefulsets", "ss2")["status"]["currentRevision"] == current  # the old one again: a roll back


def test_should_perform_canary_updates_and_phased_rolling_updates(api: Api) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 3}}
    api.create("statefulsets", stateful_set("ss2", 3, probe=HTTP_PROBE, updateStrategy=strategy))
    api.wait_for_running(LABELS, 3, 3)
    old = _observed(api, "ss2")["status"]["currentRevision"]
    _set_image(api, "ss2", NEW_HTTPD)
    status = _observed(api, "ss2")["status"]
    new = status["updateRevision"]
    assert status["currentRevision"] == old != new
    assert _revisions(api.pods(LABELS)) == [old] * 3
    _partition(api, 2)
    api.until(lambda: _revisions(api.pods(LABELS)) == [old, old, new] and _all_ready(api, 3), "the canary")
    assert _images(api.pods(LABELS)) == [HTTPD, HTTPD, NEW_HTTPD]
    _delete_pod(api, "ss2-0")
    _delete_pod(api, "ss2-2")
    api.wait_for_running(LABELS, 3, 3)
    assert _revisions(api.pods(LABELS)) == [old, old, new]
    for partition in (1, 0):
        _partition(api, partition)
        wanted = [old] * partition + [new] * (3 - partition)
        _until_revisions(api, wanted)
    api.until(lambda: api.get("statefulsets", "ss2")["status"]["currentRevision"] == new, "complete")


def _until_revisions(api: Api, wanted: list[str]) -> None:
    api.until(lambda: _revisions(api.pods(LABELS)) == wanted and _all_ready(api, 3), f"revisions {wanted}")


def _partition(api: Api, partition: int) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}
    api.update("statefulsets", "ss2", lambda each: each["spec"].update(updateStrategy=strategy))


def _all_ready(api: Api, count: int) -> bool:
    pods = api.pods(LABELS)
    return len(pods) == count and all(map(is_ready, pods))


@pytest.mark.parametrize("name", ["ss2", "ss3"])
def test_partition_1_and_pod_0_deleted_during_an_update(api: Api, name: str) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    wanted = stateful_set(name, 3, probe=HTTP_PROBE, updateStrategy=strategy)
    if name == "ss3":
        script = (
            '\n  echo "Running in pod $POD_NAME"\n  _term(){\n    echo "Received SIGTERM signal"\n'
            '    if [ "${POD_NAME}" = "ss3-0" ]; then\n      exit 1\n    else\n      exit 0\n    fi\n  }\n'
            '  trap _term SIGTERM\n  while true; do\n    echo "Running in infinite loop in $POD_NAME"\n    sleep 1\n'
            "  done\n"
        )
        env = [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}}]
        failing = {"name": "sleep-exit-with-1", "image": "registry.k8s.io/e2e-test-images/busybox:1.36.1-1", "env": env}
        wanted["spec"]["template"]["spec"]["containers"].append({**failing, "command": ["sh", "-c"], "args": [script]})
    api.create("statefulsets", wanted)
    api.wait_for_running(LABELS, 3, 3)
    old = _observed(api, name)["status"]["currentRevision"]
    finalizer = "example.com/test-finalizer"
    api.update("pods", f"{name}-0", lambda each: each["metadata"].update(finalizers=[finalizer]))
    _set_image(api, name, NEW_HTTPD)
    new = _observed(api, name)["status"]["updateRevision"]
    _until_status(api, name, updatedReplicas=2, replicas=3, readyReplicas=3)
    assert _revisions(api.pods(LABELS)) == [old, new, new]
    _delete_pod(api, f"{name}-0")
    _until_status(api, name, readyReplicas=2)
    api.update("pods", f"{name}-0", lambda each: each["metadata"].pop("finalizers"))
    _until_status(api, name, readyReplicas=3)
    assert _revisions(api.pods(LABELS)) == [old, new, new]
    assert _images(api.pods(LABELS)) == [HTTPD, NEW_HTTPD, NEW_HTTPD]


def test_should_implement_legacy_replacement_when_the_update_strategy_is_on_delete(api: Api) -> None:
    api.create("statefulsets", stateful_set("ss2", 3, probe=HTTP_PROBE, updateStrategy={"type": "OnDelete"}))
    api.wait_for_running(LABELS, 3, 3)
    old = _observed(api, "ss2")["status"]["currentRevision"]
    for name in ("ss2-0", "ss2-1", "ss2-2"):
        _delete_pod(api, name)
    api.wait_for_running(LABELS, 3, 3)
    assert _revisions(api.pods(LABELS)) == [old] * 3
    _set_image(api, "ss2", NEW_HTTPD)
    new = _observed(api, "ss2")["status"]["updateRevision"]
    assert new != old
    for name in ("ss2-0", "ss2-1", "ss2-2"):
        _delete_pod(api, name)
    api.wait_for_running(LABELS, 3, 3)
    assert _revisions(api.pods(LABELS)) == [new] * 3
    assert _images(api.pods(LABELS)) == [NEW_HTTPD] * 3


# ---- scaling


def _seen_in_order(api: Api, type: str, names: list[str]) -> Any:
    version = api.list("pods", "baz=blah,foo=bar")["metadata"]["resourceVersion"]
    left = list(names)

    def see(event_type: str, pod: Any) -> bool:
        if event_type == type and left and pod["metadata"]["name"] == left[0]:
            left.pop(0)
        return not left

    return api.in_background(lambda: api.watch_until("pods", version, see, "labelSelector=baz%3Dblah%2Cfoo%3Dbar"))


def test_scaling_should_happen_in_predictable_order_and_halt_if_any_stateful_pod_is_unhealthy(api: Api) -> None:
    up = _seen_in_order(api, "ADDED", ["ss-0", "ss-1", "ss-2"])
    api.create("statefulsets", stateful_set("ss", 1, probe=HTTP_PROBE))
    api.wait_for_running(LABELS, 1, 1)
    _break_probe(api)
    api.wait_for_running(LABELS, 1, 0)
    _until_status(api, "ss", readyReplicas=0)
    _set_replicas(api, "ss", 3)
    api.stays(lambda: len(api.pods(LABELS)) == 1, 10)
    _restore_probe(api)
    api.wait_for_running(LABELS, 3, 3)
    up()
    down = _seen_in_order(api, "DELETED", ["ss-2", "ss-1", "ss-0"])
    _break_probe(api)
    _until_status(api, "ss", readyReplicas=0)
    api.wait_for_running(LABELS, 3, 0)
    _set_replicas(api, "ss", 0)
    api.stays(lambda: len(api.pods(LABELS)) == 3, 10)
    _restore_probe(api)
    _scale(api, "ss", 0)
    down()


def test_burst_scaling_should_run_to_completion_even_with_unhealthy_pods(api: Api) -> None:
    api.create("statefulsets", stateful_set("ss", 1, probe=HTTP_PROBE, podManagementPolicy="Parallel"))
    api.wait_for_running(LABELS, 1, 1)
    _break_probe(api)
    api.wait_for_running(LABELS, 1, 0)
    _until_status(api, "ss", readyReplicas=0)
    _set_replicas(api, "ss", 3)
    api.until(lambda: len(api.pods(LABELS)) == 3)
    _restore_probe(api)
    api.wait_for_running(LABELS, 3, 3)
    _break_probe(api)
    _until_status(api, "ss", readyReplicas=0)
    api.wait_for_running(LABELS, 3, 0)
    _set_replicas(api, "ss", 0)
    api.until(lambda: not api.pods(LABELS))
    _scale(api, "ss", 0)
    _until_status(api, "ss", replicas=0)


def test_should_recreate_evicted_statefulset(api: Api) -> None:
    nodes = api.list("nodes")["items"]
    schedulable = [
        each["metadata"]["name"]
        for each in nodes
        if not each["spec"].get("unschedulable") and not each["spec"].get("taints")
    ]
    port = {"hostPort": 21017, "containerPort": 21017, "name": "conflict"}
    container = {"name": "webserver", "image": HTTPD, "ports": [port]}
    pod = {"metadata": {"name": "test-pod"}, "spec": {"containers": [container], "nodeName": schedulable[0]}}
    api.create("pods", pod)
    api.until(lambda: api.get("pods", "test-pod")["status"]["phase"] == "Running")
    wanted = stateful_set("ss", 1)
    wanted["spec"]["template"]["spec"]["containers"][0]["ports"] = [port]
    wanted["spec"]["template"]["spec"]["nodeName"] = schedulable[0]
    api.create("statefulsets", wanted)
    query = "fieldSelector=metadata.name%3Dss-0"
    listed = api.request("GET", f"{api.path('pods')}?{query}")
    uids = [each["metadata"]["uid"] for each in listed["items"]]

    def deleted(type: str, each: Any) -> bool:
        if type == "DELETED":
            return bool(uids)
        uids.append(each["metadata"]["uid"])
        return False

    api.watch_until("pods", listed["metadata"]["resourceVersion"], deleted, query)
    api.delete("pods", "test-pod", gracePeriodSeconds=0)

    def is_new_one_running() -> bool:
        if not api.exists("pods", "ss-0"):
            return False
        found = api.get("pods", "ss-0")
        return found["status"].get("phase") == "Running" and found["metadata"]["uid"] != uids[0]

    api.until(is_new_one_running, "ss-0 runs")


def test_should_have_a_working_scale_subresource(api: Api) -> None:
    api.create("statefulsets", stateful_set("ss", 1, probe=HTTP_PROBE))
    api.wait_for_running(LABELS, 1, 1)
    _observed(api, "ss")
    scale = api.get("statefulsets", "ss", "scale")
    assert (scale["spec"]["replicas"], scale["status"]["replicas"]) == (1, 1)
    scale["metadata"].pop("resourceVersion")
    scale["spec"]["replicas"] = 2
    answered = api.request("PUT", api.path("statefulsets", "ss", "scale"), scale)
    assert answered["spec"]["replicas"] == 2
    assert api.get("statefulsets", "ss")["spec"]["replicas"] == 2
    # What json.Marshal makes of a Go Scale in which only the replicas are set.
    patch = {"metadata": {"creationTimestamp": None}, "spec": {"replicas": 4}, "status": {"replicas": 0}}
    api.patch("statefulsets", "ss", patch, "scale")
    assert api.get("statefulsets", "ss")["spec"]["replicas"] == 4


# ---- collections and status


def test_should_list_patch_and_delete_a_collection_of_statefulsets(api: Api) -> None:
    wanted = stateful_set("test-ss", 1, probe=HTTP_PROBE)
    api.create("statefulsets", wanted)
    api.wait_for_running(LABELS, 1, 1)
    patch = {
        "metadata": {"labels": {"test-ss": "patched"}},
        "spec": {
            "replicas": 2,
            "template": {
                "spec": {
                    "TerminationGracePeriodSeconds": 1,
                    "containers": [{"name": "test-ss", "image": "registry.k8s.io/pause:3.10"}],
                }
            },
        },
    }
    api.patch("statefulsets", "test-ss", patch)
    found = api.get("statefulsets", "test-ss")
    assert found["spec"]["replicas"] == 2
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.k8s.io/pause:3.10"
    api.wait_for_running(LABELS, 2, 2)
    _observed(api, "test-ss")
    assert len(api.list("statefulsets", "test-ss=patched", everywhere=True)["items"]) == 1
    api.delete_collection("statefulsets", "test-ss=patched", gracePeriodSeconds=1)
    assert not api.list("statefulsets", "test-ss=patched", everywhere=True)["items"]


def test_should_validate_statefulset_status_endpoints(api: Api) -> None:
    version = api.list("statefulsets", "e2e=testing", everywhere=True)["metadata"]["resourceVersion"]
    api.create("statefulsets", stateful_set("ss", 1, probe=HTTP_PROBE))
    api.wait_for_running(LABELS, 1, 1)
    _observed(api, "ss")
    api.patch("statefulsets", "ss", {"metadata": {"labels": {"e2e": "testing"}}})
    assert api.get("statefulsets", "ss", "status")["kind"] == "StatefulSet"
    added = {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test"}
    added["lastTransitionTime"] = None  # type: ignore[assignment]
    updated = api.update_status(
        "statefulsets", "ss", lambda each: each["status"].setdefault("conditions", []).append(added)
    )
    assert any(each["type"] == "StatusUpdate" for each in updated["status"]["conditions"])

    def shows(type: str) -> Any:
        return lambda _, each: any(
            condition["type"] == type for condition in each.get("status", {}).get("conditions") or ()
        )

    api.watch_until("statefulsets", version, shows("StatusUpdate"), "labelSelector=e2e%3Dtesting")
    patch = {"status": {"conditions": [{"type": "StatusPatched", "status": "True"}]}}
    patched = api.patch("statefulsets", "ss", patch, "status", type=MERGE)
    assert [each["type"] for each in patched["status"]["conditions"]] == ["StatusPatched"]
    api.watch_until("statefulsets", version, shows("StatusPatched"), "labelSelector=e2e%3Dtesting")


# ---- minReadySeconds


def test_min_ready_seconds_is_honoured(api: Api) -> None:
    api.create("statefulsets", stateful_set("test-ss", 2, probe=HTTP_PROBE, minReadySeconds=30))
    _until_status(api, "test-ss", availableReplicas=0)
    api.stays(lambda: not api.get("statefulsets", "test-ss")["status"].get("availableReplicas"), 5)
    _until_status(api, "test-ss", availableReplicas=2)
    for seconds, available in ((3600, 0), (0, 2)):
        api.update("statefulsets", "test-ss", lambda each, s=seconds: each["spec"].update(minReadySeconds=s))
        _until_status(api, "test-ss", availableReplicas=available)


# ---- claims


def _claims(api: Api) -> list[str]:
    return sorted(each["metadata"]["name"] for each in api.list("persistentvolumeclaims")["items"])


def _names(count: int) -> list[str]:
    return [f"datadir-ss-{index}" for index in range(count)]


def _claims_have_owner(api: Api, count: int, uid: str) -> bool:
    claims = api.list("persistentvolumeclaims")["items"]
    return len(claims) == count and all(
        [each["uid"] for each in claim["metadata"].get("ownerReferences") or ()] == [uid] for claim in claims
    )


@pytest.mark.parametrize("orphan", [False, True])
def test_should_delete_pvcs_with_a_when_deleted_policy(api: Api, orphan: bool) -> None:
    wanted = stateful_set("ss", 3, claims=True, persistentVolumeClaimRetentionPolicy={"whenDeleted": "Delete"})
    made = api.create("statefulsets", wanted)
    api.until(lambda: _claims_have_owner(api, 3, made["metadata"]["uid"]), "claims with owners")
    if orphan:
        # json.Marshal of an ObjectMeta without owners: nothing in it, so nothing is changed.
        api.patch("pods", "ss-2", {"creationTimestamp": None})
    api.delete("statefulsets", "ss")
    api.until(lambda: _claims(api) == [], "the claims go")


@pytest.mark.parametrize("orphan", [False, True])
def test_should_delete_pvcs_with_a_when_scaled_policy(api: Api, orphan: bool) -> None:
    wanted = stateful_set("ss", 3, claims=True, persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete"})
    api.create("statefulsets", wanted)
    api.until(lambda: _claims(api) == _names(3), "three claims")
    if orphan:
        api.until(lambda: api.exists("pods", "ss-2"))
        api.patch("pods", "ss-2", {"metadata": {"ownerReferences": []}}, type=MERGE)
    _scale(api, "ss", 1)
    api.until(lambda: _claims(api) == _names(1), "one claim is left")


def test_a_missing_pvc_is_made_again_while_its_pod_is_pending(api: Api) -> None:
    node = next(each for each in api.list("nodes")["items"] if not each["spec"].get("taints"))
    name = node["metadata"]["name"]
    wanted = stateful_set("ss", 1, claims=True)
    host = node["metadata"]["labels"]["kubernetes.io/hostname"]
    wanted["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/hostname": host}
    api.create("statefulsets", wanted)
    _until_status(api, "ss", readyReplicas=1)
    assert api.get("pods", "ss-0")["spec"]["nodeName"] == name
    api.patch("nodes", name, {"spec": {"unschedulable": True}})
    try:
        _until_cordoned(api, name, True)
        api.delete("pods", "ss-0")
        _until_status(api, "ss", currentReplicas=1)
        api.until(lambda: api.exists("pods", "ss-0"))
        [claim] = _claims(api)
        api.delete("persistentvolumeclaims", claim)
    finally:
        api.patch("nodes", name, {"spec": {"$patch": "replace", **node["spec"]}})
    _until_cordoned(api, name, False)
    api.until(lambda: _claims(api) == [claim], "the claim is there again")
    _until_status(api, "ss", readyReplicas=1)
    assert api.get("pods", "ss-0")["spec"]["nodeName"] == name


def _until_cordoned(api: Api, name: str, cordoned: bool) -> None:
    taint = "node.kubernetes.io/unschedulable"

    def holds() -> bool:
        spec = api.get("nodes", name)["spec"]
        has_taint = any(each["key"] == taint for each in spec.get("taints") or ())
        return bool(spec.get("unschedulable")) == has_taint == cordoned

    api.until(holds, f"{name} cordoned: {cordoned}")


# ---- start ordinal


@pytest.mark.parametrize(("before", "after", "replicas"), [(None, 2, 3), (2, 4, 2), (3, 2, 2), (3, None, 2)], ids=str)
def test_the_start_ordinal_moves(api: Api, before: int | None, after: int | None, replicas: int) -> None:
    more = {} if before is None else {"ordinals": {"start": before}}
    api.create("statefulsets", stateful_set("ss", 2, **more))
    _until_status(api, "ss", replicas=2, readyReplicas=2)
    first = before or 0
    assert [pod["metadata"]["name"] for pod in api.pods(LABELS)] == [f"ss-{first}", f"ss-{first + 1}"]

    def change(each: Any) -> None:
        each["spec"]["replicas"] = replicas
        if after is None:
            each["spec"].pop("ordinals")
        else:
            each["spec"]["ordinals"] = {"start": after}

    api.update("statefulsets", "ss", change)
    wanted = [f"ss-{index}" for index in range(after or 0, (after or 0) + replicas)]
    api.until(lambda: [pod["metadata"]["name"] for pod in api.pods(LABELS)] == wanted, f"{wanted}")
    _until_status(api, "ss", replicas=replicas, readyReplicas=replicas)


def test_a_refusal_is_a_status(api: Api) -> None:
    with pytest.raises(Refused) as refused:
        api.create("statefulsets", stateful_set("SS", 1))
    assert refused.value.status["kind"] == "Status"
