"""UDP between Pods: by address, through a Service, and what is heard when nobody is there."""

from __future__ import annotations

import pytest

AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.53"


@pytest.fixture
def client(node):
    for number in range(2):
        node.run(AGNHOST, args=["netexec"], command=None, name=f"web-{number}", ip=f"10.244.1.{5 + number}")
    return node.run(command=["sleep", "infinity"], name="client", ip="10.244.2.7")


def _ask(node, client, words: str, where: str) -> str:
    return node.exec(client, "sh", "-c", f"echo {words} | nc -w 1 -u {where}").stdout


def test_a_server_of_datagrams_answers(node, client):
    assert _ask(node, client, "hostName", "10.244.1.5 8081") == "web-0"
    assert _ask(node, client, "echo hello there", "10.244.1.6 8081") == "hello there"
    assert _ask(node, client, "clientip", "10.244.1.6 8081").startswith("10.244.2.7:")


def test_nobody_there_is_silence(node, client):
    for where in ("10.244.1.5 9", "10.244.9.9 8081", "10.96.0.80 80"):
        began_s = node.loop.now_s
        assert _ask(node, client, "hostname", where) == ""
        assert node.loop.now_s - began_s >= 1


def test_a_service_leads_to_its_endpoints_by_the_port_of_that_protocol(node, client):
    node.service("web", "10.96.0.80", [("10.244.1.5", "web-0"), ("10.244.1.6", "web-1")], port=8081)
    service = node.objects.get("services", "default/web")
    service["spec"]["ports"][0]["protocol"] = "UDP"
    node.objects.get("endpointslices", "default/web-x")["ports"][0]["protocol"] = "UDP"
    assert {_ask(node, client, "hostname", "10.96.0.80 8081") for _ in range(4)} == {"web-0", "web-1"}
    assert node.exec(client, "nc", "-z", "-w", "1", "10.96.0.80", "8081").code == 1
    service["spec"]["sessionAffinity"] = "ClientIP"
    assert len({_ask(node, client, "hostname", "10.96.0.80 8081") for _ in range(4)}) == 1


def test_a_port_is_free_again_when_its_server_is_gone(node, client):
    server = node.run(AGNHOST, args=["netexec", "--udp-port=9000"], command=None, name="other", ip="10.244.1.9")
    assert _ask(node, client, "hostname", "10.244.1.9 9000") == "other"
    server.signal("TERM")
    node.loop.run_for(1)
    assert _ask(node, client, "hostname", "10.244.1.9 9000") == ""


def test_one_netexec_dials_another_over_udp(node, client):
    url = "http://10.244.1.5:8080/dial?request=hostname&protocol=udp&host=10.244.1.6&port=8081&tries=2"
    assert node.exec(client, "wget", "-qO-", url).stdout == '{"responses":["web-1","web-1"]}'
