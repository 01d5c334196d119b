"""A script that needs no shell does what it does in one: the same words, the same end."""

import pytest

from statelab.controlplane.runtime import entry

SCRIPTS = [
    "redis-cli ping",
    "redis-cli ping | grep PONG",
    "redis-cli ping | grep -q PONG",
    "redis-cli ping | grep -qi pong",
    "redis-cli ping | grep -x PON",
    "redis-cli ping | grep PING || exit 1",
    "redis-cli -p 1 ping | grep PONG",
    "redis-cli -p 1 ping || exit 7",
    "redis-cli -h web-0 ping && redis-cli dbsize",
    "redis-cli -p 1 ping && redis-cli dbsize",
    "redis-cli info replication | grep role:master",
    "redis-cli info replication | grep 'role'",
    "nslookup nothing.there && redis-cli ping",
    "sleep 2 && redis-cli ping | grep PONG",
    "wget -qO- http://127.0.0.1:81/ || exit 3",
    "redis-cli ping|grep PONG",
    'redis-cli "ping" | grep "PONG"',
    "redis-cli -h $HOSTNAME ping",
    'redis-cli -h "${HOSTNAME}" ping | grep PONG',
    "redis-cli -h $(hostname -i) ping",
    'redis-cli -h "$(hostname)" ping',
    '[ "$(redis-cli ping)" = PONG ]',
    '[ "$(redis-cli ping)" == "PONG" ]',
    'test "$(redis-cli ping)" = "PONG"',
    'test "$(redis-cli ping)" = "PANG"',
    'test "$(redis-cli -p 1 ping)" = PONG',
]
FOR_A_SHELL = [
    "test $(redis-cli ping) = PONG",
    "redis-cli ping > /dev/null",
    "redis-cli ping; true",
    "redis-cli ping & wait",
    "redis-cli ping | grep P.NG",
    "redis-cli ping | grep -v PONG",
    "redis-cli ping | wc -l",
    "redis-cli ping | grep PONG file",
    "redis-cli ping | grep PONG | cat",
    "A=1 redis-cli ping",
    "cat | grep PONG",
    "if redis-cli ping",
    "redis-cli",
    "redis-cli ping || true",
    "redis-cli ping || exit 0",
    "redis-cli 'ping",
    "",
    "|",
    "redis-cli ping &&",
    "!redis-cli ping",
    "redis-cli -h $NOBODY ping",
    "redis-cli -h '$HOSTNAME' ping",
    '[ "$(redis-cli ping)" = PONG',
    '[ "$(redis-cli ping | cat)" = PONG ]',
    'test "$(redis-cli ping)" = PONG ]',
    "redis-cli ping $(date)",
]


@pytest.fixture
def redis(node):
    container = node.run("redis:7", ["redis-server"])
    node.loop.run_for(2)
    return container


@pytest.mark.parametrize("script", SCRIPTS)
def test_it_ends_as_in_a_shell(node, redis, script, monkeypatch):
    began_s = node.loop.now_s
    plainly = node.exec(redis, "sh", "-c", script)
    took_s = node.loop.now_s - began_s
    monkeypatch.setattr(entry, "plain_program", lambda *_: None)
    began_s = node.loop.now_s
    in_a_shell = node.exec(redis, "sh", "-c", script)
    assert (plainly.code, plainly.stdout, plainly.stderr) == (in_a_shell.code, in_a_shell.stdout, in_a_shell.stderr)
    assert took_s == pytest.approx(node.loop.now_s - began_s, abs=0.01)


def test_most_of_these_need_no_shell(node, redis):
    plain = [each for each in SCRIPTS if entry.entry_of(redis, ["sh", "-c", each]).kind == "program"]
    assert len(plain) >= len(SCRIPTS) - 1


@pytest.mark.parametrize("script", FOR_A_SHELL)
def test_what_only_a_shell_can_do_is_left_to_it(node, redis, script):
    assert entry.entry_of(redis, ["sh", "-c", script]).kind == "script"


def test_the_first_process_of_a_container_keeps_its_shell(node):
    container = node.run("busybox:1.36", ["sh", "-c", "sleep 1 && sleep 1000"])
    assert container.main.entry.kind == "script"


def test_a_probe_every_second_makes_no_shell(node, redis, monkeypatch):
    made = []
    monkeypatch.setattr("statelab.controlplane.runtime.process.new_shell", lambda *_, **__: made.append(1))
    for _ in range(50):
        assert node.exec(redis, "sh", "-c", "redis-cli ping | grep PONG").code == 0
    assert not made
