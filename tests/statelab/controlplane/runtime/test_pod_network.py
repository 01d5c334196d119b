"""curl, wget, nc and DNS inside containers: who answers, and in which words nobody does."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from statelab.controlplane.runtime.network import Network


@pytest.fixture
def client(node):
    for number in range(2):
        container = node.run("nginx:1.27", name=f"web-{number}", ip=f"10.244.1.{5 + number}")
        node.exec(container, "sh", "-c", "hostname > /usr/share/nginx/html/index.html")
    endpoints = [("10.244.1.5", "web-0"), ("10.244.1.6", "web-1")]
    node.service("nginx", "None", endpoints)
    node.service("web", "10.96.0.80", [(address, "") for address, _ in endpoints])
    node.service("empty", "10.96.0.81", [])
    node.service("waiting", "10.96.0.82", [("!10.244.1.5", "web-0")])
    return node.run(command=["sleep", "infinity"], name="client", ip="10.244.2.7")


def test_each_pod_is_found_by_its_own_name(node, client):
    assert node.exec(client, "curl", "-s", "http://web-0.nginx").stdout == "web-0\n"
    assert node.exec(client, "wget", "-qO-", "http://web-1.nginx.default.svc.cluster.local/").stdout == "web-1\n"
    assert node.exec(client, "sh", "-c", "curl -s web-0.nginx:80 | tr a-z A-Z").stdout == "WEB-0\n"


def test_a_service_address_leads_to_any_ready_endpoint_by_chance_and_to_the_same_ones_again(node, client):
    """As iptables' random does: 64 connections in turns, or all to one, would be a wonder."""
    said = node.exec(client, "sh", "-c", "for i in $(seq 64); do curl -s http://web; done").stdout.split()
    assert 16 < Counter(said)["web-0"] < 48 and len(said) == 64
    assert any(one == next_one for one, next_one in pairwise(said)), "they took turns"

    def rolled(seed: int) -> list[str]:
        network = Network(node.loop, node.objects, seed=seed)
        network.attach("10.244.2.7")
        for ip in ("10.244.1.5", "10.244.1.6"):
            network.listen(ip, 80, lambda connection: None)
        return [network.connect("10.244.2.7", "10.96.0.80", 80).remote[0] for _ in range(64)]

    assert rolled(1) == rolled(1) != rolled(2)


def test_session_affinity_keeps_a_client_with_one_endpoint(node, client):
    service = node.objects.get("services", "default/web")
    service["spec"]["sessionAffinity"] = "ClientIP"
    said = node.exec(client, "sh", "-c", "for i in 1 2 3 4; do curl -s http://10.96.0.80; done").stdout.split()
    assert len(set(said)) == 1 and len(said) == 4


def test_a_service_with_local_traffic_only_leads_to_pods_of_the_callers_node(node, client):
    node.objects.get("services", "default/web")["spec"]["internalTrafficPolicy"] = "Local"
    (found,) = [each for each in node.objects.list("endpointslices") if each["metadata"]["name"].startswith("web")]
    for endpoint, name in zip(found["endpoints"], ("kind-worker", "kind-worker2"), strict=True):
        endpoint["nodeName"] = name
    pod = {"metadata": {"name": "client", "namespace": "default"}, "spec": {"nodeName": "kind-worker2"}}
    node.objects.add("pods", {**pod, "status": {"podIP": "10.244.2.7"}})
    said = node.exec(client, "sh", "-c", "for i in 1 2 3; do curl -s http://web; done").stdout.split()
    assert said == ["web-1"] * 3
    found["endpoints"][1]["nodeName"] = "kind-worker"
    assert node.exec(client, "curl", "-sS", "-m", "2", "http://web").code == 28


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("curl -sS http://nosuch", 6, "curl: (6) Could not resolve host: nosuch"),
        ("curl -sS http://10.244.1.5:81", 7, "(7) Failed to connect to 10.244.1.5 port 81 after 0 ms"),
        ("curl -sS http://empty", 7, "(7) Failed to connect to empty port 80 after 0 ms: Couldn't connect to server"),
        ("curl -sS http://10.96.0.82", 7, "curl: (7) Failed to connect to 10.96.0.82 port 80 after 0 ms"),
        ("curl -sS http://10.244.9.9", 7, "curl: (7) Failed to connect to 10.244.9.9 port 80 after 3070 ms"),
        ("curl -sS -m 2 http://10.96.9.9", 28, "curl: (28) Connection timed out after 200"),
        ("curl -sSf http://web-0.nginx/nothing", 22, "curl: (22) The requested URL returned error: 404"),
        ("curl -sS https://web-0.nginx", 35, "kind cluster"),
        ("curl", 2, "curl: (2) no URL specified"),
        ("wget -q nosuch", 1, "wget: bad address 'nosuch'"),
        ("wget -q http://10.244.1.5:81", 1, "wget: can't connect to remote host (10.244.1.5): Connection refused"),
        ("wget -q -O - http://web-0.nginx/nothing", 1, "wget: server returned error: HTTP/1.1 404 Not Found"),
        ("wget -q -T 3 http://10.96.9.9", 1, "wget: download timed out"),
        ("nc -zv nosuch 80", 1, "nc: bad address 'nosuch'"),
        ("nc -zv web-0.nginx 81", 1, "nc: web-0.nginx (10.244.1.5:81): Connection refused"),
        ("nc -z -w 2 10.96.9.9 80", 1, "nc: timed out"),
        ("redis-cli -h nosuch ping", 1, "Could not connect to Redis at nosuch:6379: Name or service not known"),
        ("redis-cli -h web-0.nginx ping", 1, "Could not connect to Redis at web-0.nginx:6379: Connection refused"),
        ("ping -c 1 nosuch", 1, "ping: bad address 'nosuch'"),
    ],
)  # fmt: skip
def test_each_tool_says_what_is_wrong_in_its_own_words(node, client, command, code, words):
    said = node.exec(client, "sh", "-c", command)
    assert said.code == code
    assert words in said.stderr


