"""Redis: commands, files, replication and roles, as a capstone of three Pods needs them."""

from __future__ import annotations

import pytest

from statelab.controlplane.runtime import Mount, Volume


def cli(node, container, *words, **more):
    return node.exec(container, "redis-cli", *words, **more).stdout.rstrip("\n")


def start(node, number, *args, volume=None, **more):
    mounts = [Mount("/data", volume)] if volume is not None else []
    return node.run(
        "redis:7.4",
        args=["redis-server", *args],
        name=f"redis-{number}",
        ip=f"10.244.1.{10 + number}",
        mounts=mounts,
        **more,
    )


def replication(node, container):
    lines = cli(node, container, "info", "replication").splitlines()
    return dict(line.partition(":")[::2] for line in lines if ":" in line)


@pytest.mark.parametrize(
    ("command", "raw", "shown"),
    [
        ("ping", "PONG", "PONG"),
        ("set k v", "OK", "OK"),
        ("get nothing", "", "(nil)"),
        ("incr n", "1", "(integer) 1"),
        ("lrange l 0 -1", "", "(empty array)"),
        ("nosuch x", "ERR unknown command 'nosuch'", "(error) ERR unknown command 'nosuch'"),
        ("get", "ERR wrong number of arguments for 'get' command", "(error) ERR wrong number"),
        ("config get maxmemory", "maxmemory\n0", '1) "maxmemory"\r\n2) "0"'),
    ],
)
def test_answers_are_raw_in_a_pipe_and_typed_on_a_terminal(node, command, raw, shown):
    container = start(node, 0)
    assert cli(node, container, *command.split()).startswith(raw)
    container = start(node, 1)
    assert cli(node, container, *command.split(), tty=True).startswith(shown)


def test_the_append_only_file_brings_the_data_back_after_a_kill(node):
    volume = Volume("data")
    container = start(node, 0, "--appendonly", "yes", volume=volume)
    for command in ("set a 1", "rpush l x y", "hset h f v", "zadd z 1.5 m", "sadd s p q", "spop s", "set t 1 ex 100"):
        cli(node, container, *command.split())
    node.exec(container, "sh", "-c", "printf 'multi\\nset b 2\\nincr b\\nexec\\n' | redis-cli")
    left = cli(node, container, "smembers", "s")
    container.signal("KILL")
    node.loop.run_for(50)
    container = start(node, 0, "--appendonly", "yes", volume=volume)
    assert [cli(node, container, *each.split()) for each in ("get a", "lrange l 0 -1", "hget h f", "get b")] == [
        "1", "x\ny", "v", "3",
    ]  # fmt: skip
    assert cli(node, container, "smembers", "s") == left
    assert 40 <= int(cli(node, container, "ttl", "t")) <= 50
    node.loop.run_for(60)
    assert cli(node, container, "get", "t") == ""


def test_without_a_volume_the_data_are_lost(node):
    container = start(node, 0, "--appendonly", "yes")
    cli(node, container, "set", "a", "1")
    container.signal("KILL")
    node.loop.run_for(1)
    assert cli(node, start(node, 0, "--appendonly", "yes"), "get", "a") == ""


def test_a_redis_told_to_stop_saves_a_snapshot_and_one_that_is_killed_does_not(node):
    volume = Volume("data")
    container = start(node, 0, volume=volume)
    cli(node, container, "set", "a", "1")
    container.signal("TERM")
    node.loop.run_for(1)
    assert (node.exits["redis-0"].code, volume.exists("/dump.rdb")) == (0, True)
    container = start(node, 0, volume=volume)
    cli(node, container, "set", "b", "2")
    container.signal("KILL")
    node.loop.run_for(1)
    container = start(node, 0, volume=volume)
    assert (cli(node, container, "get", "a"), cli(node, container, "get", "b")) == ("1", "")


def test_replicas_follow_a_primary_they_find_by_name(node):
    node.service("redis", "None", [(f"10.244.1.{10 + n}", f"redis-{n}") for n in range(3)], port=6379)
    primary = start(node, 0)
    cli(node, primary, "set", "before", "1")
    replicas = [start(node, n, "--replicaof", "redis-0.redis", "6379", for_s=2) for n in (1, 2)]
    cli(node, primary, "set", "after", "2")
    for replica in replicas:
        assert (cli(node, replica, "get", "before"), cli(node, replica, "get", "after")) == ("1", "2")
        assert replication(node, replica)["role"] == "slave"
        assert replication(node, replica)["master_link_status"] == "up"
        assert cli(node, replica, "set", "x", "1").startswith("READONLY")
    state = replication(node, primary)
    assert (state["role"], state["connected_slaves"]) == ("master", "2")
    assert state["slave0"].startswith("ip=10.244.1.11,port=6379,state=online")


