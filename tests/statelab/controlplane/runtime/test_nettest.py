"""agnhost's nettest: Pods of one Service find each other through the API server, with their account's rights."""

from __future__ import annotations

import json
from typing import Any

from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.kinds import Object
from statelab.controlplane.runtime.http import HttpResponse, request

ROLES = "rbac.authorization.k8s.io/v1"


def pods(*names: str, peers: int = 2) -> list[Object]:
    args = ["nettest", "--service=net", f"--peers={peers}", "--namespace=default"]
    container = {"name": "c", "image": "registry.k8s.io/e2e-test-images/agnhost:2.56", "args": args}
    return [
        {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": each, "labels": {"app": "net"}},
            "spec": {"containers": [container], "restartPolicy": "Never"},
        }
        for each in names
    ]  # fmt: skip


def rights() -> list[Object]:
    rule = {"apiGroups": [""], "resources": ["endpoints"], "verbs": ["get"]}
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": "default"}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "finds"}
    return [
        {"apiVersion": ROLES, "kind": "Role", "metadata": {"name": "finds"}, "rules": [rule]},
        {
            "apiVersion": ROLES, "kind": "RoleBinding", "metadata": {"name": "finds"},
            "roleRef": reference, "subjects": [subject],
        },
    ]  # fmt: skip


def ask(cluster: ControlPlane, pod: str, path: str, body: bytes = b"") -> str:
    found = cluster.get("pods", f"default/{pod}")
    assert found is not None
    heard: list[Any] = []
    source = next(iter(cluster.kubelets.values())).host_ip
    method = "POST" if body else "GET"
    request(cluster.network, source, found["status"]["podIP"], 8080, path, heard.append, method=method, body=body)
    cluster.loop.run_for(0.1)
    return heard[0].body.decode() if heard and isinstance(heard[0], HttpResponse) else ""


def test_those_of_one_service_hear_of_each_other_and_say_so() -> None:
    cluster = ControlPlane()
    port = {"port": 80, "targetPort": 8080}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "net"}}
    cluster.apply(*rights(), {**service, "spec": {"selector": {"app": "net"}, "ports": [port]}}, *pods("one"))
    cluster.settle()
    assert ask(cluster, "one", "/status") == "running"  # one of two
    cluster.apply(*pods("two"))
    cluster.loop.run_for(30)
    assert ask(cluster, "two", "/status") == ask(cluster, "one", "/status") == "pass"
    state = json.loads(ask(cluster, "one", "/read"))
    assert state["Hostname"] == "one" and set(state["Sent"]) == set(state["Received"]) == {"one", "two"}
    assert list(state) == ["Hostname", "Sent", "Received", "Errors", "Log", "StillContactingPeers"]
    assert any("default/net has 1 endpoints ([http:" in each for each in state["Log"]) and state["Errors"] is None
    assert ask(cluster, "one", "/write", b"{}") == '{"Hostname":"one"}\n'
    assert json.loads(ask(cluster, "one", "/read"))["Errors"] == ["one: Got request with no source"]
    ask(cluster, "one", "/quit")
    cluster.settle()
    ended = cluster.get("pods", "default/one")
    assert ended is not None and ended["status"]["phase"] == "Succeeded"


def test_who_may_not_read_endpoints_finds_nobody_and_fails_in_the_end() -> None:
    cluster = ControlPlane()
    cluster.apply(*pods("one", peers=1))
    cluster.loop.run_for(350)
    assert ask(cluster, "one", "/status") == "running"
    cluster.loop.run_for(60)
    assert ask(cluster, "one", "/status") == "fail"
    assert "Declaring failure for default/net with 0 sent" in ask(cluster, "one", "/read")
