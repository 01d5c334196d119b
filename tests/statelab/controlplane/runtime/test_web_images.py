"""nginx, httpd and agnhost, as clients see them."""

from __future__ import annotations

import json

import pytest

from statelab.controlplane.runtime import Mount, Volume
from statelab.controlplane.runtime.http import HttpResponse, request


def get(node, ip, port, path):
    found = []
    request(node.network, "10.244.2.9", ip, port, path, found.append)
    node.loop.run_for(1)
    return found[0]


def test_nginx_serves_its_document_root_and_logs_each_request(node):
    container = node.run("nginx:1.27")
    welcome = get(node, "10.244.1.5", 80, "/")
    assert welcome.status == 200 and b"<h1>Welcome to nginx!</h1>" in welcome.body
    assert get(node, "10.244.1.5", 80, "/nothing").status == 404
    assert '"GET /nothing HTTP/1.1" 404' in [line.text for line in container.logs if line.stream == "stdout"][-1]


def test_nginx_with_an_empty_volume_for_its_root_answers_403_until_there_is_a_page(node):
    volume = Volume("www")
    container = node.run("registry.k8s.io/nginx-slim:0.24", mounts=[Mount("/usr/share/nginx/html", volume)])
    assert get(node, "10.244.1.5", 80, "/").status == 403
    node.exec(container, "sh", "-c", "hostname > /usr/share/nginx/html/index.html")
    assert get(node, "10.244.1.5", 80, "/").body == b"web-0\n"
    assert volume.read("/index.html") == b"web-0\n"


def test_nginx_listens_and_serves_where_its_configuration_says(node):
    config = Volume("config", read_only=True)
    config.write("default.conf", "server { listen 8080; root /srv; index home.html; }\n")
    container = node.run("nginx:1.27", mounts=[Mount("/etc/nginx/conf.d", config)])
    node.exec(container, "sh", "-c", "echo home > /srv/home.html")
    assert get(node, "10.244.1.5", 8080, "/").body == b"home\n"


def test_two_servers_of_one_pod_cannot_have_the_same_port(node):
    node.run("nginx:1.27")
    second = node.run("nginx:1.27", name="web-0b")
    assert node.exits["web-0b"].code == 1
    assert "98: Address already in use" in second.logs[0].text


def test_a_pod_that_is_gone_frees_its_port_and_closes_its_connections(node):
    container = node.run("nginx:1.27")
    connection = node.network.connect("10.244.1.9", "10.244.1.5", 80)
    container.signal("KILL")
    node.loop.run_for(0.1)
    node.network.detach("10.244.1.5")
    assert connection.closed
    node.run("nginx:1.27")
    assert get(node, "10.244.1.5", 80, "/").status == 200


def test_the_kubernetes_tests_break_and_mend_httpds_readiness_by_moving_its_page(node):
    container = node.run("registry.k8s.io/e2e-test-images/httpd:2.4.38-4")
    assert b"It works!" in get(node, "10.244.1.5", 80, "/index.html").body
    moved = node.exec(container, "/bin/sh", "-x", "-c", "mv -v /usr/local/apache2/htdocs/index.html /tmp/ || true")
    assert moved.code == 0
    assert get(node, "10.244.1.5", 80, "/index.html").status == 404
    back = node.exec(container, "/bin/sh", "-x", "-c", "mv -v /tmp/index.html /usr/local/apache2/htdocs/ || true")
    assert back.code == 0
    assert get(node, "10.244.1.5", 80, "/index.html").status == 200


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/hostname", 200, "web-0"),
        ("/echo?msg=hello%20you", 200, "hello you"),
        ("/echo?msg=x&code=418", 418, "x"),
        ("/healthz", 200, "OK"),
        ("/shell?cmd=hostname", 200, '{"output":"web-0\\n"}'),
        ("/nothing", 404, "404 page not found\n"),
    ],
)
def test_agnhost_netexec(node, path, status, body):
    node.run("registry.k8s.io/e2e-test-images/agnhost:2.56", args=["netexec", "--http-port=8083"])
    answer = get(node, "10.244.1.5", 8083, path)
    assert (answer.status, answer.body.decode()) == (status, body)


def test_agnhost_netexec_dials_others(node):
    for number in range(2):
        node.run("agnhost", args=["netexec"], name=f"web-{number}", ip=f"10.244.1.{5 + number}")
    answer = get(node, "10.244.1.5", 8080, "/dial?host=10.244.1.6&port=8080&request=hostname&tries=2")
    assert json.loads(answer.body) == {"responses": ["web-1", "web-1"]}


def test_agnhost_netexec_exits_as_it_is_told(node):
    node.run("agnhost", args=["netexec"])
    get(node, "10.244.1.5", 8080, "/exit?code=3")
    assert node.exits["web-0"].code == 3


def test_agnhost_test_webserver_serves_its_root_folder(node):
    node.run("agnhost", args=["test-webserver"])
    assert get(node, "10.244.1.5", 80, "/localhost.crt").status == 200
    assert b'href="localhost.crt"' in get(node, "10.244.1.5", 80, "/").body


def test_agnhost_serve_hostname_and_pause(node):
    node.run("agnhost", args=["serve-hostname"])
    assert b"web-0" in get(node, "10.244.1.5", 9376, "/").body
    pause = node.run("agnhost", name="p", ip="10.244.1.8")
    pause.signal("TERM")
    node.loop.run_for(0.1)
    assert node.exits["p"].code == 0


