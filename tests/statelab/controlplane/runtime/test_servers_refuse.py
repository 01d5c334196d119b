"""What a server does with what is no request, and a server whose folder is hidden by a volume."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane.runtime import Mount, Volume

AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.53"


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        ("hostName\\n", "400 Bad Request", "400 Bad Request"),
        ("GET / HTTP/1.1\\r\\n\\r\\n", "400 Bad Request", "400 Bad Request: missing required Host header"),
        ("GET /hostname HTTP/1.0\\r\\n\\r\\n", "200 OK", "server"),
        ("GET /hostname HTTP/1.1\\nHost: x\\nConnection: close\\n\\n", "200 OK", "server"),
    ],
)
def test_what_is_no_request_is_refused_at_once(node: Any, sent: str, status: str, said: str) -> None:
    node.run(AGNHOST, args=["netexec"], name="server")
    client = node.run("busybox:1.36", command=["sleep", "1d"], ip="10.244.1.6")
    answer = node.exec(client, "sh", "-c", f"printf '{sent}' | nc -w 2 10.244.1.5 8080").stdout
    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status}\r\n"), answer
    assert body == said


def test_curl_takes_q(node: Any) -> None:
    node.run(AGNHOST, args=["netexec"], name="server")
    client = node.run("busybox:1.36", command=["sleep", "1d"], ip="10.244.1.6")
    assert node.exec(client, "curl", "-q", "-s", "http://10.244.1.5:8080/hostname").stdout == "server"


def test_nginx_ends_where_a_volume_hides_the_folder_of_its_logs(node: Any) -> None:
    hidden = node.run("nginx:1.27", mounts=[Mount("/var/log", Volume())])
    node.loop.run_for(2)
    assert hidden.exit.code == 1
    assert 'open() "/var/log/nginx/error.log" failed (2: No such file or directory)' in hidden.logs[-1].text
    beside = node.run("nginx:1.27", mounts=[Mount("/var/log/nginx", Volume())], ip="10.244.1.6")
    prepared = Volume()
    prepared.make_directory("/nginx")
    above = node.run("nginx:1.27", mounts=[Mount("/var/log", prepared)], ip="10.244.1.7")
    node.loop.run_for(2)
    assert (beside.exit, above.exit) == (None, None)


def test_a_porter_serves_at_each_port_what_its_variable_holds(node: Any) -> None:
    variables = {
        "SERVE_PORT_80": "eighty",
        "SERVE_PORT_1080": '<a href="/rewriteme">test</a>',
        "SERVE_TLS_PORT_443": "tls",
    }
    porter = node.run(AGNHOST, args=["porter"], env=variables)
    client = node.run("busybox:1.36", command=["sleep", "1d"], ip="10.244.1.6")
    for port, said in ((80, "eighty"), (1080, '<a href="/rewriteme">test</a>')):
        assert node.exec(client, "curl", "-s", f"http://10.244.1.5:{port}/any").stdout == said
    assert node.exec(client, "curl", "-s", "http://10.244.1.5:443/").code == 7
    assert porter.exit is None
