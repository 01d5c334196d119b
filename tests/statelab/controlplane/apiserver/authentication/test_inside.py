"""A container speaks with the API server as its ServiceAccount, with the token and the certificate it finds."""

from __future__ import annotations

import json

import pytest

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.serving.client import ExecResult, InProcessClient

MINE = "/var/run/secrets/kubernetes.io/serviceaccount"
CURL = f'curl -s --cacert {MINE}/ca.crt -H "Authorization: Bearer $(cat {MINE}/token)"'
API = "https://kubernetes.default.svc"


@pytest.fixture
def client() -> InProcessClient:
    cluster = ControlPlane()
    spec = {"containers": [{"name": "main", "image": "curlimages/curl:8.10.1", "command": ["sleep", "100000"]}]}
    cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "me"}, "spec": spec})
    cluster.settle()
    return InProcessClient(cluster)


def sh(client: InProcessClient, script: str) -> ExecResult:
    return client.exec("default", "me", ["sh", "-c", script])


def test_a_container_may_what_its_account_may(client: InProcessClient) -> None:
    refused = json.loads(sh(client, f"{CURL} {API}/api/v1/namespaces/default/pods").stdout)
    who = 'User "system:serviceaccount:default:default"'
    assert refused["message"].startswith(f"pods is forbidden: {who} cannot list")
    client.cluster.create(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "view"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
        }
    )
    listed = json.loads(sh(client, f"{CURL} {API}/api/v1/namespaces/default/pods").stdout)
    assert [each["metadata"]["name"] for each in listed["items"]] == ["me"]
    _watches_and_follows(client)


def _watches_and_follows(client: InProcessClient) -> None:
    """A watch and a log come piece by piece."""
    pods, cluster = f"{API}/api/v1/namespaces/default/pods", client.cluster
    watch = f"{CURL} -N '{pods}?watch=1&fieldSelector=metadata.name=other'"
    container = {"name": "main", "image": "curlimages/curl:8.10.1", "command": ["sh", "-c", watch]}
    cluster.create(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "eye"}, "spec": {"containers": [container]}}
    )
    cluster.settle()
    spec = {"containers": [{"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", "echo one; sleep 3600"]}]}
    cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "other"}, "spec": spec})
    cluster.settle()
    seen = client.request("GET", "/api/v1/namespaces/default/pods/eye/log").body
    types = [json.loads(line)["type"] for line in seen.splitlines()]
    assert types[0] == "ADDED" and set(types[1:]) == {"MODIFIED"}
    said = sh(client, f"{CURL} -S -m 5 '{pods}/other/log?follow=true'")
    assert (said.code, said.stdout) == (28, b"one\n")
    assert b"curl: (28) Operation timed out after 5" in said.stderr and b"with 4 bytes received" in said.stderr
    assert sh(client, f"{CURL} '{pods}?watch=1&timeoutSeconds=2&fieldSelector=metadata.name=none'").code == 0


def test_without_a_token_one_is_anonymous(client: InProcessClient) -> None:
    said = json.loads(sh(client, f"curl -sk {API}/api/v1/nodes").stdout)
    assert said["message"].startswith('nodes is forbidden: User "system:anonymous" cannot list resource "nodes"')
    assert json.loads(sh(client, f"curl -sk {API}/version").stdout)["major"] == "1"
    assert (
        sh(client, f'curl -sk -H "Authorization: Bearer wrong" -o /dev/null -w "%{{http_code}}" {API}/api').stdout
        == b"401"
    )


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (f"curl -sS {API}/version", 60, "unable to get local issuer certificate"),
        (f"curl -sS --cacert {MINE}/ca.crt https://172.17.0.1:6443/version", 0, ""),
        (f"curl -sS --cacert {MINE}/nope https://kubernetes/version", 77, "error setting certificate file"),
        (f"curl -sS --cacert {MINE}/ca.crt https://kube-dns.kube-system.svc:443/", 28, "timed out"),
    ],
)
def test_a_client_checks_who_answers(client: InProcessClient, line: str, code: int, words: str) -> None:
    node = client.cluster.get("nodes", "kind-control-plane")
    assert node is not None
    ip = node["status"]["addresses"][0]["address"]
    said = client.exec("default", "me", ["sh", "-c", line.replace("172.17.0.1", ip)], timeout_s=300)
    assert said.code == code, said
    assert words.encode() in said.stderr


def test_a_token_that_was_read_is_made_anew_before_it_ends(client: InProcessClient) -> None:
    cluster = client.cluster
    first = sh(client, f"cat {MINE}/token").stdout
    cluster.loop.run_for(2800)
    assert sh(client, f"cat {MINE}/token").stdout == first
    cluster.loop.run_for(200)
    second = sh(client, f"cat {MINE}/token").stdout
    assert second != first
    assert not isinstance(cluster.api.tokens.user(second.decode(), cluster.loop.now_s), str)


def test_a_token_that_nobody_reads_is_not_made() -> None:
    cluster = ControlPlane()
    made: list[str] = []
    sign = cluster.api.tokens.signer.sign
    cluster.api.tokens.signer.sign = lambda claims: made.append("") or sign(claims)  # type: ignore
    spec = {"containers": [{"name": "main", "image": "registry.k8s.io/pause:3.10"}]}
    cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "quiet"}, "spec": spec})
    cluster.settle()
    cluster.loop.run_for(10_000)
    assert not made


def test_a_token_ends_with_its_pod(client: InProcessClient) -> None:
    token = sh(client, f"cat {MINE}/token").stdout.decode()
    cluster = client.cluster
    assert not isinstance(cluster.api.tokens.user(token, cluster.loop.now_s), str)
    cluster.delete("pods", "default/me", gracePeriodSeconds=0)
    assert cluster.api.tokens.user(token, cluster.loop.now_s) == "service account token has been invalidated"
