"""Images that are not built in still let a manifest be learned from, and say what they are."""

from __future__ import annotations

import json

import pytest

from statelab.controlplane.apiserver.encoding.request import Request
from statelab.controlplane.apiserver.serving.handler import Handler
from statelab.controlplane.controlplane import ControlPlane


@pytest.mark.parametrize(
    ("image", "command", "port"),
    [
        ("postgres:16", None, 5432),
        ("mysql:8.0", ["docker-entrypoint.sh", "mysqld", "--server-id=1"], 3306),
        ("acme/api:1.0", ["java", "-jar", "app.jar"], 8080),
        ("acme/site:1.0", ["sh", "-c", "echo starting && exec node server.js"], 3000),
        ("acme/unknown:1.0", ["/app/run"], None),
    ],
)
def test_a_server_that_is_not_built_in_is_taken_to_run_and_stops_when_told_to(node, image, command, port):
    container = node.run(image, command)
    assert "web-0" not in node.exits
    assert any("not built in" in line.text for line in container.logs)
    assert node.network.listening("10.244.1.5") == ([port] if port else [])
    container.signal("TERM")
    node.loop.run_for(1)
    assert node.exits["web-0"].code == 0


def test_it_listens_on_the_ports_its_pod_declares(node):
    container = node.run("postgres:16", ports=[6000, 6001])
    assert node.network.listening("10.244.1.5") == [6000, 6001]
    said = node.exec(container, "curl", "-s", "localhost:6000")
    assert "stand-in" in said.stdout


@pytest.mark.parametrize(
    "probe", [["pg_isready", "-U", "postgres"], ["sh", "-c", "mysqladmin ping && psql -c 'select 1'"]]
)
def test_a_probe_with_a_client_that_is_not_built_in_is_taken_to_succeed_and_says_so(node, probe):
    container = node.run("postgres:16")
    said = node.exec(container, *probe)
    assert said.code == 0
    assert "is not built in; it is taken to have succeeded" in said.stderr


def test_what_nobody_knows_is_not_found_even_there(node):
    container = node.run("postgres:16")
    assert node.exec(container, "nosuch").code == 127
    assert node.exec(container, "sh", "-c", "nosuch").code == 127


def test_an_image_that_is_built_in_has_no_stand_ins(node):
    container = node.run("nginx:1.27")
    assert node.exec(container, "psql").code == 127


def test_the_tutorials_pre_stop_hook_waits_until_nginx_has_gone(node):
    container = node.run("nginx:1.27")
    codes = []
    hook = "nginx -s quit; while killall -0 nginx; do sleep 1; done"
    container.exec(["/bin/sh", "-c", hook], on_output=lambda stream, data: None, on_exit=codes.append)
    node.loop.run_for(3)
    assert node.exits["web-0"].code == 0
    assert codes == [137]  # it goes with its container


def test_the_tutorials_liveness_probe_sees_the_file_come_and_go(node):
    container = node.run(args=["/bin/sh", "-c", "touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600"])
    assert node.exec(container, "cat", "/tmp/healthy").code == 0
    node.loop.run_for(30)
    said = node.exec(container, "cat", "/tmp/healthy")
    assert (said.code, said.stderr) == (1, "cat: /tmp/healthy: No such file or directory\n")


def test_the_tutorials_logging_sidecars_follow_their_files(node):
    from statelab.controlplane.runtime import Mount, Volume

    logs = Volume()
    mounts = [Mount("/var/log", logs)]
    counter = 'i=0; while true; do echo "$i: $(date)" >> /var/log/1.log; i=$((i+1)); sleep 1; done'
    node.run(args=["/bin/sh", "-c", counter], mounts=mounts)
    sidecar = node.run(args=["/bin/sh", "-c", "tail -n+1 -F /var/log/1.log"], mounts=mounts, name="sidecar", for_s=5)
    lines = [line.text for line in sidecar.logs]
    assert lines[0].startswith("0: ") and len(lines) >= 4


def test_a_stand_in_is_told_where_it_is_applied_in_its_events_and_in_its_log() -> None:
    cluster = ControlPlane()
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "db", "namespace": "default"},
        "spec": {
            "containers": [
                {"name": "db", "image": "postgres:17", "args": ["-c", "max_connections=200"]},
                {"name": "web", "image": "nginx:1.27"},
            ]
        },
    }
    answer = Handler(cluster).handle(
        Request(
            "POST",
            "/api/v1/namespaces/default/pods",
            {},
            {"content-type": "application/json"},
            json.dumps(pod).encode(),
        )
    )
    warned = [value for name, value in answer.headers if name.lower() == "warning"]
    assert len(warned) == 1 and "postgres:17" in warned[0] and "stand-in" in warned[0]
    cluster.settle()
    told = [each["message"] for each in cluster.list("events", "default") if each["reason"] == "StandIn"]
    assert told == ['Image "postgres:17" is not built in: a stand-in runs in its place and does nothing']
    statuses = cluster.get("pods", "default/db")["status"]["containerStatuses"]
    assert all(each["ready"] for each in statuses), "arguments of an unknown entrypoint are nothing to run"
