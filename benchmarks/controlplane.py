"""The embedded cluster: what one client gets of it, what it takes, and how it grows."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Generator
from typing import Any

from benchmarks.figure import Figure
from benchmarks.server import Client, serving, wait_until
from statelab.controlplane import ControlPlane

_CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
_PODS = "/api/v1/namespaces/default/pods"
_MERGE = "application/merge-patch+json"
_PAUSE = "registry.k8s.io/pause:3.10"


def _per_second(count: int, work: Callable[[int], object]) -> float:
    begun_s = time.perf_counter()
    for number in range(count):
        work(number)
    return count / (time.perf_counter() - begun_s)


def _pod(name: str, **spec: Any) -> dict[str, Any]:
    body = {"containers": [{"name": "main", "image": _PAUSE}], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": body}


def requests() -> Generator[Figure]:
    """Requests a second, one after another on one connection; then a list of 1,000 Pods."""
    with serving() as server:
        client = server.client()

        def create(number: int) -> bytes:
            body = {"metadata": {"name": f"c{number}"}, "data": {"greeting": "hello"}}
            return client.request("POST", _CONFIG_MAPS, body)

        def merge(number: int) -> bytes:
            return client.request("PATCH", f"{_CONFIG_MAPS}/c{number}", {"data": {"n": str(number)}}, _MERGE)

        _per_second(200, lambda number: create(100_000 + number))  # warm
        yield Figure("create a ConfigMap", _per_second(2000, create), "/s", beside=716, aim=716)
        get = _per_second(2000, lambda number: client.request("GET", f"{_CONFIG_MAPS}/c{number}"))
        yield Figure("get a ConfigMap", get, "/s", beside=1204, aim=1204)
        yield Figure("merge-patch a ConfigMap", _per_second(2000, merge), "/s", beside=674, aim=674)
        # A scheduling gate keeps the Pods Pending, so that creating them is all that is measured.
        gate = [{"name": "benchmark/wait"}]
        pods = _per_second(1000, lambda number: client.request("POST", _PODS, _pod(f"p{number}", schedulingGates=gate)))
        yield Figure("create a Pod", pods, "/s", beside=488, aim=488)
        lists = []
        for _ in range(9):
            begun_s = time.perf_counter()
            client.request("GET", _PODS)
            lists.append((time.perf_counter() - begun_s) * 1000)
        yield Figure("list 1,000 Pods", statistics.median(lists), "ms", "lower", beside=26, aim=26)


def start() -> Generator[Figure]:
    """From starting the process to its first answer."""
    starts = []
    for _ in range(3):
        with serving() as server:
            starts.append(server.ready_s)
    yield Figure("ready after process start", min(starts), "s", "lower", beside=3.1, aim=0.5)


def memory() -> Generator[Figure]:
    """Memory at rest; what an idle Pod adds to it."""
    with serving(pace=100) as server:
        client = server.client()
        time.sleep(2)
        yield Figure("memory at rest", server.memory_kb() / 1024, "MB", "lower", beside=650, aim=100)
        for image, what in ((_PAUSE, "pause"), ("nginx:1.27", "nginx")):
            _run(client, f"warm-{what}", image, 5)
            before_kb = server.memory_kb()
            _run(client, f"idle-{what}", image, 90)
            figure = (server.memory_kb() - before_kb) / 90
            yield Figure(f"an idle Pod ({what})", figure, "KB", "lower", aim=60)


def _run(client: Client, name: str, image: str, replicas: int) -> None:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "main", "image": image}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    path = "/apis/apps/v1/namespaces/default/replicasets"
    client.request("POST", path, {"metadata": {"name": name}, "spec": spec})

    def is_ready() -> bool:
        import json

        return bool(json.loads(client.request("GET", f"{path}/{name}"))["status"].get("readyReplicas") == replicas)

    wait_until(is_ready)
    time.sleep(1)


def rollouts() -> Generator[Figure]:
    """Rollouts in virtual time, as grading has them: started, and replaced one by one."""
    each_ms = {count: _stateful_set_s(count) / count * 1000 for count in (100, 1000)}
    yield Figure("a StatefulSet of 1,000 with claims, Ready", each_ms[1000], "s", "lower", aim=4)
    yield Figure("a replica at 1,000, to one at 100", each_ms[1000] / each_ms[100], "times", "lower", aim=1.3)
    took_s, cluster_s = _rolling_update_s(20)
    name, beside = "a rolling update of 20 with claims", "the cluster's own time"
    yield Figure(name, took_s, "s", "lower", cluster_s, beside_what=beside)


def jobs() -> Generator[Figure]:
    """1,000 Jobs of one Pod each in virtual time, from the first that is made until all are Complete."""
    bare_s = _thousand_s("pods", _once, lambda pod: pod["status"].get("phase") == "Succeeded")
    took_s = _thousand_s("jobs", _job, lambda job: job["status"].get("succeeded") == 1)
    yield Figure("1,000 Jobs of one Pod, Complete", took_s, "s", "lower", bare_s, 5, "1,000 such Pods without Jobs")


def _thousand_s(plural: str, made: Callable[[str], dict[str, Any]], is_done: Callable[[dict[str, Any]], bool]) -> float:
    cluster = _cluster()
    begun_s = time.perf_counter()
    for number in range(1000):
        cluster.create(made(f"work-{number}"))
    for _ in range(600):
        cluster.loop.run_for(1.0)
        if all(map(is_done, cluster.list(plural, "default"))):
            return time.perf_counter() - begun_s
    raise RuntimeError(f"1,000 {plural} did not end")


def _once(name: str) -> dict[str, Any]:
    container = {"name": "main", "image": "busybox:1.36", "command": ["true"]}
    spec = {"containers": [container], "restartPolicy": "Never"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def _job(name: str) -> dict[str, Any]:
    spec = {"template": {"spec": _once(name)["spec"]}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def _rolling_update_s(replicas: int) -> tuple[float, float]:
    """Seconds of the machine, and of the cluster: what you would wait for it in paced time."""
    cluster = _cluster()
    cluster.apply(*_stateful_set(replicas))
    change = {"spec": {"template": {"metadata": {"annotations": {"version": "next"}}}}}
    _wait(cluster, replicas)
    began_s, cluster_began_s = time.perf_counter(), cluster.loop.now_s
    cluster.patch("statefulsets", "default/web", change)
    _wait(cluster, replicas)
    return time.perf_counter() - began_s, cluster.loop.now_s - cluster_began_s


def _stateful_set_s(replicas: int) -> float:
    cluster = _cluster()
    begun_s = time.perf_counter()
    cluster.apply(*_stateful_set(replicas))
    _wait(cluster, replicas)
    return time.perf_counter() - begun_s


def _cluster() -> ControlPlane:
    return ControlPlane(nodes=["kind-control-plane", *(f"kind-worker{number}" for number in range(1, 12))])


def _stateful_set(replicas: int) -> list[dict[str, Any]]:
    labels = {"app": "web"}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    container = {"name": "main", "image": _PAUSE, "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    stateful_set = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "web"},
        "spec": {
            "serviceName": "web",
            "replicas": replicas,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
        },
    }
    service = {"clusterIP": "None", "selector": labels, "ports": [{"port": 80}]}
    return [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": service}, stateful_set]


def _wait(cluster: ControlPlane, replicas: int) -> None:
    """Until all replicas are Ready and of the newest revision. Raises RuntimeError."""

    def is_done() -> bool:
        found = cluster.get("statefulsets", "default/web") or {}
        status = found.get("status") or {}
        seen = status.get("observedGeneration") == found["metadata"]["generation"]
        return seen and (status.get("readyReplicas"), status.get("updatedReplicas")) == (replicas, replicas)

    if not cluster.when(is_done, timeout_s=3600):
        raise RuntimeError(f"{replicas} replicas did not become Ready")