def test_a_replica_waits_for_a_primary_that_is_away_and_finds_it_again(node):
    node.service("redis", "None", [("10.244.1.10", "redis-0")], port=6379)
    volume = Volume("data")
    primary = start(node, 0, "--appendonly", "yes", volume=volume)
    replica = start(node, 1, "--replicaof", "redis-0.redis", "6379", for_s=2)
    cli(node, primary, "set", "a", "1")
    primary.signal("KILL")
    node.loop.run_for(5)
    assert replication(node, replica)["master_link_status"] == "down"
    assert cli(node, replica, "get", "a") == "1"
    primary = start(node, 0, "--appendonly", "yes", volume=volume, for_s=3)
    cli(node, primary, "set", "b", "2")
    assert replication(node, replica)["master_link_status"] == "up"
    assert (cli(node, replica, "get", "a"), cli(node, replica, "get", "b")) == ("1", "2")


def test_a_replica_can_be_made_primary(node):
    start(node, 0)
    replica = start(node, 1, "--replicaof", "10.244.1.10", "6379", for_s=2)
    assert cli(node, replica, "replicaof", "no", "one") == "OK"
    assert replication(node, replica)["role"] == "master"
    assert cli(node, replica, "set", "x", "1") == "OK"


def test_a_server_knows_how_far_it_is_in_a_history_whoever_it_follows(node):
    """As three of redis-server 7.0.15 said it, one after the other; one of them is killed and started again."""
    volume = Volume("data")
    nobody = ("--appendonly", "yes", "--replicaof", "nobody", "6379")
    first, second, third = (start(node, 0, *nobody, volume=volume), start(node, 1, *nobody), start(node, 2, *nobody))

    def offsets(container):
        said = replication(node, container)
        names = ("slave_repl_offset", "master_repl_offset", "master_link_down_since_seconds")
        return [said.get(each, "") for each in names] + cli(node, container, "role").splitlines()[3:5]

    node.loop.run_for(2)
    assert offsets(first) == ["1", "0", "-1", "connect", "-1"]
    cli(node, first, "replicaof", "no", "one")
    for each in (second, third):
        cli(node, each, "replicaof", "10.244.1.10", "6379")
    node.loop.run_for(2)
    cli(node, first, "set", "x", "1")
    node.loop.run_for(1)
    assert offsets(second) == ["50", "50", "", "connected", "50"]
    cli(node, third, "replicaof", "nobody", "6379")
    cli(node, first, "set", "y", "2")
    node.loop.run_for(0.5)
    assert offsets(third) == ["50", "50", "0", "connect", "-1"]
    assert offsets(second)[:2] == ["77", "77"]
    first.signal("KILL")
    node.loop.run_for(1.5)
    assert offsets(second) == ["77", "77", "1", "connect", "-1"]
    first = start(node, 0, *nobody, volume=volume)
    node.loop.run_for(1)
    assert offsets(first)[:3] == ["1", "0", "-1"]
    assert cli(node, first, "get", "y") == "2"
    cli(node, second, "replicaof", "no", "one")
    assert replication(node, second)["master_repl_offset"] == "77"


def test_a_password_is_asked_for(node):
    start(node, 0, "--requirepass", "secret")
    good = start(node, 1, "--replicaof", "10.244.1.10", "6379", "--masterauth", "secret", for_s=2)
    bad = start(node, 2, "--replicaof", "10.244.1.10", "6379", for_s=2)
    assert cli(node, good, "-h", "10.244.1.10", "get", "x").startswith("NOAUTH")
    assert cli(node, good, "-h", "10.244.1.10", "-a", "secret", "--no-auth-warning", "ping") == "PONG"
    assert replication(node, good)["master_link_status"] == "up"
    assert replication(node, bad)["master_link_status"] == "down"


def test_a_configuration_file_is_read_and_its_mistakes_are_named(node):
    config = Volume("config", read_only=True)
    config.write("redis.conf", "# a comment\nport 6380\nappendonly yes\n")
    config.write("bad.conf", "port 6380\nappendonly maybe\n")
    mounts = [Mount("/etc/redis", config)]
    container = node.run("redis:7.4", ["redis-server", "/etc/redis/redis.conf"], mounts=mounts)
    assert cli(node, container, "-p", "6380", "config", "get", "appendonly") == "appendonly\nyes"
    failed = node.run("redis:7.4", ["redis-server", "/etc/redis/bad.conf"], mounts=mounts, name="bad", ip="10.244.1.9")
    assert node.exits["bad"].code == 1
    assert "at line 2" in "\n".join(line.text for line in failed.logs)


