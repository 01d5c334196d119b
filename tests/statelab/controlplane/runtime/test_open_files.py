"""Sandboxes give back what they have opened: a grader runs thousands of them in one process."""

from __future__ import annotations

import gc
import os
import sys

import pytest

from statelab.controlplane import ControlPlane

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "asker"},
    "spec": {
        "containers": [
            {
                "name": "main",
                "image": "busybox:1.36",
                "command": ["sleep", "1000000"],
                "readinessProbe": {
                    "exec": {"command": ["sh", "-c", "nslookup nobody"]},
                    "periodSeconds": 1,
                    "failureThreshold": 1,
                },
            }
        ]
    },
}


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/self/fd counts open files")
def test_a_probe_that_asks_for_ever_keeps_no_files_open() -> None:
    cluster = ControlPlane(seed=1)
    cluster.create(POD)
    cluster.loop.run_until(lambda: False, timeout_s=30)
    gc.collect()
    before = open_files()
    cluster.loop.run_until(lambda: False, timeout_s=120)
    assert open_files() <= before + 6
