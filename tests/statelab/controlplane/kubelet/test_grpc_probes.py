"""A kubelet that asks over gRPC: what it says of each answer, and who is restarted for it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statelab.controlplane.clock import Loop
from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.runtime import grpc_health
from statelab.controlplane.runtime.grpc_health import Health
from statelab.controlplane.runtime.network import Connection, Network

AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.53"


def _pod(args: list[str], image: str = AGNHOST, **grpc: Any) -> dict[str, Any]:
    probe = {"grpc": {"port": 5000, **grpc}, "periodSeconds": 2, "failureThreshold": 1}
    container = {"name": "main", "image": image, "livenessProbe": probe, **({"args": args} if args else {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "grpc"}, "spec": {"containers": [container]}}


def _after(seconds: float, pod: dict[str, Any]) -> tuple[int, str]:
    """Its restarts, and the last thing its kubelet said of the probe."""
    cluster = ControlPlane()
    cluster.apply(pod)
    cluster.loop.run_for(seconds)
    [status] = cluster.get("pods", "default/grpc")["status"]["containerStatuses"]
    said = [each["message"] for each in cluster.list("events", "default") if each["reason"] == "Unhealthy"]
    return status["restartCount"], said[-1] if said else ""


def test_a_service_that_serves_is_left_alone():
    assert _after(120, _pod(["grpc-health-checking"])) == (0, "")
    assert _after(120, _pod(["grpc-health-checking", "--service", "mine"], service="mine")) == (0, "")
    long = "s" * 300
    assert _after(60, _pod(["grpc-health-checking", f"--service={long}"], service=long)) == (0, "")


@pytest.mark.parametrize(
    ("args", "grpc", "image", "words"),
    [
        (
            ["grpc-health-checking", "--delay-unhealthy-sec=10"], {}, AGNHOST,
            'Liveness probe failed: service unhealthy (responded with "NOT_SERVING")',
        ),
        (
            ["grpc-health-checking", "--service", "mine"], {}, AGNHOST,
            "Liveness probe failed: error: health rpc probe failed: rpc error: code = NotFound desc = unknown service",
        ),
        (["grpc-health-checking"], {"port": 2333}, AGNHOST, ":2333\" within 1s: context deadline exceeded"),
        (["netexec"], {"port": 8080}, AGNHOST, ":8080\" within 1s: context deadline exceeded"),
        ([], {"port": 80}, "nginx:1.27", ":80\" within 1s: context deadline exceeded"),
    ],
    ids=["late", "other service", "nobody there", "HTTP/1.1", "nginx"],
)  # fmt: skip
def test_what_does_not_serve_is_told_and_restarted(args, grpc, image, words):
    restarts, said = _after(60, _pod(args, image, **grpc))
    assert restarts >= 1 and words in said


def _network() -> tuple[Network, Loop]:
    class Nobody:
        def get(self, plural: str, key: str) -> None:
            return None

        def list(self, plural: str, namespace: str = "") -> list[Any]:
            return []

    loop = Loop()
    return Network(loop, Nobody()), loop  # type: ignore[arg-type]


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_whatever_a_stranger_sends_or_answers_nobody_breaks(chunks):
    network, loop = _network()
    network.attach("10.0.0.1")
    found: list[Health | str] = []
    network.listen("10.0.0.1", 1, lambda connection: grpc_health.serve(connection, lambda service: Health(0)))

    def babble(connection: Connection) -> None:
        for each in chunks:
            connection.send(each)

    network.listen("10.0.0.1", 2, babble)
    client = network.connect("10.0.0.2", "10.0.0.1", 1)
    for each in [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", *chunks]:
        client.send(each)
    grpc_health.call(network, loop, "10.0.0.2", "10.0.0.1", 2, "x", 1.0, found.append)
    loop.run_for(2)
    assert len(found) == 1
