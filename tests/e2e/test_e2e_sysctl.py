"""What `[sig-node] Sysctls` of the Kubernetes project's e2e tests does, step by step.

Source of the steps: test/e2e/common/node/sysctl.go.
"""

from __future__ import annotations

from typing import Any

import pytest
from e2e_client import Api, Refused

pytestmark = pytest.mark.slow

BUSYBOX = "registry.k8s.io/e2e-test-images/busybox:1.36.1-1"


def _pod(*sysctls: tuple[str, str]) -> Any:
    container = {"name": "test-container", "image": BUSYBOX, "command": ["/bin/sysctl", "kernel.shm_rmid_forced"]}
    context = {"sysctls": [{"name": name, "value": value} for name, value in sysctls]}
    return {
        "metadata": {"name": "sysctl"},
        "spec": {"containers": [container], "restartPolicy": "Never", "securityContext": context},
    }


@pytest.mark.parametrize("name", ["kernel.shm_rmid_forced", "kernel/shm_rmid_forced"])
def test_should_support_sysctls(api: Api, name: str) -> None:
    api.create("pods", _pod((name, "1")))
    api.until(lambda: api.get("pods", "sysctl")["status"].get("phase") == "Succeeded", "it is over")
    assert b"kernel.shm_rmid_forced = 1" in api.request("GET", api.path("pods", "sysctl", "log"))


def test_should_reject_invalid_sysctls(api: Api) -> None:
    with pytest.raises(Refused) as refused:
        api.create(
            "pods", _pod(("foo-", "bar"), ("kernel.shmmax", "100000000"), ("safe-and-unsafe", "1"), ("bar..", "42"))
        )
    message = refused.value.status["message"]
    assert 'spec.securityContext.sysctls[0].name: Invalid value: "foo-"' in message
    assert 'spec.securityContext.sysctls[3].name: Invalid value: "bar.."' in message
    assert "safe-and-unsafe" not in message
    assert "kernel.shmmax" not in message


def test_should_not_launch_unsafe_but_not_explicitly_enabled_sysctls_on_the_node(api: Api) -> None:
    api.create("pods", _pod(("kernel.msgmax", "10000000000")))
    pod = api.until(
        lambda: (found := api.get("pods", "sysctl"))["status"].get("phase") == "Failed" and found, "refused"
    )
    assert pod["status"]["reason"] == "SysctlForbidden"
    assert 'forbidden sysctl: "kernel.msgmax" not allowlisted' in pod["status"]["message"]
    api.until(lambda: any(each["reason"] == "SysctlForbidden" for each in api.list("events")["items"]), "the event")