def test_blocking_commands_wait_on_the_clusters_clock(node):
    container = start(node, 0)
    codes, said = [], bytearray()
    container.exec(
        ["redis-cli", "blpop", "jobs", "60"], on_output=lambda stream, data: said.extend(data), on_exit=codes.append
    )
    node.loop.run_for(5)
    assert not codes
    cli(node, container, "rpush", "jobs", "work")
    node.loop.run_for(0.1)
    assert (bytes(said), codes) == (b"jobs\nwork\n", [0])
    before_s = node.loop.now_s
    assert cli(node, container, "blpop", "jobs", "3") == ""
    assert node.loop.now_s - before_s == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("args", [["--sentinel"], ["--cluster-enabled", "yes"]])
def test_what_is_not_simulated_is_refused_with_words(node, args):
    container = start(node, 0, *args)
    assert node.exits["redis-0"].code == 1
    assert "kind cluster" in container.logs[-1].text


def test_a_client_that_speaks_nonsense_does_not_end_the_server(node):
    container = start(node, 0)
    for nonsense in (
        b"\xff\xfe\r\n",
        b"*-5\r\n",
        b"*1\r\n$-7\r\n",
        b"*2\r\n:1\r\n$1\r\nx\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"$99999999999\r\n",
    ):
        node.network.connect("10.244.1.9", "10.244.1.10", 6379).send(nonsense)
    assert cli(node, container, "ping") == "PONG"


BRANCHES = """
if [ "$HOSTNAME" = "redis-0" ]; then
  echo "I am the primary"
  exec redis-server --port 6379   # {comment}
else
  exec redis-server --replicaof redis-0 6379
fi{rest}
"""


def test_the_log_of_a_redis_that_a_branch_of_a_script_became_is_there_while_it_runs(node):
    script = BRANCHES.format(comment="6379 is the default", rest="")
    container = node.run("redis:7.4", ["sh", "-c", script], name="redis-0", ip="10.244.1.10")
    assert cli(node, container, "ping") == "PONG"
    lines = [line.text for line in container.logs]
    assert lines[0] == "I am the primary"
    assert "Ready to accept connections" in lines[-1]


def test_a_redis_that_a_branch_of_a_script_became_is_told_to_stop(node):
    container = node.run("redis:7.4", ["sh", "-c", BRANCHES.format(comment="", rest="")], name="redis-0")
    assert cli(node, container, "ping") == "PONG"
    container.signal("TERM")
    node.loop.run_for(1.0)
    assert "bye bye" in container.logs[-1].text


@pytest.mark.parametrize("rest", [" > /data/log", " | grep -v Ready"])
def test_what_a_script_sends_elsewhere_is_not_in_the_log(node, rest):
    script = BRANCHES.format(comment="", rest=rest)
    container = node.run("redis:7.4", ["sh", "-c", script], name="redis-0", ip="10.244.1.10")
    assert cli(node, container, "ping") == "PONG"
    assert not [line for line in container.logs if "Ready to accept" in line.text]


@pytest.mark.parametrize(
    "script",
    [
        "echo starting ping; ping -c 2 $IP",
        "ping -c 1 $IP > /tmp/x; ping -c 2 $IP",
        'test "$(ping -c 1 $IP | wc -l)" = 6 && ping -c 2 $IP',
        "until ping -c 1 $IP | grep ttl > /dev/null; do sleep 1; done; exec ping -c 2 $IP",
        "sleep 1 & ping -c 2 $IP",
    ],
)
def test_what_a_script_wants_for_itself_is_not_in_the_log_though_it_ends_with_the_same_program(node, script):
    container = node.run("busybox:1.36", ["sh", "-c", script], env={"IP": "127.0.0.1"}, name="p")
    node.loop.run_for(5)
    assert [line.text.split()[0] for line in container.logs if line.text].count("64") == 2


def ask(node, container, *lines):
    """What one connection answers to several commands."""
    script = "".join(f"{line}\\n" for line in lines)
    said = node.exec(container, "sh", "-c", f"printf '{script}' | redis-cli").stdout.split("\n")
    return [line for line in said if line]  # after an error stands an empty line


