"""exec, port-forward and logs on a bare WebSocket: each protocol, to the byte."""

from __future__ import annotations

import base64
import json
import struct
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import websocket

POD = {"metadata": {"name": "one"}, "spec": {"containers": [{"name": "main", "image": "nginx:1.27"}]}}


@pytest.fixture
def pod(server: Any, namespace: str, eventually: Callable[[Callable[[], bool]], None]) -> str:
    """The path of a Pod that runs."""
    path = f"/api/v1/namespaces/{namespace}/pods"
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}

    def ask(path: str, body: Any = None) -> Any:
        raw = json.dumps(body).encode() if body else None
        with urllib.request.urlopen(urllib.request.Request(server.url + path, raw, headers), timeout=60) as answer:
            return json.load(answer)

    ask(path, POD)
    eventually(lambda: ask(f"{path}/one")["status"].get("phase") == "Running")
    return f"{path}/one"


Connect = Callable[..., websocket.WebSocket]


@pytest.fixture
def connect(server: Any, pod: str) -> Iterator[Connect]:
    opened: list[websocket.WebSocket] = []

    def connect(action: str, protocol: str | None, *parameters: tuple[str, str]) -> websocket.WebSocket:
        url = f"{server.url.replace('http', 'ws', 1)}{pod}/{action}?{urlencode(parameters)}"
        made = websocket.create_connection(
            url,
            subprotocols=[protocol] if protocol else None,
            header=[f"Authorization: Bearer {server.token}"],
            timeout=60,
        )
        opened.append(made)
        return made

    yield connect
    for each in opened:
        each.close()


def messages(connection: websocket.WebSocket) -> dict[int, bytes]:
    """All that comes until the end, by channel."""
    found: dict[int, bytes] = {}
    while True:
        try:
            data = connection.recv()
        except websocket.WebSocketConnectionClosedException:
            return found
        if not data:
            return found
        raw = data if isinstance(data, bytes) else bytes((int(data[0]),)) + base64.b64decode(data[1:])
        found[raw[0]] = found.get(raw[0], b"") + raw[1:]


EXEC = (("stdout", "1"), ("stderr", "1"))


@pytest.mark.parametrize("protocol", ["v4.channel.k8s.io", "v5.channel.k8s.io", "v4.base64.channel.k8s.io"])
def test_exec_tells_each_stream_on_its_channel_and_the_code_at_the_end(connect: Connect, protocol: str) -> None:
    words = [("command", word) for word in ("sh", "-c", "echo out; echo err >&2; exit 3")]
    found = messages(connect("exec", protocol, *words, *EXEC))
    assert (found[1], found[2]) == (b"out\n", b"err\n")
    status = json.loads(found[3])
    assert (status["reason"], status["details"]["causes"]) == (
        "NonZeroExitCode",
        [{"reason": "ExitCode", "message": "3"}],
    )


def test_the_first_protocol_has_words_only_for_what_went_wrong(connect: Connect) -> None:
    found = messages(connect("exec", "channel.k8s.io", ("command", "hostname"), *EXEC))
    assert (found[1], found[3]) == (b"one\n", b"")


def test_version_5_can_close_standard_input(connect: Connect) -> None:
    connection = connect("exec", "v5.channel.k8s.io", ("command", "cat"), ("stdin", "1"), *EXEC)
    connection.send_binary(b"\x00typed")
    connection.send_binary(b"\xff\x00")
    found = messages(connection)
    assert found[1] == b"typed"
    assert json.loads(found[3])["status"] == "Success"


def test_channels_that_do_not_exist_are_ignored(connect: Connect) -> None:
    connection = connect("exec", "v5.channel.k8s.io", ("command", "cat"), ("stdin", "1"), *EXEC)
    for nonsense in (b"", b"\x09x", b"\xff", b"\xff\x07", b"\x04{", b'\x04{"Width":-1,"Height":"x"}'):
        connection.send_binary(nonsense)
    connection.send_binary(b"\x00still here")
    connection.send_binary(b"\xff\x00")
    assert messages(connection)[1] == b"still here"


def test_port_forward_begins_each_channel_with_its_port(connect: Connect) -> None:
    connection = connect("portforward", "v4.channel.k8s.io", ("ports", "80"))
    assert [connection.recv(), connection.recv()] == [b"\x00" + struct.pack("<H", 80), b"\x01" + struct.pack("<H", 80)]
    connection.send_binary(b"\x00HEAD / HTTP/1.1\r\nHost: one\r\nConnection: close\r\n\r\n")
    assert messages(connection)[0].startswith(b"HTTP/1.1 200 OK\r\n")


def test_port_forward_over_spdy_frames_in_a_websocket(connect: Connect) -> None:
    from statelab.controlplane.apiserver.wire.spdy import Data, Framer

    connection, framer = connect("portforward", "SPDY/3.1+portforward.k8s.io"), Framer()
    headers = {"port": "80", "requestid": "0"}
    connection.send_binary(framer.opened(1, {**headers, "streamtype": "error"}, fin=True))
    connection.send_binary(framer.opened(3, {**headers, "streamtype": "data"}))
    request = b"GET /none HTTP/1.1\r\nHost: one\r\nConnection: close\r\n\r\n"
    for at in range(0, len(request), 7):  # frames need not come whole
        connection.send_binary(framer.data(3, request[at : at + 7]))
    answer, is_over = b"", False
    while not is_over:
        for frame in framer.feed(connection.recv()):
            if isinstance(frame, Data) and frame.stream == 3:
                answer, is_over = answer + frame.data, frame.fin
    assert answer.startswith(b"HTTP/1.1 404 Not Found\r\n")


def test_a_hundred_execs_at_once_all_get_their_answer(connect: Connect) -> None:
    opened = [connect("exec", "v4.channel.k8s.io", ("command", "echo"), ("command", str(n)), *EXEC) for n in range(100)]
    assert [messages(each)[1] for each in opened] == [f"{n}\n".encode() for n in range(100)]


@pytest.mark.parametrize(
    "parameters", [(("command", "ls"),), (("stdout", "1"),), (("command", "ls"), ("stdout", "1"), ("container", "no"))]
)
def test_what_makes_no_sense_is_refused_before_the_upgrade(
    connect: Connect, parameters: tuple[tuple[str, str], ...]
) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        connect("exec", "v4.channel.k8s.io", *parameters)
    assert refused.value.status_code == 400


@pytest.mark.parametrize("follow", ["false", "true"])
@pytest.mark.parametrize("protocol", ["binary.k8s.io", "base64.binary.k8s.io", None])
def test_a_log_is_read_on_a_websocket(connect: Connect, protocol: str | None, follow: str) -> None:
    connection = connect("log", protocol, ("container", "main"), ("follow", follow))
    assert connection.getsubprotocol() == protocol
    assert connection.recv() in ("", b"")
    said = b""
    while b"start worker process" not in said:
        message = connection.recv()
        assert message, said
        said += base64.b64decode(message) if (protocol or "").startswith("base64") else bytes(message)
    if follow == "false":  # the server closes when all is said
        while connection.recv():
            pass
        assert not connection.connected
