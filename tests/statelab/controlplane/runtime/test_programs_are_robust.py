"""Whatever a program of ours is called with, it ends with a code; whatever a server hears, it lives."""

from __future__ import annotations

import random

import pytest

from statelab.controlplane.runtime.applets import APPLETS

ODD = [
    "", "-", "--", "-x", "--help", "-n", "-c", "-1", "0", "99999999999999999999", "1e309", "nan", "inf", "/",
    "/etc/hosts", "/nope",
    "a" * 300, "ü\u0000", "\n", "%", "%s%n", "{}", "..", "10.244.1.5", "::1", "1.2.3", "http://", "http://[::1",
    "http://x:y/",
    "http://10.244.1.5:99999/", "http://user:pw@10.244.1.5/", "file:///etc/passwd", "@-", "@/nope", "x=y", "+",
    "+%Q", "@x", "SRV", "-x", "+short",
    "-t", "MX", ".", "a..b", "-z", "-l", "-p", "80", "-w", "5", "-O", "-o", "-d", "-H", "-X", "-m", "-T", "-s",
    "-f", "-k", "hosts", "TERM", "-9",
    "addr", "-h", "get", "set", "*1\r\n", "-i", "-a",
]  # fmt: skip


@pytest.mark.parametrize("name", sorted(APPLETS))
def test_an_applet_ends_with_a_code_whatever_its_arguments(node, name, caplog):
    chance = random.Random(name)
    node.run("nginx:1.27", name="web")
    container = node.run(command=["sleep", "10d"], name="client", ip="10.244.1.6")
    waiting = set()
    for number in range(60):
        argv = [name, *chance.choices(ODD, k=chance.randrange(4))]

        def ended(code: int, number: int = number) -> None:
            assert 0 <= code < 256
            waiting.discard(number)

        waiting.add(number)
        stdin = chance.choice([None, b"", b"\xff\xfe\n", b"get x\n"])
        process = container.exec(argv, stdin=stdin, on_output=lambda stream, data: None, on_exit=ended)
        node.loop.run_for(0.2)
        if number in waiting:  # a sleep, a listener, a tail that follows: told to go, it goes
            process.signal("TERM")
            node.loop.run_for(0.01)
    assert not waiting
    assert not caplog.records  # a mistake of ours would be told there


@pytest.mark.parametrize(
    ("image", "args", "port"),
    [("nginx:1.27", None, 80), ("httpd", None, 80), ("redis:7", None, 6379), ("agnhost", ["netexec"], 8080),
     ("agnhost", ["test-webserver"], 80), ("hashicorp/http-echo", ["-text=x"], 5678), ("traefik/whoami", None, 80),
     ("acme/other", None, 7000)],
)  # fmt: skip
def test_a_server_lives_whatever_it_hears(node, image, args, port, caplog):
    chance = random.Random(image)
    node.run(image, args=args, ports=[7000])
    pieces = [
        b"GET ", b"HEAD ", b"POST ", b"/", b"/../../etc/passwd", b"/%00", b"/%ff", b"?x=%", b" HTTP/1.1\r\n",
        b" HTTP/9.9\r\n", b"\r\n",
        b"\n", b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Transfer-Encoding: chunked\r\n",
        b"Host: x\r\n", b": \r\n",
        b"ffffffffff\r\n", b"0\r\n\r\n", b"*3\r\n", b"$3\r\n", b"SET\r\n", b"$-1\r\n", b"*-1\r\n", b"INFO all\r\n",
        b"CONFIG GET *\r\n",
        b"CONFIG SET maxmemory\r\n", b"PSYNC ? -1\r\n", b"REPLCONF listening-port x\r\n", b"REPLICAOF x y\r\n",
        b"MULTI\r\n", b"EXEC\r\n",
        b"BLPOP a 0\r\n", b"SUBSCRIBE a\r\n", b"XADD s * a\r\n", b"ZADD z nan x\r\n", b"EVAL x 0\r\n",
        b"HELLO 3\r\n", b"AUTH\r\n", b"WAIT\r\n",
        b"LPUSH a b\r\n", b"DEBUG SLEEP 100\r\n", b"OBJECT HELP\r\n", b"CLIENT KILL x\r\n", b"\x00\xff",
        b"SET a b EX x\r\n", b"SORT a\r\n",
        b"/shell?cmd=", b"/exit?code=x", b"/dial?host=x&port=y", b"/echo?code=abc", b"/redirect?code=z",
    ]  # fmt: skip
    for _ in range(400):
        connection = node.network.connect("10.244.2.9", "10.244.1.5", port)
        connection.receive(lambda data: None)
        for _ in range(chance.randrange(1, 6)):
            connection.send(b"".join(chance.choices(pieces, k=chance.randrange(1, 5))))
        if chance.random() < 0.7:
            connection.close()
    node.loop.run_for(1)
    assert "web-0" not in node.exits
    node.network.connect("10.244.2.9", "10.244.1.5", port).close()
    assert not caplog.records
