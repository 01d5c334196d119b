"""What `[sig-node] Pod InPlace Resize Container` conformance tests do with the resources of running containers.

Source of the steps: test/e2e/common/node/pod_resize.go, test/e2e/common/node/framework/{podresize,cgroups}.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from e2e_client import BUSYBOX, Api

pytestmark = pytest.mark.slow

Resources = dict[str, dict[str, str]]
_FILES = "/sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu.weight /sys/fs/cgroup/memory.max"
_SAYS = f"trap exit TERM; mount -t cgroup2; while true; do echo $(cat {_FILES}); sleep 1; done"
_RUNS = ["sh", "-c", _SAYS]


def guaranteed(cpu: str, memory: str) -> Resources:
    return {part: {"cpu": cpu, "memory": memory} for part in ("limits", "requests")}


def container(name: str, resources: Resources) -> Any:
    return {"name": name, "image": BUSYBOX, "command": _RUNS, "resources": resources}


def start(api: Api, name: str, wanted: dict[str, Resources]) -> None:
    spec = {"containers": [container(*each) for each in wanted.items()], "terminationGracePeriodSeconds": 1}
    api.create("pods", {"metadata": {"name": name}, "spec": spec})
    api.until_ready(name)
    check(api, name, wanted)


def resize(api: Api, name: str, wanted: dict[str, Resources]) -> None:
    containers = [{"name": key, "resources": value} for key, value in wanted.items()]
    api.patch("pods", name, {"spec": {"containers": containers}}, "resize")
    api.until(lambda: is_resized(api.get("pods", name), wanted), f"{name} is resized")
    check(api, name, wanted)


def is_resized(pod: Any, wanted: dict[str, Resources]) -> bool:
    status = pod["status"]
    told = {each["type"] for each in status["conditions"]} & {"PodResizePending", "PodResizeInProgress"}
    return not told and [each["resources"] for each in status["containerStatuses"]] == list(wanted.values())


def check(api: Api, name: str, wanted: dict[str, Resources]) -> None:
    """What each container reads in its control group, and that none was restarted."""
    assert [each["restartCount"] for each in api.get("pods", name)["status"]["containerStatuses"]] == [0] * len(wanted)
    for key, resources in wanted.items():
        limits, requests = resources.get("limits", {}), resources.get("requests", {})
        cpu = int(limits["cpu"].removesuffix("m")) if "cpu" in limits else 0
        wanted_m = int(requests.get("cpu", "0m").removesuffix("m")) or cpu
        weight = 1 + (max(wanted_m * 1024 // 1000, 2) - 2) * 9999 // 262142
        memory = int(limits["memory"].removesuffix("Mi")) << 20 if "memory" in limits else "max"
        wanted_line = f"{max(cpu * 100, 1000) if cpu else 'max'} 100000 {weight} {memory}"
        said = partial(_said, api, name, key)
        api.until(lambda said=said, line=wanted_line: said()[-1:] == [line], f"{key} reads {wanted_line}")
        assert said()[0].startswith("cgroup on /sys/fs/cgroup type cgroup2 ")


def _said(api: Api, name: str, key: str) -> list[str]:
    return api.log(name, key).splitlines()


def test_should_resize_containers_up_and_down_and_back(api: Api) -> None:
    before = {name: guaranteed(f"{20 + 2 * n}m", f"{35 + 2 * n}Mi") for n, name in enumerate(("c1", "c2", "c3"))}
    start(api, "three", before)
    increase = {"c1": guaranteed("25m", "40Mi"), "c2": guaranteed("27m", "42Mi"), "c3": guaranteed("19m", "34Mi")}
    decrease = {"c1": guaranteed("25m", "40Mi"), "c2": guaranteed("17m", "32Mi"), "c3": guaranteed("19m", "34Mi")}
    various = {"c1": guaranteed("25m", "35Mi"), "c2": guaranteed("17m", "42Mi"), "c3": guaranteed("29m", "44Mi")}
    for after in (increase, before, decrease, various, before):
        resize(api, "three", after)


def test_should_add_requests_and_limits_and_resize_with_equivalents(api: Api) -> None:
    before: dict[str, Resources] = {
        "c1": {"requests": {"cpu": "20m"}},
        "c2": {"requests": {"memory": "35Mi"}},
        "c3": {"requests": {"cpu": "2m"}, "limits": {"cpu": "10m"}},
    }
    start(api, "burstable", before)
    after: dict[str, Resources] = {
        "c1": {"limits": {"cpu": "35m"}, "requests": {"cpu": "25m"}},
        "c2": {"limits": {"memory": "50Mi"}, "requests": {"memory": "30Mi", "cpu": "20m"}},
        "c3": {"requests": {"cpu": "1m"}, "limits": {"cpu": "5m"}},
    }
    resize(api, "burstable", after)


def test_should_resize_by_the_replace_endpoint(api: Api) -> None:
    start(api, "replaced", {"c1": {"requests": {"cpu": "20m", "memory": "35Mi"}}})
    wanted: dict[str, Resources] = {"c1": {"requests": {"cpu": "25m", "memory": "40Mi"}}}
    found = api.get("pods", "replaced")
    assert found["metadata"]["generation"] == 1
    found["spec"]["containers"][0]["resources"] = wanted["c1"]
    api.request("PUT", api.path("pods", "replaced", "resize"), found)
    assert api.get("pods", "replaced")["metadata"]["generation"] == 2
    api.until(lambda: is_resized(api.get("pods", "replaced"), wanted), "it is resized")
    check(api, "replaced", wanted)
    assert api.get("pods", "replaced", "resize") == api.get("pods", "replaced")
