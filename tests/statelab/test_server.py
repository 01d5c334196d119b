"""The server as a process, and its HTTP edge: what only sockets can show."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import ssl
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import certificates
import dns.message
import dns.query
import pytest
from serving import CONFIG_MAPS, Server, start


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = start(tmp_path_factory.mktemp("server"), "--pace", "20")
    yield made
    made.stop()


def config_map(name: str, text: str = "") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"text": text}}


# ---- the edge


def test_http_and_https_are_spoken_on_one_port(server: Server) -> None:
    assert server.request("GET", "/version")[1]["gitVersion"] == "v1.36.2+statelab"
    trusted = json.loads(server.kubeconfig.read_text())["clusters"][0]["cluster"]
    assert trusted["server"] == server.url.replace("http://", "https://")
    authority = base64.b64decode(trusted["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    for name in ("127.0.0.1", "localhost"):
        with urllib.request.urlopen(f"https://{name}:{server.port}/version", context=context, timeout=60) as answer:
            assert answer.status == 200
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"https://127.0.0.1:{server.port}/version", timeout=60)


def test_a_certificate_that_the_cluster_signed_is_a_login(server: Server, tmp_path: Path) -> None:
    key, pem = certificates.new_key()
    asked = base64.b64encode(certificates.request("jane", "dev", key=key).encode()).decode()
    path = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    spec = {"request": asked, "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"]}
    whole = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "spec": spec}
    server.request("POST", path, {**whole, "metadata": {"name": "jane"}})
    approved = [{"type": "Approved", "status": "True", "reason": "Test", "message": "yes"}]
    patch = {"status": {"conditions": approved}}
    server.request("PATCH", f"{path}/jane/approval", patch, content_type="application/merge-patch+json")
    status: dict[str, Any] = {}
    while "certificate" not in status:  # its controller takes a twentieth of a second
        status = server.request("GET", f"{path}/jane")[1]["status"]
    signed = base64.b64decode(status["certificate"])

    def who(certificate: bytes, secret: str) -> Any:
        (tmp_path / "pem").write_bytes(certificate + secret.encode())
        trusted = json.loads(server.kubeconfig.read_text())["clusters"][0]["cluster"]["certificate-authority-data"]
        context = ssl.create_default_context(cadata=base64.b64decode(trusted).decode())
        context.load_cert_chain(tmp_path / "pem")
        url = f"https://127.0.0.1:{server.port}/apis/authentication.k8s.io/v1/selfsubjectreviews"
        body = json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}).encode()
        sent = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(sent, context=context, timeout=20) as answer:
            return json.loads(answer.read())["status"]["userInfo"]

    jane = who(signed, pem)
    assert (jane["username"], jane["groups"]) == ("jane", ["dev", "system:authenticated"])
    assert jane["extra"]["authentication.kubernetes.io/credential-id"][0].startswith("X509SHA256=")
    foreign = certificates.issue("jane", at_s=time.time())
    with pytest.raises(OSError):  # signed by somebody else: the handshake is over
        who(foreign.certificate.encode(), foreign.key)


def test_what_is_no_http_and_who_goes_away_make_no_noise(tmp_path: Path) -> None:
    loud = start(tmp_path)
    head = f"POST {CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {loud.token}\r\n"
    for garbage in (b"\x00\x01", b"GET\r\n\r\n", f"{head}Content-Length: -5\r\n\r\n".encode()):
        with loud.raw(garbage) as connection:
            assert connection.recv(4096).startswith(b"HTTP/1.0 400")
    loud.raw(f"{head}Content-Length: 10\r\n\r\nabc".encode()).close()
    assert loud.request("GET", "/readyz")[0] == 200
    assert loud.stop() == 0
    assert loud.process.stdout is not None
    said = loud.process.stdout.read() + loud.log
    assert "Traceback" not in said and "ERROR" not in said


def test_a_selector_may_be_long(server: Server) -> None:
    names = ",".join(f"name-{number}" for number in range(20_000))
    code, found, _ = server.request("GET", f"{CONFIG_MAPS}?labelSelector=app%20in%20({names})")
    assert (code, found["items"]) == (200, [])


def test_a_request_may_name_the_server_too_as_through_a_proxy(server: Server) -> None:
    assert server.request("GET", f"{server.url}{CONFIG_MAPS}")[1]["kind"] == "ConfigMapList"


def test_without_the_token_nobody_is_let_in(server: Server) -> None:
    code, status, _ = server.request("GET", "/api/v1/nodes", Authorization="Bearer wrong")
    assert (code, status["reason"]) == (401, "Unauthorized")


def test_files_with_the_token_are_for_their_owner_alone(server: Server) -> None:
    assert stat.S_IMODE(server.kubeconfig.stat().st_mode) == 0o600
    assert stat.S_IMODE((server.kubeconfig.parent / "server.json").stat().st_mode) == 0o600


def test_a_body_over_three_mebibytes_is_refused_before_it_is_read(server: Server) -> None:
    head = f"POST {CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\n"
    with server.raw(
        f"{head}Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n".encode()
    ) as connection:
        assert b"413" in connection.recv(4096).split(b"\r\n")[0]
    chunked = f"{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with server.raw(chunked) as connection:
        piece = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(5):
                connection.sendall(piece)
        with contextlib.suppress(ConnectionResetError):  # it was told, and has not waited for the rest
            assert b"413" in connection.recv(4096).split(b"\r\n")[0]
    assert server.request("GET", "/readyz")[0] == 200


def test_a_client_that_asks_before_it_sends_a_body_is_told_to_go_on(server: Server) -> None:
    body = json.dumps(config_map("asked")).encode()
    head = f"POST {CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\nExpect: 100-continue\r\n"
    with server.raw(
        f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    ) as connection:
        assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(4096).startswith(b"HTTP/1.1 201 Created\r\n")


def test_a_large_answer_is_compressed_for_who_takes_it(server: Server) -> None:
    assert server.request("POST", CONFIG_MAPS, config_map("large", "x" * 200_000))[0] == 201
    _, listed, headers = server.request("GET", CONFIG_MAPS, Accept_Encoding="gzip")
    assert headers["content-encoding"] == "gzip"
    assert "large" in [item["metadata"]["name"] for item in listed["items"]]
    assert "content-encoding" not in server.request("GET", CONFIG_MAPS)[2]
    assert "content-encoding" not in server.request("GET", "/version", Accept_Encoding="gzip")[2]


def test_a_watch_streams_lines_as_they_come(server: Server) -> None:
    path = f"{CONFIG_MAPS}?watch=true&fieldSelector=metadata.name%3Dseen"
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\n\r\n"
    with server.raw(head.encode()) as connection:
        lines = connection.makefile("rb")
        while lines.readline() != b"\r\n":
            pass
        assert server.request("POST", CONFIG_MAPS, config_map("seen"))[0] == 201
        size = int(lines.readline(), 16)
        event = json.loads(lines.read(size))
        assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "seen")


def test_a_watch_ends_after_its_timeout(server: Server) -> None:
    code, body, _ = server.request("GET", f"{CONFIG_MAPS}?watch=1&timeoutSeconds=1&labelSelector=none%3Dhere")
    assert (code, body) == (200, b"")


def test_a_client_that_does_not_read_its_watch_is_dropped_and_no_one_else_notices(server: Server) -> None:
    head = f"GET {CONFIG_MAPS}?watch=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\n\r\n"
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", server.port))
    deaf.sendall(head.encode())
    assert server.request("POST", CONFIG_MAPS, config_map("loud"))[0] == 201
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/merge-patch+json"}
    for number in range(60):
        text = str(number) * 100_000
        connection.request("PATCH", f"{CONFIG_MAPS}/loud", json.dumps({"data": {"text": text}}), headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
    deaf.close()
    assert server.request("GET", "/readyz")[0] == 200


def test_what_is_no_http_is_answered_or_dropped(server: Server) -> None:
    for nonsense in (
        b"\x00\x01\x02\x03" * 100,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello",
    ):
        with server.raw(nonsense) as connection:
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
    assert server.request("GET", "/readyz")[0] == 200


def test_an_upgrade_that_is_none_is_refused(server: Server) -> None:
    pod = {"metadata": {"name": "up"}, "spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]}}
    assert server.request("POST", "/api/v1/namespaces/default/pods", pod)[0] == 201
    code, status, _ = server.request("GET", "/api/v1/namespaces/default/pods/up/portforward?ports=80")
    assert (code, status["message"]) == (400, "Upgrade request required")


def test_dns_is_answered_over_udp_and_tcp(server: Server) -> None:
    question = dns.message.make_query("kubernetes.default.svc.cluster.local.", "A")
    for ask in (dns.query.udp, dns.query.tcp):
        answer = ask(question, "127.0.0.1", port=server.dns_port, timeout=60)
        assert str(answer.answer[0][0]) == "10.96.0.1"


# ---- the process


def test_a_taken_port_is_told_in_a_sentence(server: Server) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "statelab", "serve", "--in-memory", "--port", str(server.port)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"statelab: Port {server.port} is taken")
    assert "Traceback" not in done.stderr


def test_a_port_that_cannot_be_is_told_in_a_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "statelab", "serve", "--in-memory", "--port", "99999"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("statelab: Port 99999 does not exist")
    assert "Traceback" not in done.stderr


def test_the_export_line_can_be_pasted_when_the_folder_has_a_space(tmp_path: Path) -> None:
    folder = tmp_path / "Kürs eins"
    folder.mkdir()
    server = start(folder)
    try:
        assert server.process.stdout is not None
        lines = [server.process.stdout.readline() for _ in range(2)]
    finally:
        server.stop()
    export = lines[-1].partition("kubectl: ")[2].strip()
    shell = subprocess.run(["sh", "-c", f'{export}; printf %s "$KUBECONFIG"'], capture_output=True, text=True)
    assert shell.stdout == str(server.kubeconfig), lines


def test_the_server_needs_nothing_that_takes_long_to_import() -> None:
    script = (
        "import sys; import statelab.server, statelab.controlplane.controlplane;"
        "import statelab.controlplane.apiserver.wire.http;"
        "heavy = {'kubernetes', 'IPython', 'ipywidgets', 'nbgrader', 'fakeredis', 'redis', 'yaml', 'jsonschema'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=dict(os.environ), timeout=60
    )
    assert done.stdout == "[]\n", done.stderr
