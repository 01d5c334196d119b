"""Where a process may have few files open: clusters that are gone give theirs back, and too many shells are refused."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")

SET = """
import resource
from statelab.controlplane.controlplane import ControlPlane

def cluster(replicas):
    made = ControlPlane(seed=1)
    script = "trap : USR1; sleep 1d"  # bashkit's: the shell in Python has no files open
    container = {"name": "main", "image": "busybox", "command": ["sh", "-c", script]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    spec = {"serviceName": "web", "podManagementPolicy": "Parallel", "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}}, "template": template}
    made.create({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"}, "spec": spec})
    made.loop.run_until(lambda: False, timeout_s=20)
    return made

def statuses(made):
    return [pod["status"]["containerStatuses"][0] for pod in made.list("pods", "default")]

def running(made):
    return sum("running" in each["state"] for each in statuses(made))

cluster(1)
"""
MANY_CLUSTERS = """
resource.setrlimit(resource.RLIMIT_NOFILE, (600, 600))
for _ in range(60):
    assert running(cluster(10)) == 10  # 1,800 files, had each cluster kept its own
print("done")
"""
MANY_SHELLS = """
resource.setrlimit(resource.RLIMIT_NOFILE, (90, 90))
made = cluster(40)
ended = [each for each in statuses(made) if "running" not in each["state"]]
assert len(ended) > 10, "each shell needs several files"
assert {(each["state"].get("terminated") or each["lastState"]["terminated"])["exitCode"] for each in ended} == {126}
assert running(made) > 2
print("done")
"""


@pytest.mark.parametrize("then", [MANY_CLUSTERS, MANY_SHELLS], ids=["many clusters", "many shells"])
def test_a_low_limit_is_lived_with(then: str) -> None:
    command = [sys.executable, "-c", SET + then]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.stdout == "done\n", done.stderr[-3000:]
