"""kr8s, against a server of its own."""

from __future__ import annotations

from typing import Any

import pytest

kr8s = pytest.importorskip("kr8s", reason="kr8s is not installed")


@pytest.fixture
def api(server: Any) -> Any:
    return kr8s.api(kubeconfig=str(server.kubeconfig))


def pod(api: Any, namespace: str, name: str) -> Any:
    from kr8s.objects import Pod

    container = {"name": "main", "image": "nginx:1.27", "ports": [{"containerPort": 80}]}
    return Pod(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"containers": [container]},
        },
        api=api,
    )


def test_objects_are_made_waited_for_changed_and_removed(api: Any, namespace: str) -> None:
    one = pod(api, namespace, "one")
    one.create()
    one.wait("condition=Ready", timeout=30)
    one.label({"role": "primary"})
    assert [each.name for each in api.get("pods", namespace=namespace, label_selector="role=primary")] == ["one"]
    one.delete()
    one.wait("delete", timeout=30)
    assert not one.exists()


def test_exec_and_logs(api: Any, namespace: str) -> None:
    one = pod(api, namespace, "one")
    one.create()
    one.wait("condition=Ready", timeout=30)
    done = one.exec(["hostname"])
    assert (done.stdout, done.returncode) == (b"one\n", 0)
    assert any("nginx/" in line for line in one.logs())


def test_port_forward(api: Any, namespace: str) -> None:
    import urllib.request

    one = pod(api, namespace, "one")
    one.create()
    one.wait("condition=Ready", timeout=30)
    with (
        one.portforward(remote_port=80, local_port="auto") as port,
        urllib.request.urlopen(f"http://localhost:{port}/", timeout=60) as answer,
    ):
        assert b"nginx" in answer.read()


def test_a_watch(api: Any, namespace: str) -> None:
    one = pod(api, namespace, "one")
    one.create()
    for event, seen in api.watch("pods", namespace=namespace):
        assert (event, seen.name) == ("ADDED", "one")
        break
