"""nginx with a configuration of one's own, from a ConfigMap: what learners do next after the first page."""

from __future__ import annotations

import pytest

from statelab.controlplane.runtime import Mount, Volume
from statelab.controlplane.runtime.http import request


def start(node, text, name="web-0", ip="10.244.1.5"):
    config = Volume("config", read_only=True)
    config.write("default.conf", text)
    return node.run("nginx:1.27", mounts=[Mount("/etc/nginx/conf.d", config)], name=name, ip=ip)


def get(node, path="/", port=80, host="web", ip="10.244.1.5"):
    found = []
    request(node.network, "10.244.2.9", ip, port, path, found.append, headers={"Host": host})
    node.loop.run_for(1)
    return found[0]


def test_a_text_can_be_returned_with_variables(node):
    start(
        node,
        "server { listen 8080; "
        'location / { return 200 "I am $hostname at ${server_addr}, you are $remote_addr\\n"; } }',
    )
    assert b"I am web-0 at 10.244.1.5, you are 10.244.2.9" in get(node, port=8080).body


def test_servers_are_chosen_by_port_and_name_and_locations_by_nginxs_order(node):
    start(
        node,
        """
        server { listen 80 default_server; location / { return 200 "prefix"; } location /a/ { return 200 "longer"; }
                 location = /a/exact { return 200 "exact"; } location ~ \\.php$ { return 200 "expression"; }
                 location ^~ /static/ { return 200 "no expression"; } location /old { return 301 /new; }
                 location /gone { return 410; } }
        server { listen 80; server_name other.example; return 200 "by name"; }   # a comment
        """,
    )
    said = {path: get(node, path).body.decode() for path in ("/", "/a/b", "/a/exact", "/x.php", "/static/x.php")}
    assert said == {
        "/": "prefix", "/a/b": "longer", "/a/exact": "exact", "/x.php": "expression", "/static/x.php": "no expression",
    }  # fmt: skip
    assert get(node, host="other.example").body == b"by name"
    assert (get(node, "/old").status, get(node, "/old").headers["location"]) == (301, "/new")
    assert get(node, "/gone").status == 410


def test_a_front_end_passes_requests_on_to_a_service_by_name(node):
    backend = node.run("nginx:1.27", name="back-0", ip="10.244.1.7")
    node.exec(
        backend, "sh", "-c", "mkdir -p /usr/share/nginx/html/api; echo from the back > /usr/share/nginx/html/api/x"
    )
    node.service("hello", "10.96.0.70", [("10.244.1.7", "")])
    start(node, "upstream hello { server hello; }\nserver { listen 80; location / { proxy_pass http://hello; } }")
    assert get(node, "/api/x").body == b"from the back\n"
    assert get(node, "/nothing").status == 404
    backend.signal("KILL")
    node.loop.run_for(1)
    assert get(node, "/api/x").status == 502


def test_a_path_after_the_upstream_replaces_the_locations(node):
    node.run("agnhost", args=["netexec"], name="back-0", ip="10.244.1.7")
    start(node, "server { listen 80; location /say/ { proxy_pass http://10.244.1.7:8080/; } }")
    assert get(node, "/say/hostname").body == b"back-0"


def test_files_can_be_tried_listed_and_lie_elsewhere(node):
    container = start(
        node,
        "server { listen 80; root /srv; location / { try_files $uri $uri/ /index.html; }"
        " location /strict/ { try_files $uri =404; } location /files/ { alias /data/; autoindex on; } }",
    )
    node.exec(
        container, "sh", "-c", "mkdir -p /data; echo app > /srv/index.html; echo one > /srv/one; echo d > /data/d"
    )
    assert [get(node, path).body for path in ("/one", "/any/route", "/files/d")] == [b"one\n", b"app\n", b"d\n"]
    assert get(node, "/strict/x").status == 404
    assert b'href="d"' in get(node, "/files/").body


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "server { listen 80; location / { proxy_pass http://nosuch; } }",
            'host not found in upstream "nosuch" in /etc/nginx/conf.d/default.conf:1',
        ),
        ("server {\n listen 80;\n", 'unexpected end of file, expecting "}" in /etc/nginx/conf.d/default.conf:3'),
        ("server { listen 80; }\n}\n", 'unexpected "}" in /etc/nginx/conf.d/default.conf:2'),
        ("server { listen abc:x; }", 'invalid port in "abc:x" of the "listen" directive'),
        ("server { listen 80\n}", 'unexpected "}"'),
    ],
)  # fmt: skip
def test_a_mistake_in_the_configuration_ends_nginx_with_its_place(node, text, words):
    container = start(node, text)
    assert node.exits["web-0"].code == 1
    assert f"[emerg] 1#1: {words}" in container.logs[-1].text
