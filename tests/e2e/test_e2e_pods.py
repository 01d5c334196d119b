"""What `[sig-node]` conformance tests do with Pods: their lives, probes, RuntimeClasses, taints.

Source of the steps: test/e2e/common/node/{pods,container_probe,runtimeclass}.go, test/e2e/node/{pods,taints}.go.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from e2e_client import AGNHOST, BUSYBOX, HTTPD, MERGE, PAUSE, Api, is_ready, once, pod

pytestmark = pytest.mark.slow


# ---- pods.go


def test_should_get_a_host_ip(api: Api) -> None:
    api.create("pods", pod("hosted", image=PAUSE))
    api.until_ready("hosted")
    found = api.get("pods", "hosted")
    node = api.request("GET", f"/api/v1/nodes/{found['spec']['nodeName']}")
    addresses = [each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP"]
    assert [found["status"]["hostIP"]] == addresses
    assert found["status"]["hostIPs"] == [{"ip": addresses[0]}]


def test_should_be_submitted_and_removed(api: Api) -> None:
    version = api.list("pods", "time=now")["metadata"]["resourceVersion"]
    api.create("pods", pod("comes", image=PAUSE, labels={"time": "now"}))
    assert len(api.list("pods", "time=now")["items"]) == 1
    api.until_ready("comes")
    api.delete("pods", "comes", gracePeriodSeconds=30)
    query = "labelSelector=time%3Dnow"
    gone = api.watch_until("pods", version, lambda type, obj: type == "DELETED", query=query)
    assert gone["metadata"]["deletionTimestamp"] and gone["spec"]["terminationGracePeriodSeconds"] == 1
    assert api.list("pods", "time=now")["items"] == []


def test_should_be_updated(api: Api) -> None:
    api.create("pods", pod("changes", image=PAUSE, labels={"time": "before"}))
    api.until_ready("changes")
    api.update("pods", "changes", lambda obj: obj["metadata"]["labels"].update(time="after"))
    assert [each["metadata"]["name"] for each in api.list("pods", "time=after")["items"]] == ["changes"]


def test_generation_should_start_at_1_and_count_the_changes_of_the_spec(api: Api) -> None:
    made = pod("counts", image=PAUSE)
    made["metadata"]["generation"] = 100
    assert api.create("pods", made)["metadata"]["generation"] == 1
    api.until_ready("counts")
    tolerations = [{"operator": "Exists", "key": "foo", "effect": "NoExecute", "tolerationSeconds": 1}]
    for patch, wanted in (
        ({"metadata": {"labels": {"a": "b"}}}, 1),
        ({"spec": {"containers": [{"name": "main", "image": HTTPD}]}}, 2),
        ({"spec": {"activeDeadlineSeconds": 10_000}}, 3),
        ({"spec": {"tolerations": tolerations}}, 4),
        ({"metadata": {"annotations": {"c": "d"}}}, 4),
    ):
        assert api.patch("pods", "counts", patch)["metadata"]["generation"] == wanted
    for number in range(25):
        api.patch("pods", "counts", {"spec": {"activeDeadlineSeconds": 9_999 - number}})
    api.until(lambda: api.get("pods", "counts")["status"].get("observedGeneration") == 29, "the kubelet has seen all")
    version = api.list("pods")["metadata"]["resourceVersion"]
    api.delete("pods", "counts", gracePeriodSeconds=5)
    goes = api.watch_until("pods", version, lambda type, obj: "deletionTimestamp" in obj["metadata"])
    assert goes["metadata"]["generation"] == 30


def test_should_allow_active_deadline_seconds_to_be_updated(api: Api) -> None:
    api.create("pods", pod("ends", image=PAUSE))
    api.until_ready("ends")
    api.update("pods", "ends", lambda obj: obj["spec"].update(activeDeadlineSeconds=5))
    api.until(lambda: api.phase("ends") == "Failed", "its deadline has come")
    assert api.get("pods", "ends")["status"]["reason"] == "DeadlineExceeded"


def test_should_contain_environment_variables_for_services(api: Api) -> None:
    made = pod("server", "serve-hostname", "--port", "9376", container={"ports": [{"containerPort": 9376}]})
    api.create("pods", {**made, "metadata": {"name": "server", "labels": {"name": "srv"}}})
    api.until_ready("server")
    ports = [{"port": 8765, "targetPort": 8080}]
    service = api.create(
        "services", {"metadata": {"name": "fooservice"}, "spec": {"ports": ports, "selector": {"name": "srv"}}}
    )
    ip = service["spec"]["clusterIP"]
    said = set(api.output(once("told", "env")).splitlines())
    assert {
        f"FOOSERVICE_SERVICE_HOST={ip}", "FOOSERVICE_SERVICE_PORT=8765", f"FOOSERVICE_PORT=tcp://{ip}:8765",
        "FOOSERVICE_PORT_8765_TCP_PORT=8765", "FOOSERVICE_PORT_8765_TCP_PROTO=tcp",
        f"FOOSERVICE_PORT_8765_TCP=tcp://{ip}:8765", f"FOOSERVICE_PORT_8765_TCP_ADDR={ip}",
    } <= said  # fmt: skip


def test_should_delete_a_collection_of_pods(api: Api) -> None:
    for number in range(3):
        api.create("pods", pod(f"of-three-{number}", image=PAUSE, labels={"type": "Testing"}))
    assert len(api.list("pods", "type=Testing")["items"]) == 3
    api.delete_collection("pods", "type=Testing")
    api.until(lambda: not api.list("pods", "type=Testing")["items"], "all are gone")


def test_should_run_through_the_lifecycle_of_pods_and_pod_status(api: Api) -> None:
    version = api.list("pods")["metadata"]["resourceVersion"]
    api.create("pods", pod("lives", labels={"test-pod-static": "true"}))
    api.until_ready("lives")
    patch = {
        "metadata": {"labels": {"test-pod": "patched"}},
        "spec": {"containers": [{"name": "main", "image": PAUSE}]},
    }
    api.patch("pods", "lives", patch)
    api.watch_until("pods", version, lambda type, obj: obj["metadata"]["labels"].get("test-pod") == "patched")
    assert api.get("pods", "lives")["spec"]["containers"][0]["image"] == PAUSE

    def unready(obj: Any) -> None:
        for each in obj["status"]["conditions"]:
            if each["type"] == "Ready":
                each["status"] = "False"

    found = api.update_status("pods", "lives", unready)
    assert not is_ready(found)
    assert api.get("pods", "lives", "status")["metadata"]["uid"] == found["metadata"]["uid"]
    api.delete_collection("pods", "test-pod-static=true", gracePeriodSeconds=0)
    api.watch_until("pods", version, lambda type, obj: type == "DELETED")


def test_should_patch_a_pod_status(api: Api) -> None:
    api.create("pods", pod("patched", image=PAUSE))
    api.until_ready("patched")
    patch = {
        "metadata": {"annotations": {"podstatus": "updated"}},
        "status": {"message": "Patched by e2e test", "reason": "E2E"},
    }
    found = api.patch("pods", "patched", patch, "status", type=MERGE)
    assert (found["status"]["message"], found["status"]["reason"]) == ("Patched by e2e test", "E2E")


def _by_websocket(api: Api, path: str, subprotocol: str) -> bytes:
    """What a client of its own reads of a websocket, channel by channel, until it is closed."""
    script = """