def test_the_liveness_tutorials_server_turns_bad_after_ten_seconds(node):
    node.run("agnhost", args=["liveness"])
    assert isinstance(get(node, "10.244.1.5", 8080, "/healthz"), HttpResponse)
    assert get(node, "10.244.1.5", 8080, "/healthz").status == 200
    node.loop.run_for(10)
    assert get(node, "10.244.1.5", 8080, "/healthz").status == 500


def test_what_agnhost_cannot_do_here_is_refused_with_words(node):
    container = node.run("agnhost", args=["fake-gitserver"])
    assert node.exits["web-0"].code == 1
    assert "kind cluster" in container.logs[0].text


def test_a_client_that_speaks_nonsense_gets_400_and_the_server_lives(node):
    node.run("nginx:1.27")
    for nonsense in (
        b"\r\n\r\n",
        b"\xff\xfe\x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"A" * 100_000,
    ):
        connection = node.network.connect("10.244.1.9", "10.244.1.5", 80)
        heard = bytearray()
        connection.receive(heard.extend)
        connection.send(nonsense)
        assert b" 400 " in heard[:20]
    assert get(node, "10.244.1.5", 80, "/").status == 200


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"user": 1000}, '"/var/cache/nginx/client_temp" failed (13: Permission denied)'),
        ({"read_only_root": True}, '"/var/cache/nginx/client_temp" failed (30: Read-only file system)'),
    ],
)
def test_nginx_must_be_able_to_write_its_own_folders(node, more, words):
    container = node.run("nginx:1.27", **more)
    assert node.exits["web-0"].code == 1
    assert words in container.logs[-1].text
    writable = [Mount(path, Volume()) for path in ("/var/cache/nginx", "/run")]
    node.run("nginx:1.27", mounts=writable, name="good", ip="10.244.1.6", **more)
    assert get(node, "10.244.1.6", 80, "/").status == 200


def test_a_read_only_root_file_system_leaves_volumes_writable(node):
    container = node.run(command=["sleep", "1d"], mounts=[Mount("/data", Volume())], read_only_root=True)
    assert "read-only" in node.exec(container, "touch", "/tmp/x").stderr.lower()
    assert node.exec(container, "touch", "/data/x").code == 0


def test_an_image_without_a_shell_has_no_shell(node):
    container = node.run("registry.k8s.io/pause:3.10")
    said = node.exec(container, "sh", "-c", "true")
    assert said.code == 127
    assert 'exec: "sh": executable file not found in $PATH' in said.stderr


def test_the_log_of_an_nginx_that_a_shell_became_is_there_while_it_runs(node):
    container = node.run("nginx:1.27", ["sh", "-c", "echo configured && exec nginx -g 'daemon off;'"])
    get(node, "10.244.1.5", 80, "/")
    lines = [line.text for line in container.logs]
    assert lines[0] == "configured"
    assert '"GET / HTTP/1.1" 200' in lines[-1]


def test_a_server_that_is_killed_takes_its_connections_with_it(node):
    container = node.run("nginx:1.27")
    connection = node.network.connect("10.244.2.9", "10.244.1.5", 80)
    closed = []
    connection.receive(lambda data: None, lambda: closed.append(True))
    container.signal("KILL")
    node.loop.run_for(0.1)
    assert closed == [True]


CADDYFILE = """:8080 {
\troot * /srv/pages
\tfile_server
\tencode gzip
}
"""


@pytest.mark.parametrize(
    ("image", "asked", "port", "said"),
    [
        ("caddy:2.8", {}, 80, b"Caddy works!"),
        ("caddy", {"command": ["caddy", "respond", "--listen", ":9000", "hello shop"]}, 9000, b"hello shop"),
        ("caddy:2-alpine", {"command": ["caddy", "file-server", "-r", "/etc/caddy", "-l", ":81"]}, 81, None),
        ("bitnami/nginx:1.27", {}, 8080, b"Welcome to nginx!"),
        ("traefik/whoami", {"args": ["--port", "8000"]}, 8000, b"Hostname: web-0"),
        ("traefik/whoami", {"env": {"WHOAMI_PORT_NUMBER": "8001"}}, 8001, b"Hostname: web-0"),
        ("stefanprodan/podinfo:6.7.0", {}, 9898, b'"hostname": "web-0"'),
        ("registry.k8s.io/echoserver:1.10", {}, 8080, b"web-0"),
        ("nginxdemos/hello:plain-text", {}, 80, b"web-0"),
        ("python:3.12", {"args": ["python3", "-m", "http.server"], "working_dir": "/made"}, 8000, b"listing for /"),
    ],
)
def test_web_servers_that_people_know_answer_where_they_do(node, image, asked, port, said):
    node.run(image, **asked)
    answer = get(node, "10.244.1.5", port, "/")
    assert (answer.status, said is None or said in answer.body) == (404 if said is None else 200, True)


def test_caddy_serves_what_its_caddyfile_says_and_refuses_what_it_does_not_know(node):
    config = Volume("config", read_only=True)
    config.write("Caddyfile", CADDYFILE)
    container = node.run("caddy:2", mounts=[Mount("/etc/caddy", config)])
    node.exec(container, "sh", "-c", "mkdir -p /srv/pages && echo home > /srv/pages/index.html")
    assert get(node, "10.244.1.5", 8080, "/").body == b"home\n"
    container.signal("TERM")
    node.loop.run_for(1)
    assert node.exits["web-0"].code == 0
    config.write("Caddyfile", ":80 {\n\treverse_proxy shop:80\n}\n")
    refused = node.run("caddy:2", name="web-1", mounts=[Mount("/etc/caddy", config)])
    assert node.exits["web-1"].code == 1
    assert "Caddyfile:2: unrecognized directive: reverse_proxy" in refused.logs[-1].text