def test_wait_counts_the_replicas_that_have_a_clients_writes(node):
    primary = start(node, 0)
    assert ask(node, primary, "set a 1", "wait 0 0", "wait 1 500") == ["OK", "0", "0"]
    replicas = [start(node, n, "--replicaof", "10.244.1.10", "6379", for_s=2) for n in (1, 2)]
    assert ask(node, primary, "set a 2", "wait 1 500", "wait 5 500") == ["OK", "2", "2"]
    assert cli(node, replicas[0], "wait", "1", "500").startswith("ERR WAIT cannot be used with replica instances")
    replicas[1].signal("KILL")
    node.loop.run_for(1)
    assert ask(node, primary, "set a 3", "wait 2 500", "wait 1 500", "wait x 1", "wait 1 -1") == [
        "OK", "1", "1", "ERR value is not an integer or out of range", "ERR timeout is negative",
    ]  # fmt: skip


def test_wait_is_answered_when_a_replica_comes_and_what_follows_it_waits_too(node):
    primary = start(node, 0)
    before_s = node.loop.now_s
    node.loop.call_later(3.0, lambda: start(node, 1, "--replicaof", "10.244.1.10", "6379", for_s=0))
    assert ask(node, primary, "set a 1", "wait 1 20000", "get a") == ["OK", "1", "1"]
    assert 3 <= node.loop.now_s - before_s < 20


def test_a_paused_server_answers_no_client_and_goes_on_replicating(node):
    primary = start(node, 0)
    replica = start(node, 1, "--replicaof", "10.244.1.10", "6379", for_s=2)
    assert cli(node, primary, "client", "pause", "x").startswith("ERR timeout is not an integer")
    assert cli(node, primary, "client", "pause", "5000") == "OK"
    assert node.exec(primary, "timeout", "1", "redis-cli", "ping").code == 124
    assert replication(node, replica)["master_link_status"] == "up"
    before_s = node.loop.now_s
    assert cli(node, primary, "set", "a", "1") == "OK"
    assert 3 <= node.loop.now_s - before_s <= 5
    assert cli(node, replica, "get", "a") == "1"


def test_a_pause_of_writes_lets_read_and_can_be_ended(node):
    primary = start(node, 0)
    assert ask(node, primary, "set a 1", "client pause 60000 write", "get a", "client unpause", "set a 2", "get a") == [
        "OK", "OK", "1", "OK", "OK", "2",
    ]  # fmt: skip


def test_a_replica_without_its_primary_has_nothing_to_give_and_cannot_follow_itself(node):
    lost = start(node, 1, "--replicaof", "10.244.1.10", "6379", for_s=2)
    other = start(node, 2, "--replicaof", "10.244.1.11", "6379", for_s=2)
    alone = start(node, 3, "--replicaof", "10.244.1.13", "6379", for_s=2)
    for each in (lost, other, alone):
        assert replication(node, each)["master_link_status"] == "down"
    start(node, 0, for_s=3)
    assert replication(node, other)["master_link_status"] == "up"
    assert replication(node, alone)["master_link_status"] == "down"


def test_replicas_of_one_that_is_promoted_or_demoted_come_again_and_share_its_history(node):
    first = start(node, 0)
    middle = start(node, 1, "--replicaof", "10.244.1.10", "6379", for_s=2)
    last = start(node, 2, "--replicaof", "10.244.1.11", "6379", for_s=2)

    def histories():
        return [replication(node, each)["master_replid"] for each in (first, middle, last)]

    cli(node, first, "set", "a", "1")
    assert len(set(histories())) == 1
    cli(node, middle, "replicaof", "no", "one")
    node.loop.run_for(2)
    of_first, of_middle, of_last = histories()
    assert of_first != of_middle == of_last
    cli(node, middle, "set", "a", "2")
    cli(node, first, "replicaof", "10.244.1.11", "6379")
    node.loop.run_for(2)
    assert len(set(histories())) == 1
    assert cli(node, first, "get", "a") == "2"


def test_a_client_that_has_left_is_in_no_list_and_waits_for_nothing(node):
    container = start(node, 0)
    for number in range(5):
        cli(node, container, "set", "k", str(number))
    assert cli(node, container, "client", "list").count("id=") == 1
    node.exec(container, "sh", "-c", "printf 'BLPOP l 5\\r\\n' | timeout 1 nc -w 1 127.0.0.1 6379")
    node.loop.run_for(20)
    assert cli(node, container, "rpush", "l", "x") == "1"
    assert cli(node, container, "lrange", "l", "0", "-1") == "x"