def test_tools_that_find_somebody_say_so(node, client):
    assert node.exec(client, "nc", "-zv", "web-0.nginx", "80").stderr == "web-0.nginx (10.244.1.5:80) open\n"
    assert "1 packets received" in node.exec(client, "ping", "-c", "1", "web-0.nginx").stdout
    assert (
        node.exec(client, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://web-1.nginx").stdout == "200"
    )
    raw = node.exec(client, "sh", "-c", "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc web-0.nginx 80").stdout
    assert raw.startswith("HTTP/1.1 200 OK") and raw.endswith("web-0\n")


def test_a_shell_loop_around_nc_is_a_web_server(node, client):
    script = "while true; do printf 'HTTP/1.1 200 OK\\r\\n\\r\\nhello\\n' | nc -l -p 8080; done"
    node.sh(script, name="server", ip="10.244.2.8")
    for _ in range(2):
        assert node.exec(client, "curl", "-s", "http://10.244.2.8:8080").stdout == "hello\n"
        node.loop.run_for(0.1)


def test_the_dns_tools_answer_each_in_its_own_form(node, client):
    full = "web-0.nginx.default.svc.cluster.local"
    assert f"Name:\t{full}\nAddress: 10.244.1.5\n" in node.exec(client, "nslookup", full).stdout
    assert node.exec(client, "dig", "+short", "+search", "web-1.nginx").stdout == "10.244.1.6\n"
    assert node.exec(client, "dig", "+short", "web-1.nginx.default.svc.cluster.local").stdout == "10.244.1.6\n"
    assert node.exec(client, "getent", "hosts", "web-0.nginx").stdout.split() == [
        "10.244.1.5", "web-0.nginx.default.svc.cluster.local",
    ]  # fmt: skip
    assert node.exec(client, "host", "web-0.nginx").stdout == (
        "web-0.nginx.default.svc.cluster.local has address 10.244.1.5\n"
    )
    both = node.exec(client, "dig", "+short", "nginx.default.svc.cluster.local").stdout.split()
    assert sorted(both) == ["10.244.1.5", "10.244.1.6"]


def test_names_that_do_not_exist(node, client):
    nslookup = node.exec(client, "nslookup", "web-2.nginx")
    assert (nslookup.code, "** server can't find web-2.nginx: NXDOMAIN" in nslookup.stdout) == (1, True)
    assert node.exec(client, "getent", "hosts", "web-2.nginx").code == 2
    assert "status: NXDOMAIN" in node.exec(client, "dig", "web-2.nginx.default.svc.cluster.local").stdout
    assert node.exec(client, "host", "web-2.nginx").stdout == "Host web-2.nginx not found: 3(NXDOMAIN)\n"


def test_busybox_1_28_speaks_as_the_kubernetes_tutorial_shows(node, client):
    old = node.run("busybox:1.28", ["sleep", "infinity"], name="dns-test", ip="10.244.2.9")
    assert node.exec(old, "nslookup", "web-0.nginx").stdout == (
        "Server:    10.96.0.10\n"
        "Address 1: 10.96.0.10 kube-dns.kube-system.svc.cluster.local\n\n"
        "Name:      web-0.nginx\n"
        "Address 1: 10.244.1.5 web-0.nginx.default.svc.cluster.local\n"
    )
    failed = node.exec(old, "nslookup", "web-9.nginx")
    assert (failed.code, failed.stderr) == (1, "nslookup: can't resolve 'web-9.nginx'\n")


def test_a_pods_own_resolv_conf_and_hosts_are_what_its_tools_read(node, client):
    node.exec(client, "sh", "-c", "echo '10.244.1.6 friend' >> /etc/hosts")
    assert node.exec(client, "curl", "-s", "http://friend").stdout == "web-1\n"
    node.exec(client, "sh", "-c", "echo 'nameserver 8.8.8.8' > /etc/resolv.conf")
    assert node.exec(client, "curl", "-sS", "http://web-0.nginx").code == 6


def test_an_init_script_that_waits_for_a_service_goes_on_when_it_is_there(node):
    container = node.sh(
        "until nslookup late.default.svc.cluster.local; do echo waiting; sleep 2; done; echo found", for_s=7
    )
    assert "found" not in [line.text for line in container.logs]
    node.service("late", "10.96.0.99", [])
    node.loop.run_for(3)
    assert container.logs[-1].text == "found"
    assert node.exits["web-0"].code == 0
