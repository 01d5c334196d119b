"""etcd: members that agree, and what a real etcd says when they cannot. The words were recorded from one."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from statelab.controlplane.runtime import Mount
from statelab.controlplane.runtime.images.etcd.raft import Raft
from statelab.controlplane.runtime.network import NetworkError
from statelab.controlplane.runtime.volumes import Volume

IMAGE = "quay.io/coreos/etcd:v3.5.21"
ALL = "http://10.244.1.1:2379,http://10.244.1.2:2379,http://10.244.1.3:2379"


def ip(number: int) -> str:
    return f"10.244.1.{number}"


class Etcd:
    """Members m1, m2, … on one node, each with its volume."""

    def __init__(self, node: Any, size: int = 3) -> None:
        self.node = node
        self.size = size
        self.volumes = {number: Volume(f"data-{number}") for number in range(1, 10)}
        self.containers: dict[int, Any] = {}

    def cluster(self, size: int) -> str:
        return ",".join(f"m{number}=http://{ip(number)}:2380" for number in range(1, size + 1))

    def start(self, number: int, *, state: str = "new", cluster: str = "", for_s: float = 3.0) -> Any:
        flags = {
            "name": f"m{number}",
            "data-dir": "/data/etcd",
            "listen-peer-urls": "http://0.0.0.0:2380",
            "listen-client-urls": "http://0.0.0.0:2379",
            "advertise-client-urls": f"http://{ip(number)}:2379",
            "initial-advertise-peer-urls": f"http://{ip(number)}:2380",
            "initial-cluster": cluster or self.cluster(self.size),
            "initial-cluster-state": state,
            "initial-cluster-token": "tok",
        }
        argv = ["etcd", *(f"--{name}={value}" for name, value in flags.items())]
        mounts = [Mount("/data", self.volumes[number])]
        self.containers[number] = self.node.run(
            IMAGE, argv, name=f"m{number}", ip=ip(number), mounts=mounts, for_s=for_s
        )
        return self.containers[number]

    def start_all(self) -> Etcd:
        for number in range(1, self.size + 1):
            self.start(number, for_s=0.1)
        self.node.loop.run_for(5.0)
        return self

    def kill(self, number: int) -> None:
        self.containers.pop(number).signal("KILL")
        self.node.loop.run_for(0.1)

    def ctl(self, *argv: str, on: int = 0, endpoints: str = ALL, **more: Any) -> Any:
        container = self.containers[on or min(self.containers)]
        return self.node.exec(container, "etcdctl", f"--endpoints={endpoints}", *argv, **more)

    def leader(self) -> int:
        rows = self.ctl("endpoint", "status", endpoints=",".join(f"http://{ip(each)}:2379" for each in self.containers))
        return next(
            int(line.split("//10.244.1.")[1][0]) for line in rows.stdout.splitlines() if ", true, false," in line
        )


@pytest.fixture
def etcd(node: Any) -> Etcd:
    return Etcd(node).start_all()


def test_three_members_from_names_elect_one_leader_and_agree(etcd: Etcd) -> None:
    assert etcd.ctl("put", "a", "1").stdout == "OK\n"
    assert etcd.ctl("put", "a", "2", "--prev-kv").stdout == "OK\na\n1\n"
    for number in (1, 2, 3):
        assert etcd.ctl("get", "a", on=number, endpoints=f"{ip(number)}:2379").stdout == "a\n2\n"
    status = etcd.ctl("endpoint", "status").stdout.splitlines()
    assert sum(", true, false, 2, " in line for line in status) == 1
    assert len({line.split(", ")[1] for line in status}) == 3


def test_ids_are_those_that_a_real_etcd_gives() -> None:
    from statelab.controlplane.runtime.images.etcd.config import cluster_id, member_id

    members = [member_id([f"http://127.0.0.1:{each}2380"], "tok") for each in (1, 2, 3)]
    assert [f"{each:x}" for each in members] == ["d622127685879b3c", "117b9266988c4966", "ca7a34e16cff9c1b"]
    assert f"{cluster_id(members):x}" == "f7d1d29ba4cd2368"


def test_what_etcdctl_prints(etcd: Etcd) -> None:
    etcd.ctl("put", "dir/x", "1")
    etcd.ctl("put", "dir/y", "2")
    assert etcd.ctl("get", "dir", "--prefix").stdout == "dir/x\n1\ndir/y\n2\n"
    assert etcd.ctl("get", "dir", "--prefix", "--keys-only").stdout == "dir/x\n\ndir/y\n\n"
    assert etcd.ctl("get", "--prefix", "dir", "--print-value-only").stdout == "1\n2\n"
    assert etcd.ctl("get", "", "--prefix", "--limit", "1").stdout == "dir/x\n1\n"
    assert (etcd.ctl("get", "nope").stdout, etcd.ctl("get", "nope").code) == ("", 0)
    assert etcd.ctl("del", "dir/x", "--prev-kv").stdout == "1\ndir/x\n1\n"
    assert etcd.ctl("del", "nope").stdout == "0\n"
    assert etcd.ctl("compact", "3").stdout == "compacted revision 3\n"
    gone = etcd.ctl("get", "a", "--rev=1")
    assert gone.code == 1 and gone.stderr.endswith("Error: etcdserver: mvcc: required revision has been compacted\n")
    ahead = etcd.ctl("get", "a", "--rev=999")
    assert ahead.stderr.endswith("Error: etcdserver: mvcc: required revision is a future revision\n")
    table = etcd.ctl("member", "list", "-w", "table").stdout.splitlines()
    names = ["ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS", "IS LEARNER"]
    assert [each.strip() for each in table[1].strip("|").split("|")] == names
    assert len({len(line) for line in table}) == 1 and table[0] == table[2] == table[-1]


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["put"], 128, "Error: put command needs 1 argument and input from stdin or 2 arguments"),
        (["get"], 128, "Error: get command needs one argument as key and an optional argument as range_end"),
        (["frob"], 1, 'Error: unknown command "frob" for "etcdctl"'),
        (["get", "a", "--bar"], 1, "Error: unknown flag: --bar"),
        (["member", "add", "m4"], 128, "Error: member peer urls not provided"),
        (["member", "remove", "12345"], 1, "Error: etcdserver: member not found"),
        (["move-leader", "1"], 1, "Error: etcdserver: bad leader transferee"),
        (["watch"], 128, "Error: bad number of arguments"),
        (["put", "--lease=123", "a", "1"], 1, "Error: etcdserver: requested lease not found"),
        (["snapshot", "save", "/data/s.db"], 5, "Error: snapshot must be requested to one selected node, not multiple"),
        (["lock", "a"], 1, "Error: statelab: etcdctl lock is not built in"),
    ],
)
def test_slips_are_told_as_etcdctl_tells_them(etcd: Etcd, argv: list[str], code: int, said: str) -> None:
    leader = etcd.leader()
    endpoints = ALL if argv[0] == "snapshot" else f"http://{ip(leader)}:2379"
    done = etcd.ctl(*argv, endpoints=endpoints)
    assert done.code == code
    assert said in done.stderr


def test_one_of_three_is_no_quorum(node: Any) -> None:
    etcd = Etcd(node)
    etcd.start(1)
    done = etcd.ctl("put", "a", "1", "--command-timeout=1s", endpoints="http://10.244.1.1:2379")
    assert (done.code, done.stderr.splitlines()[-1]) == (1, "Error: context deadline exceeded")
    health = etcd.ctl("endpoint", "health", "--command-timeout=1s", endpoints="http://10.244.1.1:2379")
    said = "http://10.244.1.1:2379 is unhealthy: failed to commit proposal: context deadline exceeded\n"
    assert health.stderr.endswith(f"{said}Error: unhealthy cluster\n")
    etcd.start(2)
    assert etcd.ctl("put", "a", "1", endpoints="http://10.244.1.1:2379").stdout == "OK\n"


def test_lose_one_and_it_goes_on_lose_two_and_nothing_is_acknowledged(etcd: Etcd, node: Any) -> None:
    etcd.ctl("put", "a", "1")
    first = etcd.leader()
    etcd.kill(first)
    node.loop.run_for(5.0)
    second = etcd.leader()
    assert second != first
    assert etcd.ctl("put", "a", "2").stdout == "OK\n"
    etcd.kill(second)
    node.loop.run_for(5.0)
    alone = f"http://{ip(min(etcd.containers))}:2379"
    assert etcd.ctl("put", "a", "3", "--command-timeout=2s", endpoints=alone).code == 1
    assert etcd.ctl("get", "a", "--command-timeout=2s", endpoints=alone).code == 1
    assert etcd.ctl("get", "a", "--consistency=s", endpoints=alone).stdout == "a\n2\n"
    assert etcd.ctl("endpoint", "status", endpoints=alone).stdout.endswith(", etcdserver: no leader\n")
    etcd.start(first)
    node.loop.run_for(5.0)
    assert etcd.ctl("get", "a").stdout == "a\n2\n"  # what was not acknowledged did not happen, or at least not here


def test_a_member_whose_volume_was_wiped_is_refused_under_its_old_id(etcd: Etcd, node: Any) -> None:
    etcd.kill(3)
    etcd.volumes[3] = Volume("new")
    etcd.start(3)
    assert node.exits["m3"].code == 1
    log = "".join(line.text for line in node.started[-1].logs)
    assert "has already been bootstrapped" in log
    member = next(line.split(",")[0] for line in etcd.ctl("member", "list").stdout.splitlines() if "m3" in line)
    node.loop.run_for(6.0)
    assert etcd.ctl("member", "remove", member).stdout.startswith(f"Member {member:>16} removed from cluster ")
    added = etcd.ctl("member", "add", "m3", f"--peer-urls=http://{ip(3)}:2380").stdout
    assert 'ETCD_INITIAL_CLUSTER_STATE="existing"' in added
    etcd.start(3, state="existing")
    assert etcd.ctl("get", "", "--prefix", on=3, endpoints=f"{ip(3)}:2379").code == 0
    listed = etcd.ctl("member", "list").stdout
    assert member not in listed and listed.count("started") == 3


def test_a_snapshot_begins_a_new_cluster_and_one_that_was_cut_does_not(etcd: Etcd, node: Any) -> None:
    etcd.ctl("put", "a", "1")
    one = "http://10.244.1.1:2379"
    assert etcd.ctl("snapshot", "save", "/data/s.db", endpoints=one).stdout == "Snapshot saved at /data/s.db\n"
    content = etcd.volumes[1].read("s.db")
    etcd.volumes[9].write("s.db", content)
    assert (len(content) % 512, len(content) >= 5 * 4096) == (32, True), "pages of a database, and a hash"
    etcd.volumes[9].write("cut.db", content[:512])
    etcd.volumes[9].write("worse.db", content[: 512 + 32])
    busy = etcd.start(9, cluster=f"m9=http://{ip(9)}:2380")
    cut = node.exec(busy, "etcdutl", "snapshot", "restore", "/data/cut.db", "--data-dir=/data/other")
    assert (cut.code, cut.stderr.splitlines()[-1]) == (1, "Error: snapshot missing hash but --skip-hash-check=false")
    worse = node.exec(busy, "etcdutl", "snapshot", "restore", "/data/worse.db", "--data-dir=/data/other")
    assert worse.code == 1 and "Error: expected sha256 [32 " in worse.stderr and "], got [" in worse.stderr
    for name, url, why in (
        ("m8", "http://10.0.0.9:2380", 'couldn\'t find local name "m8" in the initial cluster configuration'),
        ("m9", "http://10.0.0.8:2380", "--initial-cluster has m9=http://10.0.0.9:2380 but missing from --initial-adv"),
    ):
        refused = node.exec(
            busy, "etcdutl", "snapshot", "restore", "/data/s.db", "--data-dir=/data/none", f"--name={name}",
            "--initial-cluster=m9=http://10.0.0.9:2380", f"--initial-advertise-peer-urls={url}",
        )  # fmt: skip
        assert refused.code == 1
        assert refused.stderr.startswith(f"Error: {why}")
    restored = node.exec(
        busy, "etcdutl", "snapshot", "restore", "/data/s.db", "--data-dir=/data/new", "--name=m9",
        f"--initial-cluster=m9=http://{ip(9)}:2380", f"--initial-advertise-peer-urls=http://{ip(9)}:2380",
    )  # fmt: skip
    assert restored.code == 0, restored.stderr
    etcd.kill(9)
    flags = ["--name=m9", "--data-dir=/data/new", "--listen-client-urls=http://0.0.0.0:2379"]
    flags += [f"--advertise-client-urls=http://{ip(9)}:2379", "--listen-peer-urls=http://0.0.0.0:2380"]
    mounts = [Mount("/data", etcd.volumes[9])]
    etcd.containers[9] = node.run(IMAGE, ["etcd", *flags], name="m9", ip=ip(9), mounts=mounts, for_s=3.0)
    assert etcd.ctl("get", "a", on=9, endpoints=f"{ip(9)}:2379").stdout == "a\n1\n"


def test_a_leader_that_is_told_to_stop_hands_over(etcd: Etcd, node: Any) -> None:
    first = etcd.leader()
    etcd.containers.pop(first).signal("TERM")
    node.loop.run_for(0.6)  # less than an election timeout
    assert node.exits[f"m{first}"].code == 0
    assert etcd.leader() != first


def test_transactions_watches_and_leases(etcd: Etcd, node: Any) -> None:
    etcd.ctl("put", "dir/x", "1")
    wanted = 'value("dir/x") = "1"\n\nput z 1\nget z\n\nput z 2\n\n'
    assert etcd.ctl("txn", stdin=wanted.encode()).stdout == "SUCCESS\n\nOK\n\nz\n1\n"
    granted = etcd.ctl("lease", "grant", "10").stdout
    lease = granted.split()[1]
    assert granted == f"lease {lease} granted with TTL(10s)\n"
    etcd.ctl("put", f"--lease={lease}", "session", "me")
    assert etcd.ctl("get", "session").stdout == "session\nme\n"
    node.loop.run_for(15.0)
    assert etcd.ctl("get", "session").stdout == ""
    assert etcd.ctl("lease", "timetolive", lease).stdout == f"lease {lease} already expired\n"


# ---- partitions


class Partition:
    """Cuts the network into groups that do not reach each other; what was open between them is closed."""

    def __init__(self, node: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.network = node.network
        self.groups: list[set[str]] = []
        connect = self.network.connect

        def guarded(source: str, host: str, port: int, **more: Any) -> Any:
            if self._apart(source, host):
                raise NetworkError("no route to host", 1.0)
            connection = connect(source, host, port, **more)
            self.open.append(connection)
            return connection

        self.open: list[Any] = []
        monkeypatch.setattr(self.network, "connect", guarded)

    def _apart(self, one: str, other: str) -> bool:
        return any((one in group) != (other in group) for group in self.groups)

    def cut(self, group: set[str]) -> None:
        self.groups = [group]
        for each in self.open:
            if not each.closed and self._apart(each.local[0], each.remote[0]):
                each.close()
                each.peer.close()
        self.open = [each for each in self.open if not each.closed]

    def heal(self) -> None:
        self.groups = []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_partition_loses_an_acknowledged_write_or_makes_two_leaders_of_one_term(
    node: Any, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    random = Random(seed)
    network = Partition(node, monkeypatch)
    leaders: dict[int, set[int]] = {}
    lead = Raft._lead
    monkeypatch.setattr(Raft, "_lead", lambda raft: (leaders.setdefault(raft.term, set()).add(raft.id), lead(raft))[1])
    etcd = Etcd(node, 5).start_all()
    acknowledged: dict[str, str] = {}
    for number in range(100):
        members = [ip(each) for each in random.sample(range(1, 6), random.choice([1, 2, 3]))]
        network.cut(set(members))
        node.loop.run_for(random.uniform(0.2, 4.0))
        on = random.randint(1, 5)
        key, value = f"k{number}", str(number)
        done = etcd.ctl("put", key, value, "--command-timeout=2s", on=on, endpoints=f"{ip(on)}:2379")
        if done.stdout == "OK\n":
            acknowledged[key] = value  # one that was not may have happened all the same
        network.heal()
        node.loop.run_for(random.uniform(0.2, 4.0))
    node.loop.run_for(10.0)
    for number in range(1, 6):
        for key, value in acknowledged.items():
            said = etcd.ctl("get", key, on=number, endpoints=f"{ip(number)}:2379").stdout
            assert said == f"{key}\n{value}\n", f"m{number} has lost an acknowledged write"
    assert len(leaders) > 5
    assert all(len(each) == 1 for each in leaders.values())
    assert 30 < len(acknowledged) < 100


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["--name=x", "--initial-cluster=m1=http://10.244.1.1:2380"], 1, 'couldn\'t find local name \\"x\\"'),
        (
            ["--name=m1", "--initial-cluster=m1=http://10.244.1.1:2380"],
            1,
            "--initial-cluster has m1=http://10.244.1.1:2380 but missing from "
            "--initial-advertise-peer-urls=http://localhost:2380",
        ),
        (["--listen-client-urls=http://0.0.0.0:2379"], 1, "--advertise-client-urls is required"),
        (["--initial-cluster=foo"], 1, "URL scheme must be http, https, unix, or unixs"),
        (["--initial-cluster=m1=foo"], 1, "URL scheme must be http, https, unix, or unixs: foo"),
        (["--initial-cluster-state=frob"], 2, 'invalid value "frob" for flag -initial-cluster-state'),
        (["--frob"], 2, "flag provided but not defined: -frob"),
        (["--heartbeat-interval=500"], 1, "--election-timeout[1000ms] should be at least as 5 times"),
        (["--listen-peer-urls=http://m1.etcd:2380"], 1, "expected IP in URL for binding (http://m1.etcd:2380)"),
        (
            ["--force-new-cluster"],
            1,
            "statelab: --force-new-cluster is not built in: this etcd knows",
        ),
        (["--cert-file=/x"], 1, "statelab: --cert-file is not built in: this etcd knows no TLS"),
    ],
)
def test_what_it_cannot_start_with_it_says(node: Any, argv: list[str], code: int, said: str) -> None:
    container = node.run(IMAGE, ["etcd", *argv], name="m1", ip=ip(1))
    assert node.exits["m1"].code == code
    assert said in "".join(line.text for line in container.logs)


def test_a_request_before_there_is_a_leader_waits_and_health_says_why(node: Any) -> None:
    etcd = Etcd(node)
    etcd.start(1)
    busybox = node.run("busybox:1.36", ["sleep", "1000"], name="client", ip="10.244.2.1")
    assert node.exec(busybox, "wget", "-T", "1", "-qO-", f"http://{ip(1)}:2379/health").code == 1
    etcd.start(2)
    said = node.exec(busybox, "wget", "-qO-", f"http://{ip(1)}:2379/health")
    assert said.stdout == '{"health":"true","reason":""}'
    etcd.kill(2)
    node.loop.run_for(5.0)
    said = node.exec(busybox, "curl", "-s", "-w", " %{http_code}", f"http://{ip(1)}:2379/health")
    assert said.stdout == '{"health":"false","reason":"RAFT NO LEADER"} 503'


def test_a_member_that_is_alone_beats_for_nobody_and_begins_when_the_second_is_added(node: Any) -> None:
    alone = Etcd(node, size=1).start_all()
    woken: list[float] = []
    node.loop.run_until(lambda: bool(woken.append(node.loop.now_s)), timeout_s=60.0)  # type: ignore[func-returns-value]
    assert len(woken) < 60  # ten beats a second would be 600
    one = f"http://{ip(1)}:2379"
    assert alone.ctl("member", "add", "m2", f"--peer-urls=http://{ip(2)}:2380", endpoints=one).code == 0
    alone.start(2, state="existing", cluster=alone.cluster(2))
    assert alone.ctl("put", "a", "1", endpoints=one).code == 0
    node.loop.run_for(30.0)
    status = alone.ctl("endpoint", "status", endpoints=f"{one},http://{ip(2)}:2379").stdout
    assert status.count(", true, false,") == 1
    assert {line.split(", ")[6] for line in status.splitlines()} == {"2"}, status  # nobody had to elect anew
