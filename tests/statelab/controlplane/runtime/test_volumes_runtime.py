"""Volumes: mounted, shared, read-only, by subPath; what is told to the journal, and put back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from statelab.controlplane.runtime import FileRecord, Mount, Volume


def test_data_outlive_the_container_that_wrote_them(node):
    volume = Volume("pv")
    first = node.run(command=["sleep", "1d"], mounts=[Mount("/data", volume)])
    node.exec(
        first, "sh", "-c", "mkdir -p /data/a; echo kept > /data/a/page; ln -s a/page /data/link; chmod 600 /data/a/page"
    )
    first.signal("KILL")
    node.loop.run_for(1)
    second = node.run(command=["sleep", "1d"], mounts=[Mount("/data", volume)], ip="10.244.1.6")
    assert node.exec(second, "cat", "/data/a/page", "/data/link").stdout == "kept\nkept\n"
    assert volume.list() == ["/a/", "/a/page", "/link"]


def test_what_is_not_on_a_volume_is_gone_with_the_container(node):
    first = node.run(command=["sleep", "1d"])
    node.exec(first, "sh", "-c", "echo x > /tmp/file")
    second = node.run(command=["sleep", "1d"], ip="10.244.1.6")
    assert node.exec(second, "cat", "/tmp/file").code == 1


def test_two_containers_of_a_pod_share_an_empty_dir(node):
    shared = Volume()
    writer = node.sh("while true; do date +%s >> /out/log; sleep 1; done", mounts=[Mount("/out", shared)])
    reader = node.run("nginx:1.27", name="reader", mounts=[Mount("/usr/share/nginx/html", shared, read_only=True)])
    node.loop.run_for(3)
    assert len(node.exec(reader, "curl", "-s", "localhost/log").stdout.split()) >= 3
    refused = node.exec(reader, "sh", "-c", "echo x > /usr/share/nginx/html/x")
    assert refused.code == 1 and "read-only" in refused.stderr.lower()
    assert writer.exit is None


def test_who_runs_already_finds_what_another_has_mounted_by_sub_path_since(node):
    volume = Volume("pv")
    etcd = node.run("quay.io/coreos/etcd:v3.5.21", name="etcd", mounts=[Mount("/all", volume)], for_s=3.0)
    whole = node.run("redis:7", name="whole", ip="10.244.1.6", mounts=[Mount("/data", volume)], for_s=1.0)
    assert node.exec(etcd, "etcdctl", "snapshot", "save", "/all/first.db").code == 0
    part = node.run(command=["sleep", "1d"], ip="10.244.1.7", mounts=[Mount("/in", volume, "runs/two")])
    node.exec(whole, "sh", "-c", "cp /data/first.db /data/runs/two/second.db")
    assert node.exec(etcd, "etcdutl", "snapshot", "status", "/all/runs/two/second.db").code == 0
    assert node.exec(part, "ls", "/in").stdout.split() == ["second.db"]


def test_a_sub_path_is_a_part_of_the_volume_seen_by_those_who_mount_it_whole(node):
    volume = Volume("pv")
    volume.write("mysql/old", "before")
    part = node.run(command=["sleep", "1d"], mounts=[Mount("/var/lib/mysql", volume, "mysql")])
    assert node.exec(part, "cat", "/var/lib/mysql/old").stdout == "before"
    node.exec(part, "sh", "-c", "echo new > /var/lib/mysql/new")
    whole = node.run(command=["sleep", "1d"], name="whole", ip="10.244.1.6", mounts=[Mount("/all", volume)])
    assert node.exec(whole, "cat", "/all/mysql/new", "/all/mysql/old").stdout == "new\nbefore"
    assert volume.read("mysql/new") == b"new\n"
    assert "/mysql/new" in volume.list()


def test_a_file_of_a_volume_can_be_mounted_on_its_own(node):
    config = Volume("config", read_only=True)
    config.write("nginx.conf", "server { listen 8081; }\n")
    container = node.run("nginx:1.27", mounts=[Mount("/etc/nginx/conf.d/default.conf", config, "nginx.conf")])
    assert node.network.listening("10.244.1.5") == [8081]
    assert node.exec(container, "ls", "/etc/nginx/conf.d").stdout == "default.conf\n"


def test_a_link_out_of_a_volume_leads_nowhere_but_into_the_reader(node):
    volume = Volume("pv")
    bad = node.run(command=["sleep", "1d"], mounts=[Mount("/data", volume)])
    node.exec(
        bad, "sh", "-c", "ln -s /etc/passwd /data/a; ln -s ../../../../../../etc/shadow /data/b; ln -s /data/c /data/c"
    )
    web = node.run("nginx:1.27", name="web", ip="10.244.1.6", mounts=[Mount("/usr/share/nginx/html", volume)])
    assert node.exec(web, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "localhost/b").stdout == "404"
    assert node.exec(web, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "localhost/c").code == 0
    with pytest.raises(OSError):
        volume.read("/b")


@pytest.mark.parametrize(
    ("path", "sub_path", "words"),
    [
        ("/etc/hosts", "", "Are you trying to mount a directory onto a file"),
        ("/usr/share/nginx/html/index.html", "", "Are you trying to mount a directory onto a file"),
        ("/usr/share/nginx/html/index.html/x", "", "not a directory"),
        ("/etc", "file", "Are you trying to mount a directory onto a file"),
        ("/data", "file/below", 'failed to prepare subPath "file/below" of "www"'),
        ("/da\nta", "", "cannot have such a path"),
        ("/a" * 150, "", "cannot have such a path"),
    ],
)
def test_a_mount_that_cannot_be_is_a_start_error(node, path, sub_path, words):
    volume = Volume("www")
    volume.write("file", "x")
    node.run("nginx:1.27", mounts=[Mount(path, volume, sub_path)])
    ended = node.exits["web-0"]
    assert (ended.code, ended.reason) == (128, "StartError")
    assert words in ended.message


@pytest.mark.parametrize("path", ["/", "/proc", "/dev", "/bin/sh", "/etc/passwd/x", "/x/../..//y", "/tmp", "/data:z"])
def test_a_volume_can_be_mounted_in_odd_places(node, path):
    volume = Volume("v")
    container = node.run(command=["sleep", "1d"], mounts=[Mount(path, volume)])
    assert node.exec(container, "echo", "alive").stdout == "alive\n"


def test_changes_are_told_once(node):
    volume = Volume("pv")
    volume.write("a/one", b"\xff\x00")
    assert volume.changes() == [
        FileRecord("/a", b"", 0o755, "directory"), FileRecord("/a/one", b"\xff\x00", 0o644, "file"),
    ]  # fmt: skip
    assert volume.changes() == []
    container = node.run(command=["sleep", "1d"], mounts=[Mount("/data", volume)])
    node.exec(container, "sh", "-c", "rm -r /data/a; ln -s x /data/l; echo 2 > /data/two")
    told = volume.changes()
    assert [(each.path, each.content) for each in told] == [
        ("/l", b"x"),
        ("/two", b"2\n"),
        ("/a/one", None),
        ("/a", None),
    ]


names = st.sampled_from(["a", "b", "a/c", "a/d", "a/c/e", "f", "f/g"])
operation = st.one_of(
    st.tuples(st.just("write"), names, st.binary(max_size=20)),
    st.tuples(st.just("remove"), names, st.just(b"")),
    st.tuples(st.just("mkdir"), names, st.just(b"")),
    st.tuples(st.just("part"), names, st.just(b"")),
    st.tuples(st.just("told"), names, st.just(b"")),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(operation, max_size=25))
def test_a_volume_restored_from_its_changes_is_the_same_volume(steps):
    volume, copy = Volume(), Volume()
    for what, path, content in steps:
        try:
            if what == "write":
                volume.write(path, content)
            elif what == "remove":
                volume.remove(path)
            elif what == "mkdir":
                volume.make_directory(path)
            elif what == "part":
                if not volume.is_file(path):
                    volume.part(path)
            else:
                copy.restore(volume.changes())
        except OSError:
            continue
    copy.restore(FileRecord.from_json(each.to_json()) for each in volume.changes())
    assert copy.list() == volume.list()
    assert [copy.read(path) for path in copy.list() if path[-1] != "/"] == [
        volume.read(path) for path in volume.list() if path[-1] != "/"
    ]
