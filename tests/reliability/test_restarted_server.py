"""A server that was stopped or killed, and started again on what it had kept."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from serving import CONFIG_MAPS, Server, start


def config_map(name: str, text: str = "") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"text": text}}


def test_two_servers_do_not_share_a_state_folder(tmp_path: Path) -> None:
    first = start(tmp_path, state=tmp_path / "state")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "statelab", "serve", "--state", str(tmp_path / "state")],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 1
        assert "is in use by another server" in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        assert first.stop() == 0


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_what_was_acknowledged_is_there_after_a_restart(tmp_path: Path, signal_number: int) -> None:
    first = start(tmp_path, state=tmp_path / "state")
    watching = first.raw(
        f"GET {CONFIG_MAPS}?watch=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {first.token}\r\n\r\n".encode()
    )
    for number in range(20):
        assert first.request("POST", CONFIG_MAPS, config_map(f"kept-{number}"))[0] == 201
    code = first.stop(signal_number)
    assert code == (-signal_number if signal_number == signal.SIGKILL else 0)
    watching.close()
    second = start(tmp_path, "--port", str(first.port), state=tmp_path / "state")
    try:
        listed = second.request("GET", CONFIG_MAPS)[1]
        names = {item["metadata"]["name"] for item in listed["items"]}
        assert {f"kept-{number}" for number in range(20)} <= names
        assert second.kubeconfig.read_text()
        assert second.url == first.url
    finally:
        second.stop()


def test_a_kubeconfig_stays_good_when_the_server_restarts(tmp_path: Path) -> None:
    first = start(tmp_path, state=tmp_path / "state")
    before = json.loads(first.kubeconfig.read_text())
    first.stop()
    second = start(tmp_path, "--port", str(first.port), state=tmp_path / "state")
    try:
        assert json.loads(second.kubeconfig.read_text()) == before
    finally:
        second.stop()


def test_what_an_exec_has_written_to_a_volume_is_there_after_the_server_was_killed(tmp_path: Path) -> None:
    from kubernetes import client, config
    from kubernetes.stream import stream

    def run(server: Server, *words: str) -> str:
        with config.new_client_from_config(config_file=str(server.kubeconfig)) as api:
            core = client.CoreV1Api(api)
            deadline_s = time.monotonic() + 60
            while True:
                try:
                    return str(
                        stream(
                            core.connect_get_namespaced_pod_exec,
                            "keeps",
                            "default",
                            command=list(words),
                            stdout=True,
                            stderr=True,
                        )
                    )
                except Exception:
                    if time.monotonic() > deadline_s:
                        raise
                    time.sleep(0.1)  # it has not been started yet

    first = start(tmp_path, "--pace", "20", state=tmp_path / "state")
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    claim["spec"]["resources"] = {"requests": {"storage": "1Gi"}}
    container = {"name": "main", "image": "busybox:1.36", "command": ["sleep", "3600"]}
    container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]  # type: ignore[assignment]
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    pod = {"metadata": {"name": "keeps"}, "spec": {"containers": [container], "volumes": [volume]}}
    assert first.request("POST", "/api/v1/namespaces/default/persistentvolumeclaims", claim)[0] == 201
    assert first.request("POST", "/api/v1/namespaces/default/pods", pod)[0] == 201
    run(first, "sh", "-c", "echo kept > /data/file")
    first.stop(signal.SIGKILL)
    second = start(tmp_path, "--pace", "20", state=tmp_path / "state")
    try:
        assert run(second, "cat", "/data/file") == "kept\n"
    finally:
        second.stop()