import asyncio, sys
import aiohttp

async def main(url, token, protocol):
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url, headers=headers, protocols=[protocol] if protocol else []) as socket:
            async for message in socket:
                if message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
                    data = message.data if isinstance(message.data, bytes) else message.data.encode()
                    sys.stdout.buffer.write(data)
                    sys.stdout.flush()

asyncio.run(main(*sys.argv[1:]))
"""
    command = [sys.executable, "-c", script, f"http://127.0.0.1:{api.port}{path}", api.token, subprotocol]
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_should_support_remote_command_execution_over_websockets(api: Api) -> None:
    script = "echo container is alive; sleep 600"
    api.create("pods", pod("listens", image=BUSYBOX, command=["/bin/sh", "-c", script]))
    api.until_ready("listens")
    command = "&".join(f"command={each}" for each in ("echo", "remote execution test"))
    query = f"?stdout=1&stderr=1&container=main&{command.replace(' ', '%20')}"
    said = _by_websocket(api, api.path("pods", "listens", "exec") + query, "v4.channel.k8s.io")
    assert b"\x01remote execution test\n" in said.replace(b"\x01\x01", b"\x01")
    assert b'"status":"Success"' in said


def test_should_support_retrieving_logs_from_the_container_over_websockets(api: Api) -> None:
    api.create("pods", once("logs", "echo container is alive"))
    api.until_over("logs")
    assert _by_websocket(api, api.path("pods", "logs", "log"), "").strip(b"\x00") == b"container is alive\n"


@pytest.mark.parametrize(
    ("resources", "wanted"),
    [
        ({"requests": {"cpu": "100m", "memory": "100Mi"}, "limits": {"cpu": "100m", "memory": "100Mi"}}, "Guaranteed"),
        ({"requests": {"cpu": "100m"}}, "Burstable"),
        ({}, "BestEffort"),
    ],
)
def test_qos_class_should_be_set_on_pods(api: Api, resources: Any, wanted: str) -> None:
    api.create("pods", pod("classed", container={"resources": resources}))
    assert api.get("pods", "classed")["status"]["qosClass"] == wanted


# ---- container_probe.go


def _restarts(api: Api, name: str) -> int:
    [status] = api.get("pods", name)["status"].get("containerStatuses") or [{"restartCount": 0}]
    return int(status["restartCount"])


_CAT = {"exec": {"command": ["cat", "/tmp/health"]}}
_HEALTHY = "echo ok >/tmp/health; sleep 600"
_SICK = "echo ok >/tmp/health; sleep 10; rm -rf /tmp/health; sleep 600"


@pytest.mark.parametrize(
    ("args", "command", "probe", "times"),
    [
        ([], ["/bin/sh", "-c", _SICK], _CAT, 1),
        ([], ["/bin/sh", "-c", _HEALTHY], _CAT, 0),
        (["liveness"], None, {"httpGet": {"path": "/healthz", "port": 8080}}, 1),
        (["liveness"], None, {"httpGet": {"path": "/healthz", "port": 8080}}, 3),
        (["test-webserver"], None, {"httpGet": {"path": "/", "port": 80}}, 0),
        (["liveness"], None, {"tcpSocket": {"port": 8080}}, 0),
        (["grpc-health-checking"], None, {"grpc": {"port": 5000}}, 0),
        (["grpc-health-checking"], None, {"grpc": {"port": 2333}}, 1),
    ],
    ids=["exec", "exec healthy", "http", "http again and again", "http healthy", "tcp", "grpc", "grpc wrong port"],
)
def test_a_container_is_restarted_by_its_liveness_probe_or_is_not(
    api: Api, args: list[str], command: list[str] | None, probe: Any, times: int
) -> None:
    liveness = {**probe, "initialDelaySeconds": 5, "failureThreshold": 1, "periodSeconds": 5}
    image = BUSYBOX if command else AGNHOST
    api.create("pods", pod("probed", *args, image=image, command=command, container={"livenessProbe": liveness}))
    api.until(lambda: api.phase("probed") == "Running", "it runs")
    if not times:
        api.stays(lambda: _restarts(api, "probed") == 0, 40)
        return
    seen = [0]

    def enough() -> bool:
        seen.append(_restarts(api, "probed"))
        assert seen[-1] >= seen[-2], "a count of restarts went back"
        return seen[-1] >= times

    api.until(enough, "it was restarted")


def test_with_readiness_probe_should_not_be_ready_before_initial_delay_and_never_restart(api: Api) -> None:
    probe = {"httpGet": {"path": "/", "port": 80}, "initialDelaySeconds": 30}
    api.create("pods", pod("late", "test-webserver", container={"readinessProbe": probe}))
    api.until_ready("late")
    found = api.get("pods", "late")["status"]
    [status] = found["containerStatuses"]
    [ready] = [each for each in found["conditions"] if each["type"] == "Ready"]
    started = status["state"]["running"]["startedAt"]
    assert _seconds(ready["lastTransitionTime"]) - _seconds(started) >= 29
    assert status["restartCount"] == 0


def _seconds(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def test_with_readiness_probe_that_fails_should_never_be_ready_and_never_restart(api: Api) -> None:
    probe = {"exec": {"command": ["/bin/false"]}}
    api.create("pods", pod("never", "test-webserver", container={"readinessProbe": probe}))
    api.until(lambda: api.phase("never") == "Running", "it runs")
    api.stays(lambda: not is_ready(api.get("pods", "never")) and _restarts(api, "never") == 0, 40)


# ---- runtimeclass.go


def test_should_reject_a_pod_requesting_a_runtime_class_that_is_not_there(api: Api) -> None:
    name = f"{api.namespace}-gone"
    api.create("runtimeclasses", {"metadata": {"name": name}, "handler": "runc"})
    api.delete("runtimeclasses", name)
    for each in (name, "nonexistent"):
        refused = api.refusal("POST", api.path("pods"), pod("refused", runtimeClassName=each))
        assert refused.code == 403 and f'RuntimeClass "{each}" not found' in refused.status["message"]


@pytest.mark.parametrize("overhead", [None, {"cpu": "10m", "memory": "1Mi"}], ids=["plain", "overhead"])
def test_should_schedule_a_pod_requesting_a_runtime_class(api: Api, overhead: Any) -> None:
    name = f"{api.namespace}-there"
    more = {"overhead": {"podFixed": overhead}} if overhead else {}
    api.create("runtimeclasses", {"metadata": {"name": name}, "handler": "runc", **more})
    api.create("pods", pod("classed", image=PAUSE, runtimeClassName=name))
    api.until(lambda: api.get("pods", "classed")["spec"].get("nodeName"), "it has a node")
    assert api.get("pods", "classed")["spec"].get("overhead") == overhead
    api.delete("runtimeclasses", name)


# ---- taints.go


def _taint(api: Api, node: str, add: bool) -> None:
    taint = {"key": "kubernetes.io/e2e-evict-taint-key", "value": "evictTaintVal", "effect": "NoExecute"}

    def change(obj: Any) -> None:
        taints = [each for each in obj["spec"].get("taints") or [] if each["key"] != taint["key"]]
        obj["spec"]["taints"] = [*taints, taint] if add else taints

    api.update("nodes", node, change)


def _tolerating(name: str, seconds: int | None, node: str = "") -> Any:
    toleration = {"key": "kubernetes.io/e2e-evict-taint-key", "operator": "Equal", "value": "evictTaintVal",
                  "effect": "NoExecute", **({"tolerationSeconds": seconds} if seconds is not None else {})}  # fmt: skip
    more = {"nodeName": node} if node else {}
    return pod(name, image=PAUSE, tolerations=[toleration], **more)


def test_removing_a_taint_cancels_eviction(api: Api) -> None:
    api.create("pods", _tolerating("stays", 40))
    api.until_ready("stays")
    node = api.get("pods", "stays")["spec"]["nodeName"]
    try:
        _taint(api, node, True)
        api.stays(lambda: "deletionTimestamp" not in api.get("pods", "stays")["metadata"], 10)
        _taint(api, node, False)
        api.stays(lambda: "deletionTimestamp" not in api.get("pods", "stays")["metadata"], 60)
    finally:
        _taint(api, node, False)


def test_evicts_pods_with_min_toleration_seconds(api: Api) -> None:
    api.create("pods", _tolerating("first", 10))
    api.until_ready("first")
    node = api.get("pods", "first")["spec"]["nodeName"]
    api.create("pods", _tolerating("second", 30, node))
    api.until_ready("second")
    try:
        _taint(api, node, True)
        api.until_gone("pods", "first")
        assert api.exists("pods", "second")
        api.until_gone("pods", "second")
    finally:
        _taint(api, node, False)
