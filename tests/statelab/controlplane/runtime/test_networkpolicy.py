"""NetworkPolicies, on a whole cluster in virtual time: who reaches whom, and what the others see."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.runtime.network import NetworkError

Object = dict[str, Any]
CLIENTS = ("default/friend", "default/other", "lab/guest", "lab/other")


def pod(name: str, labels: dict[str, str], **more: Any) -> Object:
    ports = [{"name": "page", "containerPort": 80}]
    main = {"name": "main", "image": "nginx:1.27", "ports": ports, **more}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [main], "terminationGracePeriodSeconds": 1},
    }


@pytest.fixture(scope="module")
def whole() -> ControlPlane:
    plane = ControlPlane()
    plane.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab", "labels": {"team": "blue"}}})
    plane.settle()
    probe = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 1, "failureThreshold": 1}
    plane.create(pod("web", {"app": "web"}, readinessProbe=probe))
    plane.create(pod("friend", {"role": "friend"}))
    plane.create(pod("other", {"role": "other"}))
    plane.create(pod("guest", {"role": "friend"}), namespace="lab")
    plane.create(pod("other", {"role": "other"}), namespace="lab")
    service = {"selector": {"app": "web"}, "ports": [{"port": 8080, "targetPort": "page"}]}
    plane.create({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": service})
    plane.settle()
    return plane


@pytest.fixture
def plane(whole: ControlPlane) -> ControlPlane:
    for policy in whole.list("networkpolicies"):
        whole.delete("networkpolicies", f"{policy['metadata']['namespace']}/{policy['metadata']['name']}")
    return whole


def obey(plane: ControlPlane, name: str = "policy", **spec: Any) -> None:
    wanted = {"podSelector": {"matchLabels": {"app": "web"}}, **spec}
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name}, "spec": wanted}
    plane.create(policy)


def ip_of(plane: ControlPlane, key: str) -> str:
    found = plane.get("pods", key)
    assert found is not None
    return str(found["status"]["podIP"])


def reaches(plane: ControlPlane, client: str, server: str = "default/web", port: int = 80) -> bool:
    try:
        plane.network.connect(ip_of(plane, client), ip_of(plane, server), port).close()
    except NetworkError as error:
        assert error.reason in ("timed out", "connection refused")
        return error.reason == "connection refused"  # a packet came there and was answered
    return True


def who_reaches_web(plane: ControlPlane) -> list[str]:
    return [client for client in CLIENTS if reaches(plane, client)]


def run(plane: ControlPlane, key: str, *argv: str) -> str:
    spec = plane.get("pods", key) or {}
    container = plane.kubelets[spec["spec"]["nodeName"]].container(key, "main")
    assert container is not None
    said: list[bytes] = []
    container.exec(list(argv), on_output=lambda stream, data: said.append(data), on_exit=lambda code: None)
    plane.settle()
    return b"".join(said).decode()


FRIENDS = {"podSelector": {"matchLabels": {"role": "friend"}}}
BLUE = {"namespaceSelector": {"matchLabels": {"team": "blue"}}}
OTHERS_TOO = {"podSelector": {"matchExpressions": [{"key": "role", "operator": "Exists"}]}}


def test_without_a_policy_everybody_reaches_everybody(plane: ControlPlane) -> None:
    assert who_reaches_web(plane) == list(CLIENTS)


@pytest.mark.parametrize(
    ("ingress", "who"),
    [
        ([], []),
        ([{}], list(CLIENTS)),
        ([{"from": [FRIENDS]}], ["default/friend"]),
        ([{"from": [OTHERS_TOO]}], ["default/friend", "default/other"]),
        ([{"from": [BLUE]}], ["lab/guest", "lab/other"]),
        ([{"from": [{**BLUE, **FRIENDS}]}], ["lab/guest"]),
        ([{"from": [BLUE, FRIENDS]}], ["default/friend", "lab/guest", "lab/other"]),
        ([{"from": [{"namespaceSelector": {}}]}], list(CLIENTS)),
        ([{"from": [FRIENDS]}, {"from": [BLUE]}], ["default/friend", "lab/guest", "lab/other"]),
        ([{"from": [{"ipBlock": {"cidr": "10.244.0.0/16"}}]}], list(CLIENTS)),
        ([{"from": [{"ipBlock": {"cidr": "192.168.0.0/16"}}]}], []),
    ],
)
def test_a_policy_allows_whom_it_names(plane: ControlPlane, ingress: list[Object], who: list[str]) -> None:
    obey(plane, ingress=ingress, policyTypes=["Ingress"])
    assert who_reaches_web(plane) == who


def test_a_block_has_exceptions(plane: ControlPlane) -> None:
    block = {"cidr": "10.244.0.0/16", "except": [f"{ip_of(plane, 'default/other')}/32"]}
    obey(plane, ingress=[{"from": [{"ipBlock": block}]}])
    assert who_reaches_web(plane) == [each for each in CLIENTS if each != "default/other"]


def test_policies_add_up(plane: ControlPlane) -> None:
    obey(plane, "none")
    assert who_reaches_web(plane) == []
    obey(plane, "friends", ingress=[{"from": [FRIENDS]}])
    assert who_reaches_web(plane) == ["default/friend"]


@pytest.mark.parametrize(
    ("ports", "is_open"),
    [
        ([{"port": 80}], True),
        ([{"port": "page"}], True),
        ([{"port": 8080}], False),
        ([{"port": "nothing"}], False),
        ([{"port": 70, "endPort": 90}], True),
        ([{"port": 81, "endPort": 90}], False),
        ([{"port": 80, "protocol": "UDP"}], False),
        ([{"protocol": "TCP"}], True),
    ],
)
def test_a_port_is_the_pods_own_by_number_range_or_name(
    plane: ControlPlane, ports: list[Object], is_open: bool
) -> None:
    obey(plane, ingress=[{"ports": ports}])
    assert reaches(plane, "default/friend") is is_open


def test_egress_is_judged_too(plane: ControlPlane) -> None:
    to_web = {"to": [{"podSelector": {"matchLabels": {"app": "web"}}}]}
    obey(plane, podSelector={"matchLabels": {"role": "friend"}}, egress=[to_web])
    assert reaches(plane, "default/friend")
    obey(plane, "none", podSelector={"matchLabels": {"role": "other"}}, policyTypes=["Egress"])
    assert who_reaches_web(plane) == ["default/friend", "lab/guest", "lab/other"]


def test_a_policy_without_egress_rules_leaves_egress_alone(plane: ControlPlane) -> None:
    obey(plane, ingress=[])
    assert reaches(plane, "default/web", "default/friend")


def test_who_is_blocked_waits_in_vain(plane: ControlPlane) -> None:
    obey(plane, ingress=[])
    assert "curl: (28)" in run(plane, "default/friend", "curl", "-sS", "-m", "2", "http://web:8080")
    assert "timed out" in run(plane, "default/friend", "wget", "-q", "-T", "2", "-O", "-", "http://web:8080")


def test_a_service_leads_to_a_pod_that_judges_the_client(plane: ControlPlane) -> None:
    obey(plane, ingress=[{"from": [FRIENDS], "ports": [{"port": 80}]}])
    assert "Welcome to nginx" in run(plane, "default/friend", "curl", "-s", "http://web:8080")
    assert "curl: (28)" in run(plane, "default/other", "curl", "-sS", "-m", "2", "http://web:8080")


def test_names_need_egress_to_dns(plane: ControlPlane) -> None:
    friend = {"matchLabels": {"role": "friend"}}
    to_web = {"to": [{"podSelector": {"matchLabels": {"app": "web"}}}]}
    obey(plane, podSelector=friend, egress=[to_web])
    asked = ("curl", "-sS", "-m", "2", "http://web:8080")
    assert "Could not resolve host" in run(plane, "default/friend", *asked)
    dns = {
        "to": [
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
            }
        ],
        "ports": [{"port": 53, "protocol": "UDP"}],
    }
    obey(plane, "dns", podSelector=friend, egress=[dns])
    assert "Welcome to nginx" in run(plane, "default/friend", *asked)


def test_a_nodes_probes_always_reach_its_pods(plane: ControlPlane) -> None:
    obey(plane, podSelector={}, policyTypes=["Ingress", "Egress"])
    plane.when(lambda: False, timeout_s=30)
    found = plane.get("pods", "default/web") or {}
    assert [each["status"] for each in found["status"]["conditions"] if each["type"] == "Ready"] == ["True"]


def test_a_connection_that_is_open_stays_open(plane: ControlPlane) -> None:
    connection = plane.network.connect(ip_of(plane, "default/friend"), ip_of(plane, "default/web"), 80)
    obey(plane, ingress=[])
    answer: list[bytes] = []
    connection.receive(answer.append)
    connection.send(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
    plane.settle()
    assert answer
    assert not reaches(plane, "default/friend")


def test_a_pod_reaches_itself(plane: ControlPlane) -> None:
    obey(plane, policyTypes=["Ingress", "Egress"])
    assert reaches(plane, "default/web", "default/web")
