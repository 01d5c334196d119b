"""Files are as old as the cluster's clock says, in both shells, whoever wrote them and whoever looks."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable

import pytest

from statelab.controlplane.clock import VIRTUAL_EPOCH_S, Loop
from statelab.controlplane.runtime import ContainerSpec, Exit, Mount, Network, Runtime
from statelab.controlplane.runtime.times import Times
from statelab.controlplane.runtime.volumes import FileRecord
from tests.statelab.controlplane.runtime.conftest import Node

# Written in two ways that the runtime runs in different places: a script that both shells do alike, and one with a pipe
# to a command of bashkit's own.
WAYS = ("echo {0} > /data/{0}", "echo {0} | tee /data/{0} | rev > /dev/null")


def said(node: Node, script: str, image: str = "busybox:1.36", mounts: Iterable[Mount] = ()) -> list[str]:
    container = next((each for each in node.started if each.exit is None and each.spec.image == image), None)
    container = container or node.run(image, ["sleep", "infinity"], mounts=tuple(mounts))
    ended = node.exec(container, "sh", "-c", script)
    assert not ended.stderr, ended.stderr
    return ended.stdout.split("\n")[:-1]


@pytest.mark.parametrize("write", WAYS)
def test_a_file_is_as_old_as_the_time_that_has_passed_in_the_cluster(node: Node, write: str) -> None:
    said(node, "mkdir -p /data; " + write.format("old"), mounts=[Mount("/data", node.runtime.named_volume("pv"))])
    node.loop.run_for(200)
    said(node, write.format("young"))
    node.loop.run_for(100)
    assert said(node, "find /data -type f -mmin +3") == ["/data/old"]
    assert said(node, "find /data -type f -mmin -3 | sort") == ["/data/young"]
    assert said(node, "find /data -newer /data/old -type f; for each in $(find /data -mmin 5); do rev $each; done") == [
        "/data/young", "dlo",
    ]  # fmt: skip
    newer = "[ /data/young -nt /data/old ] && [[ /data/old -ot /data/young ]] && echo newer"
    assert said(node, f"ls -t /data; {newer}") == [
        "young", "old", "newer",
    ]  # fmt: skip
    ages = "for each in old young; do echo $(( $(date +%s) - $(stat -c %Y /data/$each) )); done; date -r /data/old +%T"
    assert [*said(node, ages)] == ["300", "100", "00:00:00"]


def test_days_pass_in_an_instant(node: Node) -> None:
    said(node, "echo a > /tmp/a")
    node.loop.run_for(3 * 86_400)
    script = (
        "echo b > /tmp/b; find /tmp -name '?' -mtime +2; find /tmp -name '?' -mtime 3; find /tmp -name '?' -mtime -1"
    )
    assert said(node, script) == ["/tmp/a", "/tmp/a", "/tmp/b"]
    assert said(node, "find /tmp -name '?' -mtime +3; ls -l /tmp/a | rev | cut -c 8-19 | rev") == ["Jan  1 00:00"]


def test_a_minute_is_counted_as_the_image_s_own_find_counts_it(node: Node) -> None:
    for image, found in (("busybox:1.36", []), ("debian:12", ["/tmp/a"])):
        said(node, "echo a > /tmp/a", image)
        node.loop.run_for(270)
        assert said(node, "find /tmp/a -mmin +4", image) == found  # busybox: five or more
        node.loop.run_for(30)
        assert said(node, "find /tmp/a -mmin +4", image) == ["/tmp/a"]


@pytest.mark.parametrize("find", ["find /data -mmin +4 {}", "ls / | rev > /dev/null; find /data -mmin +4 {}"])
def test_what_find_does_with_what_is_old(node: Node, find: str) -> None:
    said(node, "mkdir /data; echo a > '/data/a b'; cp '/data/a b' /data/c")
    node.loop.run_for(301)
    said(node, "echo d > /data/d")
    assert said(node, find.format("-type f -exec sh -c 'echo $1 | rev' _ {} ';'")) == ["b a/atad/", "c/atad/"]
    assert said(node, find.format("-printf '%f %TY %T@\\n' | sort")) == [
        f"a b 2026 {VIRTUAL_EPOCH_S + 0.5:.6f}0000", f"c 2026 {VIRTUAL_EPOCH_S + 0.5:.6f}0000",
    ]  # fmt: skip
    assert said(node, find.format("-type f -exec ls {} +")) == ["/data/a b", "/data/c"]
    assert said(node, "touch /data/old -d '1 hour ago'; find /data -type f ! -newer /data/old -delete; ls /data") == [
        "a b", "c", "d",
    ]  # fmt: skip
    assert said(node, find.format("-delete") + "; ls /data") == ["d"]
    container = node.started[0]
    said(node, "mkdir -p /data/e/f")
    node.loop.run_for(300)
    ended = node.exec(container, "sh", "-c", "find /data/e -maxdepth 0 -delete; ls /data")
    assert (ended.stdout, ended.stderr) == ("d\ne\n", "find: /data/e: Directory not empty\n")


def test_a_time_that_is_kept(node: Node) -> None:
    said(node, "mkdir /data; echo a > /data/a; echo b > /data/b")
    node.loop.run_for(600)
    said(
        node,
        "cd /data; cp -p a kept; cp a new; mv b moved; touch -r a as-a; tar cf t.tar a; mkdir x; tar xf t.tar -C x",
    )
    assert said(node, "find /data -type f -mmin +9 | sort") == [
        f"/data/{each}" for each in ("a", "as-a", "kept", "moved", "x/a")
    ]
    assert said(node, "[ /data/a -nt /data/kept ] || [ /data/kept -nt /data/a ] || echo same") == ["same"]
    exact = "2025-12-31 10:00:00.000000000 +0000"
    said(node, "touch -d '2025-12-31 10:00' /data/new")
    assert said(node, "stat -c %y /data/new; ls -t /data | tail -n 1; cd /data; ls --full-time new") == [
        exact, "new", f"-rw-r--r--    1 root     root             2 {exact} new",
    ]  # fmt: skip
    said(node, "touch -t 202512311000.30 /data/new")
    assert said(node, "cd /data; date -r new +%T; echo more >> new; date -r new +%F") == ["10:00:30", "2026-01-01"]
    assert said(node, "touch /data/a; find /data -name a -mmin +1; touch -c /data/none; ls /data/none 2>&1")[-1:] == [
        "ls: /data/none: No such file or directory"
    ]


def test_a_second_copy_of_a_volume_is_as_old_as_the_first(node: Node) -> None:
    volume = node.runtime.named_volume("pv/one")
    said(node, "mkdir /data/sub; echo a > /data/sub/a", mounts=[Mount("/data", volume)])
    node.loop.run_for(600)
    snapshot, later = node.runtime.named_volume("snapshot/one"), node.runtime.named_volume("pv/later")
    snapshot.copy_from(volume)
    later.restore(FileRecord.from_json(each.to_json()) for each in volume.changes())
    part = Mount("/part", snapshot, sub_path="sub")
    other = node.run("busybox:1.36", ["sleep", "9"], name="other", mounts=[Mount("/later", later), part])
    assert node.exec(other, "find", "/later", "/part", "-type", "f", "-mmin", "+9").stdout == "/later/sub/a\n/part/a\n"
    assert node.exec(other, "find", "/later", "-type", "d", "-mmin", "-9").stdout == "/later\n"


def test_the_journal_is_told_of_a_new_time_without_the_content(node: Node) -> None:
    volume = node.runtime.named_volume("pv/one")
    volume.write("a", b"x" * 1000)
    assert [each.content for each in volume.changes()] == [b"x" * 1000]
    node.loop.run_for(60)
    volume.write("a", b"x" * 1000)
    told = volume.changes()
    assert [(each.path, each.content, each.only_time) for each in told] == [("/a", None, True)]
    copy = node.runtime.named_volume("pv/two")
    copy.restore([FileRecord("/a", b"y", 0o644, "file"), *told])
    assert (copy.read("a"), copy.modified_s("a")) == (b"y", VIRTUAL_EPOCH_S + 60)
    assert volume.changes() == []


def test_a_config_map_is_as_old_as_its_mount_though_it_is_written_when_somebody_looks(node: Node) -> None:
    volume = node.runtime.empty_volume(read_only=True, fill=lambda volume: volume.write("key", "value"))
    said(node, "sleep 0.1", mounts=[Mount("/etc/config", volume)])
    node.loop.run_for(100)
    assert said(node, "find /etc/config -mmin -1; date -r /etc/config/key +%T") == ["00:00:00"]


@pytest.mark.parametrize(
    "compares", ["[ /tmp/b -nt /tmp/a ] && echo b", "find /tmp -name b -newer /tmp/a | rev | cut -c 1"]
)
def test_in_paced_time_a_file_is_as_old_as_the_cluster_s_clock_says(shell: str, compares: str) -> None:
    loop, woken = Loop(pace=2_000.0), threading.Event()
    began_s = loop.now_s
    runtime, exits = Runtime(loop, Network(loop), random.Random(0)), list[Exit]()
    runtime.on_message = woken.set
    script = f"echo a > /tmp/a; sleep 400; echo b > /tmp/b; find /tmp/a -mmin +5; {compares}; date -r /tmp/a +%s"
    container = runtime.create(ContainerSpec("default", "p", "uid", "main", "busybox", ["sh", "-c", script]))
    container.start(exits.append)
    for _ in range(10_000):
        loop.run_due()
        if exits:
            break
        woken.wait(min(loop.seconds_to_next() or 0.05, 0.05))
        woken.clear()
        runtime.pump()
    *found, moment = [line.text for line in container.logs]
    assert found == ["/tmp/a", "b"]
    assert began_s - 11 <= int(moment) <= container.logs[0].at_s - 389  # to five thousandths of a real second


def test_the_clock_of_a_paced_cluster_stands_to_the_computer_s_as_it_was_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    host = [1_000.0]
    monkeypatch.setattr("time.time", lambda: host[0])
    monkeypatch.setattr("time.monotonic", lambda: host[0])
    loop = Loop(pace=10.0, start_s=50_000.0)
    times = Times(loop)
    times.mark()
    host[0] += 6
    times.mark()
    assert (times.of(1_002.0), times.of(1_006.0), times.now_s) == (50_020.0, 50_060.0, 50_060.0)
    monkeypatch.setattr("time.monotonic", lambda: host[0] - 3_600)  # the machine slept
    host[0] += 3_600
    times.mark()
    assert (times.of(1_004.0), times.of(host[0])) == (50_040.0, 50_060.0)
    host[0] -= 3_000  # its clock was put back, and the cluster's goes on
    monkeypatch.setattr("time.monotonic", lambda: host[0] - 600)
    times.mark()
    host[0] += 1
    assert times.of(host[0]) == times.now_s


def test_who_writes_for_years_takes_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop(start_s=0.0)
    host = iter(range(10**9))
    monkeypatch.setattr("time.time", lambda: float(next(host)))
    times = Times(loop)
    for _ in range(50_000):
        loop.run_for(1)
        times.mark()
    told = [times.of(float(each)) for each in range(50_000)]
    assert len(times._host_s) <= 4_096
    assert told == sorted(told)
    assert told[-1_000:] == [float(each) for each in range(49_001, 50_001)]
    assert max(each - is_so for each, is_so in zip(range(1, 50_001), told, strict=True)) <= 50_000 / 400


def test_what_a_shell_and_awk_know_of_the_time_is_the_cluster_s(node: Node) -> None:
    script = "while [ $SECONDS -lt 30 ]; do sleep 7; done; echo $SECONDS $((EPOCHSECONDS - $(date +%s))); SECONDS=5"
    assert said(node, f"{script}; echo $SECONDS $(sleep 2; echo $SECONDS)") == ["35 0", "5 7"]
    awk = """awk 'BEGIN { print systime() - start, strftime("%F %H:%M", 1767225600) }' start=0; date +%s"""
    (told, day, minute), (now,) = (each.split() for each in said(node, awk))
    assert (told, day, minute) == (now, "2026-01-01", "00:00")


def test_find_knows_what_finds_of_images_know(node: Node) -> None:
    said(node, "mkdir -p /t/d; echo a > /t/a; echo bb > /t/d/b; ln -s a /t/l; chmod 700 /t/d/b", "debian:12")
    for asked, found in {
        "find . -name a -print -quit": ["./a"], "find . -iregex '.*A'": ["./a"], "find . -ipath '*/D/b'": ["./d/b"],
        "find -L . -type f": ["./a", "./d/b", "./l"], "find . -type f -executable": ["./d/b"],
        "find . -daystart -type f -mtime 0 -readable": ["./a", "./d/b"], "find . -false -o -uid 0 -name a": ["./a"],
        "find . -regextype posix-extended -regex '.*/(a|b)'": ["./a", "./d/b"],
        "find d -name b -execdir pwd ';' -execdir echo {} ';'": ["./b", "/t/d"],
        "find a -ls": ["1 1 -rw-r--r-- 1 root root 2 Jan 1 00:00 a"],
    }.items():  # fmt: skip
        assert sorted(said(node, f"cd /t; {asked} | tr -s ' '", "debian:12")) == found, asked
    container = node.started[0]
    for wrong, why in (("-mmin", "missing argument to `-mmin'"), ("-fifo x", "unknown predicate `-fifo'")):
        ended = node.exec(container, "sh", "-c", f"find /t {wrong}")
        assert (ended.code, ended.stderr) == (1, f"find: {why}\n")
